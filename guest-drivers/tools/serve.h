/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>

#include "region.h"

/**
 * serve() - hold a region and obey a Unix socket until told to exit
 * @region: mapped memory
 * @path: the socket
 * @detach: go to the background once the socket takes connections
 *
 * One request is one line; the answer is "ok BYTES\n" and so many bytes, or
 * "error TEXT\n". memload.c's usage text lists the requests.
 *
 * Return: exit status.
 */
int serve(struct region *region, const char *path, bool detach);

/** ctl() - send one request, copy the answer to standard output; exit status */
int ctl(const char *path, int argc, char **argv);

#endif /* SERVE_H */
