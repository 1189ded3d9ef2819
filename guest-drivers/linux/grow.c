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
 * spend restoring. Above stall_limit percent there is no growth, and the
 * kernel's own killer decides, as it would without this module.
 *
 * Nothing runs, and nothing is asked of Xen, unless the kernel reclaims or the
 * guest has grown.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/swap.h>
#include <linux/workqueue.h>

#include <asm/arch_timer.h>

#include "compat/linux.h"
#include "xmc.h"

/* Pages that are asked for at a time, and for want of which nobody is killed. */
#define STEP		256UL
/* After an attempt that came to nothing. */
#define PAUSE		(HZ / 2)
/* Growth is not given back for so long; then half of what is free each period. */
#define KEEP		(10 * HZ)
#define PERIOD		HZ
/* Between two looks while more is held than the slice. */
#define HURRY		(HZ / 5)
/* So long more than the slice may be held because restores take too long. */
#define STORM		(5 * HZ)
/* So many free pages are enough to end growth, and stay when it is given back. */
#define SPARE		(4 * STEP)

static struct xmc_tunable xmc_grow_enabled = XMC_TUNABLE(grow_enabled, 1, 1);
static struct xmc_tunable xmc_grow_age = XMC_TUNABLE(grow_age, 2, XMC_AGE_MAX);
static struct xmc_tunable xmc_stall_limit = XMC_TUNABLE(stall_limit, 40, 100);

static struct xmc_counter xmc_grown_total = XMC_COUNTER(grown_total);
static struct xmc_counter xmc_given_back = XMC_COUNTER(given_back);
static struct xmc_counter xmc_saves = XMC_COUNTER(oom_averted);
static struct xmc_counter xmc_refusals = XMC_COUNTER(oom_left);

/* One at a time grows, or looks after what has grown. */
static DEFINE_MUTEX(grow_lock);
static unsigned long last_growth;
static unsigned long pause_until;
/* When no more than the slice was held, or making room for it was no use. */
static unsigned long within_slice;

/* What the restores took: since when, and the percentage of the CPUs' time. */
static u64 stall_ticks, stall_since;
static unsigned int stall_percent;

static void look_after(struct work_struct *work);
static DECLARE_DELAYED_WORK(work, look_after);
static struct shrinker *shrinker;

/* Percentage of all CPUs' time that restores took, over half a second or more. */
static void measure_stall(const struct xen_mem_compress_query *q)
{
	u64 now = ktime_get_ns(), ticks = q->stall_ticks - stall_ticks;
	u64 us = div_u64(now - stall_since, NSEC_PER_USEC);
	u64 stall_us;

	if (us < USEC_PER_SEC / 2)
		return;

	stall_us = div_u64(ticks * 1000, arch_timer_get_cntfrq() / 1000);
	/* What is older than two periods was not measured at all. */
	if (stall_since && us < 3 * USEC_PER_SEC)
		stall_percent = div64_u64(100 * stall_us, us * num_online_cpus());
	else
		stall_percent = 0;
	stall_since = now;
	stall_ticks = q->stall_ticks;
}

/* What is compressed is in use. */
static bool storm(void)
{
	return stall_percent > READ_ONCE(xmc_stall_limit.value);
}

/* Frames of the slice that are not held; negative: it holds more. */
static long room(void)
{
	struct xen_mem_compress_query q;

	if (xmc_query(&q))
		return 0;
	measure_stall(&q);

	return (long)xmc_balloon_slice() - (long)q.held;
}

