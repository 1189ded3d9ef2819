// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory whose content is known: "data" must keep it, "spare" pages may turn
 * into zeroes (they are discarded by anybody at any time), and "balloon"
 * pages are given back to Xen and taken again. "Scratch" pages are written by
 * anybody, and nobody looks.
 *
 * A page belongs to one thread, the only one that writes or checks it, so
 * nothing here needs a lock; asking Xen to compress it is everybody's.
 */

#include <linux/bits.h>
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <asm/xen/hypercall.h>
#include <xen/interface/grant_table.h>
#include <xen/interface/memory.h>
#include <xen/page.h>

#include "hostile.h"

#define NR_DATA		512
#define NR_SPARE	128
#define NR_BALLOON	(2 * HOSTILE_MAX_CPUS)
#define NR_SCRATCH	16
/* Frames of these get lost to us when they are resident at the wrong moment. */
#define NR_PHYSMAP	HOSTILE_MAX_CPUS
#define MAX_LOST	100
/* Frames that have no place in our memory. */
#define MAX_EXTRA	16
#define NR_BULK		BIT(HOSTILE_BULK_ORDER)
/* Their content is nobody else's. */
#define FIRST_BULK	(NR_DATA + NR_SPARE + 2)
/* Xen makes them when they are asked for, up to 64. */
#define FIRST_GRANT_FRAME	32

/* SCRUB_PATTERN of common/page_alloc.c. */
#define DEBUG_SCRUB	0xc2c2c2c2c2c2c2c2ULL

static struct page *data[NR_DATA], *spare[NR_SPARE], *balloon[NR_BALLOON];
static struct page *scratch[NR_SCRATCH], *physmap[NR_PHYSMAP], *common, *kept;
static struct page *bulk;
static atomic_t lost, extra;
static u32 kept_generation;
static u32 generation[NR_DATA], bulk_generation[NR_BULK];
static u64 pages_seed;

/* Compresses to a third or so, differs from page to page and over time. */
static u64 word_of(unsigned int index, u32 gen, unsigned int word)
{
	u64 key = (pages_seed + index) * 0x9e3779b97f4a7c15ULL + gen;

	return word % 5 ? (key & 0xffffff0000000000ULL) | (word % 29) :
			  key ^ (u64)word << 17;
}

static void write_page(struct page *page, unsigned int index, u32 gen)
{
	u64 *p = page_address(page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i++)
		WRITE_ONCE(p[i], word_of(index, gen, i));
}

static void check_page(struct page *page, unsigned int index, u32 gen,
		       bool may_be_zero, const char *what)
{
	u64 *p = page_address(page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i++) {
		u64 is = READ_ONCE(p[i]), want = word_of(index, gen, i);

		if (is == want || (may_be_zero && !is))
			continue;
		hostile_found(FOUND_CORRUPT,
			      "%s page %u pfn %#lx word %u: %016llx, not %016llx",
			      what, index, page_to_pfn(page), i, is, want);
		return;
	}
}

/* Content of a ballooned page: by whichever thread had the frame before. */
static u64 balloon_word(unsigned int thread, unsigned int word)
{
	return word_of(word, thread, word % 16);
}

static bool ours(u64 value, unsigned int word)
{
	unsigned int i;

	for (i = 0; i < hostile_nr_threads; i++)
		if (value == balloon_word(i, word))
			return true;

	/* Scrubbed, by a Xen with assertions or one without. */
	return value == DEBUG_SCRUB || !value;
}

/* A page of this kind that the thread owns. */
static unsigned int own(struct hostile_thread *t, unsigned int nr)
{
	unsigned int i = hostile_below(t, nr / hostile_nr_threads);

	return i * hostile_nr_threads + t->nr;
}

struct page *hostile_data_page(struct hostile_thread *t)
{
	return data[hostile_below(t, NR_DATA)];
}

struct page *hostile_spare_page(struct hostile_thread *t)
{
	return spare[hostile_below(t, NR_SPARE)];
}

struct page *hostile_scratch_page(struct hostile_thread *t)
{
	return scratch[hostile_below(t, NR_SCRATCH)];
}

