/* SPDX-License-Identifier: GPL-2.0-or-later */
/* am COMMAND...: says the command to the activity manager and prints its answer. */
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

int main(int argc, char **argv)
{
    static const char error[] = "error:";
    char text[4096] = "";
    ssize_t length;
    size_t used = 0;
    int failed = 0;
    int first = 1;
    int fd;

    for (int i = 1; i < argc; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", argv[i],
                                 i + 1 < argc ? " " : "");
        if (used >= sizeof(text) - 1) {
            fprintf(stderr, "am: command too long\n");
            return 2;
        }
    }
    text[used++] = '\n';
    fd = connect_to_zygote();
    if (fd < 0 || write(fd, text, used) != (ssize_t)used)
        return 1;
    while ((length = read(fd, text, sizeof(text))) > 0) {
        if (first)
            failed = (size_t)length >= strlen(error) && !memcmp(text, error, strlen(error));
        first = 0;
        fwrite(text, 1, (size_t)length, stdout);
    }
    return length < 0 || first || failed;
}
