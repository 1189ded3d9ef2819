/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service list | check NAME | publish NAME: asks servicemanager over binder, or registers a service
 * and stays to be one. Uses the client side that AOSP's servicemanager has in binder.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "binder.h"

#define DRIVER "/dev/binder"
#define MAP_BYTES (128 * 1024)
#define ANY_PRIORITY 8 /* DUMP_FLAG_PRIORITY_DEFAULT */
#define ALL_PRIORITIES 15

static unsigned message_data[512 / 4];

/* Every call begins with the strict mode policy, the work source and the interface's name. */
static void begin(struct binder_io *message)
{
    bio_init(message, message_data, sizeof(message_data), 4);
    bio_put_uint32(message, 0);
    bio_put_uint32(message, (uint32_t)-1);
    bio_put_string16_x(message, SVC_MGR_NAME);
}

static int check(struct binder_state *binder, const char *name)
{
    struct binder_io message;
    struct binder_io reply;
    uint32_t handle;

    begin(&message);
    bio_put_string16_x(&message, name);
    if (binder_call(binder, &message, &reply, BINDER_SERVICE_MANAGER, SVC_MGR_CHECK_SERVICE))
        return 1;
    handle = bio_get_ref(&reply);
    if (handle)
        binder_acquire(binder, handle);
    binder_done(binder, &message, &reply);
    printf("Service %s: %s\n", name, handle ? "found" : "not found");
    return !handle;
}

static int list(struct binder_state *binder)
{
    for (uint32_t i = 0;; i++) {
        struct binder_io message;
        struct binder_io reply;
        uint16_t *name;
        size_t length;

        begin(&message);
        bio_put_uint32(&message, i);
        bio_put_uint32(&message, ALL_PRIORITIES);
        if (binder_call(binder, &message, &reply, BINDER_SERVICE_MANAGER, SVC_MGR_LIST_SERVICES))
            return 1;
        name = bio_get_string16(&reply, &length);
        if (!name || !length) { /* no service of that number: servicemanager answers a bare status */
            binder_done(binder, &message, &reply);
            return 0;
        }
        for (size_t at = 0; at < length; at++)
            putchar(name[at]);
        putchar('\n');
        binder_done(binder, &message, &reply);
    }
}

/* Answers every call with nothing in it: enough to be pinged. */
static int answer(struct binder_state *binder, struct binder_transaction_data_secctx *call,
                  struct binder_io *message, struct binder_io *reply)
{
    (void)binder;
    (void)call;
    (void)message;
    (void)reply;
    return 0;
}

static int publish(struct binder_state *binder, const char *name)
{
    static char object;
    struct binder_io message;
    struct binder_io reply;
    uint32_t status;

    begin(&message);
    bio_put_string16_x(&message, name);
    bio_put_obj(&message, &object);
    bio_put_uint32(&message, 0); /* not for isolated processes */
    bio_put_uint32(&message, ANY_PRIORITY);
    if (binder_call(binder, &message, &reply, BINDER_SERVICE_MANAGER, SVC_MGR_ADD_SERVICE))
        return 1;
    status = bio_get_uint32(&reply);
    binder_done(binder, &message, &reply);
    if (status) {
        fprintf(stderr, "service: servicemanager refuses %s: %u\n", name, status);
        return 1;
    }
    binder_loop(binder, answer);
    return 0;
}

int main(int argc, char **argv)
{
    struct binder_state *binder;

    if (!(argc == 2 && !strcmp(argv[1], "list")) &&
        !(argc == 3 && (!strcmp(argv[1], "check") || !strcmp(argv[1], "publish")))) {
        fprintf(stderr, "usage: service list | check NAME | publish NAME\n");
        return 2;
    }
    binder = binder_open(DRIVER, MAP_BYTES);
    if (!binder)
        return 1;
    if (!strcmp(argv[1], "list"))
        return list(binder);
    return !strcmp(argv[1], "check") ? check(binder, argv[2]) : publish(binder, argv[2]);
}
