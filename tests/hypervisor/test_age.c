/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about the byte of a guest frame, and about the two histograms. */

#include <xen/lib.h>

#include <xen/mem_compress/age.h>
#include "harness.h"

static void age_saturates(void)
{
    uint8_t a = 0;
    unsigned int i;

    for ( i = 1; i <= 40; i++ )
    {
        a = mc_age_older(a);
        CHECK_EQ(mc_age_get(a), i < 15 ? i : 15);
        CHECK_EQ(mc_age_backoff(a), 0);
        CHECK(!mc_age_excluded(a));
    }
}

static void touch_makes_young_and_nothing_else(void)
{
    unsigned int a;

    for ( a = 0; a < 256; a++ )
    {
        CHECK_EQ(mc_age_get(mc_age_touch(a)), 0);
        CHECK_EQ(mc_age_rejects(mc_age_touch(a)), mc_age_rejects(a));
        CHECK(!mc_age_same(mc_age_touch(a)));
        CHECK_EQ(mc_age_heat(mc_age_touch(a)), mc_age_heat(a));
        CHECK_EQ(mc_age_resting(mc_age_touch(a)), mc_age_resting(a));
        CHECK_EQ(mc_age_excluded(mc_age_touch(a)), mc_age_excluded(a));
    }
}

static void ageing_never_reaches_other_fields(void)
{
    unsigned int a;

    for ( a = 0; a < 256; a++ )
        if ( mc_age_heat(a) )
            CHECK_EQ(mc_age_older(a), (a & 0x80) | 1);
        else
            CHECK_EQ(mc_age_older(a) & 0xf0, a & 0xf0);
}

/*
 * A page below a model of its access flag: @used says whether the guest
 * accesses it between one sweep and the next.
 */
struct swept {
    uint8_t a;
    bool flag;
    unsigned int faults;
};

static void sweep(struct swept *p, bool used, bool all)
{
    bool rests;

    if ( used && !p->flag )
    {
        p->faults++;
        p->flag = true;
        p->a = mc_age_touch(p->a);
    }

    /* As in arch_mc_sweep(). */
    if ( !p->flag )
        p->a = mc_age_older(p->a);
    else if ( !all && mc_age_resting(p->a) )
        p->a = mc_age_rested(p->a);
    else
        p->a = mc_age_used(p->a, all);

    rests = mc_age_resting(p->a);
    CHECK(!(all && rests));
    p->flag = p->flag && rests;
}

static void a_page_in_use_is_looked_at_ever_less_often(void)
{
    struct swept p = { .a = 9 };
    unsigned int i;

    for ( i = 0; i < 8 + 80; i++ )
    {
        sweep(&p, true, false);
        CHECK_EQ(mc_age_get(p.a), 0);
        CHECK(!mc_age_eligible(p.a, 1));
        if ( i == 7 )
            p.faults = 0;
    }
    CHECK_EQ(p.faults, 80 / 8);
}

static void a_page_is_found_out_after_eight_sweeps_without_use(void)
{
    unsigned int used, unused;

    for ( used = 0; used < 60; used++ )
    {
        struct swept p = {};

        for ( unused = 0; unused < used; unused++ )
            sweep(&p, true, false);
        for ( unused = 1; unused < 40; unused++ )
        {
            unsigned int age;

            sweep(&p, false, false);
            age = mc_age_get(p.a);
            CHECK(age <= unused);
            CHECK(age >= (unused > 7 ? unused - 7 : 0) || age == 15);
            /* Used seldom, it does not lag at all. */
            CHECK(used > 3 || age == (unused < 15 ? unused : 15));
        }
    }
}

static void a_sweep_that_wants_all_is_as_if_there_was_no_heat(void)
{
    unsigned int before, how;

    for ( before = 0; before < 30; before++ )
        for ( how = 0; how < 1024; how++ )
        {
            struct swept p = {};
            unsigned int i, age = 0;

            for ( i = 0; i < before; i++ )
                sweep(&p, true, false);
            /* The first one only clears what was set long ago. */
            sweep(&p, true, true);
            for ( i = 0; i < 10; i++ )
            {
                bool used = how & (1U << i);

                sweep(&p, used, true);
                age = used ? 0 : age + 1;
                CHECK_EQ(mc_age_get(p.a), age);
            }
        }
}

static void each_sweep_in_use_lets_off_one_rejection(void)
{
    struct swept p = {
        .a = mc_age_reject(mc_age_reject(mc_age_reject(0)))
    };

    sweep(&p, true, false);
    CHECK_EQ(mc_age_rejects(p.a), 1);
    sweep(&p, false, false);
    CHECK_EQ(mc_age_rejects(p.a), 1);
    CHECK_EQ(mc_age_get(p.a), 1);
    sweep(&p, true, false);
    CHECK_EQ(mc_age_rejects(p.a), 0);
    CHECK_EQ(mc_age_heat(p.a), 0);
    sweep(&p, true, false);
    CHECK(mc_age_heat(p.a));
    /* One that was in use for long and is rejected: as any other. */
    CHECK_EQ(mc_age_rejects(mc_age_reject(p.a)), 1);
    CHECK_EQ(mc_age_get(mc_age_reject(p.a)), 0);
}

