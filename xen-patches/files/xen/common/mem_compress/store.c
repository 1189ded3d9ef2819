/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.c
 *
 * Size-class store for the compressed pages of one domain.
 *
 * An object's class is the smallest one that it fits in; there is no other
 * place for it.  A class has chains of its own: up to 8 order-0 pages that
 * are cut into slots of one size as if they were contiguous, so that a slot
 * may begin in one page and end in the next:
 *
 *     page 0 (the head)                  page 1              page 2
 *   +--------+-----------+-------+---  ----------------+---  -------+-----+
 *   | struct | struct    | data  | da    ta  | data    | da    ta   | un- |
 *   | mc_    | mc_slot   | of    | of    of  | of      | of    of   | used|
 *   | chain  | 0 1 2 3   | slot 0| sl    ot 1| slot 2  | sl    ot 3 |     |
 *   +--------+-----------+-------+---  ----------------+---  -------+-----+
 *       |
 *       +-> frames of pages 1, 2; next, previous chain on its list
 *
 * A slot is described in the head (who, how long, which codec, checksum), so
 * the data of a slot begins with the object and an object's description never
 * straddles pages.  A handle is the frame of the head and the slot's index.
 *
 * Chains grow by one page at a time, and only when no chain of the class has
 * a free slot.  Thus a class wastes less than a page at its end, not half a
 * chain, which lets there be many classes (little is lost to rounding up) of
 * long chains (little is lost at the end of a chain, and to its head) even in
 * a store of a few hundred objects.
 *
 *   class:  0        1        2                      60
 *         32 B     64 B     96 B       ...         3168 B
 *                    |
 *        list:       +- MC_PARTIAL_0  chains less than a third full
 *                    +- MC_PARTIAL_1  less than two thirds
 *                    +- MC_PARTIAL_2  with at least one free slot
 *                    +- MC_FULL
 *                    +- MC_SHORT      pages can be added, and free slots
 *                    +- MC_GROWABLE   pages can be added, no free slot
 *
 * Objects are put into the fullest chain with all its pages, then into short
 * ones.  Free slots of a chain are linked through their descriptions, last
 * freed first.
 *
 * Compaction takes a chain apart page by page, from its end: it moves the
 * objects that touch the last page to other chains (or to free slots of the
 * same chain, before that page) and hands the page back.  So it gains
 * something even for a class that has one chain only, and can stop after any
 * page.  It goes on with a short chain before it begins with the least full
 * of the others, so that few chains stay short.
 *
 * An object costs 11 bytes for its slot's description, and its share of the
 * head (22 bytes, and 5 for each page but the first): 15 bytes altogether for
 * lengths spread over 200 ... 3000 bytes.
 */

#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/string.h>

#include "store.h"

#define MC_PAGE_SHIFT   12
#define MC_PAGE_SIZE    (1U << MC_PAGE_SHIFT)
#define MC_INDEX_MASK   ((1U << MC_INDEX_BITS) - 1)
#define MC_NO_SLOT      MC_INDEX_MASK
#define MC_GFN_BITS     40
#define MC_MAGIC        0x6d63a5c3U
#define CLASS_BIT(c)    ((uint64_t)1 << (c))

enum {
    MC_PARTIAL_0,
    MC_PARTIAL_1,
    MC_PARTIAL_2,
    MC_SHORT,
    MC_GROWABLE,
    MC_FULL,
};

/*
 * When to compact: a few pages at least, a twentieth of them for nothing, and
 * an object for eight of them freed.  So an object is moved once for each two
 * to twenty that come and go, the fewer the more there are.
 */
#define SPARSE_MIN_PAGES    16U
#define SPARSE_WASTE        20U
#define SPARSE_FREED        8U

/* Chains that may be empty and stay: one, so as not to flutter. */
#define MC_EMPTY_KEPT   1

/* A frame number in 40 bits. */
struct mc_pfn {
    uint32_t lo;
    uint8_t hi;
} __packed;

