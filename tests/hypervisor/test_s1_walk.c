/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about the walk of a guest's stage-1 tables: s1-walk.c. */

#include <errno.h>
#include <string.h>

#include <xen/lib.h>

#include <asm/s1-walk.h>

#include "harness.h"

#define TABLES      16U
#define TABLES_AT   0x40000000ULL
#define PAGE        (TABLES_AT + 0x10000000ULL)
#define TABLE_DESC  3ULL
#define PAGE_DESC   3ULL
#define BLOCK_DESC  1ULL
#define AF          (1ULL << 10)
#define XN          (3ULL << 53)
#define MIB         (1ULL << 20)
#define GIB         (1ULL << 30)

static uint64_t memory[TABLES][512];
static unsigned int tables, reads;

static struct {
    uint64_t va[4096], ipa[4096];
    bool accessed[4096];
    unsigned int nr, stop_after;
} seen;

/* @most: work between two questions whether to stop that is too much; 0: any. */
static unsigned int work, longest, most, stop_every, asked;

static uint64_t table(void)
{
    CHECK(tables < TABLES);
    memset(memory[tables], 0, sizeof(memory[tables]));

    return TABLES_AT + tables++ * 4096ULL;
}

static uint64_t *entries(uint64_t at)
{
    return memory[(at - TABLES_AT) / 4096];
}

static void looked(unsigned int entries_looked_at)
{
    work += entries_looked_at;
    longest = work > longest ? work : longest;
    CHECK(!most || work <= most);
}

static bool read_table(void *ctx, uint64_t at, uint64_t *buf)
{
    reads++;
    looked(512);
    CHECK(!(at & 4095));
    if ( at < TABLES_AT || at >= TABLES_AT + tables * 4096ULL )
        return false;

    memcpy(buf, entries(at), 4096);

    return true;
}

static bool leaf(void *ctx, uint64_t va, uint64_t ipa, bool accessed)
{
    CHECK(!(va & 4095) && !(ipa & 4095));
    if ( seen.nr < ARRAY_SIZE(seen.va) )
    {
        seen.va[seen.nr] = va;
        seen.ipa[seen.nr] = ipa;
        seen.accessed[seen.nr] = accessed;
    }
    seen.nr++;

    return !seen.stop_after || seen.nr % seen.stop_after;
}

static bool stop(void *ctx)
{
    looked(0);
    work = 0;
    asked++;

    return stop_every && !(asked % stop_every);
}

static uint64_t upper[512], last[512];

static struct s1_walk begin(uint64_t root, unsigned int bits)
{
    memset(&seen, 0, sizeof(seen));
    reads = work = longest = most = stop_every = asked = 0;

    return (struct s1_walk){
        .root = root, .tcr = 64 - bits, .read = read_table, .leaf = leaf,
        .stop = stop, .upper = upper, .last = last,
    };
}

/* Pages of [va, va + nr pages), 48 bits, tables as needed: L0 to L3. */
static uint64_t map48(uint64_t va, unsigned int nr, uint64_t attrs)
{
    uint64_t l0, l1, l2, l3;
    unsigned int i;

    tables = 0;
    l0 = table(), l1 = table(), l2 = table(), l3 = table();
    entries(l0)[(va >> 39) & 511] = l1 | TABLE_DESC;
    entries(l1)[(va >> 30) & 511] = l2 | TABLE_DESC;
    entries(l2)[(va >> 21) & 511] = l3 | TABLE_DESC;
    for ( i = 0; i < nr; i++ )
        entries(l3)[((va >> 12) & 511) + i] = (PAGE + i * 4096ULL) |
                                              PAGE_DESC | attrs;

    return l0;
}

static void pages_of_48_bit_tables_are_found_in_order(void)
{
    uint64_t base = 0x7f1234400000ULL, va = base, i;
    struct s1_walk w = begin(map48(base, 5, XN), 48);

    CHECK_EQ(s1_walk(&w, &va, base + 8 * 4096), 0);
    CHECK_EQ(seen.nr, 5);
    CHECK_EQ(w.pages, 5);
    for ( i = 0; i < 5; i++ )
    {
        CHECK_EQ(seen.va[i], base + i * 4096);
        CHECK_EQ(seen.ipa[i], PAGE + i * 4096);
    }
    CHECK(va >= base + 8 * 4096);
}

static void the_range_is_honoured_to_the_page(void)
{
    uint64_t base = 0x400000, va = base + 4096;
    struct s1_walk w = begin(map48(base, 16, 0), 48);

    CHECK_EQ(s1_walk(&w, &va, base + 3 * 4096), 0);
    CHECK_EQ(seen.nr, 2);
    CHECK_EQ(seen.va[0], base + 4096);

    /* Nothing is behind the last address there is. */
    w = begin(map48((1ULL << 48) - 4096, 1, 0), 48);
    va = (1ULL << 48) - 4096;
    CHECK_EQ(s1_walk(&w, &va, UINT64_MAX), 0);
    CHECK_EQ(seen.nr, 1);
}

