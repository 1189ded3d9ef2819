/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ask Xen for what it cannot do to a domain or its frames on Arm, or not to one
 * that the controller is on for; a line for each with what it says.
 *
 *      xen-cannot DOMID
 */

#include "../../xen-patches/tools/hypercall.c"

static struct xen_domctl *domctl(unsigned int domid, uint32_t cmd)
{
    struct xen_domctl *ctl = (struct xen_domctl *)arg_area;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = cmd;
    ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ctl->domain = domid;

    return ctl;
}

/* What live migration begins with. */
static int logdirty(unsigned int domid)
{
    domctl(domid, XEN_DOMCTL_shadow_op)->u.shadow_op.op =
        XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;

    return hypercall(__HYPERVISOR_domctl);
}

/* What saving ends with. */
static int context(unsigned int domid)
{
    domctl(domid, XEN_DOMCTL_gethvmcontext);

    return hypercall(__HYPERVISOR_domctl);
}

/* A device of the device tree, be there one or not. */
static int assign(unsigned int domid)
{
    struct xen_domctl *ctl = domctl(domid, XEN_DOMCTL_assign_device);
    static const char path[] = "/pl011@9000000";

    memcpy(data_area, path, sizeof(path));
    ctl->u.assign_device.dev = XEN_DOMCTL_DEV_DT;
    ctl->u.assign_device.u.dt.size = sizeof(path) - 1;
    set_xen_guest_handle_raw(ctl->u.assign_device.u.dt.path, data_area);

    return hypercall(__HYPERVISOR_domctl);
}

/* One frame in sixteen of the board's first GiB, whoever has it. */
static int offline(unsigned int domid)
{
    struct xen_sysctl *ctl = (struct xen_sysctl *)arg_area;
    uint32_t *status = (uint32_t *)data_area;
    unsigned int refused = 0;
    uint32_t mfn;

    (void)domid;
    for ( mfn = 0x40000; mfn < 0x80000; mfn += 16 )
    {
        memset(ctl, 0, sizeof(*ctl));
        ctl->cmd = XEN_SYSCTL_page_offline_op;
        ctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        ctl->u.page_offline.cmd = sysctl_page_offline;
        ctl->u.page_offline.start = ctl->u.page_offline.end = mfn;
        set_xen_guest_handle_raw(ctl->u.page_offline.status, status);

        if ( !hypercall(__HYPERVISOR_sysctl) )
            return 0;
        refused += *status == (PG_OFFLINE_FAILED | PG_OFFLINE_NOT_CONV_RAM);
    }

    /* All but Xen's own, and what the board has not. */
    return refused > 1000 ? -EINVAL : -ENXIO;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*ask)(unsigned int domid);
    } what[] = {
        { "logdirty", logdirty },
        { "context", context },
        { "assign", assign },
        { "offline", offline },
    };
    unsigned int domid = argc > 1 ? atoi(argv[1]) : 0, i;

    if ( !domid )
        return 2;
    xmc_open();

    for ( i = 0; i < sizeof(what) / sizeof(what[0]); i++ )
        printf("%s %d\n", what[i].name, -what[i].ask(domid));

    return 0;
}
