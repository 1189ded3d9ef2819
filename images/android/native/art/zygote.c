/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Natives of xmc.Zygote. */
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap(int number)
{
    int saved = errno;

    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved;
}

/* Until lmkd gives it another value a child has the zygote's, which nobody may kill. */
static void may_be_killed(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "0", 1) != 1)
        perror("zygote: oom_score_adj");
    if (fd >= 0)
        close(fd);
}

JNIEXPORT jint JNICALL Java_xmc_Zygote_fork(JNIEnv *env, jclass class)
{
    pid_t pid = fork();

    (void)env;
    (void)class;
    if (!pid)
        may_be_killed();
    return pid;
}

JNIEXPORT void JNICALL Java_xmc_Zygote_reapChildren(JNIEnv *env, jclass class, jboolean on)
{
    struct sigaction action = {
        .sa_handler = on ? reap : SIG_DFL,
        .sa_flags = SA_RESTART | SA_NOCLDSTOP,
    };

    (void)env;
    (void)class;
    sigaction(SIGCHLD, &action, NULL);
}

JNIEXPORT void JNICALL Java_xmc_Zygote_setProcessName(JNIEnv *env, jclass class, jstring name)
{
    const char *text = (*env)->GetStringUTFChars(env, name, NULL);

    (void)class;
    if (!text)
        return;
    prctl(PR_SET_NAME, text);
    (*env)->ReleaseStringUTFChars(env, name, text);
}

JNIEXPORT void JNICALL Java_xmc_Zygote_exit(JNIEnv *env, jclass class, jint status)
{
    (void)env;
    (void)class;
    _exit(status);
}
