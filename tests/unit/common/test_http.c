/* What a client of any kind may send, and what people must show: end to end over loopback. */
#include "common/http/http.h"

#include <signal.h>
#include <stdatomic.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/unit/common/client.h"

#define A "11111111-1111-4111-8111-111111111111"

static struct http_server *server;
static int port;
static _Atomic int authenticated, with_body; /* with_body: of those, knew what was asked */

static int get_echo(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const known[] = { "limit", "q", NULL };
    int64_t limit;

    if (http_query_only(rq, known, e) < 0 || http_query_int(rq, "limit", 1, 200, 50, &limit, e) < 0)
        return -1;
    rp->etag = 7;
    return http_reply(rp, 200,
                      json_pack("{s:s, s:s, s:s?, s:I, s:s, s:s, s:b}", "method", rq->method,
                                "path", rq->path, "q", http_query(rq, "q"), "limit",
                                (json_int_t)limit, "trace", rq->trace_id, "worker", rq->worker,
                                "deadline", rq->deadline_ms - clock_boot_ms() > 9000),
                      e);
}

static int post_echo(const struct request *rq, struct reply *rp, struct err *e)
{
    rp->cookie[0] = '\0';
    snprintf(rp->cookie, sizeof rp->cookie, "a=b; HttpOnly");
    return http_reply(rp, 201,
                      json_pack("{s:O?, s:I, s:s}", "body", rq->body, "size",
                                (json_int_t)rq->body_size, "caller", rq->caller.name),
                      e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return http_reply(rp, 200, json_pack("{s:s}", "id", rq->path_id.s), e);
}

static int patch_one(const struct request *rq, struct reply *rp, struct err *e)
{
    int64_t generation;

    if (http_if_match(rq, &generation, e) < 0)
        return -1;
    return http_reply(rp, 200, json_pack("{s:I}", "generation", (json_int_t)generation), e);
}

static int get_fail(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    rp->retry_after_s = 17;
    err_set(e, ERR_TOO_MANY_REQUESTS, "slowly");
    err_cause(e, "hidden");
    return err_number(e, "tries", 9);
}

static int get_silent(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)rp;
    (void)e;
    return -1;
}

static int post_accept(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    return http_accepted(rp, A, json_pack("{s:s}", "id", A), e);
}

static int delete_none(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)e;
    rp->status = 204;
    return 0;
}

static const struct route routes[] = {
    { "GET", "/api/v1/echo", "anyone", get_echo, 0 },
    { "POST", "/api/v1/echo", "anyone", post_echo, 0 },
    { "POST", "/api/v1/tickets", "anyone", post_echo, HTTP_CORS },
    { "GET", "/api/v1/mine", "self", get_echo, 0 },
    { "POST", "/api/v1/mine", "self", post_echo, 0 },
    { "POST", "/api/v1/admin", "admin", post_echo, 0 },
    { "GET", "/api/v1/things/{id}", "self", get_one, 0 },
    { "PATCH", "/api/v1/things/{id}", "self", patch_one, 0 },
    { "DELETE", "/api/v1/things/{id}", "self", delete_none, 0 },
    { "GET", "/api/v1/fail", "anyone", get_fail, 0 },
    { "GET", "/api/v1/silent", "anyone", get_silent, 0 },
    { "POST", "/api/v1/accept", "self", post_accept, 0 },
    { "GET", "/node", "node:any", get_echo, 0 },
    { 0 },
};

/* "Bearer NAME" or "Cookie: s=NAME"; a name that begins with root is an administrator. */
static int authenticate(const struct request *rq, struct caller *c, struct err *e)
{
    const char *bearer = http_header(rq, "Authorization"), *cookie = http_header(rq, "Cookie");
    const char *name = bearer ? bearer + 7 : cookie ? cookie + 2 : NULL;

    authenticated++;
    with_body += rq->body != NULL;
    if (!name)
        return 0;
    if (strcmp(name, "expired") == 0)
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has expired");
    c->kind = CALLER_PERSON;
    c->by_cookie = !bearer;
    snprintf(c->name, sizeof c->name, "%s", name);
    snprintf(c->role, sizeof c->role, "%s", strncmp(name, "root", 4) == 0 ? "admin" : "user");
    snprintf(c->csrf, sizeof c->csrf, "token-of-%s", name);
    return 0;
}

