/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First process: runs the script that sets the machine up, then keeps the services of the list
 * running and reaps what ends. SIGUSR2 (poweroff) and SIGTERM (reboot) end the machine.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "service.h"

#define SHELL "/bin/busybox"
#define SETUP_SCRIPT "/system/etc/setup.sh"
#define SERVICE_LIST "/system/etc/services.rc"
#define POLL_S 3600

static time_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + 1; /* never 0 */
}

static void end_machine(int how)
{
    sync();
    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    reboot(how);
    _exit(0); /* panics: nothing is left that could be done */
}

static void run_setup(void)
{
    pid_t pid = fork();

    if (!pid) {
        execl(SHELL, "sh", SETUP_SCRIPT, NULL);
        perror(SETUP_SCRIPT);
        _exit(127);
    }
    while (waitpid(pid, NULL, 0) != pid)
        ;
}

static void reap(struct service_list *list)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        services_ended(list, pid, status, now());
}

int main(void)
{
    static struct service_list list;
    sigset_t signals;

    setenv("PATH", "/system/bin:/bin:/sbin:/usr/bin:/usr/sbin", 1);
    run_setup();
    if (services_parse(SERVICE_LIST, &list))
        fprintf(stderr, "init: going on with what was understood\n");

    /* All are waited for in one place, so no handler interrupts anything. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGUSR2);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);

    for (;;) {
        int due = services_start_due(&list, now());
        struct timespec wait = { .tv_sec = due < 0 ? POLL_S : due };

        switch (sigtimedwait(&signals, NULL, &wait)) {
        case SIGUSR2:
            end_machine(RB_POWER_OFF);
            break;
        case SIGTERM:
            end_machine(RB_AUTOBOOT);
            break;
        default:
            reap(&list);
        }
    }
}
