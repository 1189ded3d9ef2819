/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages on their way out, whatever asks for them. */
#include <xen/domain_page.h>
#include <xen/event.h>
#include <xen/sched.h>

#include "private.h"

/* See mem_compress_runstate(). */
static DEFINE_PER_CPU(bool, for_runstate);

int mc_decode(const struct mc_leaf *leaf, const struct mc_obj *obj,
              const void *data, void *va)
{
    switch ( leaf->kind )
    {
    case MC_KIND_ZERO:
    case MC_KIND_DISCARDED:
        mc_fill(va, 0);
        return 0;

    case MC_KIND_SAME:
        mc_fill(va, mc_pattern_unpack(leaf->payload));
        return 0;

    default:
        break;
    }

    if ( (obj->codec & CODEC_HAS_CRC) &&
         mc_crc32c(0, data, obj->len) != obj->crc )
        return -EIO;

    return mc_decompress(obj->codec & ~CODEC_HAS_CRC, data, obj->len, va)
           ? -EIO : 0;
}

/* The content of a page that is BUSY for us, into @va. */
static int decode(struct domain *d, struct mc_out *out, void *va)
{
    const void *data;
    struct mc_obj obj;
    uint64_t t0;
    int rc;

    if ( out->leaf.kind != MC_KIND_OBJECT )
        return mc_decode(&out->leaf, NULL, NULL, va);

    /* Pinned by BUSY: nobody moves or frees it. */
    data = mc_store_open(&d->mem_compress->store, out->leaf.payload, &obj,
                         this_cpu(mc_cpu)->bounce);
    if ( !data )
        return -EIO;
    out->chain = obj.chain;

    t0 = mc_ticks();
    rc = mc_decode(&out->leaf, &obj, data, va);
    out->codec_ticks = mc_ticks() - t0;

    return rc;
}

/* Neither feed the guest garbage nor let it run on. */
static void corrupted(struct domain *d, gfn_t gfn)
{
    mc_count(&d->mem_compress->corrupted, 1);
    printk(XENLOG_G_ERR
           "mem_compress: %pd gfn %#"PRI_gfn": stored object is corrupt, domain paused\n",
           d, gfn_x(gfn));
    /* Once: whoever lets it go on may want to see how far it gets. */
    if ( !ACCESS_ONCE(d->controller_pause_count) )
        domain_pause_by_systemcontroller_nosync(d);
}

void mc_restored(struct domain *d, const struct mc_out *out, unsigned int nr,
                 unsigned int cause)
{
    struct mem_compress *mc = d->mem_compress;
    void *pages[MC_CHAIN_MAX];
    unsigned int i, unused, decoded = 0;
    uint64_t ticks = 0;
    bool sparse;

    spin_lock(&mc->lock);

    for ( i = 0; i < nr; i++ )
    {
        const struct mc_out *o = &out[i];
        bool gone = o->rc == -EAGAIN;
        uint8_t *age;

        if ( o->found != MC_FOUND_LEAF || (!gone && (o->rc || !o->page)) )
            continue;

        if ( unlikely(gone) )
            mc_count(&mc->lost_races, 1);
        else
        {
            ASSERT(mc->p2m.kinds[o->leaf.kind]);
            mc->p2m.kinds[o->leaf.kind]--;
            mc->restores[cause]++;
            age = mc_age_of(&mc->p2m, o->gfn);
            if ( age )
            {
                mc->refaults += mc_age_get(*age) < 2 &&
                                cause < XEN_MEM_COMPRESS_C_hint;
                mc_age_update(age, mc_age_touch);
            }
        }

        if ( o->leaf.kind != MC_KIND_OBJECT )
            continue;

        /* Restored, or its descriptor went away: nothing refers to it. */
        ticks += o->codec_ticks;
        decoded += !!o->codec_ticks;
        unused = o->chain ? mc_store_free_open(&mc->store, o->leaf.payload,
                                               o->chain, pages)
                          : mc_store_free(&mc->store, o->leaf.payload, pages);
        if ( unlikely(unused) )
        {
            spin_unlock(&mc->lock);
            mc_free_store_pages(pages, unused);
            spin_lock(&mc->lock);
        }
    }

    if ( decoded )
        mc_hist_add_shared(&mc->hist[XEN_MEM_COMPRESS_H_decode], ticks,
                           decoded);
    sparse = mc_store_is_sparse(&mc->store);
    spin_unlock(&mc->lock);

    /* What was restored left holes. */
    if ( unlikely(sparse) )
        mc_store_tidy_soon(mc);
}

