/* Listeners with TLS: who a node is, and what is not believed. */
#include "common/http/http.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/unit/common/client.h"
#include "tests/unit/common/pki.h"

#define NODE "11111111-1111-4111-8111-111111111111"

static struct http_server *peers, *people;
static char dir[64];

static const char *in_dir(const char *name)
{
    static _Thread_local char path[8][160];
    static _Thread_local int i;

    i = (i + 1) % 8;
    snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
    return path[i];
}

static int get_who(const struct request *rq, struct reply *rp, struct err *e)
{
    return http_reply(rp, 200,
                      json_pack("{s:s, s:s, s:b, s:s, s:I}", "kind", rq->caller.name, "id",
                                rq->caller.id.s, "node", rq->caller.kind == CALLER_NODE, "trace",
                                rq->trace_id, "left",
                                (json_int_t)(rq->deadline_ms - clock_boot_ms())),
                      e);
}

static int get_slowly(const struct request *rq, struct reply *rp, struct err *e)
{
    if (!rq->woken)
        return http_park(rp, "k", clock_boot_ms() + 300);
    return get_who(rq, rp, e);
}

static int get_long(const struct request *rq, struct reply *rp, struct err *e)
{
    static char text[40000];

    (void)rq;
    (void)e;
    memset(text, 'x', sizeof text - 1);
    rp->text = text;
    rp->text_type = "text/plain";
    return 0;
}

static int get_page(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)e;
    rp->text = "<!doctype html>";
    rp->text_type = "text/html; charset=utf-8";
    return 0;
}

static const struct route routes[] = {
    { "GET", "/page", "anyone", get_page, 0 },
    { "GET", "/any", "node:any", get_who, 0 },
    { "GET", "/bserver", "node:bserver", get_who, 0 },
    { "POST", "/bserver", "node:bserver", get_who, 0 },
    { "GET", "/bcenter", "node:bcenter", get_who, 0 },
    { "GET", "/slowly", "node:bserver", get_slowly, 0 },
    { "GET", "/long", "anyone", get_long, 0 },
    { "GET", "/open", "anyone", get_who, 0 },
    { "GET", "/self", "self", get_who, 0 },
    { 0 },
};
static const struct route *const tables[] = { routes, NULL };

static void make_certificates(void)
{
    time_t later = time(NULL) + 3600;
    struct pki_pair ca, other;

    snprintf(dir, sizeof dir, "/tmp/http-tls-XXXXXX");
    assert_non_null(mkdtemp(dir));
    ca = pki_ca(dir, "ca");
    other = pki_ca(dir, "other");
    pki_node(&ca, dir, "ccc", "bic:ccc:22222222-2222-4222-8222-222222222222", later);
    pki_node(&ca, dir, "renewed", "bic:ccc:22222222-2222-4222-8222-222222222222", later);
    pki_node(&ca, dir, "node", "bic:bserver:" NODE, later);
    pki_node(&ca, dir, "expired", "bic:bserver:" NODE, time(NULL) - 60);
    pki_node(&ca, dir, "nameless", NULL, later);
    pki_node(&ca, dir, "foreign", "https:bserver:" NODE, later);
    pki_node(&ca, dir, "malformed", "bic:bserver:" NODE "x", later);
    pki_node(&other, dir, "stranger", "bic:bserver:" NODE, later);
    pki_free(&ca);
    pki_free(&other);
}

static int setup(void **state)
{
    struct http_spec s = {
        .self = "ccc/test", .address = "127.0.0.1:0", .routes = tables, .workers = 2
    };
    struct err e = { 0 };
    char cert[160], key[160], ca[160];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    curl_global_init(CURL_GLOBAL_ALL);
    make_certificates();
    snprintf(cert, sizeof cert, "%s", in_dir("ccc.crt"));
    snprintf(key, sizeof key, "%s", in_dir("ccc.key"));
    snprintf(ca, sizeof ca, "%s", in_dir("ca.crt"));
    s.cert_pem = cert;
    s.key_pem = key;
    assert_ok(http_start(&s, &people, &e), &e);
    s.ca_pem = ca;
    assert_ok(http_start(&s, &peers, &e), &e);
    return 0;
}

