/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages on their way out, whatever asks for them. */
#include <xen/domain_page.h>
#include <xen/sched.h>

#include "private.h"


/* The content of a page we have got hold of, into @va. */
static int decode(struct domain *d, const struct mc_leaf *leaf, void *va)
{
    struct mem_compress *mc = d->mem_compress;
    const void *data;
    struct mc_obj obj;
    uint64_t t0;
    int rc;

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

    spin_lock(&mc->lock);
    rc = mc_store_info(&mc->store, leaf->payload, &obj);
    spin_unlock(&mc->lock);
    if ( rc )
        return -EIO;

    /* Pinned by BUSY: nobody moves or frees it. */
    t0 = mc_ticks();
    data = mc_store_data(&mc->store, leaf->payload, this_cpu(mc_cpu)->bounce);
    if ( !data ||
         ((obj.codec & CODEC_HAS_CRC) &&
          mc_crc32c(0, data, obj.len) != obj.crc) )
        return -EIO;

    rc = mc_decompress(obj.codec & ~CODEC_HAS_CRC, data, obj.len, va);
    mc_hist(mc, XEN_MEM_COMPRESS_H_decode, mc_ticks() - t0);

    return rc ? -EIO : 0;
}

/* Neither feed the guest garbage nor let it run on. */
static void corrupted(struct domain *d, gfn_t gfn)
{
    atomic_inc(&d->mem_compress->corrupted);
    printk(XENLOG_G_ERR
           "mem_compress: %pd gfn %#"PRI_gfn": stored object is corrupt, domain paused\n",
           d, gfn_x(gfn));
    domain_pause_by_systemcontroller_nosync(d);
}

static unsigned int histogram(unsigned int cause, enum mc_kind kind)
{
    if ( cause == XEN_MEM_COMPRESS_C_hint ||
         cause == XEN_MEM_COMPRESS_C_forced )
        return XEN_MEM_COMPRESS_H_restore_bulk;

    return kind == MC_KIND_OBJECT ? XEN_MEM_COMPRESS_H_restore_lzo
                                  : XEN_MEM_COMPRESS_H_restore_same;
}

static int restore_leaf(struct domain *d, gfn_t gfn,
                        const struct mc_leaf *leaf, unsigned int cause,
                        enum mc_urgency urgency)
{
    struct mem_compress *mc = d->mem_compress;
    struct page_info *pg = mc_frame_get(urgency);
    void *va;
    int rc = -ENOMEM;

    if ( pg )
    {
        va = __map_domain_page(pg);
        rc = decode(d, leaf, va);
        if ( !rc )
            arch_mc_clean_in(va);
        unmap_domain_page(va);

        if ( !rc )
            rc = arch_mc_end_restore(d, gfn, leaf, pg, cause);
        else if ( arch_mc_abort_restore(d, gfn, leaf) )
            rc = -EAGAIN;
        else
            corrupted(d, gfn);

        if ( rc )
            mc_frame_put(pg);
    }
    else if ( arch_mc_abort_restore(d, gfn, leaf) )
        rc = -EAGAIN;

    if ( rc == -EAGAIN )
        atomic_inc(&mc->lost_races);

    /* Ours if it was restored, and if its descriptor went away meanwhile. */
    if ( (!rc || rc == -EAGAIN) && leaf->kind == MC_KIND_OBJECT )
        mc_free_object(mc, leaf->payload);

    return rc;
}

int mc_restore(struct domain *d, gfn_t gfn, unsigned int cause,
               enum mc_urgency urgency)
{
    struct mem_compress *mc = d->mem_compress;
    uint64_t t0 = mc_ticks();
    struct mc_leaf leaf;
    int rc = 0;

    if ( !mc_begin(d) )
        return -EINVAL;

    switch ( arch_mc_begin_restore(d, gfn, &leaf) )
    {
    case MC_FOUND_NOTHING:
        rc = 1;
        break;

    case MC_FOUND_CANCELLED:
        atomic_inc(&mc->cancelled);
        break;

    case MC_FOUND_BUSY:
        atomic_inc(&mc->collisions);
        rc = -EAGAIN;
        break;

    case MC_FOUND_LEAF:
        rc = restore_leaf(d, gfn, &leaf, cause, urgency);
        if ( !rc )
            mc_hist(mc, histogram(cause, leaf.kind), mc_ticks() - t0);
        break;
    }

    mc_end(d);

    return rc;
}

int mc_peek(struct domain *d, gfn_t gfn, void *buf)
{
    struct mc_leaf leaf;
    unsigned int tries;
    int rc = -ENOENT;

    if ( !mc_begin(d) )
        return -EINVAL;

    /* It may change between the two looks, but not for ever. */
    for ( tries = 0; tries < 3; tries++ )
    {
        enum mc_found found;

        rc = 0;
        if ( arch_mc_copy_resident(d, gfn, buf) )
            break;

        found = arch_mc_begin_restore(d, gfn, &leaf);
        if ( found == MC_FOUND_LEAF )
        {
            rc = decode(d, &leaf, buf);
            if ( arch_mc_abort_restore(d, gfn, &leaf) )
                mc_free_object(d->mem_compress, leaf.payload);
            break;
        }

        rc = -ENOENT;
    }

    mc_end(d);

    return rc;
}

enum mem_compress_fault mem_compress_translation_fault(gfn_t gfn,
                                                       unsigned int cause)
{
    struct domain *d = current->domain;

    switch ( mc_restore(d, gfn, cause, MC_FOR_GUEST) )
    {
    case 1:
        return MEM_COMPRESS_NOT_OURS;

    case -ENOMEM:
        if ( !mc_reclaim_direct(d) )
            mc_wait_for_frame();
        break;
    }

    return MEM_COMPRESS_RETRY;
}

enum mem_compress_fault mem_compress_access_fault(gfn_t gfn)
{
    struct domain *d = current->domain;

    if ( !arch_mc_mark_young(d, gfn) )
    {
        /*
         * Gone since: the next access faults in another way.  But do not
         * leave a guest at a fault that nothing resolves.
         */
        return MEM_COMPRESS_RETRY;
    }

    mem_compress_touch(d, gfn);

    return MEM_COMPRESS_RETRY;
}

int mem_compress_populate(struct domain *d, gfn_t gfn, unsigned int cause)
{
    int rc;

    /* BUSY is never held across anything that sleeps: it ends soon. */
    while ( (rc = mc_restore(d, gfn, cause, MC_FOR_XEN)) == -EAGAIN )
        cpu_relax();

    return min(rc, 0);
}

void mem_compress_touch(struct domain *d, gfn_t gfn)
{
    uint8_t *age = mc_age_of(d->mem_compress, gfn);

    if ( age )
        *age = mc_age_touch(*age);
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
