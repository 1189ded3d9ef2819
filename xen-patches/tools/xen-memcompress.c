/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen-memcompress: look at and steer Xen's memory compression controller, from
 * dom0.  See usage() for the verbs, README.md beside this for what they print.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

enum {
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_NO_CONTROLLER = 3,
};

/* Statistics of a domain must fit the area that Xen copies them to. */
_Static_assert(sizeof(struct xen_mem_compress_stats) <= XMC_DATA_BYTES,
               "statistics");
_Static_assert(sizeof(struct xen_mem_compress_hist) <= XMC_DATA_BYTES,
               "histogram");

/* The command line. */
static struct {
    const char *verb;
    const char *words[16];      /* what is no option, after the verb */
    unsigned int nr_words;
    bool json;
    const char *output;         /* -o */
    uint64_t min_age, max;      /* --min-age, --max */
    uint64_t interval, count;   /* --interval, --count */
} args = { .interval = 1 };

static void usage(FILE *to)
{
    fputs(
"usage: xen-memcompress VERB [DOM] [options] [--json]     (DOM: id or name)\n"
"\n"
"  list                            domains the controller is on for\n"
"  show DOM                        settings, books and events of a domain\n"
"  enable DOM [KEY=VALUE ...]      switch it on, before the domain first runs\n"
"  set DOM KEY=VALUE ...           change what enable set\n"
"  disable DOM                     restore everything, compress no more (off)\n"
"  compress DOM [--min-age N] [--max N]\n"
"                                  compress pages N sweeps old, at most N\n"
"  restore DOM [--max N]           restore compressed pages\n"
"  sweep DOM                       age every page by one sweep\n"
"  histogram DOM [NAME]            restore_lzo restore_same restore_bulk\n"
"                                  decode compress encode\n"
"  states DOM -o FILE              one byte per gfn, from gfn 0 on: low nibble\n"
"                                  the state, high nibble the age\n"
"  dump-object DOM GFN -o FILE     a stored object, as it lies in the store\n"
"  classes DOM                     size classes of the store, and how full\n"
"  watch [DOM] [--interval S] [--count N]\n"
"\n"
"keys: sweep_ms=N  max_compressed=N  max_store_pages=N  (pages; 0: no limit)\n"
"      crc=0|1  guest_ops=0|1  sw_af=0|1  codec=lzo|lz4\n", to);
}

static void __attribute__((format(printf, 2, 3), noreturn))
fail(int status, const char *format, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("xen-memcompress: ", stderr);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    if ( status == EXIT_USAGE )
        fputs("try: xen-memcompress --help\n", stderr);
    exit(status);
}

/* What to do about an error of Xen. */
static const char *next_step(int error, uint32_t op)
{
    bool enable = op == XEN_DOMCTL_MEM_COMPRESS_enable;

    switch ( error )
    {
    case EPERM:
    case EACCES:
        return "run this as root, in dom0; check the XSM policy";
    case ESRCH:
        return "see xl list";
    case EOPNOTSUPP:
    case ENODEV:
        return enable ? "this kind of domain cannot be compressed"
                      : "enable it for the domain, before it first runs";
    case EBUSY:
        return enable ? "the domain ran already: create it with xl create -p"
                      : "the domain is being torn down, or has used its quota";
    case EEXIST:
        return "it is on already: use set";
    case ENOMEM:
        return enable ? "the reserve cannot be filled: free some host memory"
                      : "free some host memory, or raise the limits with set";
    case ENOENT:
        return "nothing is stored for it";
    case EIO:
        return "a stored object is damaged: see xl dmesg";
    case EINVAL:
        return "a value is out of range, or the tool is not this Xen's";
    default:
        return "see xl dmesg";
    }
}

/* Xen has refused an operation. */
static void __attribute__((noreturn))
refused(unsigned int domid, uint32_t op, int rc)
{
    if ( rc == -ENOSYS )
        fail(EXIT_NO_CONTROLLER, "this Xen has no memory compression "
             "controller: build it with CONFIG_MEM_COMPRESS=y");

    fail(EXIT_ERROR, "%s domain %u: %s: %s", args.verb, domid, strerror(-rc),
         next_step(-rc, op));
}

/* An operation that must succeed. */
static void must(unsigned int domid, struct xen_domctl_mem_compress_op *op)
{
    int rc = xmc_op(domid, op);

    if ( rc )
        refused(domid, op->op, rc);
}

