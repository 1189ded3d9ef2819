/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one thing that may be done without the store's lock: reading an object
 * that is pinned.  One thread does so, while the other one puts, frees and
 * compacts all around.  For ThreadSanitizer.
 */

#include <pthread.h>
#include <string.h>

#include <xen/lib.h>

#include "harness.h"
#include "store.h"

#define OBJECTS 600U
#define ROUNDS  150000U

static struct {
    mc_handle_t handle;
    unsigned int len;
    uint8_t byte;
    bool pinned;
} model[OBJECTS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mc_store store;
static bool stop;

static bool move(void *ctx, uint64_t gfn, mc_handle_t from, mc_handle_t to)
{
    (void)ctx;
    CHECK_EQ(model[gfn].handle, from);
    if ( model[gfn].pinned )
        return false;
    model[gfn].handle = to;

    return true;
}

static void put(unsigned int gfn, struct rng *r)
{
    static uint8_t data[MC_MAX_OBJECT];
    unsigned int len = rng_between(r, 300, 700);

    if ( mc_store_pages_needed(&store, len) )
    {
        void *page = page_alloc();

        CHECK_EQ(mc_store_add_chain(&store, len, &page, 1), 0);
    }
    model[gfn].len = len;
    model[gfn].byte = rng_next(r);
    memset(data, model[gfn].byte, len);
    CHECK_EQ(mc_store_put(&store, gfn, data, len, 0, 1,
                          &model[gfn].handle), 0);
}

static void *change(void *arg)
{
    struct rng r = { 31 };
    unsigned int i, n, moved;
    void *pages[16];

    for ( i = 0; i < ROUNDS; i++ )
    {
        unsigned int gfn = rng_below(&r, OBJECTS);

        pthread_mutex_lock(&lock);
        n = 0;
        if ( !model[gfn].handle )
            put(gfn, &r);
        else if ( !model[gfn].pinned )
        {
            n = mc_store_free(&store, model[gfn].handle, pages);
            model[gfn].handle = 0;
        }
        while ( n )
            page_free(pages[--n]);
        if ( !rng_below(&r, 8) )
            n = mc_store_compact(&store, 20, move, NULL, pages, 16, &moved);
        while ( n )
            page_free(pages[--n]);
        pthread_mutex_unlock(&lock);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);

    return arg;
}

int main(void)
{
    static uint8_t bounce[MC_MAX_OBJECT];
    struct rng r = { 32 };
    unsigned long reads = 0;
    pthread_t thread;

    mc_store_init(&store);
    CHECK_EQ(pthread_create(&thread, NULL, change, NULL), 0);
    while ( !__atomic_load_n(&stop, __ATOMIC_ACQUIRE) )
    {
        unsigned int gfn = rng_below(&r, OBJECTS), i;
        const uint8_t *p;
        struct mc_obj o;

        pthread_mutex_lock(&lock);
        model[gfn].pinned = model[gfn].handle != 0;
        pthread_mutex_unlock(&lock);
        if ( !model[gfn].pinned )
            continue;

        p = mc_store_open(&store, model[gfn].handle, &o, bounce);
        CHECK(p);
        CHECK_EQ(o.gfn, gfn);
        CHECK_EQ(o.len, model[gfn].len);
        for ( i = 0; i < model[gfn].len; i++ )
            CHECK_EQ(p[i], model[gfn].byte);
        reads++;

        pthread_mutex_lock(&lock);
        model[gfn].pinned = false;
        pthread_mutex_unlock(&lock);
    }
    pthread_join(thread, NULL);
    CHECK(reads > 100);
    printf("ok %lu reads without the lock\n", reads);

    return 0;
}
