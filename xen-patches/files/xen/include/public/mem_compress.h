/* SPDX-License-Identifier: MIT */
/*
 * mem_compress.h
 *
 * Guest and toolstack interface of the memory compression controller.
 *
 * A guest only ever *asks*: it names one of its own processes by the root of
 * that process's stage-1 page table, and Xen chooses, compresses and restores.
 * The toolstack switches the controller on for a domain before that domain
 * first runs, reads its books and can force everything in or out.
 *
 * All structures are naturally aligned, have no implicit padding, and mean the
 * same to 32- and 64-bit callers.  Reserved and padding fields, and whatever
 * of the union u is behind the member that an operation uses, must be zero;
 * anything else is refused with -EINVAL.  What a field marked OUT has on the
 * way in does not matter.
 *
 * Stability.  As long as SUPPORT.md does not call memory compression supported
 * everything here may change from release to release.  After that:
 *  - the guest interface is stable: XEN_MEM_COMPRESS_INTERFACE_VERSION tells
 *    its layout, and Xen goes on to take any version it has ever released.
 *    Operations and flags may be added to a version; a caller finds out by
 *    -EINVAL, which has changed nothing, and has to do without;
 *  - the toolstack interface is as stable as any other domctl, that is, not at
 *    all: XEN_DOMCTL_MEM_COMPRESS_VERSION changes with every release that has
 *    changed anything, and Xen takes this version only.  Fields are added at
 *    the end of struct xen_mem_compress_stats, or in place of padding.
 */

#ifndef __XEN_PUBLIC_MEM_COMPRESS_H__
#define __XEN_PUBLIC_MEM_COMPRESS_H__

#include "xen.h"

/* Of the guest interface: see "Stability" above. */
#define XEN_MEM_COMPRESS_INTERFACE_VERSION 1

/* -------------------------------------------------------------------------
 * Guest interface: HYPERVISOR_memory_op(XENMEM_compress_op, &op)
 *
 * Returns 0, or a negative errno:
 *   -EOPNOTSUPP  controller not built in, not enabled for the caller, or the
 *                caller's translation regime is not one Xen can walk
 *   -EINVAL      bad version, unknown operation or flag, reserved field not 0
 *   -EFAULT      the argument could not be read or written
 *   -EACCES      the XSM policy does not give the caller mmu:compress
 *   -ENOMEM      the reserve cannot be filled: compression would be unsafe
 *   -EBUSY       the domain is being torn down or its quota is used up
 */
#define XENMEM_compress_op 29

/*
 * Compress pages that the process with stage-1 root u.range.root maps in the
 * virtual range [first, end), oldest first.
 */
#define XENMEM_compress_op_request       0
/* Restore what the same range maps, in bulk, before it is needed. */
#define XENMEM_compress_op_restore_hint  1
/*
 * The content of the listed gfns is not needed any more, compressed or not:
 * reads give zero, or what was there where a page could not be taken away.
 */
#define XENMEM_compress_op_discard       2
/* Never compress gfns [first, first + nr); their content is restored first. */
#define XENMEM_compress_op_exclude       3
/* Undo an exclusion. */
#define XENMEM_compress_op_include       4
/* The caller's own numbers. */
#define XENMEM_compress_op_query         5

/*
 * For request and restore_hint: ignore @root, and take every page of the
 * domain; [first, end) is then a range of guest physical addresses.
 */
#define XENMEM_compress_f_whole_domain   (1U << 0)

struct xen_mem_compress_range {
    /*
     * IN: guest physical address of the stage-1 root table (mm->pgd, not the
     * value of TTBR0_EL1, which may be a reserved directory while in the
     * kernel).  Low and high attribute bits (CnP, ASID) are ignored.
     */
    uint64_t root;
    /* IN: first address. */
    uint64_t first;
    /* IN/OUT: Xen's cursor, where it goes on; start with @first. */
    uint64_t start;
    /* IN: first address not looked at; start == end says that all is done. */
    uint64_t end;
    /* IN: stop after so many pages; 0 stands for no limit. */
    uint32_t wanted;
    /* IN: only pages that were not accessed for so many sweeps (0-15). */
    uint8_t min_age;
    /*
     * IN/OUT: Xen's cursor through the ages when @wanted is not 0 (the range
     * is gone through once for each step, oldest pages first); start with 0.
     */
    uint8_t pass;
    uint8_t pad[2];
    /* IN/OUT: leaf entries looked at; the caller sets 0 first. */
    uint32_t scanned;
    /* IN/OUT: pages compressed (request) or restored (restore_hint). */
    uint32_t done;
};
typedef struct xen_mem_compress_range xen_mem_compress_range_t;

