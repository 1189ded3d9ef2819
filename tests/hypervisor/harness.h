/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the test programs share: checks that end the program, a generator of
 * random numbers that is the same everywhere, frames (pages.c), and pages of
 * plausible content (content.c).
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdio.h>
#include <stdlib.h>

#include <xen/types.h>

#define CHECK(cond) do {                                                \
        if ( !(cond) )                                                  \
        {                                                               \
            fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__,      \
                    __LINE__, __func__, #cond);                         \
            abort();                                                    \
        }                                                               \
} while ( 0 )

#define CHECK_EQ(a, b) do {                                             \
        long long a_ = (a), b_ = (b);                                   \
        if ( a_ != b_ )                                                 \
        {                                                               \
            fprintf(stderr, "%s:%d: %s: %s is %lld, not %lld (%s)\n",   \
                    __FILE__, __LINE__, __func__, #a, a_, b_, #b);      \
            abort();                                                    \
        }                                                               \
} while ( 0 )

/* Run a test and say so. */
#define RUN(test) do {                                                  \
        test();                                                         \
        printf("ok %s\n", #test);                                       \
} while ( 0 )

struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *r);
/* 0 ... n - 1 */
unsigned int rng_below(struct rng *r, unsigned int n);
/* lo ... hi */
unsigned int rng_between(struct rng *r, unsigned int lo, unsigned int hi);

#define PAGE_BYTES 4096U

/* A frame that is not zeroed, or NULL when there are none (or pretended). */
void *page_alloc(void);
void page_free(void *page);
size_t pages_allocated(void);
/* Let one allocation in @n fail, by chance; 0 lets all succeed. */
void pages_fail(struct rng *r, unsigned int n);

/* Fill a page so that it compresses more or less, as @r has it. */
void content_page(struct rng *r, void *page);

#endif
