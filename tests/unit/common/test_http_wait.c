/* Requests that wait: parking and waking, server-sent streams, and stopping while they do. */
#include "common/http/http.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "tests/unit/common/client.h"

enum { LONG_MS = 15000, PATIENCE_MS = 60000 };

static struct http_server *server;
static int port;
static _Atomic int64_t counter; /* what the parked ones wait for */
static _Atomic int runs;

/* Waits until counter has reached ?after=, as a sync source does. */
static int get_wait(const struct request *rq, struct reply *rp, struct err *e)
{
    int64_t after, wait;

    if (http_query_int(rq, "after", 0, INT64_MAX, 0, &after, e) < 0 ||
        http_query_int(rq, "wait", 0, INT64_MAX, LONG_MS, &wait, e) < 0)
        return -1;
    runs++;
    if (counter < after && !rq->expired)
        return http_park(rp, http_query(rq, "key") ? "other" : "counter", clock_boot_ms() + wait);
    return http_reply(rp, 200,
                      json_pack("{s:b, s:b, s:b}", "woken", rq->woken, "expired", rq->expired,
                                "time", rq->deadline_ms - clock_boot_ms() > 5000),
                      e);
}

static int get_stubborn(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)e;
    return http_park(rp, "stubborn", clock_boot_ms() + 100);
}

struct watcher {
    pthread_mutex_t lock;
    struct http_stream *stream;
    _Atomic int opened, closed;
};
static struct watcher watcher = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_closed(void *arg, struct http_stream *st)
{
    struct watcher *w = arg;

    pthread_mutex_lock(&w->lock);
    w->closed++;
    if (w->stream == st)
        w->stream = NULL;
    pthread_mutex_unlock(&w->lock);
}

static int get_events(const struct request *rq, struct reply *rp, struct err *e)
{
    struct http_stream *st;

    pthread_mutex_lock(&watcher.lock);
    st = http_stream_open(rq, on_closed, &watcher);
    watcher.stream = st;
    watcher.opened++;
    pthread_mutex_unlock(&watcher.lock);
    if (!st)
        return err_set(e, ERR_INTERNAL, "no stream");
    rp->stream = st;
    return 0;
}

static int get_events_then_fail(const struct request *rq, struct reply *rp, struct err *e)
{
    if (get_events(rq, rp, e) < 0)
        return -1;
    return err_set(e, ERR_NOT_READY, "not now");
}

static const struct route routes[] = {
    { "GET", "/api/wait", "anyone", get_wait, HTTP_NO_TRACE_LOG },
    { "GET", "/api/stubborn", "anyone", get_stubborn, 0 },
    { "GET", "/api/events", "anyone", get_events, 0 },
    { "GET", "/api/events-then-fail", "anyone", get_events_then_fail, 0 },
    { 0 },
};

static int setup(void **state)
{
    static const struct route *const tables[] = { routes, NULL };
    struct http_spec s = {
        .self = "ccc/test", .address = "127.0.0.1:0", .routes = tables, .workers = 3
    };
    struct err e = { 0 };

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    curl_global_init(CURL_GLOBAL_ALL);
    counter = 0;
    runs = 0;
    watcher.stream = NULL;
    watcher.opened = watcher.closed = 0;
    assert_ok(http_start(&s, &server, &e), &e);
    port = http_port(server);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    server = NULL;
    assert_int_equal(watcher.opened, watcher.closed);
    assert_int_equal(metric_get(METRIC_HTTP_PARKED), 0);
    assert_int_equal(metric_get(METRIC_HTTP_CONNECTIONS), 0);
    curl_global_cleanup();
    return 0;
}

static bool until(bool (*holds)(void))
{
    for (int64_t end = clock_boot_ms() + PATIENCE_MS; clock_boot_ms() < end; usleep(2000))
        if (holds())
            return true;
    return holds();
}

static bool one_parked(void)
{
    return metric_get(METRIC_HTTP_PARKED) == 1;
}

static bool none_parked(void)
{
    return metric_get(METRIC_HTTP_PARKED) == 0;
}

static void *ask_once(void *arg)
{
    struct answer *a = arg;

    *a = CALL(port, .path = "/api/wait?after=1");
    return NULL;
}