static int teardown(void **state)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    (void)state;
    http_stop(peers);
    http_stop(people);
    while ((entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
    rmdir(dir);
    curl_global_cleanup();
    return 0;
}

static struct answer ask_as(const char *who, const char *path, const char *header)
{
    char cert[80], key[80];

    snprintf(cert, sizeof cert, "%s.crt", who ? who : "");
    snprintf(key, sizeof key, "%s.key", who ? who : "");
    return CALL(http_port(peers), .scheme = "https", .path = path, .ca = in_dir("ca.crt"),
                .cert = who ? in_dir(cert) : NULL, .key = who ? in_dir(key) : NULL,
                .headers = { header ? header : "X: y" });
}

static void expect(const char *who, const char *path, long status, const char *slug)
{
    struct answer a = ask_as(who, path, NULL);

    if (a.status != status || strcmp(answer_slug(&a), slug) != 0)
        fail_msg("%s %s: %ld %s (%s), wanted %ld %s", who ? who : "-", path, a.status,
                 a.body ? a.body : "", curl_easy_strerror(a.rc), status, slug);
    answer_free(&a);
}

static void nodes_are_known(void **state)
{
    struct answer a = ask_as("node", "/bserver", NULL);

    (void)state;
    assert_int_equal(a.status, 200);
    assert_string_equal(json_str(a.json, "kind"), "bserver");
    assert_string_equal(json_str(a.json, "id"), NODE);
    assert_string_equal(answer_header(&a, "X-Request-Id"), json_str(a.json, "trace"));
    assert_string_equal(answer_header(&a, "Content-Security-Policy"), ""); /* no browser */
    answer_free(&a);
    a = ask_as(NULL, "/open", NULL);
    assert_true(strlen(answer_header(&a, "Content-Security-Policy")) > 0);
    answer_free(&a);
    expect("node", "/any", 200, "");
    expect("node", "/open", 200, "");
    expect("node", "/bcenter", 403, "peer-identity");
    expect("node", "/self", 401, "not-signed-in");
}

static void pages_call_over_tls_alone(void **state)
{
    struct answer a =
        CALL(http_port(people), .scheme = "https", .path = "/page", .ca = in_dir("ca.crt"));

    (void)state;
    assert_int_equal(a.status, 200);
    assert_string_equal(answer_header(&a, "Content-Security-Policy"),
                        "default-src 'self'; script-src 'self'; style-src 'self'; "
                        "img-src 'self' data: blob:; connect-src 'self' https: wss:; "
                        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
                        "form-action 'self'");
    answer_free(&a);
}

static void others_are_not(void **state)
{
    static const char *const who[] = { NULL,        "nameless", "foreign",
                                       "malformed", "expired",  "stranger" };

    (void)state;
    for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
        expect(who[i], "/bserver", 403, "peer-identity");
        expect(who[i], "/any", 403, "peer-identity");
    }
    expect(NULL, "/open", 200, "");
}

static void trace_and_deadline_of_nodes(void **state)
{
    struct answer a = ask_as("node", "/any", "X-Request-Id: trace-1234.5_6");

    (void)state;
    assert_string_equal(json_str(a.json, "trace"), "trace-1234.5_6");
    assert_string_equal(answer_header(&a, "X-Request-Id"), "trace-1234.5_6");
    answer_free(&a);
    a = ask_as("node", "/any", "X-Request-Id: short");
    assert_string_not_equal(json_str(a.json, "trace"), "short");
    answer_free(&a);
    a = ask_as(NULL, "/open", "X-Request-Id: trace-1234");
    assert_string_not_equal(json_str(a.json, "trace"), "trace-1234");
    answer_free(&a);
    for (int i = 0; i < 20; i++) { /* a machine that stands still for three seconds is no failure */
        a = ask_as("node", "/any", "BIC-Deadline-Ms: 3000");
        if (a.status != 504)
            break;
        answer_free(&a);
    }
    assert_in_range(json_num(a.json, "left", 0), 1, 3000);
    answer_free(&a);
    a = ask_as("node", "/any", "BIC-Deadline-Ms: 300000");
    assert_in_range(json_num(a.json, "left", 0), 3001, 10000);
    answer_free(&a);
    a = ask_as("node", "/any", "BIC-Deadline-Ms: 0");
    assert_int_equal(a.status, 504);
    answer_free(&a);
    a = ask_as(NULL, "/open", "BIC-Deadline-Ms: 3000");
    assert_in_range(json_num(a.json, "left", 0), 3001, 10000);
    answer_free(&a);
}

