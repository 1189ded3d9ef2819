/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen-memcompress: look at and steer Xen's memory compression controller, from
 * dom0.  Here: the command line and its help.  look.c, inside.c, change.c
 * and broker.c have what the verbs do, report.c what they print.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct args args = { .interval = 1 };

/* Options besides --json and --help, for the verbs that take them. */
enum {
    OPT_MIN_AGE  = 1 << 0,
    OPT_MAX      = 1 << 1,
    OPT_OUTPUT   = 1 << 2,
    OPT_INTERVAL = 1 << 3,
    OPT_COUNT    = 1 << 4,
    OPT_ALL      = 1 << 5,
    OPT_DRY_RUN  = 1 << 6,
    OPT_NO_JSON  = 1 << 7,      /* does not take it */
};

static const struct verb {
    const char *name, *words;   /* synopsis */
    const char *brief, *help;
    void (*run)(void);
    unsigned int options, max_words;
} verbs[] = {
    { "list", "",
      "domains that the controller is on for, and the host",
"resident    frames the domain has\n"
"compressed  pages of it that have none now\n"
"store       frames that hold what was compressed\n"
"gained      compressed, less the store, tables and metadata\n"
"restores    pages brought back since the domain was created\n"
"rejected    pages that did not compress well enough\n"
"refaults    pages restored within two sweeps: if these grow as fast as\n"
"            restores, pages are taken that are in use: raise --min-age\n",
      verb_list, 0, 0 },
    { "show", "DOM",
      "settings, books and events of a domain",
"The books are in pages, and always balance: resident + compressed +\n"
"discarded + ballooned = nominal.  \"not balanced\" is a bug of Xen: report\n"
"it, with xl dmesg.  Every field is described in Xen's public header\n"
"mem_compress.h, struct xen_mem_compress_stats; --json has the same names.\n",
      verb_show, 0, 1 },
    { "watch", "[DOM] [--interval S] [--count N]",
      "the same again and again, with what has changed",
"Without DOM it is the list, else a line each S (1) seconds: amounts as they\n"
"are, and behind + what has happened since the line before.\n",
      verb_watch, OPT_INTERVAL | OPT_COUNT, 1 },
    { "enable", "DOM [KEY=VALUE ...]",
      "switch it on, before the domain first runs",
"    xl create -p guest.cfg\n"
"    xen-memcompress enable guest sweep_ms=1000\n"
"    xl unpause guest\n"
"A domain that is rebooted is another domain to Xen: enable it again.\n"
"Not for dom0, 32-bit or direct-mapped domains, static memory, cache\n"
"colouring, devices passed through, or a domain that is introspected.\n",
      verb_enable, 0, 16 },
    { "set", "DOM KEY=VALUE ...",
      "change settings; what is not named stays",
"    xen-memcompress set guest max_store_pages=4096 crc=1\n"
"A limit that is below what is there stops more, and brings nothing back.\n",
      verb_set, 0, 16 },
    { "host", "[low=N] [high=N]",
      "when idle processors compress: tell, or set",
"In pages: they begin when less than low is free, and end when high is, or\n"
"nothing is old enough; 0 for both: never.  They take pages of domains with a\n"
"weight (set DOM weight=N), in proportion to their weights:\n"
"    xen-memcompress set guest weight=100 min_age=4\n"
"    xen-memcompress host low=16384 high=24576\n",
      verb_host, 0, 2 },
    { "compress", "DOM [--min-age N] [--max N]",
      "compress pages that were not accessed for N sweeps",
"    xen-memcompress compress guest --min-age 5 --max 1000\n"
"With --max the oldest that many; without, all that are old enough (0: all).\n"
"Content that does not compress stays, and is left alone for a while.\n",
      verb_compress, OPT_MIN_AGE | OPT_MAX, 1 },
    { "restore", "DOM [--max N]",
      "bring compressed pages back",
"Takes frames of the host.  If there are none left it says how much is still\n"
"compressed, and can be run again.\n",
      verb_restore, OPT_MAX, 1 },
    { "sweep", "DOM",
      "age every page by one sweep, now",
"For a domain with sweep_ms=0, which has no sweeps by the clock.\n",
      verb_sweep, 0, 1 },
    { "off", "DOM | --all",
      "emergency: bring everything back, compress no more",
"For good: until it is created again such a domain cannot be compressed.\n"
"Needs a free frame for each compressed page (see compressed in show): on a\n"
"full host shrink other domains first (xl mem-set).  If it runs out it says\n"
"how much is left, and goes on when it is run again.\n",
      verb_off, OPT_ALL, 1 },
    { "histogram", "DOM [NAME]",
      "how long restores and compressions took",
"NAME is restore_lzo, restore_same (of a page of one word), restore_bulk\n"
"(per page), decode, compress, encode.  Text is in microseconds, --json in\n"
"ticks with ticks_khz beside; bucket numbers as in mem_compress.h.\n",
      verb_histogram, 0, 2 },
    { "states", "DOM -o FILE",
      "state and age of every page",
"FILE has one byte per guest frame from 0 on: low nibble the state\n"
"(XEN_MEM_COMPRESS_G_*), high nibble the age in sweeps.\n",
      verb_states, OPT_OUTPUT, 1 },
    { "dump-object", "DOM GFN -o FILE",
      "what is stored for a page, as it lies in the store",
"A raw LZO1X stream or LZ4 block: codec says which.  Empty for a page of one\n"
"repeated word, which is printed.\n",
      verb_dump_object, OPT_OUTPUT, 2 },
    { "classes", "DOM",
      "size classes of the store, and how full they are",
"As text those in use; --json has all, with the fields of struct\n"
"xen_mem_compress_class.\n",
      verb_classes, 0, 1 },
    { "broker", "FILE [--dry-run] [--interval S] [--count N]",
      "lend what one domain does not hold to one that is short",
"Looks each S (1) seconds, N times or until it is ended; then all is taken\n"
"back.  A domain's slice (memory/target in xenstore) is raised by what others\n"
"leave of theirs; pages that they do not use are compressed for it.  FILE, with\n"
"amounts in MiB:\n"
"    keep = 16        # free memory of the host that is never lent\n"
"                     # (0: the low watermark, see host)\n"
"    step = 4         # lent in a look at most\n"
"    idle_age = 8     # sweeps without access that make a page idle\n"
"    domain linux weight=200 max=128\n"
"    domain other weight=100 min=32\n"
"weight: shares of what is lent.  min: what a domain keeps however idle it is.\n"
"max: its slice goes no further (without it: all it was created with).  Each\n"
"decision is a line; --dry-run only says what would be done.\n",
      verb_broker, OPT_DRY_RUN | OPT_INTERVAL | OPT_COUNT | OPT_NO_JSON, 1 },
    { "disable", "DOM | --all", NULL, NULL, verb_off, OPT_ALL, 1 },
};

