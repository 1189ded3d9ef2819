/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest frame numbers of a process's memory, from /proc/PID/pagemap. */

#ifndef PAGEMAP_H
#define PAGEMAP_H

#include <stddef.h>
#include <stdint.h>

/**
 * pagemap_read() - frames of a range of this process's own memory
 * @base: first address
 * @pages: how many pages
 * @out: frame of page i at [i], or 0 where none is present
 *
 * Return: 0, or -1 with errno (the reader needs CAP_SYS_ADMIN).
 */
int pagemap_read(const void *base, size_t pages, uint64_t *out);

/**
 * pagemap_dump() - write the frame of every present page of process @pid
 *
 * To standard output, 8 bytes each, in order of address, all mappings.
 *
 * Return: exit status.
 */
int pagemap_dump(const char *pid);

#endif /* PAGEMAP_H */