static void waiting_under_tls(void **state)
{
    (void)state;
    expect("node", "/slowly", 200, "");
}

static void old_tls_is_refused(void **state)
{
    struct answer a =
        CALL(http_port(peers), .scheme = "https", .path = "/open", .ca = in_dir("ca.crt"),
             .tls_version = CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2);

    (void)state;
    assert_int_equal(a.status, 0);
    answer_free(&a);
    a = CALL(http_port(people), .scheme = "https", .path = "/open", .ca = in_dir("ca.crt"),
             .tls_version = CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2);
    assert_int_equal(a.status, 200);
    answer_free(&a);
    assert_int_equal(client_raw(http_port(peers), "GET /open HTTP/1.1\r\nHost: x\r\n\r\n"), 0);
}

/* Without a CA nobody is a node, whatever she shows. */
static void people_are_no_nodes(void **state)
{
    struct answer a =
        CALL(http_port(people), .scheme = "https", .path = "/any", .ca = in_dir("ca.crt"),
             .cert = in_dir("node.crt"), .key = in_dir("node.key"));

    (void)state;
    assert_int_equal(a.status, 403);
    answer_free(&a);
}

/* The serial that the server shows now. */
static int serial_shown(void)
{
    CURL *c = curl_easy_init();
    struct curl_certinfo *info = NULL;
    char url[64];
    int serial = -1;

    snprintf(url, sizeof url, "https://127.0.0.1:%d/open", http_port(peers));
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(c, CURLOPT_CAINFO, in_dir("ca.crt"));
    curl_easy_setopt(c, CURLOPT_CERTINFO, 1L);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    assert_int_equal(curl_easy_getinfo(c, CURLINFO_CERTINFO, &info), CURLE_OK);
    for (struct curl_slist *l = info->certinfo[0]; l; l = l->next)
        if (strncmp(l->data, "Serial Number:", 14) == 0)
            serial = (int)strtol(l->data + 14, NULL, 16);
    curl_easy_cleanup(c);
    return serial;
}

static void renewed_certificates_are_used(void **state)
{
    int before = serial_shown();
    struct err e = { 0 };

    (void)state;
    assert_int_equal(rename(in_dir("renewed.crt"), in_dir("ccc.crt")), 0);
    assert_err(http_reload_tls(peers, &e), &e, ERR_INTERNAL); /* the key does not fit yet */
    assert_int_equal(serial_shown(), before);
    e = (struct err){ 0 };
    assert_int_equal(rename(in_dir("renewed.key"), in_dir("ccc.key")), 0);
    assert_ok(http_reload_tls(peers, &e), &e);
    assert_int_not_equal(serial_shown(), before);
    assert_ok(http_reload_tls(people, &e), &e);
}

static void broken_certificates_do_not_start(void **state)
{
    struct http_spec s = { .self = "x", .address = "127.0.0.1:0", .routes = tables };
    struct http_server *out = NULL;
    struct err e;

    (void)state;
    s.cert_pem = in_dir("ca.crt");
    s.key_pem = in_dir("node.key");
    assert_err(http_start(&s, &out, &e), &e, ERR_INTERNAL);
    s.key_pem = in_dir("none.key");
    assert_err(http_start(&s, &out, &e), &e, ERR_INTERNAL);
    s.key_pem = NULL;
    assert_err(http_start(&s, &out, &e), &e, ERR_INTERNAL);
    assert_null(out);
}