static void wakes(void **state)
{
    int64_t begin = clock_boot_ms();
    struct answer a;
    pthread_t t;

    (void)state;
    pthread_create(&t, NULL, ask_once, &a);
    assert_true(until(one_parked));
    http_wake(server, "another key");
    counter = 1;
    http_wake(server, "counter");
    pthread_join(t, NULL);
    assert_int_equal(a.status, 200);
    assert_true(json_flag(a.json, "woken", false));
    assert_false(json_flag(a.json, "expired", true));
    assert_true(json_flag(a.json, "time", false));
    assert_true(clock_boot_ms() - begin < LONG_MS / 2);
    answer_free(&a);
}

static void expires(void **state)
{
    int64_t begin = clock_boot_ms(), took;
    struct answer a = CALL(port, .path = "/api/wait?after=1&wait=200");

    (void)state;
    took = clock_boot_ms() - begin;
    assert_true(json_flag(a.json, "expired", false));
    assert_in_range(took, 200, LONG_MS - 1);
    assert_int_equal(runs, 2);
    answer_free(&a);
    a = CALL(port, .path = "/api/wait?after=1&wait=0");
    assert_true(json_flag(a.json, "expired", false));
    answer_free(&a);
    a = CALL(port, .path = "/api/stubborn");
    assert_int_equal(a.status, 500);
    answer_free(&a);
}

enum { ROUNDS = 150, RACERS = 4 };

static void *race(void *arg)
{
    CURL *c = curl_easy_init();
    long *bad = arg;

    for (int i = 1; i <= ROUNDS; i++) {
        char path[64];
        struct answer a;

        snprintf(path, sizeof path, "/api/wait?after=%lld", (long long)counter + 1);
        a = client_call_on(c, port, &(struct ask){ .path = path });
        *bad += a.status != 200 || json_flag(a.json, "expired", true);
        answer_free(&a);
    }
    curl_easy_cleanup(c);
    return NULL;
}

static _Atomic bool racing;

/* Each step is taken and told at a moment that has nothing to do with the askers. */
static void *step(void *arg)
{
    unsigned seed = 7;

    (void)arg;
    while (racing) {
        usleep((useconds_t)(rand_r(&seed) % 3000));
        counter++;
        http_wake(server, "counter");
    }
    return NULL;
}

static void no_wake_is_lost(void **state)
{
    pthread_t racer[RACERS], stepper;
    long bad[RACERS] = { 0 };
    int64_t begin = clock_boot_ms();

    (void)state;
    racing = true;
    for (int i = 0; i < RACERS; i++)
        pthread_create(&racer[i], NULL, race, &bad[i]);
    pthread_create(&stepper, NULL, step, NULL);
    for (int i = 0; i < RACERS; i++) {
        pthread_join(racer[i], NULL);
        assert_int_equal(bad[i], 0);
    }
    racing = false;
    pthread_join(stepper, NULL);
    assert_true(clock_boot_ms() - begin < LONG_MS * 2);
}

/* The wake comes while the handler has decided to park but is not parked yet: it is run again. */
static int get_between(const struct request *rq, struct reply *rp, struct err *e)
{
    if (rq->woken)
        return http_reply(rp, 200, json_pack("{s:b}", "expired", rq->expired), e);
    http_wake(*(struct http_server **)rq->app, "between");
    return http_park(rp, "between", clock_boot_ms() + LONG_MS);
}

static void wake_before_parking(void **state)
{
    static const struct route between[] = { { "GET", "/api/between", "anyone", get_between, 0 },
                                            { 0 } };
    static const struct route *const tables[] = { between, NULL };
    struct http_server *s = NULL;
    struct http_spec p = { .self = "x", .address = "127.0.0.1:0", .routes = tables, .app = &s };
    struct err e = { 0 };
    struct answer a;

    (void)state;
    assert_ok(http_start(&p, &s, &e), &e);
    a = CALL(http_port(s), .path = "/api/between");
    assert_int_equal(a.status, 200);
    assert_false(json_flag(a.json, "expired", true));
    answer_free(&a);
    http_stop(s);
}