struct mc_slot {
    uint32_t gfn_lo;            /* or, if it is free, the next free slot */
    uint32_t crc;
    uint8_t gfn_hi;
    uint16_t len:12;            /* at most MC_MAX_OBJECT                 */
    uint16_t codec:3;
    uint16_t used:1;
} __packed;

struct mc_chain {
    uint32_t magic;             /* store and frame, see chain_magic()    */
    uint8_t class;
    uint8_t pages:4;            /* how many the chain has now            */
    uint8_t list:4;             /* which one it is on                    */
    uint16_t used;              /* objects                               */
    uint16_t limit;             /* slots that lie within @pages          */
    uint16_t free;              /* first free slot, or MC_NO_SLOT        */
    struct mc_pfn next, prev;
    struct mc_pfn page[];       /* pages 1 ...; the slots' descriptions
                                 * come after the place for all of them  */
} __packed;

#define HEAD_SIZE(p) (sizeof(struct mc_chain) + \
                      ((p) - 1) * sizeof(struct mc_pfn))
#define DATA_OFFSET(p, n) ROUNDUP(HEAD_SIZE(p) + \
                                  (n) * sizeof(struct mc_slot), 4)

/*
 * A class is given by the number of pages of its chains and the number of
 * objects in each; it follows how large these may be.  Of the (pages, objects)
 * that yield sizes 32, 64 ... 192, then about 44 bytes apart, the table has
 * those that waste least.
 */
#define CLASS(p, n) {                                                   \
    .pages = (p),                                                       \
    .objs = (n),                                                        \
    .head = HEAD_SIZE(p),                                               \
    .data = DATA_OFFSET(p, n),                                          \
    .size = (((p) * MC_PAGE_SIZE - DATA_OFFSET(p, n)) / (n)) & ~3U,     \
}

static const struct mc_class {
    uint16_t size;              /* bytes in a slot                       */
    uint16_t objs;              /* slots in a complete chain             */
    uint16_t head;              /* offset of the slots' descriptions     */
    uint16_t data;              /* offset of slot 0                      */
    uint8_t pages;              /* pages in a complete chain             */
} classes[] = {
    CLASS(1,  94), CLASS(1,  54), CLASS(1,  38), CLASS(3,  88),
    CLASS(3,  71), CLASS(1,  20), CLASS(2,  33), CLASS(1,  14),
    CLASS(1,  12), CLASS(4,  43), CLASS(2,  19), CLASS(4,  35),
    CLASS(6,  48), CLASS(3,  22), CLASS(5,  34), CLASS(3,  19),
    CLASS(6,  35), CLASS(2,  11), CLASS(4,  21), CLASS(6,  29),
    CLASS(3,  14), CLASS(2,   9), CLASS(4,  17), CLASS(1,   4),
    CLASS(7,  27), CLASS(4,  15), CLASS(5,  18), CLASS(5,  17),
    CLASS(3,  10), CLASS(5,  16), CLASS(8,  25), CLASS(1,   3),
    CLASS(8,  23), CLASS(6,  17), CLASS(4,  11), CLASS(3,   8),
    CLASS(5,  13), CLASS(2,   5), CLASS(7,  17), CLASS(5,  12),
    CLASS(3,   7), CLASS(7,  16), CLASS(5,  11), CLASS(6,  13),
    CLASS(8,  17), CLASS(1,   2), CLASS(8,  15), CLASS(7,  13),
    CLASS(6,  11), CLASS(4,   7), CLASS(7,  12), CLASS(3,   5),
    CLASS(8,  13), CLASS(5,   8), CLASS(7,  11), CLASS(2,   3),
    CLASS(7,  10), CLASS(5,   7), CLASS(8,  11), CLASS(3,   4),
    CLASS(7,   9),
};

static struct mc_chain *chain_at(uint64_t pfn)
{
    return mc_pfn_to_virt(pfn);
}

static uint64_t pfn_get(const struct mc_pfn *p)
{
    return ((uint64_t)p->hi << 32) | p->lo;
}

