#include "common/http/server.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/http/problem.h"

enum { STOP_GRACE_MS = 1000, TABLES_MAX = 64 };

#define TLS_PEERS "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define TLS_PEOPLE "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static void mhd_log(void *cls, const char *fmt, va_list ap) PRINTF(2, 0);

static _Thread_local char mhd_said[200]; /* the cause when a start fails */

static void mhd_log(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    vsnprintf(mhd_said, sizeof mhd_said, fmt, ap);
    log_debug("libmicrohttpd: %s", mhd_said);
}

static int copy(const char *from, char **to, const char **in_spec)
{
    *to = from ? strdup(from) : NULL;
    *in_spec = *to;
    return from && !*to ? -1 : 0;
}

static int take_spec(struct http_server *s, const struct http_spec *spec, struct err *e)
{
    struct http_spec *own = &s->spec;

    *own = *spec;
    if (copy(spec->self ? spec->self : "-", &s->self, &own->self) < 0 ||
        copy(spec->spool_dir, &s->spool_dir, &own->spool_dir) < 0 ||
        copy(spec->public_prefix, &s->prefix, &own->public_prefix) < 0 ||
        copy(spec->cert_pem, &s->paths[0], &own->cert_pem) < 0 ||
        copy(spec->key_pem, &s->paths[1], &own->key_pem) < 0 ||
        copy(spec->ca_pem, &s->paths[2], &own->ca_pem) < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (own->workers <= 0)
        own->workers = 8;
    if (own->answer_rate <= 0)
        own->answer_rate = HTTP_ANSWER_RATE;
    if (own->connections_max <= 0)
        own->connections_max = HTTP_CONNECTIONS;
    if (own->idle_ms <= 0)
        own->idle_ms = HTTP_IDLE_MS;
    return 0;
}

/* The page of each problem is on every listener, unless the daemon's own tables have it. */
static int build_routes(struct http_server *s, struct err *e)
{
    const struct route *tables[TABLES_MAX + 2];
    const struct route *const *t = s->spec.routes;
    size_t n = 0;

    for (; t && t[n]; n++) {
        if (n == TABLES_MAX)
            return err_set(e, ERR_INVALID_REQUEST, "more than %d tables of routes", TABLES_MAX);
        tables[n] = t[n];
    }
    tables[n] = NULL;
    for (size_t i = 0; i < n; i++)
        for (const struct route *r = tables[i]; r->path; r++)
            if (strncmp(r->path, "/problems/", 10) == 0)
                return route_set_build(tables, &s->routes, e);
    tables[n++] = problem_routes;
    tables[n] = NULL;
    return route_set_build(tables, &s->routes, e);
}

static void init_locks(struct http_server *s)
{
    pthread_condattr_t monotonic;

    pthread_mutex_init(&s->queue.lock, NULL);
    pthread_cond_init(&s->queue.idle, NULL);
    pthread_mutex_init(&s->park.lock, NULL);
    pthread_mutex_init(&s->conns_lock, NULL);
    pthread_mutex_init(&s->streams_lock, NULL);
    pthread_mutex_init(&s->keeper_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->keeper_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    s->park.next_ms = INT64_MAX;
    s->static_fd = -1;
}

/* libmicrohttpd takes what is constant as void *, and does not write to it. */
static struct MHD_OptionItem option(enum MHD_OPTION what, intptr_t value, const void *pointer)
{
    return (struct MHD_OptionItem){ what, value, (void *)(uintptr_t)pointer };
}

static struct MHD_Daemon *start_daemon(struct http_server *s, int fd, bool loopback)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | (s->tls ? MHD_USE_TLS : 0U);
    unsigned most = (unsigned)s->spec.connections_max;
    int memory = s->spec.ca_pem ? HTTP_NODE_MEMORY : HTTP_HEAD_MEMORY;
    struct MHD_OptionItem options[16] = {
        { MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)mhd_log, NULL },
        { MHD_OPTION_LISTEN_SOCKET, fd, NULL },
        { MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_completed, s },
        { MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)conn_notify, s },
        { MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_open, s },
        { MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory, NULL },
        { MHD_OPTION_CONNECTION_LIMIT, (intptr_t)most, NULL },
        { MHD_OPTION_PER_IP_CONNECTION_LIMIT, loopback ? 0 : (intptr_t)(most / 4 + 1), NULL },
        { MHD_OPTION_CONNECTION_TIMEOUT, (s->spec.idle_ms + 999) / 1000, NULL },
        { MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
    };
    int n = 10;

    if (s->tls) {
        const char *priorities = s->spec.ca_pem ? TLS_PEERS : TLS_PEOPLE;

        options[n++] =
            option(MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (const void *)(uintptr_t)tls_certificate);
        options[n++] = option(MHD_OPTION_HTTPS_PRIORITIES, 0, priorities);
        if (tls_ca(s->tls))
            options[n++] = option(MHD_OPTION_HTTPS_MEM_TRUST, 0, tls_ca(s->tls));
    }
    options[n] = option(MHD_OPTION_END, 0, NULL);
    return MHD_start_daemon(flags, 0, NULL, NULL, exchange_step, s, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

static void server_free(struct http_server *s)
{
    linger_end(s);
    route_set_free(s->routes);
    tls_close(s->tls);
    if (s->static_fd >= 0)
        close(s->static_fd);
    pthread_mutex_destroy(&s->queue.lock);
    pthread_cond_destroy(&s->queue.idle);
    pthread_mutex_destroy(&s->park.lock);
    pthread_mutex_destroy(&s->conns_lock);
    pthread_mutex_destroy(&s->streams_lock);
    pthread_mutex_destroy(&s->keeper_lock);
    pthread_cond_destroy(&s->keeper_wake);
    free(s->self);
    free(s->spool_dir);
    free(s->prefix);
    for (int i = 0; i < 3; i++)
        free(s->paths[i]);
    free(s);
}

static int open_all(struct http_server *s, struct err *e)
{
    bool loopback = false;
    int fd = -1;

    if (sodium_init() < 0)
        return err_set(e, ERR_INTERNAL, "libsodium does not start");
    if (build_routes(s, e) < 0)
        return -1;
    if (s->spec.static_root && static_open(s->spec.static_root, &s->static_fd, e) < 0)
        return -1;
    s->spec.static_root = NULL;
    if (s->spec.cert_pem && tls_open(s, e) < 0)
        return -1;
    if (s->spool_dir)
        body_sweep(s->spool_dir);
    if (listen_open(s->spec.address, !s->tls, &fd, &s->port, &loopback, e) < 0)
        return -1;
    if (worker_open(s, e) < 0 || keeper_start(s, e) < 0) {
        close(fd);
        return -1;
    }
    s->daemon = start_daemon(s, fd, loopback); /* the socket is libmicrohttpd's now */
    if (!s->daemon) {
        err_set(e, ERR_INTERNAL, "libmicrohttpd does not start");
        return err_cause(e, "%s", mhd_said);
    }
    return 0;
}

int http_start(const struct http_spec *spec, struct http_server **out, struct err *e)
{
    struct http_server *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    init_locks(s);
    if (take_spec(s, spec, e) < 0 || open_all(s, e) < 0) {
        http_stop(s);
        return -1;
    }
    *out = s;
    return 0;
}

/* Answers that are on their way get a moment; a client that does not read them gets no more. */
static void let_go(const struct http_server *s)
{
    for (int64_t until = clock_boot_ms() + STOP_GRACE_MS; s->busy > 0 && clock_boot_ms() < until;)
        usleep(5000);
}

void http_stop(struct http_server *s)
{
    int listener = -1;

    if (!s)
        return;
    if (s->daemon)
        listener = MHD_quiesce_daemon(s->daemon);
    pthread_mutex_lock(&s->queue.lock);
    s->queue.stopping = true;
    pthread_mutex_unlock(&s->queue.lock);
    park_stop(s);
    stream_end_all(s);
    keeper_stop(s);
    worker_drain(s); /* every connection that a worker or the park had is resumed now */
    if (s->daemon) {
        let_go(s);
        MHD_stop_daemon(s->daemon);
    }
    if (listener >= 0)
        close(listener);
    worker_stop_all(s); /* tells the owners of streams before it ends */
    server_free(s);
}

int http_port(const struct http_server *s)
{
    return s->port;
}
