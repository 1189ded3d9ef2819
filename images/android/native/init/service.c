/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESTART_DELAY_S 2
#define LOG_FOLDER "/data/log"

/* Made once and kept: clients may connect while the service is being started again. */
static void make_socket(struct service *service)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "/dev/socket/%s", service->socket);
    unlink(address.sun_path);
    service->socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (service->socket_fd < 0 ||
        bind(service->socket_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fprintf(stderr, "init: %s: %m\n", address.sun_path);
}

static void redirect_output(const char *name)
{
    char path[256];
    int log;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    snprintf(path, sizeof(path), LOG_FOLDER "/%s", name);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (null >= 0)
        dup2(null, 0);
    if (log >= 0) {
        dup2(log, 1);
        dup2(log, 2);
    }
}

static void set_oom_score_adj(int value)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        dprintf(fd, "%d", value);
        close(fd);
    }
}

static void export_socket(const struct service *service)
{
    char name[64];
    char value[16];

    snprintf(name, sizeof(name), "ANDROID_SOCKET_%s", service->socket);
    snprintf(value, sizeof(value), "%d", service->socket_fd);
    setenv(name, value, 1);
    fcntl(service->socket_fd, F_SETFD, 0);
}

static void become(struct service *service)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    redirect_output(service->name);
    set_oom_score_adj(service->oom_score_adj);
    for (int i = 0; i < service->variable_count; i++)
        putenv(service->variables[i]);
    if (service->socket_fd >= 0)
        export_socket(service);
    execv(service->argv[0], service->argv);
    fprintf(stderr, "init: %s: %s\n", service->argv[0], strerror(errno));
    _exit(127);
}

static void start(struct service *service, time_t now)
{
    pid_t pid;

    if (service->socket && service->socket_fd < 0)
        make_socket(service);
    pid = fork();
    if (!pid)
        become(service);
    if (pid < 0) {
        fprintf(stderr, "init: %s: %m, trying again\n", service->name);
        service->restart_at = now + RESTART_DELAY_S;
    } else {
        service->pid = pid;
        service->restart_at = 0;
    }
}

int services_start_due(struct service_list *list, time_t now)
{
    int next = -1;

    for (int i = 0; i < list->count; i++) {
        struct service *service = &list->entry[i];

        if (service->pid || !service->restart_at)
            continue;
        if (service->restart_at <= now)
            start(service, now);
        if (service->restart_at && (next < 0 || service->restart_at - now < next))
            next = (int)(service->restart_at - now);
    }
    return next;
}

/* It is started again when it has ended, as every service is. */
static void end_service(const struct service_list *list, const char *name)
{
    for (int i = 0; i < list->count; i++)
        if (!strcmp(list->entry[i].name, name) && list->entry[i].pid)
            kill(list->entry[i].pid, SIGKILL);
}

void services_ended(struct service_list *list, pid_t pid, int status, time_t now)
{
    for (int i = 0; i < list->count; i++) {
        struct service *service = &list->entry[i];

        if (service->pid != pid)
            continue;
        service->pid = 0;
        if (service->oneshot && !status) {
            fprintf(stderr, "init: %s: done\n", service->name);
            return;
        }
        service->restart_at = now + RESTART_DELAY_S;
        if (service->restarts)
            end_service(list, service->restarts);
        if (WIFSIGNALED(status))
            fprintf(stderr, "init: %s: killed by signal %d, starting it again\n", service->name,
                    WTERMSIG(status));
        else
            fprintf(stderr, "init: %s: ended with status %d, starting it again\n", service->name,
                    WEXITSTATUS(status));
    }
}
