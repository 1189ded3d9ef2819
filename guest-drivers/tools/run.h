/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs another program: what it took, and how it ended. */

#ifndef RUN_H
#define RUN_H

#include <stdbool.h>

/**
 * run() - run a program to its end
 * @result: file that gets a line for each of status, signal, hz, ticks,
 *          user_us, system_us, major, minor (faults) and max_rss_kib; or NULL
 * @merge: let KSM merge its pages (PR_SET_MEMORY_MERGE), and those of all that
 *         it starts
 * @argv: the program and its arguments, NULL behind the last
 *
 * Return: exit status of the program, 128 and the signal that ended it, or 126
 * when it cannot be run or @merge cannot be had.
 */
int run(const char *result, bool merge, char **argv);

#endif /* RUN_H */
