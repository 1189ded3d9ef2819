/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claims about a store whose pages were overwritten by somebody.  Includes the
 * store, to know where to hit.
 */

#include "store.c"

#include "harness.h"

static struct mc_store store;
static uint8_t data[MC_MAX_OBJECT], bounce[MC_MAX_OBJECT];

static mc_handle_t put(uint64_t gfn, unsigned int len)
{
    mc_handle_t h;

    if ( mc_store_pages_needed(&store, len) )
    {
        void *page = page_alloc();

        CHECK_EQ(mc_store_add_chain(&store, len, &page, 1), 0);
    }
    CHECK_EQ(mc_store_put(&store, gfn, data, len, 0, 1, &h), 0);

    return h;
}

static struct mc_chain *chain(mc_handle_t h)
{
    return chain_at(h >> MC_INDEX_BITS);
}

static struct mc_slot *slot(mc_handle_t h)
{
    return slot_of(chain(h), h & MC_INDEX_MASK);
}

static void expect_error(mc_handle_t h, int error)
{
    void *pages[MC_CHAIN_MAX];
    struct mc_obj o;
    uint64_t bad = store.bad;

    CHECK_EQ(mc_store_info(&store, h, &o), error);
    CHECK(!mc_store_open(&store, h, &o, bounce));
    CHECK_EQ(mc_store_free(&store, h, pages), 0);
    CHECK_EQ(store.bad, bad + 1);
}

static void classes_grow_in_size_and_cover_all_lengths(void)
{
    unsigned int i, len;

    for ( i = 0; i < ARRAY_SIZE(classes); i++ )
    {
        const struct mc_class *k = &classes[i];
        unsigned int pages, before = 0, end = k->data + k->objs * k->size;

        CHECK(k->pages >= 1 && k->pages <= MC_CHAIN_MAX);
        CHECK(k->objs < MC_NO_SLOT);
        CHECK(k->size % 4 == 0 && (!i || k->size > classes[i - 1].size));
        CHECK(k->head + k->objs * sizeof(struct mc_slot) <= k->data);
        CHECK(k->data < MC_PAGE_SIZE);
        CHECK(end <= k->pages * MC_PAGE_SIZE);
        CHECK(k->pages * MC_PAGE_SIZE - end < 4U * k->objs);

        /* Each page of a chain adds slots. */
        for ( pages = 1; pages <= k->pages; pages++ )
        {
            CHECK(slots_within(i, pages) > before);
            before = slots_within(i, pages);
        }
        CHECK_EQ(before, k->objs);
    }
    CHECK(classes[ARRAY_SIZE(classes) - 1].size >= MC_MAX_OBJECT);

    for ( len = 1; len <= MC_MAX_OBJECT; len++ )
    {
        i = class_of(len);
        CHECK(classes[i].size >= len && (!i || classes[i - 1].size < len));
    }
}

static void a_damaged_length_is_noticed(void)
{
    mc_handle_t h = put(1, 1000);
    unsigned int len, noticed = 0;

    for ( len = 0; len < 4096; len++ )
    {
        struct mc_obj o;

        slot(h)->len = len;
        if ( mc_store_info(&store, h, &o) == -EIO )
        {
            expect_error(h, -EIO);
            noticed++;
        }
    }
    CHECK(noticed > 4000);
    slot(h)->len = 1000;
}

static void a_damaged_head_is_noticed(void)
{
    mc_handle_t h = put(2, 2000);
    struct mc_obj o;
    unsigned int class = chain(h)->class;

    chain(h)->magic ^= 0x100;
    expect_error(h, -ENOENT);
    chain(h)->magic ^= 0x100;

    chain(h)->class = ARRAY_SIZE(classes);
    expect_error(h, -EIO);
    chain(h)->class = class;
    CHECK_EQ(mc_store_info(&store, h, &o), 0);
}

static void a_copy_of_a_head_is_no_head(void)
{
    mc_handle_t h = put(9, 2500), copy;
    void *page = page_alloc();

    memcpy(page, chain(h), MC_PAGE_SIZE);
    copy = handle_of(mc_virt_to_pfn(page), h & MC_INDEX_MASK);
    expect_error(copy, -ENOENT);
    CHECK_EQ(mc_store_next(&store, copy), 0);
    page_free(page);
}

/* Pages are lost, but no object is written over another one. */
static void a_damaged_list_of_free_slots_costs_free_slots_only(void)
{
    mc_handle_t used = put(3, 600), h;
    struct mc_chain *c = chain(used);
    uint64_t bad = store.bad;

    CHECK(c->free != MC_NO_SLOT);
    c->free = used & MC_INDEX_MASK;
    CHECK_EQ(mc_store_put(&store, 4, data, 600, 0, 1, &h), -ENOMEM);
    CHECK_EQ(store.bad, bad + 1);
    CHECK_EQ(mc_store_pages_needed(&store, 600), 1);

    /* The chain grows, and with that its free slots are found again. */
    h = put(5, 600);
    CHECK(chain(h) == c && h != used);

    c->free = c->limit;
    bad = store.bad;
    CHECK_EQ(mc_store_put(&store, 6, data, 600, 0, 1, &h), -ENOMEM);
    CHECK_EQ(store.bad, bad + 1);
    h = put(7, 600);
    CHECK_EQ(slot(h)->gfn_lo, 7);
    CHECK_EQ(slot(used)->gfn_lo, 3);
}

static void every_bit_of_a_description_may_flip(void)
{
    mc_handle_t h = put(8, 1700);
    uint8_t *raw = (uint8_t *)slot(h);
    unsigned int bit;

    for ( bit = 0; bit < sizeof(struct mc_slot) * 8; bit++ )
    {
        struct mc_obj o = { .len = 0 };
        int rc;

        raw[bit / 8] ^= 1 << (bit % 8);
        rc = mc_store_info(&store, h, &o);
        CHECK(rc == -EIO || rc == -ENOENT || rc == 0);
        CHECK(o.len <= MC_MAX_OBJECT);
        CHECK(!rc == !!mc_store_open(&store, h, &o, bounce));
        raw[bit / 8] ^= 1 << (bit % 8);
    }
}

int main(void)
{
    void *pages[MC_CHAIN_MAX];
    unsigned int n;

    mc_store_init(&store);

    RUN(classes_grow_in_size_and_cover_all_lengths);
    RUN(a_damaged_length_is_noticed);
    RUN(a_damaged_head_is_noticed);
    RUN(a_copy_of_a_head_is_no_head);
    RUN(a_damaged_list_of_free_slots_costs_free_slots_only);
    RUN(every_bit_of_a_description_may_flip);

    while ( (n = mc_store_drain(&store, pages, MC_CHAIN_MAX)) != 0 )
        while ( n )
            page_free(pages[--n]);
    CHECK_EQ(pages_allocated(), 0);

    return 0;
}