static void gone_clients_are_noticed(void **state)
{
    int s = client_connect(port);

    (void)state;
    client_send(s, "GET /api/wait?after=1 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(until(one_parked));
    close(s);
    assert_true(until(none_parked));
    assert_int_equal(runs, 1); /* not run again for nobody */
}

static void stop_answers_the_waiting(void **state)
{
    struct answer a;
    pthread_t t;

    (void)state;
    pthread_create(&t, NULL, ask_once, &a);
    assert_true(until(one_parked));
    int64_t begin = clock_boot_ms();

    http_stop(server);
    server = NULL;
    assert_true(clock_boot_ms() - begin < LONG_MS);
    pthread_join(t, NULL);
    assert_int_equal(a.status, 503);
    assert_string_equal(answer_slug(&a), "not-ready");
    answer_free(&a);
    setup(NULL);
}

static void events_arrive(void **state)
{
    int s = client_connect(port);
    char got[8192];

    (void)state;
    client_send(s, "GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(s, got, sizeof got, "open\n\n", 3000);
    assert_non_null(strstr(got, "text/event-stream"));
    assert_non_null(strstr(got, "no-store"));
    for (int i = 0; i < 50; i++) {
        char data[64], want[96];

        snprintf(data, sizeof data, "{\"n\":%d}\nmore", i);
        snprintf(want, sizeof want, "event: changed\ndata: {\"n\":%d}\ndata: more\n\n", i);
        pthread_mutex_lock(&watcher.lock);
        http_stream_send(watcher.stream, "changed", data);
        pthread_mutex_unlock(&watcher.lock);
        client_read(s, got, sizeof got, "more\n\n", 3000);
        assert_non_null(strstr(got, want));
    }
    close(s);
    assert_true(until(none_parked));
    assert_int_equal(watcher.closed, 1);
}

/* A reader that does not read: the buffer is bounded, the connection goes, the owner is told once.
 */
static void slow_readers_are_dropped(void **state)
{
    int s = client_connect(port), small = 4096;
    char *block = malloc(32769), got[2048];

    (void)state;
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    memset(block, 'x', 32768);
    block[32768] = '\0';
    client_send(s, "GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(s, got, sizeof got, "open\n\n", 3000);
    for (int i = 0; i < 2000 && !none_parked(); i++) {
        pthread_mutex_lock(&watcher.lock);
        if (watcher.stream)
            http_stream_send(watcher.stream, "changed", block);
        pthread_mutex_unlock(&watcher.lock);
    }
    assert_true(until(none_parked));
    assert_int_equal(watcher.closed, 1);
    close(s);
    free(block);
}

static void failed_opening_is_closed(void **state)
{
    struct answer a = CALL(port, .path = "/api/events-then-fail");

    (void)state;
    assert_int_equal(a.status, 503);
    assert_int_equal(watcher.opened, 1);
    assert_int_equal(watcher.closed, 1);
    answer_free(&a);
}

static void *send_many(void *arg)
{
    (void)arg;
    while (racing) {
        pthread_mutex_lock(&watcher.lock);
        if (watcher.stream)
            http_stream_send(watcher.stream, "changed", "{}");
        pthread_mutex_unlock(&watcher.lock);
        usleep(100);
    }
    return NULL;
}

/* Streams open and vanish while events are sent, and some are open when the server stops. */
static void streams_come_and_go(void **state)
{
    pthread_t sender;
    int s[8];

    (void)state;
    racing = true;
    pthread_create(&sender, NULL, send_many, NULL);
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 8; i++) {
            if (round > 0)
                close(s[i]);
            s[i] = client_connect(port);
            client_send(s[i], "GET /api/events HTTP/1.1\r\nHost: x\r\n\r\n");
        }
    usleep(50000);
    http_stop(server);
    server = NULL;
    racing = false;
    pthread_join(sender, NULL);
    for (int i = 0; i < 8; i++)
        close(s[i]);
    assert_int_equal(watcher.opened, watcher.closed);
    setup(NULL);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(wakes),
        EACH(expires),
        EACH(no_wake_is_lost),
        EACH(wake_before_parking),
        EACH(gone_clients_are_noticed),
        EACH(stop_answers_the_waiting),
        EACH(events_arrive),
        EACH(slow_readers_are_dropped),
        EACH(failed_opening_is_closed),
        EACH(streams_come_and_go),
    };

    return cmocka_run_group_tests_name("http_wait", tests, NULL, NULL);
}
