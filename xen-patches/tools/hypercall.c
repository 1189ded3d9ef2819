/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls by way of /dev/xen/privcmd.  Whatever Xen reads or writes lies in
 * pages of /dev/xen/hypercall, which the kernel never moves; this is what
 * libxencall does, without the library, so that the tool stands alone in a
 * minimal dom0.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypercall.h"

#include <xen/sysctl.h>
#include <xen/io/xs_wire.h>

/* Linux: include/uapi/xen/privcmd.h */
struct privcmd_hypercall {
    uint64_t op;
    uint64_t arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL \
    _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

#define ARG_BYTES       4096U
#define MAX_DOMAINS     32U

static int privcmd = -1;
static char *arg_area, *data_area;

static void cannot(const char *what, const char *next)
{
    fprintf(stderr, "xen-memcompress: %s: %s: %s\n", what, strerror(errno),
            next);
    exit(1);
}

void xmc_open(void)
{
    int buffers;

    privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if ( privcmd < 0 )
        cannot("/dev/xen/privcmd", "run this as root, in dom0");

    buffers = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    if ( buffers < 0 )
        cannot("/dev/xen/hypercall", "dom0's kernel is older than 4.18");

    arg_area = mmap(NULL, ARG_BYTES + XMC_DATA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_SHARED, buffers, 0);
    if ( arg_area == MAP_FAILED )
        cannot("/dev/xen/hypercall", "dom0 is short of memory");

    data_area = arg_area + ARG_BYTES;

    /*
     * Xen checks that the calling domain may write to the pages, and until
     * they were written to once the kernel has them mapped read-only.
     */
    memset(arg_area, 0, ARG_BYTES + XMC_DATA_BYTES);
}

void *xmc_data(void)
{
    return data_area;
}

static int hypercall(unsigned int op)
{
    struct privcmd_hypercall call = {
        .op = op,
        .arg = { (uintptr_t)arg_area },
    };

    return ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0 ? -errno : 0;
}

int xmc_op(unsigned int domid, struct xen_domctl_mem_compress_op *op)
{
    struct xen_domctl *ctl = (struct xen_domctl *)arg_area;
    struct xen_domctl_mem_compress_op *arg = &ctl->u.mem_compress_op;
    int rc;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = XEN_DOMCTL_mem_compress_op;
    ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ctl->domain = domid;
    *arg = *op;
    arg->version = XEN_DOMCTL_MEM_COMPRESS_VERSION;

    switch ( op->op )
    {
    case XEN_DOMCTL_MEM_COMPRESS_get_stats:
    case XEN_DOMCTL_MEM_COMPRESS_get_hist:
    case XEN_DOMCTL_MEM_COMPRESS_get_classes:
        set_xen_guest_handle_raw(arg->u.buffer.data, (void *)data_area);
        break;
    case XEN_DOMCTL_MEM_COMPRESS_get_states:
        set_xen_guest_handle_raw(arg->u.states.data, (uint8_t *)data_area);
        break;
    case XEN_DOMCTL_MEM_COMPRESS_read_object:
        set_xen_guest_handle_raw(arg->u.object.data, (uint8_t *)data_area);
        break;
    }

    rc = hypercall(__HYPERVISOR_domctl);
    *op = *arg;

    return rc;
}

int xmc_domains(unsigned int first, domid_t ids[], unsigned int max)
{
    struct xen_sysctl *ctl = (struct xen_sysctl *)arg_area;
    xen_domctl_getdomaininfo_t *info = (void *)data_area;
    unsigned int i;
    int rc;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = XEN_SYSCTL_getdomaininfolist;
    ctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    ctl->u.getdomaininfolist.first_domain = first;
    ctl->u.getdomaininfolist.max_domains = max < MAX_DOMAINS ? max
                                                             : MAX_DOMAINS;
    set_xen_guest_handle_raw(ctl->u.getdomaininfolist.buffer, info);

    rc = hypercall(__HYPERVISOR_sysctl);
    if ( rc )
        return rc;

    for ( i = 0; i < ctl->u.getdomaininfolist.num_domains; i++ )
        ids[i] = info[i].domain;

    return i;
}

/*
 * One request to xenstored, by way of the kernel: a path, and with a value
 * what is to be there.  The answer, ended by a 0.
 */
static int xenstore(uint32_t type, const char *path, const char *value,
                    char *answer, size_t size)
{
    struct {
        struct xsd_sockmsg head;
        char text[1024];
    } msg = { .head = { .type = type } };
    int fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC), rc = -EIO;
    size_t got = 0, want = sizeof(msg.head);
    ssize_t n;

    if ( fd < 0 )
        return -errno;

    /* The 0 after a path is part of it; of a value it is not. */
    n = snprintf(msg.text, sizeof(msg.text), "%s%c%s", path, 0, value ?: "");
    msg.head.len = n;
    n += sizeof(msg.head);
    if ( write(fd, &msg, n) == n )
    {
        while ( got < want &&
                (n = read(fd, (char *)&msg + got, want - got)) > 0 )
        {
            got += n;
            if ( got == sizeof(msg.head) && msg.head.len <= sizeof(msg.text) )
                want += msg.head.len;
        }
        if ( got == want && msg.head.type == type && msg.head.len < size )
        {
            memcpy(answer, msg.text, msg.head.len);
            answer[msg.head.len] = '\0';
            rc = 0;
        }
        else if ( got == want && msg.head.type == XS_ERROR )
            rc = -ENOENT;
    }
    close(fd);

    return rc;
}

static void path_of(unsigned int domid, const char *key, char *path,
                    size_t size)
{
    snprintf(path, size, "/local/domain/%u/%s", domid, key);
}

int xmc_key(unsigned int domid, const char *key, char *value, size_t size)
{
    char path[128];

    value[0] = '\0';
    path_of(domid, key, path, sizeof(path));

    return xenstore(XS_READ, path, NULL, value, size);
}

int xmc_set_key(unsigned int domid, const char *key, const char *value)
{
    char path[128], answer[64];

    path_of(domid, key, path, sizeof(path));

    return xenstore(value ? XS_WRITE : XS_RM, path, value, answer,
                    sizeof(answer));
}