/*
 * Does somebody else want the CPU, after @n pages of a batch?  They take as
 * long as one that is compressed.
 */
static bool preempted(unsigned int n)
{
    return mc_inject() || (!(n % 4) && mc_preempted());
}

/*
 * Second half of a restore, for those of out[0 ... nr) that are BUSY for us:
 * @pages has got @frames frames for them.  What cannot be restored is let go,
 * with the reason in its rc; with @preempt, and at least one decoded, that is
 * -ERESTART for those left when somebody else wants the CPU.
 */
static void restore_found(struct domain *d, struct mc_out *out,
                          unsigned int nr, unsigned int cause,
                          struct page_info *pages[], unsigned int frames,
                          bool preempt)
{
    unsigned int i, decoded = 0;
    bool stop = false;

    for ( i = 0; i < nr; i++ )
    {
        struct mc_out *o = &out[i];
        void *va;

        if ( o->found != MC_FOUND_LEAF )
            continue;

        o->rc = unlikely(stop) ? -ERESTART : frames ? 0 : -ENOMEM;
        if ( unlikely(o->rc) )
            continue;

        mc_inject_delay();
        va = __map_domain_page(pages[frames - 1]);
        o->rc = decode(d, o, va);
        if ( likely(!o->rc) )
        {
            o->page = pages[--frames];
            mc_handover_did(o->page, MC_WRITTEN);
            arch_mc_clean_in(va);
        }
        unmap_domain_page(va);

        stop = preempt && preempted(++decoded);
    }

    arch_mc_clean_in_done();
    mc_inject_delay();
    arch_mc_end_restore(d, out, nr, cause);

    for ( i = 0; i < nr; i++ )
    {
        const struct mc_out *o = &out[i];

        if ( likely(!o->rc) )
        {
            if ( o->found == MC_FOUND_LEAF )
                mc_trace(d, TRC_MEM_COMPRESS_RESTORE, o->gfn, &o->leaf, cause,
                         0);
            continue;
        }

        if ( o->page )
            mc_frame_put(o->page);
        if ( o->rc == -EIO )
            corrupted(d, o->gfn);
    }

    while ( unlikely(frames) )
        mc_frame_put(pages[--frames]);
}

int mc_restore(struct domain *d, gfn_t gfn, unsigned int cause,
               enum mc_urgency urgency)
{
    struct mem_compress *mc = d->mem_compress;
    uint64_t t0 = mc_ticks();
    struct mc_out out = { .gfn = gfn };
    struct page_info *pg;
    int rc = 0;

    if ( !mc_begin(d) )
        return -EINVAL;

    arch_mc_begin_restore(d, &out, 1);

    switch ( out.found )
    {
    case MC_FOUND_NOTHING:
        rc = 1;
        break;

    case MC_FOUND_CANCELLED:
        mc_count(&mc->cancelled, 1);
        rc = 2;
        break;

    case MC_FOUND_BUSY:
        mc_count(&mc->collisions, 1);
        rc = -EAGAIN;
        break;

    case MC_FOUND_LEAF:
        pg = mc_frame_get(mc, urgency);
        restore_found(d, &out, 1, cause, &pg, !!pg, false);
        rc = out.rc;
        if ( !rc )
            mc_hist(mc, out.leaf.kind == MC_KIND_OBJECT
                        ? XEN_MEM_COMPRESS_H_restore_lzo
                        : XEN_MEM_COMPRESS_H_restore_same, mc_ticks() - t0);
        break;
    }

    mc_end(d);

    return rc;
}

/* Of two reasons to stop, the one to tell. */
static int graver(int a, int b)
{
    static const int order[] = { -EINVAL, -ENOMEM, -ERESTART, -EAGAIN, -EIO };
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(order); i++ )
        if ( a == order[i] || b == order[i] )
            return order[i];

    return 0;
}