struct xen_mem_compress_gfns {
    /* IN: array of @nr guest frame numbers (discard). */
    union {
        XEN_GUEST_HANDLE(uint64_t) h;
        uint64_t pad;
    } list;
    /* IN: number of elements. */
    uint32_t nr;
    /* IN/OUT: elements worked off; the caller sets 0 first. */
    uint32_t done;
};
typedef struct xen_mem_compress_gfns xen_mem_compress_gfns_t;

struct xen_mem_compress_span {
    /* IN: first gfn and number of gfns (exclude, include). */
    uint64_t first;
    uint64_t nr;
};
typedef struct xen_mem_compress_span xen_mem_compress_span_t;

struct xen_mem_compress_query {
    /* OUT: pages of the calling domain that are compressed now. */
    uint64_t compressed;
    /* OUT: of these, pages of one repeated word (zero included). */
    uint64_t same_filled;
    /* OUT: frames the store spends on the others. */
    uint64_t store_pages;
    /* OUT: restores since the domain was created, whatever their cause. */
    uint64_t restores;
    /* OUT: frames that the host spends on it: pages, store, split tables. */
    uint64_t held;
    /*
     * OUT: counter ticks that restores of single pages, which somebody was
     * waiting for, took since the domain was created, with what it took to
     * make room for them where the domain may hold no more.
     */
    uint64_t stall_ticks;
};
typedef struct xen_mem_compress_query xen_mem_compress_query_t;

struct xen_mem_compress_op {
    /* IN: XEN_MEM_COMPRESS_INTERFACE_VERSION. */
    uint32_t version;
    /* IN: XENMEM_compress_op_*. */
    uint16_t op;
    /* IN: XENMEM_compress_f_*. */
    uint16_t flags;
    union {
        xen_mem_compress_range_t range;
        xen_mem_compress_gfns_t gfns;
        xen_mem_compress_span_t span;
        xen_mem_compress_query_t query;
        /* IN: zero behind the operation's member (query: ignored). */
        uint64_t pad[6];
    } u;
};
typedef struct xen_mem_compress_op xen_mem_compress_op_t;
DEFINE_XEN_GUEST_HANDLE(xen_mem_compress_op_t);

#if defined(__XEN__) || defined(__XEN_TOOLS__)
/* -------------------------------------------------------------------------
 * Toolstack interface: XEN_DOMCTL_mem_compress_op (domctl.h), argument
 * struct xen_domctl_mem_compress_op.  For the control domain, or whom the XSM
 * policy gives domain2:mem_compress_op; never for a guest.
 *
 * Returns 0, or a negative errno:
 *   -ENOSYS      the controller is not built in
 *   -EOPNOTSUPP  it is not on for the domain, or was disabled again
 *   -EINVAL      bad version, unknown operation or flag, a value out of range,
 *                something that is reserved, padding or not used is not 0
 *   -EFAULT      data could not be copied
 *   -ENOBUFS     more data than the caller has room for
 *   -ENOMEM      no memory for it, or the reserve cannot be filled
 *   -EBUSY       the domain is being torn down
 *   -EAGAIN      (read_object) somebody else is at the page: try again
 *   -EIO         a stored object is damaged; the domain was paused
 * and what enable says besides.
 */
#define XEN_DOMCTL_MEM_COMPRESS_VERSION 1

/*
 * Switch the controller on for the domain (u.setup), before it first runs.
 *   -ENODEV      switched off for the host, by "mem_compress=no" at boot
 *   -EOPNOTSUPP  a kind of domain that cannot be compressed: the hardware
 *                domain, 32-bit, direct-mapped, with static memory or cache
 *                colours, with devices passed through, or with mem_access; or
 *                S_sw_af where the CPU keeps the flag for all domains
 *   -EEXIST      on already
 *   -EBUSY       the domain ran already
 */
#define XEN_DOMCTL_MEM_COMPRESS_enable        0
/*
 * Restore everything (u.range, as restore) and never compress anything of this
 * domain again: the emergency exit.
 */
#define XEN_DOMCTL_MEM_COMPRESS_disable       1
/*
 * Copy struct xen_mem_compress_stats to u.buffer.  Also for a domain that the
 * controller is not on for: all 0 then but what is said of the host.
 */
