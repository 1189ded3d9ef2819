/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory compression controller: boot, a domain's life, and the hypercall
 * of guests.
 *
 * See private.h for who calls whom and in what order locks are taken, and
 * arch/arm/mmu/compress.c for the states of a page.
 */
#include <xen/cpu.h>
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/init.h>
#include <xen/param.h>
#include <xen/pfn.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/xvmalloc.h>

#include "private.h"

bool __read_mostly opt_mem_compress = true;
bool __read_mostly opt_mem_compress_hw_af = true;

static int __init cf_check parse_mem_compress(const char *s)
{
    const char *ss;
    int val, rc = 0;

    do {
        ss = strchr(s, ',');
        if ( !ss )
            ss = strchr(s, '\0');

        if ( (val = parse_bool(s, ss)) >= 0 )
            opt_mem_compress = val;
        else if ( (val = parse_boolean("hw-af", s, ss)) >= 0 )
            opt_mem_compress_hw_af = val;
        else
            rc = -EINVAL;

        s = ss + 1;
    } while ( *ss );

    return rc;
}
custom_param("mem_compress", parse_mem_compress);

/*
 * How long after restores that left holes their store is compacted, which may
 * be full again by then; and how long between two slices of that.
 */
#define TIDY_DELAY      MILLISECS(50)
#define TIDY_PERIOD     MILLISECS(1)

DEFINE_PER_CPU(struct mc_cpu *, mc_cpu);

uint64_t mc_ticks(void)
{
    return get_cycles();
}

bool mc_preempted(void)
{
    mc_stay_looked();

    return mc_inject() || general_preempt_check();
}

void mc_hist(struct mem_compress *mc, unsigned int which, uint64_t ticks)
{
    spin_lock(&mc->lock);
    mc_hist_add(&mc->hist[which], ticks);
    spin_unlock(&mc->lock);
}

void mc_hist_shared(struct mem_compress *mc, unsigned int which,
                    uint64_t ticks, unsigned int nr)
{
    spin_lock(&mc->lock);
    mc_hist_add_shared(&mc->hist[which], ticks, nr);
    spin_unlock(&mc->lock);
}

bool mc_begin(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;

    atomic_inc(&mc->inflight);
    smp_mb(); /* Pairs with is_dying before inflight in relinquish. */

    if ( likely(!d->is_dying) )
        return true;

    atomic_dec(&mc->inflight);

    return false;
}

void mc_end(struct domain *d)
{
    smp_mb__before_atomic();
    atomic_dec(&d->mem_compress->inflight);
}

/*
 * Words that fit the payload: 48 bits, extended with zeroes or ones, and 32
 * bits twice.  The upper two bits tell which.
 */
#define PATTERN_SHIFT   48
#define PATTERN_ZEROES  0ULL
#define PATTERN_ONES    1ULL
#define PATTERN_TWICE   2ULL

bool mc_pattern_pack(uint64_t word, uint64_t *payload)
{
    uint64_t low = word & ((1ULL << PATTERN_SHIFT) - 1);

    BUILD_BUG_ON(PATTERN_SHIFT + 2 > MC_PAYLOAD_BITS);

    if ( !(word >> PATTERN_SHIFT) )
        *payload = low | (PATTERN_ZEROES << PATTERN_SHIFT);
    else if ( word >> PATTERN_SHIFT == 0xffff )
        *payload = low | (PATTERN_ONES << PATTERN_SHIFT);
    else if ( (uint32_t)word == word >> 32 )
        *payload = (uint32_t)word | (PATTERN_TWICE << PATTERN_SHIFT);
    else
        return false;

    return true;
}

uint64_t mc_pattern_unpack(uint64_t payload)
{
    uint64_t low = payload & ((1ULL << PATTERN_SHIFT) - 1);

    switch ( payload >> PATTERN_SHIFT )
    {
    case PATTERN_ONES:
        return low | (0xffffULL << PATTERN_SHIFT);
    case PATTERN_TWICE:
        return low | (low << 32);
    default:
        return low;
    }
}

/* ---------------------------------------------------------------------- */

void mc_store_tidy_soon(struct mem_compress *mc)
{
    if ( !timer_is_active(&mc->tidy_timer) )
        set_timer(&mc->tidy_timer, NOW() + TIDY_DELAY);
}

