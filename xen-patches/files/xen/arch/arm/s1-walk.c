/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walk a range of stage-1 translation tables that somebody else owns.
 *
 * The tables may change, be freed or be nonsense while this looks at them: a
 * table may point to itself, all of them may be one, or lead nowhere.  So
 * each is copied before it is looked at, nothing found there is trusted
 * beyond being a number, depth is bounded by the level, and width by asking
 * stop() for each table read: a tree of tables that all lead to an empty one
 * never gets to a page, and yet has 2^27 of them to look at.
 *
 * 4K granule, translation table base 0, every T0SZ from 16 (48 bits) to 39
 * (25 bits), blocks at level 1 and 2 (DDI 0487, D8.2 and D8.3).
 */
#include <xen/errno.h>
#include <xen/lib.h>

#include <asm/s1-walk.h>

#define DESC_VALID          1ULL
/* With VALID: a table above level 3, a page at level 3. */
#define DESC_TABLE          3ULL
#define DESC_AF             (1ULL << 10)
#define DESC_ADDR_MASK      0x0000fffffffff000ULL

#define TCR_T0SZ_MASK       0x3fULL
#define TCR_TG0_MASK        (3ULL << 14)
#define TCR_DS              (1ULL << 59)

#define PAGE_BITS           12
#define TABLE_BITS          9

/* log2 of what one descriptor of @level covers. */
static unsigned int level_shift(unsigned int level)
{
    return PAGE_BITS + TABLE_BITS * (3 - level);
}

static unsigned int table_index(uint64_t va, unsigned int level)
{
    return (va >> level_shift(level)) & (S1_TABLE_ENTRIES - 1);
}

/* The first address behind what the descriptor of @va covers. */
static uint64_t behind(uint64_t va, unsigned int level)
{
    return (va | ((1ULL << level_shift(level)) - 1)) + 1;
}

static bool is_table(uint64_t desc)
{
    return (desc & DESC_TABLE) == DESC_TABLE;
}

struct regime {
    unsigned int first_level;
    uint64_t root;            /* of the page that the root table is in     */
    unsigned int root_index;  /* where in that page it begins              */
    uint64_t end;
};

static int get_regime(const struct s1_walk *w, struct regime *r)
{
    unsigned int t0sz = w->tcr & TCR_T0SZ_MASK, bits = 64 - t0sz, first, size;

    if ( (w->tcr & (TCR_TG0_MASK | TCR_DS)) || t0sz < 16 || t0sz > 39 )
        return -EOPNOTSUPP;

    first = 4 - (bits - PAGE_BITS + TABLE_BITS - 1) / TABLE_BITS;

    /* A small root table is aligned to its size, or 64 bytes. */
    size = max(8U << (bits - level_shift(first)), 64U);

    r->first_level = first;
    r->root = w->root & DESC_ADDR_MASK;
    r->root_index = (w->root & ((1U << PAGE_BITS) - 1) & ~(size - 1)) / 8;
    r->end = 1ULL << bits;

    return 0;
}

/*
 * Have the level 2 table for @va in w->upper.  True if it is there, false if
 * there is none: @desc and @level say what was found instead.
 */
static bool find_level2(struct s1_walk *w, const struct regime *r, uint64_t va,
                        uint64_t *desc, unsigned int *level,
                        unsigned int *index)
{
    uint64_t table = r->root;
    unsigned int first = r->root_index;

    for ( *level = r->first_level; ; (*level)++ )
    {
        *desc = 0;
        if ( !w->read(w->ctx, table, w->upper) )
            return false;

        if ( *level == 2 )
        {
            *index = first;
            return true;
        }

        *desc = w->upper[(first + table_index(va, *level)) &
                         (S1_TABLE_ENTRIES - 1)];
        if ( !is_table(*desc) )
            return false;

        table = *desc & DESC_ADDR_MASK;
        first = 0;
    }
}

static bool one_page(struct s1_walk *w, uint64_t *va, uint64_t ipa,
                     uint64_t desc)
{
    uint64_t page = *va & ~((1ULL << PAGE_BITS) - 1);

    *va = page + (1ULL << PAGE_BITS);
    w->pages++;

    return w->leaf(w->ctx, page, ipa, desc & DESC_AF);
}

/* The pages of a block, up to @end. */
static int whole_block(struct s1_walk *w, uint64_t *va, uint64_t end,
                       unsigned int level, uint64_t desc)
{
    uint64_t size = 1ULL << level_shift(level);
    uint64_t base = desc & DESC_ADDR_MASK & ~(size - 1);

    end = min(end, behind(*va, level));
    while ( *va < end )
        if ( !one_page(w, va, (base | (*va & (size - 1))) &
                              ~((1ULL << PAGE_BITS) - 1), desc) )
            return -ERESTART;

    return 0;
}

static int last_table(struct s1_walk *w, uint64_t *va, uint64_t end,
                      uint64_t table)
{
    end = min(end, behind(*va, 2));

    if ( !w->read(w->ctx, table, w->last) )
    {
        *va = end;
        return 0;
    }

    while ( *va < end )
    {
        uint64_t desc = w->last[table_index(*va, 3)];

        if ( !is_table(desc) )
            *va = behind(*va, 3);
        else if ( !one_page(w, va, desc & DESC_ADDR_MASK, desc) )
            return -ERESTART;
    }

    return 0;
}

int s1_walk(struct s1_walk *w, uint64_t *va, uint64_t end)
{
    uint64_t start = *va, upper_end = 0;
    unsigned int index = 0;
    struct regime r;
    int rc = get_regime(w, &r);

    if ( rc )
        return rc;

    end = min(end, r.end);

    while ( *va < end )
    {
        unsigned int level = 2;
        uint64_t desc;

        /* Not before there was progress, or it would be for ever. */
        if ( *va != start && w->stop(w->ctx) )
            return -ERESTART;

        /* w->upper is good for what one level 1 descriptor covers. */
        if ( *va >= upper_end )
        {
            if ( find_level2(w, &r, *va, &desc, &level, &index) )
                upper_end = behind(*va, 1);
            else
            {
                if ( level == 1 && (desc & DESC_VALID) )
                    rc = whole_block(w, va, end, level, desc);
                else
                    *va = behind(*va, level);
                if ( rc )
                    return rc;
                continue;
            }
        }

        desc = w->upper[(index + table_index(*va, 2)) &
                        (S1_TABLE_ENTRIES - 1)];
        if ( is_table(desc) )
            rc = last_table(w, va, end, desc & DESC_ADDR_MASK);
        else if ( desc & DESC_VALID )
            rc = whole_block(w, va, end, level, desc);
        else
            *va = behind(*va, 2);
        if ( rc )
            return rc;
    }

    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