static _Atomic int workers;

static void *worker_start(void *app)
{
    static char word[] = "w";

    assert_string_equal((const char *)app, "app");
    workers++;
    return word;
}

static void worker_stop(void *app, void *worker)
{
    (void)app;
    assert_non_null(worker);
    workers--;
}

static struct http_spec spec(void)
{
    static const struct route *const tables[] = { routes, NULL };
    static char app[] = "app";

    return (struct http_spec){ .self = "ccc/test",
                               .address = "127.0.0.1:0",
                               .routes = tables,
                               .authenticate = authenticate,
                               .public_prefix = "/api/",
                               .workers = 2,
                               .connections_max = 400,
                               .app = app,
                               .worker_start = worker_start,
                               .worker_stop = worker_stop };
}

static int setup(void **state)
{
    struct http_spec s = spec();
    struct err e = { 0 };

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    curl_global_init(CURL_GLOBAL_ALL);
    assert_ok(http_start(&s, &server, &e), &e);
    port = http_port(server);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    assert_int_equal(workers, 0);
    curl_global_cleanup();
    return 0;
}

static void expect(const struct ask *q, long status, const char *slug)
{
    struct answer a = client_call(port, q);

    if (a.status != status || strcmp(answer_slug(&a), slug) != 0)
        fail_msg("%s %s: %ld %s (%s), wanted %ld %s", q->method ? q->method : "GET", q->path,
                 a.status, a.body ? a.body : "", curl_easy_strerror(a.rc), status, slug);
    if (slug[0]) {
        assert_string_equal(answer_header(&a, "Content-Type"), "application/problem+json");
        assert_string_equal(json_str(a.json, "origin"), "ccc/test");
        assert_null(json_object_get(a.json, "cause"));
    }
    assert_string_equal(answer_header(&a, "X-Content-Type-Options"), "nosniff");
    answer_free(&a);
}
#define EXPECT(status, slug, ...) expect(&(struct ask){ __VA_ARGS__ }, status, slug)

static void answers(void **state)
{
    struct answer a = CALL(port, .path = "/api/v1/echo?q=a%20b+c%2F&limit=9");

    (void)state;
    assert_int_equal(a.status, 200);
    assert_string_equal(json_str(a.json, "q"), "a b c/");
    assert_int_equal(json_num(a.json, "limit", 0), 9);
    assert_string_equal(json_str(a.json, "worker"), "w");
    assert_true(json_flag(a.json, "deadline", false));
    assert_string_equal(answer_header(&a, "ETag"), "\"7\"");
    assert_string_equal(answer_header(&a, "Cache-Control"), "no-store");
    assert_string_equal(answer_header(&a, "X-Request-Id"), json_str(a.json, "trace"));
    assert_string_equal(answer_header(&a, "Referrer-Policy"), "no-referrer");
    assert_string_equal(answer_header(&a, "Cross-Origin-Resource-Policy"), "same-origin");
    assert_non_null(strstr(answer_header(&a, "Content-Security-Policy"), "frame-ancestors 'none'"));
    answer_free(&a);
    a = CALL(port, .path = "/api/v1/echo", .method = "HEAD");
    assert_int_equal(a.status, 200);
    assert_int_equal(a.n, 0);
    answer_free(&a);
    a = CALL(port, .path = "/api/v1/echo", .headers = { "If-None-Match: W/\"1\", \"7\"" });
    assert_int_equal(a.status, 304);
    answer_free(&a);
    a = CALL(port, .path = "/api/v1/accept", .method = "POST",
             .headers = { "Authorization: Bearer x" });
    assert_int_equal(a.status, 202);
    assert_string_equal(answer_header(&a, "Location"), "/api/v1/operations/" A);
    answer_free(&a);
    EXPECT(204, "", .path = "/api/v1/things/" A, .method = "DELETE",
           .headers = { "Authorization: Bearer x" });
}

