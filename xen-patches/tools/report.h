/* SPDX-License-Identifier: GPL-2.0-only */
/* What xen-memcompress prints: JSON for programs, text for people. */
#ifndef XMC_REPORT_H
#define XMC_REPORT_H

#include "hypercall.h"

extern const char *const xmc_hist_names[XEN_MEM_COMPRESS_NR_HISTS];
extern const char *const xmc_state_names[16];   /* NULL: unknown */
extern const char *const xmc_codec_names[XEN_MEM_COMPRESS_NR_CODECS];

/* The same for a number that Xen gave, "unknown" if it is out of range. */
const char *xmc_codec_name(uint64_t codec);

/* Domain as a JSON object: domid, name, and every field of the statistics. */
void xmc_stats_json(unsigned int domid, const char *name,
                    const struct xen_mem_compress_stats *s);
void xmc_stats_text(unsigned int domid, const char *name,
                    const struct xen_mem_compress_stats *s);

/* A line of a table, with its heading first if @s is NULL. */
void xmc_stats_line(unsigned int domid, const char *name,
                    const struct xen_mem_compress_stats *s);

/* What the statistics of any domain say of the host. */
void xmc_host_text(const struct xen_mem_compress_stats *s);

/* A line of what has changed; both NULL: the heading, @before NULL: all. */
void xmc_change_line(const struct xen_mem_compress_stats *s,
                     const struct xen_mem_compress_stats *before);

void xmc_hist_json(const struct xen_mem_compress_hist *h, uint32_t ticks_khz);
void xmc_hist_text(const char *name, const struct xen_mem_compress_hist *h,
                   uint32_t ticks_khz);

/* All size classes, @bytes of them; as text those in use. */
void xmc_classes_json(const struct xen_mem_compress_class *k, size_t bytes);
void xmc_classes_text(const struct xen_mem_compress_class *k, size_t bytes);

/* @text as a JSON string, quotes included. */
void xmc_json_string(const char *text);

#endif /* XMC_REPORT_H */
