/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What xen-memcompress asks of Xen: domctls of the controller, the list of
 * domains; and of xenstore: what it knows of them.
 */
#ifndef XMC_HYPERCALL_H
#define XMC_HYPERCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/domctl.h>

/* Bytes of the area that Xen copies data to. */
#define XMC_DATA_BYTES  32768U

/* Opens the devices; says what is wrong and exits if it cannot. */
void xmc_open(void);

/* Where Xen puts data of get_stats, get_hist, get_states and read_object. */
void *xmc_data(void);

/*
 * One operation on a domain, with @op copied in and out and its data handle
 * (where it has one) pointed at xmc_data().  0, or a negative errno.
 */
int xmc_op(unsigned int domid, struct xen_domctl_mem_compress_op *op);

/* Existing domains from @first on; their number, or a negative errno. */
int xmc_domains(unsigned int first, domid_t ids[], unsigned int max);

/*
 * A key below a domain's folder in xenstore, for example "memory/target": its
 * value ("" if there is none, or no xenstore), and set or, with NULL, removed.
 * 0, or a negative errno.
 */
int xmc_key(unsigned int domid, const char *key, char *value, size_t size);
int xmc_set_key(unsigned int domid, const char *key, const char *value);

/* The name of a domain, "" if xenstore does not know it (or is not there). */
static inline void xmc_name(unsigned int domid, char *name, size_t size)
{
    xmc_key(domid, "name", name, size);
}

#endif /* XMC_HYPERCALL_H */
