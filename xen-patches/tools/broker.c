/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * broker: frames that one domain does not hold are lent to another that is
 * short of memory.
 *
 * A domain's slice is memory/target in xenstore: the guest's driver grows it
 * so far and no further.  Only that key is written, and only of borrowers; at
 * the end it is what it was.  What it was is kept beside it, so that a broker
 * that was killed is no reason for a domain to keep what it was lent; and its
 * driver learns by that key that there is somebody who lends.  Who else sets
 * the target has the last word: that is its base from then on.  Where Xen
 * keeps a domain to its slice (max_held) that limit moves with it.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker.h"
#include "tool.h"

#define TARGET "memory/target"
/* "BASE SLICE" in KiB, while a broker looks after it. */
#define LOAN "memory/xen-memcompress-loan"
#define KIB_OF(frames) ((frames) << 2)
/* Frames: Xen takes no lower limit. */
#define LIMIT_MIN 1024

static struct broker_config config;
static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
    struct timespec now;
    va_list ap;

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("[%ld.%03ld] %s", (long)now.tv_sec, now.tv_nsec / 1000000,
           args.dry_run ? "dry run: " : "");
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

static uint64_t read_slice(unsigned int domid)
{
    char text[32];

    xmc_key(domid, TARGET, text, sizeof(text));

    return strtoull(text, NULL, 10) >> 2;
}

/* Xen's limit, where there is one, stays as far from the slice as it is. */
static int move_limit(struct broker_domain *d, uint64_t slice)
{
    uint64_t limit = d->limit + slice - d->slice;

    if ( !d->limit || limit == d->limit )
        return 0;

    return limit_held(d->domid, limit < LIMIT_MIN ? LIMIT_MIN : limit);
}

/* What the guest may hold, and what of it is lent. */
static void set_slice(struct broker_domain *d, uint64_t slice)
{
    char target[32], loan[64];

    snprintf(target, sizeof(target), "%" PRIu64, KIB_OF(slice));
    snprintf(loan, sizeof(loan), "%" PRIu64 " %" PRIu64, KIB_OF(d->base),
             KIB_OF(slice));
    /* In this order: whatever is lent is known to be. */
    if ( xmc_set_key(d->domid, LOAN, loan) ||
         xmc_set_key(d->domid, TARGET, target) )
        say("%s: xenstore takes no target: is it gone?", d->name);
    else if ( move_limit(d, slice) )
        say("%s: Xen takes no limit: is it gone?", d->name);
    else
        d->slice = slice;
}

/* A domain that we had not seen, or whose target somebody else has set. */
static void meet(struct broker_domain *d, uint64_t slice,
                 const struct xen_mem_compress_stats *s)
{
    uint64_t base, lent_to;
    char loan[64];

    d->base = d->slice = slice;
    d->asked = s->requests;
    d->refaults = s->refaults;
    xmc_key(d->domid, LOAN, loan, sizeof(loan));
    if ( sscanf(loan, "%" SCNu64 " %" SCNu64, &base, &lent_to) == 2 &&
         lent_to >> 2 == slice && base >> 2 <= slice )
    {
        d->base = base >> 2;
        say("%s: was lent %" PRIu64 " frames by a broker before this one",
            d->name, slice - d->base);
    }
    else
        say("%s: has a slice of %" PRIu64 " frames", d->name, slice);
    if ( !args.dry_run )
        set_slice(d, slice);
}

/* Whether there is something to be said about it. */
static bool look(struct broker_domain *d, struct lend_domain *l,
                 struct lend_host *h)
{
    struct xen_mem_compress_stats s;
    uint64_t slice, max;
    unsigned int age;

    if ( d->domid < 0 || get_stats(d->domid, &s) || !was_on(&s) )
        return false;
    slice = read_slice(d->domid);
    if ( !slice )
        return false;
    d->limit = s.max_held;
    if ( slice != d->slice )
        meet(d, slice, &s);