static void pfn_set(struct mc_pfn *p, uint64_t pfn)
{
    p->lo = pfn;
    p->hi = pfn >> 32;
}

static mc_handle_t handle_of(uint64_t pfn, unsigned int idx)
{
    return (pfn << MC_INDEX_BITS) | idx;
}

/* So that neither another store's chain nor a stale copy looks like ours. */
static uint32_t chain_magic(const struct mc_store *s, uint64_t pfn)
{
    return s->magic ^ (uint32_t)(pfn * 0x9e3779b1U);
}

static struct mc_slot *slot_of(const struct mc_chain *c, unsigned int idx)
{
    return (struct mc_slot *)((uint8_t *)c + classes[c->class].head) + idx;
}

static uint64_t slot_gfn(const struct mc_slot *slot)
{
    return ((uint64_t)slot->gfn_hi << 32) | slot->gfn_lo;
}

static void *page_of(const struct mc_chain *c, unsigned int nr)
{
    return nr ? mc_pfn_to_virt(pfn_get(&c->page[nr - 1])) : (void *)c;
}

/* The smallest class for @len bytes; @len is at most MC_MAX_OBJECT. */
static unsigned int class_of(unsigned int len)
{
    unsigned int lo = 0, hi = ARRAY_SIZE(classes) - 1;

    while ( lo < hi )
    {
        unsigned int mid = (lo + hi) / 2;

        if ( classes[mid].size < len )
            lo = mid + 1;
        else
            hi = mid;
    }

    return lo;
}

/* How many slots lie entirely within the first @pages pages of a chain. */
static unsigned int slots_within(unsigned int class, unsigned int pages)
{
    const struct mc_class *k = &classes[class];

    if ( !pages )
        return 0;

    return min((pages * MC_PAGE_SIZE - k->data) / k->size,
               (unsigned int)k->objs);
}

/*
 * Lists of chains.
 */

static unsigned int list_for(const struct mc_chain *c)
{
    bool full = c->free == MC_NO_SLOT;

    if ( c->pages < classes[c->class].pages )
        return full ? MC_GROWABLE : MC_SHORT;

    if ( full )
        return MC_FULL;

    return min(c->used * 3U / c->limit, (unsigned int)MC_PARTIAL_2);
}

static void chain_link(struct mc_store *s, struct mc_chain *c, uint64_t pfn)
{
    uint64_t *head;

    c->list = list_for(c);
    head = &s->list[c->class][c->list];

    pfn_set(&c->prev, 0);
    pfn_set(&c->next, *head);
    if ( *head )
        pfn_set(&chain_at(*head)->prev, pfn);
    *head = pfn;

    if ( c->free != MC_NO_SLOT )
        s->avail |= CLASS_BIT(c->class);
}

static void chain_unlink(struct mc_store *s, struct mc_chain *c)
{
    uint64_t next = pfn_get(&c->next), prev = pfn_get(&c->prev);
    const uint64_t *list = s->list[c->class];

    if ( next )
        pfn_set(&chain_at(next)->prev, prev);
    if ( prev )
        pfn_set(&chain_at(prev)->next, next);
    else
        s->list[c->class][c->list] = next;

    if ( !list[MC_PARTIAL_0] && !list[MC_PARTIAL_1] &&
         !list[MC_PARTIAL_2] && !list[MC_SHORT] )
        s->avail &= ~CLASS_BIT(c->class);
}

static void chain_relink(struct mc_store *s, struct mc_chain *c, uint64_t pfn)
{
    if ( c->list != list_for(c) )
    {
        chain_unlink(s, c);
        chain_link(s, c, pfn);
    }
}

/* The chain that an object is put into: its frame, 0 if there is none. */
static uint64_t chain_for_put(const struct mc_store *s, unsigned int class)
{
    const uint64_t *list = s->list[class];

    return list[MC_PARTIAL_2] ?: list[MC_PARTIAL_1] ?:
           list[MC_PARTIAL_0] ?: list[MC_SHORT];
}

