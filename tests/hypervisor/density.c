/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of the store's pages is useful bytes?  Prints a JSON object for
 * each situation; the lengths are spread evenly over 200 ... 3000 bytes.
 */

#include <xen/lib.h>

#include "harness.h"
#include "store.h"

#define MAX_OBJECTS 100000U

static struct mc_store store;
static mc_handle_t handles[MAX_OBJECTS];
static unsigned int nr;
static struct rng rng = { 21 };

static void add(void)
{
    static uint8_t data[MC_MAX_OBJECT];
    unsigned int len = rng_between(&rng, 200, 3000);
    unsigned int i = rng_below(&rng, MAX_OBJECTS);

    while ( handles[i] )
        i = (i + 1) % MAX_OBJECTS;

    if ( mc_store_pages_needed(&store, len) )
    {
        void *page = page_alloc();

        CHECK(page);
        CHECK_EQ(mc_store_add_chain(&store, len, &page, 1), 0);
    }
    CHECK_EQ(mc_store_put(&store, i, data, len, 0, 1, &handles[i]), 0);
    nr++;
}

static bool move(void *ctx, uint64_t gfn, mc_handle_t from, mc_handle_t to)
{
    (void)ctx;
    CHECK_EQ(handles[gfn], from);
    handles[gfn] = to;

    return true;
}

/* Free a random object.  Its place in the array is used by the next one. */
static void drop(void)
{
    void *pages[MC_CHAIN_MAX];
    unsigned int i = rng_below(&rng, MAX_OBJECTS), n;

    while ( !handles[i] )
        i = (i + 1) % MAX_OBJECTS;
    n = mc_store_free(&store, handles[i], pages);
    while ( n )
        page_free(pages[--n]);
    handles[i] = 0;
    nr--;
}

static unsigned int compact(void)
{
    void *pages[64];
    unsigned int n, i, moved, total = 0;

    while ( (n = mc_store_compact(&store, 64, move, NULL, pages, 64,
                                  &moved)) != 0 )
    {
        for ( i = 0; i < n; i++ )
            page_free(pages[i]);
        total += moved;
    }

    return total;
}

/* As the controller does it: now and then, and only if that is worth it. */
static unsigned int tidy(void)
{
    void *pages[64];
    unsigned int n, moved = 0;

    if ( !mc_store_is_sparse(&store) )
        return 0;

    n = mc_store_compact(&store, 100, move, NULL, pages, 64, &moved);
    while ( n )
        page_free(pages[--n]);

    return moved;
}

/* Each object replaced six times, in random order. */
static unsigned int churn(void)
{
    unsigned int i, n = nr * 6, moved = 0;

    for ( i = 0; i < n; i++ )
    {
        drop();
        add();
        if ( i % 32 == 31 )
            moved += tidy();
    }

    return moved;
}

static void report(const char *what, unsigned int moved)
{
    uint64_t chains = 0;
    unsigned int i;

    CHECK_EQ(store.pages, pages_allocated());
    for ( i = 0; i < MC_NR_CLASSES; i++ )
        chains += store.stats[i].chains;
    printf("{\"situation\": \"%s\", \"objects\": %u, \"pages\": %u, "
           "\"chains\": %u, \"density\": %.4f, \"moved\": %u}\n",
           what, nr, (unsigned int)store.pages, (unsigned int)chains,
           (double)store.bytes / (store.pages * 4096.0), moved);
}

int main(void)
{
    unsigned int i;

    mc_store_init(&store);
    while ( nr < 1000 )
        add();
    report("filled-1k", 0);
    report("churned-1k", churn());
    while ( nr < 4000 )
        add();
    report("filled-4k", 0);
    report("churned-4k", churn());
    while ( nr < 10000 )
        add();
    report("filled-10k", 0);
    report("churned-10k", churn());

    for ( i = 0; i < 100000; i++ )
    {
        drop();
        add();
    }
    report("replaced", 0);
    report("replaced-compacted", compact());

    while ( nr > 5000 )
        drop();
    report("halved", 0);
    report("halved-compacted", compact());

    while ( nr > 1000 )
        drop();
    report("tenth", 0);
    report("tenth-compacted", compact());

    while ( nr < MAX_OBJECTS )
        add();
    report("filled-100k", 0);

    return 0;
}
