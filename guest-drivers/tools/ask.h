/* SPDX-License-Identifier: GPL-2.0-only */
/* Has a program that reads commands do some work, and times it. */

#ifndef ASK_H
#define ASK_H

/**
 * ask() - give lines to a program and take its answer
 * @in: FIFO that the program reads
 * @out: FIFO that it writes; its answer ends with a line that is a dot
 * @lines: what it is given, NULL behind the last
 *
 * The program holds both FIFOs open for reading and writing. To standard
 * output go "hz N", "ticks N" from the first line to the dot, and the answer.
 *
 * Return: exit status; 1 when the program is gone, before or while it answers.
 */
int ask(const char *in, const char *out, char **lines);

#endif /* ASK_H */
