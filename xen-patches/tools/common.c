/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs share: errors, numbers, domains, statistics. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

void fail(int status, const char *format, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("xen-memcompress: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    if ( status == EXIT_USAGE )
        fprintf(stderr, "try: xen-memcompress %s%s--help\n",
                args.verb ?: "", args.verb ? " " : "");
    exit(status);
}

int status_of(int error)
{
    switch ( error )
    {
    case ENOSYS:
    case ENODEV:
        return EXIT_NO_CONTROLLER;
    case ESRCH:
        return EXIT_NO_DOMAIN;
    case EOPNOTSUPP:
        return EXIT_NOT_ON;
    case EBUSY:
    case ENOMEM:
    case EAGAIN:
        return EXIT_NOT_NOW;
    case EIO:
        return EXIT_DAMAGED;
    default:
        return EXIT_ERROR;
    }
}

const char *next_step(int error, uint32_t op)
{
    bool enable = op == XEN_DOMCTL_MEM_COMPRESS_enable;

    switch ( error )
    {
    case ENOSYS:
        return "this Xen has no memory compression controller: build it with "
               "CONFIG_MEM_COMPRESS=y";
    case ENODEV:
        return "it was switched off at boot: take mem_compress=no from Xen's "
               "command line";
    case EPERM:
    case EACCES:
        return "run this as root, in dom0; check the XSM policy "
               "(domain2:mem_compress_op), and that the tool is this Xen's";
    case ESRCH:
        return "see xl list";
    case EOPNOTSUPP:
        return enable ? "this kind of domain cannot be compressed, or not "
                        "with these settings: see enable --help"
                      : "it is not on for the domain, or off again: enable "
                        "it before the domain first runs";
    case EBUSY:
        return enable ? "the domain ran already: create it with xl create -p"
                      : "the domain is being torn down";
    case EEXIST:
        return "it is on already: use set";
    case ENOMEM:
        return enable ? "the reserve cannot be filled: free some host memory"
                      : "free some host memory, then the same again";
    case EAGAIN:
        return "somebody else is at it: try again";
    case ENOENT:
        return "nothing is stored for it";
    case EIO:
        return "a stored object is damaged and the domain was paused: see "
               "xl dmesg, and destroy the domain";
    case EINVAL:
        return "a value is out of range, or the tool is not this Xen's: "
               "build it from the same tree";
    default:
        return "see xl dmesg";
    }
}

void refused(unsigned int domid, uint32_t op, int rc)
{
    fail(status_of(-rc), "%s domain %u: %s: %s", args.verb, domid,
         strerror(-rc), next_step(-rc, op));
}

void must(unsigned int domid, struct xen_domctl_mem_compress_op *op)
{
    int rc;

    do
        rc = xmc_op(domid, op);
    while ( rc == -EINTR );

    if ( rc )
        refused(domid, op->op, rc);
}

uint64_t number(const char *text, uint64_t max, const char *what)
{
    char *end;
    uint64_t n;

    errno = 0;
    n = strtoull(text, &end, 0);
    if ( !*text || *text == '-' || *end || errno || n > max )
        fail(EXIT_USAGE, "%s: not a number from 0 to %" PRIu64 ": %s", what,
             max, text);

    return n;
}

void for_each_domain(void (*f)(unsigned int domid, const char *name,
                               void *ctx), void *ctx)
{
    unsigned int first = 0;
    domid_t ids[32];
    int i, n;

    while ( first < DOMID_FIRST_RESERVED &&
            (n = xmc_domains(first, ids, ARRAY_SIZE(ids))) != 0 )
    {
        if ( n < 0 )
            fail(status_of(-n), "list of domains: %s: %s", strerror(-n),
                 next_step(-n, XEN_DOMCTL_MEM_COMPRESS_get_stats));
        for ( i = 0; i < n; i++ )
        {
            char name[128];

            xmc_name(ids[i], name, sizeof(name));
            f(ids[i], name, ctx);
        }
        first = ids[n - 1] + 1U;
    }
}

struct named {
    const char *name;
    int domid;
};

static void match_name(unsigned int domid, const char *name, void *ctx)
{
    struct named *named = ctx;

    if ( !strcmp(name, named->name) )
        named->domid = domid;
}

unsigned int the_domain(void)
{
    struct named named = { .domid = -1 };

    if ( !args.nr_words )
        fail(EXIT_USAGE, "%s: which domain?", args.verb);

    named.name = args.words[0];
    if ( !named.name[strspn(named.name, "0123456789")] )
        return number(named.name, DOMID_FIRST_RESERVED - 1, "domain");

    for_each_domain(match_name, &named);
    if ( named.domid < 0 )
        fail(EXIT_NO_DOMAIN, "no domain %s: see xl list", named.name);

    return named.domid;
}

int get_stats(unsigned int domid, struct xen_mem_compress_stats *s)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_get_stats,
        .u.buffer.size = sizeof(*s),
    };
    int rc = xmc_op(domid, &op);

    if ( rc )
        return rc;

    memcpy(s, xmc_data(), sizeof(*s));
    if ( op.u.buffer.size != sizeof(*s) ||
         s->version != XEN_DOMCTL_MEM_COMPRESS_VERSION )
        fail(EXIT_ERROR, "Xen's interface is another version's: build the "
             "tool from the same tree");

    return 0;
}

void must_get_stats(unsigned int domid, struct xen_mem_compress_stats *s)
{
    int rc = get_stats(domid, s);

    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_get_stats, rc);
}
