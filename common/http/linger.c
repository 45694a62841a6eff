#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/http/server.h"

/*
 * Who is refused before the body has come goes on sending. A socket that is closed with bytes in it
 * that nobody read resets the connection, and the answer may be lost with it. libmicrohttpd shuts
 * its side down and closes; a second descriptor keeps the socket, and what comes is thrown away,
 * for a while.
 */
enum { LINGER_MS = 2000, LOOK_MS = 20, LOOK_BYTES = 1 << 20 };

void linger_take(struct http_server *s, int fd)
{
    int own = -1;

    pthread_mutex_lock(&s->conns_lock);
    for (int i = 0; i < HTTP_LINGERING && own < 0; i++) {
        if (s->lingering[i].used)
            continue;
        own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own < 0)
            break;
        s->lingering[i] =
            (struct http_lingering){ true, own, HTTP_LINGER_MAX, clock_boot_ms() + LINGER_MS };
        s->lingering_n++;
    }
    pthread_mutex_unlock(&s->conns_lock);
    if (own >= 0)
        keeper_nudge(s);
}

/* Reads what is there; true: the other end has closed, or was given enough. */
static bool drained(struct http_lingering *l, int64_t now)
{
    char thrown_away[16 * 1024];
    int64_t stop = l->left - LOOK_BYTES;
    ssize_t got;

    do {
        got = recv(l->fd, thrown_away, sizeof thrown_away, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return true;
        l->left -= got > 0 ? got : 0;
    } while (got > 0 && l->left > stop);
    return l->left <= 0 || now >= l->until_ms;
}

/* Only the keeper changes what is in use, so the lock is not held while it reads. */
int64_t linger_drain(struct http_server *s, int64_t now)
{
    for (int i = 0; s->lingering_n > 0 && i < HTTP_LINGERING; i++) {
        struct http_lingering l;

        pthread_mutex_lock(&s->conns_lock);
        l = s->lingering[i];
        pthread_mutex_unlock(&s->conns_lock);
        if (!l.used)
            continue;
        if (drained(&l, now)) {
            close(l.fd);
            l.used = false;
            s->lingering_n--;
        }
        pthread_mutex_lock(&s->conns_lock);
        s->lingering[i] = l;
        pthread_mutex_unlock(&s->conns_lock);
    }
    return s->lingering_n > 0 ? now + LOOK_MS : INT64_MAX;
}

void linger_end(struct http_server *s)
{
    for (int i = 0; i < HTTP_LINGERING; i++)
        if (s->lingering[i].used)
            close(s->lingering[i].fd);
}
