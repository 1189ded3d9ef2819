/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xmc_hostile: a guest that means harm. See README.md.
 *
 *	main.c		threads, files, what was seen
 *	calls.c		hypercalls with bad, worst and random arguments
 *	tables.c	page tables that lead nowhere, in circles, or too far
 *	pages.c		memory whose content is known, and what became of it
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <linux/atomic.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#define HOSTILE_MAX_CPUS	8

/*
 * Operations of XENMEM_compress_op, one for all numbers that are none, and one
 * for arguments that others write meanwhile: only Xen knows what those asked.
 */
#define HOSTILE_OPS		8
#define HOSTILE_UNKNOWN		(HOSTILE_OPS - 2)
#define HOSTILE_SHARED		(HOSTILE_OPS - 1)
/* Errors are counted up to this number, larger ones at it. */
#define HOSTILE_ERRNOS		128

/**
 * struct hostile_thread - one attacker, bound to a CPU
 * @nr: its number; it owns the pages whose index is @nr modulo the threads
 * @rng: state of its random numbers
 * @seen: how often each operation gave each errno
 * @late_ns: how late a timer on its CPU was at worst
 * @calls: hypercalls made
 * @continued: looks at a bulk restore that had made way and was to go on
 */
struct hostile_thread {
	unsigned int nr;
	u64 rng;
	u32 seen[HOSTILE_OPS][HOSTILE_ERRNOS];
	u64 late_ns;
	u64 calls;
	u64 continued;
};

extern unsigned int hostile_nr_threads;

/* Findings; each of them is a failure of Xen, and is told in the log. */
enum hostile_finding {
	FOUND_CORRUPT,		/* a page holds what nobody wrote */
	FOUND_ALLOWED,		/* a control operation was not refused */
	FOUND_ERRNO,		/* an error that the header does not know */
	FOUND_FOREIGN,		/* the pattern of another guest */
	NR_FINDINGS
};

void hostile_found(enum hostile_finding what, const char *fmt, ...)
	__printf(2, 3);

/* splitmix64 */
u64 hostile_random(struct hostile_thread *t);

static inline u32 hostile_below(struct hostile_thread *t, u32 n)
{
	return hostile_random(t) % n;
}

/* calls.c */
int hostile_calls_init(void);
void hostile_calls_exit(void);
/* The number of an attack, or -ENOENT. */
int hostile_attack_named(const char *name);
/* One attack: of the @nr chosen ones, or, if there are none, of all. */
void hostile_attack(struct hostile_thread *t, const u8 *chosen, unsigned int nr);
/* Ask for one page of our own as its process would. */
void hostile_request_page(struct hostile_thread *t, struct page *page);
/* The same the other way round. */
void hostile_hint_page(struct hostile_thread *t, struct page *page);

/* tables.c */
int hostile_tables_init(void);
void hostile_tables_exit(void);
/* Guest physical address of a root; something under it is always present. */
u64 hostile_root(struct hostile_thread *t);
/* The same with all entries leading to one table, that to one, to nothing. */
u64 hostile_endless_root(void);
/* Rewrite, free and replace tables while they are walked. */
void hostile_mangle(struct hostile_thread *t);

/* pages.c */
int hostile_pages_init(u64 seed);
void hostile_pages_exit(void);
/* Look at, or rewrite, some pages that belong to @t. */
void hostile_pages_check(struct hostile_thread *t);
void hostile_pages_check_all(struct hostile_thread *t);
/* Of these the content must survive ... */
struct page *hostile_data_page(struct hostile_thread *t);
/* ... and these may be discarded at any time. */
struct page *hostile_spare_page(struct hostile_thread *t);
/* ... and nobody cares what is in these. */
struct page *hostile_scratch_page(struct hostile_thread *t);
/* Give a page to Xen and have another one back at the same frame number. */
void hostile_balloon(struct hostile_thread *t);
/* Ask for a page that another thread may be ballooning, or bring it back. */
void hostile_take_balloon(struct hostile_thread *t);
/* Map something else over a page that may be compressed, and RAM again. */
void hostile_physmap(struct hostile_thread *t);
/* One page that all read at the same time, and nobody ever writes. */
struct page *hostile_common_page(void);
void hostile_common_check(struct hostile_thread *t);
/* One that its only writer excludes, and all try to have discarded. */
struct page *hostile_kept_page(void);
void hostile_kept_write(void);
void hostile_kept_check(void);
/* Pages next to each other, which one has Xen bring back and all look at. */
#define HOSTILE_BULK_ORDER	8
struct page *hostile_bulk_pages(void);
void hostile_bulk_check(struct hostile_thread *t);
/* Where in it an argument is that Xen refuses. */
void *hostile_kept_word(void);
/* Have Xen copy from one page to another; both may be compressed. */
void hostile_grant_copy(struct hostile_thread *t);

#endif /* HOSTILE_H */