static void heat_leaves_exclusion_alone(void)
{
    unsigned int a;

    for ( a = 0; a < 256; a++ )
    {
        CHECK_EQ(mc_age_excluded(mc_age_used(a, false)), mc_age_excluded(a));
        CHECK_EQ(mc_age_excluded(mc_age_used(a, true)), mc_age_excluded(a));
        CHECK(!mc_age_resting(mc_age_used(a, true)));
        CHECK_EQ(mc_age_get(mc_age_used(a, false)), 0);
        if ( mc_age_resting(a) )
        {
            CHECK_EQ(mc_age_excluded(mc_age_rested(a)), mc_age_excluded(a));
            CHECK_EQ(mc_age_heat(mc_age_rested(a)), mc_age_heat(a));
        }
    }
}

/* Sweeps until a page that was accessed is eligible again. */
static unsigned int sweeps_until_eligible(uint8_t a)
{
    unsigned int n = 0;

    a = mc_age_touch(a);
    while ( !mc_age_eligible(a, 1) )
    {
        a = mc_age_older(a);
        CHECK(++n < 100);
    }

    return n;
}

static void rejected_pages_back_off_exponentially(void)
{
    static const unsigned int expected[] = { 4, 15, 15, 15, 15 };
    uint8_t a = 9;
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(expected); i++ )
    {
        a = mc_age_reject(a);
        CHECK_EQ(mc_age_get(a), 0);
        CHECK_EQ(sweeps_until_eligible(a), expected[i]);
    }

    CHECK_EQ(sweeps_until_eligible(mc_age_accept(a)), 1);
}

static void what_nobody_has_accessed_since_is_not_tried_again(void)
{
    unsigned int before, i;

    for ( before = 0; before < 256; before++ )
    {
        uint8_t a = mc_age_reject(before);

        for ( i = 0; i < 40; i++, a = mc_age_older(a) )
        {
            CHECK(mc_age_same(a));
            CHECK(!mc_age_eligible(a, 0));
            CHECK_EQ(mc_age_get(a), i < 15 ? i : 15);
        }
        CHECK(!mc_age_same(mc_age_used(a, false)));
        CHECK(!mc_age_same(mc_age_accept(a)));
    }
}

static void what_came_back_is_fresh_until_a_sweep_has_passed(void)
{
    unsigned int before;

    for ( before = 0; before < 256; before++ )
    {
        uint8_t a = mc_age_touch(mc_age_accept(before));

        CHECK(mc_age_fresh(a));
        CHECK(!mc_age_fresh(mc_age_older(a)));
        CHECK(!mc_age_fresh(mc_age_used(a, false)));
        CHECK(!mc_age_fresh(mc_age_used(a, true)));
        CHECK(!mc_age_fresh(mc_age_reject(a)));
        CHECK(mc_age_fresh(before) == !(before & 0x7f));
    }
}

static void what_would_not_be_taken_is_not_old(void)
{
    unsigned int a;

    for ( a = 0; a < 256; a++ )
        CHECK_EQ(mc_age_to_take(a), mc_age_excluded(a) || mc_age_same(a)
                                    ? 0 : mc_age_get(a));
}

static void touch_prolongs_the_back_off(void)
{
    uint8_t a = mc_age_touch(mc_age_reject(0));

    a = mc_age_older(mc_age_older(mc_age_older(a)));
    CHECK(!mc_age_eligible(a, 0));
    CHECK(mc_age_eligible(mc_age_older(a), 0));
    CHECK_EQ(sweeps_until_eligible(a), 4);
}

static void excluded_pages_are_never_eligible(void)
{
    unsigned int a, min_age;

    for ( a = 0; a < 256; a++ )
    {
        uint8_t x = mc_age_exclude(a, true);

        for ( min_age = 0; min_age < 17; min_age++ )
            CHECK(!mc_age_eligible(x, min_age));
        CHECK(mc_age_excluded(mc_age_touch(x)));
        CHECK(mc_age_excluded(mc_age_older(x)));
        CHECK(mc_age_excluded(mc_age_reject(x)));
        CHECK(mc_age_excluded(mc_age_accept(x)));
        CHECK_EQ(mc_age_exclude(x, false), a & 0x7f);
    }
}

static void min_age_is_honoured_and_bounded(void)
{
    unsigned int age, min_age;

    for ( age = 0; age < 16; age++ )
        for ( min_age = 0; min_age < 20; min_age++ )
            CHECK_EQ(mc_age_eligible(age, min_age),
                     age >= (min_age < 15 ? min_age : 15));
}

