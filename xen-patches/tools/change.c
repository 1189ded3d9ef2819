/* SPDX-License-Identifier: GPL-2.0-only */
/* enable, set, compress, restore, sweep, off: what changes something. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report.h"
#include "tool.h"

typedef struct xen_mem_compress_setup setup_t;
typedef struct xen_mem_compress_stats stats_t;

/* A key of enable and set: a flag, or a number of the setup. */
static const struct setting {
    const char *key, *help;
    const char *const *names;   /* of its values from 0 to max */
    uint64_t max;
    uint32_t flag;              /* 0: it is a number ... */
    size_t at, size;            /* of struct xen_mem_compress_setup, */
    size_t now;                 /* ... and where the statistics tell it */
} settings[] = {
#define FLAG(k, help) { #k, help, NULL, 1, XEN_MEM_COMPRESS_S_ ## k, 0, 0, 0 }
#define NAMED(k, names, max, help)                                          \
    { #k, help, names, max, 0, offsetof(setup_t, k),                        \
      sizeof(((setup_t *)0)->k), offsetof(stats_t, k) }
#define NUMBER(k, max, help) NAMED(k, NULL, max, help)
    NUMBER(sweep_ms, UINT32_MAX,
           "milliseconds between two ageing sweeps; 0: none by the clock"),
    NUMBER(max_compressed, UINT64_MAX,
           "at most so many pages are compressed; 0: no limit"),
    NUMBER(max_store_pages, UINT64_MAX,
           "at most so many pages hold what was compressed; 0: no limit"),
    NUMBER(max_held, UINT32_MAX,
           "at most so many frames are held, store included; 0: no limit"),
    NAMED(codec, xmc_codec_names, XEN_MEM_COMPRESS_NR_CODECS - 1,
          "lzo or lz4, of objects made from now on"),
    NUMBER(weight, 10000,
           "what idle processors take is shared out by it; 0: nothing"),
    NUMBER(min_age, XEN_MEM_COMPRESS_NR_AGES - 1,
           "sweeps without access before they take a page; 0: one"),
    FLAG(crc, "1: objects carry a checksum that is checked at each use"),
    FLAG(guest_ops, "1: the guest may ask for its own pages, by hypercall"),
    FLAG(sw_af, "1: age by faults; always so where the CPU keeps no flags"),
    FLAG(codec_only, "1: same-filled pages go through the codec as well"),
};

void print_keys(FILE *to)
{
    size_t i;

    for ( i = 0; i < ARRAY_SIZE(settings); i++ )
        fprintf(to, "  %-17s%s\n", settings[i].key, settings[i].help);
}

static void put(setup_t *setup, const struct setting *k, uint64_t value)
{
    if ( k->flag )
        setup->flags = (setup->flags & ~k->flag) | (value ? k->flag : 0);
    else if ( k->size == sizeof(uint32_t) )
        *(uint32_t *)((char *)setup + k->at) = value;
    else
        *(uint64_t *)((char *)setup + k->at) = value;
}

/* All of them as they are. */
static void put_all(setup_t *setup, const stats_t *s)
{
    size_t k;

    setup->flags = s->flags;
    for ( k = 0; k < ARRAY_SIZE(settings); k++ )
        if ( !settings[k].flag )
            put(setup, &settings[k],
                *(const uint64_t *)((const char *)s + settings[k].now));
}

static uint64_t value_of(const struct setting *k, const char *text)
{
    uint64_t value;

    if ( !k->names )
        return number(text, k->max, k->key);

    for ( value = 0; value <= k->max; value++ )
        if ( !strcmp(text, k->names[value]) )
            return value;

    fail(EXIT_USAGE, "%s: no %s is called so: %s", args.verb, k->key, text);
}

/* The words KEY=VALUE that come after the domain. */
static void parse_setup(setup_t *setup)
{
    unsigned int i;
    size_t k;

    for ( i = 1; i < args.nr_words; i++ )
    {
        const char *word = args.words[i], *eq = strchr(word, '=');

        for ( k = 0; k < ARRAY_SIZE(settings); k++ )
            if ( eq && strlen(settings[k].key) == (size_t)(eq - word) &&
                 !strncmp(settings[k].key, word, eq - word) )
                break;

        if ( k == ARRAY_SIZE(settings) )
            fail(EXIT_USAGE, "%s: not a setting, KEY=VALUE: %s", args.verb,
                 word);
        put(setup, &settings[k], value_of(&settings[k], eq + 1));
    }
}

void verb_enable(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_enable,
        .u.setup = {
            .flags = XEN_MEM_COMPRESS_S_guest_ops,
            .sweep_ms = 1000,
        },
    };
    unsigned int domid = the_domain();

    parse_setup(&op.u.setup);
    must(domid, &op);
}

void verb_set(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_set,
    };
    unsigned int domid = the_domain();
    stats_t s;

    if ( args.nr_words < 2 )
        fail(EXIT_USAGE, "set: which setting?");

    /* What is not named stays as it is. */
    must_get_stats(domid, &s);
    if ( !was_on(&s) )
        refused(domid, op.op, -EOPNOTSUPP);
    put_all(&op.u.setup, &s);

    parse_setup(&op.u.setup);
    must(domid, &op);
}

int limit_held(unsigned int domid, uint64_t frames)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_set,
    };
    stats_t s;
    int rc = get_stats(domid, &s);

    if ( rc )
        return rc;
    put_all(&op.u.setup, &s);
    op.u.setup.max_held = frames;

    return xmc_op(domid, &op);
}

