/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * servicemanager asks SELinux about every caller. The guest's kernel has none: each question is
 * answered "yes", each label is a constant.
 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define SELINUX_CB_LOG 0
#define SELINUX_CB_AUDIT 1

typedef unsigned short security_class_t;
struct selabel_handle;

union selinux_callback {
    int (*func_log)(int type, const char *format, ...);
    int (*func_audit)(void *data, security_class_t class, char *message, size_t size);
};

static inline int is_selinux_enabled(void)
{
    return 0;
}

static inline int selinux_check_access(const char *source, const char *target, const char *class,
                                       const char *permission, void *audit)
{
    return 0;
}

static inline struct selabel_handle *selinux_android_service_context_handle(void)
{
    return (struct selabel_handle *)1; /* only compared with NULL */
}

static inline int selinux_status_open(int fallback)
{
    return 0;
}

static inline int selinux_status_updated(void)
{
    return 0;
}

static inline void selinux_set_callback(int type, union selinux_callback callback)
{
}

static inline int selinux_log_callback(int type, const char *format, ...)
{
    return 0;
}

static inline int selabel_lookup(struct selabel_handle *handle, char **context, const char *key,
                                 int type)
{
    *context = strdup("u:object_r:default:s0");
    return 0;
}

static inline void selabel_close(struct selabel_handle *handle)
{
}

static inline int getpidcon(pid_t pid, char **context)
{
    *context = strdup("u:r:app:s0");
    return 0;
}

static inline int getcon(char **context)
{
    return getpidcon(0, context);
}

static inline void freecon(char *context)
{
    free(context);
}
