/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Android's properties, kept in files: what was set since boot in a folder with a file per name,
 * the defaults in build.prop. Any process may read; root may set.
 */
#pragma once

#include <stddef.h>

#define PROPERTY_FOLDER "/dev/properties"
#define PROPERTY_DEFAULTS "/system/build.prop"
/* Of what is set, as in AOSP; what is read-only, and so in build.prop alone, may be longer. */
#define PROPERTY_VALUE_MAX 92
#define PROPERTY_LINE_MAX 512

/* Value of a property, cut off at size; its length, or -1 when it is not set. */
int property_read(const char *name, char *value, size_t size);

/* Set it until the next boot, what begins with "ro." once only; 0, or -1 (errno). */
int property_write(const char *name, const char *value);
