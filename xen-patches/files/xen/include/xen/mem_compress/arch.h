/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the memory compression controller, in common code, and an architecture,
 * which has the stage-2 tables, have to do with each other: the types of both,
 * what a domain's p2m has to say about its pages, what the architecture does
 * (arch_mc_*), and what it asks of the controller.
 *
 * The lock order is in common/mem_compress/private.h.
 */
#ifndef __XEN_MEM_COMPRESS_ARCH_H__
#define __XEN_MEM_COMPRESS_ARCH_H__

#include <xen/mem_compress.h>
#include <xen/mem_compress/age.h>
#include <xen/mm.h>

/* What a compressed page is; 2 bits of its descriptor. */
enum mc_kind {
    MC_KIND_ZERO,             /* no payload                                */
    MC_KIND_SAME,             /* payload: the word, see mc_pattern_pack()  */
    MC_KIND_OBJECT,           /* payload: handle in the store              */
    MC_KIND_DISCARDED,        /* as ZERO, but the guest gave the page up   */
    MC_NR_KINDS
};

/* XEN_MEM_COMPRESS_G_* of each kind. */
extern const uint8_t mc_kind_states[MC_NR_KINDS];

/* The content of a COMPRESSED descriptor. */
struct mc_leaf {
    uint64_t payload;         /* MC_PAYLOAD_BITS                           */
    enum mc_kind kind;
};

#define MC_PAYLOAD_BITS       50U

enum mc_found {
    MC_FOUND_NOTHING,         /* not RAM, or resident                      */
    MC_FOUND_CANCELLED,       /* was COMPRESSING, is resident now          */
    MC_FOUND_LEAF,            /* compressed, and BUSY for us now           */
    MC_FOUND_BUSY,            /* BUSY for somebody else                    */
};

/* A page on its way out. */
struct mc_out {
    gfn_t gfn;
    enum mc_found found;
    struct mc_leaf leaf;      /* of a MC_FOUND_LEAF                        */
    struct page_info *page;   /* with the content; NULL: leave it alone    */
    void *chain;              /* of an object that was opened              */
    uint32_t codec_ticks;     /* 0: there was no codec in it               */
    int rc;                   /* why it was left alone, or what came of it */
};

/* A page on its way in. */
struct mc_page {
    gfn_t gfn;
    struct page_info *page;   /* with a reference; NULL: not nominated     */
    uint64_t pte;             /* the COMPRESSING descriptor we wrote       */
    uint64_t cursor;          /* of whoever collected it                   */
    bool accessed;            /* its access flag when it was nominated     */
};

/* One sweep through the ages of all pages, while it is under way. */
struct mc_lap {
    unsigned long gfn;        /* where it goes on                          */
    struct mc_age_hist hist;  /* of resident pages behind it               */
    struct mc_split_evidence seen;
};

/* Of a domain that was opted in, what goes with the lock of its p2m. */
struct mc_p2m {
    bool off;                 /* disabled: restore only                    */
    uint64_t max_compressed;

    /*
     * One byte for each of nr_ages gfns from first_gfn on, see age.h; in
     * pages, so that none takes long to be had, or given back.
     */
    unsigned long first_gfn, nr_ages;
    uint8_t **ages;
    unsigned long age_pages;  /* that there are so far                     */

    /*
     * The level 3 tables of the p2m, one for each 2 MiB of gfns from
     * first_table on; NULL where nobody has looked yet.  Filled with the p2m
     * lock held, for read or write, emptied with it held for write.
     */
    unsigned long first_table, nr_tables;
    void **tables;
    bool tables_known;        /* false: all of them are NULL               */
    uint64_t ram_pte;         /* a descriptor of RAM at frame 0            */

    /* With the p2m lock held for write. */
    struct mc_lap lap;        /* whoever sweeps, but for ...               */
    struct mc_lap forced_lap; /* ... the toolstack                         */
    struct mc_age_hist ages_now;   /* of the last sweep, less what went    */
    unsigned int split_budget;

