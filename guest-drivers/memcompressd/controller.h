/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much to ask for: a controller on stall time.
 *
 *	pressure   share of the time that somebody waits for memory (PSI)
 *	stall      share of the CPUs' time that restores take (Xen)
 *	gain       frames that came free for each page asked for
 *
 * While there is pressure the rate rises, the faster the more of it there is.
 * Pressure gone: it falls to nothing. Restores that take too long, or pages
 * that bring no frames, say that asking does harm or no good: the rate is
 * halved, and when it does not get better by that, nothing is asked for a
 * while, each time twice as long.
 *
 * Pure: it sees numbers and the time, and says how many pages and why.
 */
#ifndef MEMCOMPRESSD_CONTROLLER_H
#define MEMCOMPRESSD_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct controller {
	const struct config *config;
	unsigned int rate;		/* pages a second */
	unsigned int bad;		/* ticks that were no good, since a good one */
	unsigned int pause_ms;		/* of the last pause */
	int64_t pause_until_ms;
	int64_t ticked_ms;
	bool active;
};

struct observation {
	int64_t now_ms;
	unsigned int pressure, stall;	/* thousandths of the time */
	unsigned int asked;		/* pages, in the last tick */
	int64_t gained;			/* frames, of these */
	bool nobody;			/* it was to ask, and found nobody */
};

struct decision {
	unsigned int pages;
	const char *why;
	bool over;			/* no pressure any more: go to sleep */
};

void controller_init(struct controller *c, const struct config *config);

struct decision controller_tick(struct controller *c, const struct observation *o);

#endif
