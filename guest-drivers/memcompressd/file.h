/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small files of the kernel: read whole, written whole. No stdio: its buffers
 * and locales are most of what a small program would have resident.
 */
#ifndef MEMCOMPRESSD_FILE_H
#define MEMCOMPRESSD_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Read at most @size - 1 bytes and end them with a NUL. The length, or -1. */
int file_read(const char *path, char *text, size_t size);

/* Write all of @text at once. 0, or -1 with errno. */
int file_write(const char *path, const char *text);

/* The number that a file begins with, or @otherwise. */
long long file_number(const char *path, long long otherwise);

#endif
