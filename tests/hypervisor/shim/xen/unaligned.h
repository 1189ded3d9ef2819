/* SPDX-License-Identifier: GPL-2.0-only */
/* For little-endian hosts. */
#ifndef SHIM_XEN_UNALIGNED_H
#define SHIM_XEN_UNALIGNED_H

#include <string.h>

#include <xen/types.h>

#define get_unaligned_t(type, ptr) ({                                   \
        const struct { type x; } __packed *ptr_ = (typeof(ptr_))(ptr);  \
        ptr_->x;                                                        \
})
#define put_unaligned_t(type, val, ptr) do {                            \
        struct { type x; } __packed *ptr_ = (typeof(ptr_))(ptr);        \
        ptr_->x = (val);                                                \
} while ( 0 )

#define get_unaligned(ptr)      get_unaligned_t(typeof(*(ptr)), ptr)
#define put_unaligned(val, ptr) put_unaligned_t(typeof(*(ptr)), val, ptr)

static inline uint16_t get_unaligned_le16(const void *p)
{
    return get_unaligned_t(uint16_t, p);
}

static inline uint32_t get_unaligned_le32(const void *p)
{
    return get_unaligned_t(uint32_t, p);
}

static inline uint64_t get_unaligned_le64(const void *p)
{
    return get_unaligned_t(uint64_t, p);
}

static inline void put_unaligned_le16(uint16_t val, void *p)
{
    put_unaligned_t(uint16_t, val, p);
}

static inline void put_unaligned_le32(uint32_t val, void *p)
{
    put_unaligned_t(uint32_t, val, p);
}

static inline void put_unaligned_le64(uint64_t val, void *p)
{
    put_unaligned_t(uint64_t, val, p);
}

#endif