    /*
     * With the p2m lock held for write, or for read and mc->lock as well:
     * restores need not keep each other out, only those who read or write
     * all of it.
     */
    long ballooned;
    unsigned long kinds[MC_NR_KINDS];
    unsigned long compressing;
    uint32_t tag;
    unsigned long table_pages;
    uint64_t nominated, committed, freeze_failed, dropped;
    uint64_t flushes, sweeps, splits;
};

static inline unsigned long mc_compressed(const struct mc_p2m *mc)
{
    return mc->kinds[MC_KIND_ZERO] + mc->kinds[MC_KIND_SAME] +
           mc->kinds[MC_KIND_OBJECT];
}

/* What follows in the same 2 MiB of gfns is behind it. */
static inline uint8_t *mc_age_of(const struct mc_p2m *mc, gfn_t gfn)
{
    unsigned long i = gfn_x(gfn) - mc->first_gfn;

    return i < mc->nr_ages ? &mc->ages[i >> PAGE_SHIFT][i & ~PAGE_MASK] : NULL;
}

/* The architecture -------------------------------------------------------- */

/*
 * Nominate those of p[0 ... nr) that are eligible, @max of them at most:
 * reference taken, tagged descriptor written, TLBs flushed once at the end.
 * Others get page = NULL.  Returns how many it came to, at least one: blocks
 * take long to be split.
 * @discard: those that are compressed already become discarded ones.
 */
unsigned int arch_mc_nominate(struct domain *d, struct mc_page *p,
                              unsigned int nr, unsigned int max, bool discard);

/*
 * Which of the gfns from @gfn on are resident?  A bit for each, the lowest for
 * @gfn; returns of how many, 64 at most.
 */
unsigned int arch_mc_residents(struct domain *d, gfn_t gfn, uint64_t *mask);

/*
 * Make the descriptor say where the content is now and free the frame.
 * -EAGAIN: the page was accessed meanwhile, -EBUSY: somebody holds a
 * reference, -ENOSPC: that would be more than max_compressed, -EOPNOTSUPP:
 * switched off since; the page stays (or is again) resident, and ours is
 * dropped.
 */
int arch_mc_commit(struct domain *d, const struct mc_page *p,
                   const struct mc_leaf *leaf);
/*
 * Give up on a nominated page: valid again, reference dropped.  @accessed:
 * what its access flag says then, if nobody has cancelled it by an access.
 */
void arch_mc_cancel(struct domain *d, const struct mc_page *p, bool accessed);
/* The same for those of p[0 ... nr) that were, as if they had not been. */
void arch_mc_undo(struct domain *d, const struct mc_page *p, unsigned int nr);

/* First half of a restore: fills in found and leaf of out[0 ... nr). */
void arch_mc_begin_restore(struct domain *d, struct mc_out *out,
                           unsigned int nr);
/*
 * Second half, for those of out[0 ... nr) that are MC_FOUND_LEAF: the frame
 * (ours, content in place) becomes the page of the gfn and the domain's; or,
 * if there is none, BUSY is cleared again.  out[].rc is left alone but for
 * -EAGAIN    the descriptor is not ours any more: overwritten or removed.
 * -EINVAL    the domain is dying.
 * With an error the frame is the caller's still.  Then mc_restored() is
 * called, still under the lock.
 */
void arch_mc_end_restore(struct domain *d, struct mc_out *out,
                         unsigned int nr, unsigned int cause);

/* Move: rewrite the descriptor of @gfn unless it is not @from, or BUSY. */
bool arch_mc_move(struct domain *d, gfn_t gfn, uint64_t from, uint64_t to);
void arch_mc_lock(struct domain *d);
void arch_mc_unlock(struct domain *d);

/* Content of a resident page, without restoring: false if not resident. */
bool arch_mc_copy_resident(struct domain *d, gfn_t gfn, void *buf);

/*
 * Age up to @nr gfns from where @lap is; true when that completed the sweep.
 * @all: not even pages that were in use for long are passed by (age.h).
 */
