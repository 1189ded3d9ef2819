/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of a pretended machine: an arena that tests get pages from (pages.c),
 * with the frame numbers of a machine that has its memory high up, so that
 * all 36 bits are used.
 */
#ifndef SHIM_XEN_MM_H
#define SHIM_XEN_MM_H

#include <xen/types.h>

#define SHIM_FIRST_MFN  0xfedcb0000ULL

typedef struct { uint64_t mfn; } mfn_t;

extern uint8_t *shim_arena;

bool shim_mfn_valid(uint64_t mfn);

static inline mfn_t _mfn(uint64_t mfn)
{
    return (mfn_t){ mfn };
}

static inline bool mfn_valid(mfn_t mfn)
{
    return shim_mfn_valid(mfn.mfn);
}

#define __virt_to_mfn(va) \
    (SHIM_FIRST_MFN + (((uintptr_t)(va) - (uintptr_t)shim_arena) >> 12))
#define __mfn_to_virt(mfn) \
    ((void *)((uintptr_t)shim_arena + (((mfn) - SHIM_FIRST_MFN) << 12)))

#endif
