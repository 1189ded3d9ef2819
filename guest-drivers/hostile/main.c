// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that means harm: every operation of XENMEM_compress_op, and what
 * collides with it, from one thread a CPU.
 *
 *     echo "SECONDS SEED [ATTACK...]" > /sys/kernel/xmc_hostile/run
 *     cat /sys/kernel/xmc_hostile/report
 *
 * The write returns when the time is up. The report counts what each operation
 * returned, and what was found; it adds up over several runs.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "mem_compress.h"

#include "hostile.h"

#define TICK_NS		(2 * NSEC_PER_MSEC)
/* The rest of the findings is only counted. */
#define MAX_TOLD	20
#define MAX_CHOSEN	8

unsigned int hostile_nr_threads;

static struct hostile_thread *threads;
static atomic_t findings[NR_FINDINGS];
static DEFINE_MUTEX(run_lock);

static const char * const finding_names[NR_FINDINGS] = {
	[FOUND_CORRUPT] = "corrupt",
	[FOUND_ALLOWED] = "allowed",
	[FOUND_ERRNO] = "errno",
	[FOUND_FOREIGN] = "foreign",
};

static const char * const op_names[HOSTILE_OPS] = {
	[XENMEM_compress_op_request] = "request",
	[XENMEM_compress_op_restore_hint] = "restore_hint",
	[XENMEM_compress_op_discard] = "discard",
	[XENMEM_compress_op_exclude] = "exclude",
	[XENMEM_compress_op_include] = "include",
	[XENMEM_compress_op_query] = "query",
	[HOSTILE_UNKNOWN] = "unknown",
	[HOSTILE_SHARED] = "shared",
};

void hostile_found(enum hostile_finding what, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	if (atomic_inc_return(&findings[what]) > MAX_TOLD)
		return;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_alert("%s: %pV\n", finding_names[what], &vaf);
	va_end(args);
}

