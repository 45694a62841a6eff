#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "common/http/problem.h"
#include "common/http/server.h"

/*
 * A page calls its own server, other modules' log-in addresses and bServers' lanes. Lanes come and
 * go while pages stay open, so connect-src names schemes, and never a plain one on a TLS listener.
 */
#define CSP_PAGES(calls)                                                                           \
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "        \
    "connect-src 'self' " calls "; "                                                               \
    "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
#define CSP_DATA "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

static void header(struct http_exchange *x, const char *name, const char *value)
{
    if (value && value[0] && x->response)
        MHD_add_response_header(x->response, name, value);
}

static void header_int(struct http_exchange *x, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)value);
    header(x, name, text);
}

static void security_headers(struct http_exchange *x, const char *type)
{
    bool page = x->route == &static_route || (type && strncmp(type, "text/html", 9) == 0);

    header(x, "X-Request-Id", x->trace);
    if (x->rq.caller.kind == CALLER_NODE)
        return; /* the rest is for browsers; between tiers it would be most of the answer */
    header(x, "X-Content-Type-Options", "nosniff");
    header(x, "Referrer-Policy", "no-referrer");
    header(x, "X-Frame-Options", "DENY");
    header(x, "Cross-Origin-Opener-Policy", "same-origin");
    header(x, "Cross-Origin-Resource-Policy", "same-origin");
    header(x, "Content-Security-Policy",
           !page                      ? CSP_DATA
           : x->server->spec.cert_pem ? CSP_PAGES("https: wss:")
                                      : CSP_PAGES("http: https: ws: wss:"));
}

static void cors_headers(struct http_exchange *x)
{
    const char *origin = head_value(x, "Origin");

    if (!x->route || !(x->route->flags & HTTP_CORS))
        return;
    header(x, "Vary", "Origin");
    if (!origin)
        return;
    header(x, "Access-Control-Allow-Origin", origin);
    header(x, "Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
    if (x->preflight) {
        header(x, "Access-Control-Allow-Methods", x->route->method);
        header(x, "Access-Control-Allow-Headers", "Content-Type");
        header(x, "Access-Control-Max-Age", "600");
    }
}

static void reply_headers(struct http_exchange *x, const struct reply *rp)
{
    header(x, "Location", rp->location);
    header(x, "Set-Cookie", rp->cookie);
    if (rp->retry_after_s > 0)
        header_int(x, "Retry-After", rp->retry_after_s);
    if (rp->cache)
        header(x, "Cache-Control", rp->cache);
    else
        header(x, "Cache-Control", "no-store");
    header(x, "ETag", x->etag);
    header(x, "Content-Encoding", x->encoding);
    if (x->vary_encoding)
        header(x, "Vary", "Accept-Encoding");
}

static struct MHD_Response *from_memory(struct http_exchange *x, char *text, size_t n)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);

    if (!r)
        free(text);
    x->reply_bytes = (int64_t)n;
    x->in_memory = true;
    return r;
}

static struct MHD_Response *empty(void)
{
    static char nothing[1];

    return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *from_json(struct http_exchange *x, const json_t *body)
{
    /* 15 digits: 0.1 is said as 0.1, not as the double nearest to it. */
    char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));

    return text ? from_memory(x, text, strlen(text)) : NULL;
}

/* "*" or our tag among the listed ones; weak ones compare by their text (RFC 9110 §13.1.2). */
static bool listed(const char *header_text, const char *etag)
{
    const char *at;

    if (!header_text || !etag[0])
        return false;
    if (strcmp(header_text, "*") == 0)
        return true;
    at = strstr(header_text, etag);
    return at && strchr(", \t", at[strlen(etag)]);
}

static bool unchanged(const struct http_exchange *x, const struct reply *rp)
{
    return rp->status == 200 && x->etag[0] &&
           (strcmp(x->rq.method, "GET") == 0 || strcmp(x->rq.method, "HEAD") == 0) &&
           listed(head_value(x, "If-None-Match"), x->etag);
}

static struct MHD_Response *from_file(struct http_exchange *x, struct reply *rp)
{
    const char *want = head_value(x, "Range"), *if_range = head_value(x, "If-Range");
    int64_t from = 0, length = rp->file_size;
    struct MHD_Response *r;
    char text[80];
    int part = 0;

    if (rp->status == 200 && !x->encoding && (!if_range || strcmp(if_range, x->etag) == 0))
        part = range_parse(want, rp->file_size, &from, &length);
    if (part < 0) {
        struct err e = { 0 };

        err_set(&e, ERR_RANGE, "the content has %lld bytes", (long long)rp->file_size);
        x->err = e;
        return NULL;
    }
    if (length == 0)
        return empty();
    r = MHD_create_response_from_fd_at_offset64((uint64_t)length, rp->file_fd, (uint64_t)from);
    if (!r)
        return NULL;
    rp->file_fd = -1; /* closed with the response */
    x->reply_bytes = length;
    if (part == 1) {
        x->status = 206;
        snprintf(text, sizeof text, "bytes %lld-%lld/%lld", (long long)from,
                 (long long)(from + length - 1), (long long)rp->file_size);
        MHD_add_response_header(r, "Content-Range", text);
    }
    if (!x->encoding)
        MHD_add_response_header(r, "Accept-Ranges", "bytes");
    return r;
}

