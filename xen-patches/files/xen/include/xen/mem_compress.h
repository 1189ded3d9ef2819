/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rest of Xen may call of the memory compression controller.
 *
 * Everything here is a no-op, and compiles to nothing, without
 * CONFIG_MEM_COMPRESS, and costs one test of a pointer for a domain that was
 * not opted in.
 */
#ifndef __XEN_MEM_COMPRESS_H__
#define __XEN_MEM_COMPRESS_H__

#include <xen/errno.h>
#include <xen/guest_access.h>
#include <xen/lib.h>
#include <xen/mm-frame.h>
#include <xen/types.h>

#include <public/mem_compress.h>

struct domain;
struct vcpu;
struct xen_domctl;
struct xen_domctl_mem_compress_op;

#ifdef CONFIG_MEM_COMPRESS

struct mem_compress;

/* Boot option "mem_compress"; domains are opted in one by one. */
extern bool opt_mem_compress;
/* ... and "mem_compress=no-hw-af": have access-flag faults do the ageing. */
extern bool opt_mem_compress_hw_af;

/* Was the controller switched on for @d?  Stays true until @d is destroyed. */
#define mem_compress_enabled(d) ((d)->mem_compress != NULL)

/* Outcome of a stage-2 fault as seen by the controller. */
enum mem_compress_fault {
    /* Nothing of ours: go on as if the controller was not there. */
    MEM_COMPRESS_NOT_OURS,
    /*
     * Resolved, being resolved by somebody else, or the vCPU was put to sleep
     * until a frame appears: return to the guest, let it execute the
     * instruction once more.
     */
    MEM_COMPRESS_RETRY,
};

/*
 * Stage-2 translation fault of the current vCPU at @gfn.  @cause is one of
 * XEN_MEM_COMPRESS_C_{data,insn,s1walk}.  To be called before anything decodes
 * the instruction or looks for MMIO handlers.
 */
enum mem_compress_fault mem_compress_translation_fault(gfn_t gfn,
                                                       unsigned int cause);

/* Stage-2 access-flag fault of the current vCPU at @gfn. */
enum mem_compress_fault mem_compress_access_fault(gfn_t gfn);

/*
 * Xen itself is about to look up @gfn of @d: make it resident.  Never sleeps
 * and never reclaims; may take frames that guests' faults have to leave.
 *
 * 0        the lookup is worth (re)trying
 * -ENOMEM  not even the part of the reserve kept for this has a frame left
 * -EINVAL  @d is dying
 * -EIO     the stored object is corrupt; @d was paused
 */
int mem_compress_populate(struct domain *d, gfn_t gfn, unsigned int cause);

/*
 * How often a lookup may find that a page is compressed again.  More than once
 * it is only if the domain does nothing else but give that page up.
 */
#define MEM_COMPRESS_TRIES 16U

/* Xen or a backend has used @gfn, which sets no access flag: it is young. */
void mem_compress_touch(struct domain *d, gfn_t gfn);

/*
 * The current vCPU's runstate area is about to be written (@begin), or has
 * been, by virtual address: which is done in each context switch, no place to
 * decode a page.  Whatever page has to be looked up for it, be it of the area
 * or of the tables that lead there, is excluded from then on.
 */
void mem_compress_runstate(bool begin);

/*
 * A processor has nothing to do.  False: neither has the controller; true: it
 * had, and wants to be called again after softirqs.
 */
bool mem_compress_idle(void);

/*
 * The content of @gfn is given up (balloon-out).  True: @gfn was compressed,
 * its object and its p2m entry are gone, there is no frame to free.  False:
 * there is a frame at @gfn, or nothing at all: remove it the ordinary way.
 */
bool mem_compress_drop(struct domain *d, gfn_t gfn);

/*
 * @gfn was seen at @mfn (perhaps INVALID_MFN), and something failed.  Is that
 * because @gfn was compressed, or restored elsewhere, since?
 */
bool mem_compress_moved(struct domain *d, gfn_t gfn, mfn_t mfn);

/* @nr pages were ballooned out of @d (in, if negative): keep the books. */
void mem_compress_ballooned(struct domain *d, long nr);

/*
 * Pages of @d that are not in tot_pages but have a right to come back.  With
 * d->page_alloc_lock the sum of both is exact.
 */
unsigned long mem_compress_pages(const struct domain *d);

/* Guest hypercall: XENMEM_compress_op. */
long mem_compress_op(XEN_GUEST_HANDLE_PARAM(void) arg);

/* Toolstack: XEN_DOMCTL_mem_compress_op.  -ERESTART: continue, copy back. */
int mem_compress_domctl(struct domain *d,
                        struct xen_domctl_mem_compress_op *op);

/*
 * Teardown.  The first frees what is stored, preemptibly (-ERESTART), after
 * is_dying was set; the second frees the rest when nothing refers to @d.
 */
int mem_compress_relinquish(struct domain *d);
void mem_compress_destroy(struct domain *d);

#else /* !CONFIG_MEM_COMPRESS */

#define mem_compress_enabled(d) ((void)(d), false)

#define MEM_COMPRESS_TRIES 0U

static inline int mem_compress_populate(struct domain *d, gfn_t gfn,
                                        unsigned int cause)
{
    ASSERT_UNREACHABLE();
    return -EOPNOTSUPP;
}

static inline void mem_compress_touch(struct domain *d, gfn_t gfn) {}
static inline void mem_compress_runstate(bool begin) {}
static inline bool mem_compress_idle(void) { return false; }

static inline bool mem_compress_drop(struct domain *d, gfn_t gfn)
{
    return false;
}

static inline bool mem_compress_moved(struct domain *d, gfn_t gfn, mfn_t mfn)
{
    return false;
}

static inline void mem_compress_ballooned(struct domain *d, long nr) {}

static inline unsigned long mem_compress_pages(const struct domain *d)
{
    return 0;
}

static inline void mem_compress_destroy(struct domain *d) {}

#endif /* CONFIG_MEM_COMPRESS */

#endif /* __XEN_MEM_COMPRESS_H__ */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
