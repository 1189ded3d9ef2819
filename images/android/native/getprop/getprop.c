/* SPDX-License-Identifier: GPL-2.0-or-later */
/* getprop [NAME [DEFAULT]], and as setprop: setprop NAME VALUE. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "properties.h"

static void print(const char *name)
{
    char value[PROPERTY_LINE_MAX];

    if (property_read(name, value, sizeof(value)) >= 0)
        printf("[%s]: [%s]\n", name, value);
}

/* Those set since boot. One that is being set has a name with a point before it for a moment. */
static void list_set(void)
{
    const struct dirent *entry;
    DIR *folder = opendir(PROPERTY_FOLDER);

    if (!folder)
        return; /* none yet */
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            print(entry->d_name);
    closedir(folder);
}

static int is_set(const char *name)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", PROPERTY_FOLDER, name);
    return !access(path, F_OK);
}

static int list(void)
{
    char line[PROPERTY_LINE_MAX];
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
        if (!is_set(line))
            print(line);
    }
    fclose(file);
    list_set();
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
    char value[PROPERTY_LINE_MAX];

    if (!strcmp(slash ? slash + 1 : argv[0], "setprop"))
        return set(argc, argv);
    if (argc < 2)
        return list();
    if (property_read(argv[1], value, sizeof(value)) >= 0)
        puts(value);
    else
        puts(argc > 2 ? argv[2] : "");
    return 0;
}
