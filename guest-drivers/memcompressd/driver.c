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

void driver_read(struct driver_numbers *numbers)
{
	numbers->compressed = file_number(FOLDER "compressed", 0);
	numbers->held = file_number(FOLDER "now_held", 0);
	numbers->stall_us = file_number(FOLDER "now_stall_us", 0);
	numbers->slice = file_number(FOLDER "slice", -1);
	numbers->grown = file_number(FOLDER "grown", -1);
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

int driver_grow(unsigned long kib)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", kib);
	return file_write(FOLDER "grow", text);
}
