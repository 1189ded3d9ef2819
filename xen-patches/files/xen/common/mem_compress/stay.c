/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long the controller keeps a processor from others, as it is told by
 * XEN_DOMCTL_MEM_COMPRESS_get_stats.
 *
 *      called                 somebody     somebody        returns
 *      by Xen                 wanted?      wanted?         to Xen
 *         |----- stretch -----|-- stretch --|-- stretch ------|
 *         |---------------------- stay -----------------------|
 *
 * Interrupts that are taken meanwhile are in it: they are what makes somebody
 * want the processor.  A call within a call (what a hypercall copies from the
 * guest is compressed) is part of the outer stay.
 */
#include <xen/cpumask.h>
#include <xen/percpu.h>

#include "private.h"

struct stay {
    uint64_t began, since;    /* the stay, and its present stretch         */
    unsigned int what;        /* XEN_MEM_COMPRESS_T_*                      */
    bool here;
    /* The longest ever, in ticks. */
    uint64_t stretch[XEN_MEM_COMPRESS_NR_STAYS];
    uint64_t reclaim;         /* a whole stay with direct reclaim          */
};

static DEFINE_PER_CPU(struct stay, stay);

bool mc_stay_begin(unsigned int what)
{
    struct stay *s = &this_cpu(stay);

    if ( s->here )
        return false;

    s->here = true;
    s->what = what;
    s->began = s->since = mc_ticks();

    return true;
}

static uint64_t end_of_stretch(struct stay *s)
{
    uint64_t now = mc_ticks();

    if ( unlikely(now - s->since > s->stretch[s->what]) )
        s->stretch[s->what] = now - s->since;

    return now;
}

void mc_stay_looked(void)
{
    struct stay *s = &this_cpu(stay);

    if ( s->here )
        s->since = end_of_stretch(s);
}

void mc_stay_is(unsigned int what)
{
    this_cpu(stay).what = what;
}

void mc_stay_end(bool began)
{
    struct stay *s = &this_cpu(stay);
    uint64_t now;

    if ( !began )
        return;

    now = end_of_stretch(s);
    if ( s->what == XEN_MEM_COMPRESS_T_reclaim )
        s->reclaim = max(s->reclaim, now - s->began);
    s->here = false;
}

void mc_stay_info(uint64_t stretch[], uint64_t *reclaim)
{
    unsigned int i, cpu;

    for_each_online_cpu ( cpu )
    {
        const struct stay *s = &per_cpu(stay, cpu);

        for ( i = 0; i < XEN_MEM_COMPRESS_NR_STAYS; i++ )
            stretch[i] = max(stretch[i], ACCESS_ONCE(s->stretch[i]));
        *reclaim = max(*reclaim, ACCESS_ONCE(s->reclaim));
    }
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
