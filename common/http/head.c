#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/http/server.h"

enum { LARGE_BODY_MAX = 16 << 20, TRACE_MIN = 8, TRACE_MAX = 63 };

const char *head_value(const struct http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

struct head_names {
    int hosts, lengths, codings;
    bool odd; /* not well formed: another reader might take it for another header */
};

static bool is_token(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7F ||
            strchr("()<>@,;:\\\"/[]?={}", *p))
            return false;
    return true;
}

static bool is_printable(const char *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7F)
            return false;
    return true;
}

static enum MHD_Result count_one(void *cls, enum MHD_ValueKind kind, const char *name, size_t n,
                                 const char *value, size_t size)
{
    struct head_names *count = cls;

    (void)kind;
    count->hosts += strcasecmp(name, "Host") == 0;
    count->lengths += strcasecmp(name, "Content-Length") == 0;
    count->codings += strcasecmp(name, "Transfer-Encoding") == 0;
    count->odd |= strlen(name) != n || !is_token(name) || (value && !is_printable(value, size));
    return MHD_YES;
}

/* Only tiers choose a trace id; people's requests get a new one, so that it cannot be forged in
 * logs. */
static void trace(struct http_exchange *x)
{
    const char *given = head_value(x, "X-Request-Id");
    size_t n = given ? strlen(given) : 0;

    if (x->rq.caller.kind == CALLER_NODE && n >= TRACE_MIN && n <= TRACE_MAX &&
        strspn(given, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n)
        memcpy(x->trace, given, n + 1);
    else
        snprintf(x->trace, sizeof x->trace, "%s", id_new().s);
}

static void deadline(struct http_exchange *x)
{
    const char *given = head_value(x, "BIC-Deadline-Ms");
    int64_t ms = HTTP_DEADLINE_MS;

    if (given && x->rq.caller.kind == CALLER_NODE && given[strspn(given, "0123456789")] == '\0' &&
        strlen(given) < 10 && *given && strtoll(given, NULL, 10) < ms)
        ms = strtoll(given, NULL, 10);
    x->rq.deadline_ms = x->start_ms + ms;
}

static void order(struct http_exchange *x)
{
    const char *given = head_value(x, "BIC-Attempt");

    if (x->rq.caller.kind != CALLER_NODE)
        return;
    if (!id_parse(head_value(x, "Idempotency-Key"), &x->rq.key))
        x->rq.key = (struct id){ "" };
    if (given && *given && strlen(given) < 10 && given[strspn(given, "0123456789")] == '\0')
        x->rq.attempt = strtoll(given, NULL, 10);
}

/* RFC 9112 §6: one length, or chunks, never both (request smuggling). *length -1 = unknown. */
static int framing(struct http_exchange *x, int64_t *length)
{
    const char *cl = head_value(x, "Content-Length"), *te = head_value(x, "Transfer-Encoding");
    struct head_names names = { 0 };

    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, count_one, &names);
    *length = te ? -1 : 0;
    x->has_body = te || cl;
    if (names.odd) {
        x->has_body = true; /* who knows: it is closed without looking further */
        return err_set(&x->err, ERR_INVALID_REQUEST, "a header is not well formed");
    }
    if (names.hosts > 1) {
        x->has_body = true;
        return err_set(&x->err, ERR_INVALID_REQUEST, "there is more than one Host");
    }
    if (names.lengths + names.codings > 1)
        return err_set(&x->err, ERR_INVALID_REQUEST, "the length of the body is said twice");
    if (te && strcasecmp(te, "chunked") != 0)
        return err_set(&x->err, ERR_INVALID_REQUEST, "the only transfer encoding here is chunked");
    if (cl) {
        if (!*cl || strlen(cl) > 18 || cl[strspn(cl, "0123456789")])
            return err_set(&x->err, ERR_INVALID_REQUEST, "Content-Length is not a number");
        *length = strtoll(cl, NULL, 10);
    }
    x->has_body = *length != 0;
    if (x->has_body && (strcmp(x->rq.method, "GET") == 0 || strcmp(x->rq.method, "HEAD") == 0))
        return err_set(&x->err, ERR_INVALID_REQUEST, "%s has no body", x->rq.method);
    return 0;
}

static bool media_is(const char *given, const char *want)
{
    size_t n = strlen(want);

    if (!given || strncasecmp(given, want, n) != 0)
        return false;
    given += n;
    given += strspn(given, " \t");
    return *given == '\0' || *given == ';';
}

