/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h
 *
 * Size-class store for the compressed pages of one domain (see store.c for
 * a drawing of the data structure).
 *
 * The store never allocates: its caller looks with mc_store_pages_needed()
 * whether a put would need frames, gets them outside of any lock, and gives
 * them with mc_store_add_chain().  In the other direction, pages that are not
 * needed any more are handed back through arrays, and freed by the caller.
 *
 * Every function is called with the caller's lock (one for each store) held.
 * The exceptions are mc_store_info() and mc_store_open() on an object that its
 * owner has pinned, i.e. which nobody frees or moves until the owner is done
 * with it.
 */
#ifndef MEM_COMPRESS_STORE_H
#define MEM_COMPRESS_STORE_H

#include <xen/mm.h>
#include <xen/types.h>

/* Larger objects are not worth storing. */
#define MC_MAX_OBJECT    3072U
/* Order-0 pages that make up the longest chain. */
#define MC_CHAIN_MAX     8U
/* Size classes; the set of those with a free slot is one 64-bit word. */
#define MC_NR_CLASSES    61U
/* What mc_store_put() is given as a codec is below this. */
#define MC_NR_STORED_CODECS 8U
/* Each class keeps its chains on so many lists, by how full they are. */
#define MC_NR_FULLNESS   6U

/*
 * Names a stored object: (frame number of the chain's first page << 10) |
 * index of the slot.  At most 46 significant bits, as frame numbers have at
 * most 36, and never 0, as Xen does not use frame 0.
 */
typedef uint64_t mc_handle_t;

#define MC_HANDLE_BITS   46U
#define MC_INDEX_BITS    10U

/* View of an object, filled in by mc_store_info() and mc_store_open(). */
struct mc_obj {
    void *chain;                /* for mc_store_free_open()             */
    uint64_t gfn;               /* whose content it is (40 bits)        */
    uint32_t len;               /* bytes, 1 ... MC_MAX_OBJECT           */
    uint32_t crc;               /* whatever was given to mc_store_put() */
    uint8_t codec;              /* 0 ... 7, likewise                    */
};

struct mc_class_stats {
    uint32_t chains;
    uint32_t pages;
    uint32_t slots;             /* in the pages the chains have now */
    uint32_t objects;
};

struct mc_store {
    /* Read-only for others. */
    uint64_t pages;             /* frames given by mc_store_add_chain()  */
    uint64_t objects;           /* objects held                          */
    uint64_t bytes;             /* the sum of their lengths              */
    uint64_t bad;               /* wild or stale handles, bad headers    */
    uint64_t by_codec[MC_NR_STORED_CODECS];
    struct mc_class_stats stats[MC_NR_CLASSES];

    /* Private. */
    uint64_t avail;             /* bit c: class c has a free slot        */
    uint32_t magic;
    uint32_t empty;             /* chains without an object              */
    uint32_t turn;              /* class that compaction goes on with    */
    uint32_t freed;             /* objects since it had gone round       */
    uint64_t list[MC_NR_CLASSES][MC_NR_FULLNESS];   /* frame, 0 for none */
};

/* The directmap covers all frames a store can be given (arm64). */
static inline uint64_t mc_virt_to_pfn(const void *va)
{
    return __virt_to_mfn(va);
}

static inline void *mc_pfn_to_virt(uint64_t pfn)
{
    return __mfn_to_virt(pfn);
}

/* May the frame be looked at?  Only ever false for a wild handle. */
static inline bool mc_pfn_valid(uint64_t pfn)
{
    return mfn_valid(_mfn(pfn));
}

/* Of a class: bytes of a slot; pages, and bytes of description, of a chain. */
unsigned int mc_store_class(unsigned int class, unsigned int *chain_pages,
                            unsigned int *head);

/* The store must not be moved in memory after this. */
void mc_store_init(struct mc_store *s);

/*
 * How many pages mc_store_add_chain() must be given before an object of @len
 * bytes can be put: 0 when there is a free slot for it, else 1, as chains grow
 * by a page at a time.
 */
unsigned int mc_store_pages_needed(const struct mc_store *s, unsigned int len);

