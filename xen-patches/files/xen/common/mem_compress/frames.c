/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames of the memory compression controller: the reserve that restores draw
 * on, frames changing hands between domains and the controller, and vCPUs
 * that sleep until there is a frame.
 *
 * A restore must not fail for lack of memory, so frames for it are held back
 * physically, before the first page is compressed.  Claims would not do: they
 * are per domain and eaten by any allocation.
 *
 *      held  |====================================|  target
 *            |    XEN     |      guests           |  store
 *            0         xen_floor             target / 2
 *
 * Growing a store stops at half of the target, faults of guests stop at
 * xen_floor, and what is below is for Xen's own accesses, which can neither
 * sleep nor reclaim.
 */
#include <xen/event.h>
#include <xen/init.h>
#include <xen/param.h>
#include <xen/sched.h>

#include "private.h"

/* Frames of the reserve for all, and for each vCPU of an opted-in domain. */
static unsigned int __read_mostly opt_reserve = 256;
integer_param("mem_compress_reserve", opt_reserve);

#define RESERVE_PER_VCPU    8U

/* How often a sleeping vCPU has another try. */
#define RETRY_PERIOD        MILLISECS(20)

static DEFINE_SPINLOCK(reserve_lock);
static PAGE_LIST_HEAD(reserve);
static unsigned int held, target, xen_floor;

static struct timer refill_timer;
static bool sleepers;

static struct page_info *reserve_pop(unsigned int floor)
{
    struct page_info *pg = NULL;
    bool low;

    spin_lock(&reserve_lock);
    if ( held > floor )
    {
        pg = page_list_remove_head(&reserve);
        held--;
    }
    low = held < target - target / 4;
    spin_unlock(&reserve_lock);

    /* Not here: the heap lock has no place in a fault. */
    if ( low && !timer_is_active(&refill_timer) )
        set_timer(&refill_timer, NOW() + MILLISECS(1));

    return pg;
}

static bool reserve_push(struct page_info *pg)
{
    bool taken;

    spin_lock(&reserve_lock);
    taken = held < target;
    if ( taken )
    {
        page_list_add(pg, &reserve);
        held++;
    }
    spin_unlock(&reserve_lock);

    return taken;
}

static struct page_info *heap_get(void)
{
    /* Whoever asks writes all of it, or keeps it to Xen. */
    return alloc_domheap_page(NULL, MEMF_no_scrub);
}

struct page_info *mc_frame_get(enum mc_urgency urgency)
{
    struct page_info *pg;

    switch ( urgency )
    {
    case MC_FOR_STORE:
        pg = heap_get();
        return pg ?: reserve_pop(target / 2);

    case MC_FOR_GUEST:
        pg = reserve_pop(xen_floor);
        return pg ?: heap_get();

    default:
        pg = reserve_pop(0);
        return pg ?: heap_get();
    }
}

void mc_frame_put(struct page_info *pg)
{
    ASSERT(!page_get_owner(pg) && !(pg->count_info & PGC_count_mask));

    /* No owner: scrubbed before anybody else gets it. */
    if ( !reserve_push(pg) )
        free_domheap_page(pg);
}

void mc_reserve_refill(unsigned int max)
{
    while ( max-- && ACCESS_ONCE(held) < ACCESS_ONCE(target) )
    {
        struct page_info *pg = heap_get();

        if ( !pg )
            break;

        if ( !reserve_push(pg) )
        {
            free_domheap_page(pg);
            break;
        }
    }
}

bool mc_reserve_ok(void)
{
    if ( ACCESS_ONCE(held) < ACCESS_ONCE(target) / 2 )
        mc_reserve_refill(64);

    return ACCESS_ONCE(held) >= ACCESS_ONCE(target) / 4;
}

void mc_reserve_info(uint64_t *h, uint64_t *t)
{
    spin_lock(&reserve_lock);
    *h = held;
    *t = target;
    spin_unlock(&reserve_lock);
}

