/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is lent frames that others do not hold.  Pure: numbers in, numbers out.
 *
 *   base   |----------------------------|          what the toolstack granted
 *   held   |===============|                       frames it costs the host
 *                           <-- spare -->          of a lender
 *   slice  |------------------------------------|  of a borrower
 *                                        <-lent->
 *
 * What is lent is never more than what the lenders spare, a lender keeps its
 * minimum, a borrower gets no further than its maximum, and what the host is
 * to keep free stays free.  A lender's own slice is not touched: it may take
 * its frames at any time, and then borrowers give back.
 */
#ifndef XMC_LEND_H
#define XMC_LEND_H

#include <stdbool.h>
#include <stdint.h>

/* All in frames. */
struct lend_domain {
    /* The configuration. */
    uint64_t weight;            /* not 0 */
    uint64_t min, max;
    /* What there is. */
    uint64_t base, slice;       /* slice >= base */
    uint64_t held;
    uint64_t cold;              /* resident pages that nobody uses */
    bool wants;                 /* is short of memory */
    /* What is to be done. */
    uint64_t new_slice;
    uint64_t compress;          /* so many pages of it */
};

struct lend_host {
    uint64_t free;              /* in the heap */
    uint64_t keep;              /* of these, never to be lent */
    uint64_t step;              /* lent or taken up in a look at most */
    /* For the log. */
    uint64_t spare, lent;
};

void lend_decide(struct lend_domain d[], unsigned int nr, struct lend_host *h);

#endif /* XMC_LEND_H */
