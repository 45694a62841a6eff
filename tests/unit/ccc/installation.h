/*
 * An installation in one process: the real listener, authority and blob store of a CCC. Only the
 * two database functions of ccc/node.h are played here, by one token in memory. A test
 * includes it once.
 */
#ifndef TESTS_UNIT_CCC_INSTALLATION_H
#define TESTS_UNIT_CCC_INSTALLATION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static const struct route *more_routes; /* the test's own; NULL: none */

static char root[] = "/tmp/bic-join-XXXXXX";
static struct ccc app;
static struct ccc_worker worker;
static struct http_server *server;
static char url[64];
static struct id ccc_id;
static struct join_token token;
static char token_text[JOIN_TOKEN_MAX], bound_key[65], last_serial[40];
static struct id granted;
static atomic_int joined;

int node_token_take(struct db *db, const struct node_ask *ask, struct node_grant *out,
                    struct err *e)
{
    (void)db;
    if (strcmp(ask->token, token.id) != 0 || strcmp(ask->secret, token.secret) != 0 ||
        strcmp(ask->kind, "xcenter") != 0 || (bound_key[0] && strcmp(bound_key, ask->key) != 0))
        return err_set(e, ERR_JOIN_REFUSED, "the join token is not valid");
    snprintf(bound_key, sizeof bound_key, "%s", ask->key);
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

static _Atomic bool revoked;

int node_known(struct db *db, const struct id *node, struct err *e)
{
    (void)db;
    return !revoked && id_eq(node, &granted) ? 0 : err_set(e, ERR_PEER_IDENTITY, "revoked");
}

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

static const char *kept(char to[512], const char *name)
{
    snprintf(to, 512, "%s/%s", root, name);
    return to;
}

static const struct route *routes[] = { join_routes, blob_routes, NULL, NULL };
static struct http_spec spec = { .self = "ccc/test",
                                 .address = "127.0.0.1:0",
                                 .routes = routes,
                                 .workers = 4,
                                 .app = &app,
                                 .worker_start = give_worker };

static int start_all(void **state)
{
    static char paths[3][512];
    struct ca_issued issued = { 0 };
    struct err e = { 0 };
    bool made = false;

    (void)state;
    routes[2] = more_routes;
    log_level_set(LOG_LEVEL_ERROR);
    assert_non_null(mkdtemp(root));
    OK(ca_open(in_root("ca"), &app.ca, &e));
    OK(ca_issue_self(app.ca, in_root("ccc"), "127.0.0.1", &ccc_id, &made, &issued, &e));
    assert_true(made && id_set(&ccc_id));
    ca_issued_free(&issued);
    OK(blob_store_open(in_root("blobs"), &app.blobs, &e));
    spec.cert_pem = kept(paths[0], "ccc/node.crt");
    spec.key_pem = kept(paths[1], "ccc/node.key");
    spec.ca_pem = kept(paths[2], "ccc/ca.crt");
    spec.spool_dir = root;
    OK(http_start(&spec, &server, &e));
    snprintf(url, sizeof url, "https://127.0.0.1:%d", http_port(server));
    granted = id_new();
    join_token_new(ca_fingerprint(app.ca), &token, token_text);
    return 0;
}

static int stop_all(void **state)
{
    pid_t child;

    (void)state;
    http_stop(server);
    blob_store_close(app.blobs);
    ca_close(app.ca);
    child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", root, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
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

#endif