int mc_reserve_grow(unsigned int nr_vcpus)
{
    unsigned int want;

    spin_lock(&reserve_lock);
    if ( !target )
        target = opt_reserve;
    target += nr_vcpus * RESERVE_PER_VCPU;
    xen_floor += nr_vcpus * RESERVE_PER_VCPU;
    want = target;
    spin_unlock(&reserve_lock);

    mc_reserve_refill(want);
    if ( ACCESS_ONCE(held) >= want )
        return 0;

    mc_reserve_shrink(nr_vcpus);

    return -ENOMEM;
}

void mc_reserve_shrink(unsigned int nr_vcpus)
{
    struct page_info *pg;
    PAGE_LIST_HEAD(surplus);

    spin_lock(&reserve_lock);
    target -= nr_vcpus * RESERVE_PER_VCPU;
    xen_floor -= nr_vcpus * RESERVE_PER_VCPU;
    /* The last one gives back everything. */
    if ( !xen_floor )
        target = 0;
    while ( held > target )
    {
        pg = page_list_remove_head(&reserve);
        page_list_add(pg, &surplus);
        held--;
    }
    spin_unlock(&reserve_lock);

    while ( (pg = page_list_remove_head(&surplus)) )
        free_domheap_page(pg);
}

int mc_frame_attach(struct domain *d, struct page_info *pg)
{
    int rc = 0;

    nrspin_lock(&d->page_alloc_lock);

    if ( unlikely(d->is_dying) )
        rc = -EINVAL;
    else
    {
        /*
         * As assign_pages(), without its limit: the page never ceased to
         * count against max_pages, which may have been lowered since.
         */
        ASSERT(!page_get_owner(pg) && !pg->count_info);
        if ( unlikely(domain_adjust_tot_pages(d, 1) == 1) )
            get_knownalive_domain(d);
        page_set_owner(pg, d);
        smp_wmb(); /* Owner must be visible before the reference count. */
        pg->count_info = PGC_allocated | 1;
        page_list_add_tail(pg, page_to_list(d, pg));
    }

    nrspin_unlock(&d->page_alloc_lock);

    return rc;
}

void mc_frame_detach(struct domain *d, struct page_info *pg)
{
    bool drop_dom_ref;

    /* Frozen: nobody else can have, or get, a reference. */
    ASSERT(!pg->count_info);

    nrspin_lock(&d->page_alloc_lock);
    arch_free_heap_page(d, pg);
    drop_dom_ref = !domain_adjust_tot_pages(d, -1);
    nrspin_unlock(&d->page_alloc_lock);

    page_set_owner(pg, NULL);
    mc_frame_put(pg);

    if ( drop_dom_ref )
        put_domain(d);
}

void mc_wait_for_frame(void)
{
    struct vcpu *v = current;

    atomic_inc(&v->domain->mem_compress->waits);

    set_bit(_VPF_mem_compress, &v->pause_flags);
    ACCESS_ONCE(sleepers) = true;
    smp_mb(); /* Flag before the last look, as in wake_sleepers(). */

    if ( ACCESS_ONCE(held) > xen_floor &&
         test_and_clear_bit(_VPF_mem_compress, &v->pause_flags) )
        return;

    vcpu_sleep_nosync(v);
    set_timer(&refill_timer, NOW() + RETRY_PERIOD);
    send_global_virq(VIRQ_ENOMEM);
}

static void wake_sleepers(void)
{
    struct domain *d;
    struct vcpu *v;

    ACCESS_ONCE(sleepers) = false;
    smp_mb();

    rcu_read_lock(&domlist_read_lock);
    for_each_domain ( d )
    {
        if ( !mem_compress_enabled(d) )
            continue;

        /* Ageing goes on without them, or nothing ever becomes old. */
        for_each_vcpu ( d, v )
            if ( test_and_clear_bit(_VPF_mem_compress, &v->pause_flags) )
                vcpu_wake(v);
    }
    rcu_read_unlock(&domlist_read_lock);
}

static void cf_check refill(void *unused)
{
    mc_reserve_refill(64);

    /*
     * Woken whether or not there is a frame for them: they may find something
     * to reclaim by now, and go back to sleep if not.
     */
    if ( ACCESS_ONCE(sleepers) )
        wake_sleepers();
}

static int __init cf_check frames_init(void)
{
    init_timer(&refill_timer, refill, NULL, 0);

    return 0;
}
presmp_initcall(frames_init);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
