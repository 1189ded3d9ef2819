/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about the rounds of who takes pages: hand.h. */

#include <xen/lib.h>

#include "harness.h"
#include "hand.h"

static void rounds_get_younger_until_there_is_nothing(void)
{
    struct mc_hand h = { .age = 15, .looked = 100 };
    unsigned int rounds = 0, before;

    /* Something was found: once more at the same age. */
    h.taken = 7;
    CHECK(mc_hand_again(&h, 2));
    CHECK_EQ(h.age, 15);
    CHECK_EQ(h.looked, 0);
    CHECK_EQ(h.taken, 0);

    do
    {
        before = h.age;
        rounds++;
    } while ( mc_hand_again(&h, 2) && h.age < before && rounds < 20 );

    CHECK_EQ(h.age, 2);
    CHECK(rounds <= 5);
    CHECK(!mc_hand_again(&h, 2));
}

static void what_is_found_keeps_the_age(void)
{
    struct mc_hand h = { .age = 15, .index = 7 };
    unsigned int i;

    for ( i = 0; i < 100; i++ )
    {
        h.taken = 1;
        CHECK(mc_hand_again(&h, 1));
        CHECK_EQ(h.age, 15);
    }
    CHECK_EQ(h.index, 7);
}

static void at_the_lowest_age_it_ends_only_empty_handed(void)
{
    struct mc_hand h = { .age = 1, .taken = 3 };

    CHECK(mc_hand_again(&h, 1));
    CHECK(!mc_hand_again(&h, 1));
    CHECK_EQ(h.age, 1);
}

static void never_below_the_lowest_age(void)
{
    unsigned int min_age, age;

    for ( min_age = 1; min_age < 16; min_age++ )
        for ( age = min_age; age < 16; age++ )
        {
            struct mc_hand h = { .age = age };

            mc_hand_again(&h, min_age);
            CHECK(h.age >= min_age);
        }
}

static void a_new_round_is_a_whole_one(void)
{
    struct mc_hand h = { .age = 8, .index = 3, .looked = 999, .taken = 5 };

    mc_hand_again(&h, 1);
    CHECK_EQ(h.looked, 0);
    CHECK_EQ(h.taken, 0);
    CHECK_EQ(h.index, 3);
}

static void what_was_not_taken_after_all_is_looked_at_again(void)
{
    unsigned long nr, start, n, back;

    for ( nr = 1; nr < 12; nr++ )
        for ( start = 0; start <= nr; start++ )
            for ( n = 0; n <= nr; n++ )
                for ( back = 0; back <= n; back++ )
                {
                    /* As whoever takes pages goes on. */
                    struct mc_hand h = { .index = start };
                    unsigned long at[12] = {}, i;

                    for ( i = 0; i < n; i++, h.looked++ )
                    {
                        if ( h.index >= nr )
                            h.index = 0;
                        at[i] = h.index++;
                    }

                    mc_hand_back(&h, n - back, nr);
                    CHECK_EQ(h.looked, n - back);
                    if ( back )
                        CHECK_EQ(h.index % nr, at[n - back]);
                }
}

int main(void)
{
    RUN(rounds_get_younger_until_there_is_nothing);
    RUN(what_is_found_keeps_the_age);
    RUN(at_the_lowest_age_it_ends_only_empty_handed);
    RUN(a_new_round_is_a_whole_one);
    RUN(never_below_the_lowest_age);
    RUN(what_was_not_taken_after_all_is_looked_at_again);

    return 0;
}
