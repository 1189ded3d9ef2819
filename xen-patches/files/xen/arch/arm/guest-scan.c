/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scan what a process of the calling guest maps: s1_walk() on tables that are
 * peeked at where they are, resident or compressed, and never restored.
 *
 * What comes out is a list of guest frames that might be worth a look, every
 * one of which is checked against the p2m by whoever gets it.
 */
#include <xen/event.h>
#include <xen/mem_compress/arch.h>
#include <xen/sched.h>

#include <asm/p2m.h>
#include <asm/s1-walk.h>
#include <asm/sysregs.h>

struct scan {
    struct domain *d;
    bool (*fn)(void *ctx, gfn_t gfn, uint64_t va, bool accessed);
    void *ctx;
};

static bool cf_check read_table(void *ctx, uint64_t table, uint64_t *buf)
{
    const struct scan *s = ctx;

    return !mc_peek(s->d, gaddr_to_gfn(table), buf);
}

static bool cf_check found_page(void *ctx, uint64_t va, uint64_t ipa,
                                bool accessed)
{
    const struct scan *s = ctx;

    return s->fn(s->ctx, gaddr_to_gfn(ipa), va, accessed);
}

static bool cf_check time_to_stop(void *ctx)
{
    return mc_preempted();
}

int arch_mc_guest_scan(struct domain *d, paddr_t root, uint64_t *va,
                       uint64_t end,
                       bool (*fn)(void *ctx, gfn_t gfn, uint64_t va,
                                  bool accessed),
                       void *ctx, uint64_t *last, uint64_t *upper,
                       uint32_t *scanned)
{
    struct scan s = { .d = d, .fn = fn, .ctx = ctx };
    struct s1_walk w = {
        .root = root,
        .tcr = READ_SYSREG(TCR_EL1),
        .ctx = &s,
        .read = read_table,
        .leaf = found_page,
        .stop = time_to_stop,
        .upper = upper,
        .last = last,
    };
    int rc;

    ASSERT(d == current->domain);

    if ( is_32bit_domain(d) )
        return -EOPNOTSUPP;

    rc = s1_walk(&w, va, end);
    *scanned += w.pages;

    return rc;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