static void cf_check tidy_slice(void *data)
{
    struct mem_compress *mc = data;
    bool stay;

    if ( mc->domain->is_dying )
        return;

    stay = mc_stay_begin(XEN_MEM_COMPRESS_T_timer);
    mc_store_tidy(mc->domain);
    if ( mc_store_is_sparse(&mc->store) )
        set_timer(&mc->tidy_timer, NOW() + TIDY_PERIOD);
    mc_stay_end(stay);
}

static void cf_check sweep_slice(void *data)
{
    struct mem_compress *mc = data;
    unsigned int slices = mc->p2m.nr_ages / MC_SWEEP_SLICE + 1;
    uint32_t ms = ACCESS_ONCE(mc->sweep_ms);
    bool stay;

    if ( !ms || mc->domain->is_dying )
        return;

    stay = mc_stay_begin(XEN_MEM_COMPRESS_T_timer);
    /* Where the CPU sets the flag nobody pays for looking. */
    arch_mc_sweep(mc->domain, &mc->p2m.lap, MC_SWEEP_SLICE,
                  arch_mc_hw_af() || mc_pressure_is_on());
    set_timer(&mc->sweep_timer,
              NOW() + max(MILLISECS(ms) / slices, MILLISECS(1)));
    mc_stay_end(stay);
}

static int check_setup(const struct xen_mem_compress_setup *s)
{
    if ( s->flags & ~(XEN_MEM_COMPRESS_S_crc | XEN_MEM_COMPRESS_S_guest_ops |
                      XEN_MEM_COMPRESS_S_sw_af |
                      XEN_MEM_COMPRESS_S_codec_only) )
        return -EINVAL;

    if ( (s->max_held && s->max_held < MC_LIMIT_MIN) ||
         s->codec >= XEN_MEM_COMPRESS_NR_CODECS ||
         s->weight > MC_WEIGHT_MAX || s->min_age > MC_AGE_MAX )
        return -EINVAL;

    /* The flag belongs to all domains: mem_compress=no-hw-af at boot. */
    if ( (s->flags & XEN_MEM_COMPRESS_S_sw_af) && arch_mc_hw_af() )
        return -EOPNOTSUPP;

    return 0;
}

static void apply_setup(struct mem_compress *mc,
                        const struct xen_mem_compress_setup *s)
{
    mc->flags = s->flags | (arch_mc_hw_af() ? 0 : XEN_MEM_COMPRESS_S_sw_af) |
                (IS_ENABLED(CONFIG_DEBUG) ? XEN_MEM_COMPRESS_S_crc : 0);
    mc->p2m.max_compressed = s->max_compressed;
    spin_lock(&mc->lock);
    mc->max_store_pages = s->max_store_pages;
    mc->vain = 0;
    mc->full_pages = mc->full_bytes = ~0ULL;
    spin_unlock(&mc->lock);
    BUILD_BUG_ON(XEN_MEM_COMPRESS_CODEC_lz4 + MC_CODEC_LZO != MC_CODEC_LZ4);
    ACCESS_ONCE(mc->codec) = MC_CODEC_LZO + s->codec;
    mc->min_age = s->min_age;
    ACCESS_ONCE(mc->max_held) = s->max_held;
    mc_pressure_weight(mc->domain, s->weight);
    ACCESS_ONCE(mc->sweep_ms) = s->sweep_ms;
    if ( s->sweep_ms )
        set_timer(&mc->sweep_timer, NOW() + MILLISECS(1));
}

int mc_setup(struct mem_compress *mc, const struct xen_mem_compress_setup *s)
{
    int rc = check_setup(s);

    if ( !rc )
        apply_setup(mc, s);

    return rc;
}

static void free_state(struct mem_compress *mc)
{
    struct mc_p2m *p2m = &mc->p2m;

    while ( p2m->age_pages )
        free_xenheap_page(p2m->ages[--p2m->age_pages]);

    arch_mc_destroy(mc->domain, p2m);
    xvfree(p2m->ages);
    xvfree(mc);
}

static struct mem_compress *alloc_state(struct domain *d)
{
    struct mem_compress *mc = mc_inject_failure()
                              ? NULL : xvzalloc(struct mem_compress);
    struct mc_p2m *p2m = &mc->p2m;