static void the_guests_access_flag_is_told(void)
{
    uint64_t va = 0x400000;
    struct s1_walk w = begin(map48(va, 2, 0), 48);

    entries(TABLES_AT + 3 * 4096)[(va >> 12) & 511] |= AF;
    CHECK_EQ(s1_walk(&w, &va, va + 2 * 4096), 0);
    CHECK(seen.accessed[0]);
    CHECK(!seen.accessed[1]);
}

static void a_39_bit_regime_begins_at_level_1(void)
{
    uint64_t l1, l2, l3, va = 5 * GIB;
    struct s1_walk w;

    tables = 0;
    l1 = table(), l2 = table(), l3 = table();
    entries(l1)[5] = l2 | TABLE_DESC;
    entries(l2)[0] = l3 | TABLE_DESC;
    entries(l3)[0] = PAGE | PAGE_DESC;
    /* Attributes of TTBR0_EL1: ASID and CnP. */
    w = begin(l1 | 1 | (7ULL << 48), 39);
    CHECK_EQ(s1_walk(&w, &va, UINT64_MAX), 0);
    CHECK_EQ(seen.nr, 1);
    CHECK_EQ(seen.ipa[0], PAGE);
}

static void small_root_tables_may_be_anywhere_in_a_page(void)
{
    uint64_t root, l1, l2, l3, va = 1ULL << 39;
    struct s1_walk w;

    /* 40 bits: two entries at level 0, 64 bytes at offset 128. */
    tables = 0;
    root = table(), l1 = table(), l2 = table(), l3 = table();
    entries(root)[16 + 1] = l1 | TABLE_DESC;
    entries(l1)[0] = l2 | TABLE_DESC;
    entries(l2)[0] = l3 | TABLE_DESC;
    entries(l3)[0] = PAGE | PAGE_DESC;
    w = begin(root + 128, 40);
    CHECK_EQ(s1_walk(&w, &va, UINT64_MAX), 0);
    CHECK_EQ(seen.nr, 1);

    /* 25 bits: sixteen entries at level 2. */
    tables = 0;
    root = table(), l3 = table();
    entries(root)[16 + 15] = l3 | TABLE_DESC;
    entries(l3)[511] = PAGE | PAGE_DESC;
    va = 0;
    w = begin(root + 128, 25);
    CHECK_EQ(s1_walk(&w, &va, UINT64_MAX), 0);
    CHECK_EQ(seen.nr, 1);
    CHECK_EQ(seen.va[0], (1ULL << 25) - 4096);
}

static void blocks_are_their_pages(void)
{
    uint64_t l0, l1, l2, va, i;
    struct s1_walk w;

    tables = 0;
    l0 = table(), l1 = table(), l2 = table();
    entries(l0)[0] = l1 | TABLE_DESC;
    entries(l1)[0] = l2 | TABLE_DESC;
    entries(l1)[1] = 0x80000000ULL | BLOCK_DESC | AF;
    entries(l2)[3] = 0x50000000ULL | BLOCK_DESC;

    va = 6 * MIB + 7 * 4096;
    w = begin(l0, 48);
    CHECK_EQ(s1_walk(&w, &va, GIB), 0);
    CHECK_EQ(seen.nr, 512 - 7);
    for ( i = 0; i < 512 - 7; i++ )
        CHECK_EQ(seen.ipa[i], 0x50000000ULL + (i + 7) * 4096);
    CHECK(!seen.accessed[0]);

    va = GIB + 6 * MIB;
    w = begin(l0, 48);
    CHECK_EQ(s1_walk(&w, &va, GIB + 8 * MIB), 0);
    CHECK_EQ(seen.nr, 512);
    CHECK_EQ(seen.ipa[0], 0x80000000ULL + 6 * MIB);
    CHECK(seen.accessed[0]);

    /* There is no such thing as a block at level 0. */
    entries(l0)[1] = PAGE | BLOCK_DESC;
    va = 1ULL << 39;
    w = begin(l0, 48);
    CHECK_EQ(s1_walk(&w, &va, 2ULL << 39), 0);
    CHECK_EQ(seen.nr, 0);
}

static void other_regimes_are_refused(void)
{
    static const uint64_t tcr[] = {
        16 | (1 << 14),         /* 64K granule */
        16 | (2 << 14),         /* 16K granule */
        16 | (1ULL << 59),      /* 52-bit addresses: another descriptor */
        15, 12, 0, 40, 63,      /* T0SZ */
    };
    struct s1_walk w = begin(map48(0x400000, 1, 0), 48);
    uint64_t va = 0x400000;
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(tcr); i++ )
    {
        w.tcr = tcr[i];
        CHECK_EQ(s1_walk(&w, &va, GIB), -EOPNOTSUPP);
    }
    CHECK_EQ(reads, 0);
    CHECK_EQ(va, 0x400000);

    for ( i = 16; i <= 39; i++ )
    {
        va = 0;
        w.tcr = i | (0xffffULL << 16);  /* what is TTBR1's does not matter */
        CHECK_EQ(s1_walk(&w, &va, 4096), 0);
    }
}

