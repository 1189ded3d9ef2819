// SPDX-License-Identifier: GPL-2.0-only
#include "access.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

#define PHASES	4

static const char * const names[] = {
	[ACCESS_SEQUENTIAL] = "sequential",
	[ACCESS_RANDOM] = "random",
	[ACCESS_ZIPF] = "zipf",
	[ACCESS_PHASES] = "phase-change",
	[ACCESS_WAKE] = "idle-then-wake",
};

int access_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return (int)i;
	return -1;
}

unsigned int access_bucket(uint64_t ticks)
{
	unsigned int e, bucket;

	if (ticks < 16)
		return (unsigned int)ticks;
	e = 63 - __builtin_clzll(ticks);
	bucket = 16 * (e - 3) + (ticks >> (e - 4) & 15);
	return bucket < ACCESS_BUCKETS ? bucket : ACCESS_BUCKETS - 1;
}

/* Shares of ranks 1 ... @pages, summed up, so that the last is all there is. */
static void zipf_shares(uint32_t *shares, uint32_t pages)
{
	double whole = 0, sum = 0;

	for (uint32_t k = 1; k <= pages; k++)
		whole += 1.0 / k;
	for (uint32_t k = 1; k <= pages; k++) {
		sum += 1.0 / k;
		shares[k - 1] = (uint32_t)(sum / whole * UINT32_MAX);
	}
	shares[pages - 1] = UINT32_MAX;
}

uint32_t *access_table(const struct access_plan *plan, uint32_t pages)
{
	uint32_t *table;

	if (plan->pattern != ACCESS_ZIPF && plan->pattern != ACCESS_WAKE)
		return NULL;
	table = shuffled(plan->seed, pages);
	if (plan->pattern == ACCESS_ZIPF) {
		table = realloc(table, 2 * sizeof(*table) * pages);
		if (!table) {
			perror("memload: access");
			exit(1);
		}
		zipf_shares(table + pages, pages);
	}
	return table;
}

/* The first rank whose share reaches @x. */
static uint32_t zipf_rank(const uint32_t *shares, uint32_t pages, uint32_t x)
{
	uint32_t low = 0, high = pages - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (shares[middle] < x)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t access_page(const struct access_plan *plan, uint64_t n, uint32_t pages,
		     const uint32_t *table)
{
	uint64_t x = mix64(mix64(plan->seed) + n) >> 32;
	uint32_t quarter = (pages + PHASES - 1) / PHASES, first, size;

	switch (plan->pattern) {
	case ACCESS_RANDOM:
		return (uint32_t)(x * pages >> 32);
	case ACCESS_ZIPF:
		return table[zipf_rank(table + pages, pages, (uint32_t)x)];
	case ACCESS_PHASES:
		first = (uint32_t)(n * PHASES / plan->count) * quarter;
		/* Of a few pages the last quarter may have none. */
		if (first >= pages)
			first = pages - 1;
		size = pages - first < quarter ? pages - first : quarter;
		return first + (uint32_t)(x * size >> 32);
	case ACCESS_WAKE:
		return table[n % pages];
	default:
		return (uint32_t)(n % pages);
	}
}

static void idle(unsigned int ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

void access_run(const struct region *region, const struct access_plan *plan,
		struct access_result *result)
{
	uint32_t *table = access_table(plan, region->pages);
	uint64_t began;

	memset(result, 0, sizeof(*result));
	result->hz = ticks_hz();
	if (plan->pattern == ACCESS_WAKE)
		idle(plan->idle_ms);

	began = now();
	for (uint64_t n = 0; n < plan->count; n++) {
		uint64_t x = mix64(mix64(~plan->seed) + n), before, ticks;
		uint32_t index = access_page(plan, n, region->pages, table);
		volatile uint64_t *word = (uint64_t *)region_page(region, index) +
					  x % PAGE_WORDS;
		bool writes = x / PAGE_WORDS % 100 < plan->writes;

		before = now();
		if (writes)
			*word = *word;
		else
			(void)*word;
		ticks = now() - before;

		result->count++;
		result->sum += ticks;
		if (ticks > result->max)
			result->max = ticks;
		result->buckets[access_bucket(ticks)]++;
	}
	result->ticks = now() - began;
	free(table);
}
