/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a guest's stage-1 tables, with tables that mean anything.
 *
 * An input is a head (struct head, below) and records that each put one
 * descriptor into one of a few tables; tables lead to each other, themselves,
 * pages, or nowhere.  Claims: what is reported is what the architecture says
 * that the tables say, page by page (DDI 0487, D8.2 and D8.3, looked up by
 * lookup() below, which knows one address at a time); nothing that is mapped
 * is left out; each call gets further and, however it is cut into pieces by
 * stop() and leaf(), the outcome is the same; between two looks at stop()
 * there is no more to do than four tables and the pages of a block that leaf()
 * lets pass; and with tables that are rewritten while they are walked, all of
 * this but the first two.
 */

#include <string.h>

#include <xen/errno.h>
#include <xen/lib.h>

#include <asm/s1-walk.h>

#include "fuzz.h"

#define TABLES        8U
#define TABLES_AT     0x40000000ULL
#define ADDRESS       0x0000fffffffff000ULL
#define AF            (1ULL << 10)
/* Of one input; past that nothing new happens. */
#define MAX_LEAVES    150U
#define MAX_READS     120U

enum { REFUSED, FINISHED, CUT_SHORT, PAGES, BLOCKS, NO_TABLE, REWRITTEN };

struct fuzz_outcome fuzz_outcomes[] = {
    [REFUSED] = { "refused" },
    [FINISHED] = { "finished" },
    [CUT_SHORT] = { "cut short" },
    [PAGES] = { "pages" },
    [BLOCKS] = { "blocks" },
    [NO_TABLE] = { "no table" },
    [REWRITTEN] = { "rewritten" },
    { NULL }
};

static struct head {
    uint8_t t0sz;             /* and, of the upper bits, how it is cut     */
    uint8_t flags;            /* FLAG_*, and TG0                           */
    uint8_t start, length;    /* 8 bits of mantissa each ...               */
    uint8_t start_shift, length_shift;    /* ... and where they are        */
    uint8_t root;             /* which table                               */
    uint8_t root_low;         /* where in its page, in units of 16 bytes   */
} head;

#define FLAG_REWRITE  1U
#define FLAG_DS       2U
#define FLAG_TG0      4U      /* and 8 */
#define FLAG_HIGH     16U     /* the last addresses of the range           */

/* One descriptor: where, and what. */
struct record {
    uint8_t table, index, kind, target;
};

static uint64_t memory[TABLES][S1_TABLE_ENTRIES];
static uint64_t upper[S1_TABLE_ENTRIES], last[S1_TABLE_ENTRIES];
static struct rng rng;
static unsigned int reads, leaves, since_stop, stop_after, leaf_after;
static uint64_t next_va, start_va, end_va;
static bool block;

static uint64_t descriptor(const struct record *r)
{
    uint64_t table = TABLES_AT + (r->target % (TABLES + 1)) * 4096ULL;
    uint64_t af = r->kind & 0x80 ? AF : 0;

    switch ( r->kind & 7 )
    {
    case 0: case 1: case 2:     /* a table, or a page that is one          */
        return table | 3 | af;
    case 3:                     /* a page                                  */
        return ((uint64_t)r->target << 12) | 3 | af;
    case 4:                     /* a block, aligned or not                 */
        return ((uint64_t)r->target << (r->kind & 8 ? 21 : 13)) | 1 | af;
    case 5:                     /* high bits that are no address           */
        return (0xffffULL << 48) | table | 3 | af;
    case 6:                     /* not valid, but for its first bit        */
        return table | 2;
    default:
        return 0x0101010101010101ULL * r->target;
    }
}

static void write_record(const struct record *r)
{
    uint64_t *table = memory[r->table % TABLES];
    unsigned int n = r->kind & 0x40 ? 64 : 1, i;
    unsigned int at = r->index * (r->kind & 0x20 ? 2 : 1);

    /* One entry, or a run of the same. */
    for ( i = 0; i < n && at + i < S1_TABLE_ENTRIES; i++ )
        table[at + i] = descriptor(r);
}

static bool readable(uint64_t table)
{
    return table >= TABLES_AT && table < TABLES_AT + TABLES * 4096ULL;
}

