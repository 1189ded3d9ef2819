/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * age.h
 *
 * What is known about each guest frame beyond its stage-2 descriptor, in one
 * byte, and two histograms: of ages, and of times.
 *
 *     7   6     4   3       0
 *   +---+---------+-----------+
 *   | X | backoff |    age    |
 *   +---+---------+-----------+
 *   | X |  5 6 7  |  see heat |
 *   +---+---------+-----------+
 *
 * age      Sweeps that found the page not accessed since it last was, or
 *          since it was last restored or rejected.  Stays at 15.
 * backoff  The page turned out not to compress, once (1, 3), or twice or more
 *          often in a row (2, 4).  After a reject it starts again at age 0.
 *
 *          1 2  Nobody has accessed it since: it is what it was, and is not
 *               tried again, however old.
 *          3 4  It was accessed, and may have been written.  Not eligible
 *               until its age is 4, or 15: the age is the countdown.  An
 *               access meanwhile prolongs it, which is what one wants, as a
 *               page in use is no candidate anyway.
 *
 *          A sweep that finds it in use lets it off one reject: so 4 and 15
 *          are for what was accessed by Xen, or for others, and 4 for what
 *          was rejected more than once.
 * X        Excluded: never compressed.  Survives all of the above.
 * heat     The age is 0, and there is no backoff: the last sweeps that looked
 *          found the page in use.  Looking costs the guest a fault where the
 *          CPU does not set the flag, so it is done ever less often:
 *
 *          5   one, two or three sweeps in a row did: the lower bits say
 *          6   one in 4 looks: so many (3 ... 0) go by before the next does
 *          7   one in 8
 *
 *          So a page that was in use for long and is not any more is found
 *          out by the 8th sweep at the latest, and is as old as it should be,
 *          less 7 at most.  Where memory is short, or somebody asks for a
 *          sweep, every page is looked at.
 *
 * The functions take and return the byte, so that the caller decides how it
 * is read and written (plain, or with cmpxchg).
 */
#ifndef MEM_COMPRESS_AGE_H
#define MEM_COMPRESS_AGE_H

#include <xen/types.h>

#define MC_AGE_MAX           15U
#define MC_AGE_MASK          0x0fU
#define MC_AGE_BACKOFF_SHIFT 4
#define MC_AGE_BACKOFF_MASK  0x70U
#define MC_AGE_BACKOFF_MAX   4U
#define MC_AGE_REJECTS_MAX   2U
#define MC_AGE_EXCLUDED      0x80U

/* In the place of a backoff. */
#define MC_HEAT_WARM         5U
#define MC_HEAT_HOT          6U
#define MC_HEAT_HOTTEST      7U
#define MC_HEAT(h, n)        (((h) << MC_AGE_BACKOFF_SHIFT) | (n))

static inline unsigned int mc_age_heat(uint8_t a)
{
    unsigned int heat = (a & MC_AGE_BACKOFF_MASK) >> MC_AGE_BACKOFF_SHIFT;

    return heat > MC_AGE_BACKOFF_MAX ? heat : 0;
}

static inline unsigned int mc_age_get(uint8_t a)
{
    return mc_age_heat(a) ? 0 : a & MC_AGE_MASK;
}

static inline unsigned int mc_age_backoff(uint8_t a)
{
    return mc_age_heat(a) ? 0
                          : (a & MC_AGE_BACKOFF_MASK) >> MC_AGE_BACKOFF_SHIFT;
}

/* How often in a row it was rejected, as far as that is known. */
static inline unsigned int mc_age_rejects(uint8_t a)
{
    unsigned int backoff = mc_age_backoff(a);

    return backoff > MC_AGE_REJECTS_MAX ? backoff - MC_AGE_REJECTS_MAX
                                        : backoff;
}

/* Is it what was rejected, as nobody has accessed it since? */
static inline bool mc_age_same(uint8_t a)
{
    unsigned int backoff = (a & MC_AGE_BACKOFF_MASK) >> MC_AGE_BACKOFF_SHIFT;

    return backoff - 1 < MC_AGE_REJECTS_MAX;
}

static inline bool mc_age_excluded(uint8_t a)
{
    return a & MC_AGE_EXCLUDED;
}

