// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "log.h"

#define SYSTEM "/proc/pressure/memory"

static void file_of(const struct source *source, const char *name, char *path,
		    size_t size)
{
	if (source->path[0])
		snprintf(path, size, "%s/%s", source->path, name);
	else
		snprintf(path, size, SYSTEM);
}

static const char *name_of(const struct source *source)
{
	return source->path[0] ? source->path : "system";
}

static long long total_us(const struct source *source)
{
	char path[MAX_PATH + 32], text[256], *total;

	file_of(source, "memory.pressure", path, sizeof(path));
	if (file_read(path, text, sizeof(text)) < 0)
		return -1;
	/* The first line is "some". */
	total = strstr(text, "total=");
	return total ? strtoll(total + 6, NULL, 10) : -1;
}

static int open_trigger(struct source *source, const struct config *config)
{
	unsigned int trigger = source->path[0] ? config->cgroup_trigger_ms
					       : config->trigger_ms;
	char path[MAX_PATH + 32], text[64];
	int fd, n;

	file_of(source, "memory.pressure", path, sizeof(path));
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = snprintf(text, sizeof(text), "some %u %u", trigger * 1000,
		     config->window_ms * 1000);
	if (write(fd, text, n + 1) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Those that are not watched: now, if they are there by now. */
static void watch(struct pressure *p)
{
	for (unsigned int i = 0; i < p->nr; i++) {
		struct source *source = &p->sources[i];

		if (source->fd >= 0)
			continue;
		source->fd = open_trigger(source, p->config);
		if (source->fd < 0) {
			if (!p->opened)
				say("%s: pressure cannot be watched: %s",
				    name_of(source), strerror(errno));
			continue;
		}
		source->some_us = total_us(source);
		if (p->opened)
			say("%s: its pressure is watched now", name_of(source));
	}
}

int pressure_open(struct pressure *p, const struct config *config)
{
	*p = (struct pressure){ .config = config, .nr = 1 + config->nr_cgroups };
	for (unsigned int i = 0; i < p->nr; i++) {
		if (i)
			strcpy(p->sources[i].path, config->cgroups[i - 1]);
		p->sources[i].fd = -1;
	}
	watch(p);
	p->opened = true;
	p->read_ms = now_ms();
	return p->sources[0].fd < 0 ? -1 : 0;
}

void pressure_close(struct pressure *p)
{
	for (unsigned int i = 0; i < p->nr; i++)
		if (p->sources[i].fd >= 0)
			close(p->sources[i].fd);
}

const char *pressure_wait(struct pressure *p, int timeout_ms, const sigset_t *mask)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000,
				    .tv_nsec = timeout_ms % 1000 * 1000000L };
	struct pollfd fds[MAX_SOURCES];
	const char *whose = NULL;

	for (unsigned int i = 0; i < p->nr; i++)
		fds[i] = (struct pollfd){ .fd = p->sources[i].fd, .events = POLLPRI };
	if (ppoll(fds, p->nr, timeout_ms < 0 ? NULL : &timeout, mask) < 0)
		return NULL;
	for (unsigned int i = 0; i < p->nr; i++) {
		if (fds[i].revents & POLLERR) {
			/* The cgroup is. */
			say("%s: gone", name_of(&p->sources[i]));
			close(p->sources[i].fd);
			p->sources[i].fd = -1;
		} else if (fds[i].revents & POLLPRI) {
			whose = name_of(&p->sources[i]);
		}
	}
	watch(p);
	return whose;
}

static bool at_its_limit(const struct source *source)
{
	char path[MAX_PATH + 32];
	long long max, current;

	if (!source->path[0])
		return false;
	file_of(source, "memory.max", path, sizeof(path));
	max = file_number(path, -1); /* "max" is no number */
	file_of(source, "memory.current", path, sizeof(path));
	current = file_number(path, 0);
	return max >= 0 && current >= max - max / 32;
}

unsigned int pressure_read(struct pressure *p, const char **whose)
{
	int64_t now = now_ms(), ms = now - p->read_ms;
	long long system = 0, limited = 0, highest = 0;

	*whose = "system";
	for (unsigned int i = 0; i < p->nr; i++) {
		struct source *source = &p->sources[i];
		long long us = total_us(source), share;

		if (us < 0 || source->fd < 0)
			continue;
		share = ms > 0 && source->some_us >= 0 ? (us - source->some_us) / ms : 0;
		source->some_us = us;
		if (!i) {
			system = share;
			continue;
		}
		if (at_its_limit(source)) {
			limited = share > limited ? share : limited;
			continue;
		}
		share = share * p->config->pressure_target / p->config->cgroup_target;
		if (share > highest) {
			highest = share;
			*whose = source->path;
		}
	}
	p->read_ms = now;
	/*
	 * What waits at a limit of its own is a part of the system's; but the
	 * kernel adds up the two at different times.
	 */
	system = system > limited ? system - limited : 0;
	if (system >= highest) {
		highest = system;
		*whose = "system";
	}
	return highest > 1000 ? 1000 : (unsigned int)highest;
}
