/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about the store, each in the smallest setting that shows it. */

#include <string.h>

#include <xen/errno.h>
#include <xen/lib.h>

#include "harness.h"
#include "store.h"

static struct mc_store store, other;
static uint8_t data[MC_MAX_OBJECT + 1], bounce[MC_MAX_OBJECT];

static void fresh(struct mc_store *s)
{
    void *pages[MC_CHAIN_MAX];
    unsigned int n;

    while ( (n = mc_store_drain(s, pages, MC_CHAIN_MAX)) != 0 )
        while ( n )
            page_free(pages[--n]);
    mc_store_init(s);
}

static void give(struct mc_store *s, unsigned int len)
{
    void *page = page_alloc();

    CHECK(page);
    CHECK_EQ(mc_store_add_chain(s, len, &page, 1), 0);
}

/* Put an object whose bytes follow from its gfn. */
static mc_handle_t put(struct mc_store *s, uint64_t gfn, unsigned int len)
{
    mc_handle_t h = 0;

    if ( mc_store_pages_needed(s, len) )
        give(s, len);
    memset(data, gfn * 31 + 7, len);
    CHECK_EQ(mc_store_put(s, gfn, data, len, ~gfn, 1, &h), 0);
    CHECK(h);
    CHECK(!(h >> MC_HANDLE_BITS));

    return h;
}

static void expect(const struct mc_store *s, mc_handle_t h, uint64_t gfn,
                   unsigned int len)
{
    struct mc_obj info, o;
    const uint8_t *p;
    unsigned int i;

    CHECK_EQ(mc_store_info(s, h, &info), 0);
    p = mc_store_open(s, h, &o, bounce);
    CHECK(p);
    CHECK_EQ(o.gfn, gfn);
    CHECK_EQ(o.len, len);
    CHECK_EQ(o.crc, (uint32_t)~gfn);
    CHECK_EQ(o.codec, 1);
    CHECK_EQ(info.gfn, gfn);
    CHECK_EQ(info.len, len);
    for ( i = 0; i < len; i++ )
        CHECK_EQ(p[i], (uint8_t)(gfn * 31 + 7));
}

static void release(struct mc_store *s, mc_handle_t h)
{
    void *pages[MC_CHAIN_MAX];
    unsigned int n = mc_store_free(s, h, pages);

    while ( n )
        page_free(pages[--n]);
}

static void an_empty_store_needs_a_page(void)
{
    unsigned int len;

    fresh(&store);
    for ( len = 1; len <= MC_MAX_OBJECT; len++ )
        CHECK_EQ(mc_store_pages_needed(&store, len), 1);
}

static void one_page_is_enough_for_any_length(void)
{
    unsigned int len;

    fresh(&store);
    for ( len = 1; len <= MC_MAX_OBJECT; len++ )
    {
        mc_handle_t h = put(&store, len, len);

        expect(&store, h, len, len);
        release(&store, h);
    }
    CHECK_EQ(store.objects, 0);
}

/* Each time that a page would be needed there is none, once. */
static void without_a_page_nothing_changes(void)
{
    static mc_handle_t handles[400];
    static struct mc_store before;
    unsigned int i, len, refused = 0;
    mc_handle_t none = 0;

    fresh(&store);
    for ( i = 0; i < ARRAY_SIZE(handles); i++ )
    {
        len = 1 + i * 797 % MC_MAX_OBJECT;
        if ( mc_store_pages_needed(&store, len) )
        {
            before = store;
            CHECK_EQ(mc_store_put(&store, i, data, len, 0, 1, &none), -ENOMEM);
            CHECK(!none && !memcmp(&before, &store, sizeof(store)));
            refused++;
        }
        handles[i] = put(&store, i, len);
    }
    CHECK(refused > 100);
    for ( i = 0; i < ARRAY_SIZE(handles); i++ )
        expect(&store, handles[i], i, 1 + i * 797 % MC_MAX_OBJECT);
    fresh(&store);
}

