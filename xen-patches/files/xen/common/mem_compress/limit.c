/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a domain may hold: a page that comes back beyond that pays for itself
 * with others, compressed by the vCPU that wanted it.
 *
 * Which ones?  The oldest there are, as long as there are some that were not
 * used.  Where all are in use, each is as good as any other: taking the least
 * recently used one, by finer and finer sweeps, would always take that which
 * is wanted next by who goes round through all of them.  The hand goes on from
 * page to page instead, whatever is used when.
 *
 * What came back is left alone until a sweep has passed it.  So who needs
 * several pages for an instruction gets them, and what little compresses in a
 * domain full of what does not is not taken again and again: then more is held
 * than the limit, and that is for the guest, or the toolstack, to put right.
 * Where there are no sweeps by the clock nothing is taken but what the
 * toolstack's sweeps have seen.
 */
#include <xen/sched.h>

#include "private.h"

/* In one fault: pages to try, and ages to look at, for each of two hands. */
#define LIMIT_PAGES     4U
#define LIMIT_LOOK      1024U

/*
 * @hand goes on, until @r has tried LIMIT_PAGES: what is at least @age.  True
 * if that was all of them, and there was none.
 */
static bool look(struct mc_reclaim *r, struct mc_hand *hand, unsigned int age)
{
    /* Several vCPUs of the domain may be here: each has a look of its own. */
    struct mc_hand h = *hand;
    bool none = false;

    h.age = age;
    if ( mc_reclaim_round(r, &h, LIMIT_LOOK, LIMIT_PAGES - r->tried) )
    {
        none = !h.taken;
        h.looked = 0;
        h.taken = 0;
    }
    *hand = h;

    return none;
}

/* Is there anything to be had?  If not, then not before the next sweep. */
static bool worth_it(const struct mem_compress *mc)
{
    const struct mc_p2m *p2m = &mc->p2m;

    return !p2m->off && mc->limit_dry != ACCESS_ONCE(p2m->sweeps) + 1 &&
           !mc_store_is_full(mc->domain) && mc_reserve_ok() &&
           !(p2m->max_compressed && mc_compressed(p2m) >= p2m->max_compressed);
}

void mc_limit(struct domain *d)
{
    struct mem_compress *mc = d->mem_compress;
    struct mc_reclaim r = { .d = d, .direct = true, .settled = true };
    uint64_t t0 = mc_ticks();
    unsigned int age;

    /* It was restored: that was a while, too.  The next fault will do it. */
    if ( !worth_it(mc) || mc_preempted() || !mc_begin(d) )
        return;

    /* So many of them that a look should find enough. */
    age = mc_reclaim_age(d, 0, mc->p2m.nr_ages / (LIMIT_LOOK / LIMIT_PAGES));
    if ( age )
        look(&r, &mc->limit[0], age);
    if ( r.tried < LIMIT_PAGES && !mc_preempted() &&
         look(&r, &mc->limit[1], 0) )
        mc->limit_dry = ACCESS_ONCE(mc->p2m.sweeps) + 1;

    mc_end(d);

    mc_count(&mc->taken_limit, r.done);
    mc_count(&mc->limit_ticks, mc_ticks() - t0);
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