static void usage(FILE *to)
{
    size_t i;

    fputs("usage: xen-memcompress VERB [DOM] [options]   (DOM: id or name)\n"
          "       xen-memcompress VERB --help\n\n", to);
    for ( i = 0; i < ARRAY_SIZE(verbs); i++ )
        if ( verbs[i].brief )
            fprintf(to, "  %-13s%s\n", verbs[i].name, verbs[i].brief);
    fputs("\n"
"  --json       for machines: one JSON value on standard output\n"
"\n"
"first steps:\n"
"  xl create -p guest.cfg; xen-memcompress enable guest; xl unpause guest\n"
"  xen-memcompress watch guest            what its sweeps find\n"
"  xen-memcompress compress guest --min-age 5\n"
"  xen-memcompress show guest             what was gained\n"
"\n"
"exit status: 0 done, 1 another error, 2 usage, 3 this Xen has no controller\n"
"or it was switched off at boot, 4 no such domain, 5 not on for the domain,\n"
"6 not now (memory, or somebody is in the way): try again, 7 damaged objects\n",
          to);
}

static void help(const struct verb *v)
{
    printf("usage: xen-memcompress %s%s%s%s\n\n%s: %s\n\n%s", v->name,
           *v->words ? " " : "", v->words,
           v->options & OPT_NO_JSON ? "" : " [--json]", v->name, v->brief,
           v->help);
    if ( v->run == verb_enable || v->run == verb_set )
    {
        printf("\nkeys:\n");
        print_keys(stdout);
    }
}

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

