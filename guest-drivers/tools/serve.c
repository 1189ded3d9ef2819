// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "access.h"
#include "hypercall.h"
#include "pagemap.h"

#define MAX_LINE 256

static int address(struct sockaddr_un *addr, const char *path)
{
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(addr->sun_path)) {
		fprintf(stderr, "memload: socket path too long: %s\n", path);
		return -1;
	}
	strcpy(addr->sun_path, path);
	return 0;
}

static void send_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* the other end is gone; it knows */
		p += n;
		size -= n;
	}
}

static void answer(int fd, const void *data, size_t size)
{
	char head[32];

	send_all(fd, head, snprintf(head, sizeof(head), "ok %zu\n", size));
	send_all(fd, data, size);
}

static void fail(int fd, const char *text)
{
	char line[MAX_LINE];

	send_all(fd, line, snprintf(line, sizeof(line), "error %s\n", text));
}

static uint32_t *in_order(uint32_t nr)
{
	uint32_t *order = malloc((nr + 1) * sizeof(*order));

	if (!order) {
		perror("memload");
		exit(1);
	}
	for (uint32_t i = 0; i < nr; i++)
		order[i] = i;
	return order;
}

/* "refill CYCLE SEED FROM TO": of the pages in the order that the seed gives. */
static bool refill_some(struct region *region, int fd, const char *line)
{
	unsigned long long cycle, seed, from, to;
	uint32_t *order;

	if (sscanf(line, "refill %llu %llu %llu %llu", &cycle, &seed, &from,
		   &to) != 4)
		return false;
	if (from > to || to > region->pages) {
		fail(fd, "no such pages");
		return true;
	}
	order = shuffled(seed, region->pages);
	region_refill(region, cycle, order + from, (uint32_t)(to - from));
	free(order);
	answer(fd, NULL, 0);
	return true;
}

/* "access PATTERN COUNT SEED WRITES IDLE_MS": what came of it. */
static bool access_some(struct region *region, int fd, const char *line)
{
	struct access_plan plan;
	struct access_result result;
	unsigned long long count, seed;
	char name[32];
	int pattern;

	if (sscanf(line, "access %31s %llu %llu %u %u", name, &count, &seed,
		   &plan.writes, &plan.idle_ms) != 5)
		return false;
	pattern = access_by_name(name);
	if (pattern < 0 || !count) {
		fail(fd, "no such pattern, or nothing to do");
		return true;
	}
	plan.pattern = pattern;
	plan.count = count;
	plan.seed = seed;
	access_run(region, &plan, &result);
	answer(fd, &result, sizeof(result));
	return true;
}

/* One request. Returns false when it was "exit". */
static bool obey(struct region *region, int fd, const char *line)
{
	size_t pages = region->pages;
	unsigned long long arg = 0;
	uint32_t *order = NULL;
	uint64_t *out = NULL;
	char verb[32] = "", how[16] = "";

	if (refill_some(region, fd, line) || access_some(region, fd, line))
		return true;
	/* An order is either "seq" or the seed of a shuffled one. */
	if (sscanf(line, "%31s %llu %15s", verb, &arg, how) < 2)
		sscanf(line, "%31s %15s", verb, how);
	order = !strcmp(how, "seq") ? in_order(pages) : shuffled(arg, pages);
	out = malloc((pages + 1) * sizeof(*out));
	if (!out) {
		fail(fd, "no memory");
	} else if (!strcmp(verb, "fill")) {
		region_fill(region, arg);
		answer(fd, NULL, 0);
	} else if (!strcmp(verb, "digest")) {
		region_digest(region, order, out);
		answer(fd, out, pages * sizeof(*out));
	} else if (!strcmp(verb, "exec")) {
		if (region_exec(region, order, out))
			fail(fd, "no page of this region can be executed here");
		else
			answer(fd, out, pages * sizeof(*out));
	} else if (!strcmp(verb, "hypercall")) {
		if (hypercall_reads(region, order, out))
			fail(fd, strerror(errno));
		else
			answer(fd, out, pages * sizeof(*out));
	} else if (!strcmp(verb, "touch-half")) {
		region_touch(region, order, pages / 2);
		answer(fd, NULL, 0);
	} else if (!strcmp(verb, "time")) {
		region_time(region, order, (uint32_t *)out);
		answer(fd, out, pages * sizeof(uint32_t));
	} else if (!strcmp(verb, "work")) {
		*out = region_work(region, (unsigned int)arg);
		answer(fd, out, sizeof(*out));
	} else if (!strcmp(verb, "pageout")) {
		if (region_pageout(region, out))
			fail(fd, strerror(errno));
		else
			answer(fd, out, sizeof(*out));
	} else if (!strcmp(verb, "pfns")) {
		if (pagemap_read(region->base, pages, out))
			fail(fd, strerror(errno));
		else
			answer(fd, out, pages * sizeof(*out));
	} else if (!strcmp(verb, "spin")) {
		region_spin(region, (unsigned int)arg);
		answer(fd, NULL, 0);
	} else if (!strcmp(verb, "info")) {
		char text[MAX_LINE];

		answer(fd, text, snprintf(text, sizeof(text),
					  "pid %d\nbase %#llx\npages %zu\n",
					  (int)getpid(),
					  (unsigned long long)(uintptr_t)region->base,
					  pages));
	} else if (!strcmp(verb, "exit")) {
		answer(fd, NULL, 0);
	} else {
		fail(fd, "unknown request");
	}
	free(order);
	free(out);
	return strcmp(verb, "exit") != 0;
}

/* Requests of one connection, line by line, until its end or "exit". */
static bool converse(struct region *region, int fd)
{
	FILE *in = fdopen(fd, "r");
	char line[MAX_LINE];
	bool go_on = true;

	if (!in) {
		close(fd);
		return true;
	}
	while (go_on && fgets(line, sizeof(line), in))
		go_on = obey(region, fd, line);
	fclose(in);
	return go_on;
}

int serve(struct region *region, const char *path, bool detach)
{
	struct sockaddr_un addr;
	int listener, null;

	if (address(&addr, path))
		return 2;
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, 4)) {
		perror(path);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);

	if (detach) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("memload: fork");
			return 1;
		}
		if (pid) {
			printf("%d\n", (int)pid);
			return 0;
		}
		setsid();
		/* Whoever started us waits for the end of these three. */
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		close(null);
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
			return 1;
		if (fd >= 0 && !converse(region, fd))
			break;
	}
	unlink(path);
	return 0;
}

int ctl(const char *path, int argc, char **argv)
{
	struct sockaddr_un addr;
	char buffer[65536];
	size_t left;
	FILE *in;
	int fd;

	if (address(&addr, path))
		return 2;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror(path);
		return 1;
	}
	for (int i = 0; i < argc; i++) {
		send_all(fd, argv[i], strlen(argv[i]));
		send_all(fd, i + 1 < argc ? " " : "\n", 1);
	}
	in = fdopen(fd, "r");
	if (!in || !fgets(buffer, sizeof(buffer), in)) {
		fprintf(stderr, "memload: %s closed without an answer\n", path);
		return 1;
	}
	if (sscanf(buffer, "ok %zu", &left) != 1) {
		fprintf(stderr, "memload: %s", buffer);
		return 1;
	}
	while (left) {
		size_t n = fread(buffer, 1, left < sizeof(buffer) ? left : sizeof(buffer), in);

		if (!n) {
			fprintf(stderr, "memload: answer cut short\n");
			return 1;
		}
		send_all(1, buffer, n);
		left -= n;
	}
	return 0;
}
