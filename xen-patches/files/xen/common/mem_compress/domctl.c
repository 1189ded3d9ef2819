/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The toolstack's side of the memory compression controller: its domctl, and
 * the books as they are told.  The caller, do_domctl(), holds the lock of
 * domctls and a reference to the domain, and has asked XSM.
 */
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/xmalloc.h>

#include "private.h"

static void get_stats(struct domain *d, struct xen_mem_compress_stats *s)
{
    struct mem_compress *mc = d->mem_compress;
    struct mc_age_hist h;
    struct mc_books b;
    unsigned int i;

    memset(s, 0, sizeof(*s));
    s->version = XEN_DOMCTL_MEM_COMPRESS_VERSION;
    s->ticks_khz = cpu_khz;
    s->info = arch_mc_hw_af() ? XEN_MEM_COMPRESS_I_hw_af : 0;
    s->host_total = total_pages;
    s->host_free = avail_domheap_pages();
    mc_reserve_info(&s->reserve, &s->reserve_target);
    mc_pressure_info(&s->low, &s->high);
    mc_stay_info(s->stretch, &s->reclaim_fault);

    if ( !mc )
        return;

    mc_ages(d, &h);
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_AGES; i++ )
        s->ages[i] = h.n[i];

    arch_mc_lock(d);

    if ( !mc->p2m.off )
        s->info |= XEN_MEM_COMPRESS_I_enabled;
    s->flags = mc->flags;
    s->codec = mc->codec - MC_CODEC_LZO;

    mc_get_books(d, &b);
    s->nominal = b.nominal;
    s->ballooned = b.ballooned;
    s->resident = b.resident;
    s->compressing = b.compressing;
    s->zero = b.zero;
    s->same = b.same;
    s->lzo = b.objects;
    s->discarded = b.discarded;
    s->compressed = b.compressed;
    if ( b.balanced )
        s->info |= XEN_MEM_COMPRESS_I_balanced;

    s->table_pages = mc->p2m.table_pages;
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_CAUSES; i++ )
        s->restores[i] = mc->restores[i];
    s->nominated = mc->p2m.nominated;
    s->committed = mc->p2m.committed;
    s->freeze_failed = mc->p2m.freeze_failed;
    s->dropped = mc->p2m.dropped;
    s->refaults = mc->refaults;
    s->flushes = mc->p2m.flushes;
    s->sweeps = mc->p2m.sweeps;
    s->splits = mc->p2m.splits;
    s->sweep_ms = mc->sweep_ms;
    s->max_compressed = mc->p2m.max_compressed;
    s->max_store_pages = mc->max_store_pages;
    s->weight = mc->share.weight;
    s->min_age = mc->min_age;
    s->max_held = mc->max_held;
    s->background = mc->taken_background;

    spin_lock(&mc->lock);
    s->stored_bytes = mc->store.bytes;
    s->store_pages = mc->store.pages;
    s->lz4 = mc->store.by_codec[MC_CODEC_LZ4] +
             mc->store.by_codec[MC_CODEC_LZ4 | CODEC_HAS_CRC];
    spin_unlock(&mc->lock);

    arch_mc_unlock(d);

    s->meta_bytes = sizeof(*mc) +
                    mc->p2m.age_pages * (PAGE_SIZE + sizeof(*mc->p2m.ages)) +
                    mc->p2m.nr_tables * sizeof(*mc->p2m.tables);
    s->rejected = ACCESS_ONCE(mc->rejected);
    s->cancelled = ACCESS_ONCE(mc->cancelled);
    s->no_memory = ACCESS_ONCE(mc->no_memory);
    s->collisions = ACCESS_ONCE(mc->collisions);
    s->lost_races = ACCESS_ONCE(mc->lost_races);
    s->corrupted = ACCESS_ONCE(mc->corrupted);
    s->waits = ACCESS_ONCE(mc->waits);
    s->requests = ACCESS_ONCE(mc->requests);
    s->scanned = ACCESS_ONCE(mc->scanned);
    s->moved = ACCESS_ONCE(mc->moved);
    s->reclaims = ACCESS_ONCE(mc->reclaims);
    s->limited = ACCESS_ONCE(mc->taken_limit);
}

static int get_states(struct domain *d, struct xen_domctl_mem_compress_op *op)
{
    struct mem_compress *mc = d->mem_compress;
    uint64_t gfn = op->u.states.first, n = 0;
    uint8_t buf[256];

    op->u.states.max_gfn = mc->p2m.first_gfn + mc->p2m.nr_ages - 1;
    if ( op->u.states.first > op->u.states.max_gfn )
        op->u.states.nr = 0;

    while ( n < op->u.states.nr && gfn <= op->u.states.max_gfn )
    {
        unsigned int i;

        for ( i = 0; i < sizeof(buf) && n + i < op->u.states.nr &&
                     gfn <= op->u.states.max_gfn; i++, gfn++ )
            buf[i] = arch_mc_state(d, _gfn(gfn), NULL, NULL);

        if ( copy_to_guest_offset(op->u.states.data, n, buf, i) )
            return -EFAULT;

        n += i;
        /* The caller goes on where this stopped. */
        if ( mc_preempted() )
            break;
    }

    op->u.states.first = gfn;
    op->u.states.nr = n;

    return 0;
}