    if ( !mc )
        return NULL;

    mc->domain = d;
    spin_lock_init(&mc->lock);
    mc_store_init(&mc->store);
    p2m->split_budget = MC_SPLIT_BLOCKS;
    arch_mc_gfn_range(d, &p2m->first_gfn, &p2m->nr_ages);
    p2m->ages = mc_inject_failure()
                ? NULL : xvzalloc_array(uint8_t *, PFN_UP(p2m->nr_ages));
    if ( !p2m->ages || arch_mc_init(d, p2m) )
    {
        free_state(mc);
        return NULL;
    }

    return mc;
}

/* The ages, a byte for each gfn: preemptible, as a domain may be large. */
static int alloc_ages(struct mc_p2m *p2m)
{
    while ( p2m->age_pages < PFN_UP(p2m->nr_ages) )
    {
        void *page = mc_inject_failure() ? NULL : alloc_xenheap_page();

        if ( !page )
            return -ENOMEM;

        clear_page(page);
        p2m->ages[p2m->age_pages++] = page;
        if ( !(p2m->age_pages % 32) && mc_preempted() )
            return -ERESTART;
    }

    return 0;
}

/* Nothing comes of what was begun; the reserve has what others want of it. */
static void enable_undo(struct domain *d)
{
    if ( d->mem_compress_begun )
        free_state(d->mem_compress_begun);
    d->mem_compress_begun = NULL;
    mc_reserve_trim();
}

static int enable(struct domain *d, const struct xen_mem_compress_setup *s)
{
    struct mem_compress *mc;
    int rc;

    /* Cannot begin meanwhile, as domctls are one at a time. */
    if ( d->is_dying )
        return -EBUSY;

    rc = arch_mc_check_domain(d) ?: check_setup(s);
    if ( rc )
        return rc;

    if ( d->creation_finished )
        return -EBUSY;

    if ( !d->mem_compress_begun )
        d->mem_compress_begun = alloc_state(d);
    mc = d->mem_compress_begun;
    if ( !mc )
        return -ENOMEM;

    rc = alloc_ages(&mc->p2m) ?: mc_reserve_fill(d->max_vcpus)
                        ?: mc_reserve_grow(d->max_vcpus);
    if ( rc )
        return rc;

    /* The toolstack may have given it more, or less, since this began. */
    mc->nominal = domain_tot_pages(d);
    init_timer(&mc->sweep_timer, sweep_slice, mc, 0);
    init_timer(&mc->tidy_timer, tidy_slice, mc, 0);
    smp_wmb(); /* All of it before anybody finds it. */
    d->mem_compress = mc;
    d->mem_compress_begun = NULL;
    apply_setup(mc, s);

    return 0;
}

int mc_enable(struct domain *d, const struct xen_mem_compress_setup *s)
{
    int rc;

    if ( !opt_mem_compress )
        return -ENODEV;

    if ( d->mem_compress )
        return -EEXIST;

    rc = enable(d, s);
    /* To be gone on with, or to be ended with the domain. */
    if ( rc && rc != -ERESTART )
        enable_undo(d);

    return rc;
}

/* -ERESTART: preemption is due. */
static int drain_store(struct mem_compress *mc)
{
    void *pages[4 * MC_CHAIN_MAX];
    unsigned int nr;

    for ( ; ; )
    {
        spin_lock(&mc->lock);
        nr = mc_store_drain(&mc->store, pages, ARRAY_SIZE(pages));
        spin_unlock(&mc->lock);

        if ( !nr )
            return 0;

        mc_free_store_pages(pages, nr);
        if ( mc_preempted() )
            return -ERESTART;
    }
}

int mem_compress_relinquish(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;
    bool stay;
    int rc;

    if ( !mc )
        return 0;

    kill_timer(&mc->sweep_timer);
    kill_timer(&mc->tidy_timer);

    /*
     * Whoever takes an entry away, which needs no mc_begin(), frees its object
     * with this held, having found the domain alive: he is through now.
     */
    arch_mc_lock(d);
    arch_mc_unlock(d);

    smp_mb(); /* is_dying before inflight: see mc_begin(). */
    if ( atomic_read(&mc->inflight) )
        return -ERESTART;

    stay = mc_stay_begin(XEN_MEM_COMPRESS_T_end);
    rc = drain_store(mc);
    mc_stay_end(stay);

    return rc;
}

