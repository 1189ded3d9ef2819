// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "content.h"

/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54 frame, bit 63 present. */
#define PM_FRAME	((1ULL << 55) - 1)
#define PM_PRESENT	(1ULL << 63)

static uint64_t frame(uint64_t entry)
{
	return entry & PM_PRESENT ? entry & PM_FRAME : 0;
}

/* Up to @nr entries from page number @first; how many there were, or -1. */
static ssize_t entries(int fd, uint64_t first, size_t nr, uint64_t *out)
{
	ssize_t n = pread(fd, out, nr * sizeof(*out), (off_t)(first * sizeof(*out)));

	return n < 0 ? -1 : n / (ssize_t)sizeof(*out);
}

int pagemap_read(const void *base, size_t pages, uint64_t *out)
{
	uint64_t first = (uintptr_t)base / PAGE_BYTES;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	if (fd < 0)
		return -1;
	while (done < pages) {
		ssize_t n = entries(fd, first + done, pages - done, out + done);

		if (n <= 0)
			break;
		for (; n; n--, done++)
			out[done] = frame(out[done]);
	}
	close(fd);
	if (done < pages)
		errno = EIO;
	return done < pages ? -1 : 0;
}

/* All frames of [first, last) in page numbers. */
static void dump_range(int fd, uint64_t first, uint64_t last)
{
	uint64_t buffer[512];

	while (first < last) {
		size_t want = last - first < 512 ? last - first : 512;
		ssize_t n = entries(fd, first, want, buffer);

		if (n <= 0)
			return; /* [vsyscall] and the like have none */
		for (ssize_t i = 0; i < n; i++) {
			buffer[i] = frame(buffer[i]);
			if (buffer[i])
				fwrite(&buffer[i], sizeof(*buffer), 1, stdout);
		}
		first += n;
	}
}

int pagemap_dump(const char *pid)
{
	char path[64], line[512];
	FILE *maps;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	if (!maps) {
		perror(path);
		return 1;
	}
	snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		return 1;
	}
	while (fgets(line, sizeof(line), maps)) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			dump_range(fd, start / PAGE_BYTES, end / PAGE_BYTES);
	}
	fclose(maps);
	close(fd);
	return fflush(stdout) ? 1 : 0;
}
