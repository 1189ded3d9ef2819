// SPDX-License-Identifier: GPL-2.0-only
#include "driver.h"

#include <stdio.h>
#include <unistd.h>

#include "file.h"

#define FOLDER "/sys/kernel/xen_memcompress/"

bool driver_present(void)
{
	return !access(FOLDER "compress", W_OK);
}

bool driver_read(struct driver_numbers *numbers)
{
	long long compressed = file_number(FOLDER "compressed", -1);

	if (compressed < 0)
		return false;
	numbers->compressed = compressed;
	numbers->held = file_number(FOLDER "now_held", 0);
	numbers->stall_us = file_number(FOLDER "now_stall_us", 0);
	numbers->slice = file_number(FOLDER "slice", -1);
	numbers->grown = file_number(FOLDER "grown", -1);
	return true;
}

int driver_compress(int pid, unsigned int min_age, unsigned int pages)
{
	char text[64];

	snprintf(text, sizeof(text), "%d age=%u pages=%u", pid, min_age, pages);
	return file_write(FOLDER "compress", text);
}

int driver_restore(int pid, unsigned int pages)
{
	char text[40];

	snprintf(text, sizeof(text), "%d pages=%u", pid, pages);
	return file_write(FOLDER "restore", text);
}

long long driver_grow(unsigned long kib)
{
	long long before = file_number(FOLDER "grown_total", 0);
	char text[32];

	snprintf(text, sizeof(text), "%lu", kib);
	if (file_write(FOLDER "grow", text))
		return -1;
	return file_number(FOLDER "grown_total", before) - before;
}