/*
 * Slots of a chain.
 */

/* Link the free slots below @limit, lowest first; forget about others. */
static void slots_link(struct mc_chain *c, unsigned int limit)
{
    unsigned int idx = limit;

    c->limit = limit;
    c->free = MC_NO_SLOT;
    while ( idx-- )
    {
        struct mc_slot *slot = slot_of(c, idx);

        if ( !slot->used )
        {
            slot->gfn_lo = c->free;
            c->free = idx;
        }
    }
}

/*
 * The bytes of a slot from @at on, and in *@n how many of @len follow before
 * the end of the page.
 */
static uint8_t *slot_piece(const struct mc_chain *c, unsigned int idx,
                           unsigned int at, unsigned int len, unsigned int *n)
{
    const struct mc_class *k = &classes[c->class];
    unsigned int pos = k->data + idx * k->size + at;
    unsigned int off = pos & (MC_PAGE_SIZE - 1);

    *n = min(len, MC_PAGE_SIZE - off);

    return (uint8_t *)page_of(c, pos >> MC_PAGE_SHIFT) + off;
}

static void slot_write(struct mc_chain *c, unsigned int idx,
                       const uint8_t *data, unsigned int len)
{
    unsigned int at, n;

    for ( at = 0; at < len; at += n )
    {
        uint8_t *to = slot_piece(c, idx, at, len - at, &n);

        memcpy(to, data + at, n);
    }
}

static void slot_read(const struct mc_chain *c, unsigned int idx,
                      uint8_t *data, unsigned int len)
{
    unsigned int at, n;

    for ( at = 0; at < len; at += n )
    {
        const uint8_t *from = slot_piece(c, idx, at, len - at, &n);

        memcpy(data + at, from, n);
    }
}

static void slot_copy(const struct mc_chain *c, unsigned int idx,
                      struct mc_chain *d, unsigned int didx, unsigned int len)
{
    unsigned int at, n;

    for ( at = 0; at < len; at += n )
    {
        const uint8_t *from = slot_piece(c, idx, at, len - at, &n);
        uint8_t *to = slot_piece(d, didx, at, n, &n);

        memcpy(to, from, n);
    }
}

static void slot_fill(struct mc_store *s, struct mc_chain *c,
                      unsigned int idx, const struct mc_obj *o)
{
    struct mc_slot *slot = slot_of(c, idx);

    slot->gfn_lo = o->gfn;
    slot->gfn_hi = o->gfn >> 32;
    slot->crc = o->crc;
    slot->len = o->len;
    slot->codec = o->codec;
    slot->used = 1;

    if ( !c->used++ )
        s->empty--;

    s->objects++;
    s->bytes += o->len;
    s->by_codec[o->codec]++;
    s->stats[c->class].objects++;
}

/* The object is gone.  Its slot is not free yet, i.e. on the chain's list. */
static void slot_clear(struct mc_store *s, struct mc_chain *c,
                       unsigned int idx)
{
    struct mc_slot *slot = slot_of(c, idx);

    s->freed++;
    s->objects--;
    s->bytes -= slot->len;
    s->by_codec[slot->codec]--;
    s->stats[c->class].objects--;

    slot->used = 0;
    if ( !--c->used )
        s->empty++;
}

static void slot_free(struct mc_store *s, struct mc_chain *c, unsigned int idx)
{
    slot_clear(s, c, idx);
    slot_of(c, idx)->gfn_lo = c->free;
    c->free = idx;
}

/* The chain that has its head in a frame, or NULL with the reason in *@rc. */
static struct mc_chain *chain_find(const struct mc_store *s, uint64_t pfn,
                                   int *rc)
{
    struct mc_chain *c;

    *rc = -ENOENT;

    if ( !pfn || (pfn >> (MC_HANDLE_BITS - MC_INDEX_BITS)) ||
         !mc_pfn_valid(pfn) )
        return NULL;

    c = chain_at(pfn);
    if ( c->magic != chain_magic(s, pfn) )
        return NULL;

    if ( c->class >= ARRAY_SIZE(classes) )
    {
        *rc = -EIO;
        return NULL;
    }

    return c;
}