static void lengths_and_numbers_out_of_range_are_refused(void)
{
    void *page = page_alloc();
    mc_handle_t h;

    fresh(&store);
    CHECK_EQ(mc_store_pages_needed(&store, 0), 0);
    CHECK_EQ(mc_store_pages_needed(&store, MC_MAX_OBJECT + 1), 0);
    CHECK_EQ(mc_store_add_chain(&store, 0, &page, 1), -EINVAL);
    CHECK_EQ(mc_store_add_chain(&store, MC_MAX_OBJECT + 1, &page, 1), -EINVAL);
    CHECK_EQ(mc_store_add_chain(&store, 1, &page, MC_CHAIN_MAX + 1), -EINVAL);
    CHECK_EQ(mc_store_put(&store, 1, data, 0, 0, 1, &h), -E2BIG);
    CHECK_EQ(mc_store_put(&store, 1, data, MC_MAX_OBJECT + 1, 0, 1, &h),
             -E2BIG);
    CHECK_EQ(mc_store_put(&store, 1ULL << 40, data, 10, 0, 1, &h), -EINVAL);
    CHECK_EQ(mc_store_put(&store, 1, data, 10, 0, 8, &h), -EINVAL);
    CHECK_EQ(mc_store_put(&store, 1, data, 10, 0, 1, &h), -ENOMEM);
    CHECK_EQ(store.pages, 0);
    page_free(page);
}

static void every_field_is_kept_at_its_limits(void)
{
    struct mc_obj o;
    mc_handle_t h;

    fresh(&store);
    give(&store, MC_MAX_OBJECT);
    CHECK_EQ(mc_store_put(&store, (1ULL << 40) - 1, data, MC_MAX_OBJECT, ~0U,
                          7, &h), 0);
    CHECK_EQ(mc_store_info(&store, h, &o), 0);
    CHECK_EQ(o.gfn, (1ULL << 40) - 1);
    CHECK_EQ(o.len, MC_MAX_OBJECT);
    CHECK_EQ(o.crc, ~0U);
    CHECK_EQ(o.codec, 7);
}

static void objects_may_straddle_pages(void)
{
    mc_handle_t h[40];
    struct mc_obj o;
    unsigned int i, straddling = 0;

    fresh(&store);
    for ( i = 0; i < ARRAY_SIZE(h); i++ )
        h[i] = put(&store, i, 2900);
    for ( i = 0; i < ARRAY_SIZE(h); i++ )
    {
        expect(&store, h[i], i, 2900);
        straddling += mc_store_open(&store, h[i], &o, bounce) == bounce;
    }
    CHECK(straddling > 10 && straddling < 40);
    /* 40 objects of 2900 bytes in pages of 4096, one each: 40 pages. */
    CHECK(store.pages <= 30);
}

static void freed_twice_is_noticed(void)
{
    mc_handle_t a, b;
    void *pages[MC_CHAIN_MAX];
    struct mc_obj o;

    fresh(&store);
    a = put(&store, 1, 500);
    b = put(&store, 2, 500);
    CHECK_EQ(mc_store_free(&store, a, pages), 0);
    CHECK_EQ(store.bad, 0);
    CHECK_EQ(mc_store_info(&store, a, &o), -ENOENT);
    CHECK(!mc_store_open(&store, a, &o, bounce));
    CHECK_EQ(mc_store_free(&store, a, pages), 0);
    CHECK_EQ(store.bad, 1);
    CHECK_EQ(store.objects, 1);
    expect(&store, b, 2, 500);
}

static void wild_handles_are_noticed(void)
{
    struct rng r = { 11 };
    mc_handle_t good = 0;
    struct mc_obj o;
    void *pages[MC_CHAIN_MAX];
    unsigned int i;

    fresh(&store);
    for ( i = 0; i < 200; i++ )
        good = put(&store, i, rng_between(&r, 1, MC_MAX_OBJECT));

    CHECK_EQ(mc_store_info(&store, 0, &o), -ENOENT);
    CHECK_EQ(mc_store_info(&store, good | 1ULL << MC_HANDLE_BITS, &o),
             -ENOENT);
    CHECK_EQ(mc_store_info(&store, good | 1023, &o), -ENOENT);
    for ( i = 0; i < 100000; i++ )
    {
        mc_handle_t h = rng_next(&r) >> rng_below(&r, 64);

        /* In the arena, but perhaps no head: any page, any slot. */
        if ( i & 1 )
            h = (good & ~0x3ffffffULL) | (h & 0x3ffffff);
        if ( mc_store_info(&store, h, &o) != 0 )
        {
            CHECK_EQ(mc_store_free(&store, h, pages), 0);
            CHECK(!mc_store_open(&store, h, &o, bounce));
        }
    }
    CHECK_EQ(store.objects, 200);
}

