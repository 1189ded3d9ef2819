/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The service list, a small part of init.rc's language:
 *
 *     service NAME PROGRAM ARGUMENT...
 *         setenv NAME VALUE
 *         socket NAME               a SOCK_SEQPACKET socket, as lmkd wants it
 *         oom_score_adj NUMBER
 *         oneshot                   done once it has ended with 0
 *         onrestart restart NAME    another service that is to begin anew with it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"

#define MAX_WORDS (MAX_ARGUMENTS + 2)

static int split(char *line, char **word)
{
    int count = 0;

    for (char *at = strtok(line, " \t\n"); at && count < MAX_WORDS; at = strtok(NULL, " \t\n"))
        word[count++] = at;
    return count;
}

static int begin_service(struct service_list *list, char **word, int count)
{
    struct service *service;

    if (count < 3 || list->count == MAX_SERVICES)
        return -1;
    service = &list->entry[list->count++];
    memset(service, 0, sizeof(*service));
    service->name = strdup(word[1]);
    service->socket_fd = -1;
    service->restart_at = 1; /* as soon as possible */
    for (int i = 2; i < count; i++)
        service->argv[i - 2] = strdup(word[i]);
    return 0;
}

static int set_option(struct service *service, char **word, int count)
{
    if (!strcmp(word[0], "oneshot") && count == 1) {
        service->oneshot = true;
    } else if (!strcmp(word[0], "oom_score_adj") && count == 2) {
        service->oom_score_adj = atoi(word[1]);
    } else if (!strcmp(word[0], "socket") && count == 2) {
        service->socket = strdup(word[1]);
    } else if (!strcmp(word[0], "onrestart") && count == 3 && !strcmp(word[1], "restart")) {
        service->restarts = strdup(word[2]);
    } else if (!strcmp(word[0], "setenv") && count == 3 &&
               service->variable_count < MAX_VARIABLES) {
        char *variable;

        if (asprintf(&variable, "%s=%s", word[1], word[2]) < 0)
            return -1;
        service->variables[service->variable_count++] = variable;
    } else {
        return -1;
    }
    return 0;
}

int services_parse(const char *path, struct service_list *list)
{
    char line[2048];
    char *word[MAX_WORDS];
    int number = 0;
    int result = 0;
    FILE *file = fopen(path, "re");

    list->count = 0;
    if (!file) {
        fprintf(stderr, "init: %s: %m\n", path);
        return -1;
    }
    while (!result && fgets(line, sizeof(line), file)) {
        int count = split(line, word);

        number++;
        if (!count || word[0][0] == '#')
            continue;
        if (!strcmp(word[0], "service"))
            result = begin_service(list, word, count);
        else
            result = list->count ? set_option(&list->entry[list->count - 1], word, count) : -1;
    }
    if (result)
        fprintf(stderr, "init: %s:%d: not understood: %s\n", path, number, word[0]);
    fclose(file);
    return result;
}
