/* SPDX-License-Identifier: GPL-2.0-only */
/* For lib/lz4 of Linux: Xen has the same types. */
#ifndef MEM_COMPRESS_LINUX_TYPES_H
#define MEM_COMPRESS_LINUX_TYPES_H

#include <xen/types.h>

#endif /* MEM_COMPRESS_LINUX_TYPES_H */
