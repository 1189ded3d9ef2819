/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers, and pages made with them. */

#include "harness.h"

/* splitmix64 */
uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}

unsigned int rng_below(struct rng *r, unsigned int n)
{
    return rng_next(r) % n;
}

unsigned int rng_between(struct rng *r, unsigned int lo, unsigned int hi)
{
    return lo + rng_below(r, hi - lo + 1);
}

/* Words from a small vocabulary, pointers, noise, zeroes, runs, in records. */
void content_page(struct rng *r, void *page)
{
    uint8_t *p = page;
    unsigned int at = 0;

    while ( at < PAGE_BYTES )
    {
        unsigned int kind = rng_below(r, 6), n = rng_between(r, 4, 400), i;

        if ( n > PAGE_BYTES - at )
            n = PAGE_BYTES - at;

        for ( i = 0; i < n; i++ )
            switch ( kind )
            {
            case 0:
                p[at + i] = 0;
                break;
            case 1:
                p[at + i] = rng_next(r);
                break;
            case 2:
                p[at + i] = "the page was restored by "[i % 25];
                break;
            case 3:
                p[at + i] = i % 8 < 2 ? rng_next(r) : i % 8 < 6 ? 0x40 : 0;
                break;
            case 4:
                p[at + i] = at;
                break;
            default:
                p[at + i] = at + i > 900 ? p[at + i - 900] : 'a' + i % 13;
            }
        at += n;
    }
}
