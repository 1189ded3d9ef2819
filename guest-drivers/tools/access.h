/* SPDX-License-Identifier: GPL-2.0-only */
/* Accesses to a region one by one, in a pattern, each of them timed. */

#ifndef ACCESS_H
#define ACCESS_H

#include "region.h"

/* As in the controller's histograms: mem_compress.h, harness/report/histogram.py. */
#define ACCESS_BUCKETS	480

enum access_pattern {
	ACCESS_SEQUENTIAL,	/* page after page, again and again */
	ACCESS_RANDOM,		/* every page as likely as any other */
	ACCESS_ZIPF,		/* the page of rank k with 1/k of the first's share */
	ACCESS_PHASES,		/* random within a quarter, another one each phase */
	ACCESS_WAKE,		/* nothing for a while, then all pages, shuffled */
};

/**
 * struct access_plan - what to do
 * @pattern: which page is next
 * @count: how many accesses
 * @seed: the same seed, the same accesses
 * @writes: percentage that writes; the word that was there, so that the page
 *          is dirty and yet holds what it must hold
 * @idle_ms: for ACCESS_WAKE, how long it sleeps first
 */
struct access_plan {
	enum access_pattern pattern;
	uint64_t count;
	uint64_t seed;
	unsigned int writes;
	unsigned int idle_ms;
};

/**
 * struct access_result - as it goes through the socket
 * @hz: of the counter
 * @ticks: from the first access to the end of the last
 * @count: accesses in the histogram
 * @sum: of their times
 * @max: of their times
 * @buckets: of a log-linear histogram of their times
 */
struct access_result {
	uint64_t hz, ticks, count, sum, max;
	uint64_t buckets[ACCESS_BUCKETS];
};

/** access_by_name() - a pattern from its name, or -1 */
int access_by_name(const char *name);

/** access_bucket() - the bucket that a number of ticks is counted in */
unsigned int access_bucket(uint64_t ticks);

/**
 * access_page() - which page the @n-th access of a plan is to
 * @plan: the plan
 * @n: number of the access, from 0
 * @pages: how many there are
 * @table: of access_table(), or NULL for a pattern that has none
 *
 * Return: its index.
 */
uint32_t access_page(const struct access_plan *plan, uint64_t n, uint32_t pages,
		     const uint32_t *table);

/**
 * access_table() - what access_page() looks up for this plan; caller frees
 *
 * An order of the pages, and for ACCESS_ZIPF the shares of the ranks behind
 * it. NULL when the pattern needs none.
 */
uint32_t *access_table(const struct access_plan *plan, uint32_t pages);

/** access_run() - carry out a plan, in this thread */
void access_run(const struct region *region, const struct access_plan *plan,
		struct access_result *result);

#endif /* ACCESS_H */
