// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "processes.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "log.h"

int process_adj(int pid, int otherwise)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	return (int)file_number(path, otherwise);
}

int64_t process_idle_ms(const struct process *p)
{
	return now_ms() - p->ran_ms;
}

/* Fields 14, 15, 22 and 24 of those that follow the name. */
#define SKIP_11		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
#define SKIP_6		" %*d %*d %*d %*d %*d %*d"
#define STAT_FIELDS	SKIP_11 " %llu %llu" SKIP_6 " %llu %*u %ld"

/* /proc/PID/stat: the name is in brackets, and may hold anything. */
static bool read_stat(struct process *p)
{
	unsigned long long utime, stime, started;
	char path[48], text[512], *open, *close;
	long rss;

	snprintf(path, sizeof(path), "/proc/%d/stat", p->pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (!open || !close)
		return false;
	*close = '\0';
	snprintf(p->name, sizeof(p->name), "%s", open + 1);
	if (sscanf(close + 1, STAT_FIELDS, &utime, &stime, &started,
		   &rss) != 4)
		return false;
	p->cpu = utime + stime;
	p->started = started;
	p->rss_pages = rss > 0 ? (unsigned int)rss : 0;
	return p->rss_pages > 0; /* a kernel thread has none */
}

static struct process *find(struct processes *all, int pid)
{
	for (unsigned int i = 0; i < all->nr; i++)
		if (all->list[i].pid == pid)
			return &all->list[i];
	return NULL;
}

static void look_at(struct processes *all, int pid)
{
	struct process now = { .pid = pid }, *known = find(all, pid);

	if (!read_stat(&now))
		return;
	now.adj = process_adj(pid, 0);
	now.seen = true;
	if (known && known->started == now.started) {
		now.ran_ms = known->cpu == now.cpu ? known->ran_ms : now_ms();
		now.rest_ms = known->rest_ms;
		now.asked = known->asked;
		now.asked_adj = known->asked_adj;
		*known = now;
		return;
	}
	now.ran_ms = now_ms();
	if (known)
		*known = now;
	else if (all->nr < MAX_PROCESSES)
		all->list[all->nr++] = now;
}

void processes_look(struct processes *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned int kept = 0;

	if (!proc)
		return;
	for (unsigned int i = 0; i < all->nr; i++)
		all->list[i].seen = false;
	while ((entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (pid > 1 && pid != getpid())
			look_at(all, pid);
	}
	closedir(proc);
	for (unsigned int i = 0; i < all->nr; i++)
		if (all->list[i].seen)
			all->list[kept++] = all->list[i];
	all->nr = kept;
}
