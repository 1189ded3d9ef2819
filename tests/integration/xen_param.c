/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A number among the parameters that Xen lets one change while it runs.
 *
 *      xen-param NAME [VALUE]      set it, or tell what it is
 */

#include "../../xen-patches/tools/hypercall.c"

#include <xen/hypfs.h>

#define PATH_BYTES      256U

static int hypfs(unsigned int cmd, const char *name, size_t bytes)
{
    int length = snprintf(arg_area, PATH_BYTES, "/params/%s", name);
    struct privcmd_hypercall call = {
        .op = __HYPERVISOR_hypfs_op,
        .arg = { cmd, (uintptr_t)arg_area, length + 1, (uintptr_t)data_area,
                 bytes },
    };

    return ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
    uint32_t *content;
    int rc;

    xmc_open();
    content = (void *)data_area;

    if ( argc == 3 )
    {
        *content = strtoul(argv[2], NULL, 0);
        rc = hypfs(XEN_HYPFS_OP_write_contents, argv[1], sizeof(*content));
    }
    else
    {
        rc = hypfs(XEN_HYPFS_OP_read, argc == 2 ? argv[1] : "",
                   sizeof(struct xen_hypfs_direntry) + sizeof(*content));
        content = (void *)((struct xen_hypfs_direntry *)data_area + 1);
        if ( !rc )
            printf("%u\n", *content);
    }
    if ( rc )
        fprintf(stderr, "xen-param: %s\n", strerror(-rc));

    return !!rc;
}
