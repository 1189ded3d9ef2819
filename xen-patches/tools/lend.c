/* SPDX-License-Identifier: GPL-2.0-only */
/* See lend.h.  Shares are dealt out in pieces, each to whoever is due. */

#include <stddef.h>

#include "lend.h"

#define PIECE 64U

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t lent_to(const struct lend_domain *d)
{
    return d->new_slice - d->base;
}

static bool lends(const struct lend_domain *d)
{
    return !d->wants && d->new_slice == d->base;
}

/* Whether a has less than b, for its weight. */
static bool has_less(const struct lend_domain *a, const struct lend_domain *b)
{
    return lent_to(a) * b->weight < lent_to(b) * a->weight;
}

/* What a borrower does not need any more it gives back by itself. */
static void settle(struct lend_domain *d, uint64_t step)
{
    uint64_t enough = d->held + step;

    d->new_slice = min_of(d->slice, d->max);
    d->compress = 0;
    if ( !d->wants && enough < d->slice )
        d->new_slice = enough > d->base ? enough : d->base;
}

/* From those who have most for their weight. */
static void take_back(struct lend_domain d[], unsigned int nr, uint64_t pages)
{
    while ( pages )
    {
        struct lend_domain *from = NULL;
        uint64_t piece;
        unsigned int i;

        for ( i = 0; i < nr; i++ )
            if ( lent_to(&d[i]) && (!from || has_less(from, &d[i])) )
                from = &d[i];
        if ( !from )
            return;

        piece = min_of(min_of(pages, PIECE), lent_to(from));
        from->new_slice -= piece;
        pages -= piece;
    }
}

/* To those who have least for their weight. */
static void lend(struct lend_domain d[], unsigned int nr, uint64_t pages)
{
    while ( pages )
    {
        struct lend_domain *to = NULL;
        uint64_t piece;
        unsigned int i;

        for ( i = 0; i < nr; i++ )
            if ( d[i].wants && d[i].new_slice < d[i].max &&
                 (!to || has_less(&d[i], to)) )
                to = &d[i];
        if ( !to )
            return;

        piece = min_of(min_of(pages, PIECE), to->max - to->new_slice);
        to->new_slice += piece;
        pages -= piece;
    }
}

/* Cold pages of lenders, where most are, none below its minimum. */
static void compress(struct lend_domain d[], unsigned int nr, uint64_t pages)
{
    while ( pages )
    {
        struct lend_domain *of = NULL;
        uint64_t most = 0, left, piece;
        unsigned int i;

        for ( i = 0; i < nr; i++ )
        {
            if ( !lends(&d[i]) )
                continue;
            left = above(min_of(d[i].cold, above(d[i].held, d[i].min)),
                         d[i].compress);
            if ( left > most )
            {
                most = left;
                of = &d[i];
            }
        }
        if ( !of )
            return;

        piece = min_of(min_of(pages, PIECE), most);
        of->compress += piece;
        pages -= piece;
    }
}

void lend_decide(struct lend_domain d[], unsigned int nr, struct lend_host *h)
{
    uint64_t spare = 0, lent = 0, owed = 0, wanted = 0, room, back;
    unsigned int i;

    for ( i = 0; i < nr; i++ )
    {
        settle(&d[i], h->step);
        lent += lent_to(&d[i]);
        /* It may still take up what it was lent. */
        owed += min_of(lent_to(&d[i]), above(d[i].new_slice, d[i].held));
        if ( d[i].wants )
            wanted += above(d[i].max, d[i].new_slice);
    }
    for ( i = 0; i < nr; i++ )
        if ( lends(&d[i]) )
            spare += above(d[i].base, d[i].held > d[i].min ? d[i].held
                                                           : d[i].min);
    h->spare = spare;
    h->lent = lent;

    back = above(lent, spare);
    if ( h->free < h->keep && back < h->keep - h->free )
        back = min_of(h->keep - h->free, lent);
    if ( back )
    {
        take_back(d, nr, back);
        return;
    }

    wanted = min_of(wanted, h->step);
    room = min_of(above(spare, lent), above(h->free, h->keep + owed));
    room = min_of(wanted, room);
    lend(d, nr, room);
    /* About half of a compressed page is store. */
    compress(d, nr, 2 * (wanted - room));
}
