// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is never compressed: what a device writes to by itself, or what
 * a real-time task must find where it is, at once.
 *
 *     exclude   <- START-END	bytes of guest-physical addresses, END not included
 *     include   <- START-END	as it was excluded
 *
 * Xen keeps one bit for a frame; which ranges were excluded here is kept here,
 * so that unloading the module leaves nothing behind.
 */

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include <xen/page.h>

#include "xmc.h"

/**
 * struct xmc_span - a range of frames that is excluded
 * @node: in the list of all
 * @first: Xen's number of the first frame
 * @nr: how many
 */
struct xmc_span {
	struct list_head node;
	u64 first;
	u64 nr;
};

static LIST_HEAD(spans);
static DEFINE_MUTEX(spans_lock);

static int parse(const char *buf, struct xmc_span *span)
{
	unsigned long long start, end;
	char extra;

	if (sscanf(buf, "%llx-%llx %c", &start, &end, &extra) != 2 || start >= end)
		return -EINVAL;

	/* A frame of which a part is excluded is; to round up would wrap. */
	span->first = start >> XEN_PAGE_SHIFT;
	span->nr = ((end - 1) >> XEN_PAGE_SHIFT) - span->first + 1;

	return 0;
}

static struct xmc_span *overlapping(const struct xmc_span *with)
{
	struct xmc_span *span;

	list_for_each_entry(span, &spans, node)
		if (span->first < with->first + with->nr &&
		    with->first < span->first + span->nr)
			return span;

	return NULL;
}

static int exclude(const struct xmc_span *wanted)
{
	struct xmc_span *span;
	int ret;

	/* Including one of two would include what they share. */
	if (overlapping(wanted))
		return -EEXIST;

	span = kmemdup(wanted, sizeof(*wanted), GFP_KERNEL);
	if (!span)
		return -ENOMEM;

	ret = xmc_span(XENMEM_compress_op_exclude, span->first, span->nr);
	if (ret) {
		/* All or nothing. What was not excluded is included already. */
		xmc_span(XENMEM_compress_op_include, span->first, span->nr);
		kfree(span);
		return ret;
	}
	list_add_tail(&span->node, &spans);

	return 0;
}

static int include(const struct xmc_span *wanted)
{
	struct xmc_span *span = overlapping(wanted);
	int ret;

	if (!span || span->first != wanted->first || span->nr != wanted->nr)
		return -ENOENT;

	ret = xmc_span(XENMEM_compress_op_include, span->first, span->nr);
	if (ret)
		return ret;
	list_del(&span->node);
	kfree(span);

	return 0;
}

static ssize_t change(int (*how)(const struct xmc_span *), const char *buf,
		      size_t count)
{
	struct xmc_span span;
	int ret = parse(buf, &span);

	if (ret)
		return ret;

	mutex_lock(&spans_lock);
	ret = how(&span);
	mutex_unlock(&spans_lock);

	return ret ?: count;
}

static ssize_t exclude_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	struct xmc_span *span;
	int len = 0;

	mutex_lock(&spans_lock);
	list_for_each_entry(span, &spans, node)
		len += sysfs_emit_at(buf, len, "%#llx-%#llx\n",
				     span->first << XEN_PAGE_SHIFT,
				     (span->first + span->nr) << XEN_PAGE_SHIFT);
	mutex_unlock(&spans_lock);

	return len;
}

static ssize_t exclude_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	return change(exclude, buf, count);
}

static struct kobj_attribute exclude_attr = __ATTR_RW(exclude);

static ssize_t include_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	return change(include, buf, count);
}

static struct kobj_attribute include_attr = __ATTR_WO(include);

static struct attribute *xmc_exclude_attrs[] = {
	&exclude_attr.attr,
	&include_attr.attr,
	NULL
};

const struct attribute_group xmc_exclude_group = {
	.attrs = xmc_exclude_attrs,
};

/* The files are gone: nobody else looks at the list. */
void xmc_exclude_exit(void)
{
	struct xmc_span *span, *next;

	list_for_each_entry_safe(span, next, &spans, node) {
		xmc_span(XENMEM_compress_op_include, span->first, span->nr);
		list_del(&span->node);
		kfree(span);
	}
}
