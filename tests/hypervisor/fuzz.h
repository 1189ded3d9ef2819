/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fuzz.c drives: a function that takes bytes and must survive any, and
 * one that makes inputs worth beginning with.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "harness.h"

#define FUZZ_MAX    4096U       /* bytes of an input */

/* Run the target; whatever is wrong is reported by a CHECK or a sanitizer. */
void fuzz_one(const uint8_t *data, size_t size);

/* An input made from scratch; returns its length. */
size_t fuzz_make(struct rng *r, uint8_t data[FUZZ_MAX]);

/* How often each of the target's outcomes was seen, for the report. */
struct fuzz_outcome {
    const char *name;
    uint64_t seen;
};
extern struct fuzz_outcome fuzz_outcomes[];     /* ends with a name of NULL */

#endif