void mem_compress_destroy(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;
    bool stay;

    /* Destroyed while it was being enabled. */
    if ( unlikely(d->mem_compress_begun) )
        enable_undo(d);

    if ( !mc )
        return;

    stay = mc_stay_begin(XEN_MEM_COMPRESS_T_end);
    mc_reserve_shrink(d->max_vcpus);
    d->mem_compress = NULL;
    free_state(mc);
    mc_stay_end(stay);
}

/* ---------------------------------------------------------------------- */

void mem_compress_ballooned(struct domain *d, long nr)
{
    arch_mc_lock(d);
    d->mem_compress->p2m.ballooned += nr;
    arch_mc_unlock(d);
}

unsigned long mem_compress_pages(const struct domain *d)
{
    const struct mem_compress *mc = d->mem_compress;

    return mc ? ACCESS_ONCE(mc->owed) : 0;
}

/* ---------------------------------------------------------------------- */

int mc_whole_domain(struct domain *d, uint64_t *cursor, uint64_t end,
                    bool restore, unsigned int cause, unsigned int min_age,
                    uint64_t wanted, uint64_t *done)
{
    struct mem_compress *mc = d->mem_compress;
    struct mc_reclaim r = { .d = d, .min_age = min_age };
    struct mc_bulk b = { .d = d, .cause = cause };
    unsigned int looked = 0;
    bool damaged = false;
    int rc = 0;

    if ( !mc_begin(d) )
        return -EBUSY;

    end = min(end, (uint64_t)mc->p2m.first_gfn + mc->p2m.nr_ages);
    if ( *cursor < mc->p2m.first_gfn )
        *cursor = mc->p2m.first_gfn;

    while ( *cursor < end && !(wanted && *done + r.done + b.done >= wanted) )
    {
        gfn_t gfn = _gfn(*cursor);

        ++*cursor;
        if ( restore )
        {
            rc = mc_bulk_add(&b, gfn, *cursor - 1);
            if ( !rc && (*cursor == end ||
                         (wanted && *done + b.done + b.nr >= wanted)) )
                rc = mc_bulk_flush(&b);

            /* Nothing else was wrong: do not let it keep the others away. */
            if ( rc == -EIO )
                damaged = true;
            else if ( rc )
            {
                /* What is left of the batch; what is not is resident now. */
                *cursor = b.cursor;
                if ( rc != -EAGAIN )
                    break;
                cpu_relax();
            }
        }
        else if ( mc_reclaim_wants(&r, gfn) )
        {
            /* Not more than wanted: the batch counts as done. */
            rc = mc_reclaim_add(&r, gfn, *cursor - 1);
            if ( !rc && wanted && *done + r.done + r.nr >= wanted )
                rc = mc_reclaim_flush(&r);
            if ( rc )
            {
                *cursor = r.cursor;
                break;
            }
        }

        rc = 0;
        if ( (!(++looked & 255) || (!r.nr && !b.nr)) &&
             mc_preempted() )
        {
            if ( b.nr )
                *cursor = b.cursor;
            rc = *cursor < end ? -ERESTART : 0;
            break;
        }
    }

    if ( mc_reclaim_flush(&r) )
    {
        *cursor = r.cursor;
        rc = -ERESTART;
    }
    *done += r.done + b.done;
    if ( !restore )
        mc_count(&mc->scanned, looked);

    mc_end(d);

    return damaged && (!rc || rc == -ERESTART) ? -EIO : rc;
}

/* Compress or restore what a process of the calling guest maps. */
struct process {
    struct mc_reclaim r;
    /* Of pages that the guest itself has, or has not, accessed lately. */
    unsigned int min_age, min_age_unused;
    struct mc_bulk b;
    const xen_mem_compress_range_t *range;
    bool restore, stop;
    uint32_t wanted, done;
    unsigned int looked;
    int rc;
};

/* What others are bringing back comes back, and what is damaged does not. */
static bool process_restored(struct process *p, int rc)
{
    p->rc = rc == -EAGAIN || rc == -EIO ? 0 : rc;

    return !p->rc;
}

