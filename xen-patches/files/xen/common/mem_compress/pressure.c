/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Background work: pages are compressed unasked, by processors that have
 * nothing else to do, while the host is short of memory.
 *
 *      free memory of the host
 *            ^
 *       high |- - - - - - -.- - - - -   work ends
 *            |            / \
 *        low |- -.- - - -/- -\- - - -   work begins
 *            |    \     /
 *            +-----\---/--------------> time
 *
 * A timer looks at the watermarks while there is a domain that allows to be
 * taken from (its weight is not 0).  Between the two, idle loops find pressed
 * set and work in small steps, each of which ends soon: this is time that
 * nobody else wants, and not a tasklet, which would pre-empt guests.  An idle
 * loop that finds pressed clear has spent a load and a branch.
 *
 * A step takes a few pages from the domain whose turn it is (share.h).  Its
 * hand goes round and round through the ages: the oldest pages first, then
 * younger ones, down to the domain's min_age.  When not even those are left
 * the domain is dry, and not looked at before the next sweep through its ages
 * is complete; for a domain without sweeps by the clock, the sweep is made
 * here, too.
 */
#include <xen/cpumask.h>
#include <xen/init.h>
#include <xen/param.h>
#include <xen/sched.h>
#include <xen/smp.h>
#include <xen/softirq.h>

#include "private.h"

/* Between two looks at the watermarks, and two unasked sweeps of a domain. */
#define PERIOD          MILLISECS(100)

/* In one step: ages looked at, and pages taken. */
#define STEP_LOOK       1024U
#define STEP_PAGES      8U

/* In pages. */
static uint64_t __read_mostly low, high;
static bool __initdata given;

/* "mem_compress_watermarks=<low>,<high>" in MiB; 0: no background work. */
static int __init cf_check parse_watermarks(const char *s)
{
    uint64_t l = simple_strtoull(s, &s, 0), h = l + l / 2;

    if ( *s == ',' )
        h = simple_strtoull(s + 1, &s, 0);
    if ( *s || h < l )
        return -EINVAL;

    low = l << (20 - PAGE_SHIFT);
    high = h << (20 - PAGE_SHIFT);
    given = true;

    return 0;
}
custom_param("mem_compress_watermarks", parse_watermarks);

/* Is there work for idle processors? */
static bool __read_mostly pressed;

/* One at a time: what is waited for is memory, not processors. */
static DEFINE_SPINLOCK(worker);

static struct timer check_timer;

/* Written under `worker': the pass of who was last taken from; see share.h. */
static uint64_t now_pass;

static bool look_at_watermarks(void)
{
    return mc_pressed(ACCESS_ONCE(pressed), avail_domheap_pages(), low, high);
}

bool mc_pressure_is_on(void)
{
    return ACCESS_ONCE(pressed);
}

static bool allows(const struct domain *d)
{
    return mem_compress_enabled(d) && !d->is_dying &&
           !d->mem_compress->p2m.off &&
           d->mem_compress->share.weight;
}

static void cf_check check(void *unused)
{
    struct domain *d;
    bool any = false;

    rcu_read_lock(&domlist_read_lock);
    for_each_domain ( d )
        if ( (any = allows(d)) )
            break;
    rcu_read_unlock(&domlist_read_lock);

    ACCESS_ONCE(pressed) = any && look_at_watermarks();
    if ( ACCESS_ONCE(pressed) )
        /* Whoever sleeps is to look; the scheduler knows who, we not. */
        smp_send_event_check_mask(&cpu_online_map);

    if ( any )
        set_timer(&check_timer, NOW() + PERIOD);
}

void mc_pressure_weight(struct domain *d, uint32_t weight)
{
    struct mc_share *share = &d->mem_compress->share;

    if ( !share->weight )
        mc_share_rejoin(share, ACCESS_ONCE(now_pass));
    ACCESS_ONCE(share->weight) = weight;

    set_timer(&check_timer, NOW());
}

void mc_pressure_now(void)
{
    if ( timer_is_active(&check_timer) )
        set_timer(&check_timer, NOW());
}

