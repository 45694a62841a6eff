/*
 * join, peer and bulk against the real listener, authority and store: only the two database
 * functions of ccc/node.h are played here, by one token in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ccc/blob_http.h"
#include "ccc/ccc.h"
#include "ccc/join_http.h"
#include "ccc/node.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/peer/join.h"
#include "common/peer/pki.h"

static char root[] = "/tmp/bic-join-XXXXXX";
static struct ccc app;
static struct ccc_worker worker;
static struct http_server *server;
static char url[64];
static struct id ccc_id;
static struct join_token token;
static char token_text[JOIN_TOKEN_MAX], bound_key[65], last_serial[40];
static struct id granted;
static atomic_int served, joined;

int node_token_take(struct db *db, const char *id, const char *secret, const char *key,
                    struct node_grant *out, struct err *e)
{
    (void)db;
    if (strcmp(id, token.id) != 0 || strcmp(secret, token.secret) != 0 ||
        (bound_key[0] && strcmp(bound_key, key) != 0))
        return err_set(e, ERR_JOIN_REFUSED, "the join token is not valid");
    snprintf(bound_key, sizeof bound_key, "%s", key);
    *out = (struct node_grant){ .id = granted, .kind = "xcenter", .name = "x1" };
    return 0;
}

int node_joined(struct db *db, const struct id *node, const char *serial, int64_t not_after,
                struct err *e)
{
    (void)db;
    (void)node;
    (void)e;
    assert_true(not_after > clock_wall_ms() + 360LL * 24 * 3600 * 1000);
    snprintf(last_serial, sizeof last_serial, "%s", serial);
    atomic_fetch_add(&joined, 1);
    return 0;
}

/* --- routes that tell what arrived --- */
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

static const struct route test_routes[] = {
    { "GET", "/t/words", "node:any", get_words, 0 },
    { "GET", "/t/echo", "node:any", get_echo, 0 },
    { "POST", "/t/echo", "node:any", post_echo, 0 },
    { "DELETE", "/t/echo", "node:any", delete_echo, 0 },
    { "GET", "/t/refused", "node:any", get_refused, 0 },
    { "GET", "/t/slow", "node:any", get_slow, 0 },
    { 0 },
};

static void *give_worker(void *a)
{
    (void)a;
    return &worker;
}

static char *in_root(const char *name)
{
    static _Thread_local char path[8][512];
    static _Thread_local int next;
    char *p = path[next++ % 8];

    snprintf(p, 512, "%s/%s", root, name);
    return p;
}

#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s (%s)", #call, e.detail, e.cause);                                     \
    } while (0)

static int start_all(void **state)
{
    static const struct route *const routes[] = { join_routes, blob_routes, test_routes, NULL };
    struct ca_issued issued = { 0 };
    struct http_spec spec = { .self = "ccc/test",
                              .address = "127.0.0.1:0",
                              .routes = routes,
                              .workers = 4,
                              .app = &app,
                              .worker_start = give_worker };
    struct err e = { 0 };
    bool made = false;

    (void)state;
    log_level_set(LOG_LEVEL_ERROR);
    assert_non_null(mkdtemp(root));
    OK(ca_open(in_root("ca"), &app.ca, &e));
    OK(ca_issue_self(app.ca, in_root("ccc"), "127.0.0.1", &ccc_id, &made, &issued, &e));
    assert_true(made && id_set(&ccc_id));
    ca_issued_free(&issued);
    OK(blob_store_open(in_root("blobs"), &app.blobs, &e));
    spec.cert_pem = in_root("ccc/node.crt");
    spec.key_pem = in_root("ccc/node.key");
    spec.ca_pem = in_root("ccc/ca.crt");
    spec.spool_dir = root;
    OK(http_start(&spec, &server, &e));
    snprintf(url, sizeof url, "https://127.0.0.1:%d", http_port(server));
    granted = id_new();
    join_token_new(ca_fingerprint(app.ca), &token, token_text);
    return 0;
}

static int stop_all(void **state)
{
    char command[64];

    (void)state;
    http_stop(server);
    blob_store_close(app.blobs);
    ca_close(app.ca);
    snprintf(command, sizeof command, "%s", root);
    if (fork() == 0)
        execlp("rm", "rm", "-rf", command, (char *)NULL);
    return 0;
}

static struct join node_join(const char *dir, const char *text)
{
    struct join j = {
        .url = url, .token = text, .kind = "xcenter", .dir = in_root(dir), .address = "127.0.0.1"
    };

