// SPDX-License-Identifier: GPL-2.0-only
#include "region.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "clock.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define MAX_THREADS 16

static bool executable(const struct region *region)
{
	return region->class == CLASS_EXEC || region->class == CLASS_MIX;
}

int region_map(struct region *region)
{
	int prot = PROT_READ | PROT_WRITE | (executable(region) ? PROT_EXEC : 0);

	region->base = mmap(NULL, (size_t)region->pages * PAGE_BYTES, prot,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region->base == MAP_FAILED) {
		perror("memload: mmap");
		return -1;
	}
	return 0;
}

/* One job of all threads: page numbers @first, @first + @step, ... */
struct job {
	const struct region *region;
	void (*work)(const struct job *job, uint32_t n);
	const uint32_t *order;
	uint64_t *out;
	uint64_t cycle;
	uint32_t first, step;
};

static void *run_job(void *arg)
{
	const struct job *job = arg;

	for (uint32_t n = job->first; n < job->region->pages; n += job->step)
		job->work(job, n);
	return NULL;
}

static void run_all(struct job job)
{
	unsigned int nr = job.region->threads;
	pthread_t threads[MAX_THREADS];
	struct job jobs[MAX_THREADS];

	if (nr > MAX_THREADS)
		nr = MAX_THREADS;
	for (unsigned int t = 0; t < nr; t++) {
		jobs[t] = job;
		jobs[t].first = t;
		jobs[t].step = nr;
		if (pthread_create(&threads[t], NULL, run_job, &jobs[t])) {
			perror("memload: thread");
			exit(1);
		}
	}
	for (unsigned int t = 0; t < nr; t++)
		pthread_join(threads[t], NULL);
}

static void fill_one(const struct job *job, uint32_t n)
{
	const struct region *region = job->region;
	uint8_t *p = region_page(region, n);

	page_fill(p, region->class, region->seed, job->cycle, n, &region->corpus);
	if (class_of_page(region->class, n) == CLASS_EXEC)
		__builtin___clear_cache((char *)p, (char *)p + PAGE_BYTES);
}

void region_fill(const struct region *region, uint64_t cycle)
{
	run_all((struct job){
		.region = region, .work = fill_one, .cycle = cycle,
	});
}

void region_refill(const struct region *region, uint64_t cycle,
		   const uint32_t *order, uint32_t nr)
{
	const struct job job = { .region = region, .cycle = cycle };

	for (uint32_t n = 0; n < nr; n++)
		fill_one(&job, order[n]);
}

static void digest_one(const struct job *job, uint32_t n)
{
	uint32_t index = job->order[n];

	job->out[index] = digest((const uint64_t *)region_page(job->region, index),
				 PAGE_WORDS);
}

void region_digest(const struct region *region, const uint32_t *order,
		   uint64_t *out)
{
	run_all((struct job){
		.region = region, .work = digest_one, .order = order, .out = out,
	});
}

#ifdef __aarch64__
static void exec_one(const struct job *job, uint32_t n)
{
	uint32_t index = job->order[n];
	uint64_t values[EXEC_FUNCTIONS];

	job->out[index] = 0;
	if (class_of_page(job->region->class, index) != CLASS_EXEC)
		return;
	for (unsigned int j = 0; j < EXEC_FUNCTIONS; j++) {
		uint64_t (*function)(void) =
			(uint64_t (*)(void))(region_page(job->region, index) + j * EXEC_BYTES);

		values[j] = function();
	}
	job->out[index] = digest(values, EXEC_FUNCTIONS);
}

int region_exec(const struct region *region, const uint32_t *order,
		uint64_t *out)
{
	if (!executable(region))
		return -1;
	run_all((struct job){
		.region = region, .work = exec_one, .order = order, .out = out,
	});
	return 0;
}

#else
int region_exec(const struct region *region, const uint32_t *order,
		uint64_t *out)
{
	(void)region;
	(void)order;
	(void)out;
	return -1;
}
#endif

static inline void touch(const struct region *region, uint32_t index)
{
	(void)*(volatile uint64_t *)region_page(region, index);
}

void region_touch(const struct region *region, const uint32_t *order, uint32_t nr)
{
	for (uint32_t n = 0; n < nr; n++)
		touch(region, order[n]);
}

void region_time(const struct region *region, const uint32_t *order,
		 uint32_t *ticks)
{
	for (uint32_t n = 0; n < region->pages; n++) {
		uint64_t before = now();

		touch(region, order[n]);
		ticks[order[n]] = (uint32_t)(now() - before);
	}
}

uint64_t region_work(const struct region *region, unsigned int rounds)
{
	uint64_t before = now(), sum = 0;

	while (rounds--)
		for (uint32_t n = 0; n < region->pages; n++)
			sum += digest((const uint64_t *)region_page(region, n), PAGE_WORDS);
	/* The sum is wanted, or nothing need be read. */
	__asm__ volatile("" :: "r"(sum));
	return now() - before;
}

int region_pageout(const struct region *region, uint64_t *ticks)
{
	uint64_t before = now();
	int ret = madvise(region->base, (size_t)region->pages * PAGE_BYTES,
			  MADV_PAGEOUT);

	*ticks = now() - before;
	return ret;
}

static atomic_bool spinning;
static unsigned int nr_spinners;
static pthread_t spinners[MAX_THREADS];

static void *spin(void *arg)
{
	const struct region *region = arg;
	uint64_t x = (uintptr_t)&x;

	while (atomic_load(&spinning)) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		touch(region, (uint32_t)((x >> 33) % (region->pages / 8 + 1)));
	}
	return NULL;
}

void region_spin(const struct region *region, unsigned int threads)
{
	atomic_store(&spinning, false);
	while (nr_spinners)
		pthread_join(spinners[--nr_spinners], NULL);

	atomic_store(&spinning, threads > 0);
	while (nr_spinners < threads && nr_spinners < MAX_THREADS) {
		if (pthread_create(&spinners[nr_spinners], NULL, spin,
				   (void *)region))
			break;
		nr_spinners++;
	}
}
