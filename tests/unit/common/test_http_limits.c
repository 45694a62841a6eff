/* What a listener does under load, with dribbling clients, and where it refuses to start. */
#include "common/http/http.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "tests/unit/common/client.h"

static struct http_server *server;
static int port;

static int get_echo(const struct request *rq, struct reply *rp, struct err *e)
{
    return http_reply(rp, 200, json_pack("{s:I}", "size", (json_int_t)rq->body_size), e);
}

static int get_slow(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    usleep(300000);
    return http_reply(rp, 200, json_object(), e);
}

static _Atomic int refusals, gate_at;

static int get_gate(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    for (int i = 0; i < 6000 && refusals < gate_at; i++)
        usleep(10000);
    return http_reply(rp, 200, json_object(), e);
}

enum { LARGE = 16 << 20 }; /* more than the buffers of two sockets hold */

static int get_large(const struct request *rq, struct reply *rp, struct err *e)
{
    char *text = malloc(LARGE);
    json_t *body = NULL;

    (void)rq;
    if (text) {
        memset(text, 'a', LARGE);
        body = json_pack("{s:s%}", "text", text, (size_t)LARGE);
    }
    free(text);
    return http_reply(rp, 200, body, e);
}

static const struct route routes[] = {
    { "GET", "/api/v1/large", "anyone", get_large, 0 },
    { "GET", "/api/v1/echo", "anyone", get_echo, 0 },
    { "POST", "/api/v1/echo", "anyone", get_echo, 0 },
    { "GET", "/api/v1/gate", "anyone", get_gate, 0 },
    { "GET", "/api/v1/slow", "anyone", get_slow, 0 },
    { 0 },
};

static struct http_spec spec(void)
{
    static const struct route *const tables[] = { routes, NULL };

    return (struct http_spec){
        .self = "ccc/test", .address = "127.0.0.1:0", .routes = tables, .workers = 2
    };
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
    curl_global_cleanup();
    return 0;
}

static void *ask_gate(void *arg)
{
    struct answer a = CALL(port, .path = "/api/v1/gate", .timeout_ms = 120000);

    *(long *)arg = a.status;
    if (a.status == 503)
        refusals++;
    answer_free(&a);
    return NULL;
}

static void overload_is_told(void **state)
{
    enum { ASKERS = 160, PLACES = 130 }; /* 2 workers, a queue of 128 */
    pthread_t thread[ASKERS];
    long status[ASKERS], late = 0, served = 0;

    (void)state;
    refusals = 0;
    gate_at = ASKERS - PLACES; /* the workers are held until so many have been refused */
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, ask_gate, &status[i]), 0);
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(thread[i], NULL);
        late += status[i] == 504; /* in the queue for longer than its deadline */
        served += status[i] == 200;
    }
    assert_in_range(refusals, ASKERS - PLACES, ASKERS - 2);
    assert_int_equal(refusals + late + served, ASKERS);
    assert_true(served >= 2);
}

/* A byte now and then does not keep a connection, neither in the head nor in the body. */
static void dribblers_are_closed(void **state)
{
    static const char *const starts[] = {
        "GET /api/v1/echo HTTP/1.1\r\nHost: x\r\nX-A: ",
        ("POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
         "Content-Length: 1000\r\n\r\n{"),
        "",
    };
    struct http_server *s = NULL;
    struct http_spec p = spec();
    struct err e = { 0 };

    (void)state;
    p.idle_ms = 1000;
    assert_ok(http_start(&p, &s, &e), &e);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        int fd = client_connect(http_port(s)), n = 0;
        char got[512];

        client_send(fd, starts[i]);
        for (; n < 80; n++) {
            struct pollfd f = { .fd = fd, .events = POLLIN };

            if (poll(&f, 1, 100) > 0 && recv(fd, got, sizeof got, 0) <= 0)
                break;
            if (starts[i][0] && send(fd, "a", 1, MSG_NOSIGNAL) < 0)
                break;
        }
        assert_in_range(n, 5, 50);
        close(fd);
    }
    http_stop(s);
}

/* Who asks and does not read, or a byte now and then, does not keep a connection either. */
static void slow_readers_are_closed(void **state)
{
    struct http_server *s = NULL;
    struct http_spec p = spec();
    struct err e = { 0 };
    struct answer a;
    int64_t before = metric_get(METRIC_HTTP_CONNECTIONS);
    int64_t since, took = 0;
    char got[64];
    int fd;

    (void)state;
    p.idle_ms = 2000;
    p.answer_rate = 8192; /* two seconds more for this one */
    assert_ok(http_start(&p, &s, &e), &e);
    fd = client_connect(http_port(s));
    client_send(fd, "GET /api/v1/large HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(recv(fd, got, sizeof got, 0) > 0); /* the answer is on its way */
    since = clock_boot_ms();
    while (took < 60000 && metric_get(METRIC_HTTP_CONNECTIONS) > before) {
        (void)!recv(fd, got, 1, 0);
        usleep(100000);
        took = clock_boot_ms() - since;
    }
    assert_in_range(took, 500, 59999);
    close(fd);
    http_stop(s);
    s = NULL;
    p.answer_rate = 0;
    p.idle_ms = 0;
    assert_ok(http_start(&p, &s, &e), &e);
    a = CALL(http_port(s), .path = "/api/v1/large", .timeout_ms = 60000);
    assert_int_equal(a.status, 200);
    assert_int_equal(strlen(json_str(a.json, "text")), LARGE);
    answer_free(&a);
    http_stop(s);
}

/* All places taken by those who say nothing: they go long before the usual time. */
static void silence_does_not_take_all_places(void **state)
{
    enum { PLACES = 40 };
    struct http_server *s = NULL;
    struct http_spec p = spec();
    struct err e = { 0 };
    int fd[PLACES];
    struct answer a;

    (void)state;
    p.connections_max = PLACES;
    assert_ok(http_start(&p, &s, &e), &e);
    for (int i = 0; i < PLACES; i++) {
        fd[i] = client_connect(http_port(s));
        client_send(fd[i], "GET /api/v1/echo HTTP/1.1\r\nX-A: ");
    }
    a = CALL(http_port(s), .path = "/api/v1/slow", .timeout_ms = 12000);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    for (int i = 0; i < PLACES; i++)
        close(fd[i]);
    http_stop(s);
}

/* Opens a connection and says that so much will come. */
static int post_head(const char *length)
{
    char head[200];
    int fd = client_connect(port);

    snprintf(
        head, sizeof head,
        "POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n\r\n",
        length);
    assert_int_equal(send(fd, head, strlen(head), 0), strlen(head));
    return fd;
}

static bool send_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t put = send(fd, data, n, 0);

        if (put <= 0)
            return false;
        data += put;
        n -= (size_t)put;
    }
    return true;
}

