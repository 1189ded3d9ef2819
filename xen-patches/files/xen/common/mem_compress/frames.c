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
 * Who may have how many of them is in floors.h.
 *
 * In front of it each CPU has a few frames that it gets at without a lock.
 * They are taken from what the reserve has above half of its target, so they
 * come on top of what the others rely on; and when there is nothing else, any
 * CPU takes any other's.  A slot is only filled by its CPU, with the reserve
 * lock held, and emptied, by anybody, with xchg().
 */
#include <xen/event.h>
#include <xen/init.h>
#include <xen/param.h>
#include <xen/sched.h>

#include "private.h"

/* Frames of the reserve for all, and for each vCPU of an opted-in domain. */
static unsigned int __read_mostly opt_reserve = 256;
integer_param("mem_compress_reserve", opt_reserve);

/* How small it may be, without what is for each vCPU. */
#define RESERVE_MIN         (4 * MC_STORE_FRAMES)

/* How often a sleeping vCPU has another try. */
#define RETRY_PERIOD        MILLISECS(20)

static DEFINE_SPINLOCK(reserve_lock);
static PAGE_LIST_HEAD(reserve);
static struct mc_floors floors;

static struct timer refill_timer;
static bool sleepers;

/*
 * In debug builds: frames that are neither the heap's nor a domain's.  At rest
 * they are those of the reserve, and of all stores.
 */
static atomic_t in_hand;

static void took(int nr)
{
    if ( IS_ENABLED(CONFIG_DEBUG) )
        atomic_add(nr, &in_hand);
}

int mc_frames_in_hand(void)
{
    return atomic_read(&in_hand);
}

/* Of a CPU's frames, or NULL. */
static struct page_info *front_pop(struct mc_cpu *cpu)
{
    struct page_info *pg = NULL;

    while ( cpu->fronts && !pg )
        pg = xchg(&cpu->front[--cpu->fronts], NULL);

    return pg;
}

/* Somebody's; the slots keep their order for the CPU that they belong to. */
static struct page_info *front_steal(void)
{
    unsigned int i, cpu;

    for_each_online_cpu ( cpu )
    {
        struct mc_cpu *c = per_cpu(mc_cpu, cpu);

        for ( i = 0; c && i < MC_FRONT; i++ )
        {
            struct page_info *pg = ACCESS_ONCE(c->front[i])
                                   ? xchg(&c->front[i], NULL) : NULL;

            if ( pg )
                return pg;
        }
    }

    return NULL;
}

/* One of those that came in for who sleeps. */
static struct page_info *granted_pop(void)
{
    struct page_info *pg = NULL;

    if ( !ACCESS_ONCE(floors.granted) )
        return NULL;

    spin_lock(&reserve_lock);
    if ( mc_floors_take_granted(&floors) )
        pg = page_list_remove_head(&reserve);
    spin_unlock(&reserve_lock);

    return pg;
}

/* One of the last, if @mc has not had its share of them. */
static struct page_info *last_pop(struct mem_compress *mc)
{
    struct page_info *pg = NULL;

    spin_lock(&reserve_lock);
    if ( mc_floors_take_last(&floors, &mc->last, mc->domain->max_vcpus) )
        pg = page_list_remove_head(&reserve);
    spin_unlock(&reserve_lock);

    return pg;
}

/* @front: fill it, too, from plenty. */
static struct page_info *reserve_pop(enum mc_urgency urgency,
                                     struct mc_cpu *front)
{
    struct page_info *pg = NULL;
    bool low;

    spin_lock(&reserve_lock);
    if ( mc_floors_take(&floors, mc_floor(&floors, urgency)) )
        pg = page_list_remove_head(&reserve);
    if ( front )
        while ( front->fronts < MC_FRONT &&
                mc_floors_take(&floors, floors.target / 2) )
            xchg(&front->front[front->fronts++],
                 page_list_remove_head(&reserve));
    low = floors.held < floors.target - floors.target / 4;
    spin_unlock(&reserve_lock);

    /* Not here: the heap lock has no place in a fault. */
    if ( low && !timer_is_active(&refill_timer) )
        set_timer(&refill_timer, NOW() + MILLISECS(1));

    return pg;
}

static bool reserve_push(struct page_info *pg)
{
    bool taken, wake;

    spin_lock(&reserve_lock);
    taken = floors.held < floors.target;
    wake = taken && ACCESS_ONCE(sleepers);
    if ( taken )
    {
        page_list_add(pg, &reserve);
        mc_floors_add(&floors, wake);
    }
    spin_unlock(&reserve_lock);

    if ( wake )
        set_timer(&refill_timer, NOW());

    return taken;
}

static struct page_info *heap_get(unsigned int order)
{
    struct page_info *pg;

    if ( mc_inject_failure() )
        return NULL;