#define XEN_DOMCTL_MEM_COMPRESS_get_stats     2
/* Copy one histogram (u.buffer.index) to u.buffer. */
#define XEN_DOMCTL_MEM_COMPRESS_get_hist      3
/* Change the limits given by enable (u.setup). */
#define XEN_DOMCTL_MEM_COMPRESS_set           4
/*
 * Compress eligible pages that are at least u.range.min_age old, oldest first
 * if u.range.wanted says how many.
 */
#define XEN_DOMCTL_MEM_COMPRESS_compress      5
/* Restore compressed pages (u.range). */
#define XEN_DOMCTL_MEM_COMPRESS_restore       6
/*
 * One state byte per gfn of [first, first + nr) to u.states.  May stop early:
 * go on at what first is then.
 */
#define XEN_DOMCTL_MEM_COMPRESS_get_states    7
/* The stored object of one gfn, as it lies in the store (u.object). */
#define XEN_DOMCTL_MEM_COMPRESS_read_object   8
/* Age every page by one sweep, now (u.range, of which only the cursor). */
#define XEN_DOMCTL_MEM_COMPRESS_sweep         9
/* Set what belongs to the host (u.host); the domain is the hardware domain. */
#define XEN_DOMCTL_MEM_COMPRESS_set_host     10
/* Copy an array of struct xen_mem_compress_class to u.buffer. */
#define XEN_DOMCTL_MEM_COMPRESS_get_classes  11

/* How objects are made. */
#define XEN_MEM_COMPRESS_CODEC_lzo    0  /* LZO1X-1 */
#define XEN_MEM_COMPRESS_CODEC_lz4    1  /* LZ4, a block without a frame */
#define XEN_MEM_COMPRESS_NR_CODECS    2

struct xen_mem_compress_setup {
    /* IN: XEN_MEM_COMPRESS_S_*. */
    uint32_t flags;
#define XEN_MEM_COMPRESS_S_crc       (1U << 0) /* check objects when used
                                                * (a debug build always
                                                * does) */
#define XEN_MEM_COMPRESS_S_guest_ops (1U << 1) /* the guest may ask */
#define XEN_MEM_COMPRESS_S_sw_af     (1U << 2) /* age by access-flag faults
                                                * (always so where the CPU
                                                * does not set the flag) */
#define XEN_MEM_COMPRESS_S_codec_only (1U << 3) /* no page is told apart as
                                                 * same-filled: to measure
                                                 * what that is good for */
    /* IN: milliseconds between two sweeps; 0 switches periodic sweeps off. */
    uint32_t sweep_ms;
    /* IN: at most so many compressed pages; 0 stands for no limit. */
    uint64_aligned_t max_compressed;
    /* IN: at most so many frames of store; 0 stands for no limit. */
    uint64_aligned_t max_store_pages;
    /*
     * IN: XEN_MEM_COMPRESS_CODEC_* that objects are made with from now on.
     * Those that exist remember theirs.
     */
    uint32_t codec;
    /*
     * IN: while the host is short of memory idle processors compress pages of
     * domains in proportion to their weights (up to 10000); 0: none of this.
     */
    uint32_t weight;
    /*
     * IN: what idle processors take was not accessed for so many sweeps
     * (1-15; 0 stands for 1).
     */
    uint32_t min_age;
    /*
     * IN: frames that the domain may hold, for its pages, their store and
     * split tables (at least 1024); 0 stands for no limit.  A fault that
     * brings a page back beyond it compresses others, older ones first but in
     * the end what is in use, other than what came back since the last sweep
     * (so there have to be sweeps).  It cannot limit what does not compress.
     */
    uint32_t max_held;
};
typedef struct xen_mem_compress_setup xen_mem_compress_setup_t;

struct xen_mem_compress_host {
    /*
     * IN, in pages: idle processors begin to compress when less than low is
     * free in the heap, and end when high is.  low <= high; 0 for both: never.
     */
    uint64_aligned_t low;
    uint64_aligned_t high;
};
typedef struct xen_mem_compress_host xen_mem_compress_host_t;

/* State byte of one gfn: low nibble what it is, high nibble its age. */
#define XEN_MEM_COMPRESS_G_none         0  /* nothing, or not RAM */
#define XEN_MEM_COMPRESS_G_resident     1
#define XEN_MEM_COMPRESS_G_compressing  2
#define XEN_MEM_COMPRESS_G_zero         3  /* compressed, all bytes zero */
#define XEN_MEM_COMPRESS_G_same         4  /* compressed, one repeated word */
#define XEN_MEM_COMPRESS_G_lzo          5  /* compressed, an object of the
                                            * store, of whatever codec */