/* By the book, for one address: what is it mapped to?  False: nothing. */
static bool lookup(uint64_t root, unsigned int t0sz, uint64_t va,
                   uint64_t *ipa, bool *accessed, bool *in_block)
{
    unsigned int bits = 64 - t0sz;
    unsigned int level = bits > 39 ? 0 : bits > 30 ? 1 : 2;
    unsigned int root_bits = bits - (39 - 9 * level);
    uint64_t align = 8ULL << root_bits, desc;
    unsigned int shift;

    if ( va >> bits )
        return false;
    if ( align < 64 )
        align = 64;
    root &= 0x0000ffffffffffffULL & ~(align - 1);

    for ( ; ; level++ )
    {
        shift = 39 - 9 * level;
        if ( !readable(root & ADDRESS) )
            return false;
        desc = memory[(root - TABLES_AT) / 4096]
                     [((root & 4095) / 8 + ((va >> shift) & 511)) & 511];
        if ( !(desc & 1) )
            return false;
        if ( level == 3 )
            break;
        if ( !(desc & 2) )
        {
            if ( !level )
                return false;
            break;
        }
        root = desc & ADDRESS;
    }
    if ( level == 3 && !(desc & 2) )
        return false;
    *in_block = level < 3;
    *ipa = ((desc & ADDRESS & ~((1ULL << shift) - 1)) |
            (va & ((1ULL << shift) - 1))) & ~4095ULL;
    *accessed = desc & AF;

    return true;
}

static uint64_t root_of(void)
{
    return TABLES_AT + (head.root % (TABLES + 1)) * 4096ULL +
           head.root_low * 16;
}

static bool read_table(void *ctx, uint64_t table, uint64_t *buf)
{
    CHECK(!(table & ~ADDRESS));
    CHECK(buf == upper || buf == last);
    reads++;
    since_stop++;
    CHECK(since_stop <= 4);
    if ( !readable(table) )
    {
        fuzz_outcomes[NO_TABLE].seen++;
        return false;
    }
    memcpy(buf, memory[(table - TABLES_AT) / 4096], 4096);

    if ( head.flags & FLAG_REWRITE )
    {
        struct record r = {
            .table = rng_next(&rng), .index = rng_next(&rng),
            .kind = rng_next(&rng), .target = rng_next(&rng),
        };

        write_record(&r);
    }

    return true;
}

/* Nothing that is mapped was passed over. */
static void check_gap(uint64_t from, uint64_t to)
{
    unsigned int i, tries = to > from ? 6 : 0;

    for ( i = 0; i < tries; i++ )
    {
        uint64_t pages = (to - from + 4095) >> 12, ipa;
        uint64_t va = i == 0 ? from : i == 1 ? from + ((pages - 1) << 12)
                             : from + ((rng_next(&rng) % pages) << 12);
        bool a, b;

        CHECK(!lookup(root_of(), head.t0sz & 63, va, &ipa, &a, &b));
    }
}

static bool found(void *ctx, uint64_t va, uint64_t ipa, bool accessed)
{
    uint64_t want;
    bool was_accessed;

    CHECK(!(va & 4095) && !(ipa & ~ADDRESS));
    CHECK(va + 4096 > start_va && va < end_va && va >= next_va);
    if ( !(head.flags & FLAG_REWRITE) )
    {
        check_gap(next_va, va);
        CHECK(lookup(root_of(), head.t0sz & 63, va, &want, &was_accessed,
                     &block));
        CHECK_EQ(ipa, want);
        CHECK_EQ(accessed, was_accessed);
        fuzz_outcomes[block ? BLOCKS : PAGES].seen++;
    }
    next_va = va + 4096;
    leaves++;

    return !leaf_after || leaves % leaf_after;
}

static bool time_to_stop(void *ctx)
{
    since_stop = 0;

    return reads >= MAX_READS || leaves >= MAX_LEAVES ||
           (stop_after && !(rng_next(&rng) % stop_after));
}

static uint64_t number(uint8_t mantissa, uint8_t shift)
{
    return (uint64_t)mantissa << (shift % 57);
}