bool arch_mc_sweep(struct domain *d, struct mc_lap *lap, unsigned int nr,
                   bool all);

/* Set the access flag; false if there is nothing to set it in. */
bool arch_mc_mark_young(struct domain *d, gfn_t gfn);

/* XEN_MEM_COMPRESS_G_* and age in one byte; @gfn locked or not. */
uint8_t arch_mc_state(struct domain *d, gfn_t gfn, struct mc_leaf *leaf,
                      bool *busy);

/* Which gfns ages have to cover; the first begins 2 MiB of them. */
void arch_mc_gfn_range(struct domain *d, unsigned long *first,
                       unsigned long *nr);
/* Can this domain be opted in at all? */
int arch_mc_check_domain(const struct domain *d);
bool arch_mc_hw_af(void);
/* What it keeps in @mc itself, once the range of gfns is known. */
int arch_mc_init(struct domain *d, struct mc_p2m *mc);
void arch_mc_destroy(struct domain *d, struct mc_p2m *mc);

/*
 * Cache maintenance on a page's way out of and into a guest; the latter takes
 * effect with arch_mc_clean_in_done(), once for any number of pages.
 */
void arch_mc_clean_out(const void *va);
void arch_mc_clean_in(const void *va);
void arch_mc_clean_in_done(void);

/*
 * Stage-1 scan: call @fn for every 4K page that the current vCPU's guest maps
 * in [*va, end) through @root, until that returns false or preemption is due;
 * *va is where to go on.  @accessed: the guest's own access flag.  @last and
 * @upper: a page each, for copies of its tables.
 * 0: end was reached, -ERESTART: not yet, -EOPNOTSUPP: regime not supported.
 */
int arch_mc_guest_scan(struct domain *d, paddr_t root, uint64_t *va,
                       uint64_t end,
                       bool (*fn)(void *ctx, gfn_t gfn, uint64_t va,
                                  bool accessed),
                       void *ctx, uint64_t *last, uint64_t *upper,
                       uint32_t *scanned);

/* The controller ---------------------------------------------------------- */

/* Does somebody else want this CPU?  In a hypercall, a fault, or idle. */
bool mc_preempted(void);

/*
 * Make anonymous frames @d's, which were owed to it: between a begin (-EINVAL:
 * @d is dying) and an end that tells how many they were.
 */
int mc_attach_begin(struct domain *d);
void mc_attach(struct domain *d, struct page_info *pg);
void mc_attach_end(struct domain *d, unsigned int nr);
/* Make a frozen frame of @d anonymous; it is owed one for it. */
void mc_frame_detach(struct domain *d, struct page_info *pg);
/* One that @d was owed it has given up. */
void mc_owed_dropped(struct domain *d);

/*
 * For arch_mc_end_restore(): keep the books of what became of out[0 ... nr),
 * restored or gone (-EAGAIN), and free the objects of both.
 */
void mc_restored(struct domain *d, const struct mc_out *out, unsigned int nr,
                 unsigned int cause);
/* Free an object that is ours. */
void mc_free_object(struct domain *d, uint64_t handle);

/*
 * Is the page at @va one that a descriptor has room for?  Fills @leaf if so.
 * The guest may be writing to it: then this is a guess.
 */
bool mc_needs_no_store(const struct domain *d, const void *va,
                       struct mc_leaf *leaf);
/*
 * Is the store at its limit, with no room for objects in what it has?  Found
 * out by MC_VAIN_MAX in a row, of whatever sizes, that went to the codec and
 * had no place; over with new settings, or when an object or a page leaves
 * the store.  Without its lock: it does no harm if this is wrong for a moment.
 */
bool mc_store_is_full(const struct domain *d);

/* The content of a page, wherever it is, without restoring it. */
int mc_peek(struct domain *d, gfn_t gfn, void *buf);

#endif /* __XEN_MEM_COMPRESS_ARCH_H__ */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