#define XEN_MEM_COMPRESS_G_excluded     6  /* resident, and stays so */
#define XEN_MEM_COMPRESS_G_discarded    7  /* given up by the guest: zero */
#define XEN_MEM_COMPRESS_G_state(b)     ((b) & 0xf)
#define XEN_MEM_COMPRESS_G_age(b)       ((b) >> 4)

/* Why a page was restored. */
#define XEN_MEM_COMPRESS_C_data      0  /* data abort */
#define XEN_MEM_COMPRESS_C_insn      1  /* instruction abort */
#define XEN_MEM_COMPRESS_C_s1walk    2  /* the CPU's walk of a stage-1 table */
#define XEN_MEM_COMPRESS_C_xen       3  /* Xen's own access to guest memory */
#define XEN_MEM_COMPRESS_C_grant     4  /* grant map or copy */
#define XEN_MEM_COMPRESS_C_foreign   5  /* map by another domain */
#define XEN_MEM_COMPRESS_C_hint      6  /* restore_hint */
#define XEN_MEM_COMPRESS_C_forced    7  /* toolstack restore, or disable */
#define XEN_MEM_COMPRESS_NR_CAUSES   8

/* Ages are counted in sweeps, from 0; the last is "that old or older". */
#define XEN_MEM_COMPRESS_NR_AGES    16

/* What the controller has a processor for. */
#define XEN_MEM_COMPRESS_T_fault     0  /* of a guest */
#define XEN_MEM_COMPRESS_T_reclaim   1  /* likewise, with direct reclaim */
#define XEN_MEM_COMPRESS_T_guest     2  /* hypercall of a guest */
#define XEN_MEM_COMPRESS_T_toolstack 3  /* domctl */
#define XEN_MEM_COMPRESS_T_xen       4  /* Xen's own access to guest memory */
#define XEN_MEM_COMPRESS_T_timer     5  /* sweeps, compaction, the reserve */
#define XEN_MEM_COMPRESS_T_idle      6  /* compression by idle processors */
#define XEN_MEM_COMPRESS_T_end       7  /* of a domain */
#define XEN_MEM_COMPRESS_NR_STAYS    8

struct xen_mem_compress_stats {
    /* XEN_DOMCTL_MEM_COMPRESS_VERSION. */
    uint32_t version;
    /* XEN_MEM_COMPRESS_S_* in force. */
    uint32_t flags;
    /* XEN_MEM_COMPRESS_I_*. */
    uint32_t info;
#define XEN_MEM_COMPRESS_I_enabled   (1U << 0)
#define XEN_MEM_COMPRESS_I_hw_af     (1U << 1) /* the CPU sets the flag */
#define XEN_MEM_COMPRESS_I_balanced  (1U << 2) /* the books below balance */
    /* Frequency of the counter that the histograms tick in. */
    uint32_t ticks_khz;

    /*
     * The books, in pages: resident + compressed + discarded + ballooned ==
     * nominal.  Pages that are being compressed still have their frame and
     * are part of resident.
     */
    uint64_aligned_t nominal;
    uint64_aligned_t resident;
    uint64_aligned_t compressing;
    uint64_aligned_t compressed;
    uint64_aligned_t discarded;
    uint64_aligned_t ballooned;

    /* compressed == zero + same + lzo; the latter are objects of the store */
    uint64_aligned_t zero;
    uint64_aligned_t same;
    uint64_aligned_t lzo;

    /* What is spent to get the above. */
    uint64_aligned_t stored_bytes;   /* compressed bytes, useful ones only */
    uint64_aligned_t store_pages;    /* frames that hold them */
    uint64_aligned_t table_pages;    /* stage-2 tables made by splitting */
    uint64_aligned_t meta_bytes;     /* ages, histograms, per-domain state */

    /* The host, in pages. */
    uint64_aligned_t host_total;
    uint64_aligned_t host_free;      /* in the heap, without the reserve */
    uint64_aligned_t reserve;        /* frames held for restores */
    uint64_aligned_t reserve_target;