static bool cf_check process_page(void *ctx, gfn_t gfn, uint64_t va,
                                  bool accessed)
{
    struct process *p = ctx;

    if ( p->restore )
    {
        int rc = mc_bulk_add(&p->b, gfn, max(va, p->range->first));

        if ( p->wanted && p->done + p->b.done + p->b.nr >= p->wanted )
            rc = rc ?: mc_bulk_flush(&p->b);
        if ( !process_restored(p, rc) )
            return false;
    }
    else
    {
        p->r.min_age = accessed ? p->min_age : p->min_age_unused;
        if ( mc_reclaim_wants(&p->r, gfn) )
        {
            p->rc = mc_reclaim_add(&p->r, gfn, max(va, p->range->first));
            if ( !p->rc && p->wanted &&
                 p->done + p->r.done + p->r.nr >= p->wanted )
                p->rc = mc_reclaim_flush(&p->r);
            if ( p->rc )
                return false;
        }
    }

    p->stop = p->wanted && p->done + p->r.done + p->b.done >= p->wanted;
    if ( p->stop )
        return false;

    return ((++p->looked & 63) && (p->r.nr || p->b.nr || !p->looked)) ||
           !mc_preempted();
}

/*
 * With a number wanted, the oldest first: one round for each of these.  What
 * the guest's own access flag says was not used is taken one round earlier:
 * whoever clears it does so rarely, so it is no more than a tie-breaker.
 */
static const uint8_t pass_age[] = { MC_AGE_MAX, 6, 2, 0 };

static int op_range(struct domain *d, struct xen_mem_compress_op *op)
{
    xen_mem_compress_range_t *range = &op->u.range;
    struct process p = {
        .r = { .d = d, .min_age = range->min_age },
        .b = { .d = d, .cause = XEN_MEM_COMPRESS_C_hint },
        .range = range,
        .restore = op->op == XENMEM_compress_op_restore_hint,
        .wanted = range->wanted,
        .done = range->done,
    };
    uint32_t scanned = 0;
    bool passes;
    int rc;

    if ( range->pad[0] || range->pad[1] || range->min_age > MC_AGE_MAX ||
         range->pass >= ARRAY_SIZE(pass_age) || range->start < range->first ||
         range->first > range->end )
        return -EINVAL;

    if ( !p.restore )
    {
        const struct mc_p2m *mc = &d->mem_compress->p2m;

        if ( mc->off )
            return -EOPNOTSUPP;
        /* A quota used up on the way ends the request without an error. */
        if ( mc->max_compressed && mc_compressed(mc) >= mc->max_compressed )
            return -EBUSY;
        if ( !mc_reserve_ok() )
            return -ENOMEM;
    }

    if ( op->flags & XENMEM_compress_f_whole_domain )
    {
        uint64_t cursor = range->start >> PAGE_SHIFT, done = range->done;

        rc = mc_whole_domain(d, &cursor, range->end >> PAGE_SHIFT, p.restore,
                             XEN_MEM_COMPRESS_C_hint, range->min_age,
                             range->wanted, &done);
        if ( rc == -EIO )
            rc = cursor < range->end >> PAGE_SHIFT ? -ERESTART : 0;
        range->start = rc == -ERESTART ? cursor << PAGE_SHIFT : range->end;
        range->done = done;

        return rc;
    }

    passes = range->wanted && !p.restore;
    p.min_age = p.min_age_unused = range->min_age;
    if ( passes )
    {
        unsigned int next = min_t(unsigned int, range->pass + 1,
                                  ARRAY_SIZE(pass_age) - 1);

        p.min_age = max_t(unsigned int, p.min_age, pass_age[range->pass]);
        p.min_age_unused = max_t(unsigned int, p.min_age_unused,
                                 pass_age[next]);
    }

    if ( !mc_begin(d) )
        return -EBUSY;

    rc = arch_mc_guest_scan(d, range->root, &range->start, range->end,
                            process_page, &p,
                            (uint64_t *)this_cpu(mc_cpu)->table,
                            (uint64_t *)this_cpu(mc_cpu)->upper_table,
                            &scanned);
    if ( !p.rc )
    {
        p.rc = mc_reclaim_flush(&p.r);
        if ( p.restore )
            process_restored(&p, mc_bulk_flush(&p.b));
    }
    if ( p.rc )
        range->start = p.restore ? p.b.cursor : p.r.cursor;
    mc_end(d);

    range->done = p.done + p.r.done + p.b.done;
    range->scanned += scanned;
    mc_count(&d->mem_compress->scanned, scanned);

    if ( p.rc )
        return p.rc;

    if ( p.stop )
    {
        range->start = range->end;
        rc = 0;
    }
    else if ( !rc && passes && range->pass + 1 < ARRAY_SIZE(pass_age) &&
              p.min_age > range->min_age )
    {
        range->pass++;
        range->start = range->first;
        rc = -ERESTART;
    }
    else if ( !rc )
        range->start = range->end;

    return rc;
}

