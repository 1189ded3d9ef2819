/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For whoever looks at a system that behaves oddly: a debug key that prints
 * the books of every domain, and trace records of what happens to pages.
 */
#include <xen/init.h>
#include <xen/keyhandler.h>
#include <xen/sched.h>
#include <xen/softirq.h>
#include <xen/trace.h>

#include "private.h"

#define DEBUG_KEY 'y'

const uint8_t mc_kind_states[MC_NR_KINDS] = {
    [MC_KIND_ZERO] = XEN_MEM_COMPRESS_G_zero,
    [MC_KIND_SAME] = XEN_MEM_COMPRESS_G_same,
    [MC_KIND_OBJECT] = XEN_MEM_COMPRESS_G_lzo,
    [MC_KIND_DISCARDED] = XEN_MEM_COMPRESS_G_discarded,
};

void mc_trace_page(const struct domain *d, uint32_t event, gfn_t gfn,
                   const struct mc_leaf *leaf, unsigned int cause, int value)
{
    struct xen_mem_compress_trace t = {
        .gfn = gfn_x(gfn),
        .domid = d->domain_id,
        .kind = leaf ? mc_kind_states[leaf->kind] : 0,
        .cause = cause,
        .value = value,
    };

    trace_time(event, sizeof(t), &t);
}

void mc_get_books(const struct domain *d, struct mc_books *b)
{
    const struct mem_compress *mc = d->mem_compress;
    long ballooned = ACCESS_ONCE(mc->p2m.ballooned);

    /* More than it was created with: the books begin anew at that. */
    b->nominal = mc->nominal + (ballooned < 0 ? -ballooned : 0);
    b->ballooned = ballooned < 0 ? 0 : ballooned;
    b->resident = domain_tot_pages(d);
    b->compressing = ACCESS_ONCE(mc->p2m.compressing);
    b->zero = ACCESS_ONCE(mc->p2m.kinds[MC_KIND_ZERO]);
    b->same = ACCESS_ONCE(mc->p2m.kinds[MC_KIND_SAME]);
    b->objects = ACCESS_ONCE(mc->p2m.kinds[MC_KIND_OBJECT]);
    b->discarded = ACCESS_ONCE(mc->p2m.kinds[MC_KIND_DISCARDED]);
    b->compressed = b->zero + b->same + b->objects;
    b->balanced = b->resident + b->compressed + b->discarded +
                  b->ballooned == b->nominal &&
                  b->compressed + b->discarded == ACCESS_ONCE(mc->owed);
}

/*
 * No locks: the key is for systems where somebody may never let go of one.  So
 * books that were read while a page came or went do not add up; some do, if
 * the domain is not at it all the time.
 */
static void print_domain(const struct domain *d)
{
    const struct mem_compress *mc = d->mem_compress;
    unsigned int tries, waiting = 0;
    const struct vcpu *v;
    struct mc_books b;

    for ( tries = 0; tries < 16; tries++ )
    {
        mc_get_books(d, &b);
        if ( b.balanced )
            break;
        cpu_relax();
    }

    for_each_vcpu ( d, v )
        waiting += !!(v->pause_flags & VPF_mem_compress);

    printk("d%d: nominal %lu: resident %lu compressed %lu discarded %lu "
           "ballooned %lu: %s\n",
           d->domain_id, b.nominal, b.resident, b.compressed, b.discarded,
           b.ballooned,
           b.balanced ? "balanced" : "NOT BALANCED (or changing)");
    printk("  compressing %lu zero %lu same %lu objects %lu: %lu bytes in "
           "%lu pages, tables %lu\n", b.compressing, b.zero, b.same,
           b.objects, (unsigned long)mc->store.bytes,
           (unsigned long)mc->store.pages, mc->p2m.table_pages);
    printk("  flags %#x%s sweep %u ms, at most %"PRIu64" pages in %"PRIu64"\n",
           mc->flags, mc->p2m.off ? " OFF" : "", mc->sweep_ms,
           mc->p2m.max_compressed,
           mc->max_store_pages);
    printk("  in: nominated %"PRIu64" committed %"PRIu64
           " rejected %"PRIu64" cancelled %"PRIu64" frozen %"PRIu64
           " no memory %"PRIu64"\n", mc->p2m.nominated,
           mc->p2m.committed, ACCESS_ONCE(mc->rejected),
           ACCESS_ONCE(mc->cancelled), mc->p2m.freeze_failed,
           ACCESS_ONCE(mc->no_memory));
    printk("  out: data %"PRIu64" insn %"PRIu64" s1walk %"PRIu64
           " xen %"PRIu64" grant %"PRIu64" foreign %"PRIu64" hint %"PRIu64
           " forced %"PRIu64" dropped %"PRIu64"\n",
           mc->restores[XEN_MEM_COMPRESS_C_data],
           mc->restores[XEN_MEM_COMPRESS_C_insn],
           mc->restores[XEN_MEM_COMPRESS_C_s1walk],
           mc->restores[XEN_MEM_COMPRESS_C_xen],
           mc->restores[XEN_MEM_COMPRESS_C_grant],
           mc->restores[XEN_MEM_COMPRESS_C_foreign],
           mc->restores[XEN_MEM_COMPRESS_C_hint],
           mc->restores[XEN_MEM_COMPRESS_C_forced], mc->p2m.dropped);
    printk("  in flight %d, vCPUs waiting %u of %"PRIu64" times, collisions "
           "%"PRIu64" lost races %"PRIu64" corrupted %"PRIu64"\n",
           atomic_read(&mc->inflight), waiting, ACCESS_ONCE(mc->waits),
           ACCESS_ONCE(mc->collisions), ACCESS_ONCE(mc->lost_races),
           ACCESS_ONCE(mc->corrupted));
}

static void cf_check print_books(unsigned char key)
{
    uint64_t held, target;
    const struct domain *d;

    mc_reserve_info(&held, &target);
    printk("'%c' pressed -> memory compression: reserve %"PRIu64" of %"PRIu64
           " pages, heap %lu free",
           key, held, target, avail_domheap_pages());
    if ( IS_ENABLED(CONFIG_DEBUG) )
        printk(", %d in hand", mc_frames_in_hand());
    printk("\n");

    rcu_read_lock(&domlist_read_lock);

    for_each_domain ( d )
    {
        if ( !d->mem_compress )
            continue;

        process_pending_softirqs();
        print_domain(d);
    }

    rcu_read_unlock(&domlist_read_lock);
}

static int __init cf_check mc_debug_init(void)
{
    if ( opt_mem_compress )
        register_keyhandler(DEBUG_KEY, print_books,
                            "print memory compression's books", 1);

    return 0;
}
__initcall(mc_debug_init);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