/*
 * Give @nr page-aligned pages for objects of @len bytes: each makes a chain of
 * their class longer, or begins a new one.  Their content does not matter.
 * It does no harm (but to density) if others gave pages since the caller
 * looked, so the lock may be dropped to allocate them.
 *
 * -EINVAL: @len is out of range, or @nr above MC_CHAIN_MAX.
 */
int mc_store_add_chain(struct mc_store *s, unsigned int len,
                       void *const pages[], unsigned int nr);

/*
 * Store a copy of @data for @gfn.
 *
 * -ENOMEM: there is no free slot: add a chain and try again.
 * -E2BIG:  @len is 0 or above MC_MAX_OBJECT.
 * -EINVAL: @gfn (40 bits) or @codec (3 bits) is out of range.
 */
int mc_store_put(struct mc_store *s, uint64_t gfn, const void *data,
                 unsigned int len, uint32_t crc, uint8_t codec,
                 mc_handle_t *h);

/*
 * Describe an object, once the handle has been validated as far as possible.
 *
 * -ENOENT: no object there (never was, was freed, other store, wild handle).
 * -EIO:    the object's header makes no sense.
 *
 * May be called without the lock while the object is pinned.
 */
int mc_store_info(const struct mc_store *s, mc_handle_t h, struct mc_obj *o);

/*
 * Describe an object, and give its bytes as one contiguous range: a pointer
 * into the store, or @bounce (MC_MAX_OBJECT bytes) filled if the object
 * straddles two pages.  NULL for a handle that mc_store_info() would refuse.
 *
 * May be called without the lock while the object is pinned.
 */
const void *mc_store_open(const struct mc_store *s, mc_handle_t h,
                          struct mc_obj *o, void *bounce);

/*
 * Free an object.  Returns how many pages this left unused (put in @pages,
 * no longer part of the store).  A bad handle does nothing but count in
 * s->bad, and returns 0; use mc_store_info() to learn about it beforehand.
 */
unsigned int mc_store_free(struct mc_store *s, mc_handle_t h,
                           void *pages[MC_CHAIN_MAX]);

/*
 * Is it worth compacting?  Pages hold little, and objects were freed since it
 * was last tried: what is scattered over many classes remains so.
 */
bool mc_store_is_sparse(const struct mc_store *s);

/*
 * Empty the least filled chains into others, so that their pages become free.
 *
 * @budget:    try to move at most so many objects.  A page is only begun with
 *             if there is enough left for all of its objects: 100 will do for
 *             any, 5 for objects above 1000 bytes.
 * @move:      asked for each object once it has been copied: make whatever
 *             refers to @from refer to @to, and return true; or return false
 *             (it is pinned), and the copy is dropped again.
 * @pages:     receives the pages that became free.
 * @max_pages: room in @pages.
 * @moved:     receives the number of objects moved.
 *
 * Returns the number of pages put in @pages.
 */
unsigned int mc_store_compact(struct mc_store *s, unsigned int budget,
                              bool (*move)(void *ctx, uint64_t gfn,
                                           mc_handle_t from, mc_handle_t to),
                              void *ctx, void *pages[],
                              unsigned int max_pages, unsigned int *moved);

/*
 * The same for an object that is pinned since mc_store_open() told its chain:
 * nothing is looked for, or validated, again.
 */
unsigned int mc_store_free_open(struct mc_store *s, mc_handle_t h, void *chain,
                                void *pages[MC_CHAIN_MAX]);

/*
 * Go through all objects: the first one for @prev == 0, 0 after the last one.
 *
 * @prev may have been freed meanwhile, as long as its chain still exists (else
 * 0 is returned).  Objects that are added, moved or freed between two calls
 * may make others be missed or seen twice; whoever wants to see every object
 * under change starts again from 0 until nothing is left.
 */
mc_handle_t mc_store_next(const struct mc_store *s, mc_handle_t prev);

/*
 * Teardown: forget objects chain by chain, and hand back up to @max_pages (at
 * least MC_CHAIN_MAX) pages.  Returns their number, 0 once there are none.
 */
unsigned int mc_store_drain(struct mc_store *s, void *pages[],
                            unsigned int max_pages);

#endif /* MEM_COMPRESS_STORE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
