/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The controller's own view of itself.
 *
 * Who calls whom:
 *
 *      domctl / hypercall / fault / lookup / timer      idle loop
 *                        |                                  |
 *                        |                  pressure.c (who is taken from)
 *                        |                                  |
 *      domctl.c   core.c (dispatch)   reclaim.c (in)   restore.c (out)  look.c
 *                        |                   |               |
 *      frames.c (reserve, attach and detach of frames, sleeping vCPUs)
 *      arch/arm/mmu/compress.c (stage-2 descriptors)
 *      arch/arm/guest-scan.c   (stage-1 tables, read only)
 *                        |
 *      store.c  codec.c  age.c  (pure logic)
 *
 * stay.c measures for how long any of it keeps a processor.
 *
 * Lock order, outermost first:
 *
 *      p2m lock  >  d->page_alloc_lock  >  mc->lock  >  reserve lock
 *
 * The codec runs with none of them held.  What pins a page or an object
 * meanwhile is its descriptor: COMPRESSING with a tag, or COMPRESSED | BUSY.
 *
 * Pages come in with the p2m lock held for write, and go out with it held for
 * read: BUSY is what keeps others away from the descriptor, mc->lock is what
 * keeps the books (see struct mem_compress), so vCPUs of a domain that restore
 * different pages, or look up others, do not wait for each other.
 *
 * mc->inflight counts those who are between two descriptor changes.  Teardown
 * sets d->is_dying first and then waits for the count to drop to zero, so who
 * has raised it and still finds the domain alive may use the store.
 */
#ifndef MEM_COMPRESS_PRIVATE_H
#define MEM_COMPRESS_PRIVATE_H

#include <xen/mem_compress.h>
#include <xen/mm.h>
#include <xen/percpu.h>
#include <xen/spinlock.h>
#include <xen/timer.h>
#include <xen/trace.h>

#include "age.h"
#include "codec.h"
#include "floors.h"
#include "hand.h"
#include "handover.h"
#include "inject.h"
#include "share.h"
#include "store.h"

/* Pages between two TLB flushes. */
#define MC_BATCH              32U

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

/* Stored with an object's codec: it carries a checksum. */
#define CODEC_HAS_CRC         4U

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

struct mem_compress {
    spinlock_t lock;          /* store, hist                               */
    struct mc_store store;
    struct mc_hist hist[XEN_MEM_COMPRESS_NR_HISTS];

    atomic_t inflight;
    bool off;                 /* disabled: restore only                    */
    uint32_t flags;           /* XEN_MEM_COMPRESS_S_*                      */
    uint32_t sweep_ms;
    uint64_t max_compressed, max_store_pages;
    enum mc_codec codec;      /* of objects made from now on               */

    /* With mc->lock: see mc_store_is_full(). */
    uint64_t full_pages, full_bytes;
    unsigned int vain;

    /*
     * One byte for each of nr_ages gfns from first_gfn on, see age.h; in
     * pages, so that none takes long to be had, or given back.
     */
    unsigned long first_gfn, nr_ages;
    uint8_t **ages;
    unsigned long age_pages;  /* that there are so far                     */

    /* Ageing. */
    struct domain *domain;
    struct timer sweep_timer, tidy_timer;

    /* Where background and direct reclaim go on; see pressure.c. */
    struct mc_hand background, direct;
    struct mc_share share;
    uint32_t min_age;         /* of what idle processors take              */
    bool dry;                 /* nothing old enough, as of ...             */
    uint64_t dry_sweep;       /* ... this sweep                            */
    s_time_t swept;           /* last sweep by an idle processor           */

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
    unsigned long nominal;
    long ballooned;
    unsigned long kinds[MC_NR_KINDS];
    unsigned long compressing;
    uint32_t tag;
    unsigned long table_pages;
    uint64_t restores[XEN_MEM_COMPRESS_NR_CAUSES];
    uint64_t nominated, committed, freeze_failed, dropped, refaults;
    uint64_t flushes, sweeps, splits;
    uint64_t taken_background;

    /*
     * With d->page_alloc_lock: pages that have a right to come back, all kinds
     * of them.  With tot_pages it makes up what counts against max_pages, so
     * both change at once.
     */
    unsigned long owed;

    /* With the reserve's lock: what it had of the last frames, floors.h. */
    struct mc_last last;

    /* Anywhere: see mc_count(). */
    uint64_t rejected, cancelled, no_memory, collisions, lost_races;
    uint64_t corrupted, waits, requests, scanned, moved, reclaims;
};

/* Frames in front of the reserve, see frames.c. */
#define MC_FRONT              8U