/* Came back, and no sweep has found it either in use or not since. */
static inline bool mc_age_fresh(uint8_t a)
{
    return !(a & ~MC_AGE_EXCLUDED);
}

/*
 * The age that counts where it is about how old pages have to be so that there
 * are enough: what would not be taken anyway does not.
 */
static inline unsigned int mc_age_to_take(uint8_t a)
{
    /* Not excluded, and nothing or a 3 or a 4 in the place of the backoff. */
    const unsigned int counts = (1U << 0) | (1U << 3) | (1U << 4);

    return (counts >> (a >> MC_AGE_BACKOFF_SHIFT)) & 1 ? a & MC_AGE_MASK : 0;
}

/* The page was accessed, or restored. */
static inline uint8_t mc_age_touch(uint8_t a)
{
    if ( mc_age_heat(a) )
        return a;
    if ( mc_age_same(a) )
        a += MC_AGE_REJECTS_MAX << MC_AGE_BACKOFF_SHIFT;

    return a & ~MC_AGE_MASK;
}

/* One more sweep found the page not accessed. */
static inline uint8_t mc_age_older(uint8_t a)
{
    if ( mc_age_heat(a) )
        return (a & MC_AGE_EXCLUDED) | 1;

    return mc_age_get(a) < MC_AGE_MAX ? a + 1 : a;
}

/*
 * May a sweep that does not have to look at everything pass the page by?  Its
 * access flag is set and stays so, unless the next sweep is to look.
 */
static inline bool mc_age_resting(uint8_t a)
{
    return mc_age_heat(a) > MC_HEAT_WARM && (a & MC_AGE_MASK);
}

/* One was passed by. */
static inline uint8_t mc_age_rested(uint8_t a)
{
    return a - 1;
}

/*
 * A sweep has looked and found the page accessed.  @all: so it will the next
 * time, whatever this says.
 */
uint8_t mc_age_used(uint8_t a, bool all);

/* The page did not compress well enough. */
uint8_t mc_age_reject(uint8_t a);

/* The page was compressed: there is nothing to back off from any more. */
static inline uint8_t mc_age_accept(uint8_t a)
{
    return a & MC_AGE_EXCLUDED;
}

static inline uint8_t mc_age_exclude(uint8_t a, bool excluded)
{
    return excluded ? a | MC_AGE_EXCLUDED : a & ~MC_AGE_EXCLUDED;
}

/* May a page that must be @min_age (at most 15) old be compressed? */
bool mc_age_eligible(uint8_t a, unsigned int min_age);

/* Pages by age, those that would not be taken as if they were in use. */
struct mc_age_hist {
    uint32_t n[MC_AGE_MAX + 1];
};

/*
 * How old must a page be so that at least @wanted pages are that old?  The
 * highest such age, or, if there are not that many pages at all, the lowest
 * age that any page has (MC_AGE_MAX if there is none).
 */
unsigned int mc_age_threshold(const struct mc_age_hist *h, uint64_t wanted);

/*
 * A block (2M) that is in use says nothing about which of its 512 pages are
 * idle.  To find out costs a table, and the CPU longer walks, so it is done to
 * some blocks first, and to more only if those turned out to have idle pages.
 */
struct mc_split_evidence {
    uint64_t pages;           /* that are mapped as pages                  */
    uint64_t cold;            /* of these, not accessed for a while        */
};

#define MC_SPLIT_COLD_AGE    4U
/* Blocks split by one sweep, if at all; as many make up a sample. */
#define MC_SPLIT_BLOCKS      64U

/* How many blocks in use the next sweep may split. */
unsigned int mc_split_blocks(const struct mc_split_evidence *e);

/*
 * Log-linear histogram: a bucket each for values below 16, and 16 for every
 * octave above, up to 2^33 (what is larger counts in the last bucket).  Same
 * layout as struct xen_mem_compress_hist of the public header.
 */
#define MC_HIST_BUCKETS      480U

struct mc_hist {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[MC_HIST_BUCKETS];
};

unsigned int mc_hist_bucket(uint64_t value);
void mc_hist_add(struct mc_hist *h, uint64_t value);
/* @nr values of which only the @sum is known: each counts as their mean. */
void mc_hist_add_shared(struct mc_hist *h, uint64_t sum, unsigned int nr);

#endif /* MEM_COMPRESS_AGE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
