/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "properties.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_name(const char *name)
{
    return *name && *name != '.' && !strchr(name, '/') && strlen(name) < NAME_MAX;
}

static int read_set(const char *name, char *value, size_t size)
{
    char path[PATH_MAX];
    FILE *file;
    size_t length;

    snprintf(path, sizeof(path), "%s/%s", PROPERTY_FOLDER, name);
    file = fopen(path, "re");
    if (!file)
        return -1;
    length = fread(value, 1, size - 1, file);
    value[length] = '\0';
    fclose(file);
    return (int)length;
}

static int read_default(const char *name, char *value, size_t size)
{
    char line[PROPERTY_LINE_MAX];
    size_t length = strlen(name);
    int result = -1;
    FILE *file = fopen(PROPERTY_DEFAULTS, "re");

    if (!file)
        return -1;
    while (result < 0 && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, length) || line[length] != '=')
            continue;
        line[strcspn(line, "\n")] = '\0';
        result = snprintf(value, size, "%s", line + length + 1);
    }
    fclose(file);
    return result < (int)size ? result : (int)size - 1;
}

int property_read(const char *name, char *value, size_t size)
{
    int length;

    if (!is_name(name))
        return -1;
    length = read_set(name, value, size);
    return length < 0 ? read_default(name, value, size) : length;
}

int property_write(const char *name, const char *value)
{
    char path[PATH_MAX];
    char partial[PATH_MAX];
    char present[PROPERTY_LINE_MAX];
    FILE *file;

    if (!is_name(name) || strlen(value) >= PROPERTY_VALUE_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (!strncmp(name, "ro.", 3) && property_read(name, present, sizeof(present)) >= 0) {
        errno = EPERM; /* once only */
        return -1;
    }
    mkdir(PROPERTY_FOLDER, 0755);
    snprintf(path, sizeof(path), "%s/%s", PROPERTY_FOLDER, name);
    snprintf(partial, sizeof(partial), "%s/.%s.%d", PROPERTY_FOLDER, name, getpid());
    file = fopen(partial, "we");
    if (!file)
        return -1;
    fputs(value, file);
    /* A reader sees the old value or the new one. */
    if (!fclose(file) && !rename(partial, path))
        return 0;
    unlink(partial);
    return -1;
}
