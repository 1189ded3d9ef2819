/* SPDX-License-Identifier: GPL-2.0-only */
/* In dom0: the pages of a guest, as dom0 sees them when it maps them. */

#ifndef FOREIGN_H
#define FOREIGN_H

/**
 * foreign_dump() - map guest frames and write what they hold
 * @domain: domain id of the guest, in decimal
 * @nr: how many frames
 * @gfns: their numbers
 *
 * 4096 bytes each, to standard output, in the order given.
 *
 * Return: exit status.
 */
int foreign_dump(const char *domain, int nr, char **gfns);

#endif /* FOREIGN_H */
