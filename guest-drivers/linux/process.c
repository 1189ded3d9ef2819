// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests and hints for processes.
 *
 *     compress   <- WHO [age=N] [pages=N]
 *     restore    <- WHO [pages=N]		WHO: "self" | "all" | PID
 *
 * The walk is only a hint about which pages to take, so the tables may change
 * under it. What must not happen is that the root itself is freed and used
 * again for another process; a reference on mm->mm_users rules that out, for
 * exit_mmap() and the pgd's release come after the last one is dropped.
 */

#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "xmc.h"

/*
 * Address range handed to Xen in one call. Xen preempts itself inside the
 * call, but a signal is only seen between two of them: 4096 pages keep a
 * killed writer from lingering.
 */
#define SLICE_BYTES	((u64)SZ_16M)

/*
 * With a number of pages wanted, the oldest first: a round through the process
 * for each of these ages. Xen does so by itself, but within a call.
 */
static const u8 rounds[] = { XMC_AGE_MAX, 6, 2, 0 };

/**
 * struct xmc_order - what is wanted of whom
 * @op: %XENMEM_compress_op_request or %XENMEM_compress_op_restore_hint
 * @wanted: so many pages are enough; 0 stands for no limit
 * @done: so many it are
 * @min_age: only pages not accessed for so many sweeps
 */
struct xmc_order {
	u16 op;
	u32 wanted;
	u32 done;
	u8 min_age;
};

static bool enough(const struct xmc_order *order)
{
	return order->wanted && order->done >= order->wanted;
}

/**
 * next_mapped() - first mapped user address at or above an address
 * @mm: the process; the caller holds a reference on mm_users
 * @addr: where to begin
 * @next: where the result goes; untouched when nothing more is mapped
 *
 * User space is mostly holes; jumping over them saves Xen the walk. The lock
 * is not held across the hypercall: Xen does not rely on the mappings.
 *
 * Return: 1 if there is such an address, 0 if not, or -EINTR.
 */
static int next_mapped(struct mm_struct *mm, u64 addr, u64 *next)
{
	struct vm_area_struct *vma;

	if (mmap_read_lock_killable(mm))
		return -EINTR;

	vma = find_vma(mm, addr);
	if (vma)
		*next = max_t(u64, addr, vma->vm_start);
	mmap_read_unlock(mm);

	return vma ? 1 : 0;
}

/* Once through all that is mapped, for pages of that age. */
static int one_round(struct xmc_order *order, struct mm_struct *mm, u8 age)
{
	u64 addr = 0;
	int ret = 0;

	while (!enough(order) && (ret = next_mapped(mm, addr, &addr)) > 0) {
		struct xen_mem_compress_range range = {
			.root = virt_to_phys(mm->pgd),
			.first = addr,
			.end = min_t(u64, ALIGN_DOWN(addr, SLICE_BYTES) + SLICE_BYTES,
				     mm->task_size),
			.min_age = age,
			.wanted = order->wanted ? order->wanted - order->done : 0,
		};

		ret = xmc_range(order->op, 0, &range, true);
		order->done += range.done;
		if (ret)
			return ret;
		addr = range.end;
	}

	return enough(order) ? 0 : ret;
}

/* All rounds; -ESRCH when the process is gone or has no user memory. */
static int one_process(struct xmc_order *order, struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct mm_struct *mm;
	unsigned int i;
	int ret = 0;

	if (!task)
		return -ESRCH;

	/* NULL for kernel threads, and for a process that is past exit_mm(). */
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;

	if (!order->wanted || order->op == XENMEM_compress_op_restore_hint) {
		ret = one_round(order, mm, order->min_age);
	} else {
		for (i = 0; !ret && !enough(order) && i < ARRAY_SIZE(rounds); i++) {
			ret = one_round(order, mm, max(rounds[i], order->min_age));
			if (rounds[i] <= order->min_age)
				break;
		}
	}

	mmput(mm);

	return ret;
}

/**
 * collect() - take a reference on the pid of every user process
 * @nr: where the number of references goes
 *
 * Return: a kvmalloc()ed array, or NULL for lack of memory.
 */
static struct pid **collect(unsigned int *nr)
{
	struct task_struct *p;
	struct pid **pids;
	unsigned int max = 0;

	rcu_read_lock();
	for_each_process(p)
		max++;
	rcu_read_unlock();

	/* Processes born meanwhile fit in the slack, or are not asked for. */
	max += 16;
	pids = kvmalloc_array(max, sizeof(*pids), GFP_KERNEL);
	if (!pids)
		return NULL;

	*nr = 0;
	rcu_read_lock();
	for_each_process(p) {
		if (*nr == max)
			break;
		if (!(p->flags & PF_KTHREAD))
			pids[(*nr)++] = get_pid(task_pid(p));
	}
	rcu_read_unlock();

	return pids;
}

/* Every user process; those that exit meanwhile are no error. */
static int all_processes(struct xmc_order *order)
{
	struct pid **pids;
	unsigned int i, nr;
	int ret = 0;

	pids = collect(&nr);
	if (!pids)
		return -ENOMEM;

	for (i = 0; i < nr; i++) {
		if (!ret && !enough(order))
			ret = one_process(order, pids[i]);
		if (ret == -ESRCH)
			ret = 0;
		put_pid(pids[i]);
	}
	kvfree(pids);

	return ret;
}

/* "self", "all", or a pid of the writer's. */
static int whom(struct xmc_order *order, const char *who)
{
	struct pid *pid;
	int nr, ret;

	if (!strcmp(who, "all"))
		return all_processes(order);

	if (!strcmp(who, "self"))
		return one_process(order, task_tgid(current));

	ret = kstrtoint(who, 0, &nr);
	if (ret || nr <= 0)
		return ret ?: -EINVAL;

	pid = find_get_pid(nr);
	if (!pid)
		return -ESRCH;
	ret = one_process(order, pid);
	put_pid(pid);

	return ret;
}

static int limit(struct xmc_order *order, const char *word)
{
	int ret;

	if (!strncmp(word, "pages=", 6))
		return kstrtou32(word + 6, 0, &order->wanted);

	if (strncmp(word, "age=", 4) || order->op != XENMEM_compress_op_request)
		return -EINVAL;

	ret = kstrtou8(word + 4, 0, &order->min_age);

	return ret ?: order->min_age > XMC_AGE_MAX ? -EINVAL : 0;
}

/* One write to a file: whom, and then limits. */
static ssize_t command(struct xmc_order order, const char *buf, size_t count)
{
	char *copy, *rest, *who, *word;
	int ret = 0;

	copy = kstrndup(buf, count, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;

	rest = strim(copy);
	who = strsep(&rest, " ");
	while (!ret && (word = strsep(&rest, " ")))
		ret = limit(&order, word);
	if (!ret)
		ret = whom(&order, who);
	kfree(copy);

	return ret ?: count;
}

static ssize_t compress_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t count)
{
	struct xmc_order order = { .op = XENMEM_compress_op_request };

	return command(order, buf, count);
}

static struct kobj_attribute compress_attr = __ATTR_WO(compress);

static ssize_t restore_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	struct xmc_order order = { .op = XENMEM_compress_op_restore_hint };

	return command(order, buf, count);
}

static struct kobj_attribute restore_attr = __ATTR_WO(restore);

static struct attribute *xmc_process_attrs[] = {
	&compress_attr.attr,
	&restore_attr.attr,
	NULL
};

const struct attribute_group xmc_process_group = {
	.attrs = xmc_process_attrs,
};
