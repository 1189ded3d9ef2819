/* SPDX-License-Identifier: GPL-2.0-only */
/* A line for each decision, with its reason. */
#ifndef MEMCOMPRESSD_LOG_H
#define MEMCOMPRESSD_LOG_H

#include <stdint.h>

/* Milliseconds since the machine was started. */
int64_t now_ms(void);

/* To standard output; a file there begins anew when it is @kib large. */
void log_limit(unsigned int kib);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
