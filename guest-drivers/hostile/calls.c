// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls. Most arguments are valid but for one thing, as a call that fails
 * its first check tests nothing of what comes after it.
 */

#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <asm/barrier.h>
#include <asm/pgtable-hwdef.h>
#include <asm/sysreg.h>
#include <asm/xen/hypercall.h>
#include <xen/page.h>

#include "mem_compress.h"

#include "hostile.h"

#define MEMOP_EXTENT_SHIFT	6	/* Xen's include/public/memory.h */
#define RAM_BASE_PFN		0x40000	/* Xen's GUEST_RAM0_BASE */
#define HYPERCALL_domctl	36
#define DOMCTL_mem_compress_op	90
#define DOMCTL_SUBOPS		24

#define TCR_T0SZ		GENMASK_ULL(5, 0)
#define TCR_EPD0		BIT_ULL(7)
#define TCR_TG0			GENMASK_ULL(15, 14)

#define LIST_PAGES		4
#define LIST_MAX		(LIST_PAGES * PAGE_SIZE / 8)
/* Nothing a guest has is up there. */
#define NO_GFN			0xfffff00000ULL

/* The same argument from all threads, changing while Xen looks at it. */
static struct xen_mem_compress_op *shared;
/* A page, and nothing behind it; mapped once more, for reading only. */
static void *edge, *readonly;
static struct page *readonly_page;
static u64 *lists[HOSTILE_MAX_CPUS];

static void count_in(struct hostile_thread *t, unsigned int row, u16 op, int ret)
{
	unsigned int error = min_t(unsigned int, -ret, HOSTILE_ERRNOS - 1);

	t->calls++;
	if (ret > 0)
		error = HOSTILE_ERRNOS - 1;
	t->seen[row][error]++;

	switch (ret) {
	case 0:
	case -EOPNOTSUPP:
	case -EINVAL:
	case -EFAULT:
	case -ENOMEM:
	case -EBUSY:
		break;
	default:
		hostile_found(FOUND_ERRNO, "operation %u returned %d", op, ret);
	}
}

static void count(struct hostile_thread *t, u16 op, int ret)
{
	count_in(t, min_t(unsigned int, op, HOSTILE_UNKNOWN), op, ret);
}

/* Make the call; @op is what the argument says, as that may not be readable. */
static int call(struct hostile_thread *t, u16 op, void *arg)
{
	int ret = HYPERVISOR_memory_op(XENMEM_compress_op, arg);

	count(t, op, ret);

	return ret;
}

static void some_range(struct hostile_thread *t, struct xen_mem_compress_op *op)
{
	xen_mem_compress_range_t *range = &op->u.range;
	u64 span = hostile_below(t, 64) << 21;

	range->root = hostile_root(t);
	range->first = (hostile_random(t) & 0x7fffffffffULL) & PAGE_MASK;
	if (!hostile_below(t, 4)) {
		op->flags = XENMEM_compress_f_whole_domain;
		range->first = 0x40000000 + (hostile_below(t, 64) << 20);
		span = hostile_below(t, 16) << 20;
	}
	range->start = range->first;
	range->end = range->first + span + hostile_below(t, 2 * PAGE_SIZE);
	range->wanted = hostile_below(t, 2) ? 0 : hostile_below(t, 300);
	range->min_age = hostile_below(t, 4) ? 0 : hostile_below(t, 16);
}

/* Frames that may be given up, frames that are none, and one again and again. */
static void some_gfns(struct hostile_thread *t, xen_mem_compress_gfns_t *gfns)
{
	u64 *list = lists[t->nr], gfn;
	unsigned int i, how = hostile_below(t, 4);

	gfns->nr = hostile_below(t, how ? 64 : LIST_MAX);
	gfn = page_to_xen_pfn(hostile_spare_page(t));
	for (i = 0; i < gfns->nr; i++) {
		if (how == 1)
			gfn = page_to_xen_pfn(hostile_spare_page(t));
		else if (how == 2)
			gfn = hostile_random(t) | NO_GFN;
		else if (how == 3 && i)
			gfn = NO_GFN;
		list[i] = gfn;
	}
	gfns->list.pad = (unsigned long)list;
}