static void threshold_is_the_highest_age_that_suffices(void)
{
    struct rng r = { 1 };
    unsigned int i, age;

    for ( i = 0; i < 20000; i++ )
    {
        struct mc_age_hist h;
        uint64_t wanted = rng_below(&r, 300), older = 0, total = 0;
        unsigned int t, lowest = 15;

        for ( age = 0; age < 16; age++ )
            h.n[age] = rng_below(&r, 3) ? 0 : rng_below(&r, 60);
        for ( age = 16; age--; )
        {
            total += h.n[age];
            if ( h.n[age] )
                lowest = age;
        }

        t = mc_age_threshold(&h, wanted);
        CHECK(t <= 15);
        for ( age = t; age < 16; age++ )
            older += h.n[age];

        if ( total >= wanted )
        {
            CHECK(older >= wanted);
            CHECK(t == 15 || older - h.n[t] < wanted);
        }
        else
            CHECK_EQ(t, lowest);
    }
}

static void threshold_does_not_overflow(void)
{
    struct mc_age_hist h;
    unsigned int age;

    for ( age = 0; age < 16; age++ )
        h.n[age] = UINT32_MAX;
    CHECK_EQ(mc_age_threshold(&h, 15ULL * UINT32_MAX), 1);
    CHECK_EQ(mc_age_threshold(&h, 16ULL * UINT32_MAX), 0);
    CHECK_EQ(mc_age_threshold(&h, UINT64_MAX), 0);
}

static void blocks_are_split_while_it_shows_something(void)
{
    const uint64_t sample = 512ULL * MC_SPLIT_BLOCKS;
    struct mc_split_evidence e = {};

    CHECK_EQ(mc_split_blocks(&e), MC_SPLIT_BLOCKS);
    /* As long as there is no sample, whatever is in it so far. */
    e.pages = sample - 1;
    CHECK_EQ(mc_split_blocks(&e), MC_SPLIT_BLOCKS);
    e.pages = sample;
    CHECK_EQ(mc_split_blocks(&e), 0);
    e.cold = sample / 8 - 1;
    CHECK_EQ(mc_split_blocks(&e), 0);
    e.cold = sample / 8;
    CHECK_EQ(mc_split_blocks(&e), MC_SPLIT_BLOCKS);
}

/* The inverse of the formula in the public header: a bucket's lowest value. */
static uint64_t bucket_floor(unsigned int b)
{
    unsigned int e = b / 16 + 3;

    return b < 16 ? b : (16ULL + b % 16) << (e - 4);
}

static void buckets_are_as_published(void)
{
    unsigned int b;

    for ( b = 0; b < MC_HIST_BUCKETS; b++ )
    {
        CHECK_EQ(mc_hist_bucket(bucket_floor(b)), b);
        if ( b )
            CHECK_EQ(mc_hist_bucket(bucket_floor(b) - 1), b - 1);
    }

    CHECK_EQ(mc_hist_bucket((1ULL << 33) - 1), MC_HIST_BUCKETS - 1);
    CHECK_EQ(mc_hist_bucket(1ULL << 33), MC_HIST_BUCKETS - 1);
    CHECK_EQ(mc_hist_bucket(UINT64_MAX), MC_HIST_BUCKETS - 1);
}

static void histogram_keeps_count_sum_and_max(void)
{
    static struct mc_hist h;
    uint64_t sum = 0, in_buckets = 0;
    unsigned int i;

    for ( i = 0; i < 1000; i++ )
    {
        mc_hist_add(&h, i * 37);
        sum += i * 37;
    }
    for ( i = 0; i < MC_HIST_BUCKETS; i++ )
        in_buckets += h.buckets[i];

    CHECK_EQ(h.count, 1000);
    CHECK_EQ(in_buckets, 1000);
    CHECK_EQ(h.sum, sum);
    CHECK_EQ(h.max, 999 * 37);
}

static void shared_values_count_as_their_mean(void)
{
    static struct mc_hist h;

    mc_hist_add(&h, 5);
    mc_hist_add_shared(&h, 31, 3);
    CHECK_EQ(h.count, 4);
    CHECK_EQ(h.sum, 36);
    CHECK_EQ(h.max, 10);
    CHECK_EQ(h.buckets[10], 3);
    CHECK_EQ(h.buckets[5], 1);
}

int main(void)
{
    RUN(age_saturates);
    RUN(touch_makes_young_and_nothing_else);
    RUN(ageing_never_reaches_other_fields);
    RUN(a_page_in_use_is_looked_at_ever_less_often);
    RUN(a_page_is_found_out_after_eight_sweeps_without_use);
    RUN(a_sweep_that_wants_all_is_as_if_there_was_no_heat);
    RUN(each_sweep_in_use_lets_off_one_rejection);
    RUN(heat_leaves_exclusion_alone);
    RUN(rejected_pages_back_off_exponentially);
    RUN(what_nobody_has_accessed_since_is_not_tried_again);
    RUN(what_came_back_is_fresh_until_a_sweep_has_passed);
    RUN(what_would_not_be_taken_is_not_old);
    RUN(touch_prolongs_the_back_off);
    RUN(excluded_pages_are_never_eligible);
    RUN(min_age_is_honoured_and_bounded);
    RUN(threshold_is_the_highest_age_that_suffices);
    RUN(threshold_does_not_overflow);
    RUN(blocks_are_split_while_it_shows_something);
    RUN(buckets_are_as_published);
    RUN(histogram_keeps_count_sum_and_max);
    RUN(shared_values_count_as_their_mean);

    return 0;
}
