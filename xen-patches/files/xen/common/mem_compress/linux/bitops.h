/* SPDX-License-Identifier: GPL-2.0-only */
/* For lib/lz4 of Linux: what lz4defs.h takes for granted with this. */
#ifndef MEM_COMPRESS_LINUX_BITOPS_H
#define MEM_COMPRESS_LINUX_BITOPS_H

#include <linux/kernel.h>

#ifndef __always_inline
#define __always_inline     always_inline
#endif

/* Which word size and byte order it is made for: little-endian 64 bits. */
#ifndef CONFIG_64BIT
#define CONFIG_64BIT
#endif

/* The lowest set bit of a word that is not 0, from 0 on. */
#define __ffs(word)         ((unsigned int)__builtin_ctzl(word))

/* lz4defs.h has its own, for numbers of its own. */
#undef KB
#undef MB
#undef GB

#endif /* MEM_COMPRESS_LINUX_BITOPS_H */
