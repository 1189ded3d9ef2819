/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stand-in for Xen's public/xen.h.
 *
 * The public header mem_compress.h begins with #include "xen.h". Linux carries
 * the same types under names of its own; this maps the ones that the guest
 * half of the interface uses, so that the driver is built from the very file
 * that the hypervisor is built from.
 */

#ifndef _XEN_MEMCOMPRESS_COMPAT_XEN_H
#define _XEN_MEMCOMPRESS_COMPAT_XEN_H

#include <linux/types.h>
#include <xen/interface/xen.h>

#define XEN_GUEST_HANDLE(name)		GUEST_HANDLE(name)
#define DEFINE_XEN_GUEST_HANDLE(name)	DEFINE_GUEST_HANDLE(name)

#endif /* _XEN_MEMCOMPRESS_COMPAT_XEN_H */
