/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration file: lines of KEY = NUMBER, described in memcompressd.conf. */
#ifndef MEMCOMPRESSD_CONFIG_H
#define MEMCOMPRESSD_CONFIG_H

#include <stdbool.h>

#define MAX_CGROUPS	8
#define MAX_PATH	128

struct config {
	/* When to act. */
	unsigned int trigger_ms, window_ms, tick_ms, cgroup_trigger_ms;
	/* What to aim for, in thousandths of the time. */
	unsigned int pressure_target, stall_max, cgroup_target;
	/* How much: pages a second. */
	unsigned int rate_start, rate_max;
	unsigned int pause_max_ms;
	/* Whom. */
	int min_adj, foreground_adj;
	unsigned int min_idle_ms, min_rss_pages, min_age;
	/* What else. */
	unsigned int grow, hint, log_kib;
	/* Whose stall counts more than everybody's. */
	char cgroups[MAX_CGROUPS][MAX_PATH];
	unsigned int nr_cgroups;
	/* Not from the file. */
	bool dry_run;
};

/* Defaults, and what the file says; what is wrong with it is said. 0 or -1. */
int config_load(struct config *config, const char *path);

#endif