static uint64_t number(const char *text, uint64_t max, const char *what)
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

/*
 * Domains.
 */

static void for_each_domain(void (*f)(unsigned int domid, const char *name,
                                      void *ctx), void *ctx)
{
    unsigned int first = 0;
    domid_t ids[32];
    int i, n;

    while ( first < DOMID_FIRST_RESERVED &&
            (n = xmc_domains(first, ids, 32)) != 0 )
    {
        if ( n < 0 )
            fail(EXIT_ERROR, "list of domains: %s: %s", strerror(-n),
                 next_step(-n, 0));
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

/* The domain that the first word names. */
static unsigned int the_domain(void)
{
    struct named named = { .domid = -1 };

    if ( !args.nr_words )
        fail(EXIT_USAGE, "%s: which domain?", args.verb);

    named.name = args.words[0];
    if ( !named.name[strspn(named.name, "0123456789")] )
        return number(named.name, DOMID_FIRST_RESERVED - 1, "domain");

    for_each_domain(match_name, &named);
    if ( named.domid < 0 )
        fail(EXIT_ERROR, "no domain %s: see xl list", named.name);

    return named.domid;
}

/*
 * Statistics.
 */

static int get_stats(unsigned int domid, struct xen_mem_compress_stats *s)
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

static void must_get_stats(unsigned int domid,
                           struct xen_mem_compress_stats *s)
{
    int rc = get_stats(domid, s);

    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_get_stats, rc);
}

static void list_one(unsigned int domid, const char *name, void *ctx)
{
    struct xen_mem_compress_stats s;
    unsigned int *listed = ctx;
    int rc = get_stats(domid, &s);

    /* Off for this domain, or it is gone by now. */
    if ( rc == -EOPNOTSUPP || rc == -ENODEV || rc == -ESRCH ||
         (!rc && !(s.info & XEN_MEM_COMPRESS_I_enabled) && !s.nominal) )
        return;

    if ( rc )
        refused(domid, XEN_DOMCTL_MEM_COMPRESS_get_stats, rc);

    if ( !args.json )
    {
        if ( !(*listed)++ )
            xmc_stats_line(0, "", NULL);
        xmc_stats_line(domid, name, &s);
        return;
    }

    printf("%s", (*listed)++ ? ",\n " : "");
    xmc_stats_json(domid, name, &s);
}

static void list(void)
{
    unsigned int listed = 0;

    if ( args.json )
        printf("[");
    for_each_domain(list_one, &listed);
    if ( args.json )
        printf("]\n");
    else if ( !listed )
        printf("the controller is not on for any domain\n");
}

static void show_one(unsigned int domid, const char *name)
{
    struct xen_mem_compress_stats s;

    must_get_stats(domid, &s);
    if ( args.json )
    {
        xmc_stats_json(domid, name, &s);
        printf("\n");
    }
    else
        xmc_stats_text(domid, name, &s);
}

static void show(void)
{
    unsigned int domid = the_domain();
    char name[128];

    xmc_name(domid, name, sizeof(name));
    show_one(domid, name);
}

static void watch(void)
{
    uint64_t left = args.count;

    do {
        if ( args.nr_words )
        {
            struct xen_mem_compress_stats s;
            unsigned int domid = the_domain();
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
                if ( left == args.count )
                    xmc_stats_line(0, "", NULL);
                xmc_stats_line(domid, name, &s);
            }
        }
        else
            list();
        fflush(stdout);
        if ( args.count && !--left )
            break;
        if ( !args.count )
            left = 1;           /* the heading was printed */
        sleep(args.interval);
    } while ( true );
}

/*
 * Settings.
 */

static unsigned int codec_number(const char *name, const char *word)
{
    unsigned int codec;

    for ( codec = 0; codec < XEN_MEM_COMPRESS_NR_CODECS; codec++ )
        if ( !strcmp(name, xmc_codec_names[codec]) )
            return codec;

    fail(EXIT_USAGE, "%s: unknown codec: %s", args.verb, word);
}