/*
 * The slot that a handle names, or NULL with the reason in *@rc.  Looks only
 * at what does not change while the object exists, so needs no lock if the
 * object is pinned.
 */
static struct mc_slot *slot_find(const struct mc_store *s, mc_handle_t h,
                                 struct mc_chain **chain, int *rc)
{
    unsigned int idx = h & MC_INDEX_MASK;
    struct mc_chain *c = chain_find(s, h >> MC_INDEX_BITS, rc);
    const struct mc_class *k;
    struct mc_slot *slot;

    if ( !c )
        return NULL;

    *rc = -ENOENT;

    k = &classes[c->class];
    if ( idx >= k->objs )
        return NULL;

    slot = slot_of(c, idx);
    if ( !slot->used )
        return NULL;

    /* It fits this class and not the one before, or was damaged. */
    if ( slot->len > k->size || slot->len <= (c->class ? k[-1].size : 0) )
    {
        *rc = -EIO;
        return NULL;
    }

    *chain = c;
    *rc = 0;

    return slot;
}

static void obj_get(const struct mc_slot *slot, struct mc_obj *o)
{
    o->gfn = slot_gfn(slot);
    o->len = slot->len;
    o->crc = slot->crc;
    o->codec = slot->codec;
}

/*
 * Take the next free slot of the best chain of a class; whatever links it
 * has been checked, so that a damaged head costs its free slots, not more.
 */
static struct mc_chain *slot_take(struct mc_store *s, unsigned int class,
                                  uint64_t *pfn, unsigned int *idx)
{
    while ( (*pfn = chain_for_put(s, class)) != 0 )
    {
        struct mc_chain *c = chain_at(*pfn);

        *idx = c->free;
        if ( *idx < c->limit && !slot_of(c, *idx)->used )
        {
            c->free = slot_of(c, *idx)->gfn_lo & MC_INDEX_MASK;
            return c;
        }

        s->bad++;
        c->free = MC_NO_SLOT;
        chain_relink(s, c, *pfn);
    }

    return NULL;
}

/*
 * Pages of a chain.
 */

/* From now on, @limit slots of the chain lie within its pages. */
static void chain_resize(struct mc_store *s, struct mc_chain *c,
                         unsigned int limit)
{
    s->stats[c->class].slots += limit - c->limit;
    slots_link(c, limit);
}

static void chain_new(struct mc_store *s, unsigned int class, void *page)
{
    uint64_t pfn = mc_virt_to_pfn(page);
    struct mc_chain *c = page;
    unsigned int idx;

    c->magic = chain_magic(s, pfn);
    c->class = class;
    c->pages = 1;
    c->used = 0;
    c->limit = 0;
    for ( idx = 0; idx < classes[class].objs; idx++ )
        slot_of(c, idx)->used = 0;
    chain_resize(s, c, slots_within(class, 1));

    s->empty++;
    s->stats[class].chains++;
    s->stats[class].pages++;
    chain_link(s, c, pfn);
}

static void chain_grow(struct mc_store *s, uint64_t pfn, void *page)
{
    struct mc_chain *c = chain_at(pfn);

    pfn_set(&c->page[c->pages - 1], mc_virt_to_pfn(page));
    c->pages++;
    s->stats[c->class].pages++;
    chain_resize(s, c, slots_within(c->class, c->pages));
    chain_relink(s, c, pfn);
}

/* A chain that is on no list and has no objects ceases to exist. */
static void chain_forget(struct mc_store *s, struct mc_chain *c)
{
    s->empty--;
    s->stats[c->class].chains--;
    s->stats[c->class].slots -= c->limit;
    c->magic = 0;
}