void hostile_pages_check(struct hostile_thread *t)
{
	unsigned int i = own(t, NR_DATA);

	check_page(data[i], i, generation[i], false, "data");
	if (!hostile_below(t, 4))
		write_page(data[i], i, ++generation[i]);

	i = own(t, NR_SPARE);
	check_page(spare[i], NR_DATA + i, 0, true, "spare");
	if (!hostile_below(t, 2))
		write_page(spare[i], NR_DATA + i, 0);
}

void hostile_pages_check_all(struct hostile_thread *t)
{
	unsigned int i;

	for (i = t->nr; i < NR_DATA; i += hostile_nr_threads)
		check_page(data[i], i, generation[i], false, "data");
	for (i = t->nr; i < NR_SPARE; i += hostile_nr_threads)
		check_page(spare[i], NR_DATA + i, 0, true, "spare");
	for (i = t->nr; i < NR_BULK; i += hostile_nr_threads)
		check_page(bulk + i, FIRST_BULK + i, bulk_generation[i], false,
			   "bulk");
}

void hostile_balloon(struct hostile_thread *t)
{
	struct page *page = balloon[own(t, NR_BALLOON)];
	xen_pfn_t frame = page_to_xen_pfn(page);
	struct xen_memory_reservation reservation = {
		.nr_extents = 1,
		.domid = DOMID_SELF,
	};
	u64 *p = page_address(page);
	unsigned int i;

	/* Something to compress, or to be in the middle of it. */
	for (i = 0; i < PAGE_SIZE / 8; i++)
		WRITE_ONCE(p[i], balloon_word(t->nr, i));
	if (hostile_below(t, 2))
		hostile_request_page(t, page);

	set_xen_guest_handle(reservation.extent_start, &frame);
	if (HYPERVISOR_memory_op(XENMEM_decrease_reservation, &reservation) != 1) {
		hostile_found(FOUND_CORRUPT, "pfn %#llx cannot be ballooned out",
			      (u64)frame);
		return;
	}
	/* A frame without a place is a page of ours as well, for good. */
	if (atomic_inc_return(&extra) <= MAX_EXTRA) {
		set_xen_guest_handle(reservation.extent_start, NULL);
		HYPERVISOR_memory_op(XENMEM_increase_reservation, &reservation);
		set_xen_guest_handle(reservation.extent_start, &frame);
	}
	/* The host may have nothing for a while; there is no other frame. */
	while (HYPERVISOR_memory_op(XENMEM_populate_physmap, &reservation) != 1)
		usleep_range(1000, 2000);

	for (i = 0; i < PAGE_SIZE / 8; i++)
		if (!ours(READ_ONCE(p[i]), i)) {
			hostile_found(FOUND_FOREIGN,
				      "pfn %#llx came with %016llx in it",
				      (u64)frame, p[i]);
			return;
		}
}

void hostile_take_balloon(struct hostile_thread *t)
{
	struct page *page = balloon[hostile_below(t, NR_BALLOON)];

	if (hostile_below(t, 2))
		hostile_request_page(t, page);
	else
		hostile_hint_page(t, page);
}

void hostile_physmap(struct hostile_thread *t)
{
	struct page *page = physmap[t->nr];
	xen_pfn_t frame = page_to_xen_pfn(page);
	struct xen_memory_reservation reservation = {
		.nr_extents = 1,
		.domid = DOMID_SELF,
	};
	struct xen_add_to_physmap add = {
		.domid = DOMID_SELF,
		/* One that Linux never gets to: at one place at a time. */
		.space = XENMAPSPACE_grant_table,
		.idx = FIRST_GRANT_FRAME + t->nr,
		.gpfn = frame,
	};
	struct xen_remove_from_physmap remove = {
		.domid = DOMID_SELF,
		.gpfn = frame,
	};
	int ret;

	/* A resident frame stays ours when its place is taken, but for what? */
	if (atomic_inc_return(&lost) > MAX_LOST)
		return;

	write_page(page, 0, 0);
	hostile_request_page(t, page);
	ret = hostile_below(t, 2) ?
	      HYPERVISOR_memory_op(XENMEM_add_to_physmap, &add) : 0;
	if (!ret)
		ret = HYPERVISOR_memory_op(XENMEM_remove_from_physmap, &remove);
	if (ret) {
		hostile_found(FOUND_ERRNO, "physmap of pfn %#llx: %d",
			      (u64)frame, ret);
		return;
	}
	set_xen_guest_handle(reservation.extent_start, &frame);
	while (HYPERVISOR_memory_op(XENMEM_populate_physmap, &reservation) != 1)
		usleep_range(1000, 2000);
}