static void handles_of_another_store_are_refused(void)
{
    mc_handle_t h;
    struct mc_obj o;

    fresh(&store);
    mc_store_init(&other);
    h = put(&store, 5, 700);
    CHECK_EQ(mc_store_info(&other, h, &o), -ENOENT);
    CHECK_EQ(mc_store_info(&store, h, &o), 0);
}

static void handles_into_a_released_chain_are_refused(void)
{
    mc_handle_t h[6], last;
    struct mc_obj o;
    void *pages[6][MC_CHAIN_MAX];
    unsigned int i, n[6], released = 0;

    /* Lengths of six classes: all but one chain is released at once. */
    fresh(&store);
    for ( i = 0; i < 6; i++ )
        h[i] = put(&store, i, 100 + 400 * i);
    for ( i = 0; i < 6; i++ )
        released += n[i] = mc_store_free(&store, h[i], pages[i]);
    CHECK_EQ(released, 5);
    CHECK_EQ(store.pages, 1);

    /* There is something to go on with, but not from a chain that was. */
    last = put(&store, 6, 3000);
    CHECK_EQ(mc_store_next(&store, 0), last);
    for ( i = 0; i < 6; i++ )
    {
        CHECK_EQ(mc_store_info(&store, h[i], &o), -ENOENT);
        if ( n[i] )
            CHECK_EQ(mc_store_next(&store, h[i]), 0);
    }
    for ( i = 0; i < 6; i++ )
        while ( n[i] )
            page_free(pages[i][--n[i]]);
}

static void free_slots_are_used_before_pages_are_asked_for(void)
{
    mc_handle_t h[100];
    unsigned int i;
    uint64_t pages;

    fresh(&store);
    for ( i = 0; i < 100; i++ )
        h[i] = put(&store, i, 1000);
    pages = store.pages;
    for ( i = 0; i < 100; i += 2 )
        release(&store, h[i]);
    for ( i = 0; i < 100; i += 2 )
    {
        CHECK_EQ(mc_store_pages_needed(&store, 1000), 0);
        h[i] = put(&store, i, 1000);
    }
    CHECK_EQ(store.pages, pages);
    for ( i = 0; i < 100; i++ )
        expect(&store, h[i], i, 1000);
}

static void pages_given_twice_are_both_used(void)
{
    void *pages[MC_CHAIN_MAX];
    unsigned int i;

    fresh(&store);
    for ( i = 0; i < MC_CHAIN_MAX; i++ )
        pages[i] = page_alloc();
    CHECK_EQ(mc_store_add_chain(&store, 3000, pages, MC_CHAIN_MAX), 0);
    CHECK_EQ(store.pages, MC_CHAIN_MAX);
    for ( i = 0; i < MC_CHAIN_MAX; i++ )
    {
        CHECK_EQ(mc_store_pages_needed(&store, 3000), 0);
        put(&store, i, 3000);
    }
    CHECK_EQ(store.pages, MC_CHAIN_MAX);
}

struct mover {
    mc_handle_t handle[4096];   /* by gfn */
    uint64_t pinned;            /* gfn */
    unsigned int calls;
};

static struct mover mover;

static bool do_move(void *ctx, uint64_t gfn, mc_handle_t from, mc_handle_t to)
{
    struct mover *m = ctx;

    m->calls++;
    CHECK_EQ(m->handle[gfn], from);
    CHECK(from != to);
    /* Both are there, whichever one is going to stay. */
    expect(&store, to, gfn, 1500);
    expect(&store, from, gfn, 1500);
    if ( gfn == m->pinned )
        return false;
    m->handle[gfn] = to;

    return true;
}

