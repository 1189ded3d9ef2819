/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose memory goes first, and who has it back in bulk. To try another policy,
 * write a file with these functions and build with `make POLICY=yours.c`. How
 * much is asked for is controller.c; how many at a time, and for how long one is
 * left alone then, memcompressd.c.
 */
#ifndef MEMCOMPRESSD_POLICY_H
#define MEMCOMPRESSD_POLICY_H

#include "config.h"
#include "processes.h"

/* The higher, the sooner; 0: not this one, and @why says what speaks against it. */
int64_t policy_score(const struct config *config, const struct process *p,
		     const char **why);

/* Only pages of it that were not accessed for so many sweeps. */
unsigned int policy_min_age(const struct config *config, const struct process *p);

/*
 * Whether one that was compressed may come to the foreground at all: for it the
 * daemon wakes up now and then to see.
 */
bool policy_may_want_back(const struct config *config, const struct process *p);

/* Whether it has come there since. */
bool policy_wants_back(const struct config *config, const struct process *p,
		       int adj_now);

#endif