static int op_discard(struct domain *d, xen_mem_compress_gfns_t *gfns)
{
    struct mc_reclaim r = { .d = d, .discard = true };
    int rc = 0;

    if ( d->mem_compress->p2m.off )
        return -EOPNOTSUPP;

    if ( !mc_begin(d) )
        return -EBUSY;

    while ( gfns->done < gfns->nr )
    {
        XEN_GUEST_HANDLE_PARAM(uint64_t) h =
            guest_handle_from_ptr(gfns->list.h.p, uint64_t);
        uint64_t gfn;

        if ( copy_from_guest_offset(&gfn, h, gfns->done, 1) )
        {
            rc = -EFAULT;
            break;
        }

        gfns->done++;
        if ( mc_reclaim_wants(&r, _gfn(gfn)) )
            rc = mc_reclaim_add(&r, _gfn(gfn), gfns->done - 1);
        if ( rc )
        {
            gfns->done = r.cursor;
            break;
        }

        /* Whatever is in the list, be it one page all over. */
        if ( (!r.nr || !(gfns->done & 63)) && mc_preempted() )
        {
            rc = gfns->done < gfns->nr ? -ERESTART : 0;
            break;
        }
    }

    if ( mc_reclaim_flush(&r) )
    {
        gfns->done = r.cursor;
        rc = -ERESTART;
    }
    mc_end(d);

    return rc;
}

static int op_exclude(struct domain *d, xen_mem_compress_span_t *span,
                      bool exclude)
{
    while ( span->nr )
    {
        gfn_t gfn = _gfn(span->first);
        uint8_t *age = mc_age_of(&d->mem_compress->p2m, gfn);

        if ( !age )
            return -EINVAL;

        /*
         * First, or it might be taken again at once; and locked, or whoever
         * ages it meanwhile brings back the byte as it was.
         */
        arch_mc_lock(d);
        *age = mc_age_exclude(*age, exclude);
        arch_mc_unlock(d);

        if ( exclude )
        {
            /* Not from what is kept for Xen's own accesses. */
            int rc = mc_restore(d, gfn, XEN_MEM_COMPRESS_C_hint,
                                MC_FOR_HINT);

            if ( rc < 0 && rc != -EAGAIN )
                return rc;
            if ( !rc && mc_over_limit(d) )
                mc_limit(d);
            /* Somebody else is at it, and soon through: look again. */
            if ( rc == -EAGAIN )
            {
                if ( mc_preempted() )
                    return -ERESTART;
                cpu_relax();
                continue;
            }
        }

        span->first++;
        span->nr--;
        if ( span->nr && mc_preempted() )
            return -ERESTART;
    }

    return 0;
}

static void op_query(struct domain *d, xen_mem_compress_query_t *q)
{
    struct mem_compress *mc = d->mem_compress;
    unsigned int i;

    memset(q, 0, sizeof(*q));

    arch_mc_lock(d);
    q->compressed = mc_compressed(&mc->p2m);
    q->same_filled = mc->p2m.kinds[MC_KIND_ZERO] + mc->p2m.kinds[MC_KIND_SAME];
    q->store_pages = mc->store.pages;
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_CAUSES; i++ )
        q->restores += mc->restores[i];
    q->held = mc_held(d);
    arch_mc_unlock(d);

    spin_lock(&mc->lock);
    q->stall_ticks = mc->hist[XEN_MEM_COMPRESS_H_restore_lzo].sum +
                     mc->hist[XEN_MEM_COMPRESS_H_restore_same].sum +
                     ACCESS_ONCE(mc->limit_ticks);
    spin_unlock(&mc->lock);
}

