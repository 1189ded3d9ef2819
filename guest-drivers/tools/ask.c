// SPDX-License-Identifier: GPL-2.0-only
#include "ask.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

/* Without waiting for the other end: a program that is gone never comes. */
static FILE *open_fifo(const char *path, int how, const char *mode)
{
	int fd = open(path, how | O_NONBLOCK | O_CLOEXEC);
	FILE *file = fd >= 0 && !fcntl(fd, F_SETFL, 0) ? fdopen(fd, mode) : NULL;

	if (!file)
		perror(path);
	return file;
}

static int gone(const char *path)
{
	fprintf(stderr, "memload: %s: the program ended without an answer\n", path);
	return 1;
}

int ask(const char *in, const char *out, char **lines)
{
	FILE *from = open_fifo(out, O_RDONLY, "r"), *to, *answer;
	char *text, *line = NULL;
	size_t size, room = 0;
	uint64_t began;

	signal(SIGPIPE, SIG_IGN);
	to = from ? open_fifo(in, O_WRONLY, "w") : NULL;
	answer = open_memstream(&text, &size);
	if (!from || !to || !answer)
		return 1;

	began = now();
	for (; *lines; lines++)
		fprintf(to, "%s\n", *lines);
	if (fflush(to))
		return gone(in);
	for (;;) {
		if (getline(&line, &room, from) < 0)
			return gone(out);
		if (!strcmp(line, ".\n"))
			break;
		fputs(line, answer);
	}
	printf("hz %llu\nticks %llu\n", (unsigned long long)ticks_hz(),
	       (unsigned long long)(now() - began));
	fclose(answer);
	fwrite(text, size, 1, stdout);
	return fflush(stdout) ? 1 : 0;
}
