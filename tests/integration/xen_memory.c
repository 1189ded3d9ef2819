/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the toolstack may do with memory, and xl does not say.
 *
 *      xen-memory populate DOMID GFN COUNT   more frames, from there on: how
 *                                            many Xen gave
 *      xen-memory over DOMID GFN...          the same where something is
 *      xen-memory out DOMID GFN...           take these away: how many
 *      xen-memory max DOMID KIB              the limit of what it may have
 */

#include "../../xen-patches/tools/hypercall.c"

#include <xen/memory.h>

static int memory_op(unsigned int cmd)
{
    struct privcmd_hypercall call = {
        .op = __HYPERVISOR_memory_op,
        .arg = { cmd, (uintptr_t)arg_area },
    };
    int rc = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);

    return rc < 0 ? -errno : rc;
}

static int reservation(unsigned int cmd, unsigned int domid,
                       unsigned int count)
{
    struct xen_memory_reservation *r = (void *)arg_area;

    memset(r, 0, sizeof(*r));
    set_xen_guest_handle_raw(r->extent_start, (xen_pfn_t *)data_area);
    r->nr_extents = count;
    r->domid = domid;

    return memory_op(cmd);
}

static int populate(unsigned int domid, uint64_t gfn, unsigned int count)
{
    xen_pfn_t *list = (void *)data_area;
    unsigned int i;

    if ( count * sizeof(*list) > XMC_DATA_BYTES )
        return -E2BIG;
    for ( i = 0; i < count; i++ )
        list[i] = gfn + i;

    return reservation(XENMEM_populate_physmap, domid, count);
}

static int listed(unsigned int cmd, unsigned int domid, char **words,
                  unsigned int count)
{
    xen_pfn_t *list = (void *)data_area;
    unsigned int i;

    if ( count * sizeof(*list) > XMC_DATA_BYTES )
        return -E2BIG;
    for ( i = 0; i < count; i++ )
        list[i] = strtoull(words[i], NULL, 0);

    return reservation(cmd, domid, count);
}

static int set_max(unsigned int domid, uint64_t kib)
{
    struct xen_domctl *ctl = (void *)arg_area;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = XEN_DOMCTL_max_mem;
    ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ctl->domain = domid;
    ctl->u.max_mem.max_memkb = kib;

    return hypercall(__HYPERVISOR_domctl);
}

int main(int argc, char **argv)
{
    uint64_t number[3] = {};
    int i, rc = -EINVAL;

    for ( i = 2; i < argc && i < 5; i++ )
        number[i - 2] = strtoull(argv[i], NULL, 0);
    xmc_open();

    if ( argc == 5 && !strcmp(argv[1], "populate") )
        rc = populate(number[0], number[1], number[2]);
    else if ( argc == 4 && !strcmp(argv[1], "max") )
        rc = set_max(number[0], number[1]);
    else if ( argc > 3 && !strcmp(argv[1], "over") )
        rc = listed(XENMEM_populate_physmap, number[0], argv + 3, argc - 3);
    else if ( argc > 3 && !strcmp(argv[1], "out") )
        rc = listed(XENMEM_decrease_reservation, number[0], argv + 3,
                    argc - 3);

    printf("%d\n", rc);

    return rc < 0;
}
