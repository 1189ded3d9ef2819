/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getprop [NAME [DEFAULT]], and as setprop: setprop NAME VALUE. */
#include <stdio.h>
#include <string.h>

#include "properties.h"

/* All defaults; those set since boot have their own files and are asked for by name. */
static int list(void)
{
    char line[256];
    char value[PROPERTY_VALUE_MAX];
    FILE *file = fopen(PROPERTY_DEFAULTS, "re");

    if (!file) {
        perror(PROPERTY_DEFAULTS);
        return 1;
    }
    while (fgets(line, sizeof(line), file)) {
        char *equals = strchr(line, '=');

        if (line[0] == '#' || !equals)
            continue;
        *equals = '\0';
        if (property_read(line, value) >= 0)
            printf("[%s]: [%s]\n", line, value);
    }
    fclose(file);
    return 0;
}

static int set(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: setprop NAME VALUE\n");
        return 2;
    }
    if (property_write(argv[1], argv[2])) {
        perror("setprop");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    char value[PROPERTY_VALUE_MAX];

    if (!strcmp(slash ? slash + 1 : argv[0], "setprop"))
        return set(argc, argv);
    if (argc < 2)
        return list();
    if (property_read(argv[1], value) >= 0)
        puts(value);
    else
        puts(argc > 2 ? argv[2] : "");
    return 0;
}
