/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain that is nothing but memory, so that all of it can be compressed: no
 * page is mapped by anybody.  A line for each thing done: its name, what Xen
 * said, and the domain's frames, compressed pages and pages in all after it.
 *
 *      bare-domain
 */

#include "../../xen-patches/tools/hypercall.c"

#include <signal.h>
#include <sys/wait.h>

#include <xen/memory.h>

#define PAGES       4096U
#define FIRST_GFN   (GUEST_RAM0_BASE >> 12)

static unsigned int domid;

static struct xen_domctl *domctl(uint32_t cmd)
{
    struct xen_domctl *ctl = (struct xen_domctl *)arg_area;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = cmd;
    ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ctl->domain = domid;

    return ctl;
}

static int memory_op(unsigned int cmd)
{
    struct privcmd_hypercall call = {
        .op = __HYPERVISOR_memory_op,
        .arg = { cmd, (uintptr_t)arg_area },
    };
    int rc = ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call);

    return rc < 0 ? -errno : rc;
}

static int create(void)
{
    struct xen_domctl *ctl = domctl(XEN_DOMCTL_createdomain);
    int rc;

    ctl->u.createdomain.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    ctl->u.createdomain.max_vcpus = 1;
    ctl->u.createdomain.max_evtchn_port = 63;
    ctl->u.createdomain.max_grant_frames = 4;
    ctl->u.createdomain.max_maptrack_frames = 4;
    ctl->u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    ctl->u.createdomain.arch.gic_version = XEN_DOMCTL_CONFIG_GIC_NATIVE;
    rc = hypercall(__HYPERVISOR_domctl);
    if ( rc )
        return rc;
    domid = ctl->domain;

    domctl(XEN_DOMCTL_set_address_size)->u.address_size.size = 64;
    rc = hypercall(__HYPERVISOR_domctl);
    if ( rc )
        return rc;

    domctl(XEN_DOMCTL_set_paging_mempool_size)->u.paging_mempool.size = 2 << 20;
    rc = hypercall(__HYPERVISOR_domctl);
    if ( rc )
        return rc;

    domctl(XEN_DOMCTL_max_mem)->u.max_mem.max_memkb = PAGES * 4;

    return hypercall(__HYPERVISOR_domctl);
}

/* XENMEM_populate_physmap or decrease_reservation of @nr pages from @first. */
static int reservation(unsigned int cmd, unsigned int first, unsigned int nr)
{
    struct xen_memory_reservation *arg = (void *)arg_area;
    xen_pfn_t *gfns = (void *)data_area;
    unsigned int i;

    memset(arg, 0, sizeof(*arg));
    for ( i = 0; i < nr; i++ )
        gfns[i] = FIRST_GFN + first + i;
    set_xen_guest_handle_raw(arg->extent_start, gfns);
    arg->nr_extents = nr;
    arg->domid = domid;

    return memory_op(cmd);
}

static int remove_from_physmap(unsigned int page)
{
    struct xen_remove_from_physmap *arg = (void *)arg_area;

    memset(arg, 0, sizeof(*arg));
    arg->domid = domid;
    arg->gpfn = FIRST_GFN + page;

    return memory_op(XENMEM_remove_from_physmap);
}

static int controller(uint32_t what)
{
    struct xen_domctl_mem_compress_op op = { .op = what };

    return xmc_op(domid, &op);
}

static void tell(const char *name, int rc)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_get_stats,
        .u.buffer.size = XMC_DATA_BYTES,
    };
    const struct xen_mem_compress_stats *s = xmc_data();
    int64_t all;

    if ( xmc_op(domid, &op) )
        exit(3);
    memset(arg_area, 0, sizeof(struct xen_memory_domain));
    ((struct xen_memory_domain *)arg_area)->domid = domid;
    all = memory_op(XENMEM_current_reservation);

    printf("%s %d %llu %llu %lld %s\n", name, rc,
           (unsigned long long)s->resident, (unsigned long long)s->compressed,
           (long long)all,
           s->info & XEN_MEM_COMPRESS_I_balanced ? "balanced" : "-");
}

/* Somebody takes pages out of a domain all the while it is destroyed. */
static int destroy_beside(void)
{
    pid_t child = fork();
    int rc;

    if ( !child )
    {
        unsigned int i = 0;

        xmc_open();
        for ( ; ; )
            reservation(XENMEM_decrease_reservation, i++ % PAGES, 1);
    }

    /* By then it is at it. */
    usleep(20000);
    domctl(XEN_DOMCTL_destroydomain);
    rc = hypercall(__HYPERVISOR_domctl);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);

    return rc;
}

int main(void)
{
    unsigned int i;
    int rc;

    xmc_open();
    rc = create();
    for ( i = 0; !rc && i < PAGES; i += 512 )
        rc = reservation(XENMEM_populate_physmap, i, 512) != 512;
    rc = rc ?: controller(XEN_DOMCTL_MEM_COMPRESS_enable);
    if ( rc )
    {
        fprintf(stderr, "create: %d\n", rc);
        return 1;
    }
    tell("create", 0);
    tell("compress", controller(XEN_DOMCTL_MEM_COMPRESS_compress));
    /* It has no page at all; what it is stays as it was when that began. */
    domctl(XEN_DOMCTL_set_address_size)->u.address_size.size = 32;
    tell("narrow", hypercall(__HYPERVISOR_domctl));
    tell("restore", controller(XEN_DOMCTL_MEM_COMPRESS_restore));
    tell("again", controller(XEN_DOMCTL_MEM_COMPRESS_compress));
    tell("balloon", reservation(XENMEM_decrease_reservation, 0, 100));
    tell("populate", reservation(XENMEM_populate_physmap, 0, 100));
    /* It is restored, and its frame is the domain's still, at no gfn. */
    tell("remove", remove_from_physmap(PAGES - 1));
    tell("nothing", remove_from_physmap(PAGES - 1));
    tell("rest", controller(XEN_DOMCTL_MEM_COMPRESS_compress));
    printf("destroy %d\n", destroy_beside());
    printf("gone %d\n", controller(XEN_DOMCTL_MEM_COMPRESS_get_stats));

    return 0;
}
