/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service of the list: what to start, with what, and how it is doing. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#define MAX_SERVICES 24
#define MAX_ARGUMENTS 48
#define MAX_VARIABLES 24

struct service {
    char *name;
    char *argv[MAX_ARGUMENTS + 1];
    char *variables[MAX_VARIABLES]; /* "NAME=value" */
    int variable_count;
    char *socket;                   /* /dev/socket/<this>, or NULL */
    int socket_fd;
    int oom_score_adj;
    bool oneshot;                   /* not started again when it ended with 0 */
    char *restarts;                 /* name of the service that is ended with it, or NULL */

    pid_t pid;                      /* 0: not running */
    time_t restart_at;              /* monotonic seconds; 0: not to be started */
};

struct service_list {
    struct service entry[MAX_SERVICES];
    int count;
};

/* Read the list; ends with a message and -1 at the first line that makes no sense. */
int services_parse(const char *path, struct service_list *list);

/* Start those that are due. Returns seconds until the next is, or -1. */
int services_start_due(struct service_list *list, time_t now);

/* A child ended: note it, and when it is to be started again. */
void services_ended(struct service_list *list, pid_t pid, int status, time_t now);