struct page *hostile_common_page(void)
{
	return common;
}

void hostile_common_check(struct hostile_thread *t)
{
	check_page(common, NR_DATA + NR_SPARE, 0, false, "common");
}

struct page *hostile_kept_page(void)
{
	return kept;
}

void hostile_kept_write(void)
{
	write_page(kept, NR_DATA + NR_SPARE + 1, ++kept_generation);
}

void hostile_kept_check(void)
{
	check_page(kept, NR_DATA + NR_SPARE + 1, kept_generation, false, "kept");
}

struct page *hostile_bulk_pages(void)
{
	return bulk;
}

void hostile_bulk_check(struct hostile_thread *t)
{
	unsigned int i = own(t, NR_BULK);

	check_page(bulk + i, FIRST_BULK + i, bulk_generation[i], false, "bulk");
	if (!hostile_below(t, 4))
		write_page(bulk + i, FIRST_BULK + i, ++bulk_generation[i]);
}

void *hostile_kept_word(void)
{
	/* Its lower half is 0, as word_of() has it. */
	return page_address(kept) + 29 * 8;
}

void hostile_grant_copy(struct hostile_thread *t)
{
	unsigned int from = own(t, NR_DATA), to = own(t, NR_DATA);
	struct gnttab_copy copy = {
		.source.u.gmfn = page_to_xen_pfn(data[from]),
		.source.domid = DOMID_SELF,
		.dest.u.gmfn = page_to_xen_pfn(data[to]),
		.dest.domid = DOMID_SELF,
		.len = XEN_PAGE_SIZE,
	};

	if (from == to)
		return;
	do {
		if (HYPERVISOR_grant_table_op(GNTTABOP_copy, &copy, 1))
			return;
	} while (copy.status == GNTST_eagain);
	if (copy.status != GNTST_okay) {
		hostile_found(FOUND_ERRNO, "grant copy: status %d", copy.status);
		return;
	}
	check_page(data[to], from, generation[from], false, "copied");
	write_page(data[to], to, ++generation[to]);
}

static int make(struct page **pages, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (!pages[i])
			return -ENOMEM;
	}

	return 0;
}

static void put(struct page **pages, unsigned int nr)
{
	while (nr)
		if (pages[--nr])
			__free_page(pages[nr]);
}

int hostile_pages_init(u64 seed)
{
	unsigned int i;

	pages_seed = seed;
	if (make(data, NR_DATA) || make(spare, NR_SPARE) ||
	    make(balloon, NR_BALLOON) || make(scratch, NR_SCRATCH) ||
	    make(physmap, NR_PHYSMAP) || make(&common, 1) ||
	    make(&kept, 1))
		return -ENOMEM;
	write_page(common, NR_DATA + NR_SPARE, 0);

	bulk = alloc_pages(GFP_KERNEL, HOSTILE_BULK_ORDER);
	if (!bulk)
		return -ENOMEM;
	for (i = 0; i < NR_BULK; i++)
		write_page(bulk + i, FIRST_BULK + i, 0);

	for (i = 0; i < NR_DATA; i++)
		write_page(data[i], i, 0);
	for (i = 0; i < NR_SPARE; i++)
		write_page(spare[i], NR_DATA + i, 0);

	return 0;
}

void hostile_pages_exit(void)
{
	put(data, NR_DATA);
	put(spare, NR_SPARE);
	put(balloon, NR_BALLOON);
	put(scratch, NR_SCRATCH);
	put(physmap, NR_PHYSMAP);
	put(&common, 1);
	put(&kept, 1);
	if (bulk)
		__free_pages(bulk, HOSTILE_BULK_ORDER);
}