static void some_span(struct hostile_thread *t, xen_mem_compress_span_t *span)
{
	u64 kept = page_to_xen_pfn(hostile_kept_page());

	span->first = page_to_xen_pfn(hostile_data_page(t));
	span->nr = hostile_below(t, 300);
	if (!hostile_below(t, 4)) {
		span->first = hostile_random(t);
		span->nr = hostile_random(t);
	}
	/* Whether that one is excluded, only its writer says. */
	if (kept - span->first < span->nr)
		span->nr = kept - span->first;
}

/* An argument without a fault of form. */
static void some_op(struct hostile_thread *t, struct xen_mem_compress_op *op)
{
	memset(op, 0, sizeof(*op));
	op->version = XEN_MEM_COMPRESS_INTERFACE_VERSION;
	op->op = hostile_below(t, XENMEM_compress_op_query + 1);

	switch (op->op) {
	case XENMEM_compress_op_request:
	case XENMEM_compress_op_restore_hint:
		some_range(t, op);
		break;
	case XENMEM_compress_op_discard:
		some_gfns(t, &op->u.gfns);
		break;
	case XENMEM_compress_op_exclude:
	case XENMEM_compress_op_include:
		some_span(t, &op->u.span);
		break;
	}
}

/* One fault of form. What a list holds stays: a discard is never undone. */
static void spoil(struct hostile_thread *t, struct xen_mem_compress_op *op)
{
	xen_mem_compress_range_t *range = &op->u.range;
	bool has_range = op->op <= XENMEM_compress_op_restore_hint;

	switch (hostile_below(t, has_range ? 11 : 3)) {
	case 0:
		op->version += 1 + hostile_below(t, 1000);
		break;
	case 1:
		op->flags = hostile_random(t);
		break;
	case 2:
		op->op = XENMEM_compress_op_query + 1 + hostile_below(t, 60000);
		break;
	case 3:
		range->min_age = 16 + hostile_below(t, 240);
		break;
	case 4:
		range->pass = hostile_below(t, 256);
		break;
	case 5:
		range->pad[hostile_below(t, 2)] = 1 + hostile_below(t, 255);
		break;
	case 6:
		range->start = hostile_random(t);
		break;
	case 7:
		/* Not more: it would keep us, not Xen, busy for minutes. */
		range->end = range->first +
			     (hostile_random(t) >> (34 + hostile_below(t, 30)));
		break;
	case 8:
		range->first = ~0ULL;
		range->start = ~0ULL;
		range->end = ~0ULL;
		break;
	case 9:
		range->done = hostile_random(t);
		range->wanted = hostile_random(t);
		break;
	default:
		range->scanned = ~0U;
		range->root = ~0ULL;
		break;
	}
}

static void attack_argument(struct hostile_thread *t)
{
	struct xen_mem_compress_op op;

	some_op(t, &op);
	if (!hostile_below(t, 3))
		spoil(t, &op);
	call(t, op.op, &op);
}

/* What an operation has no use for has to be zero. */
static void attack_rest(struct hostile_thread *t)
{
	static const struct {
		u16 op;
		unsigned int used;
	} smaller[] = {
		{ XENMEM_compress_op_discard, sizeof(xen_mem_compress_gfns_t) },
		{ XENMEM_compress_op_exclude, sizeof(xen_mem_compress_span_t) },
		{ XENMEM_compress_op_include, sizeof(xen_mem_compress_span_t) },
	};
	unsigned int i = hostile_below(t, ARRAY_SIZE(smaller));
	unsigned int used = smaller[i].used / sizeof(u64);
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = smaller[i].op,
	};
	unsigned int at = used + hostile_below(t, ARRAY_SIZE(op.u.pad) - used);

	op.u.pad[at] = 1ULL << hostile_below(t, 64);
	if (!call(t, op.op, &op))
		hostile_found(FOUND_ALLOWED, "operation %u with word %u of %#llx",
			      op.op, at, op.u.pad[at]);
}

