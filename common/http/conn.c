#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/http/metric.h"
#include "common/http/server.h"

enum { CROWDED_MS = 3000 };

static struct http_conn *open_one(struct http_server *s, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_conn *c = calloc(1, sizeof *c);
    struct sockaddr_storage a;
    socklen_t n = sizeof a;

    if (!c)
        return NULL;
    c->server = s;
    c->fd = fd ? fd->connect_fd : -1;
    c->deadline_ms = clock_boot_ms() + s->spec.idle_ms;
    if (c->fd < 0 || getpeername(c->fd, (struct sockaddr *)&a, &n) < 0 ||
        getnameinfo((struct sockaddr *)&a, n, c->remote, sizeof c->remote, NULL, 0,
                    NI_NUMERICHOST) != 0)
        snprintf(c->remote, sizeof c->remote, "-");
    return c;
}

void conn_notify(void *server, struct MHD_Connection *mhd, void **ctx,
                 enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = server;
    struct http_conn *c;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *ctx = c = open_one(s, mhd);
        if (!c)
            return; /* exchange_open refuses what comes on it */
        pthread_mutex_lock(&s->conns_lock);
        c->next = s->conns;
        if (c->next)
            c->next->prev = c;
        s->conns = c;
        s->conns_n++;
        pthread_mutex_unlock(&s->conns_lock);
        metric_add(METRIC_HTTP_CONNECTIONS, 1);
        return;
    }
    c = *ctx;
    if (!c)
        return;
    *ctx = NULL;
    pthread_mutex_lock(&s->conns_lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->conns_n--;
    pthread_mutex_unlock(&s->conns_lock);
    metric_add(METRIC_HTTP_CONNECTIONS, -1);
    if (c->linger)
        linger_take(s, c->fd);
    free(c);
}

/*
 * libmicrohttpd's own timeout counts from the last byte, so a sender of one byte now and then would
 * stay for ever. Here the whole head (and TLS handshake) has a deadline, and so has the body. The
 * descriptor is open as long as the connection is listed: it is closed after the notification.
 * When three quarters of the places are taken, who does not say anything stays for CROWDED_MS only.
 */
void conn_sweep(struct http_server *s, int64_t now)
{
    int64_t less = s->spec.idle_ms > CROWDED_MS ? s->spec.idle_ms - CROWDED_MS : 0;

    pthread_mutex_lock(&s->conns_lock);
    if (s->conns_n <= s->spec.connections_max / 4 * 3)
        less = 0;
    for (struct http_conn *c = s->conns; c; c = c->next) {
        int64_t deadline = c->deadline_ms;

        if (deadline && deadline - less < now)
            shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->conns_lock);
}

bool conn_gone(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLRDHUP };

    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}
