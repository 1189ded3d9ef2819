// SPDX-License-Identifier: GPL-2.0-only
#include "hypercall.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* xen/include/public/xen.h, memory.h; Linux's include/uapi/xen/privcmd.h. */
#define HYPERVISOR_MEMORY_OP	12
#define XENMEM_MAXIMUM_GPFN	14

struct privcmd_hypercall {
	uint64_t op;
	uint64_t arg[5];
};

#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

int hypercall_reads(const struct region *region, const uint32_t *order,
		    uint64_t *out)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	for (uint32_t n = 0; n < region->pages; n++) {
		size_t offset = (size_t)order[n] * PAGE_BYTES;
		struct privcmd_hypercall call = {
			.op = HYPERVISOR_MEMORY_OP,
			.arg = { XENMEM_MAXIMUM_GPFN,
				 (uintptr_t)(region->base + offset) },
		};

		out[order[n]] = ioctl(fd, PRIVCMD_HYPERCALL, &call) < 0 ? errno : 0;
	}
	close(fd);
	return 0;
}