    max = d->max && d->max < s.nominal ? d->max : s.nominal;
    *l = (struct lend_domain){
        .weight = d->weight,
        .min = d->min,
        .max = max > d->base ? max : d->base,
        .base = d->base,
        .slice = d->slice,
        .held = s.resident + s.store_pages + s.table_pages,
    };
    for ( age = config.idle_age; age < XEN_MEM_COMPRESS_NR_AGES; age++ )
        l->cold += s.ages[age];
    /* It holds nearly all, and asks, or what it compressed comes back. */
    l->wants = l->held + config.step >= d->slice &&
               (s.requests != d->asked || s.refaults != d->refaults);
    d->asked = s.requests;
    d->refaults = s.refaults;

    h->free = s.host_free;
    h->keep = config.keep ?: s.low ?: s.reserve_target;

    return true;
}

static void find(unsigned int domid, const char *name, void *ctx)
{
    unsigned int i;

    (void)ctx;
    for ( i = 0; i < config.nr; i++ )
    {
        struct broker_domain *d = &config.domains[i];

        if ( strcmp(d->name, name) || d->domid == (int)domid )
            continue;
        d->domid = domid;
        d->slice = 0;
    }
}

static void compress(const struct broker_domain *d,
                     const struct lend_domain *l)
{
    uint64_t done = 0;
    int rc = 0;

    if ( !args.dry_run )
        rc = go_through(d->domid, XEN_DOMCTL_MEM_COMPRESS_compress,
                        config.idle_age, l->compress, &done);
    say("compress %s: %" PRIu64 " of %" PRIu64 " pages, %" PRIu64
        " not used for %u sweeps: others are short%s%s", d->name, done,
        l->compress, l->cold, config.idle_age, rc ? ": " : "",
        rc ? strerror(-rc) : "");
}

static void change(struct broker_domain *d, const struct lend_domain *l,
                   const struct lend_host *h)
{
    bool more = l->new_slice > d->slice;
    const char *why = more ? "is short" : !l->wants ? "needs less" :
                      h->lent > h->spare ? "lenders hold more" :
                      "the host is short";

    say("%s %s: %" PRIu64 " frames, slice %" PRIu64 " -> %" PRIu64
        ": %s: holds %" PRIu64 "; others spare %" PRIu64 ", lent %" PRIu64
        "; host %" PRIu64 " free, %" PRIu64 " kept",
        more ? "lend" : "take back from", d->name,
        more ? l->new_slice - d->slice : d->slice - l->new_slice,
        d->slice, l->new_slice, why, l->held, h->spare, h->lent, h->free,
        h->keep);
    if ( !args.dry_run )
        set_slice(d, l->new_slice);
}

static void look_at_all(void)
{
    struct broker_domain *who[BROKER_DOMAINS];
    struct lend_domain l[BROKER_DOMAINS];
    struct lend_host h = { .step = config.step };
    unsigned int i, nr = 0;

    for_each_domain(find, NULL);
    for ( i = 0; i < config.nr; i++ )
    {
        who[nr] = &config.domains[i];
        if ( look(who[nr], &l[nr], &h) )
            nr++;
    }

    lend_decide(l, nr, &h);
    /* First what comes free. */
    for ( i = 0; i < nr; i++ )
        if ( l[i].new_slice < who[i]->slice )
            change(who[i], &l[i], &h);
    for ( i = 0; i < nr; i++ )
        if ( l[i].new_slice > who[i]->slice )
            change(who[i], &l[i], &h);
    for ( i = 0; i < nr; i++ )
        if ( l[i].compress )
            compress(who[i], &l[i]);
}

void verb_broker(void)
{
    struct sigaction action = { .sa_handler = end };
    struct timespec pause = { .tv_sec = args.interval };
    uint64_t looks = 0;
    unsigned int i;

    if ( !args.nr_words )
        fail(EXIT_USAGE, "broker: which configuration?");
    broker_load(&config, args.words[0]);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    while ( !ended )
    {
        look_at_all();
        if ( ++looks == args.count )
            break;
        nanosleep(&pause, NULL);
    }

    for ( i = 0; i < config.nr; i++ )
    {
        struct broker_domain *d = &config.domains[i];

        if ( d->domid < 0 || !d->slice || args.dry_run )
            continue;
        if ( d->slice > d->base && read_slice(d->domid) == d->slice )
        {
            say("take back from %s: %" PRIu64 " frames: the end", d->name,
                d->slice - d->base);
            set_slice(d, d->base);
        }
        xmc_set_key(d->domid, LOAN, NULL);
    }
}
