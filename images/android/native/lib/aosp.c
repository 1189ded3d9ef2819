/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lmkd takes from bionic and from libraries of AOSP that are not in this guest. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "properties.h"

int property_get(const char *key, char *value, const char *fallback);
int property_set(const char *key, const char *value);
int8_t property_get_bool(const char *key, int8_t fallback);
int32_t property_get_int32(const char *key, int32_t fallback);
int android_get_control_socket(const char *name);
int set_cpuset_policy(int tid, int policy);

int property_get(const char *key, char *value, const char *fallback)
{
    int length = property_read(key, value, PROPERTY_VALUE_MAX);

    if (length >= 0)
        return length;
    return snprintf(value, PROPERTY_VALUE_MAX, "%s", fallback ? fallback : "");
}

int property_set(const char *key, const char *value)
{
    return property_write(key, value);
}

int8_t property_get_bool(const char *key, int8_t fallback)
{
    char value[PROPERTY_VALUE_MAX];

    if (property_read(key, value, PROPERTY_VALUE_MAX) < 0)
        return fallback;
    return !strcmp(value, "true") || !strcmp(value, "1") || !strcmp(value, "y");
}

int32_t property_get_int32(const char *key, int32_t fallback)
{
    char value[PROPERTY_VALUE_MAX];

    return property_read(key, value, PROPERTY_VALUE_MAX) < 0 ? fallback : (int32_t)strtol(value, NULL, 0);
}

/* init makes the sockets of a service and names them in its environment. */
int android_get_control_socket(const char *name)
{
    char variable[64];
    const char *value;

    snprintf(variable, sizeof(variable), "ANDROID_SOCKET_%s", name);
    value = getenv(variable);
    return value ? atoi(value) : -1;
}

/* No cpusets in this guest. */
int set_cpuset_policy(int tid, int policy)
{
    (void)tid;
    (void)policy;
    return 0;
}

#if !__GLIBC_PREREQ(2, 38)
size_t strlcat(char *destination, const char *source, size_t size);

size_t strlcat(char *destination, const char *source, size_t size)
{
    size_t used = strnlen(destination, size);

    if (used < size)
        snprintf(destination + used, size - used, "%s", source);
    return used + strlen(source);
}
#endif
