/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at a page without bringing it back: for the walk of a process'
 * tables, and for the toolstack.
 *
 * BUSY keeps away whoever needs the page, so it is held for as long as it
 * takes to copy an object: what is done with the copy is nobody's business.
 */
#include <xen/sched.h>

#include "private.h"

int mc_copy_object(struct domain *d, gfn_t gfn, struct mc_leaf *leaf,
                   struct mc_obj *obj, void *buf)
{
    struct mc_out out = { .gfn = gfn };
    const void *data;
    int rc = 0;

    arch_mc_begin_restore(d, &out, 1);
    if ( out.found != MC_FOUND_LEAF )
        return out.found == MC_FOUND_BUSY ? -EAGAIN : -ENOENT;

    *leaf = out.leaf;
    if ( leaf->kind == MC_KIND_OBJECT )
    {
        data = mc_store_open(&d->mem_compress->store, leaf->payload, obj, buf);
        if ( !data )
            rc = -EIO;
        else if ( data != buf )
            memcpy(buf, data, obj->len);
    }

    /* No frame: let go of it. */
    arch_mc_end_restore(d, &out, 1, XEN_MEM_COMPRESS_C_xen);

    return rc;
}

int mc_peek(struct domain *d, gfn_t gfn, void *buf)
{
    void *copy = this_cpu(mc_cpu)->bounce;
    struct mc_leaf leaf;
    struct mc_obj obj;
    unsigned int tries;
    int rc = -ENOENT;

    if ( !mc_begin(d) )
        return -EINVAL;

    /* It may change between the two looks, but not for ever. */
    for ( tries = 0; tries < 3 && rc == -ENOENT; tries++ )
    {
        if ( arch_mc_copy_resident(d, gfn, buf) )
            rc = 0;
        else
        {
            rc = mc_copy_object(d, gfn, &leaf, &obj, copy);
            if ( !rc )
                rc = mc_decode(&leaf, &obj, copy, buf);
        }
    }

    mc_end(d);

    return rc;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