static unsigned int chain_release(struct mc_store *s, struct mc_chain *c,
                                  void *pages[])
{
    unsigned int i, nr = c->pages;

    for ( i = 0; i < nr; i++ )
        pages[i] = page_of(c, i);

    s->pages -= nr;
    s->stats[c->class].pages -= nr;
    chain_forget(s, c);

    return nr;
}

/*
 * Compaction.
 */

struct mc_compact {
    bool (*move)(void *ctx, uint64_t gfn, mc_handle_t from, mc_handle_t to);
    void *ctx;
    unsigned int budget, moved;
    bool blocked;               /* by the budget, or a pinned object */
};

/*
 * Move one object of a chain, which is on no list, to another chain; or to
 * another slot of the same if that was the only place.
 */
static bool slot_move(struct mc_store *s, struct mc_chain *c, uint64_t pfn,
                      unsigned int idx, struct mc_compact *k)
{
    uint64_t dpfn;
    unsigned int didx;
    struct mc_chain *d = slot_take(s, c->class, &dpfn, &didx);
    struct mc_obj o;
    bool moved;

    if ( !d )
    {
        if ( c->free == MC_NO_SLOT )
            return false;

        d = c;
        dpfn = pfn;
        didx = c->free;
        c->free = slot_of(c, didx)->gfn_lo;
    }

    obj_get(slot_of(c, idx), &o);
    slot_fill(s, d, didx, &o);
    slot_copy(c, idx, d, didx, o.len);

    k->budget--;
    moved = k->move(k->ctx, o.gfn, handle_of(pfn, idx), handle_of(dpfn, didx));
    if ( moved )
    {
        k->moved++;
        slot_clear(s, c, idx);
    }
    else
        slot_free(s, d, didx);

    if ( d != c )
        chain_relink(s, d, dpfn);

    return moved;
}

/*
 * Take the last page away from a chain.  NULL if the objects that touch it do
 * not fit elsewhere; or, with k->blocked set, if it cannot be done now.
 */
static void *page_evict(struct mc_store *s, struct mc_chain *c, uint64_t pfn,
                        struct mc_compact *k)
{
    const struct mc_class_stats *stats = &s->stats[c->class];
    unsigned int limit = c->limit, rest = slots_within(c->class, c->pages - 1);
    unsigned int idx, used = 0;

    if ( stats->slots - (limit - rest) < stats->objects )
        return NULL;

    for ( idx = rest; idx < limit; idx++ )
        used += slot_of(c, idx)->used;

    k->blocked = used > k->budget;
    if ( k->blocked )
        return NULL;

    /* Leaves only slots that remain to be taken by slot_move(). */
    chain_unlink(s, c);
    c->pages--;
    chain_resize(s, c, rest);

    for ( idx = rest; idx < limit; idx++ )
        if ( slot_of(c, idx)->used && !slot_move(s, c, pfn, idx, k) )
        {
            c->pages++;
            chain_resize(s, c, limit);
            chain_link(s, c, pfn);
            k->blocked = true;
            return NULL;
        }

    s->pages--;
    s->stats[c->class].pages--;
    if ( c->pages )
    {
        chain_link(s, c, pfn);
        return page_of(c, c->pages);
    }

    chain_forget(s, c);

    return c;
}

/*
 * Gain one page in a class.  Pages do not have the same number of slots, so if
 * the objects of one do not fit elsewhere, perhaps those of another one do.
 * But no other chain is begun with just because the first is blocked: the free
 * slots that would go with its pages are where the first one's objects can go.
 */
static void *class_shrink(struct mc_store *s, unsigned int class,
                          struct mc_compact *k)
{
    static const uint8_t order[] = {
        MC_SHORT, MC_GROWABLE,
        MC_PARTIAL_0, MC_PARTIAL_1, MC_PARTIAL_2, MC_FULL,
    };
    unsigned int i;

    k->blocked = false;
    for ( i = 0; i < ARRAY_SIZE(order) && !k->blocked; i++ )
    {
        uint64_t pfn = s->list[class][order[i]];
        void *page = pfn ? page_evict(s, chain_at(pfn), pfn, k) : NULL;

        if ( page )
            return page;
    }