static void trace_is_ours(void **state)
{
    struct answer a =
        CALL(port, .path = "/api/v1/echo", .headers = { "X-Request-Id: forged-trace" });

    (void)state;
    assert_string_not_equal(answer_header(&a, "X-Request-Id"), "forged-trace");
    answer_free(&a);
}

static void addresses(void **state)
{
    char longest[4200] = "/api/v1/echo?q=";

    (void)state;
    EXPECT(404, "not-found", .path = "/api/v1/nothing");
    EXPECT(404, "not-found", .path = "/");
    EXPECT(404, "not-found", .path = "/api/v1/things/1", .headers = { "Authorization: Bearer x" });
    EXPECT(405, "method-not-allowed", .path = "/api/v1/echo", .method = "PUT");
    EXPECT(405, "method-not-allowed", .path = "/api/v1/echo", .method = "OPTIONS");
    EXPECT(405, "method-not-allowed", .path = "/api/v1/echo", .method = "BREW");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?q=%zz");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?q=%00");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?q=%c0%af");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?q=1&q=2");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?nope=1");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?limit=0");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?limit=9x");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo?limit=99999999999999999999");
    EXPECT(400, "invalid-request", .path = "/api%2Fv1/echo");
    memset(longest + 15, 'a', sizeof longest - 16);
    longest[4096] = '\0';
    EXPECT(200, "", .path = longest);
    longest[4096] = 'a';
    longest[4097] = '\0';
    EXPECT(414, "uri-too-long", .path = longest);
    struct answer a = CALL(port, .path = "/api/v1/echo", .method = "PUT");

    assert_string_equal(answer_header(&a, "Allow"), "GET, HEAD, POST");
    answer_free(&a);
}

static void bodies(void **state)
{
    enum { BIG = 1 << 20 };
    char *big = malloc(BIG + 100);

    (void)state;
    EXPECT(201, "", .path = "/api/v1/echo", .body = "{\"a\":1}");
    EXPECT(201, "", .path = "/api/v1/echo", .body = "{}",
           .type = "Application/JSON; charset=utf-8");
    EXPECT(201, "", .path = "/api/v1/echo", .method = "POST");
    EXPECT(415, "media-type", .path = "/api/v1/echo", .body = "{}", .type = "text/plain");
    EXPECT(415, "media-type", .path = "/api/v1/echo", .body = "{}", .type = "application/jsonx");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo", .body = "{");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo", .body = "[]");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo", .body = "{\"a\":1,\"a\":2}");
    EXPECT(400, "invalid-request", .path = "/api/v1/echo", .method = "GET", .body = "{}");
    memset(big, ' ', BIG + 99);
    big[BIG + 99] = '\0';
    big[0] = '{';
    big[16383] = '}';
    EXPECT(201, "", .path = "/api/v1/echo", .body = big, .body_n = 16384);
    EXPECT(413, "body-too-large", .path = "/api/v1/echo", .body = big, .body_n = 16385);
    big[16383] = ' ';
    big[BIG - 1] = '}';
    EXPECT(201, "", .path = "/api/v1/mine", .body = big, .body_n = BIG,
           .headers = { "Authorization: Bearer x" });
    EXPECT(401, "not-signed-in", .path = "/api/v1/mine", .body = big, .body_n = BIG);
    EXPECT(413, "body-too-large", .path = "/api/v1/mine", .body = big, .body_n = BIG + 1,
           .headers = { "Authorization: Bearer x", "Expect: 100-continue" });
    EXPECT(413, "body-too-large", .path = "/api/v1/echo", .body = big, .body_n = BIG / 2,
           .headers = { "Transfer-Encoding: chunked" });
    EXPECT(201, "", .path = "/api/v1/echo", .body = "{\"a\":1}",
           .headers = { "Transfer-Encoding: chunked" });
    free(big);
}

