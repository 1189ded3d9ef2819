/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs of xen-memcompress share, and the verbs. */
#ifndef XMC_TOOL_H
#define XMC_TOOL_H

#include <stdio.h>

#include "hypercall.h"

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

/* Exit status; see help() in xen-memcompress.c for when. */
enum {
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_NO_CONTROLLER = 3,
    EXIT_NO_DOMAIN = 4,
    EXIT_NOT_ON = 5,
    EXIT_NOT_NOW = 6,
    EXIT_DAMAGED = 7,
};

/* The command line. */
struct args {
    const char *verb;
    const char *words[16];      /* what is no option, after the verb */
    unsigned int nr_words;
    bool json, all, dry_run;    /* --json, --all, --dry-run */
    const char *output;         /* -o */
    uint64_t min_age, max;      /* --min-age, --max */
    uint64_t interval, count;   /* --interval, --count */
};
extern struct args args;

/* common.c ---------------------------------------------------------------- */

/* Say what is wrong, and what to do, and exit. */
void __attribute__((format(printf, 2, 3), noreturn))
fail(int status, const char *format, ...);

/* The exit status of an error of Xen, and what to do about it. */
int status_of(int error);
const char *next_step(int error, uint32_t op);

/* Xen has refused an operation: exit. */
void __attribute__((noreturn))
refused(unsigned int domid, uint32_t op, int rc);

/* An operation that must succeed; if Xen returns early it goes on. */
void must(unsigned int domid, struct xen_domctl_mem_compress_op *op);

/* A number up to @max; @what is the name of it in the error. */
uint64_t number(const char *text, uint64_t max, const char *what);

/* All domains, with their names. */
void for_each_domain(void (*f)(unsigned int domid, const char *name,
                               void *ctx), void *ctx);

/* The domain that the first word names, by id or name. */
unsigned int the_domain(void);

/* 0, or a negative errno. */
int get_stats(unsigned int domid, struct xen_mem_compress_stats *s);
void must_get_stats(unsigned int domid, struct xen_mem_compress_stats *s);

/* Is the controller on for a domain, or was it? */
static inline bool was_on(const struct xen_mem_compress_stats *s)
{
    return s->nominal != 0;
}

/* look.c, inside.c, change.c, broker.c: the verbs ------------------------- */

void verb_list(void);
void verb_show(void);
void verb_watch(void);

void verb_histogram(void);
void verb_states(void);
void verb_dump_object(void);
void verb_classes(void);

void verb_enable(void);
void verb_set(void);
void verb_host(void);
void verb_compress(void);
void verb_restore(void);
void verb_sweep(void);
void verb_off(void);

/*
 * Compress, restore, disable or sweep: all pages, or as many as are wanted.
 * 0, or a negative errno; how many in @done in any case.
 */
int go_through(unsigned int domid, uint32_t what, unsigned int min_age,
               uint64_t wanted, uint64_t *done);

/* Set max_held, and leave all else as it is.  0, or a negative errno. */
int limit_held(unsigned int domid, uint64_t frames);

void verb_broker(void);

/* The keys that enable and set take, for help. */
void print_keys(FILE *to);

#endif /* XMC_TOOL_H */
