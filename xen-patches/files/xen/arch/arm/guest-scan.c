/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walk a range of a guest process' stage-1 tables, read only.
 *
 * The tables belong to the guest and may change, be freed or be nonsense
 * while this looks at them.  Nothing here trusts them: what comes out is a
 * list of guest frames that might be worth a look, every one of which is
 * checked against the p2m by whoever gets it.  Tables that are compressed are
 * peeked at, not restored.
 *
 * 4K granule, translation table base 0 (user space), AArch64, any T0SZ that
 * starts at level 0 or 1 (48 and 39 bits among others).
 */
#include <xen/sched.h>

#include <asm/lpae.h>
#include <asm/p2m.h>
#include <asm/sysregs.h>

#include "../../common/mem_compress/private.h"

#define DESC_ADDR_MASK      0x0000fffffffff000ULL

static bool desc_valid(uint64_t desc)
{
    return desc & 1;
}

static bool desc_is_table(uint64_t desc)
{
    return (desc & 3) == 3;
}

/* Copy the table at @table; false if there is no such memory. */
static bool read_table(struct domain *d, paddr_t table, void *buf)
{
    return !mc_peek(d, gaddr_to_gfn(table), buf);
}

int arch_mc_guest_scan(struct domain *d, paddr_t root, uint64_t *va,
                       uint64_t end, bool (*fn)(void *ctx, gfn_t gfn),
                       void *ctx, uint32_t *scanned)
{
    register_t tcr = READ_SYSREG(TCR_EL1);
    unsigned int t0sz = tcr & 0x3f, bits = 64 - t0sz, first_level;
    uint64_t *buf = (uint64_t *)this_cpu(mc_cpu)->table;

    ASSERT(d == current->domain);

    /* TG0, and the sizes that begin with a whole level 0 or 1 table. */
    if ( is_32bit_domain(d) || ((tcr >> 14) & 3) || t0sz < 16 || t0sz > 33 )
        return -EOPNOTSUPP;

    first_level = bits > XEN_PT_LEVEL_SHIFT(0) ? 0 : 1;
    end = min(end, (uint64_t)1 << bits);
    root &= DESC_ADDR_MASK;

    while ( *va < end )
    {
        unsigned int level, i;
        paddr_t table = root;
        uint64_t desc = 0, next;

        for ( level = first_level; level < 3; level++ )
        {
            unsigned int shift = XEN_PT_LEVEL_SHIFT(level);

            desc = 0;
            if ( read_table(d, table, buf) )
                desc = buf[(*va >> shift) & XEN_PT_LPAE_ENTRY_MASK];
            (*scanned)++;
            if ( !desc_is_table(desc) )
                break;
            table = desc & DESC_ADDR_MASK;
        }

        next = (*va | (XEN_PT_LEVEL_SIZE(min(level, 2U)) - 1)) + 1;

        if ( level < 3 && desc_valid(desc) && level > 0 )
        {
            /* A block: its pages, up to the end of a 2M piece of it. */
            uint64_t stop = min(end, (*va | (XEN_PT_LEVEL_SIZE(2) - 1)) + 1);
            uint64_t base = desc & DESC_ADDR_MASK &
                            ~(XEN_PT_LEVEL_SIZE(level) - 1);

            while ( *va < stop )
            {
                uint64_t offs = *va & (XEN_PT_LEVEL_SIZE(level) - 1);

                (*scanned)++;
                *va = (*va & PAGE_MASK) + PAGE_SIZE;
                if ( !fn(ctx, gaddr_to_gfn(base + offs)) )
                    return -ERESTART;
            }
        }
        else if ( level < 3 )
            *va = next ?: end;
        else if ( !read_table(d, table, buf) )
            *va = next ?: end;
        else
        {
            for ( i = (*va >> PAGE_SHIFT) & XEN_PT_LPAE_ENTRY_MASK;
                  i < XEN_PT_LPAE_ENTRIES && *va < end;
                  i++, *va = (*va & PAGE_MASK) + PAGE_SIZE )
            {
                gfn_t gfn = gaddr_to_gfn(buf[i] & DESC_ADDR_MASK);

                (*scanned)++;
                if ( !desc_is_table(buf[i]) )   /* page: the same two bits */
                    continue;

                /* @fn may have the buffers of this CPU used: mc_peek(). */
                if ( !fn(ctx, gfn) )
                {
                    *va = (*va & PAGE_MASK) + PAGE_SIZE;
                    return -ERESTART;
                }
            }
        }
    }

    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
