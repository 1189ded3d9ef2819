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
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
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

static struct xmc_counter xmc_reported = XMC_COUNTER(reported);

/* One work item calls report() at a time. */
static u64 *list;
static bool registered;

static int flush(u32 nr)
{
	int ret = nr ? xmc_discard(list, nr) : 0;

	if (!ret)
		atomic64_add(nr, &xmc_reported.value);

	return ret;
}

static int report_pages(struct page_reporting_dev_info *info,
			struct scatterlist *sg, unsigned int nents)
{
	struct scatterlist *one;
	unsigned int i;
	u32 nr = 0;
	int ret = 0;

	for_each_sg(sg, one, nents, i) {
		u64 gfn = page_to_xen_pfn(sg_page(one));
		u64 end = gfn + (one->length >> XEN_PAGE_SHIFT);

		while (!ret && gfn < end) {
			list[nr++] = gfn++;
			if (nr == LIST_ENTRIES) {
				ret = flush(nr);
				nr = 0;
			}
		}
	}

	return ret ?: flush(nr);
}

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

	reporter.order = report_order;
	ret = page_reporting_register(&reporter);
	if (ret) {
		/* -EBUSY: there can be one, and another driver was first. */
		pr_info("free pages are not discarded (error %d)\n", ret);
		free_page((unsigned long)list);
		return;
	}
	registered = true;
}

void xmc_report_exit(void)
{
	if (!registered)
		return;

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