/* The watermarks: tell them, or set them. */
void verb_host(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_set_host,
    };
    unsigned int i;
    stats_t s;

    must_get_stats(0, &s);
    op.u.host.low = s.low;
    op.u.host.high = s.high;

    for ( i = 0; i < args.nr_words; i++ )
        if ( !strncmp(args.words[i], "low=", 4) )
            op.u.host.low = number(args.words[i] + 4, UINT64_MAX, "low");
        else if ( !strncmp(args.words[i], "high=", 5) )
            op.u.host.high = number(args.words[i] + 5, UINT64_MAX, "high");
        else
            fail(EXIT_USAGE, "host: neither low=N nor high=N: %s",
                 args.words[i]);

    if ( op.u.host.low > op.u.host.high )
        fail(EXIT_USAGE, "host: low is above high: %" PRIu64 " > %" PRIu64,
             (uint64_t)op.u.host.low, (uint64_t)op.u.host.high);

    if ( args.nr_words )
        must(0, &op);

    printf(args.json ? "{\"low\": %" PRIu64 ", \"high\": %" PRIu64 "}\n"
                     : "low %" PRIu64 " pages, high %" PRIu64 " pages\n",
           (uint64_t)op.u.host.low, (uint64_t)op.u.host.high);
}

/*
 * Work on all pages.
 */

/*
 * Go through all pages, wherever Xen returns before it is through.  A damaged
 * object ends a batch: what can be had has to be had, so go on behind it.
 */
int go_through(unsigned int domid, uint32_t what, unsigned int min_age,
               uint64_t wanted, uint64_t *done)
{
    struct xen_domctl_mem_compress_op op = {
        .op = what,
        .u.range = { .min_age = min_age, .wanted = wanted },
    };
    bool damaged = false;
    int rc;

    do {
        uint64_t before = op.u.range.cursor;

        rc = xmc_op(domid, &op);
        if ( rc == -EIO )
        {
            damaged = true;
            if ( op.u.range.cursor == before )
                op.u.range.cursor++;
        }
    } while ( rc == -EAGAIN || rc == -EINTR || rc == -EIO );

    *done = op.u.range.done;

    return rc ?: damaged ? -EIO : 0;
}

static int as_told(unsigned int domid, uint32_t what, uint64_t *done)
{
    return go_through(domid, what, args.min_age, args.max, done);
}

static void report(uint64_t done, const char *what)
{
    if ( args.json )
        printf("{\"done\": %" PRIu64 "}\n", done);
    else
        printf("%" PRIu64 " pages %s\n", done, what);
}

void verb_compress(void)
{
    unsigned int domid = the_domain();
    uint64_t done;
    int rc = as_told(domid, XEN_DOMCTL_MEM_COMPRESS_compress, &done);

    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_compress, rc);
    report(done, "compressed");
}

/* What could not be brought back is still there, and what to do about it. */
static void left_over(unsigned int domid, uint32_t what, int rc)
{
    stats_t s;

    must_get_stats(domid, &s);
    fail(status_of(-rc), "%s domain %u: %" PRIu64 " pages are still "
         "compressed: %s: %s", args.verb, domid,
         (uint64_t)(s.compressed + s.discarded), strerror(-rc),
         next_step(-rc, what));
}

void verb_restore(void)
{
    unsigned int domid = the_domain();
    uint64_t done;
    int rc = as_told(domid, XEN_DOMCTL_MEM_COMPRESS_restore, &done);

    if ( rc == -ENOMEM || rc == -EIO )
        left_over(domid, XEN_DOMCTL_MEM_COMPRESS_restore, rc);
    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_restore, rc);
    report(done, "restored");
}

void verb_sweep(void)
{
    unsigned int domid = the_domain();
    uint64_t done;
    int rc = as_told(domid, XEN_DOMCTL_MEM_COMPRESS_sweep, &done);

    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_sweep, rc);
}

/* How far one domain came; the first error of all is told at the end. */
struct off {
    uint64_t done;
    unsigned int domid;
    int rc;
};

static void off_one(unsigned int domid, const char *name, void *ctx)
{
    struct off *off = ctx;
    uint64_t done = 0;
    stats_t s;
    int rc = get_stats(domid, &s);

    (void)name;
    if ( rc == -ESRCH || (!rc && !was_on(&s)) )
        return;

    rc = rc ?: as_told(domid, XEN_DOMCTL_MEM_COMPRESS_disable, &done);
    off->done += done;
    if ( rc && rc != -ESRCH && !off->rc )
    {
        off->rc = rc;
        off->domid = domid;
    }
}

void verb_off(void)
{
    struct off off = { .rc = 0 };

    if ( args.all == !!args.nr_words )
        fail(EXIT_USAGE, "%s: which domain, or --all?", args.verb);

    if ( args.all )
        for_each_domain(off_one, &off);
    else
    {
        off.domid = the_domain();
        off.rc = as_told(off.domid, XEN_DOMCTL_MEM_COMPRESS_disable,
                         &off.done);
    }

    if ( off.rc == -ENOMEM || off.rc == -EIO )
        left_over(off.domid, XEN_DOMCTL_MEM_COMPRESS_disable, off.rc);
    if ( off.rc )
        refused(off.domid, XEN_DOMCTL_MEM_COMPRESS_disable, off.rc);
    report(off.done, "restored");
}
