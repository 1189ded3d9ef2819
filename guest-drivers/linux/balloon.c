// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slice, and moving Xen's balloon.
 *
 * A guest that may grow was created at its maximum and ballooned down. What
 * the toolstack leaves it, memory/target in xenstore, is its slice: so many
 * frames of the host it may hold. The balloon driver follows that key with a
 * target of its own in pages; we add to it, and take away again, what the
 * guest has grown by. Whenever the toolstack sets another slice the balloon
 * driver sets its target anew, and the growth is gone: it begins again from
 * there.
 *
 *	balloon's target = slice - offset + grown
 *
 * The offset is memory of the domain that Linux does not count as its own. It
 * is constant, and known once both numbers are.
 */

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include <xen/balloon.h>
#include <xen/xenbus.h>

#include "xmc.h"

/* How long the balloon's thread may take for one step. */
#define PATIENCE	(HZ / 2)

static unsigned long slice;
static unsigned long offset;

static unsigned long read_slice(void)
{
	unsigned long long kib;

	if (xenbus_scanf(XBT_NIL, "memory", "target", "%llu", &kib) != 1)
		return 0;

	return kib >> (PAGE_SHIFT - 10);
}

static void watch_slice(struct xenbus_watch *watch, const char *path,
			const char *token)
{
	unsigned long now = read_slice();

	if (now)
		WRITE_ONCE(slice, now);
}

static struct xenbus_watch slice_watch = {
	.node = "memory/target",
	.callback = watch_slice,
};

static unsigned long base(void)
{
	unsigned long now = READ_ONCE(slice);

	return now > offset ? now - offset : 0;
}

/**
 * xmc_balloon_slice() - frames of the host that the toolstack grants
 *
 * Return: their number, 0 where there is nobody to ask.
 */
unsigned long xmc_balloon_slice(void)
{
	return READ_ONCE(slice);
}

/**
 * xmc_balloon_inflated() - pages in the balloon: how far the guest can grow
 *
 * Return: their number.
 */
unsigned long xmc_balloon_inflated(void)
{
	return balloon_stats.balloon_low + balloon_stats.balloon_high;
}

/**
 * xmc_balloon_grown() - pages that the guest has on top of its slice
 *
 * Return: their number.
 */
unsigned long xmc_balloon_grown(void)
{
	unsigned long target = balloon_stats.target_pages;

	return target > base() ? target - base() : 0;
}

/**
 * xmc_balloon_deflate() - take pages out of the balloon, now
 * @nr: how many
 *
 * Allocates nothing, but sleeps: the balloon's thread does it. So it must not
 * be called from that thread, for example when an allocation of it reclaims.
 *
 * Return: how many the kernel has got.
 */
unsigned long xmc_balloon_deflate(unsigned long nr)
{
	unsigned long from = balloon_stats.current_pages;
	unsigned long target = balloon_stats.target_pages + nr;
	unsigned long end = jiffies + PATIENCE, now;

	balloon_set_new_target(target);
	do {
		schedule_timeout_uninterruptible(1);
		now = READ_ONCE(balloon_stats.current_pages);
	} while (now < target && READ_ONCE(balloon_stats.target_pages) == target &&
		 time_before(jiffies, end));

	/* The host has no more. Do not take it later, when nobody needs it. */
	if (now < target && READ_ONCE(balloon_stats.target_pages) == target)
		balloon_set_new_target(max(now, base()));

	return now > from ? now - from : 0;
}

/**
 * xmc_balloon_give_back() - grow less; the balloon takes its time
 * @nr: how many pages
 */
void xmc_balloon_give_back(unsigned long nr)
{
	nr = min(nr, xmc_balloon_grown());
	if (nr)
		balloon_set_new_target(balloon_stats.target_pages - nr);
}

/**
 * xmc_balloon_init() - learn the slice, and follow it
 *
 * Return: 0 or a negative errno.
 */
int xmc_balloon_init(void)
{
	slice = read_slice();
	if (slice > balloon_stats.target_pages)
		offset = slice - balloon_stats.target_pages;

	return register_xenbus_watch(&slice_watch);
}

/** xmc_balloon_exit() - back to the slice */
void xmc_balloon_exit(void)
{
	unregister_xenbus_watch(&slice_watch);
	xmc_balloon_give_back(xmc_balloon_grown());
}