/* A copy, as the caller's memory might be what is looked at. */
static int read_object(struct domain *d, struct xen_domctl_mem_compress_op *op)
{
    gfn_t gfn = _gfn(op->u.object.gfn);
    struct mc_leaf leaf;
    struct mc_obj obj;
    void *copy;
    int rc;

    op->u.object.state = XEN_MEM_COMPRESS_G_state(
        arch_mc_state(d, gfn, &leaf, NULL));
    op->u.object.pattern = 0;
    op->u.object.crc = 0;

    if ( op->u.object.state == XEN_MEM_COMPRESS_G_same )
        op->u.object.pattern = mc_pattern_unpack(leaf.payload);

    if ( op->u.object.state != XEN_MEM_COMPRESS_G_lzo )
    {
        op->u.object.size = 0;
        return 0;
    }

    copy = mc_inject_failure() ? NULL : xmalloc_bytes(MC_MAX_OBJECT);
    if ( !copy )
        return -ENOMEM;

    rc = -EBUSY;
    if ( mc_begin(d) )
    {
        rc = mc_copy_object(d, gfn, &leaf, &obj, copy);
        mc_end(d);
    }

    /* Something else by now. */
    if ( rc == -ENOENT || (!rc && leaf.kind != MC_KIND_OBJECT) )
        rc = -EAGAIN;
    else if ( !rc && op->u.object.size < obj.len )
        rc = -ENOBUFS;
    else if ( !rc && copy_to_guest(op->u.object.data, (uint8_t *)copy,
                                   obj.len) )
        rc = -EFAULT;

    if ( !rc )
    {
        op->u.object.size = obj.len;
        op->u.object.codec = (obj.codec & ~CODEC_HAS_CRC) - MC_CODEC_LZO;
        op->u.object.crc = (obj.codec & CODEC_HAS_CRC)
                           ? obj.crc : mc_crc32c(0, copy, obj.len);
    }
    /* Not even the hypervisor's own memory is to remember it. */
    memset(copy, 0, MC_MAX_OBJECT);
    xfree(copy);

    return rc;
}

static int copy_out(struct xen_domctl_mem_compress_op *op, const void *data,
                    unsigned int size)
{
    if ( op->u.buffer.size < size )
        return -ENOBUFS;

    op->u.buffer.size = size;

    return copy_to_guest(op->u.buffer.data, (const uint8_t *)data, size)
           ? -EFAULT : 0;
}

/* What an operation does not use may mean something one day: it is zero. */
static int check_argument(const struct xen_domctl_mem_compress_op *op)
{
    const typeof(op->u.range) *range = &op->u.range;
    size_t used;

    if ( op->version != XEN_DOMCTL_MEM_COMPRESS_VERSION )
        return -EINVAL;

    switch ( op->op )
    {
    case XEN_DOMCTL_MEM_COMPRESS_enable:
    case XEN_DOMCTL_MEM_COMPRESS_set:
        used = sizeof(op->u.setup);
        break;

    case XEN_DOMCTL_MEM_COMPRESS_set_host:
        used = sizeof(op->u.host);
        break;

    case XEN_DOMCTL_MEM_COMPRESS_get_stats:
    case XEN_DOMCTL_MEM_COMPRESS_get_classes:
        if ( op->u.buffer.index )
            return -EINVAL;
        fallthrough;
    case XEN_DOMCTL_MEM_COMPRESS_get_hist:
        used = sizeof(op->u.buffer);
        break;

    case XEN_DOMCTL_MEM_COMPRESS_sweep:
        if ( range->done )
            return -EINVAL;
        fallthrough;
    case XEN_DOMCTL_MEM_COMPRESS_disable:
        if ( range->wanted )
            return -EINVAL;
        fallthrough;
    case XEN_DOMCTL_MEM_COMPRESS_restore:
        if ( range->min_age )
            return -EINVAL;
        fallthrough;
    case XEN_DOMCTL_MEM_COMPRESS_compress:
        if ( range->pad || range->min_age > MC_AGE_MAX )
            return -EINVAL;
        used = sizeof(op->u.range);
        break;

    case XEN_DOMCTL_MEM_COMPRESS_get_states:
        used = sizeof(op->u.states);
        break;

    case XEN_DOMCTL_MEM_COMPRESS_read_object:
        if ( op->u.object.codec )
            return -EINVAL;
        used = sizeof(op->u.object);
        break;

    default:
        return -EINVAL;
    }

    return memchr_inv((const uint8_t *)&op->u + used, 0,
                      sizeof(op->u) - used) ? -EINVAL : 0;
}

