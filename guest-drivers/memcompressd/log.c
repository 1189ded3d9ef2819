// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static unsigned int limit_kib;

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void log_limit(unsigned int kib)
{
	limit_kib = kib;
}

void say(const char *format, ...)
{
	int64_t now = now_ms();
	char line[256];
	struct stat st;
	va_list args;
	int n;

	/* The log is a file in memory, and memory is what is short. */
	if (limit_kib && !fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode) &&
	    st.st_size > (off_t)limit_kib * 1024) {
		if (ftruncate(STDOUT_FILENO, 0) ||
		    lseek(STDOUT_FILENO, 0, SEEK_SET) < 0)
			return;
	}

	n = snprintf(line, sizeof(line), "[%lld.%03d] ", (long long)(now / 1000),
		     (int)(now % 1000));
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* Whoever cannot read it does not stop the work. */
	if (write(STDOUT_FILENO, line, n) < 0)
		return;
}