    /* Events since the domain was created. */
    uint64_aligned_t restores[XEN_MEM_COMPRESS_NR_CAUSES];
    uint64_aligned_t nominated;      /* pages taken up for compression */
    uint64_aligned_t committed;      /* pages compressed */
    uint64_aligned_t rejected;       /* did not compress well enough */
    uint64_aligned_t cancelled;      /* accessed while being compressed */
    uint64_aligned_t freeze_failed;  /* referenced at the moment of commit */
    uint64_aligned_t no_memory;      /* the store could not grow */
    uint64_aligned_t collisions;     /* met a restore by another CPU */
    uint64_aligned_t lost_races;     /* restored, but overwritten meanwhile */
    uint64_aligned_t dropped;        /* compressed, gone without decoding */
    uint64_aligned_t refaults;       /* restored within two sweeps */
    uint64_aligned_t corrupted;      /* objects that failed their check */
    uint64_aligned_t waits;          /* vCPUs that slept for a frame */
    uint64_aligned_t flushes;        /* TLB flushes by the controller */
    uint64_aligned_t sweeps;         /* complete ageing sweeps */
    uint64_aligned_t splits;         /* blocks split into pages */
    uint64_aligned_t requests;       /* guest hypercalls */
    /* To compress: leaf entries of a process, gfns of a whole domain. */
    uint64_aligned_t scanned;
    uint64_aligned_t moved;          /* objects moved by compaction */
    uint64_aligned_t reclaims;       /* direct reclaims in a guest's fault */

    /*
     * Resident pages by age in sweeps; the last is "that old or older".  What
     * is excluded, or did not compress and was not accessed since, is among
     * those of age 0.
     */
    uint64_aligned_t ages[XEN_MEM_COMPRESS_NR_AGES];

    /* XEN_MEM_COMPRESS_CODEC_* that objects are made with. */
    uint64_aligned_t codec;
    /* Objects of the store that LZ4 made; LZO made the others. */
    uint64_aligned_t lz4;

    /* What is set, see struct xen_mem_compress_setup. */
    uint64_aligned_t sweep_ms;
    uint64_aligned_t max_compressed;
    uint64_aligned_t max_store_pages;
    uint64_aligned_t weight;
    uint64_aligned_t min_age;

    /* The host's watermarks, see struct xen_mem_compress_host. */
    uint64_aligned_t low;
    uint64_aligned_t high;
    /* Of the pages committed: by idle processors. */
    uint64_aligned_t background;

    /*
     * The host since it was booted, in ticks: the longest stretch for which
     * the controller had a processor without a look at whether somebody else
     * wants it, by XEN_MEM_COMPRESS_T_*; and the longest fault in which pages
     * were compressed to get a frame, or to stay within max_held, from call
     * to return.
     */
    uint64_aligned_t stretch[XEN_MEM_COMPRESS_NR_STAYS];
    uint64_aligned_t reclaim_fault;

    /* What is set; and of the pages committed: to hold no more than that. */
    uint64_aligned_t max_held;
    uint64_aligned_t limited;
};
typedef struct xen_mem_compress_stats xen_mem_compress_stats_t;
DEFINE_XEN_GUEST_HANDLE(xen_mem_compress_stats_t);

/*
 * One size class of the store.  An object is in the smallest class that has
 * room for it, in a slot of a chain of pages.
 */
struct xen_mem_compress_class {
    uint32_t size;                   /* bytes of a slot */
    uint32_t chain_pages;            /* pages of a complete chain */
    uint32_t chains;                 /* of this class */
    uint32_t pages;                  /* that the chains have now */
    uint32_t slots;                  /* in these pages */
    uint32_t objects;                /* slots in use */
    uint32_t head;                   /* bytes of a chain that describe it and
                                      * its objects, checksums included */
    uint32_t pad;
};
typedef struct xen_mem_compress_class xen_mem_compress_class_t;
DEFINE_XEN_GUEST_HANDLE(xen_mem_compress_class_t);

/* There are no more classes than that, ever. */
#define XEN_MEM_COMPRESS_MAX_CLASSES     64

/*
 * Histograms are log-linear: values below 16 have a bucket each, above that
 * every octave has 16.  Bucket of v >= 16, with e = floor(log2 v):
 * 16 * (e - 3) + ((v >> (e - 4)) & 15).
 */
#define XEN_MEM_COMPRESS_H_restore_lzo    0  /* whole restore in a fault */
#define XEN_MEM_COMPRESS_H_restore_same   1
#define XEN_MEM_COMPRESS_H_restore_bulk   2  /* hint or forced, per page */
#define XEN_MEM_COMPRESS_H_decode         3  /* the codec's share of it */
#define XEN_MEM_COMPRESS_H_compress       4  /* per page, all of it */
#define XEN_MEM_COMPRESS_H_encode         5  /* the codec's share */
#define XEN_MEM_COMPRESS_NR_HISTS         6
#define XEN_MEM_COMPRESS_HIST_BUCKETS   480  /* up to 2^33 ticks */