static void read_413(int fd)
{
    char got[8192];
    size_t n = 0;
    ssize_t more;

    while ((more = recv(fd, got + n, sizeof got - 1 - n, 0)) > 0)
        n += (size_t)more;
    assert_int_equal(more, 0); /* an end, not a reset */
    got[n] = '\0';
    assert_int_equal(strncmp(got, "HTTP/1.1 413 ", 13), 0);
    assert_non_null(strstr(got, "/problems/body-too-large"));
    close(fd);
}

/* Who sends everything first, and reads then, finds the refusal: not a reset connection. */
static void early_refusals_arrive(void **state)
{
    enum { BODY = 8 << 20, CHUNK = 1 << 16 };
    char *body = malloc(BODY);
    int fd;

    (void)state;
    assert_non_null(body);
    memset(body, 'a', BODY);
    for (int i = 0; i < 3; i++) {
        fd = post_head("Content-Length: 8388608");
        usleep(i * 50000); /* the answer is there, and the server has closed, before it sends */
        assert_true(send_all(fd, body, BODY));
        read_413(fd);
    }
    fd = post_head("Transfer-Encoding: chunked");
    for (int i = 0; i < BODY / CHUNK; i++)
        assert_true(send_all(fd, "10000\r\n", 7) && send_all(fd, body, CHUNK) &&
                    send_all(fd, "\r\n", 2));
    assert_true(send_all(fd, "0\r\n\r\n", 5));
    read_413(fd);
    free(body);
}

static int descriptors(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Who never ends is cut off, and nothing of her stays. */
static void lingering_has_an_end(void **state)
{
    enum { SENDERS = 80 };
    int before = descriptors(), fds[SENDERS], open_ones = SENDERS;
    int64_t began = clock_boot_ms();

    (void)state;
    for (int i = 0; i < SENDERS; i++)
        fds[i] = post_head("Content-Length: 1099511627776");
    while (open_ones > 0 && clock_boot_ms() - began < 60000) {
        usleep(20000);
        for (int i = 0; i < SENDERS; i++)
            if (fds[i] >= 0 && send(fds[i], "a", 1, MSG_DONTWAIT) <= 0) {
                close(fds[i]);
                fds[i] = -1;
                open_ones--;
            }
    }
    assert_int_equal(open_ones, 0);
    while (descriptors() > before && clock_boot_ms() - began < 60000)
        usleep(20000);
    assert_true(descriptors() <= before); /* fewer: of the last test */
}

static void starts_only_when_safe(void **state)
{
    struct http_server *s = NULL;
    struct http_spec p = spec();
    struct err e = { 0 };
    char taken[32];

    (void)state;
    p.address = "0.0.0.0:0";
    assert_err(http_start(&p, &s, &e), &e, ERR_INVALID_REQUEST);
    p.address = "[::]:0";
    assert_err(http_start(&p, &s, &e), &e, ERR_INVALID_REQUEST);
    p.address = "localhost:0";
    assert_err(http_start(&p, &s, &e), &e, ERR_INVALID_REQUEST);
    p.address = "127.0.0.1";
    assert_err(http_start(&p, &s, &e), &e, ERR_INVALID_REQUEST);
    p.address = "::1:0";
    assert_err(http_start(&p, &s, &e), &e, ERR_INVALID_REQUEST);
    snprintf(taken, sizeof taken, "127.0.0.1:%d", port);
    p.address = taken;
    assert_err(http_start(&p, &s, &e), &e, ERR_INTERNAL);
    assert_null(s);
    p.address = "[::1]:0";
    e = (struct err){ 0 };
    assert_ok(http_start(&p, &s, &e), &e);
    assert_true(http_port(s) > 0);
    http_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overload_is_told),
        cmocka_unit_test(dribblers_are_closed),
        cmocka_unit_test(slow_readers_are_closed),
        cmocka_unit_test(silence_does_not_take_all_places),
        cmocka_unit_test(early_refusals_arrive),
        cmocka_unit_test(lingering_has_an_end),
        cmocka_unit_test(starts_only_when_safe),
    };

    return cmocka_run_group_tests_name("http_limits", tests, setup, teardown);
}
