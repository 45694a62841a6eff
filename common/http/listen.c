#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "common/http/server.h"

static int split(const char *address, char host[64], char port[8], struct err *e)
{
    const char *colon = strrchr(address, ':');
    size_t n;

    if (!colon || strlen(colon + 1) < 1 || strlen(colon + 1) > 5)
        return err_set(e, ERR_INVALID_REQUEST, "'%s' is not ADDRESS:PORT", address);
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    n = (size_t)(colon - address);
    if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    } else if (memchr(address, ':', n)) {
        return err_set(e, ERR_INVALID_REQUEST, "write '%s' as [ADDRESS]:PORT", address);
    }
    if (n == 0 || n >= 64)
        return err_set(e, ERR_INVALID_REQUEST, "'%s' is not ADDRESS:PORT", address);
    memcpy(host, address, n);
    host[n] = '\0';
    return 0;
}

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, a, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    struct sockaddr_in6 v6;

    memcpy(&v6, a, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && v6.sin6_addr.s6_addr[12] == 127);
}

static int bind_listen(int s, const struct addrinfo *ai)
{
    int on = 1;

    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -1;
    if (ai->ai_family == AF_INET6 && setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -1;
    return bind(s, ai->ai_addr, ai->ai_addrlen) < 0 ? -1 : listen(s, SOMAXCONN);
}

static int bound_port(int s)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (getsockname(s, (struct sockaddr *)&a, &n) < 0)
        return -1;
    memcpy(&v4, &a, sizeof v4);
    memcpy(&v6, &a, sizeof v6);
    return ntohs(a.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

int listen_open(const char *address, bool plain, int *fd, int *port, bool *loopback, struct err *e)
{
    struct addrinfo *ai = NULL, hint = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                         .ai_socktype = SOCK_STREAM };
    char host[64], service[8];
    int s, n;

    if (split(address, host, service, e) < 0)
        return -1;
    if (getaddrinfo(host, service, &hint, &ai) != 0)
        return err_set(e, ERR_INVALID_REQUEST, "'%s' is not a numeric ADDRESS:PORT", address);
    *loopback = is_loopback(ai->ai_addr);
    if (plain && !*loopback) {
        freeaddrinfo(ai);
        return err_set(e, ERR_INVALID_REQUEST,
                       "%s is not on loopback: it needs a certificate and key", address);
    }
    s = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    n = s < 0 ? -1 : bind_listen(s, ai);
    if (n == 0)
        n = *port = bound_port(s);
    freeaddrinfo(ai);
    if (n < 0) {
        err_set(e, ERR_INTERNAL, "cannot listen on %s", address);
        err_cause(e, "%s", strerror(errno));
        if (s >= 0)
            close(s);
        return -1;
    }
    *fd = s;
    return 0;
}