struct xen_mem_compress_hist {
    uint64_aligned_t count;          /* of values */
    uint64_aligned_t sum;            /* of all of them, in ticks */
    uint64_aligned_t max;            /* the largest, in ticks */
    uint64_aligned_t buckets[XEN_MEM_COMPRESS_HIST_BUCKETS];
};
typedef struct xen_mem_compress_hist xen_mem_compress_hist_t;
DEFINE_XEN_GUEST_HANDLE(xen_mem_compress_hist_t);

/*
 * Extra data of the trace records TRC_MEM_COMPRESS_* (trace.h), for one page:
 *   nominate   taken up; kind, cause and value are 0
 *   commit     compressed: kind; value: bytes of its object
 *   reject     stays after all; value: negative errno, of which -E2BIG says
 *              that it does not compress well enough, -EAGAIN that it was
 *              accessed meanwhile, -EBUSY that somebody held a reference or
 *              a limit is reached
 *   restore    resident again: kind, and XEN_MEM_COMPRESS_C_* as cause
 */
struct xen_mem_compress_trace {
    uint64_aligned_t gfn;            /* of the page */
    uint16_t domid;                  /* whose page */
    uint8_t kind;                    /* XEN_MEM_COMPRESS_G_* */
    uint8_t cause;                   /* XEN_MEM_COMPRESS_C_* */
    int32_t value;                   /* see above */
};

struct xen_domctl_mem_compress_op {
    /* IN: XEN_DOMCTL_MEM_COMPRESS_*. */
    uint32_t op;
    /* IN: XEN_DOMCTL_MEM_COMPRESS_VERSION. */
    uint32_t version;
    union {
        /* enable, set */
        xen_mem_compress_setup_t setup;
        /* set_host */
        xen_mem_compress_host_t host;
        struct {
            /* IN: XEN_MEM_COMPRESS_H_* (get_hist), else 0. */
            uint32_t index;
            /* IN: bytes at @data. OUT: bytes written. */
            uint32_t size;
            /* IN: where the data goes. */
            XEN_GUEST_HANDLE_64(uint8) data;
        } buffer;                    /* get_stats, get_hist, get_classes */
        struct {
            /* IN: pages must be this old (compress), else 0. */
            uint32_t min_age;
            uint32_t pad;
            /*
             * IN: stop after so many pages; 0 stands for no limit (compress,
             * restore), else 0.
             */
            uint64_aligned_t wanted;
            /* IN/OUT: cursor, the gfn to go on at; start with 0. */
            uint64_aligned_t cursor;
            /*
             * IN/OUT: pages compressed or restored; start with 0 (sweep:
             * stays 0).
             */
            uint64_aligned_t done;
        } range;                     /* compress, restore, disable, sweep */
        struct {
            /* IN: first gfn; OUT: the gfn after the last one reported. */
            uint64_aligned_t first;
            /* IN: number of gfns; OUT: number of bytes written. */
            uint64_aligned_t nr;
            /* OUT: highest gfn that was ever mapped. */
            uint64_aligned_t max_gfn;
            /* IN: where the bytes go. */
            XEN_GUEST_HANDLE_64(uint8) data;
        } states;                    /* get_states */
        struct {
            /* IN: which page. */
            uint64_aligned_t gfn;
            /* OUT: XEN_MEM_COMPRESS_G_* of it. */
            uint32_t state;
            /* IN: bytes at @data. OUT: bytes written (lzo). */
            uint32_t size;
            /* OUT: the repeated word (zero, same). */
            uint64_aligned_t pattern;
            /* OUT: CRC32C of the object (lzo). */
            uint32_t crc;
            /* IN: 0. OUT: XEN_MEM_COMPRESS_CODEC_* of the object (lzo). */
            uint32_t codec;
            /* IN: where the object goes. */
            XEN_GUEST_HANDLE_64(uint8) data;
        } object;                    /* read_object */
    } u;
};
typedef struct xen_domctl_mem_compress_op xen_domctl_mem_compress_op_t;

#endif /* __XEN__ || __XEN_TOOLS__ */

#endif /* __XEN_PUBLIC_MEM_COMPRESS_H__ */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