/* A client that sees records: GnuTLS gives one at a time. who NULL: without a certificate. */
struct client {
    gnutls_certificate_credentials_t own;
    gnutls_session_t tls;
    int fd;
};

static struct client client_open(const char *who)
{
    struct client c = { .fd = client_connect(http_port(peers)) };
    char cert[80], key[80];
    int rc;

    assert_true(c.fd >= 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&c.own), 0);
    if (who) {
        snprintf(cert, sizeof cert, "%s.crt", who);
        snprintf(key, sizeof key, "%s.key", who);
        assert_int_equal(gnutls_certificate_set_x509_key_file(c.own, in_dir(cert), in_dir(key),
                                                              GNUTLS_X509_FMT_PEM),
                         0);
    }
    assert_int_equal(gnutls_init(&c.tls, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_set_default_priority(c.tls), 0);
    assert_int_equal(gnutls_credentials_set(c.tls, GNUTLS_CRD_CERTIFICATE, c.own), 0);
    gnutls_transport_set_int(c.tls, c.fd);
    do
        rc = gnutls_handshake(c.tls);
    while (rc < 0 && !gnutls_error_is_fatal(rc));
    assert_int_equal(rc, 0);
    return c;
}

static void client_close(struct client *c)
{
    gnutls_deinit(c->tls);
    gnutls_certificate_free_credentials(c->own);
    close(c->fd);
}

/* One answer. Returns the bytes of its body. */
static size_t client_ask(struct client *c, const char *path, int *records)
{
    static char text[64 * 1024];
    char ask[128];
    const char *body = NULL, *length = NULL;
    size_t n = 0, size = 0;

    snprintf(ask, sizeof ask, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    assert_true(gnutls_record_send(c->tls, ask, strlen(ask)) > 0);
    for (*records = 0; !body || n < (size_t)(body - text) + size;) {
        ssize_t got = gnutls_record_recv(c->tls, text + n, sizeof text - 1 - n);

        if (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED)
            continue; /* a ticket for another session */
        assert_true(got > 0);
        ++*records;
        n += (size_t)got;
        text[n] = '\0';
        body = strstr(text, "\r\n\r\n");
        if (!body)
            continue;
        body += 4;
        length = strcasestr(text, "\r\nContent-Length: ");
        assert_non_null(length);
        size = strtoul(length + 18, NULL, 10);
    }
    assert_int_equal(strncmp(text, "HTTP/1.1 200 ", 13), 0);
    return size;
}

/* Records and bytes of the last answer on a connection: the first one follows a handshake. */
static void last_answer(const char *who, const char *path, int *records, size_t *bytes)
{
    int64_t start = clock_boot_ms();
    struct client c = client_open(who);

    for (int i = 0; i < 100; i++)
        *bytes = client_ask(&c, path, records);
    client_close(&c);
    assert_true(clock_boot_ms() - start < 15000); /* a corked socket gives up after 200 ms each */
}

static void short_answers_are_one_record(void **state)
{
    int records;
    size_t bytes;

    (void)state;
    last_answer("node", "/bserver", &records, &bytes);
    assert_int_equal(records, 1);
    assert_true(bytes > 50);
    last_answer("node", "/long", &records, &bytes);
    assert_true(records > 2);
    assert_int_equal(bytes, 39999);
    last_answer(NULL, "/open", &records, &bytes); /* people may ask before they have read */
    assert_int_equal(records, 2);
    assert_true(bytes > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_known),
        cmocka_unit_test(pages_call_over_tls_alone),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(trace_and_deadline_of_nodes),
        cmocka_unit_test(waiting_under_tls),
        cmocka_unit_test(old_tls_is_refused),
        cmocka_unit_test(people_are_no_nodes),
        cmocka_unit_test(renewed_certificates_are_used),
        cmocka_unit_test(broken_certificates_do_not_start),
        cmocka_unit_test(short_answers_are_one_record),
    };

    return cmocka_run_group_tests_name("http_tls", tests, setup, teardown);
}
