/* SPDX-License-Identifier: GPL-2.0-only */
/* What xen_memcompress.ko does and tells: /sys/kernel/xen_memcompress. */
#ifndef MEMCOMPRESSD_DRIVER_H
#define MEMCOMPRESSD_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

struct driver_numbers {
	long long compressed;	/* pages, by requests, since it was loaded */
	long long held;		/* frames that the host spends on this guest */
	long long stall_us;	/* that somebody waited for restores */
	long long slice, grown;	/* pages; -1: this guest cannot grow */
};

bool driver_present(void);

/* Whether it is there; if not, the numbers stay as they were. */
bool driver_read(struct driver_numbers *numbers);

/*
 * 0, or -1 with errno: ESRCH when the process is gone or has no memory, ENOENT
 * when the driver is.
 */
int driver_compress(int pid, unsigned int min_age, unsigned int pages);
int driver_restore(int pid, unsigned int pages);

/* Pages that the guest has grown by then, or -1 with errno. */
long long driver_grow(unsigned long kib);

#endif