static unsigned int compact(unsigned int budget, unsigned int *moved)
{
    void *pages[64];
    unsigned int n = mc_store_compact(&store, budget, do_move, &mover, pages,
                                      64, moved), i;

    for ( i = 0; i < n; i++ )
        page_free(pages[i]);

    return n;
}

/* 400 objects of one class, of which each fourth remains. */
static void thin_out(void)
{
    unsigned int i;

    fresh(&store);
    memset(&mover, 0, sizeof(mover));
    mover.pinned = ~0ULL;
    for ( i = 0; i < 400; i++ )
        mover.handle[i] = put(&store, i, 1500);
    for ( i = 0; i < 400; i++ )
        if ( i % 4 )
            release(&store, mover.handle[i]);
}

static void compaction_gives_pages_back(void)
{
    unsigned int i, moved, total = 0;
    uint64_t before;

    thin_out();
    before = store.pages;
    while ( compact(16, &moved) )
    {
        CHECK(moved <= 16);
        total += moved;
    }
    CHECK(total && total < 100);
    CHECK_EQ(pages_allocated(), store.pages);
    /* 100 objects of 1500 bytes are 36.6 pages. */
    CHECK(before > 140);
    CHECK_EQ(store.pages, 38);
    for ( i = 0; i < 400; i += 4 )
        expect(&store, mover.handle[i], i, 1500);
    CHECK_EQ(compact(1000, &moved), 0);
    CHECK_EQ(moved, 0);
}

static void a_store_is_sparse_until_it_was_compacted(void)
{
    unsigned int moved;

    thin_out();
    CHECK(mc_store_is_sparse(&store));
    /* Stopped early, it is to go on. */
    compact(16, &moved);
    CHECK(mc_store_is_sparse(&store));
    while ( compact(100, &moved) )
        ;
    CHECK(!mc_store_is_sparse(&store));

    /* Nor is it if nothing can be gained, until much was freed again. */
    release(&store, mover.handle[0]);
    release(&store, mover.handle[4]);
    CHECK(!mc_store_is_sparse(&store));
}

static void compaction_without_budget_moves_nothing(void)
{
    unsigned int moved;

    thin_out();
    compact(0, &moved);
    CHECK_EQ(moved, 0);
    CHECK_EQ(mover.calls, 0);
}

static void compaction_stops_when_the_array_is_full(void)
{
    void *pages[2];
    unsigned int moved;
    uint64_t before;

    thin_out();
    before = store.pages;
    CHECK_EQ(mc_store_compact(&store, 1000, do_move, &mover, pages, 2, &moved),
             2);
    CHECK_EQ(store.pages, before - 2);
    page_free(pages[0]);
    page_free(pages[1]);
}

static void pinned_objects_stay_where_they_are(void)
{
    unsigned int i, moved;
    mc_handle_t h;

    for ( i = 0; i < 400; i += 4 )
    {
        thin_out();
        mover.pinned = i;
        h = mover.handle[i];
        while ( compact(64, &moved) )
            ;
        CHECK_EQ(mover.handle[i], h);
        CHECK_EQ(store.objects, 100);
        expect(&store, h, i, 1500);
        CHECK_EQ(pages_allocated(), store.pages);
    }
}

static void a_single_chain_is_made_shorter(void)
{
    unsigned int i, moved, n = 0;

    fresh(&store);
    memset(&mover, 0, sizeof(mover));
    mover.pinned = ~0ULL;
    while ( store.pages < 3 )
    {
        mover.handle[n] = put(&store, n, 1500);
        n++;
    }
    CHECK(n < 12);
    for ( i = 0; i + 1 < n; i++ )
        release(&store, mover.handle[i]);
    CHECK_EQ(store.pages, 3);
    while ( compact(8, &moved) )
        ;
    CHECK_EQ(store.pages, 1);
    expect(&store, mover.handle[n - 1], n - 1, 1500);

    /* And longer again. */
    for ( i = 0; i + 1 < n; i++ )
        mover.handle[i] = put(&store, i, 1500);
    CHECK_EQ(store.pages, 3);
    CHECK_EQ(store.objects, n);
    for ( i = 0; i < n; i++ )
        expect(&store, mover.handle[i], i, 1500);
}

