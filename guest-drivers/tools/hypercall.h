/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes Xen itself read pages of this process. */

#ifndef HYPERCALL_H
#define HYPERCALL_H

#include "region.h"

/**
 * hypercall_reads() - have Xen read the first bytes of every page, in order
 * @region: the memory; nothing of it is touched by this process
 * @order: page indices
 * @out: result for page i at [i]: 0, or the errno, as Xen gave it
 *
 * The call is memory_op(XENMEM_maximum_gpfn, page): Xen copies a domain id
 * from the page, writes nothing, and mostly answers that there is no such
 * domain (ESRCH). EFAULT would mean that Xen could not read the page.
 *
 * Return: 0, or -1 with errno where hypercalls cannot be made.
 */
int hypercall_reads(const struct region *region, const uint32_t *order,
		    uint64_t *out);

#endif /* HYPERCALL_H */