/* Calls of the hook, and those of them that saw the body. */
#define EXPECT_ASKED(calls, bodies, status, slug, ...)                                             \
    do {                                                                                           \
        int calls_ = authenticated, bodies_ = with_body;                                           \
                                                                                                   \
        EXPECT(status, slug, .path = "/api/v1/mine", __VA_ARGS__);                                 \
        assert_int_equal(authenticated - calls_, calls);                                           \
        assert_int_equal(with_body - bodies_, bodies);                                             \
    } while (0)

static void short_bodies_come_first(void **state)
{
    static char longer[16386];

    (void)state;
    EXPECT_ASKED(1, 1, 201, "", .body = "{\"a\":1}", .headers = { "Authorization: Bearer x" });
    EXPECT_ASKED(1, 1, 401, "not-signed-in", .body = "{\"a\":1}");
    /* who it was is said before what was wrong with the words */
    EXPECT_ASKED(1, 0, 401, "not-signed-in", .body = "{");
    EXPECT_ASKED(1, 0, 400, "invalid-request", .body = "{",
                 .headers = { "Authorization: Bearer x" });
    EXPECT_ASKED(1, 0, 400, "invalid-request", .body = "[]",
                 .headers = { "Authorization: Bearer x" });
    EXPECT_ASKED(1, 0, 401, "not-signed-in", .body = "{}", .headers = { "Expect: 100-continue" });
    EXPECT_ASKED(1, 0, 201, "", .body = "{}",
                 .headers = { "Authorization: Bearer x", "Expect: 100-continue" });
    EXPECT_ASKED(1, 0, 201, "", .body = "{}",
                 .headers = { "Authorization: Bearer x", "Transfer-Encoding: chunked" });
    memset(longer, ' ', sizeof longer - 1);
    longer[0] = '{';
    longer[16383] = '}';
    EXPECT_ASKED(1, 1, 401, "not-signed-in", .body = longer, .body_n = 16384);
    EXPECT_ASKED(1, 0, 401, "not-signed-in", .body = longer, .body_n = 16385);
    EXPECT_ASKED(1, 0, 201, "", .body = longer, .body_n = 16385,
                 .headers = { "Authorization: Bearer x" });
}

