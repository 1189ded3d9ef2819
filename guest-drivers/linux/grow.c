// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest under pressure grows instead of killing.
 *
 *	slice |-----------------------------|  what the toolstack grants
 *	held  |==================|             frames of pages, store, tables
 *	                          <-- room -->  so far the balloon may deflate
 *
 * Compression makes room: the guest has more pages than its slice has frames.
 * When the kernel reclaims (a shrinker) or is about to kill (a notifier), old
 * pages of the whole domain are compressed until there is room, and the balloon
 * deflates into it, never further. When pages come back and more is held than
 * the slice, older ones take their place; when the guest has free memory again,
 * it gives back what it has grown by.
 *
 * That is of no use when the working set itself does not fit: all that is
 * compressed comes back at once. What tells is the time that the guest's CPUs
 * spend restoring, above stall_limit percent, and that of seconds most passed
 * with somebody waiting for room that only pages just in use could make. Then
 * there is no growth, and the kernel's own killer decides, as it would without
 * this module.
 *
 * Nothing runs, and nothing is asked of Xen, unless the kernel reclaims or the
 * guest has grown; or is told to grow ahead, so that a killer in user space who
 * goes by free memory (Android's) sees some. What is free has no frame: it is
 * discarded, and costs the host nothing until it is used.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/workqueue.h>

#include "compat/linux.h"
#include "xmc.h"

/* Pages that are asked for at a time, and for want of which nobody is killed. */
#define STEP		256UL
/* After an attempt that came to nothing. */
#define PAUSE		(HZ / 2)
/* Growth is not given back for so long; then half of what is free each period. */
#define KEEP		(10 * HZ)
#define PERIOD		HZ
/*
 * Between two looks while the guest has more pages than its slice has frames:
 * an application that starts or wakes up takes several times the margin in a
 * second.
 */
#define HURRY		(HZ / 5)
/* A broker in dom0 looks each second or so; one that has nothing is let be. */
#define LENDER_LOOKS	(2 * HZ)
#define LENDER_HAS_NONE	(10 * HZ)
/*
 * So much less than the slice is held, for what comes back until the next look;
 * and half of what a look keeps free ahead, which has no frames until then.
 */
#define MARGIN		((long)(4 * STEP))
/*
 * After so many looks in a row that found more held than the slice, and nothing
 * else to be compressed, that is not over in a moment: what is in use is taken,
 * too. All of it may come back, where the guest is fast before it is even
 * through: so it is little room at a time, and less and less often.
 */
#define IN_USE		10U
#define BITE		((long)(2 * STEP))
/* So long more than the slice may be held because restores take too long. */
#define STORM		(5 * HZ)
/*
 * So many free pages above the watermarks are enough to end growth, and stay
 * when it is given back.
 */
#define SPARE		(4 * STEP)
/* Of what is to be free ahead, in a look: no long work with the lock held. */
#define AHEAD		(8 * STEP)

static void look_soon(void);

static struct xmc_tunable xmc_grow_enabled = XMC_TUNABLE(grow_enabled, 1, 1, NULL);
static struct xmc_tunable xmc_grow_age = XMC_TUNABLE(grow_age, 2, XMC_AGE_MAX, NULL);
/* Pages that are kept free, by growing while nobody waits for memory yet. */
static struct xmc_tunable xmc_grow_ahead = XMC_TUNABLE(grow_ahead, 0, UINT_MAX, look_soon);

static struct xmc_counter xmc_grown_total = XMC_COUNTER(grown_total);
static struct xmc_counter xmc_given_back = XMC_COUNTER(given_back);
static struct xmc_counter xmc_saves = XMC_COUNTER(oom_averted);
static struct xmc_counter xmc_refusals = XMC_COUNTER(oom_left);

/* One at a time grows, or looks after what has grown. */
static DEFINE_MUTEX(grow_lock);
static unsigned long last_growth;
static unsigned long pause_until;
/* Until then nobody waits for a lender. */
static unsigned long lend_again;
/* When no more than the slice was held, or making room for it was no use. */
static unsigned long within_slice;

/*
 * Before all others: as long as more is held than the slice nobody gets memory,
 * and whoever runs brings back what is compressed for it.
 */
static void look_after(struct work_struct *work);
static DECLARE_DELAYED_WORK(work, look_after);
static struct workqueue_struct *looks;
static struct shrinker *shrinker;

/* With grow_lock held: pages that the kernel has got, or why it did not. */
static unsigned long grow(unsigned long wanted, unsigned int min_age,
			  const char **why)
{
	unsigned long got;
	long have;

	wanted = min(wanted, xmc_balloon_inflated());
	if (!wanted) {
		*why = "the guest has all its memory";
		return 0;
	}

	have = xmc_room();
	if (have < (long)wanted && !xmc_storm())
		have = xmc_make_room(wanted, min_age);
	if (have <= 0) {
		*why = xmc_storm() ? "what could be compressed is in use, or does not compress" :
				     "nothing is old enough to be compressed";
		return 0;
	}

	got = xmc_balloon_deflate(min(wanted, (unsigned long)have));
	if (!got) {
		*why = "the host has no memory";
		return 0;
	}

	atomic64_add(got, &xmc_grown_total.value);
	last_growth = jiffies;
	queue_delayed_work(looks, &work, PERIOD);

	return got;
}

/*
 * The balloon's thread must not wait for itself when it reclaims, and other
 * kernel threads need not; kswapd is who works ahead of it all.
 */
static bool may_reclaim(void)
{
	return READ_ONCE(xmc_grow_enabled.value) &&
	       (!(current->flags & PF_KTHREAD) || current_is_kswapd());
}

/*
 * Free pages that stay although the guest has grown by them. The kernel takes
 * itself to be out of memory at its watermarks, which it boosts for a while
 * where memory is in small pieces: by more than they are in a small guest.
 */
static unsigned long spare(void)
{
	unsigned long pages = SPARE;
	int nid, i;

	for_each_online_node(nid)
		for (i = 0; i < MAX_NR_ZONES; i++)
			/* Parentheses: 6.1's macro has none. */
			pages += high_wmark_pages((&NODE_DATA(nid)->node_zones[i]));

	return pages;
}

static bool enough_free(void)
{
	return global_zone_page_state(NR_FREE_PAGES) >= spare();
}

static unsigned long count_pages(struct shrinker *s, struct shrink_control *sc)
{
	if (!may_reclaim() || enough_free() ||
	    time_before(jiffies, READ_ONCE(pause_until)))
		return 0;

	return xmc_balloon_inflated() ?: SHRINK_EMPTY;
}

static unsigned long scan_pages(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long got = 0;
	const char *why;

	/* kswapd works ahead of those who wait. */
	if (!current_is_kswapd())
		atomic_inc(&xmc_waiting);
	/*
	 * To wait is right: it is for memory, and who is turned away here comes
	 * back as one who is about to kill. But who was killed must not.
	 */
	if (mutex_lock_killable(&grow_lock))
		goto out;
	/*
	 * Somebody else may have been at it while we waited; and the kernel
	 * goes through all that was counted once it has begun.
	 */
	if (!enough_free() && !time_before(jiffies, pause_until)) {
		got = grow(max(sc->nr_to_scan, STEP), READ_ONCE(xmc_grow_age.value), &why);
		if (!got)
			WRITE_ONCE(pause_until, jiffies + PAUSE);
	}
	mutex_unlock(&grow_lock);
out:
	if (!current_is_kswapd())
		atomic_dec(&xmc_waiting);

	return got ?: SHRINK_STOP;
}

/* With grow_lock held: the same once somebody has lent us frames, if he does. */
static unsigned long borrow(const char **why)
{
	unsigned long had = xmc_balloon_slice(), lent = 0, end = jiffies + LENDER_LOOKS;

	if (!xmc_balloon_lender() || !xmc_balloon_inflated() ||
	    time_before(jiffies, lend_again))
		return 0;

	/* Who lends goes by requests, and in a storm there are none. */
	xmc_make_room(1, XMC_AGE_MAX);
	while (xmc_room() <= 0 && time_before(jiffies, end)) {
		schedule_timeout_uninterruptible(HZ / 10);
		/* What comes first may be less than is held beyond the slice already. */
		if (xmc_balloon_slice() > had + lent) {
			lent = xmc_balloon_slice() - had;
			end = jiffies + LENDER_LOOKS;
		}
	}
	if (!lent && xmc_room() <= 0) {
		lend_again = jiffies + LENDER_HAS_NONE;
		return 0;
	}

	return grow(STEP, 0, why);
}

/*
 * The last chance: oldest first, but in the end whatever there is. Whoever is
 * out of memory, a kernel thread too, has a process killed for it; but never
 * the balloon's thread, which allocates with __GFP_NORETRY.
 */
static int before_oom(struct notifier_block *nb, unsigned long unused, void *freed)
{
	const char *why;
	unsigned long got;

	/* Nor where somebody has given memory already: it is tried first. */
	if (!READ_ONCE(xmc_grow_enabled.value) || *(unsigned long *)freed)
		return NOTIFY_OK;

	atomic_inc(&xmc_waiting);
	mutex_lock(&grow_lock);
	got = grow(STEP, 0, &why) ?: borrow(&why);
	mutex_unlock(&grow_lock);
	atomic_dec(&xmc_waiting);

	*(unsigned long *)freed += got;
	if (got) {
		atomic64_inc(&xmc_saves.value);
	} else {
		atomic64_inc(&xmc_refusals.value);
		pr_info_ratelimited("out of memory, and not growing: %s (stall %u%%)\n",
				    why, READ_ONCE(xmc_stall_percent));
	}

	return NOTIFY_OK;
}

static struct notifier_block oom_nb = { .notifier_call = before_oom };

/*
 * With grow_lock held, and the frames of the slice that are not held: pages to
 * be given back, of which there may be too many.
 */
static unsigned long idle_growth(long have)
{
	unsigned long free = global_zone_page_state(NR_FREE_PAGES), nr = 0;
	unsigned long keep = max_t(unsigned long, spare(), READ_ONCE(xmc_grow_ahead.value));

	/* Free pages and no frames for them: the balloon is where they belong. */
	if (have < 0 && free > keep)
		nr = min((unsigned long)-have, free - keep);
	if (free > keep && time_after(jiffies, last_growth + KEEP)) {
		nr = max(nr, (free - keep) / 2);
		/* Half of the rest in a period. */
		last_growth = jiffies - KEEP + PERIOD;
	}
	/*
	 * What the guest has does not fit, and its slice is all it may hold.
	 * The balloon takes what it can get; then the kernel's killer decides.
	 */
	if (have < 0 && xmc_storm() && time_after(jiffies, within_slice + STORM))
		nr = max(nr, (unsigned long)-have);

	return nr;
}

/*
 * With grow_lock held: what is to be free ahead is, as far as there is room.
 * Whether free memory goes faster than it is looked after each second.
 */
static bool keep_ahead(void)
{
	unsigned long free = global_zone_page_state(NR_FREE_PAGES);
	unsigned long ahead = READ_ONCE(xmc_grow_ahead.value);
	const char *why;

	if (!READ_ONCE(xmc_grow_enabled.value) || free >= ahead ||
	    time_before(jiffies, pause_until))
		return false;

	if (!grow(min(ahead - free, AHEAD), READ_ONCE(xmc_grow_age.value), &why)) {
		WRITE_ONCE(pause_until, jiffies + PAUSE);
		return false;
	}

	return free < ahead / 2;
}

/* While the guest has grown: keep to the slice, and give back what is idle. */
static void look_after(struct work_struct *unused)
{
	static unsigned int over;
	long have, margin = MARGIN + min_t(long, READ_ONCE(xmc_grow_ahead.value), AHEAD) / 2;
	bool hurry;

	mutex_lock(&grow_lock);

	have = xmc_room();
	/*
	 * In a storm this would only feed it; whoever stalls holds more then. Each
	 * age is a pass over all memory: not for the last few pages.
	 */
	if (have < margin / 2 && !xmc_storm())
		have = xmc_make_room(margin, 1);
	over = have < 0 && !xmc_storm() ? min(over + 1, 2 * IN_USE) : 0;
	if (over >= IN_USE)
		have = xmc_take_used(min(-have, BITE));
	if (have >= 0 || !xmc_storm())
		within_slice = jiffies;
	hurry = (have >= 0 && keep_ahead()) || xmc_balloon_grown();

	atomic64_add(xmc_balloon_give_back(idle_growth(have)), &xmc_given_back.value);

	if (xmc_balloon_grown() || (READ_ONCE(xmc_grow_ahead.value) && xmc_balloon_inflated()))
		mod_delayed_work(looks, &work,
				 hurry ? HURRY * (1 + max(over, IN_USE) - IN_USE) : PERIOD);

	mutex_unlock(&grow_lock);
}

/* The slice is another one, and may be less than what is held; or grow_ahead. */
static void look_soon(void)
{
	mod_delayed_work(looks, &work, 0);
}

/* Grow by so many KiB, as far as there is room; what there is not is no error. */
static ssize_t grow_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	const char *why;
	unsigned long kib;
	int ret;

	ret = kstrtoul(buf, 0, &kib);
	if (ret)
		return ret;

	mutex_lock(&grow_lock);
	grow(kib >> (PAGE_SHIFT - 10), READ_ONCE(xmc_grow_age.value), &why);
	mutex_unlock(&grow_lock);

	return count;
}

