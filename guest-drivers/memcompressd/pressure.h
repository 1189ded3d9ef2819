/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pressure stall information: who waits for memory, and how long. The kernel
 * wakes us (a trigger); nothing is read or timed before that.
 *
 * A cgroup of the configuration is watched beside the whole system, of whose
 * stall its own is a part: it has a trigger and a target of its own, and its
 * share is told in the system's measure (twice the target is twice the target).
 * Not when it is at its own limit: that, no compression below the guest can
 * relieve. One that is not there, or not any more, is looked for each time that
 * something else wakes us.
 */
#ifndef MEMCOMPRESSD_PRESSURE_H
#define MEMCOMPRESSD_PRESSURE_H

#include <poll.h>
#include <signal.h>
#include <stdint.h>

#include "config.h"

#define MAX_SOURCES (1 + MAX_CGROUPS)

struct pressure {
	const struct config *config;
	bool opened;
	unsigned int nr;
	struct source {
		char path[MAX_PATH];	/* "": the whole system */
		int fd;			/* -1: not there */
		long long some_us;	/* when it was last read */
	} sources[MAX_SOURCES];
	int64_t read_ms;		/* when they were */
};

/* 0, or -1 when not even the system's can be watched. */
int pressure_open(struct pressure *p, const struct config *config);
void pressure_close(struct pressure *p);

/*
 * Wait for a trigger, @timeout_ms at most (-1: for ever), with signals blocked
 * as in @mask meanwhile. Whose, or NULL.
 */
const char *pressure_wait(struct pressure *p, int timeout_ms, const sigset_t *mask);

/*
 * Thousandths of the time since the last call in which somebody waited, in the
 * system's measure: the highest of all sources. @whose: which, for the log.
 */
unsigned int pressure_read(struct pressure *p, const char **whose);

#endif