/* What is left of the argument by members that are smaller than others. */
static bool rest_is_zero(const struct xen_mem_compress_op *op, size_t used)
{
    unsigned int i;

    for ( i = used / sizeof(op->u.pad[0]); i < ARRAY_SIZE(op->u.pad); i++ )
        if ( op->u.pad[i] )
            return false;

    return true;
}

static int guest_op(XEN_GUEST_HANDLE_PARAM(void) arg)
{
    struct domain *d = current->domain;
    XEN_GUEST_HANDLE_PARAM(xen_mem_compress_op_t) h =
        guest_handle_cast(arg, xen_mem_compress_op_t);
    struct xen_mem_compress_op op;
    int rc;

    if ( !mem_compress_enabled(d) ||
         !(d->mem_compress->flags & XEN_MEM_COMPRESS_S_guest_ops) )
        return -EOPNOTSUPP;

    if ( copy_from_guest(&op, h, 1) )
        return -EFAULT;

    if ( op.version != XEN_MEM_COMPRESS_INTERFACE_VERSION )
        return -EINVAL;

    if ( op.flags & ~((op.op == XENMEM_compress_op_request ||
                       op.op == XENMEM_compress_op_restore_hint)
                      ? XENMEM_compress_f_whole_domain : 0) )
        return -EINVAL;

    switch ( op.op )
    {
    case XENMEM_compress_op_request:
    case XENMEM_compress_op_restore_hint:
        mc_count(&d->mem_compress->requests, 1);
        rc = op_range(d, &op);
        break;

    case XENMEM_compress_op_discard:
        if ( !rest_is_zero(&op, sizeof(op.u.gfns)) )
            return -EINVAL;
        rc = op_discard(d, &op.u.gfns);
        break;

    case XENMEM_compress_op_exclude:
    case XENMEM_compress_op_include:
        if ( !rest_is_zero(&op, sizeof(op.u.span)) )
            return -EINVAL;
        rc = op_exclude(d, &op.u.span,
                        op.op == XENMEM_compress_op_exclude);
        break;

    case XENMEM_compress_op_query:
        op_query(d, &op.u.query);
        rc = 0;
        break;

    default:
        return -EINVAL;
    }

    if ( copy_to_guest(h, &op, 1) )
        return -EFAULT;

    return rc;
}

long mem_compress_op(XEN_GUEST_HANDLE_PARAM(void) arg)
{
    bool stay = mc_stay_begin(XEN_MEM_COMPRESS_T_guest);
    int rc = guest_op(arg);

    mc_stay_end(stay);

    return rc;
}

/* ---------------------------------------------------------------------- */

static int cf_check cpu_callback(struct notifier_block *nfb,
                                 unsigned long action, void *hcpu)
{
    unsigned int cpu = (unsigned long)hcpu;

    switch ( action )
    {
    case CPU_UP_PREPARE:
        if ( !per_cpu(mc_cpu, cpu) )
            per_cpu(mc_cpu, cpu) = mc_inject_failure()
                                   ? NULL : xvzalloc(struct mc_cpu);
        return per_cpu(mc_cpu, cpu) ? NOTIFY_DONE
                                    : notifier_from_errno(-ENOMEM);

    case CPU_UP_CANCELED:
    case CPU_DEAD:
        if ( per_cpu(mc_cpu, cpu) )
            mc_front_drop(cpu);
        XVFREE(per_cpu(mc_cpu, cpu));
        break;
    }

    return NOTIFY_DONE;
}

static struct notifier_block cpu_nfb = {
    .notifier_call = cpu_callback,
};

static int __init cf_check mem_compress_init(void)
{
    if ( !opt_mem_compress )
        return 0;

    if ( cpu_callback(&cpu_nfb, CPU_UP_PREPARE,
                      (void *)(unsigned long)smp_processor_id()) !=
         NOTIFY_DONE )
        opt_mem_compress = false;
    else
        register_cpu_notifier(&cpu_nfb);

    printk(XENLOG_INFO "mem_compress: %s, access flag set by %s\n",
           opt_mem_compress ? "available" : "no memory for its buffers",
           arch_mc_hw_af() ? "hardware" : "software");

    return 0;
}
presmp_initcall(mem_compress_init);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