/* The @nr words KEY=VALUE from @words on; a bit for each number given. */
static unsigned int parse_setup(struct xen_mem_compress_setup *setup,
                                const char *const words[], unsigned int nr)
{
    static const struct {
        const char *key;
        uint32_t flag;
    } flags[] = {
        { "crc=", XEN_MEM_COMPRESS_S_crc },
        { "guest_ops=", XEN_MEM_COMPRESS_S_guest_ops },
        { "sw_af=", XEN_MEM_COMPRESS_S_sw_af },
    };
    unsigned int given = 0, i, f;

    for ( i = 0; i < nr; i++ )
    {
        const char *word = words[i], *eq = strchr(word, '=');
        const char *text = eq ? eq + 1 : "";

        if ( !strncmp(word, "sweep_ms=", 9) )
        {
            setup->sweep_ms = number(text, UINT32_MAX, word);
            given |= 1;
            continue;
        }
        if ( !strncmp(word, "max_compressed=", 15) )
        {
            setup->max_compressed = number(text, UINT64_MAX, word);
            given |= 2;
            continue;
        }
        if ( !strncmp(word, "max_store_pages=", 16) )
        {
            setup->max_store_pages = number(text, UINT64_MAX, word);
            given |= 4;
            continue;
        }
        if ( !strncmp(word, "codec=", 6) )
        {
            setup->codec = codec_number(text, word);
            continue;
        }
        for ( f = 0; f < sizeof(flags) / sizeof(flags[0]); f++ )
            if ( !strncmp(word, flags[f].key, strlen(flags[f].key)) )
            {
                if ( number(text, 1, word) )
                    setup->flags |= flags[f].flag;
                else
                    setup->flags &= ~flags[f].flag;
                break;
            }
        if ( f == sizeof(flags) / sizeof(flags[0]) )
            fail(EXIT_USAGE, "%s: unknown setting: %s", args.verb, word);
    }

    return given;
}

static void enable(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_enable,
        .u.setup = {
            .flags = XEN_MEM_COMPRESS_S_guest_ops,
            .sweep_ms = 1000,
        },
    };
    unsigned int domid = the_domain();

    parse_setup(&op.u.setup, &args.words[1], args.nr_words - 1);
    must(domid, &op);
}

static void set(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_set,
    };
    unsigned int domid = the_domain();
    struct xen_mem_compress_stats s;

    must_get_stats(domid, &s);
    op.u.setup.flags = s.flags;
    op.u.setup.codec = s.codec;
    /* Xen tells flags and codec in force, but not the limits. */
    if ( parse_setup(&op.u.setup, &args.words[1], args.nr_words - 1) != 7 )
        fail(EXIT_USAGE, "set: give all of sweep_ms, max_compressed and "
             "max_store_pages");
    must(domid, &op);
}

/*
 * Work on all pages.
 */

static void whole_domain(uint32_t what, bool report)
{
    struct xen_domctl_mem_compress_op op = { .op = what };
    unsigned int domid = the_domain();
    int rc;

    op.u.range.min_age = args.min_age;
    op.u.range.wanted = args.max;

    /* If Xen returns before it is through, it goes on at the cursor. */
    do
        rc = xmc_op(domid, &op);
    while ( rc == -EAGAIN || rc == -EINTR );

    if ( rc )
        refused(domid, what, rc);

    if ( report && args.json )
        printf("{\"done\": %" PRIu64 "}\n", (uint64_t)op.u.range.done);
    else if ( report )
        printf("%" PRIu64 " pages %s\n", (uint64_t)op.u.range.done,
               what == XEN_DOMCTL_MEM_COMPRESS_compress ? "compressed"
                                                        : "restored");
}

static void compress(void)
{
    whole_domain(XEN_DOMCTL_MEM_COMPRESS_compress, true);
}

static void restore(void)
{
    whole_domain(XEN_DOMCTL_MEM_COMPRESS_restore, true);
}

static void disable(void)
{
    whole_domain(XEN_DOMCTL_MEM_COMPRESS_disable, false);
}

static void sweep(void)
{
    whole_domain(XEN_DOMCTL_MEM_COMPRESS_sweep, false);
}

/*
 * Looking inside.
 */

