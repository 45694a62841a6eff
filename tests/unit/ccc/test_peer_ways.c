/* Two addresses that are ways to one end: what the first does not do in its share of the time the
 * second is asked, with the same key and a higher attempt. */
#include "tests/unit/ccc/installation.h"

#include <arpa/inet.h>
#include <pthread.h>

enum { PLENTY_MS = 20000, WORKERS = 4 };

static struct http_server *second;
static char second_url[64], dead_url[64];
static int dead_socket = -1;
static atomic_int asked[2]; /* of each server */
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static struct peer_order last; /* seen_lock */

static void saw(struct peer_order order)
{
    pthread_mutex_lock(&seen_lock);
    last = order;
    pthread_mutex_unlock(&seen_lock);
}

static struct peer_order seen(void)
{
    struct peer_order order;

    pthread_mutex_lock(&seen_lock);
    order = last;
    pthread_mutex_unlock(&seen_lock);
    return order;
}

static int answer(const struct request *rq, struct reply *rp, struct err *e)
{
    saw((struct peer_order){ rq->key, rq->attempt });
    return http_reply(rp, 201, json_object(), e);
}

/* Only the second one does it. */
static int post_elsewhere(const struct request *rq, struct reply *rp, struct err *e)
{
    bool first = strcmp(rq->self, "ccc/test") == 0;

    atomic_fetch_add(&asked[!first], 1);
    if (first)
        return err_set(e, ERR_NOT_READY, "not here yet");
    return answer(rq, rp, e);
}

static int post_full(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rp;
    atomic_fetch_add(&asked[strcmp(rq->self, "ccc/test") != 0], 1);
    return err_set(e, ERR_POOL_EXHAUSTED, "all are taken");
}

static int post_busy(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rp;
    atomic_fetch_add(&asked[strcmp(rq->self, "ccc/test") != 0], 1);
    return err_set(e, ERR_OVERLOADED, "too much at once");
}

/* The first one holds it for longer than anybody waits. */
static int post_slow(const struct request *rq, struct reply *rp, struct err *e)
{
    bool first = strcmp(rq->self, "ccc/test") == 0;

    atomic_fetch_add(&asked[!first], 1);
    while (first && clock_boot_ms() < rq->deadline_ms + 200)
        usleep(20000);
    return answer(rq, rp, e);
}

static atomic_int busy, begun; /* workers that are held; handlers that were run after that */
static atomic_bool let_go;

/* Holds a worker until it is let go. */
static int post_held(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    atomic_fetch_add(&busy, 1);
    while (!atomic_load(&let_go))
        usleep(5000);
    return http_reply(rp, 200, json_object(), e);
}

static int post_begun(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    atomic_fetch_add(&begun, 1);
    return http_reply(rp, 200, json_object(), e);
}

static const struct route way_routes[] = {
    { "POST", "/t/held", "node:any", post_held, 0 },
    { "POST", "/t/begun", "node:any", post_begun, 0 },
    { "POST", "/t/elsewhere", "node:any", post_elsewhere, 0 },
    { "POST", "/t/full", "node:any", post_full, 0 },
    { "POST", "/t/busy", "node:any", post_busy, 0 },
    { "POST", "/t/slow", "node:any", post_slow, 0 },
    { 0 },
};

/* Takes connections and never says a word: a stopped process looks so. */
static void listen_dead(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;

    dead_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead_socket, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(dead_socket, 16), 0);
    assert_int_equal(getsockname(dead_socket, (struct sockaddr *)&at, &size), 0);
    snprintf(dead_url, sizeof dead_url, "https://127.0.0.1:%d", ntohs(at.sin_port));
}

static int start_both(void **state)
{
    struct http_spec other;
    struct err e = { 0 };
    struct id node;
    struct join j;

    more_routes = way_routes;
    if (start_all(state) < 0)
        return -1;
    j = node_join("n1", token_text);
    OK(join_ensure(&j, &node, &e));
    other = spec;
    other.self = "ccc/second";
    OK(http_start(&other, &second, &e));
    snprintf(second_url, sizeof second_url, "https://127.0.0.1:%d", http_port(second));
    listen_dead();
    return 0;
}

static int stop_both(void **state)
{
    http_stop(second);
    close(dead_socket);
    return stop_all(state);
}

static int fresh_counts(void **state)
{
    (void)state;
    atomic_store(&asked[0], 0);
    atomic_store(&asked[1], 0);
    saw((struct peer_order){ { "" }, -1 });
    return 0;
}

static struct peer *ways(const char *first_url, bool anywhere)
{
    struct peer_identity self = { in_root("n1/node.crt"), in_root("n1/node.key"),
                                  in_root("n1/ca.crt") };
    struct peer *p = NULL;
    struct err e = { 0 };

    OK(peer_open(&self, (const char *const[]){ first_url, second_url, NULL }, "ccc", NULL, &p, &e));
    if (anywhere)
        peer_anywhere(p);
    return p;
}