static void tables_that_are_nowhere_are_skipped(void)
{
    struct s1_walk w = begin(map48(0x400000, 1, 0), 48);
    uint64_t va = 0;

    entries(TABLES_AT + 2 * 4096)[7] = 0x123000ULL | TABLE_DESC;
    entries(TABLES_AT + 4096)[7] = 0x123000ULL | TABLE_DESC;
    entries(TABLES_AT)[7] = 0x123000ULL | TABLE_DESC;
    CHECK_EQ(s1_walk(&w, &va, UINT64_MAX), 0);
    CHECK_EQ(seen.nr, 1);

    w = begin(0x123000, 48);
    va = 0;
    CHECK_EQ(s1_walk(&w, &va, UINT64_MAX), 0);
    CHECK_EQ(seen.nr, 0);
    CHECK(reads <= 512);
}

/* Until the end, in as many calls as it takes. */
static unsigned int calls(struct s1_walk *w, uint64_t from, uint64_t end,
                          unsigned int limit)
{
    uint64_t va = from, before;
    unsigned int n = 0;
    int rc;

    do {
        before = va;
        work = 0;
        rc = s1_walk(w, &va, end);
        looked(0);
        CHECK(rc == 0 || rc == -ERESTART);
        CHECK(va > before || before >= end);
    } while ( ++n < limit && rc );

    return n;
}

static void stopping_anywhere_loses_and_repeats_nothing(void)
{
    unsigned int every, i;

    for ( every = 1; every < 9; every++ )
    {
        struct s1_walk w = begin(map48(0x400000, 300, 0), 48);

        seen.stop_after = every;
        stop_every = 3;
        calls(&w, 0, 1ULL << 40, 10000);
        CHECK_EQ(seen.nr, 300);
        CHECK_EQ(w.pages, 300);
        for ( i = 0; i < 300; i++ )
            CHECK_EQ(seen.va[i], 0x400000ULL + i * 4096);
    }
}

/* Every entry of each table leads to the one table of the next level. */
static uint64_t all_to_one(uint64_t leaf_desc)
{
    uint64_t at[4];
    unsigned int i, j;

    tables = 0;
    for ( i = 0; i < 4; i++ )
        at[i] = table();
    for ( i = 0; i < 4; i++ )
        for ( j = 0; j < 512; j++ )
            entries(at[i])[j] = i < 3 ? at[i + 1] | TABLE_DESC : leaf_desc;

    return at[0];
}

/*
 * 2^27 tables to look at, and nothing in any of them.  Whoever has to stop is
 * asked often enough, and gets further each time.
 */
static void a_tree_of_nothing_is_walked_in_short_pieces(void)
{
    struct s1_walk w = begin(all_to_one(0), 48);
    unsigned int n;

    stop_every = 1;
    /* Three levels to find the way, and one to look at. */
    most = 5 * 512;
    n = calls(&w, 0, 1ULL << 48, 5000);
    CHECK_EQ(n, 5000);
    CHECK_EQ(seen.nr, 0);

    w = begin(all_to_one(0), 48);
    stop_every = 1000;
    most = 5 * 512;
    CHECK_EQ(calls(&w, 0, 1ULL << 48, 500), 500);
}

static void a_table_that_is_its_own_child_is_no_trap(void)
{
    uint64_t l0;
    unsigned int i;
    struct s1_walk w;

    tables = 0;
    l0 = table();
    for ( i = 0; i < 512; i++ )
        entries(l0)[i] = l0 | TABLE_DESC;
    w = begin(l0, 48);
    stop_every = 64;
    CHECK_EQ(calls(&w, 0, 1ULL << 48, 100), 100);
    /* At level 3 the descriptor of a table is that of a page. */
    CHECK(seen.nr > 0);
    CHECK_EQ(seen.ipa[0], l0);
}

int main(void)
{
    RUN(pages_of_48_bit_tables_are_found_in_order);
    RUN(the_range_is_honoured_to_the_page);
    RUN(the_guests_access_flag_is_told);
    RUN(a_39_bit_regime_begins_at_level_1);
    RUN(small_root_tables_may_be_anywhere_in_a_page);
    RUN(blocks_are_their_pages);
    RUN(other_regimes_are_refused);
    RUN(tables_that_are_nowhere_are_skipped);
    RUN(stopping_anywhere_loses_and_repeats_nothing);
    RUN(a_tree_of_nothing_is_walked_in_short_pieces);
    RUN(a_table_that_is_its_own_child_is_no_trap);

    return 0;
}