static void histogram(void)
{
    unsigned int domid = the_domain(), i, shown = 0;
    const char *wanted = args.nr_words > 1 ? args.words[1] : NULL;
    struct xen_mem_compress_stats s;

    must_get_stats(domid, &s);
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_HISTS; i++ )
    {
        struct xen_domctl_mem_compress_op op = {
            .op = XEN_DOMCTL_MEM_COMPRESS_get_hist,
            .u.buffer = {
                .index = i,
                .size = sizeof(struct xen_mem_compress_hist),
            },
        };

        if ( wanted && strcmp(wanted, xmc_hist_names[i]) )
            continue;

        must(domid, &op);
        if ( !args.json )
            xmc_hist_text(xmc_hist_names[i], xmc_data(), s.ticks_khz);
        else
        {
            if ( !wanted )
                printf("%s\"%s\": ", shown ? ", " : "{", xmc_hist_names[i]);
            xmc_hist_json(xmc_data(), s.ticks_khz);
        }
        shown++;
    }
    if ( !shown )
        fail(EXIT_USAGE, "histogram: there is no %s", wanted);
    if ( args.json )
        printf(wanted ? "\n" : "}\n");
}

static FILE *output(void)
{
    FILE *f;

    if ( !args.output )
        fail(EXIT_USAGE, "%s: -o FILE: where to?", args.verb);
    f = fopen(args.output, "wb");
    if ( !f )
        fail(EXIT_ERROR, "%s: %s", args.output, strerror(errno));

    return f;
}

static void written(FILE *f)
{
    if ( ferror(f) | fclose(f) )
        fail(EXIT_ERROR, "%s: %s: is there room?", args.output,
             strerror(errno));
}

static void states(void)
{
    uint64_t count[16] = { 0 }, gfn = 0, max_gfn = 0, run = 0, i;
    unsigned int domid = the_domain(), runs = 0;
    bool in_run = false;
    FILE *f = output();

    if ( args.json )
        printf("{\"runs\": [");
    do {
        struct xen_domctl_mem_compress_op op = {
            .op = XEN_DOMCTL_MEM_COMPRESS_get_states,
            .u.states = { .first = gfn, .nr = XMC_DATA_BYTES },
        };
        const uint8_t *bytes = xmc_data();
        uint64_t nr;

        must(domid, &op);
        nr = op.u.states.nr;
        max_gfn = op.u.states.max_gfn;
        if ( !nr || nr > XMC_DATA_BYTES )
            break;

        fwrite(bytes, 1, nr, f);
        for ( i = 0; i < nr; i++, gfn++ )
        {
            unsigned int state = XEN_MEM_COMPRESS_G_state(bytes[i]);

            count[state]++;
            if ( (state != XEN_MEM_COMPRESS_G_none) == in_run )
                continue;
            if ( in_run && args.json )
                printf("%s{\"first_gfn\": %" PRIu64 ", \"nr\": %" PRIu64 "}",
                       runs++ ? ", " : "", run, gfn - run);
            in_run = !in_run;
            run = gfn;
        }
    } while ( gfn <= max_gfn );
    written(f);

    if ( !args.json )
    {
        for ( i = 0; i < 16; i++ )
            if ( count[i] )
                printf("%-12s %10" PRIu64 "\n",
                       xmc_state_names[i] ?: "unknown", count[i]);
        return;
    }

    if ( in_run )
        printf("%s{\"first_gfn\": %" PRIu64 ", \"nr\": %" PRIu64 "}",
               runs ? ", " : "", run, gfn - run);
    printf("], \"nr\": %" PRIu64 ", \"max_gfn\": %" PRIu64, gfn, max_gfn);
    for ( i = 0; i < 16; i++ )
        if ( xmc_state_names[i] )
            printf(", \"%s\": %" PRIu64, xmc_state_names[i], count[i]);
    printf("}\n");
}

