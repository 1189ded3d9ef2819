// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypercall, one function for each operation, and what came of them.
 */

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include <asm/arch_timer.h>
#include <asm/xen/hypercall.h>

#include "xmc.h"

ssize_t xmc_counter_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct xmc_counter *counter = container_of(attr, struct xmc_counter, attr);

	return sysfs_emit(buf, "%lld\n", (long long)atomic64_read(&counter->value));
}

ssize_t xmc_tunable_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf)
{
	struct xmc_tunable *tunable = container_of(attr, struct xmc_tunable, attr);

	return sysfs_emit(buf, "%u\n", READ_ONCE(tunable->value));
}

ssize_t xmc_tunable_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count)
{
	struct xmc_tunable *tunable = container_of(attr, struct xmc_tunable, attr);
	unsigned int value;
	int ret = kstrtouint(buf, 0, &value);

	if (ret)
		return ret;
	if (value > tunable->max)
		return -EINVAL;
	WRITE_ONCE(tunable->value, value);
	if (tunable->changed)
		tunable->changed();

	return count;
}

static struct xmc_counter xmc_requests = XMC_COUNTER(requests);
static struct xmc_counter xmc_scanned = XMC_COUNTER(scanned);
static struct xmc_counter xmc_compressed = XMC_COUNTER(compressed);
static struct xmc_counter xmc_restored = XMC_COUNTER(restored);
static struct xmc_counter xmc_errors = XMC_COUNTER(errors);

static int xmc_call(struct xen_mem_compress_op *arg)
{
	/* The layout that Xen sees, whatever this kernel was built with. */
	BUILD_BUG_ON(sizeof(struct xen_mem_compress_range) != 48);
	BUILD_BUG_ON(sizeof(struct xen_mem_compress_query) != 48);
	BUILD_BUG_ON(sizeof(struct xen_mem_compress_op) != 56);

	arg->version = XEN_MEM_COMPRESS_INTERFACE_VERSION;

	return HYPERVISOR_memory_op(XENMEM_compress_op, arg);
}

/**
 * xmc_range() - have Xen compress, or restore, what a range has
 * @op: %XENMEM_compress_op_request or %XENMEM_compress_op_restore_hint
 * @flags: %XENMEM_compress_f_whole_domain for a range of physical addresses
 * @range: what is asked for; scanned and done are filled in
 * @interruptible: end early when there is a signal
 *
 * Return: 0 once Xen has gone through the range, or a negative errno.
 */
int xmc_range(u16 op, u16 flags, struct xen_mem_compress_range *range,
	      bool interruptible)
{
	struct xen_mem_compress_op arg = { .op = op, .flags = flags };
	bool request = op == XENMEM_compress_op_request;
	u64 cursor;
	u32 done;
	int ret;

	arg.u.range = *range;
	arg.u.range.start = range->first;

	do {
		if (interruptible && signal_pending(current))
			return -EINTR;

		cursor = arg.u.range.start;
		done = arg.u.range.done;
		arg.u.range.scanned = 0;

		atomic64_inc(&xmc_requests.value);
		ret = xmc_call(&arg);

		/* Xen also reports what it did before it met an error. */
		range->scanned += arg.u.range.scanned;
		range->done = arg.u.range.done;
		atomic64_add(arg.u.range.scanned, &xmc_scanned.value);
		atomic64_add(range->done - done,
			     request ? &xmc_compressed.value : &xmc_restored.value);

		/* Standing still would make this loop endless. */
		if (!ret && arg.u.range.start <= cursor)
			ret = -EIO;
		if (ret) {
			atomic64_inc(&xmc_errors.value);
			return ret;
		}

		cond_resched();
	} while (arg.u.range.start < arg.u.range.end);

	return 0;
}

/**
 * xmc_discard() - the content of these frames is not needed any more
 * @gfns: Xen's frame numbers, in memory that is mapped one to one
 * @nr: how many
 *
 * Return: 0 or a negative errno.
 */
int xmc_discard(u64 *gfns, u32 nr)
{
	struct xen_mem_compress_op arg = {
		.op = XENMEM_compress_op_discard,
		.u.gfns.nr = nr,
	};
	int ret;

	set_xen_guest_handle(arg.u.gfns.list.h, gfns);
	ret = xmc_call(&arg);
	if (ret)
		atomic64_inc(&xmc_errors.value);

	return ret;
}

/**
 * xmc_span() - exclude frames from compression, or include them again
 * @op: %XENMEM_compress_op_exclude or %XENMEM_compress_op_include
 * @first: Xen's number of the first frame
 * @nr: how many
 *
 * Return: 0 or a negative errno; some may have been excluded then.
 */
int xmc_span(u16 op, u64 first, u64 nr)
{
	struct xen_mem_compress_op arg = {
		.op = op,
		.u.span = { .first = first, .nr = nr },
	};
	int ret = xmc_call(&arg);

	if (ret)
		atomic64_inc(&xmc_errors.value);

	return ret;
}

/**
 * xmc_query() - what Xen has of this domain now
 * @query: where it goes
 *
 * Return: 0, or -EOPNOTSUPP where there is no controller for this domain.
 */
int xmc_query(struct xen_mem_compress_query *query)
{
	struct xen_mem_compress_op arg = { .op = XENMEM_compress_op_query };
	int ret = xmc_call(&arg);

	*query = arg.u.query;

	return ret;
}

/* Files that show a field of what Xen has now. */
#define XMC_NOW(_name, _value)						\
static ssize_t now_##_name##_show(struct kobject *kobj,			\
				  struct kobj_attribute *attr, char *buf)	\
{									\
	struct xen_mem_compress_query q;				\
	int ret = xmc_query(&q);					\
									\
	return ret ?: sysfs_emit(buf, "%llu\n", (unsigned long long)(_value));	\
}									\
static struct kobj_attribute now_##_name##_attr = __ATTR_RO(now_##_name)

XMC_NOW(compressed, q.compressed);
XMC_NOW(same_filled, q.same_filled);
XMC_NOW(store_pages, q.store_pages);
XMC_NOW(held, q.held);
XMC_NOW(restores, q.restores);
/* The counter of Xen is the guest's. */
XMC_NOW(stall_us, div_u64(q.stall_ticks * 1000, arch_timer_get_cntfrq() / 1000));

static struct attribute *xmc_call_attrs[] = {
	&xmc_requests.attr.attr,
	&xmc_scanned.attr.attr,
	&xmc_compressed.attr.attr,
	&xmc_restored.attr.attr,
	&xmc_errors.attr.attr,
	&now_compressed_attr.attr,
	&now_same_filled_attr.attr,
	&now_store_pages_attr.attr,
	&now_held_attr.attr,
	&now_restores_attr.attr,
	&now_stall_us_attr.attr,
	NULL
};

const struct attribute_group xmc_call_group = {
	.attrs = xmc_call_attrs,
};
