// SPDX-License-Identifier: GPL-2.0-only
#include "foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "content.h"

/* Linux's include/uapi/xen/privcmd.h. */
struct privcmd_mmapbatch_v2 {
	unsigned int num;
	uint16_t dom;
	uint64_t addr;
	const uint64_t *arr;
	int *err;
};

#define PRIVCMD_MMAPBATCH_V2 \
	_IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_mmapbatch_v2))

/* One frame; 0, or -1 with errno. */
static int dump_one(int fd, uint16_t domain, uint64_t gfn)
{
	struct privcmd_mmapbatch_v2 batch = { .num = 1, .dom = domain, .arr = &gfn };
	int error = 0, ret = -1;
	void *page = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return -1;
	batch.addr = (uintptr_t)page;
	batch.err = &error;
	if (!ioctl(fd, PRIVCMD_MMAPBATCH_V2, &batch) && !error)
		ret = fwrite(page, PAGE_BYTES, 1, stdout) == 1 ? 0 : -1;
	else if (error)
		errno = -error;
	munmap(page, PAGE_BYTES);
	return ret;
}

int foreign_dump(const char *domain, int nr, char **gfns)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror("/dev/xen/privcmd");
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		if (dump_one(fd, (uint16_t)strtoul(domain, NULL, 10),
			     strtoull(gfns[i], NULL, 0))) {
			fprintf(stderr, "memload: gfn %s: %s\n", gfns[i],
				strerror(errno));
			return 1;
		}
	}
	close(fd);
	return fflush(stdout) ? 1 : 0;
}
