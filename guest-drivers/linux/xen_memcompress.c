// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest side of Xen's memory compression controller.
 *
 * The guest only *asks*: it names one of its processes by the root of that
 * process's page table, and Xen walks the table, picks pages by age, and
 * compresses them behind the guest's back. A later access faults into Xen,
 * which puts the page back; nothing here takes part in that.
 *
 *     /sys/kernel/xen_memcompress/compress   <- "self" | "all" | PID
 *     /sys/kernel/xen_memcompress/restore    <- "self" | "all" | PID
 *
 * The walk is only a hint about which pages to take, so the tables may change
 * under it. What must not happen is that the root itself is freed and used
 * again for another process; a reference on mm->mm_users rules that out, for
 * exit_mmap() and the pgd's release come after the last one is dropped.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kobject.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <xen/xen.h>
#include <asm/xen/hypercall.h>

#include "mem_compress.h"

/*
 * Address range handed to Xen in one call. Xen preempts itself inside the
 * call, but a signal is only seen between two of them: 4096 pages keep a
 * killed writer from lingering.
 */
#define SLICE_BYTES	((u64)SZ_16M)

/**
 * struct xmc_counter - events since the module was loaded, readable in sysfs
 * @attr: the file
 * @value: what it shows
 */
struct xmc_counter {
	struct kobj_attribute attr;
	atomic64_t value;
};

static ssize_t counter_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	struct xmc_counter *counter = container_of(attr, struct xmc_counter, attr);

	return sysfs_emit(buf, "%lld\n", (long long)atomic64_read(&counter->value));
}

#define XMC_COUNTER(_name) { .attr = __ATTR(_name, 0444, counter_show, NULL) }

static struct xmc_counter xmc_requests = XMC_COUNTER(requests);
static struct xmc_counter xmc_scanned = XMC_COUNTER(scanned);
static struct xmc_counter xmc_compressed = XMC_COUNTER(compressed);
static struct xmc_counter xmc_restored = XMC_COUNTER(restored);
static struct xmc_counter xmc_errors = XMC_COUNTER(errors);

/**
 * xmc_call() - ask Xen for one slice of a process
 * @op: %XENMEM_compress_op_request or %XENMEM_compress_op_restore_hint
 * @mm: the process; the caller holds a reference on mm_users
 * @start: first user address
 * @end: first user address not to look at
 *
 * Return: 0 once Xen has gone through the range, or a negative errno.
 */
static int xmc_call(u16 op, struct mm_struct *mm, u64 start, u64 end)
{
	struct xen_mem_compress_op arg = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = op,
		.u.range = {
			.root = virt_to_phys(mm->pgd),
			.first = start,
			.start = start,
			.end = end,
		},
	};
	xen_mem_compress_range_t *range = &arg.u.range;
	u64 cursor;
	int ret;

	do {
		if (signal_pending(current))
			return -EINTR;

		cursor = range->start;
		range->scanned = 0;
		range->done = 0;

		atomic64_inc(&xmc_requests.value);
		ret = HYPERVISOR_memory_op(XENMEM_compress_op, &arg);

		/* Xen also reports what it did before it met an error. */
		atomic64_add(range->scanned, &xmc_scanned.value);
		atomic64_add(range->done,
			     op == XENMEM_compress_op_request ?
			     &xmc_compressed.value : &xmc_restored.value);

		/* Standing still would make this loop endless. */
		if (!ret && range->start <= cursor)
			ret = -EIO;
		if (ret) {
			atomic64_inc(&xmc_errors.value);
			return ret;
		}

		cond_resched();
	} while (range->start < end);

	return 0;
}

/**
 * xmc_next_mapped() - first mapped user address at or above an address
 * @mm: the process; the caller holds a reference on mm_users
 * @addr: where to begin
 * @next: where the result goes; untouched when nothing more is mapped
 *
 * User space is mostly holes; jumping over them saves Xen the walk. The lock
 * is not held across the hypercall: Xen does not rely on the mappings.
 *
 * Return: 1 if there is such an address, 0 if not, or -EINTR.
 */
static int xmc_next_mapped(struct mm_struct *mm, u64 addr, u64 *next)
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

/**
 * xmc_process() - ask Xen for all of one process
 * @op: %XENMEM_compress_op_request or %XENMEM_compress_op_restore_hint
 * @pid: the process
 *
 * Return: 0, -ESRCH when it is gone or has no user memory, or another
 * negative errno.
 */
