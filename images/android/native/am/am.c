/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * am, pm and dumpsys: say their own name and arguments to the activity manager and print its answer.
 * Fails when a line of it begins with "error:", and `am instrument` unless the last line counts the
 * tests, none failed: a process that crashed before that is no success.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET "/dev/socket/zygote"

static int connect_to_zygote(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("am: " SOCKET);
        return -1;
    }
    return fd;
}

/* The name of the program and its arguments as one line; its length, or 0 when that is too long. */
static size_t command_line(int argc, char **argv, char *text, size_t size)
{
    const char *slash = strrchr(argv[0], '/');
    size_t used = (size_t)snprintf(text, size, "%s", slash ? slash + 1 : argv[0]);

    for (int i = 1; i < argc && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %s", argv[i]);
    if (used >= size - 1)
        return 0;
    text[used++] = '\n';
    return used;
}

/* The line that is being read, and the whole one before it; what is longer is cut off. */
struct lines {
    char now[64];
    size_t used;
    char last[64];
};

/* Take one more character; 1 when the line begins with "error:" by now. */
static int take(struct lines *lines, char next)
{
    static const char error[] = "error:";

    if (next == '\n') {
        memcpy(lines->last, lines->now, lines->used);
        lines->last[lines->used] = '\0';
        lines->used = 0;
    } else if (lines->used < sizeof(lines->now) - 1) {
        lines->now[lines->used++] = next;
    }
    return lines->used == strlen(error) && !memcmp(lines->now, error, lines->used);
}

/*
 * Print what comes until the end, and keep its last lines. Returns 0, or 1 when nothing came or a
 * line tells of an error.
 */
static int print_answer(int fd, struct lines *lines)
{
    int failed = 0;
    int empty = 1;
    char text[4096];
    ssize_t length;

    while ((length = read(fd, text, sizeof(text))) > 0) {
        empty = 0;
        for (ssize_t i = 0; i < length; i++)
            failed |= take(lines, text[i]);
        fwrite(text, 1, (size_t)length, stdout);
        fflush(stdout);
    }
    return length < 0 || empty || failed;
}

/* What java/tests end with when all have passed. */
static int tells_of_success(const char *line)
{
    int count;
    int end = 0;

    return sscanf(line, "%d tests, 0 failed%n", &count, &end) == 1 && end && !line[end];
}

int main(int argc, char **argv)
{
    struct lines lines = { .used = 0 };
    char text[4096];
    size_t length = command_line(argc, argv, text, sizeof(text));
    int fd;

    if (!length) {
        fprintf(stderr, "am: command too long\n");
        return 2;
    }
    fd = connect_to_zygote();
    if (fd < 0 || write(fd, text, length) != (ssize_t)length)
        return 1;
    if (print_answer(fd, &lines))
        return 1;
    if (argc == 2 && !strcmp(argv[1], "instrument") && !tells_of_success(lines.last)) {
        fprintf(stderr, "am: the tests ended before they had said how many passed\n");
        return 1;
    }
    return 0;
}