/* Compress old pages of the domain until there is room; the room there is. */
static long make_room(long wanted, unsigned int min_age)
{
	static const u8 ages[] = { XMC_AGE_MAX, 8, 4, 2, 1, 0 };
	long have = room();
	unsigned int i;

	for (i = 0; have < wanted && i < ARRAY_SIZE(ages); i++) {
		u8 age = max_t(u8, ages[i], min_age);
		struct xen_mem_compress_range range;

		do {
			/* A page brings about half a frame: the other is store. */
			range = (struct xen_mem_compress_range) {
				.end = ALIGN_DOWN(U64_MAX, PAGE_SIZE),
				.min_age = age,
				.wanted = 2 * (wanted - have),
			};
			if (xmc_range(XENMEM_compress_op_request,
				      XENMEM_compress_f_whole_domain, &range, false))
				return room();
			have = room();
		} while (have < wanted && range.done);

		if (age == min_age)
			break;
	}

	return have;
}

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

	have = room();
	if (storm()) {
		*why = "restores take too much time";
		return 0;
	}

	if (have < (long)wanted)
		have = make_room(wanted, min_age);
	if (have <= 0) {
		*why = "nothing is old enough to be compressed";
		return 0;
	}

	got = xmc_balloon_deflate(min(wanted, (unsigned long)have));
	if (!got) {
		*why = "the host has no memory";
		return 0;
	}

	atomic64_add(got, &xmc_grown_total.value);
	last_growth = jiffies;
	queue_delayed_work(system_freezable_wq, &work, PERIOD);

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

static bool enough_free(void)
{
	return global_zone_page_state(NR_FREE_PAGES) >= SPARE;
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

	mutex_lock(&grow_lock);
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

	return got ?: SHRINK_STOP;
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

	if (!READ_ONCE(xmc_grow_enabled.value))
		return NOTIFY_OK;

	mutex_lock(&grow_lock);
	got = grow(STEP, 0, &why);
	mutex_unlock(&grow_lock);

	*(unsigned long *)freed += got;
	if (got) {
		atomic64_inc(&xmc_saves.value);
	} else {
		atomic64_inc(&xmc_refusals.value);
		pr_info_ratelimited("out of memory, and not growing: %s (stall %u%%)\n",
				    why, stall_percent);
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

	/* Free pages and no frames for them: the balloon is where they belong. */
	if (have < 0 && free > SPARE)
		nr = min((unsigned long)-have, free - SPARE);
	if (free > SPARE && time_after(jiffies, last_growth + KEEP))
		nr = max(nr, (free - SPARE) / 2);
	/*
	 * What the guest has does not fit, and its slice is all it may hold.
	 * The balloon takes what it can get; then the kernel's killer decides.
	 */
	if (have < 0 && storm() && time_after(jiffies, within_slice + STORM))
		nr = max(nr, (unsigned long)-have);

	return nr;
}

/* While the guest has grown: keep to the slice, and give back what is idle. */
static void look_after(struct work_struct *unused)
{
	long have;

	mutex_lock(&grow_lock);

	have = room();
	/* In a storm this would only feed it; whoever stalls holds more then. */
	if (have < 0 && !storm())
		have = make_room(0, 1);
	if (have >= 0 || !storm())
		within_slice = jiffies;

	atomic64_add(xmc_balloon_give_back(idle_growth(have)), &xmc_given_back.value);

	if (xmc_balloon_grown())
		queue_delayed_work(system_freezable_wq, &work,
				   have < 0 ? HURRY : PERIOD);

	mutex_unlock(&grow_lock);
}

/* The slice is another one: it may be less than what is held. */
static void new_slice(void)
{
	mod_delayed_work(system_freezable_wq, &work, 0);
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
XMC_GROW_SHOW(stall_percent, "%u", stall_percent);

static struct attribute *xmc_grow_attrs[] = {
	&grow_attr.attr,
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
	ret = xmc_balloon_init(new_slice);
	if (ret)
		return ret;

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

	return ret;
}

void xmc_grow_exit(void)
{
	unregister_oom_notifier(&oom_nb);
	/* Waits for those who are in it. */
	shrinker_free(shrinker);
	/* Follows the slice no more: nobody else queues the work ... */
	xmc_balloon_exit();
	/* ... and without growth it does not queue itself. */
	cancel_delayed_work_sync(&work);
}
