/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about lend.c: to whom the broker of xen-memcompress lends what. */

#include <string.h>

#include "harness.h"
#include "../../xen-patches/tools/lend.h"

#define MIB 256U
#define SLICE (64 * MIB)
#define BORROWERS 2

/* One that holds half of its slice, and two that hold all and want more. */
static void scene(struct lend_domain d[3])
{
    unsigned int i;

    for ( i = 0; i < 3; i++ )
        d[i] = (struct lend_domain){
            .weight = 100, .min = 16 * MIB, .max = 2 * SLICE,
            .base = SLICE, .slice = SLICE, .held = SLICE, .wants = true,
        };
    d[BORROWERS].held = SLICE / 2;
    d[BORROWERS].wants = false;
}

static const struct lend_host plenty = {
    .free = 1000 * MIB, .keep = 16 * MIB, .step = 8 * MIB,
};

static uint64_t lent(const struct lend_domain *d)
{
    return d->new_slice - d->base;
}

/* Look after look, each with what the one before gave. */
static void looks(struct lend_domain d[], unsigned int nr,
                  const struct lend_host *h, unsigned int times)
{
    unsigned int i;

    while ( times-- )
    {
        struct lend_host now = *h;

        lend_decide(d, nr, &now);
        for ( i = 0; i < nr; i++ )
        {
            if ( d[i].wants )
                d[i].held = d[i].new_slice;
            d[i].slice = d[i].new_slice;
        }
    }
}

static void what_is_spared_is_lent_in_steps(void)
{
    struct lend_domain d[3];

    scene(d);
    looks(d, 3, &plenty, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), plenty.step);
    CHECK_EQ(d[BORROWERS].new_slice, SLICE);
    looks(d, 3, &plenty, 100);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), SLICE / 2);
}

static void weights_share_it_out(void)
{
    struct lend_domain d[3];

    scene(d);
    d[1].weight = 300;
    looks(d, 3, &plenty, 100);
    CHECK(lent(&d[1]) > 2.9 * lent(&d[0]) && lent(&d[1]) < 3.1 * lent(&d[0]));
}

static void nobody_gets_beyond_its_maximum(void)
{
    struct lend_domain d[3];

    scene(d);
    d[1].max = SLICE + 5 * MIB;
    looks(d, 3, &plenty, 100);
    CHECK_EQ(lent(&d[1]), 5 * MIB);
    CHECK_EQ(lent(&d[0]), SLICE / 2 - 5 * MIB);
}

static void a_lender_keeps_its_minimum(void)
{
    struct lend_domain d[3];

    scene(d);
    d[BORROWERS].min = 60 * MIB;
    looks(d, 3, &plenty, 100);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 4 * MIB);
    CHECK_EQ(d[BORROWERS].compress, 0);
}

static void what_the_host_keeps_is_not_lent(void)
{
    struct lend_host h = plenty;
    struct lend_domain d[3];

    scene(d);
    h.free = h.keep + 3 * MIB;
    looks(d, 3, &h, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 3 * MIB);

    /* Lent, and not yet taken up: it counts as gone. */
    scene(d);
    d[0].slice = SLICE + 2 * MIB;
    looks(d, 3, &h, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 3 * MIB);

    scene(d);
    h.free = h.keep;
    looks(d, 3, &h, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 0);
}

static void a_host_that_runs_short_gets_back_at_once(void)
{
    struct lend_host h = plenty;
    struct lend_domain d[3];

    scene(d);
    looks(d, 3, &plenty, 100);
    h.free = h.keep - 7 * MIB;
    looks(d, 3, &h, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), SLICE / 2 - 7 * MIB);
}

static void a_lender_that_wakes_gets_back_at_once(void)
{
    struct lend_domain d[3];

    scene(d);
    d[0].weight = 50;
    looks(d, 3, &plenty, 100);
    d[BORROWERS].held = SLICE - 4 * MIB;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 4 * MIB);
    /* All of it, when it holds all; and who wants more has nobody to ask. */
    d[BORROWERS].held = SLICE;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 0);
}

