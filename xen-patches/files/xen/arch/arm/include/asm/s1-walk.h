/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walk a range of stage-1 translation tables that somebody else owns.
 *
 * Pure: how tables are read and what becomes of the pages is up to the
 * caller, so this is built, tested and fuzzed on the host as well.
 */
#ifndef __ARM_S1_WALK_H__
#define __ARM_S1_WALK_H__

#include <xen/types.h>

#define S1_TABLE_ENTRIES    512U

struct s1_walk {
    /* Of the translation: TTBR0_EL1 (attribute bits are masked), TCR_EL1. */
    uint64_t root, tcr;

    /* Passed to the functions below. */
    void *ctx;

    /*
     * Copy the (4K aligned) table at intermediate physical address @table to
     * @buf; false if there is no such memory.
     */
    bool (*read)(void *ctx, uint64_t table, uint64_t *buf);

    /*
     * A 4K page at @va is mapped to @ipa, or is part of a block that is.
     * @accessed is the guest's own access flag.  False: stop after this one.
     */
    bool (*leaf)(void *ctx, uint64_t va, uint64_t ipa, bool accessed);

    /* Is it time to stop?  Asked for each table, whatever is in it. */
    bool (*stop)(void *ctx);

    /* Two pages, nobody else's until the walk returns. */
    uint64_t *upper, *last;

    /* Pages that leaf() was called for are added up here. */
    uint32_t pages;
};

/*
 * Call @w->leaf for the pages of [*va, end); *va is advanced to where to go
 * on.  Every call gets further, even if w->stop() always holds.
 *
 * 0: end was reached; -ERESTART: not yet; -EOPNOTSUPP: not a regime that this
 * can walk (granule other than 4K, 52-bit addresses, T0SZ out of range).
 */
int s1_walk(struct s1_walk *w, uint64_t *va, uint64_t end);

#endif /* __ARM_S1_WALK_H__ */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
