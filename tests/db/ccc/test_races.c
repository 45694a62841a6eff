/*
 * Writes that meet: one key, one name, one generation, many at once. Through the real listener,
 * since Idempotency-Key and If-Match are headers.
 */
#include "tests/db/ccc/fresh.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

#include "ccc/ccc.h"
#include "ccc/routes.h"
#include "ccc/session.h"

enum { THREADS = 8 };
#define ADMIN "00000000-0000-4000-8000-0000000000ad"

static struct ccc app;
static char base[64], token[TOKEN_TEXT];

static void *worker_start(void *ccc)
{
    struct ccc_worker *w = calloc(1, sizeof *w);
    struct err e = { 0 };

    (void)ccc;
    if (!w || db_open(getenv("TEST_DB"), &w->db, &e) < 0)
        abort();
    return w;
}

static void worker_stop(void *ccc, void *worker)
{
    struct ccc_worker *w = worker;

    (void)ccc;
    db_close(w->db);
    free(w);
}

static int up(void **state)
{
    S(admin, 0,
      "insert into person (id, username, role, verifier) values ('" ADMIN
      "', 'root', 'admin', '$argon2id$x')");
    S(session, 1,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, '" ADMIN
      "', now() + interval '1 h', '-')");
    static const struct route *const routes[] = { person_routes, spec_routes, pool_routes, NULL };
    struct http_spec spec = { .self = "ccc/test",
                              .address = "127.0.0.1:0",
                              .routes = routes,
                              .authenticate = session_authenticate,
                              .public_prefix = "/api/",
                              .workers = THREADS,
                              .app = &app,
                              .worker_start = worker_start,
                              .worker_stop = worker_stop };
    char hash[TOKEN_HASH];
    struct err e = { 0 };
    auto_db struct db *db = NULL;

    fresh_schema(state);
    db = fresh_open();
    fresh_world(db);
    fresh_must(db, &admin, NULL);
    token_new(token);
    token_hash(token, hash);
    fresh_must(db, &session, DB_ARGS(hash));
    snprintf(app.cookie, sizeof app.cookie, "bic_session_test");
    assert_int_equal(password_open(4, 16, &app.passwords, &e), 0);
    assert_int_equal(http_start(&spec, &app.public, &e), 0);
    snprintf(base, sizeof base, "http://127.0.0.1:%d/api/v1", http_port(app.public));
    return 0;
}

static int down(void **state)
{
    (void)state;
    http_stop(app.public);
    password_close(app.passwords);
    return 0;
}

struct call {
    const char *method, *path, *body, *header;
    long status;
    char answer[4096];
    size_t n;
};

static size_t collect(char *data, size_t size, size_t n, void *arg)
{
    struct call *c = arg;
    size_t room = sizeof c->answer - 1 - c->n, take = size * n < room ? size * n : room;

    memcpy(c->answer + c->n, data, take);
    c->n += take;
    c->answer[c->n] = '\0';
    return size * n;
}

static void *run(void *arg)
{
    struct call *c = arg;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = NULL;
    char url[256], bearer[96];

    snprintf(url, sizeof url, "%s%s", base, c->path);
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", token);
    headers = curl_slist_append(headers, bearer);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    if (c->header)
        headers = curl_slist_append(headers, c->header);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c->method);
    if (c->body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &c->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return NULL;
}

static int at_once(struct call calls[THREADS], long status)
{
    pthread_t t[THREADS];
    int n = 0;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, run, &calls[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < THREADS; i++)
        n += calls[i].status == status;
    return n;
}

