/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory that memload holds, and what can be done to all of it. */

#ifndef REGION_H
#define REGION_H

#include "content.h"

struct region {
	uint8_t *base;
	uint32_t pages;
	unsigned int threads;
	enum content_class class;
	uint64_t seed;
	struct corpus corpus;
};

/** region_page() - where page @index is */
static inline uint8_t *region_page(const struct region *region, uint32_t index)
{
	return region->base + (size_t)index * PAGE_BYTES;
}

/** region_map() - get the memory; 0, or -1 after a message */
int region_map(struct region *region);

/** region_fill() - write the content of @cycle to every page */
void region_fill(const struct region *region, uint64_t cycle);

/**
 * region_refill() - write the content of @cycle to some pages, in any order
 * @region: the memory
 * @cycle: as for region_fill()
 * @order: page indices, one after another
 * @nr: how many
 */
void region_refill(const struct region *region, uint64_t cycle,
		   const uint32_t *order, uint32_t nr);

/**
 * region_digest() - read every page
 * @region: the memory
 * @order: page indices in the order of reading; the threads share it out
 * @out: digest of page i at [i]
 */
void region_digest(const struct region *region, const uint32_t *order,
		   uint64_t *out);

/**
 * region_exec() - call every function of every code-exec page
 *
 * Nothing of the pages is read as data first, so that the first call is an
 * instruction fetch. Pages of other classes give 0.
 *
 * Return: 0, or -1 where the machine or the mapping cannot do it.
 */
int region_exec(const struct region *region, const uint32_t *order,
		uint64_t *out);

/** region_touch() - read one word of the first @nr pages of @order */
void region_touch(const struct region *region, const uint32_t *order, uint32_t nr);

/** region_time() - ticks that reading one word of each page took, at [page] */
void region_time(const struct region *region, const uint32_t *order,
		 uint32_t *ticks);

/**
 * region_work() - read all of it, again and again
 * @region: the memory
 * @rounds: how often
 *
 * Return: ticks that this took.
 */
uint64_t region_work(const struct region *region, unsigned int rounds);

/**
 * region_pageout() - ask Linux to swap all of it out
 * @region: the memory
 * @ticks: how long that took
 *
 * Return: 0, or -1 with errno.
 */
int region_pageout(const struct region *region, uint64_t *ticks);

/**
 * region_spin() - keep some pages busy
 * @region: the memory
 * @threads: so many threads touch random pages of its first eighth without
 *           end; 0 stops them
 *
 * An eighth, for a thread touches some million pages a second: were it all of
 * them, nothing would stay compressed long enough to be seen.
 */
void region_spin(const struct region *region, unsigned int threads);

#endif /* REGION_H */
