/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon in dom0 would do that wants to know when Xen is out of frames:
 * wait for VIRQ_ENOMEM, and count.
 *
 *      virq-enomem FILE        the count so far is in FILE; ends with the shell
 *
 * FILE is replaced as a whole: who reads it finds a count, never an empty file.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xen/xen.h>

/* Linux: include/uapi/xen/evtchn.h */
struct ioctl_evtchn_bind_virq {
    unsigned int virq;
};
#define IOCTL_EVTCHN_BIND_VIRQ \
    _IOC(_IOC_NONE, 'E', 0, sizeof(struct ioctl_evtchn_bind_virq))

static int tell(const char *path, const char *part, unsigned int count)
{
    FILE *file = fopen(part, "w");

    if ( !file )
        return -1;
    fprintf(file, "%u\n", count);
    if ( fclose(file) )
        return -1;

    return rename(part, path);
}

int main(int argc, char **argv)
{
    struct ioctl_evtchn_bind_virq bind = { .virq = VIRQ_ENOMEM };
    int fd = open("/dev/xen/evtchn", O_RDWR);
    unsigned int count = 0;
    char part[256];
    uint32_t port;

    if ( argc < 2 || fd < 0 || ioctl(fd, IOCTL_EVTCHN_BIND_VIRQ, &bind) < 0 )
    {
        perror("virq-enomem");
        return 1;
    }

    if ( (size_t)snprintf(part, sizeof(part), "%s.part", argv[1]) >=
         sizeof(part) )
        return 1;

    for ( ; ; )
    {
        if ( tell(argv[1], part, count) )
            return 1;
        if ( read(fd, &port, sizeof(port)) != sizeof(port) )
            return 1;
        count++;
        /* Unmask it. */
        if ( write(fd, &port, sizeof(port)) != sizeof(port) )
            return 1;
    }
}
