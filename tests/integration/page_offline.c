/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Take frames of the host offline that no domain owns and that are not free:
 * among them all that the controller holds, its reserve and its stores.
 *
 *      page-offline take       how many were taken; which, is kept in a file
 *      page-offline where      what they are now: "offlined N", "dID N" or "xen N"
 *      page-offline back       all of them online again
 */

#include "../../xen-patches/tools/hypercall.c"

#define TAKEN           "/tmp/page-offline.taken"
/* Frames in one go: while it lasts, free ones among them are missing. */
#define RANGE           2048U
#define MAX_DOMID       4096U

static uint32_t ask(uint32_t cmd, uint32_t start, uint32_t end, int *rc)
{
    struct xen_sysctl *ctl = (struct xen_sysctl *)arg_area;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = XEN_SYSCTL_page_offline_op;
    ctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    ctl->u.page_offline.cmd = cmd;
    ctl->u.page_offline.start = start;
    ctl->u.page_offline.end = end;
    set_xen_guest_handle_raw(ctl->u.page_offline.status, (void *)data_area);
    *rc = hypercall(__HYPERVISOR_sysctl);

    return ((uint32_t *)data_area)[0];
}

static uint32_t max_mfn(void)
{
    struct xen_sysctl *ctl = (struct xen_sysctl *)arg_area;

    memset(ctl, 0, sizeof(*ctl));
    ctl->cmd = XEN_SYSCTL_physinfo;
    ctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    if ( hypercall(__HYPERVISOR_sysctl) )
        exit(3);

    return ctl->u.physinfo.max_mfn;
}

static FILE *taken_file(const char *mode)
{
    FILE *file = fopen(TAKEN, mode);

    if ( !file )
        exit(4);

    return file;
}

static int take(void)
{
    FILE *file = taken_file("w");
    uint32_t mfn, end, last = max_mfn(), status[RANGE];
    unsigned int i, n, taken = 0;
    int rc;

    for ( mfn = 0; mfn <= last; mfn += n )
    {
        end = mfn + RANGE - 1 < last ? mfn + RANGE - 1 : last;
        ask(sysctl_page_offline, mfn, end, &rc);
        memcpy(status, data_area, sizeof(status));

        /* Stops at what is not RAM, or Xen itself, having told of the others. */
        for ( n = 0; n <= end - mfn; n++ )
            if ( rc && (status[n] & (PG_OFFLINE_INVALID | PG_OFFLINE_NOT_CONV_RAM)
                        || status[n] == (PG_OFFLINE_XENPAGE | PG_OFFLINE_FAILED |
                                         (DOMID_XEN << PG_OFFLINE_OWNER_SHIFT))) )
                break;

        for ( i = 0; i < n; i++ )
            if ( status[i] & PG_OFFLINE_ANONYMOUS )
            {
                uint32_t one = mfn + i;

                fwrite(&one, sizeof(one), 1, file);
                taken++;
            }
            else
            {
                unsigned int first = i;
                int ignored;

                while ( i + 1 < n && !(status[i + 1] & PG_OFFLINE_ANONYMOUS) )
                    i++;
                ask(sysctl_page_online, mfn + first, mfn + i, &ignored);
            }

        /* Memory begins and ends at a multiple of 2 MiB. */
        if ( rc && !n && status[0] == PG_OFFLINE_INVALID )
            n = 512 - mfn % 512;
        else if ( n <= end - mfn )
            n++;
    }
    fclose(file);
    printf("%u\n", taken);

    return 0;
}

/* Asked once more, Xen says what has become of a frame. */
static int where(void)
{
    static unsigned int of[MAX_DOMID];
    FILE *file = taken_file("r");
    unsigned int offlined = 0, xen = 0, d;
    uint32_t mfn, status;
    int rc;

    while ( fread(&mfn, sizeof(mfn), 1, file) == 1 )
    {
        status = ask(sysctl_page_offline, mfn, mfn, &rc);
        d = status >> PG_OFFLINE_OWNER_SHIFT;
        if ( status & PG_OFFLINE_OFFLINED )
            offlined++;
        else if ( (status & PG_OFFLINE_OWNED) && d < MAX_DOMID )
            of[d]++;
        else
            xen++;
    }
    fclose(file);

    printf("offlined %u\nxen %u\n", offlined, xen);
    for ( d = 0; d < MAX_DOMID; d++ )
        if ( of[d] )
            printf("d%u %u\n", d, of[d]);

    return 0;
}

static int back(void)
{
    FILE *file = taken_file("r");
    uint32_t mfn;
    int rc;

    while ( fread(&mfn, sizeof(mfn), 1, file) == 1 )
        ask(sysctl_page_online, mfn, mfn, &rc);
    fclose(file);

    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    xmc_open();

    return !strcmp(what, "take") ? take() :
           !strcmp(what, "where") ? where() :
           !strcmp(what, "back") ? back() : 2;
}
