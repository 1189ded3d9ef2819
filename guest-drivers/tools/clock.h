/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock of all that is timed here, and how often it ticks. */

#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#ifdef __aarch64__
/* The two barriers keep the read of the counter where it is written. */
static inline uint64_t now(void)
{
	uint64_t ticks;

	__asm__ volatile("isb; mrs %0, cntvct_el0; isb" : "=r"(ticks) :: "memory");
	return ticks;
}

static inline uint64_t ticks_hz(void)
{
	uint64_t hz;

	__asm__("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}
#else
#include <time.h>

static inline uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static inline uint64_t ticks_hz(void)
{
	return 1000000000;
}
#endif

#endif /* CLOCK_H */
