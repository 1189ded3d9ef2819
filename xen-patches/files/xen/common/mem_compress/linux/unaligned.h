/* SPDX-License-Identifier: GPL-2.0-only */
/* For lib/lzo and lib/lz4 of Linux: Xen has the same helpers. */
#ifndef MEM_COMPRESS_LINUX_UNALIGNED_H
#define MEM_COMPRESS_LINUX_UNALIGNED_H

#include <xen/unaligned.h>

#endif /* MEM_COMPRESS_LINUX_UNALIGNED_H */
