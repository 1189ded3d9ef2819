/* SPDX-License-Identifier: GPL-2.0-only */
/* As in Xen, included ahead of every file: what the compiler is told. */
#ifndef SHIM_XEN_CONFIG_H
#define SHIM_XEN_CONFIG_H

#define likely(x)       __builtin_expect(!!(x), 1)
#define unlikely(x)     __builtin_expect(!!(x), 0)
#define always_inline   inline __attribute__((__always_inline__))
#define noinline        __attribute__((__noinline__))
#define __packed        __attribute__((__packed__))
#define cf_check

#ifndef __LITTLE_ENDIAN
#define __LITTLE_ENDIAN 1234
#endif

#endif
