/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Switch the controller on for a domain, and do not go on when Xen, having
 * looked at whether somebody else wants the processor, asks for that: it
 * cannot note where it was, for the argument may only be read.
 *
 *      enable-cut-short DOMID
 *
 * Status 0 if there was no way to tell the caller that, or that it is done.
 */

#include "../../xen-patches/tools/hypercall.c"

int main(int argc, char **argv)
{
    struct xen_domctl *ctl;
    int rc;

    if ( argc != 2 )
        return 2;
    xmc_open();

    ctl = (struct xen_domctl *)arg_area;
    ctl->cmd = XEN_DOMCTL_mem_compress_op;
    ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ctl->domain = strtoull(argv[1], NULL, 0);
    ctl->u.mem_compress_op.op = XEN_DOMCTL_MEM_COMPRESS_enable;
    ctl->u.mem_compress_op.version = XEN_DOMCTL_MEM_COMPRESS_VERSION;
    if ( mprotect(arg_area, ARG_BYTES, PROT_READ) )
        cannot("the argument", "it stays writable");

    rc = hypercall(__HYPERVISOR_domctl);
    printf("%d\n", rc);

    return rc != -EFAULT;
}
