/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For lib/lzo and lib/lz4 of Linux: types, min(), memcpy() and so on are as in
 * Xen; Linux's names for what the CPU can do are not.
 */
#ifndef MEM_COMPRESS_LINUX_KERNEL_H
#define MEM_COMPRESS_LINUX_KERNEL_H

#include <xen/lib.h>
#include <xen/string.h>
#include <xen/types.h>

/* Words of 64 bits, at any address: lzodefs.h asks for it by architecture. */
#if defined(__aarch64__) && !defined(CONFIG_ARM64)
#define CONFIG_ARM64
#elif defined(__x86_64__) && !defined(CONFIG_X86_64)
#define CONFIG_X86_64
#endif

#if defined(CONFIG_ARM64) || defined(CONFIG_X86_64)
#define CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS
#endif

#endif /* MEM_COMPRESS_LINUX_KERNEL_H */