/* Nothing to do, and one fault of form, which is always refused. */
static void attack_form(struct hostile_thread *t)
{
	u64 pa = page_to_phys(hostile_spare_page(t));
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = hostile_below(t, XENMEM_compress_op_query + 1),
	};
	xen_mem_compress_range_t *range = &op.u.range;
	bool has_range = op.op <= XENMEM_compress_op_restore_hint;
	unsigned int fault = hostile_below(t, has_range ? 9 : 3);
	int ret;

	if (has_range) {
		range->first = pa;
		range->start = pa;
		range->end = pa;
	}
	switch (fault) {
	case 0:
		op.version ^= 1U << hostile_below(t, 32);
		break;
	case 1:
		/* The one flag there is goes with a range. */
		op.flags = 1U << (has_range + hostile_below(t, 16 - has_range));
		break;
	case 2:
		op.op = XENMEM_compress_op_query + 1 + hostile_below(t, 60000);
		break;
	case 3:
		range->min_age = 1U << (4 + hostile_below(t, 4));
		break;
	case 4:
		range->pass = 1U << (2 + hostile_below(t, 6));
		break;
	case 5:
	case 6:
		range->pad[fault - 5] = 1U << hostile_below(t, 8);
		break;
	case 7:
		range->start = range->first - 1;
		break;
	default:
		range->end = range->first - 1;
		break;
	}
	ret = call(t, op.op, &op);
	/* Or nothing at all is allowed at the moment. */
	if (ret != -EINVAL && ret != -EOPNOTSUPP)
		hostile_found(FOUND_ALLOWED, "operation %u with fault %u of form: %d",
			      op.op, fault, ret);
}

/* Where the argument is: nowhere, half there, not to be written, compressed. */
static void attack_pointer(struct hostile_thread *t)
{
	struct xen_mem_compress_op op, *at;
	struct page *page;

	some_op(t, &op);
	switch (hostile_below(t, 6)) {
	case 0:
		call(t, op.op, NULL);
		break;
	case 1:
		call(t, op.op, (void *)(unsigned long)hostile_random(t));
		break;
	case 2:
		at = edge + PAGE_SIZE - 8 - hostile_below(t, sizeof(op) - 8);
		memcpy(at, &op, edge + PAGE_SIZE - (void *)at);
		call(t, op.op, at);
		break;
	case 3:		/* done, and then the answer cannot be written */
		if (t->nr)
			break;
		memcpy(page_address(readonly_page), &op, sizeof(op));
		call(t, op.op, readonly);
		break;
	case 4:		/* in a page that is compressed; and not aligned */
		if (op.op == XENMEM_compress_op_discard)
			break;
		page = hostile_scratch_page(t);
		at = page_address(page) + hostile_below(t, PAGE_SIZE - sizeof(op));
		memcpy(at, &op, sizeof(op));
		hostile_request_page(t, page);
		HYPERVISOR_memory_op(XENMEM_compress_op, at);
		break;
	default:
		op.op = XENMEM_compress_op_discard;
		op.flags = 0;
		memset(&op.u, 0, sizeof(op.u));
		op.u.gfns.nr = 1 + hostile_below(t, 1000);
		op.u.gfns.done = 0;
		/* Nothing but frames that are none, up to where nothing is. */
		memset(edge, 0xff, PAGE_SIZE);
		op.u.gfns.list.pad = (unsigned long)edge + PAGE_SIZE -
				     8 * hostile_below(t, 4);
		call(t, op.op, &op);
		break;
	}
}

static void attack_shared(struct hostile_thread *t)
{
	struct xen_mem_compress_op op;

	memset(&op, 0, sizeof(op));
	op.version = XEN_MEM_COMPRESS_INTERFACE_VERSION;
	op.op = hostile_below(t, 2);
	some_range(t, &op);
	if (hostile_below(t, 2))
		*shared = op;
	/* Others go on writing it. */
	barrier();
	count_in(t, HOSTILE_SHARED, op.op,
		 HYPERVISOR_memory_op(XENMEM_compress_op, shared));
}

