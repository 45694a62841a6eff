/* peer and bulk: calls and downloads between a node and the CCC's listener. */
#include "tests/unit/ccc/installation.h"

#include <fcntl.h>
#include <pthread.h>

static atomic_int served;

static int get_echo(const struct request *rq, struct reply *rp, struct err *e)
{
    json_t *o = json_object();

    atomic_fetch_add(&served, 1);
    json_put_str(o, "trace", rq->trace_id);
    json_put_str(o, "caller", rq->caller.name);
    json_put_int(o, "left", rq->deadline_ms - clock_boot_ms());
    return http_reply(rp, 200, o, e);
}

static int post_echo(const struct request *rq, struct reply *rp, struct err *e)
{
    atomic_fetch_add(&served, 1);
    snprintf(rp->location, sizeof rp->location, "/made/1");
    return http_reply(rp, 201, json_incref(rq->body), e);
}

static int post_unread(const struct request *rq, struct reply *rp, struct err *e)
{
    assert_null(rq->body);
    if (!rq->body_text)
        return err_set(e, ERR_PRECONDITION, "nothing came");
    rp->status = 202;
    rp->text_owned = strndup(rq->body_text, (size_t)rq->body_size);
    rp->text_type = "application/json";
    return 0;
}

static int delete_echo(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)e;
    rp->status = 204;
    return 0;
}

static int get_refused(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)rp;
    return err_set(e, ERR_POOL_EXHAUSTED, "all 40 desktops are taken");
}

static int get_slow(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    usleep(1500000);
    return http_reply(rp, 200, json_object(), e);
}

static int get_words(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)e;
    rp->status = 200;
    rp->text = "<html>not what was asked for</html>";
    rp->text_type = "text/html";
    return 0;
}

static const struct route echo_routes[] = {
    { "GET", "/t/words", "node:any", get_words, 0 },
    { "GET", "/t/echo", "node:any", get_echo, 0 },
    { "POST", "/t/echo", "node:any", post_echo, 0 },
    { "POST", "/t/unread", "node:any", post_unread, HTTP_UNREAD },
    { "POST", "/t/none", "node:any", delete_echo, HTTP_UNREAD },
    { "DELETE", "/t/echo", "node:any", delete_echo, 0 },
    { "GET", "/t/refused", "node:any", get_refused, 0 },
    { "GET", "/t/slow", "node:any", get_slow, 0 },
    { 0 },
};

static int join_too(void **state)
{
    struct err e = { 0 };
    struct id node;
    struct join j;

    more_routes = echo_routes;
    if (start_all(state) < 0)
        return -1;
    j = node_join("n1", token_text);
    OK(join_ensure(&j, &node, &e));
    return 0;
}

static struct peer_identity node_identity(void)
{
    return (struct peer_identity){ in_root("n1/node.crt"), in_root("n1/node.key"),
                                   in_root("n1/ca.crt") };
}

static struct peer *call_ccc(void)
{
    struct peer_identity self = node_identity();
    struct peer *p = NULL;
    struct err e = { 0 };

    OK(peer_open(&self, (const char *const[]){ url, NULL }, "ccc", ccc_id.s, &p, &e));
    return p;
}

static int64_t in_ms(int64_t ms)
{
    return clock_boot_ms() + ms;
}

static void calls_carry_trace_deadline_and_identity(void **state)
{
    auto_peer struct peer *p = call_ccc();
    json_auto_t *answer = NULL, *body = json_pack("{s:s}", "name", "한글"), *made = NULL;
    struct err e = { 0 };

    (void)state;
    log_trace_set("0123456789abcdef0123456789abcdef");
    OK(peer_get(p, "/t/echo", in_ms(8000), &answer, &e));
    assert_string_equal(json_str(answer, "caller"), "xcenter");
    assert_string_equal(json_str(answer, "trace"), "0123456789abcdef0123456789abcdef");
    assert_in_range(json_num(answer, "left", -1), 1, 8000);
    OK(peer_post(p, "/t/echo", body, in_ms(20000), &made, &e));
    assert_int_equal(peer_status(p), 201);
    assert_string_equal(peer_location(p), "/made/1");
    assert_true(json_equal(made, body));
    OK(peer_delete(p, "/t/echo", in_ms(20000), &e));
    assert_int_equal(peer_status(p), 204);
}