static void framing(void **state)
{
    (void)state;
    assert_int_equal(client_raw(port, "GET /api/v1/echo HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    assert_int_equal(client_raw(port, "GET /api/v1/echo HTTP/1.0\r\n\r\n"), 200);
    assert_int_equal(client_raw(port, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                      "application/json\r\nContent-Length: 2\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
                     400);
    assert_int_equal(client_raw(port, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                      "application/json\r\nContent-Length: 2\r\n"
                                      "Content-Length: 3\r\n\r\n{} "),
                     400);
    assert_int_equal(client_raw(port, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\n"
                                      "Content-Length: -2\r\n\r\n{}"),
                     400);
    assert_int_equal(client_raw(port, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\n"
                                      "Transfer-Encoding: gzip\r\n\r\n{}"),
                     400);
    assert_int_equal(client_raw(port, "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\n"
                                      "Content-Length : 2\r\n\r\n{}"),
                     400);
    assert_int_equal(client_raw(port, "GET /api/v1/echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
                     400);
    assert_int_equal(client_raw(port, "GET /api/v1/echo HTTP/1.1\r\nHost: x\r\nA: b\x07\r\n\r\n"),
                     400);
    assert_int_equal(client_raw(port, "GET /api/v1/echo HTTP/1.1\r\nHost: x\r\nA: b\tc\r\n\r\n"),
                     200);
    assert_in_range(client_raw(port, "GET /api/v1/echo HTTP/3.7\r\nHost: x\r\n\r\n"), 400, 505);
    assert_int_equal(client_raw(port, "GET /api/v1\\echo HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
}

static void head_is_bounded(void **state)
{
    char *huge = malloc(70000);
    int n = snprintf(huge, 70000, "GET /api/v1/echo HTTP/1.1\r\nHost: x\r\nX-Big: "), status;

    (void)state;
    memset(huge + n, 'a', 60000);
    memcpy(huge + n + 60000, "\r\n\r\n", 5);
    status = client_raw(port, huge);
    assert_true(status == 431 || status == 413 || status == 0);
    free(huge);
}

static void people(void **state)
{
    (void)state;
    EXPECT(401, "not-signed-in", .path = "/api/v1/mine");
    EXPECT(401, "not-signed-in", .path = "/api/v1/mine",
           .headers = { "Authorization: Bearer expired" });
    EXPECT(200, "", .path = "/api/v1/mine", .headers = { "Authorization: Bearer kim" });
    EXPECT(401, "not-signed-in", .path = "/api/v1/admin", .body = "{}");
    EXPECT(403, "forbidden", .path = "/api/v1/admin", .body = "{}",
           .headers = { "Authorization: Bearer kim" });
    EXPECT(201, "", .path = "/api/v1/admin", .body = "{}",
           .headers = { "Authorization: Bearer root" });
    EXPECT(403, "peer-identity", .path = "/node", .headers = { "Authorization: Bearer root" });
    struct answer a = CALL(port, .path = "/api/v1/mine");

    assert_string_equal(answer_header(&a, "WWW-Authenticate"), "Bearer realm=\"bic\"");
    answer_free(&a);
    int before = authenticated;

    EXPECT(201, "", .path = "/api/v1/echo", .body = "{}",
           .headers = { "Authorization: Bearer expired" });
    assert_int_equal(authenticated, before); /* "anyone" does not ask */
}

static void csrf(void **state)
{
    char origin[64];

    (void)state;
    snprintf(origin, sizeof origin, "Origin: http://127.0.0.1:%d", port);
    EXPECT(200, "", .path = "/api/v1/mine", .headers = { "Cookie: s=kim" });
    EXPECT(403, "csrf", .path = "/api/v1/mine", .body = "{}", .headers = { "Cookie: s=kim" });
    EXPECT(403, "csrf", .path = "/api/v1/mine", .body = "{}",
           .headers = { "Cookie: s=kim", "X-CSRF-Token: token-of-lee" });
    EXPECT(403, "csrf", .path = "/api/v1/mine", .body = "{}",
           .headers = { "Cookie: s=kim", "X-CSRF-Token: token-of-ki" });
    EXPECT(201, "", .path = "/api/v1/mine", .body = "{}",
           .headers = { "Cookie: s=kim", "X-CSRF-Token: token-of-kim", origin });
    EXPECT(403, "csrf", .path = "/api/v1/mine", .body = "{}",
           .headers = { "Cookie: s=kim", "X-CSRF-Token: token-of-kim", "Origin: http://evil" });
    EXPECT(403, "csrf", .path = "/api/v1/mine", .body = "{}",
           .headers = { "Cookie: s=kim", "X-CSRF-Token: token-of-kim", "Origin: null" });
    EXPECT(
        403, "csrf", .path = "/api/v1/mine", .body = "{}",
        .headers = { "Cookie: s=kim", "X-CSRF-Token: token-of-kim", "Sec-Fetch-Site: cross-site" });
    EXPECT(403, "csrf", .path = "/api/v1/things/" A, .method = "DELETE",
           .headers = { "Cookie: s=kim" });
    EXPECT(201, "", .path = "/api/v1/mine", .body = "{}",
           .headers = { "Authorization: Bearer kim", "Origin: http://evil" });
}

static void cors(void **state)
{
    struct answer a =
        CALL(port, .path = "/api/v1/tickets", .method = "OPTIONS",
             .headers = { "Origin: http://portal:1", "Access-Control-Request-Method: POST" });

    (void)state;
    assert_int_equal(a.status, 204);
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin"), "http://portal:1");
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Methods"), "POST");
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Credentials"), "");
    answer_free(&a);
    a = CALL(port, .path = "/api/v1/tickets", .body = "{}",
             .headers = { "Origin: http://portal:1" });
    assert_int_equal(a.status, 201);
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin"), "http://portal:1");
    answer_free(&a);
    a = CALL(port, .path = "/api/v1/echo", .body = "{}", .headers = { "Origin: http://portal:1" });
    assert_string_equal(answer_header(&a, "Access-Control-Allow-Origin"), "");
    answer_free(&a);
    EXPECT(405, "method-not-allowed", .path = "/api/v1/echo", .method = "OPTIONS",
           .headers = { "Origin: http://portal:1", "Access-Control-Request-Method: POST" });
}

static void conditions(void **state)
{
    static const char *const bad[] = {
        "If-Match: 7",     "If-Match: \"\"",         "If-Match: W/\"7\"",
        "If-Match: \"x\"", "If-Match: \"7\", \"8\"", "If-Match: *"
    };

    (void)state;
    EXPECT(428, "if-match-required", .path = "/api/v1/things/" A, .method = "PATCH", .body = "{}",
           .headers = { "Authorization: Bearer x" });
    EXPECT(200, "", .path = "/api/v1/things/" A, .method = "PATCH", .body = "{}",
           .type = "application/merge-patch+json",
           .headers = { "Authorization: Bearer x", "If-Match: \"7\"" });
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(400, "invalid-request", .path = "/api/v1/things/" A, .method = "PATCH", .body = "{}",
               .headers = { "Authorization: Bearer x", bad[i] });
}

static void problems(void **state)
{
    struct answer a = CALL(port, .path = "/api/v1/fail");

    (void)state;
    assert_int_equal(a.status, 429);
    assert_string_equal(answer_header(&a, "Retry-After"), "17");
    assert_int_equal(json_num(json_object_get(a.json, "numbers"), "tries", 0), 9);
    answer_free(&a);
    EXPECT(500, "internal", .path = "/api/v1/silent");
    a = CALL(port, .path = "/problems/pool-exhausted");
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "Every desktop of the pool is taken"));
    assert_string_equal(answer_header(&a, "Content-Type"), "text/html; charset=utf-8");
    answer_free(&a);
    EXPECT(404, "not-found", .path = "/problems/no-such");
}

static void connections_are_kept(void **state)
{
    CURL *c = curl_easy_init();
    long fresh = 0, sum = 0;

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct ask q = { .path = i == 1   ? "/api/v1/nothing"
                                 : i == 2 ? "/api/v1/mine"
                                          : "/api/v1/echo",
                         .body = i == 2 || i == 3 ? "{}" : NULL };
        struct answer a = client_call_on(c, port, &q);

        curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &fresh);
        sum += fresh;
        answer_free(&a);
    }
    curl_easy_cleanup(c);
    assert_int_equal(sum, 1);
}

static void *count_worker(void *app)
{
    ++*(_Atomic int *)app;
    return NULL;
}

static void workers_come_as_they_are_needed(void **state)
{
    _Atomic int ever = 0;
    struct http_spec s = spec();
    struct http_server *idle = NULL;
    struct err e = { 0 };

    (void)state;
    s.workers = 16;
    s.app = &ever;
    s.worker_start = count_worker;
    s.worker_stop = NULL;
    assert_ok(http_start(&s, &idle, &e), &e);
    http_stop(idle);
    assert_int_equal(ever, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_come_as_they_are_needed),
        cmocka_unit_test(answers),
        cmocka_unit_test(trace_is_ours),
        cmocka_unit_test(addresses),
        cmocka_unit_test(bodies),
        cmocka_unit_test(framing),
        cmocka_unit_test(head_is_bounded),
        cmocka_unit_test(people),
        cmocka_unit_test(csrf),
        cmocka_unit_test(cors),
        cmocka_unit_test(conditions),
        cmocka_unit_test(problems),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(short_bodies_come_first),
    };

    return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
