/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pretended Xen below xen-memcompress, in place of its hypercall.c: domain 0
 * without the controller, 3 and 7 with it.  What changes something is told on
 * stderr.  With an errno in the variable FAKE_XEN, every operation fails so;
 * with FAKE_DAMAGE, one page cannot be brought back; with FAKE_FULL, there are
 * frames for a hundred.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../xen-patches/tools/hypercall.h"

#define FIRST_GFN 0x40000U
#define PAGES     1000U
#define STEP      96U
#define DAMAGED   (FIRST_GFN + 200U)
#define FRAMES    100U

static uint64_t data[XMC_DATA_BYTES / 8];

void xmc_open(void)
{
}

void *xmc_data(void)
{
    return data;
}

int xmc_domains(unsigned int first, domid_t ids[], unsigned int max)
{
    static const domid_t all[] = { 0, 3, 7 };
    unsigned int i;
    int n = 0;

    /* One at a time: callers go on until there are none. */
    for ( i = 0; i < 3 && n < 1 && max; i++ )
        if ( all[i] >= first )
            ids[n++] = all[i];

    return n;
}

int xmc_key(unsigned int domid, const char *key, char *value, size_t size)
{
    bool name = !strcmp(key, "name");

    snprintf(value, size, "%s", !name ? "4096" : domid == 0 ? "Domain-0" :
             domid == 3 ? "linux" : domid == 7 ? "a \"quoted\\name" : "");

    return 0;
}

int xmc_set_key(unsigned int domid, const char *key, const char *value)
{
    fprintf(stderr, "set %u %s %s\n", domid, key, value ?: "(removed)");

    return 0;
}

/* Every field another number. */
static void stats(struct xen_mem_compress_stats *s)
{
    uint64_t *fields = (uint64_t *)s;
    unsigned int i;

    for ( i = 0; i < sizeof(*s) / 8; i++ )
        fields[i] = 1000 + i;
    s->version = XEN_DOMCTL_MEM_COMPRESS_VERSION;
    s->flags = XEN_MEM_COMPRESS_S_crc;
    s->info = XEN_MEM_COMPRESS_I_enabled | XEN_MEM_COMPRESS_I_balanced;
    s->ticks_khz = 62500;
    s->codec = XEN_MEM_COMPRESS_CODEC_lz4;
}

static void hist(struct xen_mem_compress_hist *h, unsigned int index)
{
    memset(h, 0, sizeof(*h));
    h->buckets[5] = 90;
    h->buckets[64] = 10 + index;        /* 128 ... 135 */
    h->count = 100 + index;
    h->sum = 90 * 5 + 130 * (10 + index);
    h->max = 131;
}

static uint32_t classes(struct xen_mem_compress_class *k)
{
    static const struct xen_mem_compress_class two[] = {
        { .size = 32, .chain_pages = 1 },
        { .size = 64, .chain_pages = 2, .chains = 3, .pages = 5, .slots = 300,
          .objects = 299, .head = 77 },
    };

    memcpy(k, two, sizeof(two));

    return sizeof(two);
}

static uint8_t state(uint64_t gfn)
{
    if ( gfn < FIRST_GFN || (gfn >= FIRST_GFN + 10 && gfn < FIRST_GFN + 20) )
        return XEN_MEM_COMPRESS_G_none;

    return gfn & 1 ? 0x30 | XEN_MEM_COMPRESS_G_resident
                   : XEN_MEM_COMPRESS_G_lzo;
}

/* Through in several calls. */
static int bulk(unsigned int domid, struct xen_domctl_mem_compress_op *op)
{
    uint64_t gfn = op->u.range.cursor;

    if ( gfn < FIRST_GFN )
        gfn = FIRST_GFN;
    for ( ; gfn < FIRST_GFN + PAGES; gfn++ )
    {
        bool restore = op->op == XEN_DOMCTL_MEM_COMPRESS_restore ||
                       op->op == XEN_DOMCTL_MEM_COMPRESS_disable;

        if ( restore && getenv("FAKE_FULL") && op->u.range.done == FRAMES )
            return -ENOMEM;
        if ( restore && getenv("FAKE_DAMAGE") && gfn == DAMAGED )
        {
            /* As Xen: the batch is over, and the cursor is at its start. */
            if ( op->u.range.cursor < DAMAGED - 5 )
                op->u.range.cursor = DAMAGED - 5;
            return -EIO;
        }
        if ( op->u.range.wanted && op->u.range.done == op->u.range.wanted )
            break;
        op->u.range.done++;
        if ( gfn % STEP == STEP - 1 )
        {
            op->u.range.cursor = gfn + 1;
            return domid == 3 ? -EAGAIN : -EINTR;
        }
    }
    op->u.range.cursor = gfn;

    return 0;
}

