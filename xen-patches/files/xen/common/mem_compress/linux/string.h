/* SPDX-License-Identifier: GPL-2.0-only */
/* For lib/lz4 of Linux: Xen has the same functions. */
#ifndef MEM_COMPRESS_LINUX_STRING_H
#define MEM_COMPRESS_LINUX_STRING_H

#include <xen/string.h>

#endif /* MEM_COMPRESS_LINUX_STRING_H */