    /*
     * Whoever asks writes all of it, or keeps it to Xen, and whatever becomes
     * a guest's goes through arch_mc_clean_in(), instruction cache included.
     */
    pg = alloc_domheap_pages(NULL, order, MEMF_no_scrub | MEMF_no_flush);
    if ( pg )
        took(1 << order);

    return pg;
}

static void heap_put(struct page_info *pg)
{
    took(-1);
    free_domheap_page(pg);
}

struct page_info *mc_frame_get(struct mem_compress *mc,
                               enum mc_urgency urgency)
{
    struct mc_cpu *cpu = this_cpu(mc_cpu);
    struct page_info *pg;

    if ( urgency != MC_FOR_XEN && (mc_inject() || mc_inject_failure()) )
        return NULL;

    /* No fronts for these: they are there for who waits. */
    switch ( urgency )
    {
    case MC_FOR_HINT:
    case MC_FOR_STORE:
        return heap_get(0) ?: reserve_pop(urgency, NULL);

    case MC_FOR_RECLAIM:
        return reserve_pop(urgency, NULL) ?: heap_get(0);

    default:
        break;
    }

    pg = front_pop(cpu) ?: reserve_pop(MC_FOR_GUEST, cpu);
    if ( likely(pg) )
        return pg;

    pg = heap_get(0) ?: front_steal();
    if ( pg )
        return pg;

    return urgency == MC_FOR_GUEST ? granted_pop() : last_pop(mc);
}

unsigned int mc_frames_get(struct page_info *pages[], unsigned int nr)
{
    unsigned int got = 0, order, i;

    /*
     * The reserve first, while there is plenty: what a bulk restore empties
     * of the store comes back to it, so most frames never see the heap.
     */
    spin_lock(&reserve_lock);
    while ( got < nr &&
            mc_floors_take(&floors, floors.target - floors.target / 4) )
        pages[got++] = page_list_remove_head(&reserve);
    spin_unlock(&reserve_lock);

    order = got < nr ? flsl(nr - got) - 1 : 0;
    while ( got < nr )
    {
        struct page_info *pg = heap_get(order);

        if ( !pg && order )
        {
            order--;
            continue;
        }

        pg = pg ?: reserve_pop(MC_FOR_HINT, NULL);
        if ( !pg )
            break;

        for ( i = 0; i < 1U << order; i++ )
            pages[got++] = pg + i;
        while ( got + (1U << order) > nr && order )
            order--;
    }

    return got;
}

void mc_frame_put(struct page_info *pg)
{
    ASSERT(!page_get_owner(pg) && !(pg->count_info & PGC_count_mask));

    mc_handover_over(pg);

    /*
     * No owner: scrubbed before anybody else gets it.  Not through the
     * allocator, which flushes TLBs for who still maps a frame he has no
     * reference to: all who unmap keep one until they have flushed.
     */
    if ( !reserve_push(pg) )
        heap_put(pg);
}

bool mc_reserve_refill(unsigned int max)
{
    while ( max-- && ACCESS_ONCE(floors.held) < ACCESS_ONCE(floors.target) )
    {
        struct page_info *pg = heap_get(0);

        if ( !pg )
            return false;

        if ( !reserve_push(pg) )
        {
            heap_put(pg);
            break;
        }
    }

    return true;
}

bool mc_reserve_ok(void)
{
    if ( ACCESS_ONCE(floors.held) < ACCESS_ONCE(floors.target) / 2 )
        mc_reserve_refill(64);

    return ACCESS_ONCE(floors.held) > mc_floor(&floors, MC_FOR_STORE);
}

void mc_reserve_info(uint64_t *h, uint64_t *t)
{
    unsigned int i, cpu;

    spin_lock(&reserve_lock);
    *h = floors.held;
    *t = floors.target;
    for_each_online_cpu ( cpu )
        for ( i = 0; per_cpu(mc_cpu, cpu) && i < MC_FRONT; i++ )
            *h += !!ACCESS_ONCE(per_cpu(mc_cpu, cpu)->front[i]);
    spin_unlock(&reserve_lock);
}

void mc_front_drop(unsigned int cpu)
{
    struct page_info *pg;

    while ( (pg = front_pop(per_cpu(mc_cpu, cpu))) )
        mc_frame_put(pg);
}

void mc_reserve_trim(void)
{
    struct page_info *pg;
    PAGE_LIST_HEAD(surplus);

    spin_lock(&reserve_lock);
    while ( mc_floors_take(&floors, floors.target) )
        page_list_add(page_list_remove_head(&reserve), &surplus);
    spin_unlock(&reserve_lock);

    while ( (pg = page_list_remove_head(&surplus)) )
        heap_put(pg);
}

static unsigned int target_with(unsigned int nr_vcpus)
{
    return (floors.target ?: max(opt_reserve, RESERVE_MIN)) +
           nr_vcpus * MC_LAST_FRAMES;
}

