/* SPDX-License-Identifier: GPL-2.0-only */
/* What xen-memcompress prints. */

#include <inttypes.h>
#include <stdio.h>

#include "report.h"
#include "tool.h"

const char *const xmc_hist_names[XEN_MEM_COMPRESS_NR_HISTS] = {
    [XEN_MEM_COMPRESS_H_restore_lzo] = "restore_lzo",
    [XEN_MEM_COMPRESS_H_restore_same] = "restore_same",
    [XEN_MEM_COMPRESS_H_restore_bulk] = "restore_bulk",
    [XEN_MEM_COMPRESS_H_decode] = "decode",
    [XEN_MEM_COMPRESS_H_compress] = "compress",
    [XEN_MEM_COMPRESS_H_encode] = "encode",
};

const char *const xmc_state_names[16] = {
    [XEN_MEM_COMPRESS_G_none] = "none",
    [XEN_MEM_COMPRESS_G_resident] = "resident",
    [XEN_MEM_COMPRESS_G_compressing] = "compressing",
    [XEN_MEM_COMPRESS_G_zero] = "zero",
    [XEN_MEM_COMPRESS_G_same] = "same",
    [XEN_MEM_COMPRESS_G_lzo] = "lzo",
    [XEN_MEM_COMPRESS_G_excluded] = "excluded",
    [XEN_MEM_COMPRESS_G_discarded] = "discarded",
};

const char *const xmc_codec_names[XEN_MEM_COMPRESS_NR_CODECS] = {
    [XEN_MEM_COMPRESS_CODEC_lzo] = "lzo",
    [XEN_MEM_COMPRESS_CODEC_lz4] = "lz4",
};

static const char *const cause_names[XEN_MEM_COMPRESS_NR_CAUSES] = {
    [XEN_MEM_COMPRESS_C_data] = "data",
    [XEN_MEM_COMPRESS_C_insn] = "insn",
    [XEN_MEM_COMPRESS_C_s1walk] = "s1walk",
    [XEN_MEM_COMPRESS_C_xen] = "xen",
    [XEN_MEM_COMPRESS_C_grant] = "grant",
    [XEN_MEM_COMPRESS_C_foreign] = "foreign",
    [XEN_MEM_COMPRESS_C_hint] = "hint",
    [XEN_MEM_COMPRESS_C_forced] = "forced",
};

static const char *const stay_names[XEN_MEM_COMPRESS_NR_STAYS] = {
    [XEN_MEM_COMPRESS_T_fault] = "fault",
    [XEN_MEM_COMPRESS_T_reclaim] = "reclaim",
    [XEN_MEM_COMPRESS_T_guest] = "guest",
    [XEN_MEM_COMPRESS_T_toolstack] = "toolstack",
    [XEN_MEM_COMPRESS_T_xen] = "xen",
    [XEN_MEM_COMPRESS_T_timer] = "timer",
    [XEN_MEM_COMPRESS_T_idle] = "idle",
    [XEN_MEM_COMPRESS_T_end] = "end",
};

const char *xmc_codec_name(uint64_t codec)
{
    return codec < XEN_MEM_COMPRESS_NR_CODECS ? xmc_codec_names[codec]
                                              : "unknown";
}

struct bit {
    uint32_t mask;
    const char *name;
};

static const struct bit flag_bits[] = {
    { XEN_MEM_COMPRESS_S_crc, "crc" },
    { XEN_MEM_COMPRESS_S_guest_ops, "guest_ops" },
    { XEN_MEM_COMPRESS_S_sw_af, "sw_af" },
    { XEN_MEM_COMPRESS_S_codec_only, "codec_only" },
};

static const struct bit info_bits[] = {
    { XEN_MEM_COMPRESS_I_enabled, "enabled" },
    { XEN_MEM_COMPRESS_I_hw_af, "hw_af" },
    { XEN_MEM_COMPRESS_I_balanced, "balanced" },
};

/* The fields that are one 64-bit number, in the order of the structure. */
#define FIELD(f) { #f, offsetof(struct xen_mem_compress_stats, f) }

