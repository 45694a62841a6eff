#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "common/http/server.h"

/* Runs on the event thread, as all of this file: nothing here waits. */

enum { BODY_RATE = 64 }; /* bytes per millisecond that a sender must keep up with on average */

void *exchange_open(void *server, const char *uri, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_exchange *x = info && info->socket_context ? calloc(1, sizeof *x) : NULL;

    if (!x)
        return NULL;
    x->server = server;
    x->conn = info->socket_context;
    x->mhd = mhd;
    x->too_long = strlen(uri) > HTTP_URI_MAX;
    x->bad_uri = x->too_long || !query_parse(x, uri);
    body_init(&x->body, 0);
    x->rq.path = x->bad_uri ? "-" : x->path;
    x->rq.trace_id = x->trace;
    x->rq.self = x->server->self;
    x->rq.remote = x->conn->remote;
    x->rq.path_word = "";
    x->rq.app = x->server->spec.app;
    x->rq.x = x;
    return x;
}

void exchange_free(struct http_exchange *x)
{
    if (x->response)
        MHD_destroy_response(x->response);
    body_release(&x->body);
    json_decref(x->rq.body);
    free(x->uri);
    free(x);
}

void exchange_completed(void *server, struct MHD_Connection *mhd, void **ctx,
                        enum MHD_RequestTerminationCode why)
{
    struct http_exchange *x = *ctx;

    (void)server;
    (void)mhd;
    (void)why;
    *ctx = NULL;
    if (!x)
        return;
    tls_flush(x);
    x->conn->deadline_ms = clock_boot_ms() + x->server->spec.idle_ms;
    if (x->start_ms)
        x->server->busy--;
    if (!x->stream) {
        exchange_free(x);
        return;
    }
    stream_dead(x->stream);
    worker_close(x);
}

/* Who reads slower than this gives the place back; not streams, nor files that nodes fetch. */
static int64_t read_by(const struct http_exchange *x)
{
    const struct http_spec *spec = &x->server->spec;

    if (x->stream || (x->conn->node.kind == CALLER_NODE && !x->in_memory))
        return 0;
    return clock_boot_ms() + spec->idle_ms + x->reply_bytes / spec->answer_rate;
}

static enum MHD_Result send_response(struct http_exchange *x)
{
    enum MHD_Result ok;

    if (x->close_after)
        MHD_add_response_header(x->response, "Connection", "close");
    tls_gather(x);
    x->conn->deadline_ms = read_by(x);
    ok = MHD_queue_response(x->mhd, x->status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    x->phase = PHASE_SENT;
    return ok;
}

static enum MHD_Result send_problem(struct http_exchange *x)
{
    answer_problem(x, NULL);
    if (!x->response)
        return MHD_NO;
    answer_log(x);
    return send_response(x);
}

/*
 * A refusal before the body. A short body is read and thrown away first, so that the connection
 * stays. A sender that asks first (Expect: 100-continue), or has more than a little to send, hears
 * it at once, and the connection is closed: linger.c sees to it that the answer is not lost.
 */
static enum MHD_Result refuse(struct http_exchange *x)
{
    bool asks = head_value(x, "Expect") != NULL, to_come = x->has_body && !x->body_whole;

    body_release(&x->body);
    if (to_come && !x->close_after && !asks && x->drain_left <= HTTP_DRAIN_MAX) {
        x->phase = PHASE_DRAIN;
        x->conn->deadline_ms = clock_boot_ms() + x->server->spec.idle_ms;
        return MHD_YES;
    }
    x->close_after |= to_come;
    x->conn->linger = to_come;
    return send_problem(x);
}

static enum MHD_Result submit(struct http_exchange *x, enum http_phase phase)
{
    x->conn->deadline_ms = 0;
    x->phase = phase;
    if (worker_submit(x) == 0)
        return MHD_YES;
    err_set(&x->err, ERR_OVERLOADED, "too many requests are waiting");
    return refuse(x);
}

static bool for_people(const struct http_exchange *x)
{
    return x->match.permission == PERMIT_SELF || x->match.permission == PERMIT_ADMIN;
}

/*
 * A short body is taken before it is known who sent it, as any stranger may send one to a route of
 * anyone's: then one visit to a worker does for both. Who asks first hears first.
 */
static bool body_first(const struct http_exchange *x, int64_t length)
{
    return !for_people(x) || (length > 0 && length <= HTTP_ANYONE_BODY_MAX &&
                              !(x->route->flags & HTTP_BODY_FILE) && !head_value(x, "Expect"));
}

static enum MHD_Result take_body(struct http_exchange *x)
{
    int64_t most = x->body.limit;

