// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slice, and moving Xen's balloon.
 *
 * A guest that may grow was created at its maximum and ballooned down. What
 * the toolstack leaves it, memory/target in xenstore, is its slice: so many
 * frames of the host it may hold. The balloon driver follows that key with a
 * target of its own in pages; we add to it, and take away again, what the
 * guest has grown by.
 *
 *	balloon's target = slice - offset + grown
 *
 * When the toolstack sets another slice the guest keeps the pages that it has:
 * of a larger slice they are part, and beyond a smaller one they are growth,
 * for which compression has to make room. The balloon driver, whose watch
 * comes first, would take all that was grown at once.
 *
 * While somebody lends, a broker in dom0, there is another key: then it is of
 * use to wait for a larger slice.
 *
 * The offset is memory of the domain that Linux does not count as its own. It
 * is constant, and known once both numbers are.
 */

#include <linux/jiffies.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include <xen/balloon.h>
#include <xen/xenbus.h>

#include "xmc.h"

/* For so long the balloon's thread may get nowhere. */
#define PATIENCE	(HZ / 2)

/* All but the slice, which is read without it. */
static DEFINE_MUTEX(balloon_lock);
static unsigned long slice;
static unsigned long offset;
static unsigned long grown;
static void (*slice_changed)(void);

static bool lender;

static void watch_lender(struct xenbus_watch *watch, const char *path,
			 const char *token)
{
	WRITE_ONCE(lender, xenbus_exists(XBT_NIL, "memory", "xen-memcompress-loan") == 1);
}

static struct xenbus_watch lender_watch = {
	.node = "memory/xen-memcompress-loan",
	.callback = watch_lender,
};

static unsigned long base(void)
{
	unsigned long now = READ_ONCE(slice);

	return now > offset ? now - offset : 0;
}

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
	unsigned long now = read_slice(), had;

	/* A watch also fires when it is set. */
	if (!now || now == slice)
		return;

	mutex_lock(&balloon_lock);
	had = base() + grown;
	WRITE_ONCE(slice, now);
	WRITE_ONCE(grown, had > base() ? had - base() : 0);
	balloon_set_new_target(base() + grown);
	mutex_unlock(&balloon_lock);

	slice_changed();
}

static struct xenbus_watch slice_watch = {
	.node = "memory/target",
	.callback = watch_slice,
};

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
 * xmc_balloon_lender() - whether somebody may raise the slice on demand
 *
 * Return: true while a broker says that it looks after this guest.
 */
bool xmc_balloon_lender(void)
{
	return READ_ONCE(lender);
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
	return READ_ONCE(grown);
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
	unsigned long end = jiffies + PATIENCE;
	unsigned long from, target, now, before;

	mutex_lock(&balloon_lock);
	from = balloon_stats.current_pages;
	/* The balloon may not have got yet all that was given back to it. */
	target = max(from, base() + grown) + nr;
	balloon_set_new_target(target);
	now = from;
	do {
		schedule_timeout_uninterruptible(1);
		before = now;
		now = READ_ONCE(balloon_stats.current_pages);
		/* It may also be about to end taking what it was to take before. */
		if (now != before)
			end = jiffies + PATIENCE;
	} while (now < target && time_before(jiffies, end));

	/* What the host does not have is not taken later, when nobody needs it. */
	now = min(now, target);
	WRITE_ONCE(grown, now > base() ? now - base() : 0);
	balloon_set_new_target(base() + grown);
	mutex_unlock(&balloon_lock);

	return now > from ? now - from : 0;
}

/**
 * xmc_balloon_give_back() - grow less; the balloon takes its time
 * @nr: how many pages
 *
 * Return: how many of them it had grown by.
 */
unsigned long xmc_balloon_give_back(unsigned long nr)
{
	mutex_lock(&balloon_lock);
	nr = min(nr, grown);
	if (nr) {
		WRITE_ONCE(grown, grown - nr);
		balloon_set_new_target(base() + grown);
	}
	mutex_unlock(&balloon_lock);

	return nr;
}

/**
 * xmc_balloon_init() - learn the slice, and follow it
 * @changed: called whenever the toolstack has set another; may sleep
 *
 * Return: 0 or a negative errno.
 */
int xmc_balloon_init(void (*changed)(void))
{
	int ret;

	slice_changed = changed;
	slice = read_slice();
	if (slice > balloon_stats.target_pages)
		offset = slice - balloon_stats.target_pages;

	ret = register_xenbus_watch(&slice_watch);
	if (ret)
		return ret;
	ret = register_xenbus_watch(&lender_watch);
	if (ret)
		unregister_xenbus_watch(&slice_watch);

	return ret;
}

/** xmc_balloon_exit() - back to the slice */
void xmc_balloon_exit(void)
{
	unregister_xenbus_watch(&lender_watch);
	unregister_xenbus_watch(&slice_watch);
	xmc_balloon_give_back(ULONG_MAX);
}
