/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lmkd takes from liblog, so that it needs no library: it locks all that it maps, and tells
 * locked file pages apart from those that could be reclaimed. Messages go to standard error, as
 * Debian's liblog has them; there is no logd that would take the records of the event log.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LETTERS "??VDIWEF"

struct context;

int __android_log_print(int priority, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct context *create_android_logger(uint32_t tag);
int android_log_write_int32(struct context *log, int32_t value);
int android_log_write_list(struct context *log, int id);
int android_log_reset(struct context *log);
int android_log_destroy(struct context **log);

int __android_log_print(int priority, const char *tag, const char *format, ...)
{
    char text[512];
    char when[32];
    time_t now = time(NULL);
    struct tm fields;
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    strftime(when, sizeof(when), "%m-%d %H:%M:%S", gmtime_r(&now, &fields));
    return dprintf(STDERR_FILENO, "%s %c %s %5d %5d %s\n", tag,
                   LETTERS[priority >= 0 && priority <= 7 ? priority : 0], when, getpid(),
                   gettid(), text);
}

struct context *create_android_logger(uint32_t tag)
{
    (void)tag;
    return NULL;
}

int android_log_write_int32(struct context *log, int32_t value)
{
    (void)log;
    (void)value;
    return 0;
}

int android_log_write_list(struct context *log, int id)
{
    (void)log;
    (void)id;
    return 0;
}

int android_log_reset(struct context *log)
{
    (void)log;
    return 0;
}

int android_log_destroy(struct context **log)
{
    (void)log;
    return 0;
}