int mc_reserve_fill(unsigned int nr_vcpus)
{
    unsigned int nr = 0;

    while ( ACCESS_ONCE(floors.held) < target_with(nr_vcpus) )
    {
        struct page_info *pg = heap_get(0);

        if ( !pg )
            return -ENOMEM;

        spin_lock(&reserve_lock);
        page_list_add(pg, &reserve);
        mc_floors_add(&floors, false);
        spin_unlock(&reserve_lock);

        if ( !(++nr % 32) && mc_preempted() )
            return -ERESTART;
    }

    return 0;
}

int mc_reserve_grow(unsigned int nr_vcpus)
{
    unsigned int want;

    spin_lock(&reserve_lock);
    floors.target = target_with(nr_vcpus);
    floors.xen += nr_vcpus * MC_LAST_FRAMES;
    want = floors.target;
    spin_unlock(&reserve_lock);

    /* Faults may have had some since it was full: that is what it is for. */
    if ( mc_reserve_refill(want) )
        return 0;

    mc_reserve_shrink(nr_vcpus);

    return -ENOMEM;
}

void mc_reserve_shrink(unsigned int nr_vcpus)
{
    struct page_info *pg;
    unsigned int want;

    spin_lock(&reserve_lock);
    floors.target -= nr_vcpus * MC_LAST_FRAMES;
    floors.xen -= nr_vcpus * MC_LAST_FRAMES;
    /* The last one gives back everything. */
    if ( !floors.xen )
        floors.target = 0;
    want = floors.target;
    spin_unlock(&reserve_lock);

    /* Without a target no CPU fills its front again. */
    while ( !want && (pg = front_steal()) )
        heap_put(pg);

    mc_reserve_trim();
}

int mc_attach_begin(struct domain *d)
{
    nrspin_lock(&d->page_alloc_lock);

    if ( likely(!d->is_dying) )
        return 0;

    nrspin_unlock(&d->page_alloc_lock);

    return -EINVAL;
}

void mc_attach(struct domain *d, struct page_info *pg)
{
    /*
     * As assign_pages(), without its limit: the page never ceased to count
     * against max_pages, which may have been lowered since.
     */
    ASSERT(!page_get_owner(pg) && !pg->count_info);
    mc_handover_assert(pg, MC_WRITTEN);
    mc_handover_assert(pg, MC_CLEANED_IN);
    mc_handover_over(pg);
    page_set_owner(pg, d);
    smp_wmb(); /* Owner must be visible before the reference count. */
    pg->count_info = PGC_allocated | 1;
    page_list_add_tail(pg, page_to_list(d, pg));
}

void mc_attach_end(struct domain *d, unsigned int nr)
{
    took(-(int)nr);
    d->mem_compress->owed -= nr;
    if ( nr && unlikely(domain_adjust_tot_pages(d, nr) == nr) )
        get_knownalive_domain(d);

    nrspin_unlock(&d->page_alloc_lock);
}

void mc_frame_detach(struct domain *d, struct page_info *pg)
{
    bool drop_dom_ref;

    /* Frozen: nobody else can have, or get, a reference. */
    ASSERT(!pg->count_info);
    mc_handover_assert(pg, MC_FLUSHED);

    nrspin_lock(&d->page_alloc_lock);
    arch_free_heap_page(d, pg);
    drop_dom_ref = !domain_adjust_tot_pages(d, -1);
    d->mem_compress->owed++;
    nrspin_unlock(&d->page_alloc_lock);

    page_set_owner(pg, NULL);
    took(1);
    mc_frame_put(pg);

    if ( drop_dom_ref )
        put_domain(d);
}

void mc_owed_dropped(struct domain *d)
{
    nrspin_lock(&d->page_alloc_lock);
    ASSERT(d->mem_compress->owed);
    d->mem_compress->owed--;
    nrspin_unlock(&d->page_alloc_lock);
}

void mc_wait_for_frame(void)
{
    struct vcpu *v = current;

    mc_count(&v->domain->mem_compress->waits, 1);

    set_bit(_VPF_mem_compress, &v->pause_flags);
    ACCESS_ONCE(sleepers) = true;
    smp_mb(); /* Flag before the last look, as in wake_sleepers(). */

    if ( mc_floors_serve(&floors) &&
         test_and_clear_bit(_VPF_mem_compress, &v->pause_flags) )
        return;

    vcpu_sleep_nosync(v);
    /* Frames that others free to the heap are not announced: have a look. */
    if ( !timer_is_active(&refill_timer) )
        set_timer(&refill_timer, NOW() + RETRY_PERIOD);
    send_global_virq(VIRQ_ENOMEM);
    mc_pressure_now();
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
    bool stay = mc_stay_begin(XEN_MEM_COMPRESS_T_timer);

    mc_reserve_refill(64);

    /*
     * Woken whether or not there is a frame for them: they may find something
     * to reclaim by now, and go back to sleep if not.
     */
    if ( ACCESS_ONCE(sleepers) )
        wake_sleepers();
    mc_stay_end(stay);
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