static void a_relay_does_not_read(void **state)
{
    static const char odd[] = "{ \"a\" : 1.00, not json";
    auto_peer struct peer *p = call_ccc();
    char *text = NULL;
    struct err e = { 0 };

    (void)state;
    OK(peer_relay(p, "/t/unread", (struct peer_text){ .bytes = odd, .n = sizeof odd - 1 },
                  in_ms(20000), &text, &e));
    assert_int_equal(peer_status(p), 202);
    assert_string_equal(text, odd);
    free(text);
    OK(peer_relay(p, "/t/none", (struct peer_text){ 0 }, in_ms(20000), &text, &e));
    assert_int_equal(peer_status(p), 204);
    assert_null(text);
    assert_int_equal(peer_relay(p, "/t/unread", (struct peer_text){ 0 }, in_ms(20000), &text, &e),
                     -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
    assert_string_equal(e.origin, "ccc/test");
    assert_null(text);
}

static void a_problem_travels(void **state)
{
    auto_peer struct peer *p = call_ccc();
    json_t *answer = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(peer_get(p, "/t/refused", in_ms(20000), &answer, &e), -1);
    assert_int_equal(e.code, ERR_POOL_EXHAUSTED);
    assert_string_equal(e.detail, "all 40 desktops are taken");
    assert_string_equal(e.origin, "ccc/test");
    e = (struct err){ 0 };
    assert_int_equal(peer_get(p, "/t/nothing", in_ms(20000), &answer, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    e = (struct err){ 0 };
    assert_int_equal(peer_get(p, "/t/words", in_ms(20000), &answer, &e), -1);
    assert_int_equal(e.code, ERR_PEER_PROTOCOL);
    assert_null(answer);
}

static enum err_code identity_code(const char *kind, const char *id, const char *ca,
                                   struct peer_identity self)
{
    auto_peer struct peer *p = NULL;
    struct err e = { 0 };
    json_auto_t *answer = NULL;

    if (ca)
        self.ca_pem = ca;
    OK(peer_open(&self, (const char *const[]){ url, NULL }, kind, id, &p, &e));
    return peer_get(p, "/t/echo", in_ms(20000), &answer, &e) == 0 ? ERR_NONE : e.code;
}

static void who_it_is_is_known_before_a_byte_is_sent(void **state)
{
    auto_ca struct ca *other = NULL;
    struct id someone = id_new();
    struct err e = { 0 };
    int before = atomic_load(&served);

    (void)state;
    OK(ca_open(in_root("other"), &other, &e));
    assert_int_equal(identity_code("xcenter", NULL, NULL, node_identity()), ERR_PEER_IDENTITY);
    assert_int_equal(identity_code("cc", NULL, NULL, node_identity()), ERR_PEER_IDENTITY);
    assert_int_equal(identity_code("ccc", someone.s, NULL, node_identity()), ERR_PEER_IDENTITY);
    assert_int_equal(identity_code("ccc", NULL, in_root("other/ca.crt"), node_identity()),
                     ERR_PEER_IDENTITY);
    assert_int_equal(atomic_load(&served), before);
    assert_int_equal(identity_code("ccc", NULL, NULL, node_identity()), ERR_NONE);
    assert_int_equal(atomic_load(&served), before + 1);
}

static void without_a_certificate_nothing_is_answered(void **state)
{
    struct peer_identity nobody = { NULL, NULL, in_root("n1/ca.crt") };
    int before = atomic_load(&served);
    enum err_code code = identity_code("ccc", NULL, NULL, nobody);

    (void)state;
    assert_true(code == ERR_PEER_IDENTITY || code == ERR_NOT_SIGNED_IN || code == ERR_FORBIDDEN);
    assert_int_equal(atomic_load(&served), before);
}

static void the_address_that_answers_is_kept(void **state)
{
    struct peer_identity self = node_identity();
    auto_peer struct peer *p = NULL;
    struct err e = { 0 };
    int64_t before = clock_boot_ms(), first;

    (void)state;
    OK(peer_open(&self,
                 (const char *const[]){ "https://127.0.0.1:1", "https://192.0.2.1:9", url, NULL },
                 "ccc", NULL, &p, &e));
    OK(peer_get(p, "/t/echo", in_ms(20000), NULL,
                &e)); /* one refuses, one never answers, one is it */
    first = clock_boot_ms() - before;
    before = clock_boot_ms();
    OK(peer_get(p, "/t/echo", in_ms(20000), NULL, &e));
    assert_true(clock_boot_ms() - before < first);
    peer_close(MOVE(p));
    OK(peer_open(&self, (const char *const[]){ "https://127.0.0.1:1", NULL }, "ccc", NULL, &p, &e));
    assert_int_equal(peer_get(p, "/t/echo", in_ms(20000), NULL, &e), -1);
    assert_int_equal(e.code, ERR_PEER_UNREACHABLE);
    assert_int_equal(
        peer_open(&self, (const char *const[]){ "http://x", NULL }, "ccc", NULL, &p, &e), -1);
}

static void *interrupt_soon(void *p)
{
    usleep(200000);
    peer_interrupt(p);
    return NULL;
}

static void a_call_ends_at_its_deadline_or_when_told(void **state)
{
    auto_peer struct peer *p = call_ccc();
    struct err e = { 0 }, f = { 0 };
    int64_t before = clock_boot_ms();
    pthread_t t;

    (void)state;
    assert_int_equal(peer_get(p, "/t/slow", in_ms(300), NULL, &e), -1);
    assert_int_equal(e.code, ERR_PEER_TIMEOUT);
    assert_true(clock_boot_ms() - before >= 250);
    before = clock_boot_ms();
    assert_int_equal(pthread_create(&t, NULL, interrupt_soon, p), 0);
    assert_int_equal(peer_get(p, "/t/slow", in_ms(20000), NULL, &f), -1);
    pthread_join(t, NULL);
    assert_int_equal(f.code, ERR_PEER_UNREACHABLE);
    assert_true(clock_boot_ms() - before >= 150);
}

/* The kept connection is dead and the next call does not notice. */
static void a_server_that_was_restarted_is_called_again(void **state)
{
    auto_peer struct peer *p = call_ccc();
    json_auto_t *body = json_object(), *made = NULL;
    struct err e = { 0 };
    char address[32];

    (void)state;
    snprintf(address, sizeof address, "127.0.0.1:%d", http_port(server));
    spec.address = address;
    for (int i = 0; i < 3; i++) {
        OK(peer_post(p, "/t/echo", body, in_ms(20000), NULL, &e));
        http_stop(server);
        OK(http_start(&spec, &server, &e));
    }
    OK(peer_post(p, "/t/echo", body, in_ms(20000), &made, &e));
}

/* The same installation's certificate, at the same address, but of another node. */
static void who_takes_a_servers_place_is_not_asked(void **state)
{
    auto_peer struct peer *p = call_ccc();
    struct http_spec other = spec;
    struct err e = { 0 };
    char address[32];
    int before;

    (void)state;
    OK(peer_get(p, "/t/echo", in_ms(20000), NULL, &e));
    before = atomic_load(&served);
    snprintf(address, sizeof address, "127.0.0.1:%d", http_port(server));
    spec.address = other.address = address;
    other.cert_pem = in_root("n1/node.crt");
    other.key_pem = in_root("n1/node.key");
    http_stop(server);
    OK(http_start(&other, &server, &e));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(peer_get(p, "/t/echo", in_ms(20000), NULL, &e), -1);
        assert_int_equal(e.code, ERR_PEER_IDENTITY);
    }
    assert_int_equal(atomic_load(&served), before);
    http_stop(server);
    OK(http_start(&spec, &server, &e));
    e = (struct err){ 0 };
    OK(peer_get(p, "/t/echo", in_ms(20000), NULL, &e));
}

enum { BLOB_SIZE = 3 << 20 };

static void make_file(const char *path, size_t from, size_t size, unsigned flip)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    for (size_t i = from; i < from + size; i++)
        fputc((int)((i * 2654435761U >> 13) ^ (i == flip)) & 0xFF, f);
    fclose(f);
}

static void at_partial(const char *sha256, size_t size, unsigned flip)
{
    char name[128];

    snprintf(name, sizeof name, "cache/partial/%s", sha256);
    make_file(in_root(name), 0, size, flip);
}

struct watch {
    int64_t first, stop_at;
};

static bool watch_progress(void *arg, int64_t bytes)
{
    struct watch *w = arg;

    if (!w->first)
        w->first = bytes;
    return !w->stop_at || bytes < w->stop_at;
}

static void blobs_are_fetched_resumed_and_checked(void **state)
{
    auto_peer struct peer *p = call_ccc();
    auto_blob_store struct blob_store *cache = NULL;
    char sha256[BLOB_HEX + 1], wrong[BLOB_HEX + 1];
    struct watch w = { 0, BLOB_SIZE / 2 };
    struct blob_fetch f = {
        .sha256 = sha256, .deadline_ms = in_ms(60000), .progress = watch_progress, .arg = &w
    };
    struct err e = { 0 };
    int64_t size = 0;
    int fd = -1;

    (void)state;
    make_file(in_root("upload"), 0, BLOB_SIZE, UINT32_MAX);
    blob_hash("x", 1, wrong);
    assert_int_equal(blob_take(app.blobs, in_root("upload"), wrong, sha256, &size, &e), -1);
    assert_int_equal(e.code, ERR_INVALID_REQUEST);
    e = (struct err){ 0 };
    OK(blob_take(app.blobs, in_root("upload"), NULL, sha256, &size, &e));
    assert_int_equal(size, BLOB_SIZE);
    make_file(in_root("upload"), 0, BLOB_SIZE, UINT32_MAX);
    OK(blob_take(app.blobs, in_root("upload"), sha256, sha256, &size, &e)); /* the same again */
    assert_int_equal(access(in_root("upload"), F_OK), -1);
    OK(blob_store_open(in_root("cache"), &cache, &e));
    f.size = size;

    assert_int_equal(blob_fetch(cache, p, &f, &e), -1); /* stopped half-way */
    assert_int_equal(e.code, ERR_CANCELLED);
    assert_true(blob_partial(cache, sha256) >= BLOB_SIZE / 2);
    assert_false(blob_has(cache, sha256, NULL));
    w = (struct watch){ 0, 0 };
    e = (struct err){ 0 };
    OK(blob_fetch(cache, p, &f, &e)); /* and gone on with */
    assert_true(w.first > BLOB_SIZE / 2);
    assert_true(blob_has(cache, sha256, &size) && size == BLOB_SIZE);
    assert_int_equal(blob_partial(cache, sha256), 0);
    OK(blob_open(cache, sha256, &fd, &size, &e));
    close(fd);
    OK(blob_fetch(cache, p, &f, &e));
    OK(blob_remove(cache, sha256, &e));
    OK(blob_remove(cache, sha256, &e));

    at_partial(sha256, BLOB_SIZE / 3, 77); /* one bit of what is there is wrong */
    assert_int_equal(blob_fetch(cache, p, &f, &e), -1);
    assert_int_equal(e.code, ERR_PEER_PROTOCOL);
    assert_int_equal(blob_partial(cache, sha256), 0);
    at_partial(sha256, BLOB_SIZE, UINT32_MAX); /* all there, never linked in */
    e = (struct err){ 0 };
    OK(blob_fetch(cache, p, &f, &e));
    OK(blob_remove(cache, sha256, &e));
}

static enum err_code fetch_code(struct blob_store *s, struct peer *p, const char *sha256,
                                int64_t size)
{
    struct blob_fetch f = { .sha256 = sha256, .size = size, .deadline_ms = in_ms(20000) };
    struct err e = { 0 };

    return blob_fetch(s, p, &f, &e) == 0 ? ERR_NONE : e.code;
}

static void what_is_not_that_blob_is_refused(void **state)
{
    auto_peer struct peer *p = call_ccc();
    auto_blob_store struct blob_store *cache = NULL;
    char sha256[BLOB_HEX + 1], none[BLOB_HEX + 1];
    struct err e = { 0 };
    int64_t size;

    (void)state;
    make_file(in_root("upload"), 5, 1000, UINT32_MAX);
    OK(blob_take(app.blobs, in_root("upload"), NULL, sha256, &size, &e));
    OK(blob_store_open(in_root("cache"), &cache, &e));
    blob_hash("nobody has this", 15, none);
    assert_int_equal(fetch_code(cache, p, none, 10), ERR_NOT_FOUND);
    assert_int_equal(fetch_code(cache, p, "../../etc/passwd", 10), ERR_NOT_FOUND);
    assert_int_equal(fetch_code(cache, p, sha256, 999), ERR_PEER_PROTOCOL);
    assert_int_equal(fetch_code(cache, p, sha256, 1001), ERR_PEER_PROTOCOL);
    assert_int_equal(fetch_code(cache, p, sha256, INT64_MAX / 4), ERR_INSUFFICIENT_STORAGE);
    revoked = true;
    assert_int_equal(fetch_code(cache, p, sha256, 1000), ERR_PEER_IDENTITY);
    revoked = false;
    assert_int_equal(fetch_code(cache, p, sha256, 1000), ERR_NONE);
}

static void the_rate_is_kept(void **state)
{
    auto_peer struct peer *p = call_ccc();
    auto_blob_store struct blob_store *cache = NULL;
    char sha256[BLOB_HEX + 1];
    struct blob_fetch f = {
        .sha256 = sha256, .size = BLOB_SIZE, .bytes_per_s = BLOB_SIZE, .deadline_ms = in_ms(20000)
    };
    struct err e = { 0 };
    int64_t size, before;

    (void)state;
    make_file(in_root("upload"), 9, BLOB_SIZE, UINT32_MAX);
    OK(blob_take(app.blobs, in_root("upload"), NULL, sha256, &size, &e));
    OK(blob_store_open(in_root("slow"), &cache, &e));
    before = clock_boot_ms();
    OK(blob_fetch(cache, p, &f, &e));
    assert_true(clock_boot_ms() - before > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_carry_trace_deadline_and_identity),
        cmocka_unit_test(a_relay_does_not_read),
        cmocka_unit_test(a_problem_travels),
        cmocka_unit_test(who_it_is_is_known_before_a_byte_is_sent),
        cmocka_unit_test(without_a_certificate_nothing_is_answered),
        cmocka_unit_test(the_address_that_answers_is_kept),
        cmocka_unit_test(a_call_ends_at_its_deadline_or_when_told),
        cmocka_unit_test(a_server_that_was_restarted_is_called_again),
        cmocka_unit_test(who_takes_a_servers_place_is_not_asked),
        cmocka_unit_test(blobs_are_fetched_resumed_and_checked),
        cmocka_unit_test(what_is_not_that_blob_is_refused),
        cmocka_unit_test(the_rate_is_kept),
    };

    return cmocka_run_group_tests(tests, join_too, stop_all);
}
