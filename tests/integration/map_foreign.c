/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Have dom0 map, all at once, that many frames of a domain: how many of them
 * it could.  They are mapped no more when this ends; what Xen keeps of it are
 * the tables of dom0's stage 2.
 *
 *      map-foreign DOMID GFN COUNT
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PAGE_BYTES  4096UL

/* Linux: include/uapi/xen/privcmd.h */
struct privcmd_mmapbatch_v2 {
    unsigned int num;
    uint16_t dom;
    uint64_t addr;
    const uint64_t *arr;
    int *err;
};
#define PRIVCMD_MMAPBATCH_V2 \
    _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_mmapbatch_v2))

int main(int argc, char **argv)
{
    struct privcmd_mmapbatch_v2 batch;
    unsigned int i, mapped = 0;
    uint64_t first, *gfns;
    void *area;
    int fd, *errors;

    if ( argc != 4 )
        return 2;
    first = strtoull(argv[2], NULL, 0);
    batch.dom = strtoul(argv[1], NULL, 0);
    batch.num = strtoul(argv[3], NULL, 0);

    fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    gfns = calloc(batch.num, sizeof(*gfns));
    errors = calloc(batch.num, sizeof(*errors));
    if ( fd < 0 || !gfns || !errors )
        return 1;
    for ( i = 0; i < batch.num; i++ )
        gfns[i] = first + i;

    area = mmap(NULL, batch.num * PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    if ( area == MAP_FAILED )
        return 1;
    batch.addr = (uintptr_t)area;
    batch.arr = gfns;
    batch.err = errors;
    /* It says that some cannot be mapped, too: that is told one by one. */
    if ( ioctl(fd, PRIVCMD_MMAPBATCH_V2, &batch) < 0 )
        perror("privcmd");

    for ( i = 0; i < batch.num; i++ )
        mapped += !errors[i];
    printf("%u\n", mapped);

    return 0;
}
