/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * floors.h
 *
 * How many frames the reserve has, and who may have one of them.
 *
 *      held  |=====================================|  target
 *            |    xen     | store |   guests       |  hints
 *            0          floors of stores, guests   target / 2
 *
 * Restores that nobody waits for stop at half of the target.  Faults of guests
 * stop at their floor: what is below is for stores, without which there would
 * be no way to get frames by compression just when there are none.  A store
 * gives back more than it takes, so all who compress may have half of that,
 * and direct reclaim, whose guest waits, the rest.  What is below is for Xen's
 * own accesses, which can neither sleep nor reclaim.  There, each domain has
 * the frames that it brought along and no more: whatever it does, accesses to
 * the memory of others have theirs.
 *
 * While vCPUs sleep for want of a frame each that comes in is theirs, even if
 * the floors are not full: so a single one gets somebody on, and whatever that
 * needs next can be reclaimed from what is old by then.
 */
#ifndef MEM_COMPRESS_FLOORS_H
#define MEM_COMPRESS_FLOORS_H

#include <xen/lib.h>
#include <xen/types.h>

/* For Xen's own accesses, for each vCPU of an opted-in domain. */
#define MC_LAST_FRAMES      8U
/* For stores that grow. */
#define MC_STORE_FRAMES     16U

enum mc_urgency {
    MC_FOR_HINT,              /* a restore that nobody waits for           */
    MC_FOR_GUEST,             /* a guest's fault                           */
    MC_FOR_STORE,             /* compression: gives more than it takes     */
    MC_FOR_RECLAIM,           /* the same, in a guest's fault              */
    MC_FOR_XEN,               /* an access of Xen, or on behalf of others  */
};

struct mc_floors {
    unsigned int held, target;
    unsigned int xen;         /* MC_LAST_FRAMES for each vCPU              */
    unsigned int granted;     /* of these, for who sleeps; below a floor   */
    unsigned int refilled;    /* changes when what is Xen's is all there   */
};

/* What a domain had of the last frames. */
struct mc_last {
    unsigned int taken, refilled;
};

/* How many are to be left. */
static inline unsigned int mc_floor(const struct mc_floors *f,
                                    enum mc_urgency urgency)
{
    switch ( urgency )
    {
    case MC_FOR_HINT:
        return f->target / 2;

    case MC_FOR_STORE:
        return f->xen + MC_STORE_FRAMES / 2;

    case MC_FOR_RECLAIM:
        return f->xen;

    default:
        return f->xen + MC_STORE_FRAMES;
    }
}

/* One less is held; false: none is above @floor. */
static inline bool mc_floors_take(struct mc_floors *f, unsigned int floor)
{
    if ( f->held <= floor )
        return false;

    f->held--;
    /* Whoever took it: there are no more than that. */
    f->granted = min(f->granted, f->held);

    return true;
}

/* One of those that came in for who sleeps. */
static inline bool mc_floors_take_granted(struct mc_floors *f)
{
    if ( !f->granted )
        return false;

    f->granted--;

    return mc_floors_take(f, 0);
}

/* One of the last, for a domain of @vcpus. */
static inline bool mc_floors_take_last(struct mc_floors *f, struct mc_last *l,
                                       unsigned int vcpus)
{
    if ( l->refilled != f->refilled )
        *l = (struct mc_last){ .refilled = f->refilled };

    if ( l->taken >= vcpus * MC_LAST_FRAMES || !mc_floors_take(f, 0) )
        return false;

    l->taken++;

    return true;
}

/* Is there one that a guest's fault can have? */
static inline bool mc_floors_serve(const struct mc_floors *f)
{
    return f->held > mc_floor(f, MC_FOR_GUEST) || f->granted;
}

/* One more, while @sleepers wait or not. */
static inline void mc_floors_add(struct mc_floors *f, bool sleepers)
{
    f->held++;

    /* As many as all domains together may take: each may anew. */
    f->refilled += f->held >= f->xen;

    /* Nobody needs to be let below while there are some above. */
    if ( f->held > mc_floor(f, MC_FOR_GUEST) )
        f->granted = 0;
    else
        f->granted += sleepers;
}

#endif

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
