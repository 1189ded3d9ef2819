/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * age.c
 *
 * Ages of pages and what follows from them, and the histogram of times.  See
 * age.h for the encoding of the byte.
 */

#include <xen/lib.h>

#include <xen/mem_compress/age.h>

uint8_t mc_age_reject(uint8_t a)
{
    unsigned int rejects = min(mc_age_rejects(a) + 1, MC_AGE_REJECTS_MAX);

    return (a & MC_AGE_EXCLUDED) | (rejects << MC_AGE_BACKOFF_SHIFT);
}

/* Sweeps in a row that find a page in use before one does not look. */
#define WARM_SWEEPS    3U

uint8_t mc_age_used(uint8_t a, bool all)
{
    unsigned int heat = mc_age_heat(a), n = a & MC_AGE_MASK;
    unsigned int rejects = mc_age_rejects(a);

    a &= MC_AGE_EXCLUDED;

    /* It may have been written: one try more. */
    if ( rejects > 1 )
        return a | MC_HEAT(MC_AGE_REJECTS_MAX + rejects - 1, 0);
    if ( rejects )
        return a;

    if ( !heat )
        return a | MC_HEAT(MC_HEAT_WARM, 1);

    if ( heat == MC_HEAT_WARM && (all || n < WARM_SWEEPS) )
        return a | MC_HEAT(heat, min(n + 1, WARM_SWEEPS));

    if ( all )
        return a | MC_HEAT(heat, 0);

    return heat == MC_HEAT_WARM ? a | MC_HEAT(MC_HEAT_HOT, 3)
                                : a | MC_HEAT(MC_HEAT_HOTTEST, 7);
}

bool mc_age_eligible(uint8_t a, unsigned int min_age)
{
    unsigned int rejects = mc_age_rejects(a);

    if ( mc_age_excluded(a) || mc_age_same(a) )
        return false;

    /* A page that was rejected twice or more: 16, but none gets there. */
    if ( rejects )
        min_age = max(min_age, 1U << (2 * rejects));

    return mc_age_get(a) >= min(min_age, MC_AGE_MAX);
}

unsigned int mc_age_threshold(const struct mc_age_hist *h, uint64_t wanted)
{
    unsigned int age = MC_AGE_MAX + 1, lowest = MC_AGE_MAX;
    uint64_t sum = 0;

    while ( age-- )
    {
        sum += h->n[age];
        if ( sum >= wanted )
            return age;
        if ( h->n[age] )
            lowest = age;
    }

    return lowest;
}

unsigned int mc_split_blocks(const struct mc_split_evidence *e)
{
    if ( e->pages < MC_SPLIT_BLOCKS * 512 )
        return MC_SPLIT_BLOCKS;

    /* An eighth: a block's table is paid for by two pages of 512. */
    return e->cold >= e->pages / 8 ? MC_SPLIT_BLOCKS : 0;
}

unsigned int mc_hist_bucket(uint64_t value)
{
    unsigned int e;

    if ( value < 16 )
        return value;

    e = 63 - __builtin_clzll(value);
    if ( e > 32 )
        return MC_HIST_BUCKETS - 1;

    return 16 * (e - 3) + ((value >> (e - 4)) & 15);
}

void mc_hist_add(struct mc_hist *h, uint64_t value)
{
    h->count++;
    h->sum += value;
    h->max = max(h->max, value);
    h->buckets[mc_hist_bucket(value)]++;
}

void mc_hist_add_shared(struct mc_hist *h, uint64_t sum, unsigned int nr)
{
    uint64_t mean = sum / nr;

    h->count += nr;
    h->sum += sum;
    h->max = max(h->max, mean);
    h->buckets[mc_hist_bucket(mean)] += nr;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
