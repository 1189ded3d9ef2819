// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest side of Xen's memory compression controller.
 *
 * The guest only *asks*. Xen picks pages by age, compresses them behind the
 * guest's back, and puts each back when something accesses it; nothing here
 * takes part in that, and the module may be unloaded at any time. xmc.h says
 * what is where, sysfs-kernel-xen_memcompress what the files mean.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/module.h>

#include <xen/xen.h>

#include "xmc.h"

static const struct attribute_group *xmc_groups[] = {
	&xmc_call_group,
	&xmc_process_group,
	&xmc_exclude_group,
#ifdef CONFIG_PAGE_REPORTING
	&xmc_report_group,
#endif
#ifdef CONFIG_XEN_BALLOON
	&xmc_grow_group,
#endif
	NULL
};

static struct kobject *xmc_kobj;

/* The controller answers a query only where it is built in and enabled. */
static int __init xmc_probe(void)
{
	struct xen_mem_compress_query query;

	return xen_domain() ? xmc_query(&query) : -ENODEV;
}

static int __init xmc_init(void)
{
	int ret;

	ret = xmc_probe();
	if (ret) {
		pr_info("no memory compression for this guest (error %d)\n", ret);
		return -ENODEV;
	}

	ret = xmc_grow_init();
	if (ret)
		return ret;

	xmc_kobj = kobject_create_and_add("xen_memcompress", kernel_kobj);
	if (!xmc_kobj) {
		ret = -ENOMEM;
		goto err_grow;
	}

	ret = sysfs_create_groups(xmc_kobj, xmc_groups);
	if (ret)
		goto err_kobj;

	/* Last, as it has no way to fail. */
	xmc_report_init();

	pr_info("asking Xen for memory compression through /sys/kernel/xen_memcompress\n");

	return 0;

err_kobj:
	kobject_put(xmc_kobj);
err_grow:
	xmc_grow_exit();

	return ret;
}
module_init(xmc_init);

static void __exit xmc_exit(void)
{
	/* Removal of the files waits for writers, so no request outlives it. */
	kobject_put(xmc_kobj);
	xmc_report_exit();
	xmc_grow_exit();
	xmc_exclude_exit();
}
module_exit(xmc_exit);

MODULE_DESCRIPTION("Xen memory compression: guest requests");
MODULE_LICENSE("GPL");
