/* listener — the CCC's routes behind a real listener, since headers and sign-ins are part of them.
 */
#ifndef TESTS_DB_CCC_LISTENER_H
#define TESTS_DB_CCC_LISTENER_H

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

struct call {
    const char *method, *path, *body, *header;
    long status;
    char answer[65536];
    size_t n;
    const char *token; /* NULL: the one administrator's */
};

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

static int listener_up(void **state)
{
    S(admin, 0,
      "insert into person (id, username, role, verifier) values ('" ADMIN
      "', 'root', 'admin', '$argon2id$x')");
    S(session, 1,
      "insert into login_session (token_hash, person_id, expires_at, remote) values ($1, '" ADMIN
      "', now() + interval '1 h', '-')");
    static const struct route *const routes[] = {
        session_routes,   person_routes, spec_routes,    pool_routes,
        node_routes,      audit_routes,  desktop_routes, desktop_bulk_routes,
        operation_routes, filter_routes, tree_routes,    NULL
    };
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
    app.throttle = throttle_new();
    assert_non_null(app.throttle);
    assert_int_equal(http_start(&spec, &app.public, &e), 0);
    snprintf(base, sizeof base, "http://127.0.0.1:%d/api/v1", http_port(app.public));
    return 0;
}

static int listener_down(void **state)
{
    (void)state;
    http_stop(app.public);
    throttle_free(app.throttle);
    password_close(app.passwords);
    return 0;
}

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
    char url[2048], bearer[96];

    snprintf(url, sizeof url, "%s%s", base, c->path);
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", c->token ? c->token : token);
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

#endif
