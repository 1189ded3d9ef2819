/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * adbd and AOSP's core library open IPv6 sockets for both protocols; the guest's kernel has no IPv6.
 * Where there is no IPv6 socket to be had, they get an IPv4 one, bound to the same port. Preloaded
 * into adbd, linked into the launcher of Java; the core library itself connects by IPv4 then.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef int socket_fn(int domain, int type, int protocol);
typedef int bind_fn(int fd, const struct sockaddr *address, socklen_t length);

int socket(int domain, int type, int protocol)
{
    static socket_fn *next;
    int before = errno;
    int fd;

    if (!next)
        next = (socket_fn *)dlsym(RTLD_NEXT, "socket");
    fd = next(domain, type, protocol);
    if (fd < 0 && domain == AF_INET6 && errno == EAFNOSUPPORT) {
        errno = before; /* adbd looks at it even when all went well */
        fd = next(AF_INET, type, protocol);
    }
    return fd;
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    static bind_fn *next;
    int domain = 0;
    socklen_t size = sizeof(domain);

    if (!next)
        next = (bind_fn *)dlsym(RTLD_NEXT, "bind");
    if (address->sa_family == AF_INET6 && length >= sizeof(struct sockaddr_in6) &&
        !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_INET) {
        const struct sockaddr_in6 *wanted = (const struct sockaddr_in6 *)address;
        struct sockaddr_in any = {
            .sin_family = AF_INET,
            .sin_port = wanted->sin6_port,
            .sin_addr.s_addr = htonl(INADDR_ANY),
        };

        return next(fd, (struct sockaddr *)&any, sizeof(any));
    }
    return next(fd, address, length);
}
