/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of xen_memcompress.ko share.
 *
 *	main.c		probe, the folder in sysfs, load and unload
 *	process.c	requests and hints for processes
 *	exclude.c	memory that is never compressed
 *	report.c	free pages are discarded	(CONFIG_PAGE_REPORTING)
 *	grow.c		the guest grows under pressure	(CONFIG_XEN_BALLOON)
 *	room.c		frames of the slice that are not held, and making some
 *	balloon.c	the slice, and moving the balloon
 *	call.c		the hypercall, counters
 *
 * Nothing here calls upwards: call.c is used by all, and uses none.
 */

#ifndef _XMC_H
#define _XMC_H

#include <linux/atomic.h>
#include <linux/kobject.h>
#include <linux/sysfs.h>
#include <linux/types.h>

#include "mem_compress.h"

/* Ages are told by four bits. */
#define XMC_AGE_MAX	15

/**
 * struct xmc_counter - events since the module was loaded, readable in sysfs
 * @attr: the file
 * @value: what it shows
 */
struct xmc_counter {
	struct kobj_attribute attr;
	atomic64_t value;
};

ssize_t xmc_counter_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf);

#define XMC_COUNTER(_name) { .attr = __ATTR(_name, 0444, xmc_counter_show, NULL) }

/**
 * struct xmc_tunable - an unsigned number in sysfs that can be changed
 * @attr: the file
 * @value: what it is
 * @max: what it may at most be
 * @changed: called after it was written, or NULL
 */
struct xmc_tunable {
	struct kobj_attribute attr;
	unsigned int value;
	unsigned int max;
	void (*changed)(void);
};

ssize_t xmc_tunable_show(struct kobject *kobj, struct kobj_attribute *attr,
			 char *buf);
ssize_t xmc_tunable_store(struct kobject *kobj, struct kobj_attribute *attr,
			  const char *buf, size_t count);

#define XMC_TUNABLE(_name, _value, _max, _changed) {				\
	.attr = __ATTR(_name, 0644, xmc_tunable_show, xmc_tunable_store),	\
	.value = (_value), .max = (_max), .changed = (_changed) }

/* call.c */
extern const struct attribute_group xmc_call_group;

int xmc_range(u16 op, u16 flags, struct xen_mem_compress_range *range,
	      bool interruptible);
int xmc_discard(u64 *gfns, u32 nr);
int xmc_span(u16 op, u64 first, u64 nr);
int xmc_query(struct xen_mem_compress_query *query);

/* process.c */
extern const struct attribute_group xmc_process_group;

/* exclude.c */
extern const struct attribute_group xmc_exclude_group;

void xmc_exclude_exit(void);

/*
 * report.c and grow.c: a kernel without what they are built on has a module
 * without their files in sysfs.
 */
#ifdef CONFIG_PAGE_REPORTING
extern const struct attribute_group xmc_report_group;

void xmc_report_init(void);
void xmc_report_exit(void);
#else
static inline void xmc_report_init(void) { }
static inline void xmc_report_exit(void) { }
#endif

#ifdef CONFIG_XEN_BALLOON
extern const struct attribute_group xmc_grow_group;

int xmc_grow_init(void);
void xmc_grow_exit(void);

/* room.c */
extern struct xmc_tunable xmc_stall_limit;
extern atomic_t xmc_waiting;
extern unsigned int xmc_stall_percent;

long xmc_room(void);
long xmc_make_room(long wanted, unsigned int min_age);
long xmc_take_used(long wanted);
bool xmc_storm(void);

/* balloon.c */
int xmc_balloon_init(void (*changed)(void));
void xmc_balloon_exit(void);
unsigned long xmc_balloon_slice(void);
bool xmc_balloon_lender(void);
unsigned long xmc_balloon_inflated(void);
unsigned long xmc_balloon_grown(void);
unsigned long xmc_balloon_deflate(unsigned long nr);
unsigned long xmc_balloon_give_back(unsigned long nr);
#else
static inline int xmc_grow_init(void) { return 0; }
static inline void xmc_grow_exit(void) { }
#endif

#endif /* _XMC_H */
