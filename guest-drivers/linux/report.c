// SPDX-License-Identifier: GPL-2.0-only
/*
 * Free page reporting: what nobody in the guest uses takes no memory of the
 * host, and no codec is run to find that out.
 *
 *	buddy lists --(2 s after a free, blocks of 2^report_order pages)-->
 *	page_reporting --> report() --> XENMEM_compress_op_discard
 *
 * The kernel takes a block off its list while it is reported, so nobody
 * allocates it meanwhile, and reports it once until it is allocated again.
 * A discarded page has no frame; its first access gives it one, of zeroes.
 *
 * A zone is reported only while it has 32 blocks more than its low watermark:
 * at the order of a page block (2 MiB) a small guest would never get there.
 * But the largest blocks come first, 32 at a time, and of a small guest these
 * may be all that is free: so before anybody is killed for memory the kernel
 * gets them back, reported or not.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/page_reporting.h>
#include <linux/printk.h>
#include <linux/scatterlist.h>

#include <xen/page.h>

#include "xmc.h"

#define LIST_ENTRIES	(PAGE_SIZE / sizeof(u64))

static bool report = true;
module_param(report, bool, 0444);
MODULE_PARM_DESC(report, "discard free pages (default: yes)");

static uint report_order = 3;
module_param(report_order, uint, 0444);
MODULE_PARM_DESC(report_order, "smallest block of free pages that is reported (default: 3)");

static uint report_hold;
module_param(report_hold, uint, 0644);
MODULE_PARM_DESC(report_hold, "for tests: keep reports of so many pages in flight (default: 0, none)");

static struct xmc_counter xmc_reported = XMC_COUNTER(reported);

/* One work item calls report() at a time. */
static u64 *list;
static bool registered;

/* Held as long as there are pages off the lists, by who allocates nothing. */
static DEFINE_MUTEX(busy);
/* When that last ended: the kernel puts the pages back right after. */
static unsigned long ended;
/* Somebody wants them: nothing is reported before this. */
static unsigned long not_before;
#define PUT_BACK_MS	20
#define NOT_FOR_MS	1000

static bool wanted(void)
{
	return time_before(jiffies, READ_ONCE(not_before));
}

static int flush(u32 nr)
{
	int ret = nr ? xmc_discard(list, nr) : 0;

	if (!ret)
		atomic64_add(nr, &xmc_reported.value);

	return ret ?: wanted() ? -EAGAIN : 0;
}

/* For tests: as if Xen took for ever, but for who wants the pages. */
static void hold(unsigned int pages)
{
	while (READ_ONCE(report_hold) && pages >= READ_ONCE(report_hold) && !wanted())
		msleep(PUT_BACK_MS);
}

static int report_pages(struct page_reporting_dev_info *info,
			struct scatterlist *sg, unsigned int nents)
{
	struct scatterlist *one;
	unsigned int i, pages = 0, nr = 0;
	int ret;

	mutex_lock(&busy);
	ret = wanted() ? -EAGAIN : 0;
	for_each_sg(sg, one, nents, i) {
		u64 gfn = page_to_xen_pfn(sg_page(one));
		u64 end = gfn + (one->length >> XEN_PAGE_SHIFT);

		pages += one->length >> PAGE_SHIFT;
		while (!ret && gfn < end) {
			list[nr++] = gfn++;
			if (nr == LIST_ENTRIES) {
				ret = flush(nr);
				nr = 0;
			}
		}
	}

	ret = ret ?: flush(nr);
	hold(pages);
	WRITE_ONCE(ended, jiffies);
	mutex_unlock(&busy);

	return ret;
}

/* Somebody is about to be killed for memory. */
static int before_killing(struct notifier_block *nb, unsigned long unused,
			  void *freed)
{
	if (!mutex_is_locked(&busy) &&
	    time_after(jiffies, READ_ONCE(ended) + msecs_to_jiffies(PUT_BACK_MS)))
		return NOTIFY_OK;

	WRITE_ONCE(not_before, jiffies + msecs_to_jiffies(NOT_FOR_MS));
	mutex_lock(&busy);
	mutex_unlock(&busy);
	msleep(PUT_BACK_MS);
	*(unsigned long *)freed += 1;

	return NOTIFY_OK;
}

/* Before grow.c: what is free is had at no cost. */
static struct notifier_block oom = { .notifier_call = before_killing, .priority = 1 };

static struct page_reporting_dev_info reporter = { .report = report_pages };

/* A guest without it only holds more of the host than it uses: no error. */
void xmc_report_init(void)
{
	int ret;

	if (!report)
		return;

	/* Who checks free pages for a pattern would find zeroes. */
	if (page_poisoning_enabled_static()) {
		pr_info("free pages are poisoned, and so not discarded\n");
		return;
	}

	list = (u64 *)__get_free_page(GFP_KERNEL);
	if (!list)
		return;

	ended = jiffies - HZ;
	not_before = jiffies;
	reporter.order = report_order;
	ret = page_reporting_register(&reporter);
	if (ret) {
		/* -EBUSY: there can be one, and another driver was first. */
		pr_info("free pages are not discarded (error %d)\n", ret);
		free_page((unsigned long)list);
		return;
	}
	registered = true;
	register_oom_notifier(&oom);
}

void xmc_report_exit(void)
{
	if (!registered)
		return;

	unregister_oom_notifier(&oom);
	WRITE_ONCE(report_hold, 0);
	/* Waits for report_pages(). */
	page_reporting_unregister(&reporter);
	free_page((unsigned long)list);
}

static struct attribute *xmc_report_attrs[] = {
	&xmc_reported.attr.attr,
	NULL
};

const struct attribute_group xmc_report_group = {
	.attrs = xmc_report_attrs,
};