static void who_does_not_want_any_more_gives_back(void)
{
    struct lend_domain d[3];

    scene(d);
    looks(d, 3, &plenty, 100);
    d[0].wants = false;
    d[0].held = SLICE / 4;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(lent(&d[0]), 0);
}

static void idle_pages_are_compressed_for_who_is_short(void)
{
    struct lend_domain d[3];

    scene(d);
    d[BORROWERS].held = SLICE;
    d[BORROWERS].cold = 40 * MIB;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(lent(&d[0]) + lent(&d[1]), 0);
    CHECK_EQ(d[BORROWERS].compress, 2 * plenty.step);
    CHECK_EQ(d[0].compress + d[1].compress, 0);

    /* Not of what is in use, nor below the minimum, nor for nobody. */
    d[BORROWERS].cold = 10;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(d[BORROWERS].compress, 10);
    d[BORROWERS].cold = SLICE;
    d[BORROWERS].min = SLICE - 3;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(d[BORROWERS].compress, 3);
    d[BORROWERS].min = 0;
    d[0].wants = d[1].wants = false;
    looks(d, 3, &plenty, 1);
    CHECK_EQ(d[BORROWERS].compress, 0);
}

/* Whatever happens: never more than is spared, no limit crossed, no slice. */
static void limits_hold_on_a_random_walk(void)
{
    struct rng r = { 11 };
    unsigned int i, round;

    for ( round = 0; round < 20000; round++ )
    {
        struct lend_host h = { .free = rng_below(&r, 40000),
                               .keep = rng_below(&r, 20000),
                               .step = rng_between(&r, 1, 5000) };
        struct lend_domain d[6];
        uint64_t spare = 0, was = 0, is = 0;

        for ( i = 0; i < 6; i++ )
        {
            d[i] = (struct lend_domain){
                .weight = rng_between(&r, 1, 10000),
                .min = rng_below(&r, 20000), .base = rng_below(&r, 30000),
                .held = rng_below(&r, 50000), .cold = rng_below(&r, 30000),
                .wants = rng_below(&r, 2),
            };
            d[i].slice = d[i].base + (rng_below(&r, 2) ? rng_below(&r, 9000)
                                                       : 0);
            d[i].max = d[i].slice + rng_below(&r, 9000);
            was += d[i].slice - d[i].base;
        }
        lend_decide(d, 6, &h);
        for ( i = 0; i < 6; i++ )
        {
            CHECK(d[i].new_slice >= d[i].base && d[i].new_slice <= d[i].max);
            CHECK(d[i].new_slice <= d[i].slice || d[i].wants);
            CHECK(d[i].compress <= d[i].cold);
            CHECK(!d[i].compress || d[i].held >= d[i].min + d[i].compress);
            is += lent(&d[i]);
            if ( !d[i].wants && d[i].new_slice == d[i].base &&
                 d[i].base > d[i].held && d[i].base > d[i].min )
                spare += d[i].base - (d[i].held > d[i].min ? d[i].held
                                                           : d[i].min);
        }
        CHECK(is <= spare);
        CHECK(is <= was || (is - was <= h.step && h.free >= h.keep));
    }
}

int main(void)
{
    RUN(what_is_spared_is_lent_in_steps);
    RUN(weights_share_it_out);
    RUN(nobody_gets_beyond_its_maximum);
    RUN(a_lender_keeps_its_minimum);
    RUN(what_the_host_keeps_is_not_lent);
    RUN(a_host_that_runs_short_gets_back_at_once);
    RUN(a_lender_that_wakes_gets_back_at_once);
    RUN(who_does_not_want_any_more_gives_back);
    RUN(idle_pages_are_compressed_for_who_is_short);
    RUN(limits_hold_on_a_random_walk);

    return 0;
}