    if (x->route->flags & HTTP_BODY_FILE &&
        body_spool(&x->body, x->server->spool_dir, most, &x->err) < 0)
        return refuse(x);
    x->phase = PHASE_BODY;
    x->conn->deadline_ms = clock_boot_ms() + x->server->spec.idle_ms + most / BODY_RATE;
    return MHD_YES;
}

/*
 * Without a body nothing is done here: libmicrohttpd calls again at once, and only an answer that
 * is given then keeps the connection.
 */
static enum MHD_Result on_head(struct http_exchange *x, const char *method, const char *version)
{
    int rc;

    x->start_ms = clock_boot_ms();
    x->server->busy++;
    x->conn->deadline_ms = 0;
    rc = head_check(x, method, version);
    if (!x->has_body) {
        x->phase = PHASE_READY;
        return MHD_YES;
    }
    if (rc < 0)
        return refuse(x);
    return body_first(x, x->length) ? take_body(x) : submit(x, PHASE_AUTH);
}

static enum MHD_Result on_ready(struct http_exchange *x)
{
    struct reply preflight = { .status = 204, .file_fd = -1 };

    if (x->err.code != ERR_NONE)
        return send_problem(x);
    if (!x->preflight)
        return submit(x, for_people(x) ? PHASE_AUTH : PHASE_RUN);
    answer_reply(x, &preflight);
    return x->response ? send_response(x) : MHD_NO;
}

static enum MHD_Result on_body(struct http_exchange *x, const char *data, size_t *size)
{
    int64_t n = (int64_t)*size;

    if (n == 0) {
        if (body_finish(&x->body, &x->err) < 0)
            return send_problem(x);
        x->body_whole = true;
        return submit(x, for_people(x) && !x->known ? PHASE_AUTH : PHASE_RUN);
    }
    *size = 0;
    if (x->drain_left >= n)
        x->drain_left -= n; /* what is still to come, if the length is known */
    if (body_feed(&x->body, data, (size_t)n, &x->err) < 0) {
        x->phase = PHASE_DRAIN;
        x->close_after = true;
        if (x->drain_left < HTTP_LINGER_MAX)
            x->drain_left = HTTP_LINGER_MAX; /* libmicrohttpd takes no answer amid a body */
        body_release(&x->body);
    }
    return MHD_YES;
}

static enum MHD_Result on_drain(struct http_exchange *x, size_t *size)
{
    if (*size == 0)
        return send_problem(x);
    x->drain_left -= (int64_t)*size;
    *size = 0;
    return x->drain_left < 0 ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_step(void *server, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **ctx)
{
    struct http_exchange *x = *ctx;

    (void)server;
    (void)mhd;
    (void)url;
    if (!x)
        return MHD_NO;
    switch (x->phase) {
    case PHASE_HEAD: return on_head(x, method, version);
    case PHASE_READY: return on_ready(x);
    case PHASE_AUTHED: return take_body(x);
    case PHASE_BODY: return on_body(x, data, size);
    case PHASE_DRAIN: return on_drain(x, size);
    case PHASE_REFUSED: return refuse(x);
    case PHASE_REPLY: return send_response(x);
    case PHASE_GONE:
    case PHASE_AUTH:
    case PHASE_RUN:
    case PHASE_SENT: break;
    }
    return MHD_NO;
}