static int media(struct http_exchange *x)
{
    const char *given = head_value(x, "Content-Type");

    if (x->route->flags & HTTP_BODY_FILE) {
        if (!media_is(given, "application/octet-stream"))
            return err_set(&x->err, ERR_MEDIA_TYPE, "send application/octet-stream");
        return 0;
    }
    if (!media_is(given, "application/json") &&
        !(strcmp(x->rq.method, "PATCH") == 0 && media_is(given, "application/merge-patch+json")))
        return err_set(&x->err, ERR_MEDIA_TYPE, "send application/json");
    return 0;
}

static int64_t body_limit(const struct http_exchange *x)
{
    if (x->route->flags & HTTP_BODY_FILE)
        return x->server->spec.spool_max;
    if (x->route->flags & HTTP_LARGE)
        return LARGE_BODY_MAX;
    return x->match.permission == PERMIT_ANYONE ? HTTP_ANYONE_BODY_MAX : JSON_BODY_MAX;
}

static int body_check(struct http_exchange *x, int64_t length)
{
    int64_t limit = body_limit(x);

    if (!x->has_body)
        return 0;
    if (media(x) < 0)
        return -1;
    body_init(&x->body, limit);
    if (length > limit)
        return err_set(&x->err, ERR_BODY_TOO_LARGE, "the body is longer than %lld bytes",
                       (long long)limit);
    return 0;
}

static bool under_prefix(const struct http_exchange *x)
{
    const char *prefix = x->server->prefix;

    return prefix && strncmp(x->path, prefix, strlen(prefix)) == 0;
}

/* A preflight of a route that may be called from any origin (HTTP_CORS): nothing else has OPTIONS.
 */
static bool preflight(struct http_exchange *x)
{
    const char *wanted = head_value(x, "Access-Control-Request-Method");
    struct route_match m;
    unsigned allow;

    if (strcmp(x->rq.method, "OPTIONS") != 0 || !wanted || !head_value(x, "Origin") ||
        route_find(x->server->routes, wanted, x->path, &m, &allow) != ROUTE_FOUND ||
        !(m.route->flags & HTTP_CORS))
        return false;
    x->match = m;
    x->route = m.route;
    x->allow = allow;
    return x->preflight = true;
}

static int find(struct http_exchange *x)
{
    struct http_server *s = x->server;

    switch (route_find(s->routes, x->rq.method, x->path, &x->match, &x->allow)) {
    case ROUTE_FOUND:
        x->route = x->match.route;
        x->rq.path_id = x->match.id;
        x->rq.path_id2 = x->match.id2;
        x->rq.path_word = x->match.word;
        return 0;
    case ROUTE_OTHER_METHOD:
        if (preflight(x))
            return 0;
        return err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "this address has no such method");
    case ROUTE_NO_PATH: break;
    }
    if (s->static_fd < 0 || under_prefix(x))
        return err_set(&x->err, ERR_NOT_FOUND, "there is nothing at this address");
    x->allow = route_method_bit("GET");
    if (strcmp(x->rq.method, "GET") != 0 && strcmp(x->rq.method, "HEAD") != 0)
        return err_set(&x->err, ERR_METHOD_NOT_ALLOWED, "this address has no such method");
    x->route = x->match.route = &static_route;
    x->match.permission = PERMIT_ANYONE;
    return 0;
}

static int address(struct http_exchange *x, const char *version)
{
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return err_set(&x->err, ERR_HTTP_VERSION, "this is not HTTP/1.1");
    if (x->too_long)
        return err_set(&x->err, ERR_URI_TOO_LONG, "the address is longer than %d bytes",
                       HTTP_URI_MAX);
    if (x->bad_uri)
        return err_set(&x->err, ERR_INVALID_REQUEST, "the address is not well formed");
    return 0;
}

int head_check(struct http_exchange *x, const char *method, const char *version)
{
    struct request *rq = &x->rq;
    int framed;

    rq->method = method;
    tls_identify(x->conn, x->mhd);
    rq->caller = x->conn->node;
    trace(x);
    deadline(x);
    order(x);
    framed = framing(x, &x->length);
    x->drain_left = x->length < 0 ? HTTP_DRAIN_MAX : x->length;
    if (framed < 0) {
        x->close_after = true;
        return -1;
    }
    if (address(x, version) < 0 || find(x) < 0)
        return -1;
    if (x->preflight)
        return x->has_body ? err_set(&x->err, ERR_INVALID_REQUEST, "OPTIONS has no body") : 0;
    if (x->match.permission == PERMIT_NODE && guard_node(x, &x->err) < 0)
        return -1;
    return body_check(x, x->length);
}