static int object(struct xen_domctl_mem_compress_op *op)
{
    switch ( op->u.object.gfn - FIRST_GFN )
    {
    case 0:
        op->u.object.state = XEN_MEM_COMPRESS_G_lzo;
        op->u.object.size = 6;
        op->u.object.crc = 0xfedcba98;
        op->u.object.codec = XEN_MEM_COMPRESS_CODEC_lz4;
        memcpy(data, "object", 6);
        return 0;
    case 1:
        op->u.object.state = XEN_MEM_COMPRESS_G_same;
        op->u.object.pattern = 0xffffffffffffffff;
        return 0;
    case 2:
        op->u.object.state = XEN_MEM_COMPRESS_G_resident;
        return 0;
    }

    return -ENOENT;
}

int xmc_op(unsigned int domid, struct xen_domctl_mem_compress_op *op)
{
    static const char *const names[] = {
        "enable", "disable", "get_stats", "get_hist", "set", "compress",
        "restore", "get_states", "read_object", "sweep",
    };
    const char *error = getenv("FAKE_XEN");

    if ( error )
        return -atoi(error);
    if ( op->op == XEN_DOMCTL_MEM_COMPRESS_get_stats && !domid )
    {
        /* Not on for it, but of the host it tells. */
        struct xen_mem_compress_stats *s = (void *)data, all;

        stats(&all);
        memset(s, 0, sizeof(*s));
        s->version = all.version;
        s->host_total = all.host_total;
        return 0;
    }
    if ( domid != 3 && domid != 7 )
        return domid ? -ESRCH : -EOPNOTSUPP;

    switch ( op->op )
    {
    case XEN_DOMCTL_MEM_COMPRESS_enable:
    case XEN_DOMCTL_MEM_COMPRESS_set:
        fprintf(stderr, "%s %u flags=%" PRIu32 " sweep=%" PRIu32
                " compressed=%" PRIu64 " store=%" PRIu64 " held=%" PRIu32
                " codec=%" PRIu32 "\n", names[op->op],
                domid, op->u.setup.flags, op->u.setup.sweep_ms,
                (uint64_t)op->u.setup.max_compressed,
                (uint64_t)op->u.setup.max_store_pages, op->u.setup.max_held,
                op->u.setup.codec);
        return 0;
    case XEN_DOMCTL_MEM_COMPRESS_get_stats:
        stats((struct xen_mem_compress_stats *)data);
        return 0;
    case XEN_DOMCTL_MEM_COMPRESS_get_hist:
        hist((struct xen_mem_compress_hist *)data, op->u.buffer.index);
        return 0;
    case XEN_DOMCTL_MEM_COMPRESS_get_states:
    {
        uint64_t first = op->u.states.first, n = op->u.states.nr, i;

        op->u.states.max_gfn = FIRST_GFN + PAGES - 1;
        if ( n > FIRST_GFN + PAGES - first )
            n = FIRST_GFN + PAGES - first;
        for ( i = 0; i < n; i++ )
            ((uint8_t *)data)[i] = state(first + i);
        op->u.states.first = first + n;
        op->u.states.nr = n;
        return 0;
    }
    case XEN_DOMCTL_MEM_COMPRESS_read_object:
        return object(op);
    case XEN_DOMCTL_MEM_COMPRESS_get_classes:
        op->u.buffer.size = classes((struct xen_mem_compress_class *)data);
        return 0;
    default:
        fprintf(stderr, "%s %u min_age=%" PRIu32 " cursor=%" PRIu64 "\n",
                names[op->op], domid, op->u.range.min_age,
                (uint64_t)op->u.range.cursor);
        return bulk(domid, op);
    }
}