    return NULL;
}

/*
 * Interface.
 */

void mc_store_init(struct mc_store *s)
{
    BUILD_BUG_ON(ARRAY_SIZE(classes) != MC_NR_CLASSES);
    BUILD_BUG_ON(MC_FULL != MC_NR_FULLNESS - 1);
    BUILD_BUG_ON(sizeof(struct mc_slot) != 11);
    BUILD_BUG_ON(sizeof(struct mc_chain) != 22);

    memset(s, 0, sizeof(*s));
    s->magic = MC_MAGIC ^ (uint32_t)((unsigned long)s >> 3);
}

unsigned int mc_store_class(unsigned int class, unsigned int *chain_pages,
                            unsigned int *head)
{
    *chain_pages = classes[class].pages;
    *head = classes[class].data;

    return classes[class].size;
}

unsigned int mc_store_pages_needed(const struct mc_store *s, unsigned int len)
{
    if ( !len || len > MC_MAX_OBJECT )
        return 0;

    return !(s->avail & CLASS_BIT(class_of(len)));
}

int mc_store_add_chain(struct mc_store *s, unsigned int len,
                       void *const pages[], unsigned int nr)
{
    unsigned int class, i;

    if ( !len || len > MC_MAX_OBJECT || nr > MC_CHAIN_MAX )
        return -EINVAL;

    class = class_of(len);
    for ( i = 0; i < nr; i++ )
    {
        uint64_t pfn = s->list[class][MC_GROWABLE];

        if ( pfn )
            chain_grow(s, pfn, pages[i]);
        else
            chain_new(s, class, pages[i]);
        s->pages++;
    }

    return 0;
}

int mc_store_put(struct mc_store *s, uint64_t gfn, const void *data,
                 unsigned int len, uint32_t crc, uint8_t codec,
                 mc_handle_t *h)
{
    const struct mc_obj o = {
        .gfn = gfn, .len = len, .crc = crc, .codec = codec,
    };
    struct mc_chain *c;
    unsigned int idx;
    uint64_t pfn;

    if ( !len || len > MC_MAX_OBJECT )
        return -E2BIG;

    if ( (gfn >> MC_GFN_BITS) || codec >= MC_NR_STORED_CODECS )
        return -EINVAL;

    c = slot_take(s, class_of(len), &pfn, &idx);
    if ( !c )
        return -ENOMEM;

    slot_fill(s, c, idx, &o);
    slot_write(c, idx, data, len);
    chain_relink(s, c, pfn);
    *h = handle_of(pfn, idx);

    return 0;
}

int mc_store_info(const struct mc_store *s, mc_handle_t h, struct mc_obj *o)
{
    struct mc_chain *c;
    const struct mc_slot *slot;
    int rc;

    slot = slot_find(s, h, &c, &rc);
    if ( slot )
    {
        obj_get(slot, o);
        o->chain = c;
    }

    return rc;
}

const void *mc_store_open(const struct mc_store *s, mc_handle_t h,
                          struct mc_obj *o, void *bounce)
{
    unsigned int idx = h & MC_INDEX_MASK;
    struct mc_chain *c;
    const struct mc_slot *slot;
    const void *data;
    unsigned int n;
    int rc;

    slot = slot_find(s, h, &c, &rc);
    if ( !slot )
        return NULL;

    obj_get(slot, o);
    o->chain = c;
    data = slot_piece(c, idx, 0, o->len, &n);
    if ( n == o->len )
        return data;

    slot_read(c, idx, bounce, o->len);

    return bounce;
}

unsigned int mc_store_free(struct mc_store *s, mc_handle_t h,
                           void *pages[MC_CHAIN_MAX])
{
    struct mc_chain *c;
    int rc;

    if ( !slot_find(s, h, &c, &rc) )
    {
        s->bad++;
        return 0;
    }

    return mc_store_free_open(s, h, c, pages);
}

