/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's processes: what is known of each, from one look to the next. */
#ifndef MEMCOMPRESSD_PROCESSES_H
#define MEMCOMPRESSD_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>

/* More are not looked at: the table is what the daemon has resident. */
#define MAX_PROCESSES 256

struct process {
	int pid;
	int adj;			/* oom_score_adj */
	unsigned int rss_pages;
	uint64_t started;		/* tells a pid that is used again */
	uint64_t cpu;			/* time it ran, in clock ticks */
	int64_t ran_ms;			/* when it was last seen to have run more */
	int64_t rest_ms;		/* leave it alone until then */
	int asked_adj;			/* when it was compressed */
	bool asked;			/* compressed, and not brought back */
	bool seen;			/* by this look */
	char name[16];
};

struct processes {
	unsigned int nr;
	struct process list[MAX_PROCESSES];
};

/* Look at all: newcomers are taken to have run just now. */
void processes_look(struct processes *all);

/* How long it certainly did not run. */
int64_t process_idle_ms(const struct process *p);

/* Its oom_score_adj now, or @otherwise when it is gone. */
int process_adj(int pid, int otherwise);

#endif