    mkdir(j.dir, 0700);
    return j;
}

static enum err_code join_code(const char *dir, const char *text, const char *kind)
{
    struct join j = node_join(dir, text);
    struct err e = { 0 };
    struct id node;

    j.kind = kind;
    return join_ensure(&j, &node, &e) == 0 ? ERR_NONE : e.code;
}

static void a_token_that_is_none_is_refused(void **state)
{
    struct join_token other = token;
    char text[JOIN_TOKEN_MAX + 1];

    (void)state;
    assert_int_equal(join_code("n0", NULL, "xcenter"), ERR_JOIN_REFUSED);
    assert_int_equal(join_code("n0", "bicjoin.12.34.56", "xcenter"), ERR_JOIN_REFUSED);
    snprintf(text, sizeof text, "%sx", token_text);
    assert_int_equal(join_code("n0", text, "xcenter"), ERR_JOIN_REFUSED);
    join_token_new(ca_fingerprint(app.ca), &other, text); /* well made, but nobody knows it */
    assert_int_equal(join_code("n0", text, "xcenter"), ERR_JOIN_REFUSED);
    assert_int_equal(atomic_load(&joined), 0);
}

static void a_server_of_another_authority_learns_nothing(void **state)
{
    char text[JOIN_TOKEN_MAX];
    int before;

    (void)state;
    snprintf(text, sizeof text, "bicjoin.%s.%s.%064d", token.id, token.secret, 0);
    before = atomic_load(&served);
    assert_int_equal(join_code("n0", text, "xcenter"), ERR_PEER_IDENTITY);
    assert_int_equal(atomic_load(&served), before);
    assert_int_equal(bound_key[0], '\0');
}