/* Regimes that Xen cannot walk, and all that it can. */
static void attack_regime(struct hostile_thread *t)
{
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = hostile_below(t, 2),
	};
	u64 tcr, other = hostile_below(t, 2) ? hostile_below(t, 64) :
					      16 + hostile_below(t, 18);
	unsigned long flags;

	if (!hostile_below(t, 3))
		other |= (u64)hostile_below(t, 4) << 14;
	some_range(t, &op);
	op.flags = 0;
	if (hostile_below(t, 2))
		op.u.range.first = hostile_random(t) >> 16 & PAGE_MASK;
	op.u.range.start = op.u.range.first;
	op.u.range.end = op.u.range.first + (hostile_below(t, 8) << 20);

	/* User space is switched off meanwhile: only tables would notice. */
	local_irq_save(flags);
	tcr = read_sysreg(tcr_el1);
	write_sysreg((tcr & ~(TCR_T0SZ | TCR_TG0)) | other | TCR_EPD0, tcr_el1);
	isb();
	call(t, op.op, &op);
	write_sysreg(tcr, tcr_el1);
	isb();
	local_irq_restore(flags);
}

/* The longest way that a walk can take: all entries present, no page. */
static void attack_endless(struct hostile_thread *t)
{
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = hostile_below(t, 2),
		.u.range = {
			.root = hostile_endless_root(),
			.end = 1ULL << (36 + hostile_below(t, 3)),
		},
	};

	call(t, op.op, &op);
}

/* One frame that is ours, then nothing but frames that are none. */
static void attack_long_list(struct hostile_thread *t)
{
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = XENMEM_compress_op_discard,
		.u.gfns = {
			.list.pad = (unsigned long)lists[t->nr],
			.nr = ~0U,
		},
	};
	unsigned int i;

	/* Ends where the list does, which is followed by nothing: -EFAULT. */
	lists[t->nr][0] = page_to_xen_pfn(hostile_spare_page(t));
	for (i = 1; i < LIST_MAX; i++)
		lists[t->nr][i] = hostile_below(t, 2) ? NO_GFN : lists[t->nr][0];
	call(t, op.op, &op);
}

/* The toolstack's operations are not for guests, whoever they name. */
static void attack_control(struct hostile_thread *t)
{
	struct {
		u32 cmd, interface_version;
		u16 domain, pad[3];
		u32 op, op_pad;
		u64 u[16];
	} domctl;
	unsigned int i;
	long ret;

	memset(&domctl, 0, sizeof(domctl));
	domctl.cmd = DOMCTL_mem_compress_op;
	/* That of Xen 4.20, and others. */
	domctl.interface_version = hostile_below(t, 8) ? 0x17 :
						    hostile_below(t, 64);
	domctl.domain = hostile_below(t, 2) ? DOMID_SELF : hostile_below(t, 6);
	domctl.op = hostile_below(t, DOMCTL_SUBOPS);
	if (hostile_below(t, 2))
		for (i = 0; i < ARRAY_SIZE(domctl.u); i++)
			domctl.u[i] = hostile_random(t);

	ret = privcmd_call(HYPERCALL_domctl, (unsigned long)&domctl, 0, 0, 0, 0);
	t->calls++;
	if (ret != -EPERM && ret != -EACCES && ret != -ESRCH)
		hostile_found(FOUND_ALLOWED, "domctl %u of domain %u: %ld",
			      domctl.op, domctl.domain, ret);
}

static void attack_number(struct hostile_thread *t)
{
	unsigned int extent = 1 + hostile_below(t, 1 << 20);
	struct xen_mem_compress_op op;
	int ret;

	some_op(t, &op);
	ret = HYPERVISOR_memory_op(XENMEM_compress_op | extent << MEMOP_EXTENT_SHIFT,
				   &op);
	count(t, op.op, ret);
	if (!ret)
		hostile_found(FOUND_ALLOWED, "operation %u begun at extent %u",
			      op.op, extent);
}

/* Xen then cleans the caches of all there is, and makes all entries invalid. */
static void attack_set_way(struct hostile_thread *t)
{
	unsigned long flags;

	local_irq_save(flags);
	asm volatile("dc cisw, %0" : : "r" (0UL) : "memory");
	/* Else each switch of address spaces goes through Xen from now on. */
	write_sysreg(read_sysreg(sctlr_el1), sctlr_el1);
	isb();
	local_irq_restore(flags);
}