int mc_pressure_set(const struct xen_mem_compress_host *h)
{
    if ( h->low > h->high || h->high > total_pages )
        return -EINVAL;

    ACCESS_ONCE(low) = h->low;
    ACCESS_ONCE(high) = h->high;
    set_timer(&check_timer, NOW());

    return 0;
}

void mc_pressure_info(uint64_t *l, uint64_t *h)
{
    *l = low;
    *h = high;
}

/* A dry domain may be worth another look. */
static void moisten(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;

    if ( mc->dry_sweep == ACCESS_ONCE(mc->p2m.sweeps) )
        return;

    mc->dry = false;
    mc->background = (struct mc_hand){ .index = mc->background.index };
    mc_share_rejoin(&mc->share, now_pass);
}

/*
 * Whose turn is it to be taken from?  Else, @sweep is whose sweep is due, the
 * one who has waited for longest.
 */
static struct domain *choose(struct domain **sweep)
{
    struct domain *d, *best = NULL;
    s_time_t before = NOW() - PERIOD;

    *sweep = NULL;
    for_each_domain ( d )
    {
        struct mem_compress *mc = d->mem_compress;

        if ( !allows(d) )
            continue;

        if ( mc->dry )
            moisten(d);

        if ( mc->dry )
        {
            if ( !mc->sweep_ms && mc->swept < before )
            {
                before = mc->swept;
                *sweep = d;
            }
        }
        else if ( mc_share_before(&mc->share,
                                  best ? &best->mem_compress->share : NULL) )
            best = d;
    }

    return best;
}

static void take_from(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;
    struct mc_reclaim r = { .d = d };
    struct mc_hand *hand = &mc->background;
    unsigned int min_age = max(mc->min_age, 1U);

    if ( !hand->age )
        hand->age = MC_AGE_MAX;

    /* Not all of a batch: what compresses it does not look up in between. */
    if ( mc_reclaim_round(&r, hand, STEP_LOOK, STEP_PAGES) &&
         !mc_hand_again(hand, min_age) )
    {
        mc->dry = true;
        mc->dry_sweep = ACCESS_ONCE(mc->p2m.sweeps);
    }

    ACCESS_ONCE(now_pass) = mc->share.pass;
    mc_share_charge(&mc->share, r.done);

    arch_mc_lock(d);
    mc->taken_background += r.done;
    arch_mc_unlock(d);
}

/* One step; false if there is nothing (more) to do for now. */
static bool work(void)
{
    struct domain *sweep, *d = choose(&sweep);
    bool more = false;

    if ( d )
    {
        if ( mc_begin(d) )
        {
            take_from(d);
            mc_end(d);
        }
        more = true;
    }
    else if ( sweep )
    {
        struct mem_compress *mc = sweep->mem_compress;

        if ( arch_mc_sweep(sweep, &mc->p2m.lap, MC_SWEEP_SLICE, true) )
            mc->swept = NOW();
        more = true;
    }

    if ( more && !look_at_watermarks() )
        more = ACCESS_ONCE(pressed) = false;

    return more;
}

bool mem_compress_idle(void)
{
    bool more, stay;

    if ( likely(!ACCESS_ONCE(pressed)) )
        return false;

    if ( !spin_trylock(&worker) )
        return false;

    stay = mc_stay_begin(XEN_MEM_COMPRESS_T_idle);
    /* Domains stay as long as they are looked at, and so do their ages. */
    rcu_read_lock(&domlist_read_lock);
    more = work();
    rcu_read_unlock(&domlist_read_lock);
    mc_stay_end(stay);

    spin_unlock(&worker);

    return more;
}

static int __init cf_check pressure_init(void)
{
    init_timer(&check_timer, check, NULL, 0);

    /* Of the memory there is: a fiftieth and a thirtieth. */
    if ( !given )
    {
        low = total_pages / 50;
        high = total_pages / 30;
    }

    return 0;
}
presmp_initcall(pressure_init);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