static struct MHD_Response *content(struct http_exchange *x, struct reply *rp, const char **type)
{
    *type = rp->text_type;
    if (rp->stream) {
        *type = "text/event-stream";
        rp->cache = "no-store";
        return stream_response(rp->stream);
    }
    if (unchanged(x, rp)) {
        x->status = 304;
        *type = NULL;
        return empty();
    }
    if (rp->file_fd >= 0)
        return from_file(x, rp);
    if (rp->text_owned) {
        char *text = rp->text_owned;

        rp->text_owned = NULL;
        return from_memory(x, text, strlen(text));
    }
    if (rp->text) {
        const char *given = rp->text;
        char *copy = strdup(given);

        return copy ? from_memory(x, copy, strlen(copy)) : NULL;
    }
    if (!rp->body) {
        *type = NULL;
        return empty();
    }
    *type = "application/json";
    return from_json(x, rp->body);
}

void answer_reply(struct http_exchange *x, struct reply *rp)
{
    const char *type = NULL;

    if (rp->status == 0)
        rp->status = 200;
    if (rp->etag > 0)
        snprintf(x->etag, sizeof x->etag, "\"%lld\"", (long long)rp->etag);
    x->status = (unsigned)rp->status;
    x->response = content(x, rp, &type);
    if (!x->response) {
        if (x->err.code == ERR_NONE)
            err_set(&x->err, ERR_INTERNAL, "out of memory");
        x->etag[0] = '\0';
        x->encoding = NULL;
        answer_problem(x, NULL);
        if (x->response && x->err.code == ERR_RANGE) {
            char text[48];

            snprintf(text, sizeof text, "bytes */%lld", (long long)rp->file_size);
            header(x, "Content-Range", text);
        }
    } else {
        header(x, "Content-Type", type);
        reply_headers(x, rp);
        security_headers(x, type);
        cors_headers(x);
    }
    reply_release(rp);
}

static int retry_after(const struct http_exchange *x, const struct reply *rp)
{
    if (rp && rp->retry_after_s > 0)
        return rp->retry_after_s;
    return err_status(x->err.code) == 429 ? 5 : err_status(x->err.code) == 503 ? 1 : 0;
}

/* What a failed handler had set beside its error still goes out: a cookie to drop, when to retry.
 */
void answer_problem(struct http_exchange *x, const struct reply *rp)
{
    struct reply out = { .file_fd = -1, .retry_after_s = retry_after(x, rp) };
    json_t *body;

    if (!x->err.origin[0])
        snprintf(x->err.origin, sizeof x->err.origin, "%s", x->rq.self);
    body = problem_encode(&x->err, x->trace);
    if (x->response)
        MHD_destroy_response(x->response);
    x->response = body ? from_json(x, body) : NULL;
    json_decref(body);
    if (!x->response)
        x->response = empty();
    x->status = (unsigned)err_status(x->err.code);
    if (rp)
        snprintf(out.cookie, sizeof out.cookie, "%s", rp->cookie);
    header(x, "Content-Type", PROBLEM_TYPE);
    x->etag[0] = '\0';
    reply_headers(x, &out);
    if (x->err.code == ERR_METHOD_NOT_ALLOWED) {
        char allow[64];

        header(x, "Allow", route_allow_text(x->allow, allow));
    }
    if (x->status == 401)
        header(x, "WWW-Authenticate", "Bearer realm=\"bic\"");
    security_headers(x, NULL);
    cors_headers(x);
}

void answer_log(struct http_exchange *x)
{
    const char *path = x->route && x->route != &static_route ? x->route->path : x->rq.path;
    bool failed = x->err.code != ERR_NONE;
    char before[64];

    metric_add(METRIC_HTTP_REQUESTS, 1);
    if (x->status >= 500)
        metric_add(METRIC_HTTP_ERRORS, 1);
    if (!failed && x->route && x->route->flags & HTTP_NO_TRACE_LOG)
        return;
    snprintf(before, sizeof before, "%s", log_trace());
    log_trace_set(x->trace);
    if (failed)
        log_err(path, &x->err);
    else
        log_info("method=%s path=%s status=%u ms=%lld bytes=%lld caller=%s remote=%s", x->rq.method,
                 x->rq.path, x->status, (long long)(clock_boot_ms() - x->start_ms),
                 (long long)x->reply_bytes,
                 x->rq.caller.kind == CALLER_NOBODY ? "-" : x->rq.caller.id.s, x->conn->remote);
    log_trace_set(before);
}