static const struct field {
    const char *name;
    size_t offset;
} amounts[] = {
    FIELD(nominal), FIELD(resident), FIELD(compressing), FIELD(compressed),
    FIELD(discarded), FIELD(ballooned), FIELD(zero), FIELD(same), FIELD(lzo),
    FIELD(lz4),
    FIELD(stored_bytes), FIELD(store_pages), FIELD(table_pages),
    FIELD(meta_bytes), FIELD(host_total), FIELD(host_free), FIELD(reserve),
    FIELD(reserve_target), FIELD(low), FIELD(high),
}, settings[] = {
    FIELD(sweep_ms), FIELD(max_compressed), FIELD(max_store_pages),
    FIELD(weight), FIELD(min_age), FIELD(max_held),
}, events[] = {
    FIELD(nominated), FIELD(committed), FIELD(rejected), FIELD(cancelled),
    FIELD(freeze_failed), FIELD(no_memory), FIELD(collisions),
    FIELD(lost_races), FIELD(dropped), FIELD(refaults), FIELD(corrupted),
    FIELD(waits), FIELD(flushes), FIELD(sweeps), FIELD(splits),
    FIELD(requests), FIELD(scanned), FIELD(moved), FIELD(reclaims),
    FIELD(background), FIELD(limited),
};

/* Of the host, since it was booted. */
static const struct field since_boot[] = {
    FIELD(reclaim_fault),
};

static uint64_t value(const struct xen_mem_compress_stats *s,
                      const struct field *f)
{
    return *(const uint64_t *)((const char *)s + f->offset);
}

void xmc_json_string(const char *text)
{
    putchar('"');
    for ( ; *text; text++ )
        if ( *text == '"' || *text == '\\' )
            printf("\\%c", *text);
        else if ( (unsigned char)*text < 0x20 )
            printf("\\u%04x", *text);
        else
            putchar(*text);
    putchar('"');
}

static void json_bits(const char *name, const struct bit *bits, size_t nr,
                      uint32_t set)
{
    size_t i;

    printf(", \"%s\": {", name);
    for ( i = 0; i < nr; i++ )
        printf("%s\"%s\": %s", i ? ", " : "", bits[i].name,
               set & bits[i].mask ? "true" : "false");
    printf("}");
}

static void json_fields(const struct field *fields, size_t nr,
                        const struct xen_mem_compress_stats *s)
{
    size_t i;

    for ( i = 0; i < nr; i++ )
        printf(", \"%s\": %" PRIu64, fields[i].name, value(s, &fields[i]));
}

void xmc_stats_json(unsigned int domid, const char *name,
                    const struct xen_mem_compress_stats *s)
{
    unsigned int i;

    printf("{\"domid\": %u, \"name\": ", domid);
    xmc_json_string(name);
    printf(", \"version\": %" PRIu32, s->version);
    json_bits("flags", flag_bits, ARRAY_SIZE(flag_bits), s->flags);
    json_bits("info", info_bits, ARRAY_SIZE(info_bits), s->info);
    json_fields(settings, ARRAY_SIZE(settings), s);
    printf(", \"codec\": \"%s\"", xmc_codec_name(s->codec));
    printf(", \"ticks_khz\": %" PRIu32, s->ticks_khz);
    json_fields(amounts, ARRAY_SIZE(amounts), s);
    printf(", \"restores\": {");
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_CAUSES; i++ )
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", cause_names[i],
               s->restores[i]);
    printf("}, \"stretch\": {");
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_STAYS; i++ )
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", stay_names[i],
               s->stretch[i]);
    printf("}");
    json_fields(since_boot, ARRAY_SIZE(since_boot), s);
    json_fields(events, ARRAY_SIZE(events), s);
    printf(", \"ages\": [");
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_AGES; i++ )
        printf("%s%" PRIu64, i ? ", " : "", s->ages[i]);
    printf("]}");
}

static uint64_t restores(const struct xen_mem_compress_stats *s)
{
    uint64_t sum = 0;
    unsigned int i;

    for ( i = 0; i < XEN_MEM_COMPRESS_NR_CAUSES; i++ )
        sum += s->restores[i];

    return sum;
}

/* Frames given back to Xen, less what was spent to that end, in KiB. */
static int64_t gained_kib(const struct xen_mem_compress_stats *s)
{
    return (int64_t)(s->compressed + s->discarded - s->store_pages -
                     s->table_pages) * 4 - (int64_t)(s->meta_bytes / 1024);
}