/* Buffers of one physical CPU; never used across anything that may sleep. */
struct mc_cpu {
    struct page_info *front[MC_FRONT];
    unsigned int fronts;      /* slots that may have one                   */
    uint8_t wrkmem[MC_WRKMEM_SIZE] __aligned(8);
    uint8_t out[MC_MAX_OBJECT] __aligned(8);
    uint8_t bounce[MC_MAX_OBJECT] __aligned(8);
    /* Of a guest's stage 1: the last level, and one above it. */
    uint8_t table[PAGE_SIZE] __aligned(8);
    uint8_t upper_table[PAGE_SIZE] __aligned(8);
};

DECLARE_PER_CPU(struct mc_cpu *, mc_cpu);

static inline unsigned long mc_compressed(const struct mem_compress *mc)
{
    return mc->kinds[MC_KIND_ZERO] + mc->kinds[MC_KIND_SAME] +
           mc->kinds[MC_KIND_OBJECT];
}

/*
 * Is the store at its limit, with no room for objects in what it has?  Found
 * out by as many as this in a row, of whatever sizes, that went to the codec
 * and had no place; over with new settings, or when an object or a page leaves
 * the store.  Without its lock: it does no harm if this is wrong for a moment.
 */
#define MC_VAIN_MAX           16U

static inline bool mc_store_is_full(const struct mem_compress *mc)
{
    return ACCESS_ONCE(mc->max_store_pages) &&
           ACCESS_ONCE(mc->store.pages) >= ACCESS_ONCE(mc->full_pages) &&
           ACCESS_ONCE(mc->store.bytes) >= ACCESS_ONCE(mc->full_bytes);
}

/* What follows in the same 2 MiB of gfns is behind it. */
static inline uint8_t *mc_age_of(const struct mem_compress *mc, gfn_t gfn)
{
    unsigned long i = gfn_x(gfn) - mc->first_gfn;

    return i < mc->nr_ages ? &mc->ages[i >> PAGE_SHIFT][i & ~PAGE_MASK] : NULL;
}

/* @n more of what is counted with no lock held. */
static inline void mc_count(uint64_t *counter, uint64_t n)
{
    uint64_t old;

    do {
        old = ACCESS_ONCE(*counter);
    } while ( cmpxchg(counter, old, old + n) != old );
}

/*
 * Without the p2m lock held for write, with which MC_AGE_EXCLUDED changes: a
 * byte that was read before that must not be written back after it.
 */
static inline void mc_age_update(uint8_t *age, uint8_t (*change)(uint8_t a))
{
    uint8_t old, new;

    do {
        old = ACCESS_ONCE(*age);
        new = change(old);
    } while ( new != old && cmpxchg(age, old, new) != old );
}

/*
 * Raise mc->inflight; false if it is too late, nothing is raised then.  A
 * successful begin is to be followed by mc_end().
 */
bool mc_begin(struct domain *d);
void mc_end(struct domain *d);

/* One entry, or @nr that took @ticks altogether. */
void mc_hist(struct mem_compress *mc, unsigned int which, uint64_t ticks);
void mc_hist_shared(struct mem_compress *mc, unsigned int which,
                    uint64_t ticks, unsigned int nr);
uint64_t mc_ticks(void);
/* Does somebody else want this CPU?  In a hypercall, a fault, or idle. */
bool mc_preempted(void);

/* stay.c ------------------------------------------------------------------ */

/*
 * Around whatever the rest of Xen calls that may take long; @what is
 * XEN_MEM_COMPRESS_T_*.  The end wants what the begin returned.
 */
bool mc_stay_begin(unsigned int what);
void mc_stay_end(bool began);
/* There was a look at whether somebody else wants the processor. */
void mc_stay_looked(void);
/* It turns out to be something else. */
void mc_stay_is(unsigned int what);
/* The longest so far of any processor; all to be 0 before. */
void mc_stay_info(uint64_t stretch[], uint64_t *reclaim);

/* pressure.c -------------------------------------------------------------- */

void mc_pressure_weight(struct domain *d, uint32_t weight);
int mc_pressure_set(const struct xen_mem_compress_host *h);
void mc_pressure_info(uint64_t *low, uint64_t *high);
/* Is the host short of memory? */
bool mc_pressure_is_on(void);
/* Frames ran out: do not wait for the next look at the watermarks. */
void mc_pressure_now(void);

/* frames.c ---------------------------------------------------------------- */

/*
 * Set up the reserve for one more domain; -ENOMEM if it cannot be filled.  The
 * first is what takes long: -ERESTART says that preemption is due.
 */