unsigned int mc_store_free_open(struct mc_store *s, mc_handle_t h, void *chain,
                                void *pages[MC_CHAIN_MAX])
{
    struct mc_chain *c = chain;

    slot_free(s, c, h & MC_INDEX_MASK);

    if ( !c->used && s->empty > MC_EMPTY_KEPT )
    {
        chain_unlink(s, c);
        return chain_release(s, c, pages);
    }

    chain_relink(s, c, h >> MC_INDEX_BITS);

    return 0;
}

bool mc_store_is_sparse(const struct mc_store *s)
{
    uint64_t room = s->pages << MC_PAGE_SHIFT;

    return s->pages > SPARSE_MIN_PAGES && s->freed > s->pages / SPARSE_FREED &&
           room - s->bytes > room / SPARSE_WASTE;
}

unsigned int mc_store_compact(struct mc_store *s, unsigned int budget,
                              bool (*move)(void *ctx, uint64_t gfn,
                                           mc_handle_t from, mc_handle_t to),
                              void *ctx, void *pages[],
                              unsigned int max_pages, unsigned int *moved)
{
    struct mc_compact k = { .move = move, .ctx = ctx, .budget = budget };
    unsigned int nr = 0, done = 0;
    bool blocked = false;

    /* Each class in turn, going on where the last call stopped. */
    while ( done < ARRAY_SIZE(classes) && nr < max_pages )
    {
        void *page = class_shrink(s, s->turn, &k);

        blocked |= k.blocked;
        if ( page )
            pages[nr++] = page;
        else
        {
            s->turn = (s->turn + 1) % ARRAY_SIZE(classes);
            done++;
        }
    }

    /* Objects that moved were freed where they had been. */
    if ( done == ARRAY_SIZE(classes) && !blocked )
        s->freed = 0;

    *moved = k.moved;

    return nr;
}

/* The first object of a chain at or after a slot. */
static mc_handle_t chain_next(const struct mc_chain *c, uint64_t pfn,
                              unsigned int idx)
{
    for ( ; idx < classes[c->class].objs; idx++ )
        if ( slot_of(c, idx)->used )
            return handle_of(pfn, idx);

    return 0;
}

mc_handle_t mc_store_next(const struct mc_store *s, mc_handle_t prev)
{
    unsigned int class = 0, list = 0;
    uint64_t pfn = s->list[0][0];

    if ( prev )
    {
        int rc;
        const struct mc_chain *c = chain_find(s, prev >> MC_INDEX_BITS, &rc);
        mc_handle_t h;

        if ( !c )
            return 0;

        h = chain_next(c, prev >> MC_INDEX_BITS, (prev & MC_INDEX_MASK) + 1);
        if ( h )
            return h;

        class = c->class;
        list = c->list;
        pfn = pfn_get(&c->next);
    }

    for ( ; ; )
    {
        for ( ; pfn; pfn = pfn_get(&chain_at(pfn)->next) )
        {
            mc_handle_t h = chain_next(chain_at(pfn), pfn, 0);

            if ( h )
                return h;
        }

        if ( ++list == MC_NR_FULLNESS )
        {
            list = 0;
            if ( ++class == ARRAY_SIZE(classes) )
                return 0;
        }

        pfn = s->list[class][list];
    }
}

unsigned int mc_store_drain(struct mc_store *s, void *pages[],
                            unsigned int max_pages)
{
    unsigned int class, list, nr = 0;

    for ( class = 0; class < ARRAY_SIZE(classes); class++ )
        for ( list = 0; list < MC_NR_FULLNESS; list++ )
            while ( s->list[class][list] )
            {
                struct mc_chain *c = chain_at(s->list[class][list]);
                unsigned int idx;

                if ( nr + c->pages > max_pages )
                    return nr;

                for ( idx = 0; idx < c->limit; idx++ )
                    if ( slot_of(c, idx)->used )
                        slot_clear(s, c, idx);

                chain_unlink(s, c);
                nr += chain_release(s, c, &pages[nr]);
            }

    return nr;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