/* Several to a line, those that are 0 left out. */
static void text_fields(const char *title, const struct field *fields,
                        size_t nr, const struct xen_mem_compress_stats *s)
{
    unsigned int column = 0;
    size_t i;

    printf("%s\n", title);
    for ( i = 0; i < nr; i++ )
        if ( value(s, &fields[i]) )
            printf("%s  %-15s%12" PRIu64, column++ % 2 ? "  " :
                   column > 1 ? "\n" : "", fields[i].name,
                   value(s, &fields[i]));
    printf("%s\n", column ? "" : "  none");
}

static void text_bits(const struct bit *bits, size_t nr, uint32_t set)
{
    size_t i;

    for ( i = 0; i < nr; i++ )
        printf("  %s%s", set & bits[i].mask ? "" : "not ", bits[i].name);
}

void xmc_stats_text(unsigned int domid, const char *name,
                    const struct xen_mem_compress_stats *s)
{
    unsigned int i;

    printf("domain %u%s%s%s:", domid, *name ? " (" : "", name,
           *name ? ")" : "");
    text_bits(info_bits, ARRAY_SIZE(info_bits), s->info);
    printf("\nsettings:");
    text_bits(flag_bits, ARRAY_SIZE(flag_bits), s->flags);
    printf("  codec %s\n", xmc_codec_name(s->codec));
    text_fields("limits (0 is no limit, and not shown):", settings,
                ARRAY_SIZE(settings), s);
    text_fields("amounts (pages of 4 KiB, or bytes):", amounts,
                ARRAY_SIZE(amounts), s);
    printf("  gained %" PRId64 " KiB", gained_kib(s));
    if ( s->store_pages )
        printf("; store density %.3f, mean object %" PRIu64 " bytes",
               (double)s->stored_bytes / (4096.0 * (double)s->store_pages),
               s->lzo ? s->stored_bytes / s->lzo : 0);
    printf("\n");
    text_fields("events:", events, ARRAY_SIZE(events), s);
    printf("restores: %" PRIu64, restores(s));
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_CAUSES; i++ )
        if ( s->restores[i] )
            printf("  %s %" PRIu64, cause_names[i], s->restores[i]);
    printf("\nresident pages by age in sweeps:");
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_AGES; i++ )
        printf("%s%" PRIu64, i % 8 ? " " : "\n  ", s->ages[i]);
    printf("\nlongest stretch with a processor of the host, in ticks of %"
           PRIu32 " kHz:\n ", s->ticks_khz);
    for ( i = 0; i < XEN_MEM_COMPRESS_NR_STAYS; i++ )
        printf(" %s %" PRIu64, stay_names[i], s->stretch[i]);
    text_fields("\nlikewise, a whole fault:", since_boot,
                ARRAY_SIZE(since_boot), s);
}

void xmc_stats_line(unsigned int domid, const char *name,
                    const struct xen_mem_compress_stats *s)
{
    if ( !s )
    {
        printf("%5s %-16s %9s %10s %7s %9s %10s %9s %9s\n", "id", "name",
               "resident", "compressed", "store", "gained", "restores",
               "rejected", "refaults");
        return;
    }

    printf("%5u %-16s %9" PRIu64 " %10" PRIu64 " %7" PRIu64 " %8" PRId64
           "K %10" PRIu64 " %9" PRIu64 " %9" PRIu64 "%s\n", domid, name,
           s->resident, s->compressed, s->store_pages, gained_kib(s),
           restores(s), s->rejected, s->refaults,
           s->info & XEN_MEM_COMPRESS_I_enabled ? "" : "  (off)");
}

/*
 * Size classes.
 */

void xmc_classes_json(const struct xen_mem_compress_class *k, size_t bytes)
{
    const struct xen_mem_compress_class *end = k + bytes / sizeof(*k);
    const char *comma = "";

    printf("[");
    for ( ; k < end; k++, comma = ",\n " )
        printf("%s{\"size\": %" PRIu32 ", \"chain_pages\": %" PRIu32
               ", \"chains\": %" PRIu32 ", \"pages\": %" PRIu32
               ", \"slots\": %" PRIu32 ", \"objects\": %" PRIu32
               ", \"head\": %" PRIu32 "}", comma,
               k->size, k->chain_pages, k->chains, k->pages, k->slots,
               k->objects, k->head);
    printf("]\n");
}