int mc_reserve_fill(unsigned int nr_vcpus);
/* Nothing came of it: what nobody wants the reserve to hold is the heap's. */
void mc_reserve_trim(void);
int mc_reserve_grow(unsigned int nr_vcpus);
void mc_reserve_shrink(unsigned int nr_vcpus);
/* Is it filled enough to compress anything? */
bool mc_reserve_ok(void);
/* By up to @max frames; false: there are none. */
bool mc_reserve_refill(unsigned int max);
void mc_reserve_info(uint64_t *held, uint64_t *target);

/* An anonymous frame with unspecified content on behalf of @mc, or NULL. */
struct page_info *mc_frame_get(struct mem_compress *mc,
                               enum mc_urgency urgency);
/* Up to @nr of them, as for MC_FOR_HINT; returns how many. */
unsigned int mc_frames_get(struct page_info *pages[], unsigned int nr);
/* A CPU is gone: its frames go back. */
void mc_front_drop(unsigned int cpu);
/* The counterpart: to the reserve if it wants one, else to the heap. */
void mc_frame_put(struct page_info *pg);

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

/* Put the current vCPU to sleep until there is a frame. */
void mc_wait_for_frame(void);

/* reclaim.c --------------------------------------------------------------- */

struct mc_reclaim {
    struct domain *d;
    unsigned int min_age;
    bool discard;             /* drop the content, do not compress it      */
    bool direct;              /* in a guest's fault                        */
    unsigned int max;         /* pages to try of a batch; 0: all           */
    uint64_t done;            /* pages compressed so far                   */
    uint64_t cursor;          /* the caller's, of the first that was left  */
    unsigned int nr;
    struct mc_page batch[MC_BATCH];
};

/*
 * Collect a page; works off the batch when that is full.  mc_reclaim_flush()
 * works off what was collected, however little.
 *
 * 0:         through with the batch.
 * -ERESTART: preemption is due: go on at r->cursor.  At least one page was
 *            tried; those that were left are as if they had not been touched.
 */
int mc_reclaim_add(struct mc_reclaim *r, gfn_t gfn, uint64_t cursor);
int mc_reclaim_flush(struct mc_reclaim *r);
/*
 * Advance @h by up to @nr gfns, or @max pages, and take what is at least as
 * old as the hand says; less if preemption is due.  True when that completed a
 * round.
 */
bool mc_reclaim_round(struct mc_reclaim *r, struct mc_hand *h, unsigned int nr,
                      unsigned int max);
/*
 * Is the page at @va one that a descriptor has room for?  Fills @leaf if so.
 * The guest may be writing to it: then this is a guess.
 */
bool mc_needs_no_store(const struct mem_compress *mc, const void *va,
                       struct mc_leaf *leaf);
/* May this page be taken, going by its age? */
bool mc_reclaim_wants(const struct mc_reclaim *r, gfn_t gfn);
/*
 * Resident pages by age, as the last sweep has seen them: what it has not, or
 * what was restored since, is as if accessed now.
 */
void mc_ages(const struct domain *d, struct mc_age_hist *h);
/* How old a page must be so that about @wanted are; at least @min_age. */
unsigned int mc_reclaim_age(const struct domain *d, unsigned int min_age,
                            uint64_t wanted);
/*
 * In a fault: free frames from some of @d's oldest pages.  True: there may be
 * a frame now, or when this is called again; false: not before pages are
 * older, which this has brought nearer.
 */
bool mc_reclaim_direct(struct domain *d);
/* Have the store hand back pages by compaction, if that is worth it. */
void mc_store_tidy(struct domain *d);
/* Free an object that is ours. */
void mc_free_object(struct mem_compress *mc, mc_handle_t h);
void mc_free_store_pages(void *const pages[], unsigned int nr);

/* restore.c --------------------------------------------------------------- */

/*
 * Bring one page back.  0: resident now, 1: was not compressed, -EAGAIN:
 * somebody else is at it, -ENOMEM, -EINVAL (dying), -EIO (corrupt).
 */
int mc_restore(struct domain *d, gfn_t gfn, unsigned int cause,
               enum mc_urgency urgency);
/* The content that @leaf, and @data if it is an object, stand for.  -EIO. */
int mc_decode(const struct mc_leaf *leaf, const struct mc_obj *obj,
              const void *data, void *va);

/* Pages that nobody waits for: brought back a batch at a time. */
struct mc_bulk {
    struct domain *d;
    unsigned int cause;
    uint64_t done;            /* pages restored so far                     */
    uint64_t cursor;          /* the caller's, of the batch's first page   */
    unsigned int nr;
    struct mc_out out[MC_BATCH];
};

