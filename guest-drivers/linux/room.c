// SPDX-License-Identifier: GPL-2.0-only
/*
 * Room: frames of the slice that the guest does not hold, making some by
 * compression, and whether that is of any use.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/ratelimit.h>

#include <asm/arch_timer.h>

#include "xmc.h"

struct xmc_tunable xmc_stall_limit = XMC_TUNABLE(stall_limit, 40, 100, NULL);

/*
 * What the restores took: since when, and the percentage of the CPUs' time.
 * Who calls these functions holds the lock of grow.c.
 */
static u64 stall_ticks, stall_since;
unsigned int xmc_stall_percent;

/*
 * Until then compressing more is taken to be of no use: what could be compressed
 * is in use, or does not compress. Longer than grow.c bears with more than the
 * slice.
 */
#define REST		(10 * HZ)
static unsigned long storm_until = INITIAL_JIFFIES;

/*
 * Room that is made of pages which were in use a sweep ago costs more than it
 * is worth where somebody waits for it most of the time. Who makes it while
 * nobody waits, to keep to the slice, may take all the time that is left over:
 * restores are what that costs, and these are measured.
 */
#define YOUNG_AGE	1
#define YOUNG_WINDOW	(5 * NSEC_PER_SEC)
static u64 window_since, waited_ns;
/* Who is about to get no memory, and waits for some. */
atomic_t xmc_waiting = ATOMIC_INIT(0);

static void stand_back(const char *why)
{
	if (!time_before(jiffies, storm_until))
		pr_notice("making no more room for %u s: %s\n", REST / HZ, why);
	storm_until = jiffies + REST;
}

static void judge_young(u64 now)
{
	if (now - window_since < YOUNG_WINDOW)
		return;

	if (2 * waited_ns > now - window_since)
		stand_back("what could be compressed is in use");
	window_since = now;
	waited_ns = 0;
}

/* Percentage of all CPUs' time that restores took, over half a second or more. */
static void measure_stall(const struct xen_mem_compress_query *q)
{
	u64 now = ktime_get_ns(), ticks = q->stall_ticks - stall_ticks;
	u64 stall_us, us = div_u64(now - stall_since, NSEC_PER_USEC);

	judge_young(now);
	if (us < USEC_PER_SEC / 2)
		return;

	stall_us = div_u64(ticks * 1000, arch_timer_get_cntfrq() / 1000);
	/* What is older than two periods was not measured at all. */
	if (stall_since && us < 3 * USEC_PER_SEC)
		xmc_stall_percent = div64_u64(100 * stall_us, us * num_online_cpus());
	else
		xmc_stall_percent = 0;
	stall_since = now;
	stall_ticks = q->stall_ticks;
}

/**
 * xmc_storm() - whether compressing more is of no use
 *
 * Return: true while restores take more time than the limit, and for a while
 * after it took pages in use to hold no more than the slice, or those did not do.
 */
bool xmc_storm(void)
{
	return xmc_stall_percent > READ_ONCE(xmc_stall_limit.value) ||
	       time_before(jiffies, storm_until);
}

/**
 * xmc_room() - frames of the slice that are not held
 *
 * Return: their number; negative where more is held than the slice.
 */
long xmc_room(void)
{
	struct xen_mem_compress_query q;

	if (xmc_query(&q))
		return 0;
	measure_stall(&q);

	return (long)xmc_balloon_slice() - (long)q.held;
}

/* Compress so many pages of that age from there on; 0 or a negative errno. */
static int make_some(u64 first, u32 wanted, u8 age, unsigned long *done)
{
	struct xen_mem_compress_range range = {
		.first = first,
		.end = ALIGN_DOWN(U64_MAX, PAGE_SIZE),
		.min_age = age,
		.wanted = wanted,
	};
	/* It is asked again five times a second. */
	static DEFINE_RATELIMIT_STATE(told, 60 * HZ, 1);
	u64 began = ktime_get_ns();
	int ret;

	ret = xmc_range(XENMEM_compress_op_request, XENMEM_compress_f_whole_domain,
			&range, false);
	*done = range.done;
	if (ret && __ratelimit(&told))
		pr_info("no more room is made: Xen says %d\n", ret);
	if (age <= YOUNG_AGE && atomic_read(&xmc_waiting))
		waited_ns += ktime_get_ns() - began;

	return ret;
}

/**
 * xmc_make_room() - compress pages of the domain, oldest first
 * @wanted: until there is so much room
 * @min_age: none that was accessed within so many sweeps
 *
 * Return: the room there is then.
 */
long xmc_make_room(long wanted, unsigned int min_age)
{
	static const u8 ages[] = { XMC_AGE_MAX, 8, 4, 2, 1, 0 };
	long have = xmc_room();
	unsigned int i;

	for (i = 0; have < wanted && i < ARRAY_SIZE(ages); i++) {
		u8 age = max_t(u8, ages[i], min_age);
		unsigned long done;

		do {
			/* A page brings about half a frame: the other is store. */
			if (make_some(0, 2 * (wanted - have), age, &done))
				return xmc_room();
			have = xmc_room();
			if (xmc_storm())
				return have;
		} while (have < wanted && done);

		if (age == min_age)
			break;
	}
	/*
	 * To try all of it again for every page that somebody wants would keep
	 * everybody waiting, and nobody from being killed.
	 */
	if (have < wanted && !min_age)
		stand_back("what is left does not compress");

	return have;
}

/**
 * xmc_take_used() - compress pages whoever uses them, once
 * @wanted: so much room is to come of it
 *
 * Those that are in use come back. Each time it begins somewhere else: others
 * have their turn, and what is not used stays away.
 *
 * Return: the room there is then.
 */
long xmc_take_used(long wanted)
{
	const pg_data_t *node = NODE_DATA(first_online_node);
	u64 pfn = node->node_start_pfn + get_random_u32() % node->node_spanned_pages;
	unsigned long done;

	make_some(pfn << PAGE_SHIFT, 2 * wanted, 0, &done);

	return xmc_room();
}
