/* SPDX-License-Identifier: GPL-2.0-only */
/* histogram, states, dump-object, classes: looking inside. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report.h"
#include "tool.h"

/* Must fit the area that Xen copies them to. */
_Static_assert(sizeof(struct xen_mem_compress_stats) <= XMC_DATA_BYTES,
               "statistics");
_Static_assert(sizeof(struct xen_mem_compress_hist) <= XMC_DATA_BYTES,
               "histogram");

void verb_histogram(void)
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

void verb_states(void)
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

void verb_dump_object(void)
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

void verb_classes(void)
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
