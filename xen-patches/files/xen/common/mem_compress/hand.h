/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hand.h
 *
 * Where somebody who takes pages is in his rounds through a domain.
 */
#ifndef MEM_COMPRESS_HAND_H
#define MEM_COMPRESS_HAND_H

#include <xen/types.h>

struct mc_hand {
    unsigned long index;      /* into the ages                             */
    unsigned long looked;     /* in this round                             */
    uint64_t taken;           /* in this round                             */
    unsigned int age;         /* to take at least; 0: to be determined     */
};

/*
 * Of the @nr in a round, go on after the first @looked only: what was looked
 * at since then was not taken after all.
 */
static inline void mc_hand_back(struct mc_hand *h, unsigned long looked,
                                unsigned long nr)
{
    h->index = (h->index + nr - (h->looked - looked)) % nr;
    h->looked = looked;
}

/*
 * A round was completed.  True if another one may find something: it takes
 * what is younger by half, but not younger than @min_age, if this one found
 * nothing at all.
 */
static inline bool mc_hand_again(struct mc_hand *h, unsigned int min_age)
{
    bool again = h->taken || h->age > min_age;

    if ( !h->taken )
        h->age = h->age / 2 > min_age ? h->age / 2 : min_age;
    h->looked = 0;
    h->taken = 0;

    return again;
}

#endif /* MEM_COMPRESS_HAND_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
