/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random walk through everything one can do to a store, next to a model that
 * is an array of copies.   walk_store [seed [operations]]
 */

#include <string.h>

#include <xen/errno.h>
#include <xen/lib.h>

#include "harness.h"
#include "store.h"

#define MODEL_SIZE 3000U

struct copy {
    mc_handle_t handle;         /* 0: no object of this gfn */
    unsigned int len;
    uint32_t crc;
    uint8_t codec;
    bool pinned;
    uint8_t data[MC_MAX_OBJECT];
};

static struct copy model[MODEL_SIZE];
static unsigned int live;
static uint64_t bytes;
static struct mc_store store;
static struct rng rng;
static uint8_t bounce[MC_MAX_OBJECT];
static unsigned int refused_moves, moves, no_memory, released;

static void check_object(unsigned int gfn)
{
    const struct copy *c = &model[gfn];
    struct mc_obj o;
    const void *p;

    p = mc_store_open(&store, c->handle, &o, bounce);
    CHECK(p);
    CHECK_EQ(o.gfn, gfn);
    CHECK_EQ(o.len, c->len);
    CHECK_EQ(o.crc, c->crc);
    CHECK_EQ(o.codec, c->codec);
    CHECK(!memcmp(p, c->data, c->len));
}

static void check_counters(void)
{
    uint64_t chains = 0, pages = 0, objects = 0, codecs = 0;
    unsigned int i;

    for ( i = 0; i < MC_NR_CLASSES; i++ )
    {
        CHECK(store.stats[i].objects <= store.stats[i].slots);
        CHECK(store.stats[i].chains <= store.stats[i].pages);
        chains += store.stats[i].chains;
        pages += store.stats[i].pages;
        objects += store.stats[i].objects;
    }
    CHECK_EQ(store.objects, live);
    CHECK_EQ(objects, live);
    for ( i = 0; i < MC_NR_STORED_CODECS; i++ )
        codecs += store.by_codec[i];
    CHECK_EQ(codecs, live);
    CHECK_EQ(pages, store.pages);
    CHECK_EQ(store.bytes, bytes);
    CHECK_EQ(store.pages, pages_allocated());
    CHECK(chains <= store.pages);
}

static void check_everything(void)
{
    static bool seen[MODEL_SIZE];
    unsigned int gfn, n = 0;
    mc_handle_t h;

    memset(seen, 0, sizeof(seen));
    for ( h = mc_store_next(&store, 0); h; h = mc_store_next(&store, h) )
    {
        struct mc_obj o;

        CHECK_EQ(mc_store_info(&store, h, &o), 0);
        CHECK(o.gfn < MODEL_SIZE && !seen[o.gfn]);
        CHECK_EQ(model[o.gfn].handle, h);
        seen[o.gfn] = true;
        n++;
    }
    CHECK_EQ(n, live);
    for ( gfn = 0; gfn < MODEL_SIZE; gfn++ )
        if ( model[gfn].handle )
            check_object(gfn);
    check_counters();
}

static unsigned int random_len(void)
{
    switch ( rng_below(&rng, 4) )
    {
    case 0:
        return rng_between(&rng, 1, MC_MAX_OBJECT);
    case 1:
        return rng_between(&rng, 1, 200);
    default:
        return rng_between(&rng, 1400, 1500);
    }
}

static void put(unsigned int gfn)
{
    struct copy *c = &model[gfn];
    unsigned int i, len = random_len();
    int rc;

    c->len = len;
    c->crc = rng_next(&rng);
    c->codec = rng_below(&rng, 8);
    for ( i = 0; i < len; i++ )
        c->data[i] = rng_next(&rng);

    /* Sometimes two callers give pages for the same need. */
    while ( mc_store_pages_needed(&store, len) || !rng_below(&rng, 40) )
    {
        void *page = page_alloc();

        if ( !page )
            break;
        CHECK_EQ(mc_store_add_chain(&store, len, &page, 1), 0);
    }

    rc = mc_store_put(&store, gfn, c->data, len, c->crc, c->codec, &c->handle);
    if ( rc )
    {
        CHECK_EQ(rc, -ENOMEM);
        CHECK_EQ(mc_store_pages_needed(&store, len), 1);
        c->handle = 0;
        no_memory++;
        return;
    }
    live++;
    bytes += len;
    check_object(gfn);
}

static void give_back(void *pages[], unsigned int n)
{
    released += n;
    while ( n )
        page_free(pages[--n]);
}

static void take(unsigned int gfn)
{
    void *pages[MC_CHAIN_MAX];
    uint64_t bad = store.bad;
    mc_handle_t h = model[gfn].handle;
    struct mc_obj o;

    model[gfn].handle = 0;
    live--;
    bytes -= model[gfn].len;
    give_back(pages, mc_store_free(&store, h, pages));
    CHECK_EQ(store.bad, bad);

    CHECK_EQ(mc_store_info(&store, h, &o), -ENOENT);
    CHECK_EQ(mc_store_free(&store, h, pages), 0);
    CHECK_EQ(store.bad, bad + 1);
}

static bool move(void *ctx, uint64_t gfn, mc_handle_t from, mc_handle_t to)
{
    struct mc_obj o;

    CHECK(ctx == &model);
    CHECK_EQ(model[gfn].handle, from);
    CHECK_EQ(mc_store_info(&store, to, &o), 0);
    CHECK_EQ(o.gfn, gfn);
    if ( model[gfn].pinned )
    {
        refused_moves++;
        return false;
    }
    model[gfn].handle = to;
    moves++;

    return true;
}

static void compact(void)
{
    void *pages[40];
    unsigned int budget = rng_below(&rng, 200), max = rng_between(&rng, 1, 40);
    unsigned int moved, before = moves, n;

    n = mc_store_compact(&store, budget, move, &model, pages, max, &moved);
    CHECK(n <= max);
    CHECK_EQ(moved, moves - before);
    CHECK(moved <= budget);
    give_back(pages, n);
}

int main(int argc, char **argv)
{
    unsigned int op, ops, fill = 70, n;
    void *pages[MC_CHAIN_MAX];

    rng.state = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    ops = argc > 2 ? strtoul(argv[2], NULL, 0) : 60000;

    mc_store_init(&store);
    for ( op = 0; op < ops; op++ )
    {
        unsigned int gfn = rng_below(&rng, MODEL_SIZE);

        if ( op % 2000 == 0 )
        {
            /* The store grows, shrinks, and runs out of memory in phases. */
            fill = rng_between(&rng, 20, 80);
            pages_fail(&rng, rng_below(&rng, 4));
            check_everything();
        }

        if ( !rng_below(&rng, 50) )
            compact();
        else if ( !rng_below(&rng, 20) )
            model[gfn].pinned = !model[gfn].pinned && !rng_below(&rng, 4);
        else if ( rng_below(&rng, 100) < fill )
        {
            if ( !model[gfn].handle )
                put(gfn);
            else
                check_object(gfn);
        }
        else if ( model[gfn].handle )
            take(gfn);

        check_counters();
    }

    check_everything();
    printf("%u objects; %u moves, %u refused; %u puts without memory; "
           "%u pages released\n", live, moves, refused_moves, no_memory,
           released);
    CHECK(moves && refused_moves && no_memory && released);

    while ( (n = mc_store_drain(&store, pages, MC_CHAIN_MAX)) != 0 )
        give_back(pages, n);
    live = 0;
    bytes = 0;
    check_counters();
    CHECK_EQ(pages_allocated(), 0);

    return 0;
}