/*
 * Collect a page; works off the batch when that is full.  mc_bulk_flush()
 * works off what was collected, however little.  To be called between
 * mc_begin() and mc_end().
 *
 * 0:         through with the batch.
 * -EAGAIN:   likewise, but somebody else had got hold of some of its pages.
 * -ERESTART: preemption is due: some are left, go on at b->cursor.  At least
 *            one page was restored.
 * -ENOMEM:   likewise, for lack of frames.
 * -EINVAL:   as mc_restore().
 * -EIO:      likewise, but through with all others.
 */
int mc_bulk_add(struct mc_bulk *b, gfn_t gfn, uint64_t cursor);
int mc_bulk_flush(struct mc_bulk *b);

/*
 * For arch_mc_end_restore(): keep the books of what became of out[0 ... nr),
 * restored or gone (-EAGAIN), and free the objects of both.
 */
void mc_restored(struct domain *d, const struct mc_out *out, unsigned int nr,
                 unsigned int cause);

/* look.c ------------------------------------------------------------------ */

/*
 * What a compressed page is, and the bytes of its object (at most
 * MC_MAX_OBJECT) in @buf.  Between mc_begin() and mc_end().
 *
 * -ENOENT: it is not compressed, or not any more, -EAGAIN: somebody else is
 * at it, -EIO: the store has no such object.
 */
int mc_copy_object(struct domain *d, gfn_t gfn, struct mc_leaf *leaf,
                   struct mc_obj *obj, void *buf);
/* The content of a page, wherever it is, without restoring it. */
int mc_peek(struct domain *d, gfn_t gfn, void *buf);

/* core.c ------------------------------------------------------------------ */

/* The same, after a while. */
void mc_store_tidy_soon(struct mem_compress *mc);

/* Gfns that a sweep looks at in one go. */
#define MC_SWEEP_SLICE        1024U

/* Switch the controller on for @d; change what was set then. */
int mc_enable(struct domain *d, const struct xen_mem_compress_setup *s);
int mc_setup(struct mem_compress *mc, const struct xen_mem_compress_setup *s);

/*
 * Go through the gfns of @d from *cursor to @end.  @restore: bring pages back,
 * for @cause, else compress those of at least @min_age, until *done is @wanted
 * (0: all).  -ERESTART: preemption is due, go on at *cursor.  -EIO: the same,
 * or the end, and damaged objects were passed over.
 */
int mc_whole_domain(struct domain *d, uint64_t *cursor, uint64_t end,
                    bool restore, unsigned int cause, unsigned int min_age,
                    uint64_t wanted, uint64_t *done);

/* For patterns that fit a descriptor's payload. */
bool mc_pattern_pack(uint64_t word, uint64_t *payload);
uint64_t mc_pattern_unpack(uint64_t payload);

/* debug.c ----------------------------------------------------------------- */

/* In pages; balanced: they add up to what is nominally the domain's. */
struct mc_books {
    unsigned long nominal, resident, compressing, compressed, discarded;
    unsigned long ballooned;
    unsigned long zero, same, objects;      /* of the compressed ones */
    bool balanced;
};

/* With the p2m lock held for write, or they may be of different moments. */
void mc_get_books(const struct domain *d, struct mc_books *b);

/* A record TRC_MEM_COMPRESS_*: see struct xen_mem_compress_trace. */
void mc_trace_page(const struct domain *d, uint32_t event, gfn_t gfn,
                   const struct mc_leaf *leaf, unsigned int cause, int value);

static always_inline void mc_trace(const struct domain *d, uint32_t event,
                                   gfn_t gfn, const struct mc_leaf *leaf,
                                   unsigned int cause, int value)
{
    if ( unlikely(tb_init_done) )
        mc_trace_page(d, event, gfn, leaf, cause, value);
}

/* arch -------------------------------------------------------------------- */

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
/* What the arch keeps in @mc, once the range of gfns is known. */
int arch_mc_init(struct mem_compress *mc);
void arch_mc_destroy(struct mem_compress *mc);

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
 * *va is where to go on.  @accessed: the guest's own access flag.
 * 0: end was reached, -ERESTART: not yet, -EOPNOTSUPP: regime not supported.
 */
int arch_mc_guest_scan(struct domain *d, paddr_t root, uint64_t *va,
                       uint64_t end,
                       bool (*fn)(void *ctx, gfn_t gfn, uint64_t va,
                                  bool accessed),
                       void *ctx, uint32_t *scanned);

#endif /* MEM_COMPRESS_PRIVATE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