void xmc_classes_text(const struct xen_mem_compress_class *k, size_t bytes)
{
    const struct xen_mem_compress_class *end = k + bytes / sizeof(*k);

    printf("%6s %11s %7s %7s %7s %7s\n", "size", "chain_pages", "chains",
           "pages", "slots", "objects");
    for ( ; k < end; k++ )
        if ( k->pages )
            printf("%6" PRIu32 " %11" PRIu32 " %7" PRIu32 " %7" PRIu32 " %7"
                   PRIu32 " %7" PRIu32 "\n", k->size, k->chain_pages,
                   k->chains, k->pages, k->slots, k->objects);
}

/* What is said of the host is the same for all domains. */
void xmc_host_text(const struct xen_mem_compress_stats *s)
{
    printf("host: %" PRIu64 " of %" PRIu64 " MiB free; reserve for restores %"
           PRIu64 " of %" PRIu64 " pages; age by %s\n", s->host_free / 256,
           s->host_total / 256, s->reserve, s->reserve_target,
           s->info & XEN_MEM_COMPRESS_I_hw_af ? "hardware" : "faults");
}

void xmc_change_line(const struct xen_mem_compress_stats *s,
                     const struct xen_mem_compress_stats *before)
{
    static const struct xen_mem_compress_stats none;

    if ( !s )
    {
        printf("%9s %10s %7s %9s %10s %9s %9s %9s %9s\n", "resident",
               "compressed", "store", "gained", "+compress", "+restore",
               "+reject", "+refault", "free MiB");
        return;
    }

    /* The first line: since the domain was created. */
    if ( !before )
        before = &none;

    printf("%9" PRIu64 " %10" PRIu64 " %7" PRIu64 " %8" PRId64 "K %10" PRIu64
           " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n",
           s->resident, s->compressed, s->store_pages, gained_kib(s),
           s->committed - before->committed, restores(s) - restores(before),
           s->rejected - before->rejected, s->refaults - before->refaults,
           s->host_free / 256);
}

/*
 * Histograms.
 */

/* The lowest value that counts in a bucket. */
static uint64_t bucket_floor(unsigned int b)
{
    return b < 16 ? b : (uint64_t)(16 + b % 16) << (b / 16 - 1);
}

/* The highest value that a share of all values does not exceed. */
static uint64_t quantile(const struct xen_mem_compress_hist *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->count), seen = 0;
    unsigned int b;

    for ( b = 0; b + 1 < XEN_MEM_COMPRESS_HIST_BUCKETS; b++ )
    {
        seen += h->buckets[b];
        if ( seen > wanted )
        {
            uint64_t top = bucket_floor(b + 1) - 1;

            return top < h->max ? top : h->max;
        }
    }

    return h->max;
}

void xmc_hist_json(const struct xen_mem_compress_hist *h, uint32_t ticks_khz)
{
    const char *comma = "";
    unsigned int b;

    printf("{\"count\": %" PRIu64 ", \"sum\": %" PRIu64 ", \"max\": %" PRIu64
           ", \"ticks_khz\": %" PRIu32 ", \"buckets\": {", h->count, h->sum,
           h->max, ticks_khz);
    for ( b = 0; b < XEN_MEM_COMPRESS_HIST_BUCKETS; b++ )
        if ( h->buckets[b] )
        {
            printf("%s\"%u\": %" PRIu64, comma, b, h->buckets[b]);
            comma = ", ";
        }
    printf("}}");
}

void xmc_hist_text(const char *name, const struct xen_mem_compress_hist *h,
                   uint32_t ticks_khz)
{
    static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
    double us = ticks_khz ? 1000.0 / ticks_khz : 0;
    unsigned int i;

    printf("%-13s %10" PRIu64 " values", name, h->count);
    if ( h->count )
    {
        printf(", in us: mean %.2f", us * (double)h->sum / (double)h->count);
        for ( i = 0; i < ARRAY_SIZE(shares); i++ )
            printf("  p%g %.2f", shares[i] * 100,
                   us * (double)quantile(h, shares[i]));
        printf("  max %.2f", us * (double)h->max);
    }
    printf("\n");
}