static void a_node_joins_once_and_again(void **state)
{
    struct join j = node_join("n1", token_text), without = node_join("n1", NULL);
    struct err e = { 0 };
    struct id node, again;
    struct stat st;
    char kind[16];
    bool renewed = true;

    (void)state;
    OK(join_ensure(&j, &node, &e));
    assert_true(id_eq(&node, &granted));
    assert_int_equal(atomic_load(&joined), 1);
    assert_int_equal(strlen(last_serial), 32);
    OK(join_identity(in_root("n1/node.crt"), kind, &again, &e));
    assert_string_equal(kind, "xcenter");
    assert_true(id_eq(&node, &again));
    assert_int_equal(stat(in_root("n1/node.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    OK(join_ensure(&without, &again, &e)); /* nothing to do, no token needed */
    assert_int_equal(atomic_load(&joined), 1);
    unlink(in_root("n1/node.crt")); /* as if it had died before it wrote the certificate down */
    OK(join_ensure(&j, &again, &e));
    assert_true(id_eq(&node, &again));
    assert_int_equal(atomic_load(&joined), 2);
    assert_int_equal(join_code("n2", token_text, "xcenter"), ERR_JOIN_REFUSED); /* another key */
    OK(join_renew(&without, &renewed, &e));
    assert_false(renewed); /* it is new */
}

/* The node's certificate as it is after ten months: written with the authority's own key. */
static void make_old(const char *dir)
{
    auto_key gnutls_x509_privkey_t ca_key = NULL;
    auto_crt gnutls_x509_crt_t crt = NULL, authority = NULL;
    char name[64], *pem = NULL;
    gnutls_datum_t text = { 0 };
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct err e = { 0 };

    OK(pki_key(in_root("ca"), "ca.key", &ca_key, &e));
    OK(pki_certificate(ca_certificate(app.ca), &authority, &e));
    snprintf(name, sizeof name, "%s/node.crt", dir);
    OK(pki_read(root, name, &pem, &e));
    OK(pki_certificate(pem, &crt, &e));
    free(pem);
    assert_int_equal(gnutls_x509_crt_set_activation_time(crt, now - 300 * 24 * 3600), 0);
    assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, now + 60 * 24 * 3600), 0);
    assert_int_equal(gnutls_x509_crt_sign2(crt, authority, ca_key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text), 0);
    OK(pki_write(root, name, (const char *)text.data, 0600, &e));
    gnutls_free(text.data);
}

static void an_old_certificate_is_renewed_without_a_token(void **state)
{
    struct join j = node_join("n1", NULL);
    int before = atomic_load(&joined);
    struct id node;
    struct err e = { 0 };
    bool renewed = false;

    (void)state;
    make_old("n1");
    OK(join_renew(&j, &renewed, &e));
    assert_true(renewed);
    assert_int_equal(atomic_load(&joined), before + 1);
    OK(join_ensure(&j, &node, &e));
    assert_true(id_eq(&node, &granted));
    OK(join_renew(&j, &renewed, &e));
    assert_false(renewed);
    j.dir = in_root("n0");
    assert_int_equal(join_renew(&j, &renewed, &e), -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
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
    OK(peer_get(p, "/t/echo", in_ms(3000), &answer, &e));
    assert_string_equal(json_str(answer, "caller"), "xcenter");
    assert_string_equal(json_str(answer, "trace"), "0123456789abcdef0123456789abcdef");
    assert_in_range(json_num(answer, "left", -1), 1000, 3000);
    OK(peer_post(p, "/t/echo", body, in_ms(3000), &made, &e));
    assert_int_equal(peer_status(p), 201);
    assert_string_equal(peer_location(p), "/made/1");
    assert_true(json_equal(made, body));
    OK(peer_delete(p, "/t/echo", in_ms(3000), &e));
    assert_int_equal(peer_status(p), 204);
}

static void a_problem_travels(void **state)
{
    auto_peer struct peer *p = call_ccc();
    json_t *answer = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(peer_get(p, "/t/refused", in_ms(3000), &answer, &e), -1);
    assert_int_equal(e.code, ERR_POOL_EXHAUSTED);
    assert_string_equal(e.detail, "all 40 desktops are taken");
    assert_string_equal(e.origin, "ccc/test");
    e = (struct err){ 0 };
    assert_int_equal(peer_get(p, "/t/nothing", in_ms(3000), &answer, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    e = (struct err){ 0 };
    assert_int_equal(peer_get(p, "/t/words", in_ms(3000), &answer, &e), -1);
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
    return peer_get(p, "/t/echo", in_ms(3000), &answer, &e) == 0 ? ERR_NONE : e.code;
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
    int64_t before;

    (void)state;
    OK(peer_open(&self,
                 (const char *const[]){ "https://127.0.0.1:1", "https://192.0.2.1:9", url, NULL },
                 "ccc", NULL, &p, &e));
    OK(peer_get(p, "/t/echo", in_ms(6000), NULL,
                &e)); /* one refuses, one never answers, one is it */
    before = clock_boot_ms();
    OK(peer_get(p, "/t/echo", in_ms(6000), NULL, &e));
    assert_true(clock_boot_ms() - before < 1000);
    peer_close(MOVE(p));
    OK(peer_open(&self, (const char *const[]){ "https://127.0.0.1:1", NULL }, "ccc", NULL, &p, &e));
    assert_int_equal(peer_get(p, "/t/echo", in_ms(2000), NULL, &e), -1);
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
    assert_in_range(clock_boot_ms() - before, 250, 1200);
    before = clock_boot_ms();
    assert_int_equal(pthread_create(&t, NULL, interrupt_soon, p), 0);
    assert_int_equal(peer_get(p, "/t/slow", in_ms(5000), NULL, &f), -1);
    pthread_join(t, NULL);
    assert_int_equal(f.code, ERR_PEER_UNREACHABLE);
    assert_in_range(clock_boot_ms() - before, 150, 1200);
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
    struct blob_fetch f = { .sha256 = sha256, .size = size, .deadline_ms = in_ms(5000) };
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
        cmocka_unit_test(a_token_that_is_none_is_refused),
        cmocka_unit_test(a_server_of_another_authority_learns_nothing),
        cmocka_unit_test(a_node_joins_once_and_again),
        cmocka_unit_test(an_old_certificate_is_renewed_without_a_token),
        cmocka_unit_test(calls_carry_trace_deadline_and_identity),
        cmocka_unit_test(a_problem_travels),
        cmocka_unit_test(who_it_is_is_known_before_a_byte_is_sent),
        cmocka_unit_test(without_a_certificate_nothing_is_answered),
        cmocka_unit_test(the_address_that_answers_is_kept),
        cmocka_unit_test(a_call_ends_at_its_deadline_or_when_told),
        cmocka_unit_test(blobs_are_fetched_resumed_and_checked),
        cmocka_unit_test(what_is_not_that_blob_is_refused),
        cmocka_unit_test(the_rate_is_kept),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
