/* SPDX-License-Identifier: GPL-2.0-only */
/* list, show, watch: what the books say. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "tool.h"

struct listed {
    unsigned int nr;
    struct xen_mem_compress_stats last;     /* of any domain: for the host */
    bool any;
};

static void list_one(unsigned int domid, const char *name, void *ctx)
{
    struct xen_mem_compress_stats s;
    struct listed *listed = ctx;
    int rc = get_stats(domid, &s);

    /* It is gone by now. */
    if ( rc == -ESRCH )
        return;

    /* The policy may give away some domains only. */
    if ( rc == -EACCES || rc == -EPERM )
    {
        fprintf(stderr, "xen-memcompress: domain %u is left out: %s: %s\n",
                domid, strerror(-rc),
                next_step(-rc, XEN_DOMCTL_MEM_COMPRESS_get_stats));
        return;
    }

    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_get_stats, rc);

    listed->last = s;
    listed->any = true;
    if ( !was_on(&s) )
        return;

    if ( !args.json )
    {
        if ( !listed->nr++ )
            xmc_stats_line(0, "", NULL);
        xmc_stats_line(domid, name, &s);
        return;
    }

    printf("%s", listed->nr++ ? ",\n " : "");
    xmc_stats_json(domid, name, &s);
}

void verb_list(void)
{
    struct listed listed = { .nr = 0 };

    if ( args.json )
        printf("[");
    for_each_domain(list_one, &listed);
    if ( args.json )
    {
        printf("]\n");
        return;
    }

    if ( !listed.nr )
        printf("the controller is not on for any domain: see xen-memcompress "
               "enable --help\n");
    if ( listed.any )
        xmc_host_text(&listed.last);
}

void verb_show(void)
{
    unsigned int domid = the_domain();
    struct xen_mem_compress_stats s;
    char name[128];

    xmc_name(domid, name, sizeof(name));
    must_get_stats(domid, &s);
    if ( args.json )
    {
        xmc_stats_json(domid, name, &s);
        printf("\n");
    }
    else if ( was_on(&s) )
        xmc_stats_text(domid, name, &s);
    else
    {
        printf("domain %u: the controller is not on: see xen-memcompress "
               "enable --help\n", domid);
        xmc_host_text(&s);
    }
}

static void watch_domain(bool first)
{
    static struct xen_mem_compress_stats before;
    unsigned int domid = the_domain();
    struct xen_mem_compress_stats s;
    char name[128];

    xmc_name(domid, name, sizeof(name));
    must_get_stats(domid, &s);
    if ( args.json )
    {
        xmc_stats_json(domid, name, &s);
        printf("\n");
    }
    else
    {
        if ( first )
            xmc_change_line(NULL, NULL);
        xmc_change_line(&s, first ? NULL : &before);
    }
    before = s;
}

void verb_watch(void)
{
    uint64_t shown = 0;

    do {
        if ( shown )
            sleep(args.interval);
        if ( args.nr_words )
            watch_domain(!shown);
        else
            verb_list();
        fflush(stdout);
    } while ( ++shown != args.count );
}
