/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames.  A freed frame is poisoned, so that AddressSanitizer reports whoever
 * still looks at it; mfn_valid() holds for allocated ones.
 */

#include <sys/mman.h>

#include <xen/mm.h>

#include "harness.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define ARENA_PAGES 65536U      /* 256 MiB */

uint8_t *shim_arena;

static bool allocated[ARENA_PAGES];
static uint32_t free_list[ARENA_PAGES];
static unsigned int free_nr;
static unsigned int fail_one_in;
static struct rng *fail_rng;

static void __attribute__((__constructor__)) pages_init(void)
{
    uint32_t i;

    shim_arena = mmap(NULL, (size_t)ARENA_PAGES * PAGE_BYTES,
                      PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(shim_arena != MAP_FAILED);
    ASAN_POISON_MEMORY_REGION(shim_arena, (size_t)ARENA_PAGES * PAGE_BYTES);

    /* Neighbours are not given out one after the other. */
    for ( i = 0; i < ARENA_PAGES; i++ )
        free_list[i] = (i * 40503U + 7) % ARENA_PAGES;
    free_nr = ARENA_PAGES;
}

bool shim_mfn_valid(uint64_t mfn)
{
    return mfn >= SHIM_FIRST_MFN && mfn < SHIM_FIRST_MFN + ARENA_PAGES &&
           allocated[mfn - SHIM_FIRST_MFN];
}

void *page_alloc(void)
{
    uint32_t nr;
    void *page;

    if ( fail_one_in && !rng_below(fail_rng, fail_one_in) )
        return NULL;

    if ( !free_nr )
        return NULL;

    nr = free_list[--free_nr];
    allocated[nr] = true;
    page = shim_arena + (size_t)nr * PAGE_BYTES;
    ASAN_UNPOISON_MEMORY_REGION(page, PAGE_BYTES);
    __builtin_memset(page, 0xdb, PAGE_BYTES);

    return page;
}

void page_free(void *page)
{
    uint32_t nr = ((uint8_t *)page - shim_arena) / PAGE_BYTES;

    CHECK(nr < ARENA_PAGES && allocated[nr]);
    allocated[nr] = false;
    free_list[free_nr++] = nr;
    ASAN_POISON_MEMORY_REGION(page, PAGE_BYTES);
}

size_t pages_allocated(void)
{
    return ARENA_PAGES - free_nr;
}

void pages_fail(struct rng *r, unsigned int n)
{
    fail_rng = r;
    fail_one_in = n;
}