static bool wants_help;

/* Fills args; returns the options that were given, OPT_*. */
static unsigned int parse(char **argv)
{
    static const struct {
        const char *name;
        uint64_t *value, max;
        unsigned int option;
    } numbers[] = {
        { "--min-age", &args.min_age, XEN_MEM_COMPRESS_NR_AGES - 1,
          OPT_MIN_AGE },
        { "--max", &args.max, UINT64_MAX, OPT_MAX },
        { "--interval", &args.interval, 3600, OPT_INTERVAL },
        { "--count", &args.count, UINT64_MAX, OPT_COUNT },
    };
    unsigned int given = 0;
    size_t n, len;
    int i;

    for ( i = 1; argv[i]; i++ )
    {
        for ( n = 0; n < ARRAY_SIZE(numbers); n++ )
        {
            len = strlen(numbers[n].name);
            if ( !strncmp(argv[i], numbers[n].name, len) &&
                 (!argv[i][len] || argv[i][len] == '=') )
                break;
        }

        if ( n < ARRAY_SIZE(numbers) )
        {
            given |= numbers[n].option;
            *numbers[n].value = number(option_value(argv, &i, len),
                                       numbers[n].max, numbers[n].name);
        }
        else if ( !strcmp(argv[i], "--json") )
            args.json = true;
        else if ( !strcmp(argv[i], "--all") )
        {
            args.all = true;
            given |= OPT_ALL;
        }
        else if ( !strcmp(argv[i], "--dry-run") )
        {
            args.dry_run = true;
            given |= OPT_DRY_RUN;
        }
        else if ( !strcmp(argv[i], "-o") )
        {
            args.output = option_value(argv, &i, 2);
            given |= OPT_OUTPUT;
        }
        else if ( !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h") )
            wants_help = true;
        else if ( argv[i][0] == '-' )
            fail(EXIT_USAGE, "unknown option: %s", argv[i]);
        else if ( !args.verb )
            args.verb = argv[i];
        else if ( args.nr_words < ARRAY_SIZE(args.words) )
            args.words[args.nr_words++] = argv[i];
        else
            fail(EXIT_USAGE, "too many words");
    }

    return given;
}

static const struct verb *find_verb(const char *name)
{
    size_t i;

    for ( i = 0; i < ARRAY_SIZE(verbs); i++ )
        if ( !strcmp(name, verbs[i].name) )
            return &verbs[i];

    args.verb = NULL;
    fail(EXIT_USAGE, "unknown verb: %s", name);
}

int main(int argc, char **argv)
{
    const struct verb *verb;
    unsigned int given;

    (void)argc;
    given = parse(argv);
    if ( !args.verb )
    {
        usage(wants_help ? stdout : stderr);
        return wants_help ? 0 : EXIT_USAGE;
    }

    verb = find_verb(args.verb);
    if ( wants_help )
    {
        help(verb->help ? verb : find_verb("off"));
        return 0;
    }

    if ( (given & ~verb->options) ||
         (args.json && (verb->options & OPT_NO_JSON)) )
        fail(EXIT_USAGE, "%s does not take this option", verb->name);
    if ( args.nr_words > verb->max_words )
        fail(EXIT_USAGE, "%s: too many words: %s", verb->name,
             args.words[verb->max_words]);

    xmc_open();
    verb->run();
    if ( fflush(stdout) )
        fail(EXIT_ERROR, "standard output: %s", strerror(errno));

    return 0;
}
