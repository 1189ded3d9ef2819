/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ART gives its worker threads stacks of 64 KiB; glibc on arm64 takes nothing below 128 KiB and
 * ART aborts. The launcher exports this function, so that libart's calls come here first.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#define WORKER_STACK_BYTES (256 * 1024)

typedef int set_stack_fn(pthread_attr_t *attr, void *address, size_t size);

int pthread_attr_setstack(pthread_attr_t *attr, void *address, size_t size)
{
    static set_stack_fn *next;

    if (size < (size_t)sysconf(_SC_THREAD_STACK_MIN))
        return pthread_attr_setstacksize(attr, WORKER_STACK_BYTES);
    if (!next)
        next = (set_stack_fn *)dlsym(RTLD_NEXT, "pthread_attr_setstack");
    return next(attr, address, size);
}
