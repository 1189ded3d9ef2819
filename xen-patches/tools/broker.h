/* SPDX-License-Identifier: GPL-2.0-only */
/* The broker's configuration, and what it knows of a domain. */
#ifndef XMC_BROKER_H
#define XMC_BROKER_H

#include "lend.h"

#define BROKER_DOMAINS 32

struct broker_domain {
    char name[64];
    uint64_t weight, min, max;  /* frames; max 0: all that it has */
    /* From here on as it was at the last look. */
    int domid;                  /* -1: there is none of that name */
    uint64_t base, slice;       /* frames */
    uint64_t limit;             /* max_held: moves with the slice; 0: none */
    uint64_t asked, refaults;   /* events since it was created */
};

struct broker_config {
    uint64_t keep, step;        /* frames; keep 0: the low watermark */
    unsigned int idle_age;
    unsigned int nr;
    struct broker_domain domains[BROKER_DOMAINS];
};

/* Reads @path; says what is wrong with it and exits. */
void broker_load(struct broker_config *config, const char *path);

#endif /* XMC_BROKER_H */