/* A range of our memory, whoever maps it. */
static void call_for_pages(struct hostile_thread *t, u16 what, struct page *pages,
			   unsigned int order, struct xen_mem_compress_op *op)
{
	u64 pa = page_to_phys(pages);

	*op = (struct xen_mem_compress_op){
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = what,
		.flags = XENMEM_compress_f_whole_domain,
		.u.range = {
			.first = pa,
			.start = pa,
			.end = pa + (PAGE_SIZE << order),
		},
	};
	call(t, what, op);
}

static void call_for_page(struct hostile_thread *t, u16 what, struct page *page)
{
	struct xen_mem_compress_op op;

	call_for_pages(t, what, page, 0, &op);
}

void hostile_request_page(struct hostile_thread *t, struct page *page)
{
	call_for_page(t, XENMEM_compress_op_request, page);
}

void hostile_hint_page(struct hostile_thread *t, struct page *page)
{
	call_for_page(t, XENMEM_compress_op_restore_hint, page);
}

/* Whoever is first has Xen restore it, whoever is second meets that. */
static void attack_same_page(struct hostile_thread *t)
{
	struct page *page = hostile_common_page();

	if (!t->nr)
		hostile_request_page(t, page);
	hostile_common_check(t);
}

/*
 * Many pages in one call, by one; the others use them meanwhile, and look where
 * it is: in the middle, Xen has made way and is going to go on there.
 */
static void attack_bulk(struct hostile_thread *t)
{
	static struct xen_mem_compress_op op;
	struct page *pages = hostile_bulk_pages();
	u64 at;

	if (t->nr) {
		hostile_bulk_check(t);
		at = READ_ONCE(op.u.range.start);
		t->continued += READ_ONCE(op.op) == XENMEM_compress_op_restore_hint &&
				at > READ_ONCE(op.u.range.first) &&
				at < READ_ONCE(op.u.range.end);
		return;
	}
	call_for_pages(t, XENMEM_compress_op_request, pages, HOSTILE_BULK_ORDER, &op);
	call_for_pages(t, XENMEM_compress_op_restore_hint, pages,
		       HOSTILE_BULK_ORDER, &op);
}

/* A table that is compressed, by one, and walked, by the others. */
static void attack_walked_table(struct hostile_thread *t)
{
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = XENMEM_compress_op_request,
		.u.range = {
			.root = hostile_endless_root(),
			.end = 32 << 21,
		},
	};

	if (t->nr) {
		call(t, op.op, &op);
		return;
	}
	/* The walk alone never brings it back. */
	hostile_hint_page(t, phys_to_page(hostile_endless_root()));
	hostile_request_page(t, phys_to_page(hostile_endless_root()));
}

static void call_for_span(struct hostile_thread *t, u16 what, struct page *page)
{
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = what,
		.u.span = { .first = page_to_xen_pfn(page), .nr = 1 },
	};

	call(t, op.op, &op);
}

/*
 * Once an exclusion has returned, what others ask for does not happen to the
 * page any more, whatever of it was begun: the one gives its page up only
 * while it is not excluded, the others discard it all the time, or have Xen
 * read it, which makes it young.
 */
static void attack_excluded(struct hostile_thread *t)
{
	struct page *page = hostile_kept_page();
	struct xen_mem_compress_op op = {
		.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
		.op = XENMEM_compress_op_discard,
		.u.gfns = { .list.pad = (unsigned long)lists[t->nr] },
	};
	unsigned int i;

	if (!t->nr) {
		call_for_span(t, XENMEM_compress_op_exclude, page);
		hostile_kept_write();
		for (i = 0; i < 20; i++)
			hostile_kept_check();
		call_for_span(t, XENMEM_compress_op_include, page);
		return;
	}

	/* No version: read, refused, and not written. */
	if (hostile_below(t, 2)) {
		call(t, HOSTILE_UNKNOWN, hostile_kept_word());
		return;
	}

	op.u.gfns.nr = 1 + hostile_below(t, 16);
	lists[t->nr][0] = page_to_xen_pfn(page);
	for (i = 1; i < op.u.gfns.nr; i++)
		lists[t->nr][i] = page_to_xen_pfn(hostile_spare_page(t));
	call(t, op.op, &op);
}