static int xmc_process(u16 op, struct pid *pid)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct mm_struct *mm;
	u64 addr = 0;
	int ret;

	if (!task)
		return -ESRCH;

	/* NULL for kernel threads, and for a process that is past exit_mm(). */
	mm = get_task_mm(task);
	put_task_struct(task);
	if (!mm)
		return -ESRCH;

	while ((ret = xmc_next_mapped(mm, addr, &addr)) > 0) {
		u64 end = min_t(u64, ALIGN_DOWN(addr, SLICE_BYTES) + SLICE_BYTES,
				mm->task_size);

		ret = xmc_call(op, mm, addr, end);
		if (ret)
			break;
		addr = end;
	}

	mmput(mm);

	return ret;
}

/**
 * xmc_collect() - take a reference on the pid of every user process
 * @nr: where the number of references goes
 *
 * Return: a kvmalloc()ed array, or NULL for lack of memory.
 */
static struct pid **xmc_collect(unsigned int *nr)
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
static int xmc_all(u16 op)
{
	struct pid **pids;
	unsigned int i, nr;
	int ret = 0;

	pids = xmc_collect(&nr);
	if (!pids)
		return -ENOMEM;

	for (i = 0; i < nr; i++) {
		if (!ret)
			ret = xmc_process(op, pids[i]);
		if (ret == -ESRCH)
			ret = 0;
		put_pid(pids[i]);
	}
	kvfree(pids);

	return ret;
}

/* One write to a control file: "self", "all", or a pid of the writer's. */
static int xmc_command(u16 op, const char *buf)
{
	struct pid *pid;
	int nr, ret;

	if (sysfs_streq(buf, "all"))
		return xmc_all(op);

	if (sysfs_streq(buf, "self"))
		return xmc_process(op, task_tgid(current));

	ret = kstrtoint(buf, 0, &nr);
	if (ret)
		return ret;
	if (nr <= 0)
		return -EINVAL;

	pid = find_get_pid(nr);
	if (!pid)
		return -ESRCH;
	ret = xmc_process(op, pid);
	put_pid(pid);

	return ret;
}

static ssize_t compress_store(struct kobject *kobj, struct kobj_attribute *attr,
			      const char *buf, size_t count)
{
	int ret = xmc_command(XENMEM_compress_op_request, buf);

	return ret ?: count;
}

static struct kobj_attribute compress_attr = __ATTR_WO(compress);

static ssize_t restore_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	int ret = xmc_command(XENMEM_compress_op_restore_hint, buf);

	return ret ?: count;
}

static struct kobj_attribute restore_attr = __ATTR_WO(restore);

static struct attribute *xmc_attrs[] = {
	&compress_attr.attr,
	&restore_attr.attr,
	&xmc_requests.attr.attr,
	&xmc_scanned.attr.attr,
	&xmc_compressed.attr.attr,
	&xmc_restored.attr.attr,
	&xmc_errors.attr.attr,
	NULL
};

static const struct attribute_group xmc_group = {
	.attrs = xmc_attrs,
};

static struct kobject *xmc_kobj;

/* The controller answers a query only where it is built in and enabled. */
static int __init xmc_probe(void)
{
	struct xen_mem_compress_op arg = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = XENMEM_compress_op_query,
	};

	if (!xen_domain())
		return -ENODEV;

	return HYPERVISOR_memory_op(XENMEM_compress_op, &arg);
}

static int __init xmc_init(void)
{
	int ret;

	/* The layout that Xen sees, whatever this kernel was built with. */
	BUILD_BUG_ON(sizeof(struct xen_mem_compress_range) != 48);
	BUILD_BUG_ON(sizeof(struct xen_mem_compress_op) != 56);

	ret = xmc_probe();
	if (ret) {
		pr_info("no memory compression for this guest (error %d)\n", ret);
		return -ENODEV;
	}

	xmc_kobj = kobject_create_and_add("xen_memcompress", kernel_kobj);
	if (!xmc_kobj)
		return -ENOMEM;

	ret = sysfs_create_group(xmc_kobj, &xmc_group);
	if (ret) {
		kobject_put(xmc_kobj);
		return ret;
	}

	pr_info("asking Xen for memory compression through /sys/kernel/xen_memcompress\n");

	return 0;
}
module_init(xmc_init);

/* Removal of the files waits for writers, so no request outlives the module. */
static void __exit xmc_exit(void)
{
	kobject_put(xmc_kobj);
}
module_exit(xmc_exit);

MODULE_DESCRIPTION("Xen memory compression: guest requests");
MODULE_LICENSE("GPL");
