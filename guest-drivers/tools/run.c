// SPDX-License-Identifier: GPL-2.0-only
#include "run.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif

#define CANNOT 126

static long long us(const struct timeval *t)
{
	return t->tv_sec * 1000000LL + t->tv_usec;
}

static int write_result(const char *path, int status, uint64_t ticks,
			const struct rusage *used)
{
	FILE *file = fopen(path, "w");

	if (!file) {
		perror(path);
		return -1;
	}
	fprintf(file, "status %d\nsignal %d\nhz %llu\nticks %llu\n",
		WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		(unsigned long long)ticks_hz(), (unsigned long long)ticks);
	fprintf(file, "user_us %lld\nsystem_us %lld\nmajor %ld\nminor %ld\nmax_rss_kib %ld\n",
		us(&used->ru_utime), us(&used->ru_stime), used->ru_majflt,
		used->ru_minflt, used->ru_maxrss);
	if (fclose(file)) {
		perror(path);
		return -1;
	}
	return 0;
}

int run(const char *result, bool merge, char **argv)
{
	uint64_t began = now(), ticks;
	struct rusage used;
	int status;
	pid_t pid;

	/* Inherited over fork and exec. */
	if (merge && prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)) {
		perror("memload: PR_SET_MEMORY_MERGE");
		return CANNOT;
	}
	pid = fork();
	if (pid < 0) {
		perror("memload: fork");
		return CANNOT;
	}
	if (!pid) {
		execvp(argv[0], argv);
		fprintf(stderr, "memload: %s: %s\n", argv[0], strerror(errno));
		_exit(CANNOT);
	}
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR)
			return CANNOT;
	ticks = now() - began;
	if (result && write_result(result, status, ticks, &used))
		return CANNOT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