/* All of the range, in as many calls as it takes, or as there is time for. */
static void walk(struct s1_walk *w)
{
    uint64_t va = start_va;
    int rc;

    for ( ; ; )
    {
        uint64_t before = va;
        uint32_t pages = leaves;

        since_stop = 0;
        w->pages = 0;
        rc = s1_walk(w, &va, end_va);
        CHECK_EQ(w->pages, leaves - pages);
        if ( rc == -EOPNOTSUPP )
        {
            bool fine = !(head.flags & (FLAG_DS | 3 * FLAG_TG0)) &&
                        (head.t0sz & 63) >= 16 && (head.t0sz & 63) <= 39;

            CHECK(!fine && va == before && !reads && !leaves);
            fuzz_outcomes[REFUSED].seen++;
            return;
        }
        CHECK(va >= next_va || next_va == (start_va & ~4095ULL));
        if ( !rc )
            break;
        CHECK_EQ(rc, -ERESTART);
        CHECK(va > before);
        if ( reads >= MAX_READS || leaves >= MAX_LEAVES )
        {
            fuzz_outcomes[CUT_SHORT].seen++;
            return;
        }
    }
    if ( !(head.flags & FLAG_REWRITE) && start_va < end_va )
        check_gap(next_va, end_va);
    fuzz_outcomes[head.flags & FLAG_REWRITE ? REWRITTEN : FINISHED].seen++;
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct s1_walk w = {
        .read = read_table, .leaf = found, .stop = time_to_stop,
        .upper = upper, .last = last,
    };
    size_t at;

    memset(&head, 0, sizeof(head));
    memcpy(&head, data, size < sizeof(head) ? size : sizeof(head));
    memset(memory, 0, sizeof(memory));
    for ( at = sizeof(head); at + sizeof(struct record) <= size;
          at += sizeof(struct record) )
    {
        struct record r;

        memcpy(&r, data + at, sizeof(r));
        write_record(&r);
    }

    reads = leaves = since_stop = 0;
    rng.state = size;
    stop_after = (head.t0sz >> 6) * 3;
    /* Without it, a block of 1 GiB would be gone through to its end. */
    leaf_after = 1 + (head.start_shift >> 6) * 60 + (head.length_shift >> 6);
    w.root = root_of();
    w.tcr = (head.t0sz & 63) | (uint64_t)(head.flags & (3 * FLAG_TG0)) << 12 |
            (head.flags & FLAG_DS ? 1ULL << 59 : 0);
    start_va = number(head.start, head.start_shift);
    end_va = start_va + number(head.length, head.length_shift);
    if ( head.flags & FLAG_HIGH )
    {
        end_va = ~0ULL;
        start_va = end_va - number(head.length, head.length_shift);
    }
    next_va = start_va & ~4095ULL;

    walk(&w);
}

/* A small tree that is sound, which the mutations then spoil. */
size_t fuzz_make(struct rng *r, uint8_t data[FUZZ_MAX])
{
    unsigned int t0sz = rng_between(r, 16, 39), n = rng_between(r, 1, 40), i;
    struct head h = {
        .t0sz = t0sz | rng_below(r, 4) << 6,
        .flags = rng_below(r, 4) ? 0 : FLAG_REWRITE,
        .start = rng_below(r, 2) ? rng_next(r) : 0,
        .length = rng_next(r),
        .start_shift = rng_between(r, 12, 40) | rng_below(r, 4) << 6,
        .length_shift = rng_between(r, 9, 39) | rng_below(r, 4) << 6,
        .root_low = rng_below(r, 4) ? 0 : rng_next(r),
    };

    memcpy(data, &h, sizeof(h));
    for ( i = 0; i < n; i++ )
    {
        struct record rec = {
            .table = i < 3 ? i : rng_below(r, TABLES),
            .index = rng_below(r, 3) ? rng_below(r, 4) : rng_next(r),
            .kind = rng_next(r),
            .target = i < 3 ? i + 1 : rng_next(r),
        };

        if ( i < 3 )
            rec.kind &= ~7;
        memcpy(data + sizeof(h) + i * sizeof(rec), &rec, sizeof(rec));
    }

    return sizeof(h) + n * sizeof(struct record);
}