static void dump_object(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_read_object,
        .u.object.size = XMC_DATA_BYTES,
    };
    unsigned int domid = the_domain();
    uint64_t pattern;
    const char *state;
    uint32_t size = 0;
    FILE *f;

    if ( args.nr_words != 2 )
        fail(EXIT_USAGE, "dump-object: which gfn?");
    op.u.object.gfn = number(args.words[1], UINT64_MAX, "gfn");
    must(domid, &op);

    state = xmc_state_names[op.u.object.state & 0xf] ?: "unknown";
    pattern = op.u.object.pattern;
    if ( op.u.object.state == XEN_MEM_COMPRESS_G_lzo )
        size = op.u.object.size;
    else if ( op.u.object.state != XEN_MEM_COMPRESS_G_zero &&
              op.u.object.state != XEN_MEM_COMPRESS_G_same )
        fail(EXIT_ERROR, "gfn %#" PRIx64 " of domain %u is %s: nothing is "
             "stored for it", (uint64_t)op.u.object.gfn, domid, state);
    if ( size > XMC_DATA_BYTES )
        fail(EXIT_ERROR, "Xen gives an object of %u bytes", size);

    /* Empty for a page of one repeated word: there is no object. */
    f = output();
    fwrite(xmc_data(), 1, size, f);
    written(f);

    printf(args.json ? "{\"gfn\": %" PRIu64 ", \"state\": \"%s\", \"size\": "
                       "%u, \"codec\": \"%s\", \"crc\": %u, \"pattern\": %"
                       PRIu64 "}\n"
                     : "gfn %" PRIu64 ": %s, %u bytes, codec %s, crc %08x, "
                       "pattern %#" PRIx64 "\n",
           (uint64_t)op.u.object.gfn, state, size,
           size ? xmc_codec_name(op.u.object.codec) : "none",
           op.u.object.crc, pattern);
}

static void classes(void)
{
    struct xen_domctl_mem_compress_op op = {
        .op = XEN_DOMCTL_MEM_COMPRESS_get_classes,
        .u.buffer.size = XMC_DATA_BYTES,
    };
    unsigned int domid = the_domain();

    must(domid, &op);
    if ( args.json )
        xmc_classes_json(xmc_data(), op.u.buffer.size);
    else
        xmc_classes_text(xmc_data(), op.u.buffer.size);
}

/*
 * The command line.
 */

static const struct verb {
    const char *name;
    void (*run)(void);
} verbs[] = {
    { "list", list },
    { "show", show },
    { "enable", enable },
    { "set", set },
    { "disable", disable },
    { "off", disable },
    { "compress", compress },
    { "restore", restore },
    { "sweep", sweep },
    { "histogram", histogram },
    { "states", states },
    { "dump-object", dump_object },
    { "classes", classes },
    { "watch", watch },
};

/* The value of an option: the rest of its word, or the next word. */
static const char *option_value(char **argv, int *i, size_t name)
{
    const char *word = argv[*i];

    if ( word[name] == '=' )
        return &word[name + 1];
    if ( !argv[*i + 1] )
        fail(EXIT_USAGE, "%s: what value?", word);

    return argv[++*i];
}

static void parse(char **argv)
{
    static const struct {
        const char *name;
        uint64_t *value, max;
    } numbers[] = {
        { "--min-age", &args.min_age, XEN_MEM_COMPRESS_NR_AGES - 1 },
        { "--max", &args.max, UINT64_MAX },
        { "--interval", &args.interval, 3600 },
        { "--count", &args.count, UINT64_MAX },
    };
    size_t n, len;
    int i;

    for ( i = 1; argv[i]; i++ )
    {
        for ( n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++ )
        {
            len = strlen(numbers[n].name);
            if ( !strncmp(argv[i], numbers[n].name, len) &&
                 (!argv[i][len] || argv[i][len] == '=') )
                break;
        }

        if ( n < sizeof(numbers) / sizeof(numbers[0]) )
            *numbers[n].value = number(option_value(argv, &i, len),
                                       numbers[n].max, numbers[n].name);
        else if ( !strcmp(argv[i], "--json") )
            args.json = true;
        else if ( !strcmp(argv[i], "-o") )
            args.output = option_value(argv, &i, 2);
        else if ( !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h") )
        {
            usage(stdout);
            exit(0);
        }
        else if ( argv[i][0] == '-' )
            fail(EXIT_USAGE, "unknown option: %s", argv[i]);
        else if ( !args.verb )
            args.verb = argv[i];
        else if ( args.nr_words < sizeof(args.words) / sizeof(args.words[0]) )
            args.words[args.nr_words++] = argv[i];
        else
            fail(EXIT_USAGE, "too many words");
    }
}

int main(int argc, char **argv)
{
    size_t i;

    (void)argc;
    parse(argv);
    if ( !args.verb )
    {
        usage(stderr);
        return EXIT_USAGE;
    }

    for ( i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++ )
        if ( !strcmp(args.verb, verbs[i].name) )
        {
            xmc_open();
            verbs[i].run();
            if ( fflush(stdout) )
                fail(EXIT_ERROR, "standard output: %s", strerror(errno));
            return 0;
        }

    fail(EXIT_USAGE, "unknown verb: %s", args.verb);
}
