/* SPDX-License-Identifier: GPL-2.0-only */
/* For lib/lzo and lib/lz4 of Linux: there are no modules here. */
#ifndef MEM_COMPRESS_LINUX_MODULE_H
#define MEM_COMPRESS_LINUX_MODULE_H

/* Xen's own leaves a semicolon alone. */
#undef EXPORT_SYMBOL

/* At file scope, and followed by a semicolon. */
#define EXPORT_SYMBOL(sym)              struct mc_linux_unused
#define EXPORT_SYMBOL_GPL(sym)          struct mc_linux_unused
#define MODULE_LICENSE(license)         struct mc_linux_unused
#define MODULE_DESCRIPTION(desc)        struct mc_linux_unused

#endif /* MEM_COMPRESS_LINUX_MODULE_H */
