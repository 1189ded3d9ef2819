/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has to be done to a frame before it changes hands, and whether it was:
 * in debug builds each frame tells, and those who hand it over assert it.
 *
 *      domain                                controller
 *        | FLUSHED, and CLEANED_OUT if it is read  |
 *        +---------------------------------------->+  compressed
 *        |                                         |
 *        | WRITTEN, then CLEANED_IN                |
 *        +<----------------------------------------+  restored
 *                                                  |
 *                               heap, no owner: the allocator scrubs
 */
#ifndef MEM_COMPRESS_HANDOVER_H
#define MEM_COMPRESS_HANDOVER_H

#include <xen/bitops.h>
#include <xen/lib.h>
#include <xen/mm.h>

/* Bits of page_info.pad, which nobody else uses. */
enum mc_handover {
    MC_FLUSHED,               /* no TLB has it any more                    */
    MC_CLEANED_OUT,           /* memory has what the domain wrote          */
    MC_WRITTEN,               /* all bytes, for the next owner             */
    MC_CLEANED_IN,            /* memory has what was written               */
};

#ifndef NDEBUG

static inline void mc_handover_did(struct page_info *pg, enum mc_handover what)
{
    /* Who has been overtaken may be at it still. */
    set_bit(what, &pg->pad);
}

static inline void mc_handover_assert(const struct page_info *pg,
                                      enum mc_handover what)
{
    ASSERT(test_bit(what, &pg->pad));
}

static inline void mc_handover_over(struct page_info *pg)
{
    write_atomic(&pg->pad, 0UL);
}

#else

static inline void mc_handover_did(struct page_info *pg,
                                   enum mc_handover what) {}
static inline void mc_handover_assert(const struct page_info *pg,
                                      enum mc_handover what) {}
static inline void mc_handover_over(struct page_info *pg) {}

#endif

#endif /* MEM_COMPRESS_HANDOVER_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
