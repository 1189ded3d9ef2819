/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ask Xen for what it cannot do to a domain on Arm, or not to one that the
 * controller is on for; a line for each with what it says.
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

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*ask)(unsigned int domid);
    } what[] = {
        { "logdirty", logdirty },
        { "context", context },
        { "assign", assign },
    };
    unsigned int domid = argc > 1 ? atoi(argv[1]) : 0, i;

    if ( !domid )
        return 2;
    xmc_open();

    for ( i = 0; i < sizeof(what) / sizeof(what[0]); i++ )
        printf("%s %d\n", what[i].name, -what[i].ask(domid));

    return 0;
}
