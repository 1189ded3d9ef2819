// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables for Xen to walk. They are made of a few pages that point to
 * each other at random, are rewritten while they are walked, and are freed to
 * the kernel, which puts something else there, with roots still leading to
 * them.
 */

#include <linux/mm.h>
#include <linux/mutex.h>

#include "hostile.h"

#define NR_TABLES	24
#define ENTRIES		512

#define DESC_BLOCK	1ULL
#define DESC_TABLE	3ULL	/* at the last level, a page */
#define DESC_AF		BIT_ULL(10)

static DEFINE_MUTEX(mangle_lock);
static struct page *tables[NR_TABLES];
/* What roots and descriptors name; read without the lock, may be stale. */
static u64 addresses[NR_TABLES];
static struct page *endless[3];

static u64 some_table(struct hostile_thread *t)
{
	return READ_ONCE(addresses[hostile_below(t, NR_TABLES)]);
}

static u64 some_page(struct hostile_thread *t)
{
	switch (hostile_below(t, 8)) {
	case 0:		/* anywhere in the address space */
		return hostile_random(t) & 0xfffffffff000ULL;
	case 1:		/* where RAM may end, begin, or be something else */
		return (hostile_random(t) & 0xff000) + 0x40000000 -
		       (hostile_below(t, 2) << 20);
	case 2:
		return page_to_phys(hostile_spare_page(t));
	case 3:		/* a table as a page */
		return some_table(t);
	default:
		return page_to_phys(hostile_data_page(t));
	}
}

static u64 some_descriptor(struct hostile_thread *t, unsigned int role)
{
	switch (role) {
	case 0:
		return some_table(t) | DESC_TABLE;
	case 1:
	case 2:
		return some_page(t) | DESC_TABLE | DESC_AF;
	case 3:
		return (some_page(t) & ~0x1fffffULL) | DESC_BLOCK | DESC_AF;
	case 4:
		return hostile_random(t);
	default:
		return 0;
	}
}

u64 hostile_root(struct hostile_thread *t)
{
	switch (hostile_below(t, 16)) {
	case 0:		/* no table: any frame, any address */
		return some_page(t);
	case 1:
		return hostile_random(t);
	default:	/* with an ASID and CnP, as in TTBR0 */
		return some_table(t) | hostile_below(t, 2) |
		       (u64)hostile_below(t, 2) << 50;
	}
}

u64 hostile_endless_root(void)
{
	return page_to_phys(endless[0]);
}

void hostile_mangle(struct hostile_thread *t)
{
	unsigned int nr = hostile_below(t, NR_TABLES), i;
	unsigned int role = hostile_below(t, 8);
	struct page *fresh;
	u64 *table;

	if (!mutex_trylock(&mangle_lock))
		return;

	if (!hostile_below(t, 4)) {
		/* Roots and descriptors that lead there go on doing so. */
		fresh = alloc_page(GFP_KERNEL | __GFP_NOWARN);
		if (fresh) {
			__free_page(tables[nr]);
			tables[nr] = fresh;
			WRITE_ONCE(addresses[nr], page_to_phys(fresh));
		}
	}

	table = page_address(tables[nr]);
	if (hostile_below(t, 2))
		for (i = 0; i < ENTRIES; i++)
			WRITE_ONCE(table[i], some_descriptor(t, role));
	else
		for (i = 0; i < 32; i++)
			WRITE_ONCE(table[hostile_below(t, ENTRIES)],
				   some_descriptor(t, hostile_below(t, 8)));

	mutex_unlock(&mangle_lock);
}

int hostile_tables_init(void)
{
	struct hostile_thread t = { .rng = 1 };
	unsigned int i, j;
	u64 *table;

	for (i = 0; i < ARRAY_SIZE(endless); i++) {
		endless[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!endless[i])
			return -ENOMEM;
	}
	for (i = 0; i + 1 < ARRAY_SIZE(endless); i++) {
		table = page_address(endless[i]);
		for (j = 0; j < ENTRIES; j++)
			table[j] = page_to_phys(endless[i + 1]) | DESC_TABLE;
	}

	for (i = 0; i < NR_TABLES; i++) {
		tables[i] = alloc_page(GFP_KERNEL | __GFP_ZERO);
		if (!tables[i])
			return -ENOMEM;
		addresses[i] = page_to_phys(tables[i]);
	}
	for (i = 0; i < 4 * NR_TABLES; i++)
		hostile_mangle(&t);

	return 0;
}

void hostile_tables_exit(void)
{
	unsigned int i;

	for (i = 0; i < NR_TABLES; i++)
		if (tables[i])
			__free_page(tables[i]);
	for (i = 0; i < ARRAY_SIZE(endless); i++)
		if (endless[i])
			__free_page(endless[i]);
}
