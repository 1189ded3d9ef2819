/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_XEN_LIB_H
#define SHIM_XEN_LIB_H

#include <xen/types.h>

#define ARRAY_SIZE(x)   (sizeof(x) / sizeof((x)[0]))
#define ROUNDUP(x, a)   (((x) + (a) - 1) & ~((a) - 1))
#define BUILD_BUG_ON(c) ((void)sizeof(char[1 - 2 * !!(c)]))

/* Strict about types, as Xen's are. */
#define min(x, y) ({                    \
        const typeof(x) x_ = (x);       \
        const typeof(y) y_ = (y);       \
        (void)(&x_ == &y_);             \
        x_ < y_ ? x_ : y_;              \
})
#define max(x, y) ({                    \
        const typeof(x) x_ = (x);       \
        const typeof(y) y_ = (y);       \
        (void)(&x_ == &y_);             \
        x_ > y_ ? x_ : y_;              \
})
#define min_t(type, x, y) ({            \
        const type x_ = (x);            \
        const type y_ = (y);            \
        x_ < y_ ? x_ : y_;              \
})

#endif