static int get_classes(struct mem_compress *mc,
                       struct xen_domctl_mem_compress_op *op)
{
    struct xen_mem_compress_class *k;
    unsigned int i;
    int rc;

    BUILD_BUG_ON(MC_NR_CLASSES > XEN_MEM_COMPRESS_MAX_CLASSES);

    k = mc_inject_failure() ? NULL
                            : xzalloc_array(struct xen_mem_compress_class,
                                            MC_NR_CLASSES);
    if ( !k )
        return -ENOMEM;

    spin_lock(&mc->lock);
    for ( i = 0; i < MC_NR_CLASSES; i++ )
    {
        const struct mc_class_stats *s = &mc->store.stats[i];

        k[i].size = mc_store_class(i, &k[i].chain_pages, &k[i].head);
        k[i].chains = s->chains;
        k[i].pages = s->pages;
        k[i].slots = s->slots;
        k[i].objects = s->objects;
    }
    spin_unlock(&mc->lock);

    rc = copy_out(op, k, i * sizeof(*k));
    xfree(k);

    return rc;
}

static int domctl_op(struct domain *d, struct xen_domctl_mem_compress_op *op)
{
    struct mem_compress *mc = d->mem_compress;
    int rc = check_argument(op);

    if ( rc )
        return rc;

    if ( op->op == XEN_DOMCTL_MEM_COMPRESS_enable )
        return mc_enable(d, &op->u.setup);

    if ( op->op == XEN_DOMCTL_MEM_COMPRESS_set_host )
        return is_hardware_domain(d) ? mc_pressure_set(&op->u.host) : -EINVAL;

    if ( op->op == XEN_DOMCTL_MEM_COMPRESS_get_stats )
    {
        /* Not from the heap: this is asked for just when there is none. */
        struct xen_mem_compress_stats s;

        get_stats(d, &s);

        return copy_out(op, &s, sizeof(s));
    }

    if ( !mc )
        return -EOPNOTSUPP;

    switch ( op->op )
    {
    case XEN_DOMCTL_MEM_COMPRESS_disable:
        mc->p2m.off = true;
        fallthrough;
    case XEN_DOMCTL_MEM_COMPRESS_restore:
        return mc_whole_domain(d, &op->u.range.cursor, ~0ULL, true,
                               XEN_MEM_COMPRESS_C_forced, 0,
                               op->u.range.wanted, &op->u.range.done);

    case XEN_DOMCTL_MEM_COMPRESS_get_hist:
    {
        struct mc_hist *h;

        BUILD_BUG_ON(sizeof(struct mc_hist) !=
                     sizeof(struct xen_mem_compress_hist));

        if ( op->u.buffer.index >= XEN_MEM_COMPRESS_NR_HISTS )
            return -EINVAL;

        h = mc_inject_failure() ? NULL : xmalloc(struct mc_hist);
        if ( !h )
            return -ENOMEM;
        spin_lock(&mc->lock);
        *h = mc->hist[op->u.buffer.index];
        spin_unlock(&mc->lock);
        rc = copy_out(op, h, sizeof(*h));
        xfree(h);

        return rc;
    }

    case XEN_DOMCTL_MEM_COMPRESS_get_classes:
        return get_classes(mc, op);

    case XEN_DOMCTL_MEM_COMPRESS_set:
        return mc_setup(mc, &op->u.setup);

    case XEN_DOMCTL_MEM_COMPRESS_compress:
    {
        uint64_t wanted = op->u.range.wanted;
        unsigned int age;

        if ( mc->p2m.off )
            return -EOPNOTSUPP;
        if ( !mc_reserve_ok() )
            return -ENOMEM;

        age = mc_reclaim_age(d, op->u.range.min_age,
                             wanted > op->u.range.done
                             ? wanted - op->u.range.done : 0);

        return mc_whole_domain(d, &op->u.range.cursor, ~0ULL, false, 0, age,
                               wanted, &op->u.range.done);
    }

    case XEN_DOMCTL_MEM_COMPRESS_get_states:
        return get_states(d, op);

    case XEN_DOMCTL_MEM_COMPRESS_read_object:
        return read_object(d, op);

    case XEN_DOMCTL_MEM_COMPRESS_sweep:
    {
        struct mc_lap *lap = &mc->p2m.forced_lap;
        bool done;

        /* Another one than that which was begun last. */
        if ( lap->gfn != op->u.range.cursor )
            *lap = (struct mc_lap){ .gfn = op->u.range.cursor };

        do
            done = arch_mc_sweep(d, lap, MC_SWEEP_SLICE, true);
        while ( !done && !mc_preempted() );

        op->u.range.cursor = lap->gfn;

        return done ? 0 : -ERESTART;
    }

    default:
        return -EINVAL;
    }
}

int mem_compress_domctl(struct domain *d,
                        struct xen_domctl_mem_compress_op *op)
{
    bool stay = mc_stay_begin(XEN_MEM_COMPRESS_T_toolstack);
    int rc = domctl_op(d, op);

    mc_stay_end(stay);

    return rc;
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