static void attack_request_page(struct hostile_thread *t)
{
	hostile_request_page(t, hostile_data_page(t));
}

/* The weights add up to 1000. */
static const struct {
	const char *name;
	unsigned int weight;
	void (*run)(struct hostile_thread *t);
} attacks[] = {
	{ "argument", 270, attack_argument },
	{ "form", 10, attack_form },
	{ "rest", 10, attack_rest },
	{ "pointer", 100, attack_pointer },
	{ "shared", 100, attack_shared },
	{ "regime", 70, attack_regime },
	{ "control", 50, attack_control },
	{ "number", 20, attack_number },
	{ "request-page", 80, attack_request_page },
	{ "mangle", 80, hostile_mangle },
	{ "check", 97, hostile_pages_check },
	{ "balloon", 15, hostile_balloon },
	{ "take-balloon", 40, hostile_take_balloon },
	{ "grant-copy", 15, hostile_grant_copy },
	{ "long-list", 6, attack_long_list },
	{ "excluded", 10, attack_excluded },
	{ "set-way", 2, attack_set_way },
	{ "same-page", 20, attack_same_page },
	{ "walked-table", 5, attack_walked_table },
	/* Never by themselves: two are long, one costs frames. */
	{ "endless", 0, attack_endless },
	{ "bulk", 0, attack_bulk },
	{ "physmap", 0, hostile_physmap },
};

int hostile_attack_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attacks); i++)
		if (!strcmp(attacks[i].name, name))
			return i;

	return -ENOENT;
}

void hostile_attack(struct hostile_thread *t, const u8 *chosen, unsigned int nr)
{
	unsigned int dice, i = 0;

	if (nr) {
		attacks[chosen[hostile_below(t, nr)]].run(t);
		return;
	}
	/* Now and then, by one. */
	if (!t->nr && !hostile_below(t, 1000)) {
		attack_endless(t);
		return;
	}
	for (dice = hostile_below(t, 1000); dice >= attacks[i].weight; i++)
		dice -= attacks[i].weight;
	attacks[i].run(t);
}

int hostile_calls_init(void)
{
	unsigned int i;

	shared = kzalloc(sizeof(*shared), GFP_KERNEL);
	/* vmalloc() leaves a page behind each area that nothing is mapped at. */
	edge = vmalloc(PAGE_SIZE);
	readonly_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!shared || !edge || !readonly_page)
		return -ENOMEM;
	readonly = vmap(&readonly_page, 1, VM_MAP, PAGE_KERNEL_RO);
	if (!readonly)
		return -ENOMEM;
	for (i = 0; i < HOSTILE_MAX_CPUS; i++) {
		lists[i] = vmalloc(LIST_PAGES * PAGE_SIZE);
		if (!lists[i])
			return -ENOMEM;
	}

	return 0;
}

/* What was excluded at random would not be compressed in the next test. */
static void include_everything(void)
{
	struct xen_mem_compress_op op;
	u64 first = RAM_BASE_PFN;
	u64 step = 256;

	while (step) {
		op = (struct xen_mem_compress_op){
			.version = XEN_MEM_COMPRESS_INTERFACE_VERSION,
			.op = XENMEM_compress_op_include,
			.u.span = { .first = first, .nr = step },
		};
		if (HYPERVISOR_memory_op(XENMEM_compress_op, &op))
			step /= 2;	/* no longer RAM somewhere in there */
		else
			first += step;
	}
}

void hostile_calls_exit(void)
{
	unsigned int i;

	include_everything();
	for (i = 0; i < HOSTILE_MAX_CPUS; i++)
		vfree(lists[i]);
	vunmap(readonly);
	if (readonly_page)
		__free_page(readonly_page);
	vfree(edge);
	kfree(shared);
}
