/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * share.h
 *
 * Decisions of background work: is there pressure, and whose turn is it?
 */
#ifndef MEM_COMPRESS_SHARE_H
#define MEM_COMPRESS_SHARE_H

#include <xen/types.h>

/*
 * Pressure begins when less than @low is free, and does not end before @high
 * is, so that the work comes in bouts rather than a page at a time.
 */
static inline bool mc_pressed(bool pressed, uint64_t nr_free, uint64_t low,
                              uint64_t high)
{
    return nr_free < (pressed ? high : low);
}

/*
 * Who is taken from: as in stride scheduling, everybody has a pass, which
 * each page taken advances by a stride inversely proportional to the weight,
 * and the lowest pass is next.  So over time pages are taken in proportion to
 * the weights, whatever the sizes, as long as all have something to take.
 */
#define MC_WEIGHT_MAX       10000U
#define MC_STRIDE_ONE       (1ULL << 24)

struct mc_share {
    uint64_t pass;
    uint32_t weight;          /* 0: not to be taken from                   */
};

/* @pages were taken. */
static inline void mc_share_charge(struct mc_share *s, uint64_t pages)
{
    uint32_t weight = s->weight;

    /* It may have been set to 0 since he was chosen. */
    s->pass += pages * (MC_STRIDE_ONE / (weight ? weight : 1));
}

/* Is @a to be taken from rather than @b (NULL: nobody so far)? */
static inline bool mc_share_before(const struct mc_share *a,
                                   const struct mc_share *b)
{
    /* The difference, as passes may wrap. */
    return a->weight && (!b || (int64_t)(a->pass - b->pass) < 0);
}

/*
 * Somebody who had nothing to take for a while has again: what he was spared
 * meanwhile is not caught up on.  @now: the pass of who was taken from last.
 */
static inline void mc_share_rejoin(struct mc_share *s, uint64_t now)
{
    if ( (int64_t)(now - s->pass) > 0 )
        s->pass = now;
}

#endif /* MEM_COMPRESS_SHARE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
