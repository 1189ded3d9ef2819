/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Natives of xmc.Zygote. */
#include <errno.h>
#include <jni.h>
#include <signal.h>
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

JNIEXPORT jint JNICALL Java_xmc_Zygote_fork(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    return fork();
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