int mc_bulk_flush(struct mc_bulk *b)
{
    struct mem_compress *mc = b->d->mem_compress;
    struct page_info *pages[MC_BATCH];
    unsigned int i, nr = b->nr, wanted = 0, done = 0;
    uint64_t t0 = mc_ticks();
    int rc = 0;

    b->nr = 0;
    /* Nobody needs what a guest hints at beyond its limit: it stays. */
    if ( !nr || (b->cause == XEN_MEM_COMPRESS_C_hint && mc_over_limit(b->d)) )
        return 0;

    arch_mc_begin_restore(b->d, b->out, nr);
    for ( i = 0; i < nr; i++ )
        wanted += b->out[i].found == MC_FOUND_LEAF;

    if ( wanted )
        restore_found(b->d, b->out, nr, b->cause, pages,
                      mc_frames_get(pages, wanted), true);

    for ( i = 0; i < nr; i++ )
        switch ( b->out[i].found )
        {
        case MC_FOUND_NOTHING:
            break;

        case MC_FOUND_CANCELLED:
            mc_count(&mc->cancelled, 1);
            break;

        case MC_FOUND_BUSY:
            mc_count(&mc->collisions, 1);
            rc = graver(rc, -EAGAIN);
            break;

        case MC_FOUND_LEAF:
            done += !b->out[i].rc;
            rc = graver(rc, b->out[i].rc);
            break;
        }

    if ( done )
        mc_hist_shared(mc, XEN_MEM_COMPRESS_H_restore_bulk, mc_ticks() - t0,
                       done);
    b->done += done;

    return rc;
}

int mc_bulk_add(struct mc_bulk *b, gfn_t gfn, uint64_t cursor)
{
    if ( !b->nr )
        b->cursor = cursor;

    /* Most of it is written later, whatever becomes of the page. */
    b->out[b->nr].gfn = gfn;
    b->out[b->nr].page = NULL;
    b->out[b->nr].chain = NULL;
    b->out[b->nr].codec_ticks = 0;
    b->out[b->nr++].rc = 0;

    return b->nr == MC_BATCH ? mc_bulk_flush(b) : 0;
}

enum mem_compress_fault mem_compress_translation_fault(gfn_t gfn,
                                                       unsigned int cause)
{
    struct domain *d = current->domain;
    bool stay = mc_stay_begin(XEN_MEM_COMPRESS_T_fault);
    int rc = mc_restore(d, gfn, cause, MC_FOR_GUEST);

    if ( unlikely(rc == -ENOMEM) )
    {
        mc_stay_is(XEN_MEM_COMPRESS_T_reclaim);
        if ( !mc_reclaim_direct(d) )
            mc_wait_for_frame();
    }
    else if ( !rc && mc_over_limit(d) )
    {
        mc_stay_is(XEN_MEM_COMPRESS_T_reclaim);
        mc_limit(d);
    }
    mc_stay_end(stay);

    return rc == 1 ? MEM_COMPRESS_NOT_OURS : MEM_COMPRESS_RETRY;
}

enum mem_compress_fault mem_compress_access_fault(gfn_t gfn)
{
    struct domain *d = current->domain;

    /* If it is gone since, the next access faults in another way. */
    if ( arch_mc_mark_young(d, gfn) )
        mem_compress_touch(d, gfn);

    return MEM_COMPRESS_RETRY;
}

int mem_compress_populate(struct domain *d, gfn_t gfn, unsigned int cause)
{
    bool stay = mc_stay_begin(XEN_MEM_COMPRESS_T_xen);
    int rc;

    /* BUSY is never held across anything that sleeps: it ends soon. */
    while ( (rc = mc_restore(d, gfn, cause, MC_FOR_XEN)) == -EAGAIN )
        cpu_relax();
    mc_stay_end(stay);

    return min(rc, 0);
}

void mem_compress_touch(struct domain *d, gfn_t gfn)
{
    uint8_t *age = mc_age_of(&d->mem_compress->p2m, gfn);

    if ( !age )
        return;

    mc_age_update(age, mc_age_touch);
    if ( unlikely(this_cpu(for_runstate)) && !mc_age_excluded(*age) )
    {
        arch_mc_lock(d);
        *age = mc_age_exclude(*age, true);
        arch_mc_unlock(d);
    }
}

void mem_compress_runstate(bool begin)
{
    this_cpu(for_runstate) = begin;
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
