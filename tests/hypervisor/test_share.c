/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about the decisions of background work: share.h. */

#include <xen/lib.h>

#include "harness.h"
#include "share.h"

#define DOMAINS 3U

static void pressure_has_two_edges(void)
{
    CHECK(!mc_pressed(false, 100, 100, 200));
    CHECK(mc_pressed(false, 99, 100, 200));
    CHECK(mc_pressed(true, 100, 100, 200));
    CHECK(mc_pressed(true, 199, 100, 200));
    CHECK(!mc_pressed(true, 200, 100, 200));
    /* Off. */
    CHECK(!mc_pressed(false, 0, 0, 0));
    CHECK(!mc_pressed(true, 0, 0, 0));
}

static struct mc_share *lowest(struct mc_share s[], unsigned int nr)
{
    struct mc_share *best = NULL;
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        if ( mc_share_before(&s[i], best) )
            best = &s[i];

    return best;
}

static void pages_are_taken_by_weight(void)
{
    struct mc_share s[DOMAINS] = {
        { .weight = 100 }, { .weight = 300 }, { .weight = 600 },
    };
    unsigned int taken[DOMAINS] = {}, i;
    struct rng r = { 3 };

    for ( i = 0; i < 100000; i++ )
    {
        struct mc_share *who = lowest(s, DOMAINS);
        unsigned int pages = rng_between(&r, 0, 32);

        mc_share_charge(who, pages);
        taken[who - s] += pages;
    }

    CHECK(taken[1] > 2.9 * taken[0] && taken[1] < 3.1 * taken[0]);
    CHECK(taken[2] > 5.8 * taken[0] && taken[2] < 6.2 * taken[0]);
}

static void nobody_is_taken_from_without_weight(void)
{
    struct mc_share s[2] = { { .weight = 0 }, { .weight = 1 } };

    CHECK(lowest(s, 2) == &s[1]);
    CHECK(!lowest(s, 1));
    mc_share_charge(&s[1], 1000000);
    CHECK(lowest(s, 2) == &s[1]);
    /* Set to 0 between the choice and the charge. */
    mc_share_charge(&s[0], 10);
}

static void passes_may_wrap(void)
{
    struct mc_share s[2] = {
        { .pass = UINT64_MAX - 5, .weight = MC_WEIGHT_MAX },
        { .pass = 3, .weight = MC_WEIGHT_MAX },
    };

    CHECK(lowest(s, 2) == &s[0]);
    mc_share_charge(&s[0], 1);
    CHECK(lowest(s, 2) == &s[1]);
}

static void who_had_nothing_is_not_made_to_catch_up(void)
{
    struct mc_share s[2] = { { .weight = 100 }, { .weight = 100 } };
    unsigned int taken[2] = {}, i;

    for ( i = 0; i < 1000; i++ )
        mc_share_charge(&s[0], 10);

    mc_share_rejoin(&s[1], s[0].pass);
    for ( i = 0; i < 100; i++ )
    {
        struct mc_share *who = lowest(s, 2);

        mc_share_charge(who, 10);
        taken[who - s]++;
    }
    CHECK(taken[0] >= 49 && taken[0] <= 51);

    /* Who is ahead stays there. */
    mc_share_charge(&s[0], 1000);
    i = s[0].pass != s[1].pass;
    mc_share_rejoin(&s[0], s[1].pass);
    CHECK(i && (int64_t)(s[0].pass - s[1].pass) > 0);
}

int main(void)
{
    RUN(pressure_has_two_edges);
    RUN(pages_are_taken_by_weight);
    RUN(nobody_is_taken_from_without_weight);
    RUN(passes_may_wrap);
    RUN(who_had_nothing_is_not_made_to_catch_up);

    return 0;
}
