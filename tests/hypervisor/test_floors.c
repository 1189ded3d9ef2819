/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about who may have which frame of the reserve: floors.h. */

#include <xen/lib.h>

#include "floors.h"
#include "harness.h"

#define VCPUS 4U

/* A reserve that has all that it wants, for two domains of VCPUS. */
static struct mc_floors full(void)
{
    struct mc_floors f = { .xen = 2 * VCPUS * MC_LAST_FRAMES };

    f.target = 256 + f.xen;
    while ( f.held < f.target )
        mc_floors_add(&f, false);

    return f;
}

static unsigned int take_all(struct mc_floors *f, enum mc_urgency urgency)
{
    unsigned int nr = 0;

    while ( mc_floors_take(f, mc_floor(f, urgency)) )
        nr++;

    return nr;
}

/* All that a guest's faults can get. */
static unsigned int take_as_guest(struct mc_floors *f)
{
    unsigned int nr = take_all(f, MC_FOR_GUEST);

    while ( mc_floors_take_granted(f) )
        nr++;

    return nr;
}

static unsigned int take_last(struct mc_floors *f, struct mc_last *l)
{
    unsigned int nr = 0;

    while ( mc_floors_take_last(f, l, VCPUS) )
        nr++;

    return nr;
}

static void each_leaves_what_the_next_needs(void)
{
    struct mc_floors f = full();

    CHECK_EQ(take_all(&f, MC_FOR_HINT), f.target - f.target / 2);
    CHECK(take_all(&f, MC_FOR_GUEST) > 0);
    CHECK_EQ(take_all(&f, MC_FOR_STORE), MC_STORE_FRAMES / 2);
    CHECK_EQ(take_all(&f, MC_FOR_RECLAIM), MC_STORE_FRAMES / 2);
    CHECK_EQ(f.held, f.xen);
}

static void sleepers_get_what_comes_in(void)
{
    struct mc_floors f = full();
    unsigned int i;

    take_as_guest(&f);
    take_all(&f, MC_FOR_RECLAIM);
    CHECK(!mc_floors_serve(&f));

    for ( i = 0; i < 3; i++ )
        mc_floors_add(&f, true);
    CHECK(mc_floors_serve(&f));
    CHECK_EQ(take_as_guest(&f), 3);
    CHECK(!mc_floors_serve(&f));
    CHECK_EQ(f.held, f.xen);
}

/* However many came in: once there is enough above, nobody goes below. */
static void plenty_is_no_licence_to_go_below(void)
{
    struct mc_floors f = full();
    unsigned int i;

    take_as_guest(&f);
    take_all(&f, MC_FOR_RECLAIM);
    for ( i = 0; i < 64; i++ )
        mc_floors_add(&f, true);
    CHECK_EQ(take_as_guest(&f), 64 - MC_STORE_FRAMES);
    CHECK_EQ(f.held, mc_floor(&f, MC_FOR_GUEST));
    CHECK(!mc_floors_serve(&f));
}

/* Else who found none would not sleep, and try again for ever. */
static void what_is_gone_is_nobody_s(void)
{
    struct mc_floors f = full();
    struct mc_last l = {}, other = {};

    take_as_guest(&f);
    take_all(&f, MC_FOR_RECLAIM);
    mc_floors_add(&f, true);
    CHECK_EQ(f.granted, 1);
    take_last(&f, &l);
    take_last(&f, &other);
    CHECK(mc_floors_take(&f, 0));
    CHECK_EQ(f.held, 0);
    CHECK_EQ(f.granted, 0);
    CHECK(!mc_floors_serve(&f));
}

static void a_domain_has_its_own_of_the_last(void)
{
    struct mc_floors f = full();
    struct mc_last greedy = {}, other = {};
    unsigned int i;

    take_as_guest(&f);
    CHECK_EQ(take_last(&f, &greedy), VCPUS * MC_LAST_FRAMES);
    CHECK_EQ(take_last(&f, &other), VCPUS * MC_LAST_FRAMES);
    CHECK_EQ(f.held, MC_STORE_FRAMES);

    /* Not before there are enough for all ... */
    mc_floors_add(&f, false);
    CHECK_EQ(take_last(&f, &greedy), 0);
    /* ... anew. */
    while ( f.held < f.xen )
        mc_floors_add(&f, false);
    CHECK_EQ(take_last(&f, &greedy), VCPUS * MC_LAST_FRAMES);
    for ( i = 0; i < VCPUS * MC_LAST_FRAMES; i++ )
        CHECK(mc_floors_take_last(&f, &other, VCPUS));
    CHECK_EQ(f.held, 0);
}

static unsigned int rest(const struct mc_floors *f, const struct mc_last *l)
{
    return VCPUS * MC_LAST_FRAMES - (l->refilled == f->refilled ? l->taken : 0);
}

/* Whatever happens in whatever order, while nobody sleeps. */
static void a_domain_always_gets_its_share(void)
{
    struct mc_floors f = full();
    struct mc_last last[2] = {};
    struct rng r = { 11 };
    unsigned int i;

    for ( i = 0; i < 1000000; i++ )
    {
        switch ( rng_below(&r, 4) )
        {
        case 0:
            if ( f.held < f.target )
                mc_floors_add(&f, false);
            break;

        case 1:
            mc_floors_take(&f, mc_floor(&f, rng_below(&r, MC_FOR_XEN)));
            break;

        default:
            mc_floors_take_last(&f, &last[rng_below(&r, 2)], VCPUS);
        }

        CHECK(f.held >= rest(&f, &last[0]) + rest(&f, &last[1]));
    }
}

/* With sleepers it may be below the floors, and still adds up. */
static void no_more_is_granted_than_there_is(void)
{
    struct mc_floors f = full();
    struct mc_last last = {};
    struct rng r = { 12 };
    unsigned int i;

    for ( i = 0; i < 1000000; i++ )
    {
        switch ( rng_below(&r, 4) )
        {
        case 0:
            if ( f.held < f.target )
                mc_floors_add(&f, rng_below(&r, 2));
            break;

        case 1:
            mc_floors_take(&f, mc_floor(&f, rng_below(&r, MC_FOR_XEN)));
            break;

        case 2:
            CHECK(!f.granted || mc_floors_take_granted(&f));
            break;

        default:
            mc_floors_take_last(&f, &last, VCPUS);
        }

        CHECK(f.granted <= f.held);
    }
}

int main(void)
{
    RUN(each_leaves_what_the_next_needs);
    RUN(sleepers_get_what_comes_in);
    RUN(plenty_is_no_licence_to_go_below);
    RUN(what_is_gone_is_nobody_s);
    RUN(a_domain_has_its_own_of_the_last);
    RUN(a_domain_always_gets_its_share);
    RUN(no_more_is_granted_than_there_is);

    return 0;
}
