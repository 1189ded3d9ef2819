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
 * What arch/ and the rest have to do with each other is in
 * <xen/mem_compress/arch.h>.  stay.c measures for how long any of it keeps a
 * processor.
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
#include <xen/mem_compress/arch.h>
#include <xen/mem_compress/handover.h>
#include <xen/mem_compress/inject.h>
#include <xen/mm.h>
#include <xen/percpu.h>
#include <xen/spinlock.h>
#include <xen/timer.h>
#include <xen/trace.h>

#include "codec.h"
#include "floors.h"
#include "hand.h"
#include "share.h"
#include "store.h"

/* Pages between two TLB flushes. */
#define MC_BATCH              32U

/* Stored with an object's codec: it carries a checksum. */
#define CODEC_HAS_CRC         4U

struct mem_compress {
    spinlock_t lock;          /* store, hist                               */
    struct mc_store store;
    struct mc_hist hist[XEN_MEM_COMPRESS_NR_HISTS];

    struct mc_p2m p2m;        /* what the architecture keeps               */

    atomic_t inflight;
    uint32_t flags;           /* XEN_MEM_COMPRESS_S_*                      */
    uint32_t sweep_ms;
    uint64_t max_store_pages;
    uint32_t max_held;        /* see limit.c                               */
    enum mc_codec codec;      /* of objects made from now on               */

    /* With mc->lock: see mc_store_is_full(), after so many in vain. */
#define MC_VAIN_MAX           16U
    uint64_t full_pages, full_bytes;
    unsigned int vain;

    /* Ageing. */
    struct domain *domain;
    struct timer sweep_timer, tidy_timer;

    /* Where background and direct reclaim go on; see pressure.c, limit.c. */
    struct mc_hand background, direct, limit[2];
    struct mc_share share;
    uint32_t min_age;         /* of what idle processors take              */
    bool dry;                 /* nothing old enough, as of ...             */
    uint64_t dry_sweep;       /* ... this sweep                            */
    uint64_t limit_dry;       /* the same, and one more: limit.c           */
    s_time_t swept;           /* last sweep by an idle processor           */

    /* With the p2m lock, as the counters of struct mc_p2m. */
    unsigned long nominal;
    uint64_t restores[XEN_MEM_COMPRESS_NR_CAUSES], refaults;
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
    uint64_t taken_limit, limit_ticks;
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
    /*
     * Of a guest's stage 1: the last level, and one above it.  No other user
     * of them does anything that may scan.
     */
    uint8_t table[PAGE_SIZE] __aligned(8);
    uint8_t upper_table[PAGE_SIZE] __aligned(8);
};

DECLARE_PER_CPU(struct mc_cpu *, mc_cpu);

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
/* In debug builds: frames that are neither the heap's nor a domain's. */
int mc_frames_in_hand(void);

/* An anonymous frame with unspecified content on behalf of @mc, or NULL. */
struct page_info *mc_frame_get(struct mem_compress *mc,
                               enum mc_urgency urgency);
/* Up to @nr of them, as for MC_FOR_HINT; returns how many. */
unsigned int mc_frames_get(struct page_info *pages[], unsigned int nr);
/* A CPU is gone: its frames go back. */
void mc_front_drop(unsigned int cpu);
/* The counterpart: to the reserve if it wants one, else to the heap. */
void mc_frame_put(struct page_info *pg);

/* Put the current vCPU to sleep until there is a frame. */
void mc_wait_for_frame(void);

/* reclaim.c --------------------------------------------------------------- */

struct mc_reclaim {
    struct domain *d;
    unsigned int min_age;
    bool discard;             /* drop the content, do not compress it      */
    bool direct;              /* in a guest's fault                        */
    bool frameless;           /* ... which got no frame                    */
    bool settled;             /* take nothing that is fresh                */
    unsigned int max;         /* pages to try of a batch; 0: all           */
    uint64_t done;            /* pages compressed so far                   */
    uint64_t tried;           /* likewise, and those that stayed           */
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
void mc_free_store_pages(void *const pages[], unsigned int nr);

/* limit.c ----------------------------------------------------------------- */

/* The lowest limit there may be. */
#define MC_LIMIT_MIN          1024U

/* Frames that the host spends on @d: its pages, its store, split tables. */
static inline uint64_t mc_held(const struct domain *d)
{
    const struct mem_compress *mc = d->mem_compress;

    return domain_tot_pages(d) + ACCESS_ONCE(mc->store.pages) +
           ACCESS_ONCE(mc->p2m.table_pages);
}

/* In a fault that brought a page back: does @d hold more than it may? */
static inline bool mc_over_limit(const struct domain *d)
{
    uint32_t max = ACCESS_ONCE(d->mem_compress->max_held);

    return unlikely(max) && mc_held(d) > max;
}

/* If so: compress a few others. */
void mc_limit(struct domain *d);

/* restore.c --------------------------------------------------------------- */

/*
 * Bring one page back.  0: resident now, 1: was not compressed, 2: nor was it
 * yet, and it is not going to be; -EAGAIN: somebody else is at it, -ENOMEM,
 * -EINVAL (dying), -EIO (corrupt).
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