static void enumeration_meets_every_object_once(void)
{
    static bool seen[3000];
    struct rng r = { 12 };
    mc_handle_t h;
    struct mc_obj o;
    unsigned int i, n = 0;

    fresh(&store);
    memset(seen, 0, sizeof(seen));
    CHECK_EQ(mc_store_next(&store, 0), 0);
    for ( i = 0; i < 3000; i++ )
        put(&store, i, rng_between(&r, 1, MC_MAX_OBJECT));
    for ( h = mc_store_next(&store, 0); h; h = mc_store_next(&store, h), n++ )
    {
        CHECK_EQ(mc_store_info(&store, h, &o), 0);
        CHECK(!seen[o.gfn]);
        seen[o.gfn] = true;
    }
    CHECK_EQ(n, 3000);
}

static void everything_can_be_freed_while_enumerating(void)
{
    struct rng r = { 13 };
    mc_handle_t h;
    unsigned int i;

    fresh(&store);
    for ( i = 0; i < 3000; i++ )
        put(&store, i, rng_between(&r, 1, MC_MAX_OBJECT));
    while ( (h = mc_store_next(&store, 0)) != 0 )
        release(&store, h);
    CHECK_EQ(store.objects, 0);
    CHECK_EQ(store.bytes, 0);
    CHECK_EQ(store.bad, 0);
    CHECK(store.pages <= MC_CHAIN_MAX);
}

static void drain_hands_back_every_page(void)
{
    struct rng r = { 14 };
    void *pages[MC_CHAIN_MAX + 3];
    unsigned int i, n, total = 0;
    uint64_t had;

    fresh(&store);
    for ( i = 0; i < 3000; i++ )
        put(&store, i, rng_between(&r, 1, MC_MAX_OBJECT));
    had = store.pages;
    while ( (n = mc_store_drain(&store, pages, ARRAY_SIZE(pages))) != 0 )
    {
        total += n;
        while ( n )
            page_free(pages[--n]);
    }
    CHECK_EQ(total, had);
    CHECK_EQ(store.pages, 0);
    CHECK_EQ(store.objects, 0);
    CHECK_EQ(store.bytes, 0);
    CHECK_EQ(pages_allocated(), 0);
    for ( i = 0; i < MC_NR_CLASSES; i++ )
        CHECK_EQ(store.stats[i].chains + store.stats[i].slots +
                 store.stats[i].objects, 0);
    an_empty_store_needs_a_page();
}

static void a_store_fits_in_a_page(void)
{
    CHECK(sizeof(struct mc_store) <= 4096);
}

int main(void)
{
    mc_store_init(&store);

    RUN(an_empty_store_needs_a_page);
    RUN(one_page_is_enough_for_any_length);
    RUN(without_a_page_nothing_changes);
    RUN(lengths_and_numbers_out_of_range_are_refused);
    RUN(every_field_is_kept_at_its_limits);
    RUN(objects_may_straddle_pages);
    RUN(freed_twice_is_noticed);
    RUN(wild_handles_are_noticed);
    RUN(handles_of_another_store_are_refused);
    RUN(handles_into_a_released_chain_are_refused);
    RUN(free_slots_are_used_before_pages_are_asked_for);
    RUN(pages_given_twice_are_both_used);
    RUN(compaction_gives_pages_back);
    RUN(a_store_is_sparse_until_it_was_compacted);
    RUN(compaction_without_budget_moves_nothing);
    RUN(compaction_stops_when_the_array_is_full);
    RUN(pinned_objects_stay_where_they_are);
    RUN(a_single_chain_is_made_shorter);
    RUN(enumeration_meets_every_object_once);
    RUN(everything_can_be_freed_while_enumerating);
    RUN(drain_hands_back_every_page);
    RUN(a_store_fits_in_a_page);

    return 0;
}
