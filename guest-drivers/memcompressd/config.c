// SPDX-License-Identifier: GPL-2.0-only
#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "log.h"

static const struct config defaults = {
	.trigger_ms = 50, .window_ms = 500, .tick_ms = 250,
	.pressure_target = 20, .stall_max = 100,
	.cgroup_trigger_ms = 10, .cgroup_target = 5,
	.rate_start = 2000, .rate_max = 20000, .pause_max_ms = 32000,
	.min_adj = -999, .foreground_adj = 0,
	.min_idle_ms = 500, .min_rss_pages = 64, .min_age = 1,
	.grow = 1, .hint = 1, .log_kib = 64,
};

static const struct key {
	const char *name;
	size_t offset;
	long min, max;
} keys[] = {
#define KEY(name, min, max) { #name, offsetof(struct config, name), min, max }
	KEY(trigger_ms, 1, 10000),
	KEY(window_ms, 500, 10000),
	KEY(tick_ms, 50, 10000),
	KEY(cgroup_trigger_ms, 1, 10000),
	KEY(pressure_target, 1, 1000),
	KEY(cgroup_target, 1, 1000),
	KEY(stall_max, 1, 1000),
	KEY(rate_start, 1, 1000000),
	KEY(rate_max, 1, 1000000),
	KEY(pause_max_ms, 1000, 3600000),
	KEY(min_adj, -1000, 1001),
	KEY(foreground_adj, -1000, 1000),
	KEY(min_idle_ms, 0, 3600000),
	KEY(min_rss_pages, 0, 1000000),
	KEY(min_age, 0, 15),
	KEY(grow, 0, 1),
	KEY(hint, 0, 1),
	KEY(log_kib, 1, 65536),
#undef KEY
};

static const struct key *find(const char *name)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static int set(struct config *config, const char *name, const char *value)
{
	const struct key *key = find(name);
	char *end;
	long number;

	if (!strcmp(name, "cgroup")) {
		if (config->nr_cgroups == MAX_CGROUPS || strlen(value) >= MAX_PATH)
			return -1;
		strcpy(config->cgroups[config->nr_cgroups++], value);
		return 0;
	}
	if (!key)
		return -1;
	number = strtol(value, &end, 0);
	if (end == value || *end || number < key->min || number > key->max)
		return -1;
	*(int *)((char *)config + key->offset) = (int)number;
	return 0;
}

/* KEY = VALUE; nothing, or what a # begins, is no line. */
static int take_line(struct config *config, char *line)
{
	char name[32] = "", value[MAX_PATH] = "", extra;
	int n;

	line[strcspn(line, "#")] = '\0';
	n = sscanf(line, " %31[a-z_] = %127s %c", name, value, &extra);
	if (n <= 0)
		return line[strspn(line, " \t")] ? -1 : 0;
	return n == 2 ? set(config, name, value) : -1;
}

int config_load(struct config *config, const char *path)
{
	char text[4096], *rest = text, *line;
	bool dry_run = config->dry_run;
	unsigned int number = 0;

	*config = defaults;
	config->dry_run = dry_run;
	if (!path)
		return 0;
	if (file_read(path, text, sizeof(text)) < 0) {
		say("%s: cannot be read", path);
		return -1;
	}
	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (take_line(config, line)) {
			say("%s:%u: no such key, or not a value of it", path, number);
			return -1;
		}
	}
	if (config->trigger_ms > config->window_ms ||
	    config->cgroup_trigger_ms > config->window_ms) {
		say("%s: a trigger is more than window_ms", path);
		return -1;
	}
	return 0;
}
