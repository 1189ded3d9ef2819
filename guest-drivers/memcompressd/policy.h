/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose memory goes first. All of it is policy.c: to try another, write a file
 * with these functions and build with `make POLICY=yours.c`.
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

/* Whether it has come to the foreground since it was compressed. */
bool policy_wants_back(const struct config *config, const struct process *p,
		       int adj_now);

#endif