u64 hostile_random(struct hostile_thread *t)
{
	u64 z = (t->rng += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

	return z ^ (z >> 31);
}

/**
 * struct hostile_run - one run of one thread
 * @thread: who
 * @timer: rings every %TICK_NS on the thread's CPU
 * @end: when it is over
 * @task: the kernel thread
 * @chosen: which attacks to make
 * @nr_chosen: how many; 0 stands for all of them
 */
struct hostile_run {
	struct hostile_thread *thread;
	struct hrtimer timer;
	ktime_t end;
	struct task_struct *task;
	const u8 *chosen;
	unsigned int nr_chosen;
};

/*
 * Xen has to look every now and then whether an interrupt is due for the guest
 * that it works for: a timer that is late says how long it did not.
 */
static enum hrtimer_restart rings(struct hrtimer *timer)
{
	struct hostile_run *run = container_of(timer, struct hostile_run, timer);
	ktime_t now = hrtimer_cb_get_time(timer);
	s64 late = ktime_to_ns(ktime_sub(now, hrtimer_get_expires(timer)));

	if (late > (s64)run->thread->late_ns)
		run->thread->late_ns = late;
	hrtimer_forward(timer, now, ns_to_ktime(TICK_NS));

	return HRTIMER_RESTART;
}

static int attacker(void *data)
{
	struct hostile_run *run = data;

	hrtimer_init(&run->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	run->timer.function = rings;
	hrtimer_start(&run->timer, ns_to_ktime(TICK_NS),
		      HRTIMER_MODE_REL_PINNED_HARD);

	while (!kthread_should_stop() && ktime_before(ktime_get(), run->end)) {
		hostile_attack(run->thread, run->chosen, run->nr_chosen);
		cond_resched();
	}

	hrtimer_cancel(&run->timer);
	hostile_pages_check_all(run->thread);

	/* Whoever started us waits with kthread_stop(). */
	while (!kthread_should_stop()) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}

	return 0;
}

static int attack(unsigned int seconds, u64 seed, const u8 *chosen,
		  unsigned int nr_chosen)
{
	ktime_t end = ktime_add_ms(ktime_get(), seconds * MSEC_PER_SEC);
	struct hostile_run *runs;
	unsigned int i, started;
	int ret = 0;

	runs = kcalloc(hostile_nr_threads, sizeof(*runs), GFP_KERNEL);
	if (!runs)
		return -ENOMEM;

	for (started = 0; started < hostile_nr_threads; started++) {
		struct hostile_run *run = &runs[started];

		run->thread = &threads[started];
		run->thread->nr = started;
		run->thread->rng = seed * 1000003 + started;
		run->end = end;
		run->chosen = chosen;
		run->nr_chosen = nr_chosen;
		run->task = kthread_create_on_cpu(attacker, run, started,
						  "hostile/%u");
		if (IS_ERR(run->task)) {
			ret = PTR_ERR(run->task);
			break;
		}
		wake_up_process(run->task);
	}

	while (!ret && ktime_before(ktime_get(), end))
		if (schedule_timeout_interruptible(HZ / 4))
			ret = -EINTR;

	for (i = 0; i < started; i++)
		kthread_stop(runs[i].task);
	kfree(runs);

	return ret;
}

static ssize_t run_store(struct kobject *kobj, struct kobj_attribute *attr,
			 const char *buf, size_t count)
{
	unsigned int seconds, nr_chosen = 0;
	unsigned long long seed;
	u8 chosen[MAX_CHOSEN];
	char *words, *at, *word;
	int ret, skip;

	if (sscanf(buf, "%u %llu%n", &seconds, &seed, &skip) != 2)
		return -EINVAL;

	words = kstrdup(buf + skip, GFP_KERNEL);
	if (!words)
		return -ENOMEM;
	at = strim(words);
	while ((word = strsep(&at, " ")) && *word) {
		ret = hostile_attack_named(word);
		if (ret < 0 || nr_chosen == MAX_CHOSEN) {
			kfree(words);
			return -EINVAL;
		}
		chosen[nr_chosen++] = ret;
	}
	kfree(words);

	mutex_lock(&run_lock);
	ret = attack(seconds, seed, chosen, nr_chosen);
	mutex_unlock(&run_lock);

	return ret ?: count;
}

static ssize_t report_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	unsigned int i, op, error;
	u64 late = 0, calls = 0, continued = 0;
	int at = 0;

	for (op = 0; op < HOSTILE_OPS; op++) {
		for (error = 0; error < HOSTILE_ERRNOS; error++) {
			u64 n = 0;

			for (i = 0; i < hostile_nr_threads; i++)
				n += threads[i].seen[op][error];
			if (n)
				at += sysfs_emit_at(buf, at, "op %s %u %llu\n",
						    op_names[op], error, n);
		}
	}
	for (i = 0; i < hostile_nr_threads; i++) {
		late = max(late, threads[i].late_ns);
		calls += threads[i].calls;
		continued += threads[i].continued;
	}
	at += sysfs_emit_at(buf, at, "calls %llu\nlate_us %llu\ncontinued %llu\n",
			    calls, late / NSEC_PER_USEC, continued);
	for (i = 0; i < NR_FINDINGS; i++)
		at += sysfs_emit_at(buf, at, "found %s %d\n", finding_names[i],
				    atomic_read(&findings[i]));

	return at;
}

static struct kobj_attribute run_attr = __ATTR_WO(run);
static struct kobj_attribute report_attr = __ATTR_RO(report);

static struct attribute *hostile_attrs[] = {
	&run_attr.attr,
	&report_attr.attr,
	NULL
};

static const struct attribute_group hostile_group = {
	.attrs = hostile_attrs,
};

static struct kobject *hostile_kobj;

static void hostile_free(void)
{
	hostile_calls_exit();
	hostile_tables_exit();
	hostile_pages_exit();
	kfree(threads);
}

static int __init hostile_init(void)
{
	int ret;

	hostile_nr_threads = min(num_online_cpus(), HOSTILE_MAX_CPUS);
	threads = kcalloc(hostile_nr_threads, sizeof(*threads), GFP_KERNEL);
	ret = threads ? 0 : -ENOMEM;
	ret = ret ?: hostile_pages_init(1);
	ret = ret ?: hostile_tables_init();
	ret = ret ?: hostile_calls_init();
	if (ret)
		goto free;

	ret = -ENOMEM;
	hostile_kobj = kobject_create_and_add("xmc_hostile", kernel_kobj);
	if (!hostile_kobj)
		goto free;
	ret = sysfs_create_group(hostile_kobj, &hostile_group);
	if (ret)
		goto put;

	return 0;

put:
	kobject_put(hostile_kobj);
free:
	hostile_free();

	return ret;
}
module_init(hostile_init);

static void __exit hostile_exit(void)
{
	kobject_put(hostile_kobj);
	hostile_free();
}
module_exit(hostile_exit);

MODULE_DESCRIPTION("Attacks on Xen's memory compression, for its tests");
MODULE_LICENSE("GPL");
