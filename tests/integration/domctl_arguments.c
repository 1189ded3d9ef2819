/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hand the controller's domctl arguments that are wrong in one byte, in dom0,
 * for a domain that can be spoilt.  A line for each that is not refused with
 * -EINVAL, or for each that is although nothing is wrong with it.
 *
 *      domctl-arguments DOMID
 */

#include "../../xen-patches/tools/hypercall.c"

#include <stddef.h>

typedef struct xen_domctl_mem_compress_op arg_t;

/* Bytes of u that an operation uses: one bit each. */
#define END(field)      (offsetof(arg_t, field) + sizeof(((arg_t *)0)->field))
#define BYTES(a, b)     (((1ULL << ((b) - (a))) - 1) << ((a) - offsetof(arg_t, u)))
#define FIELD(field)    BYTES(offsetof(arg_t, field), END(field))
#define U_BYTES         sizeof(((arg_t *)0)->u)

_Static_assert(U_BYTES <= 64, "a bit for each byte");

static const struct {
    const char *name;
    uint32_t op;
    uint64_t used;
    size_t handle, size;        /* offsets; 0: none */
} ops[] = {
    { "enable", XEN_DOMCTL_MEM_COMPRESS_enable, FIELD(u.setup), 0, 0 },
    { "set", XEN_DOMCTL_MEM_COMPRESS_set, FIELD(u.setup), 0, 0 },
    { "set_host", XEN_DOMCTL_MEM_COMPRESS_set_host, FIELD(u.host), 0, 0 },
    { "get_stats", XEN_DOMCTL_MEM_COMPRESS_get_stats,
      FIELD(u.buffer.size) | FIELD(u.buffer.data),
      offsetof(arg_t, u.buffer.data), offsetof(arg_t, u.buffer.size) },
    { "get_classes", XEN_DOMCTL_MEM_COMPRESS_get_classes,
      FIELD(u.buffer.size) | FIELD(u.buffer.data),
      offsetof(arg_t, u.buffer.data), offsetof(arg_t, u.buffer.size) },
    { "get_hist", XEN_DOMCTL_MEM_COMPRESS_get_hist, FIELD(u.buffer),
      offsetof(arg_t, u.buffer.data), offsetof(arg_t, u.buffer.size) },
    { "compress", XEN_DOMCTL_MEM_COMPRESS_compress,
      FIELD(u.range) & ~FIELD(u.range.pad), 0, 0 },
    { "restore", XEN_DOMCTL_MEM_COMPRESS_restore,
      FIELD(u.range.wanted) | FIELD(u.range.cursor) | FIELD(u.range.done),
      0, 0 },
    { "get_states", XEN_DOMCTL_MEM_COMPRESS_get_states, FIELD(u.states),
      offsetof(arg_t, u.states.data), 0 },
    { "read_object", XEN_DOMCTL_MEM_COMPRESS_read_object,
      FIELD(u.object) & ~FIELD(u.object.codec),
      offsetof(arg_t, u.object.data), offsetof(arg_t, u.object.size) },
    { "sweep", XEN_DOMCTL_MEM_COMPRESS_sweep, FIELD(u.range.cursor), 0, 0 },
    /* The last one: there is no way back. */
    { "disable", XEN_DOMCTL_MEM_COMPRESS_disable,
      FIELD(u.range.cursor) | FIELD(u.range.done), 0, 0 },
};

static int ask(unsigned int domid, const arg_t *arg)
{
    struct xen_domctl *ctl = (struct xen_domctl *)arg_area;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = XEN_DOMCTL_mem_compress_op;
    ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    ctl->domain = domid;
    ctl->u.mem_compress_op = *arg;

    return hypercall(__HYPERVISOR_domctl);
}

static arg_t right(unsigned int i)
{
    arg_t arg = {
        .op = ops[i].op,
        .version = XEN_DOMCTL_MEM_COMPRESS_VERSION,
    };
    uint64_t address = (uintptr_t)data_area;
    uint32_t size = XMC_DATA_BYTES;

    if ( ops[i].handle )
        memcpy((char *)&arg + ops[i].handle, &address, sizeof(address));
    if ( ops[i].size )
        memcpy((char *)&arg + ops[i].size, &size, sizeof(size));

    return arg;
}

int main(int argc, char **argv)
{
    unsigned int domid = argc > 1 ? atoi(argv[1]) : 0, i, b, tried = 0;
    arg_t arg;

    if ( !domid )
        return 2;
    xmc_open();

    for ( i = 0; i < sizeof(ops) / sizeof(ops[0]); i++ )
    {
        unsigned int whose = ops[i].op == XEN_DOMCTL_MEM_COMPRESS_set_host
                             ? 0 : domid;

        for ( b = 0; b < U_BYTES; b++ )
        {
            int rc;

            if ( ops[i].used & (1ULL << b) )
                continue;
            arg = right(i);
            ((uint8_t *)&arg.u)[b] = 0x40;
            rc = ask(whose, &arg);
            tried++;
            if ( rc != -EINVAL )
                printf("%s with byte %u of u set: %d\n", ops[i].name, b, rc);
        }

        arg = right(i);
        arg.version++;
        tried++;
        if ( ask(whose, &arg) != -EINVAL )
            printf("%s of another version\n", ops[i].name);

        arg = right(i);
        if ( ask(whose, &arg) == -EINVAL )
            printf("%s with nothing wrong is refused\n", ops[i].name);
    }

    arg = right(0);
    arg.op = ~0U;
    if ( ask(domid, &arg) != -EINVAL )
        printf("no operation\n");

    fprintf(stderr, "%u arguments\n", tried);

    return 0;
}