/* One key: one person, and everybody is told the same. A transaction that gave up may say 503. */
static void one_key(void **state)
{
    S(people, 0, "select count(*) as n from person where username like 'once%'");
    S(traces, 0, "select count(*) as n from audit where target_name like 'once%'");
    struct call calls[THREADS] = { { 0 } };
    auto_db struct db *db = fresh_open();
    const char *first = NULL;
    int made;

    (void)state;
    for (int i = 0; i < THREADS; i++)
        calls[i] = (struct call){ "POST",
                                  "/users",
                                  "{\"username\":\"once\",\"password\":\"password1\"}",
                                  "Idempotency-Key: k1",
                                  0,
                                  "",
                                  0 };
    made = at_once(calls, 201);
    assert_true(made >= 1);
    for (int i = 0; i < THREADS; i++) {
        assert_true(calls[i].status == 201 || calls[i].status == 503);
        if (calls[i].status != 201)
            continue;
        if (first)
            assert_string_equal(calls[i].answer, first);
        first = calls[i].answer;
    }
    assert_int_equal(fresh_number(db, &people, NULL), 1);
    assert_int_equal(fresh_number(db, &traces, NULL), 1);
    calls[0] = (struct call){ "POST",
                              "/users",
                              "{\"username\":\"once2\",\"password\":\"password1\"}",
                              "Idempotency-Key: k1",
                              0,
                              "",
                              0 };
    run(&calls[0]);
    assert_int_equal(calls[0].status, 422);
}

/* What is kept of a body with a password says nothing about the password. */
static void no_trace_of_a_password(void **state)
{
    S(kept, 0,
      "select count(*) as n from idempotency where key = 'k2' and body_hash = "
      "encode(sha256('{\"username\":\"quiet\"}'), 'hex')");
    struct call calls[] = {
        { "POST", "/users", "{\"username\":\"quiet\",\"password\":\"password1\"}",
          "Idempotency-Key: k2", 0, "", 0 },
        { "POST", "/users", "{\"password\":\"password2\",\"username\":\"quiet\"}",
          "Idempotency-Key: k2", 0, "", 0 },
    };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        run(&calls[i]);
        assert_int_equal(calls[i].status, 201);
    }
    assert_string_equal(calls[0].answer, calls[1].answer);
    assert_int_equal(fresh_number(db, &kept, NULL), 1);
}

/* One name without a key: one is made, the others are told. */
static void one_name(void **state)
{
    S(specs, 0, "select count(*) as n from spec where name = 'race'");
    struct call calls[THREADS] = { { 0 } };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (int i = 0; i < THREADS; i++)
        calls[i] = (struct call){
            "POST", "/specs", "{\"name\":\"race\",\"vcpus\":1,\"memory_mib\":512}", NULL, 0, "", 0
        };
    assert_int_equal(at_once(calls, 201), 1);
    for (int i = 0; i < THREADS; i++)
        assert_true(calls[i].status == 201 || calls[i].status == 409 || calls[i].status == 503);
    assert_int_equal(fresh_number(db, &specs, NULL), 1);
}

/* One generation: one change goes through. */
static void one_generation(void **state)
{
    S(generation, 0, "select generation as n from spec where id = '" SPEC "'");
    struct call calls[THREADS] = { { 0 } };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (int i = 0; i < THREADS; i++)
        calls[i] =
            (struct call){ "PATCH", "/specs/" SPEC, "{\"vcpus\":4}", "If-Match: \"1\"", 0, "", 0 };
    assert_int_equal(at_once(calls, 200), 1);
    assert_int_equal(fresh_number(db, &generation, NULL), 2);
}

/* Shares of many pools in one module at once: the law of 1,000 holds, whoever is first. */
static void one_module(void **state)
{
    S(sum, 0, "select sum(size) as n from pool_share where module_id = '" MODULE_1 "'");
    struct call calls[THREADS] = { { 0 } };
    char bodies[THREADS][320];
    auto_db struct db *db = fresh_open();
    int made;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        snprintf(bodies[i], sizeof bodies[i],
                 "{\"name\":\"p%d\",\"kind\":\"floating\",\"image_id\":\"" IMAGE
                 "\",\"spec_id\":\"" SPEC "\",\"shares\":[{\"module_id\":\"" MODULE_1
                 "\",\"size\":200}]}",
                 i);
        calls[i] = (struct call){ "POST", "/pools", bodies[i], NULL, 0, "", 0 };
    }
    made = at_once(calls, 201);
    assert_true(made >= 1 && made <= 2); /* 500 are taken already */
    assert_int_equal(fresh_number(db, &sum, NULL), 500 + made * 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_key, up, down),
        cmocka_unit_test_setup_teardown(no_trace_of_a_password, up, down),
        cmocka_unit_test_setup_teardown(one_name, up, down),
        cmocka_unit_test_setup_teardown(one_generation, up, down),
        cmocka_unit_test_setup_teardown(one_module, up, down),
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests_name("ccc races", tests, NULL, NULL);
}