static enum err_code post(struct peer *p, const char *path, int64_t ms)
{
    json_auto_t *body = json_object(), *made = NULL;
    struct err e = { 0 };

    return peer_post(p, path, body, clock_boot_ms() + ms, &made, &e) == 0 ? ERR_NONE : e.code;
}

static void who_is_not_ready_is_passed_over(void **state)
{
    auto_peer struct peer *p = ways(url, true);

    (void)state;
    assert_int_equal(post(p, "/t/elsewhere", PLENTY_MS), ERR_NONE);
    assert_int_equal(asked[0], 1);
    assert_int_equal(asked[1], 1);
    assert_int_equal(seen().attempt, 1);
    assert_string_not_equal(seen().key.s, "");
    assert_int_equal(post(p, "/t/elsewhere", PLENTY_MS),
                     ERR_NONE); /* it begins with who answered */
    assert_int_equal(asked[0], 1);
    assert_int_equal(seen().attempt, 0);
}

/* An answer from the end itself is the answer, whichever way it comes. */
static void a_refusal_is_not_asked_again(void **state)
{
    auto_peer struct peer *p = ways(url, true);

    (void)state;
    assert_int_equal(post(p, "/t/full", PLENTY_MS), ERR_POOL_EXHAUSTED);
    assert_int_equal(asked[0] + asked[1], 1);
    assert_int_equal(post(p, "/t/busy", PLENTY_MS), ERR_OVERLOADED);
    assert_int_equal(asked[0] + asked[1], 2);
}

static void who_hangs_has_a_share_of_the_time(void **state)
{
    auto_peer struct peer *p = ways(url, true), *q = ways(dead_url, true);
    int64_t before = clock_boot_ms();

    (void)state;
    assert_int_equal(post(p, "/t/slow", PLENTY_MS), ERR_NONE);
    assert_in_range(clock_boot_ms() - before, PLENTY_MS * 3 / 8, PLENTY_MS);
    assert_int_equal(seen().attempt, 1);
    before = clock_boot_ms();
    assert_int_equal(post(q, "/t/slow", PLENTY_MS), ERR_NONE);
    assert_in_range(clock_boot_ms() - before, 0, PLENTY_MS);
}

/* Other lines repeat nothing that may have been done. */
static void without_leave_nothing_is_repeated(void **state)
{
    auto_peer struct peer *p = ways(url, false);

    (void)state;
    assert_int_equal(post(p, "/t/slow", 1000), ERR_PEER_TIMEOUT);
    assert_int_equal(asked[1], 0);
    assert_int_equal(post(p, "/t/slow", PLENTY_MS), ERR_NONE); /* but the next call begins there */
    assert_int_equal(asked[1], 1);
}

/* What came from somebody is passed on as the same request. */
static void a_relay_keeps_the_key(void **state)
{
    auto_peer struct peer *p = ways(second_url, true);
    struct peer_text body = { .bytes = "{}", .n = 2, .order = { id_new(), 3 } };
    struct err e = { 0 };
    char *text = NULL;

    (void)state;
    OK(peer_relay(p, "/t/elsewhere", body, clock_boot_ms() + PLENTY_MS, &text, &e));
    free(text);
    assert_string_equal(seen().key.s, body.order.key.s);
    assert_int_equal(seen().attempt, 3);
}

static void *hold_worker(void *arg)
{
    auto_peer struct peer *p = ways(second_url, false);

    assert_int_equal(post(p, "/t/held", PLENTY_MS), ERR_NONE);
    return arg;
}

static void *hang_up_soon(void *p)
{
    usleep(300000);
    peer_interrupt(p);
    return NULL;
}

/* All workers are held. One who asks, has time, and hangs up all the same is not served when they
 * are free again. */
static void who_has_gone_is_not_served(void **state)
{
    pthread_t thread[WORKERS], hanging_up;
    struct peer *p = ways(second_url, false), *q = ways(second_url, false);

    (void)state;
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hold_worker, NULL), 0);
    while (atomic_load(&busy) < WORKERS)
        usleep(5000);
    assert_int_equal(pthread_create(&hanging_up, NULL, hang_up_soon, p), 0);
    assert_int_equal(post(p, "/t/begun", PLENTY_MS), ERR_PEER_UNREACHABLE);
    pthread_join(hanging_up, NULL);
    peer_close(p);
    atomic_store(&let_go, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(post(q, "/t/begun", PLENTY_MS), ERR_NONE); /* it is served after the other */
    assert_int_equal(begun, 1);
    peer_close(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_is_not_ready_is_passed_over, fresh_counts),
        cmocka_unit_test_setup(a_refusal_is_not_asked_again, fresh_counts),
        cmocka_unit_test_setup(who_hangs_has_a_share_of_the_time, fresh_counts),
        cmocka_unit_test_setup(without_leave_nothing_is_repeated, fresh_counts),
        cmocka_unit_test_setup(a_relay_keeps_the_key, fresh_counts),
        cmocka_unit_test(who_has_gone_is_not_served),
    };

    return cmocka_run_group_tests_name("peer ways", tests, start_both, stop_both);
}