static struct kobj_attribute grow_attr = __ATTR_WO(grow);

#define XMC_GROW_SHOW(_name, _format, _value)				\
static ssize_t _name##_show(struct kobject *kobj,			\
			    struct kobj_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, _format "\n", _value);			\
}									\
static struct kobj_attribute _name##_attr = __ATTR_RO(_name)

XMC_GROW_SHOW(slice, "%lu", xmc_balloon_slice());
XMC_GROW_SHOW(grown, "%lu", xmc_balloon_grown());
XMC_GROW_SHOW(stall_percent, "%u", READ_ONCE(xmc_stall_percent));

static struct attribute *xmc_grow_attrs[] = {
	&grow_attr.attr,
	&xmc_grow_ahead.attr.attr,
	&slice_attr.attr,
	&grown_attr.attr,
	&stall_percent_attr.attr,
	&xmc_grow_enabled.attr.attr,
	&xmc_grow_age.attr.attr,
	&xmc_stall_limit.attr.attr,
	&xmc_grown_total.attr.attr,
	&xmc_given_back.attr.attr,
	&xmc_saves.attr.attr,
	&xmc_refusals.attr.attr,
	NULL
};

const struct attribute_group xmc_grow_group = {
	.attrs = xmc_grow_attrs,
};

int xmc_grow_init(void)
{
	int ret;

	pause_until = jiffies;
	last_growth = jiffies;
	within_slice = jiffies;
	lend_again = jiffies;
	looks = alloc_workqueue("xen-memcompress", WQ_UNBOUND | WQ_HIGHPRI | WQ_FREEZABLE |
				WQ_MEM_RECLAIM, 1);
	if (!looks)
		return -ENOMEM;
	ret = xmc_balloon_init(look_soon);
	if (ret)
		goto err_looks;

	shrinker = shrinker_alloc(0, "xen-memcompress");
	if (!shrinker) {
		ret = -ENOMEM;
		goto err_balloon;
	}
	shrinker->count_objects = count_pages;
	shrinker->scan_objects = scan_pages;
	shrinker->batch = STEP;

	ret = register_oom_notifier(&oom_nb);
	if (ret)
		goto err_shrinker;
	ret = xmc_shrinker_register(shrinker, "xen-memcompress");
	if (ret)
		goto err_oom;

	return 0;

err_oom:
	unregister_oom_notifier(&oom_nb);
err_shrinker:
	shrinker_free(shrinker);
err_balloon:
	xmc_balloon_exit();
	cancel_delayed_work_sync(&work);
err_looks:
	destroy_workqueue(looks);

	return ret;
}

void xmc_grow_exit(void)
{
	unregister_oom_notifier(&oom_nb);
	/* Waits for those who are in it. */
	shrinker_free(shrinker);
	/* No growth any more, not even by a look that is under way ... */
	WRITE_ONCE(xmc_grow_ahead.value, 0);
	cancel_delayed_work_sync(&work);
	/* ... so that what is given back stays so; nobody follows the slice ... */
	xmc_balloon_exit();
	/* ... and who has until now may have queued the work. */
	cancel_delayed_work_sync(&work);
	destroy_workqueue(looks);
}
