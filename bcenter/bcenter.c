#include "bcenter/bcenter.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bcenter/agent_observed.h"
#include "bcenter/leader.h"
#include "bcenter/login.h"
#include "bcenter/module_load.h"
#include "bcenter/publish.h"
#include "bcenter/publish_io.h"
#include "bcenter/reconcile.h"
#include "bcenter/ticket_issue.h"
#include "bcenter/upstream.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

enum { LEAD_WAIT_MS = 12000, LOGIN_THREADS = 16, MANAGEMENT_THREADS = 16 };

/* ---- wakes ---- */

void bcenter_poke(struct bcenter *bc)
{
    pthread_rwlock_rdlock(&bc->wires);
    if (bc->reconciling)
        ticker_wake(bc->reconciling);
    pthread_rwlock_unlock(&bc->wires);
}

void bcenter_wake_login(struct bcenter *bc, const char *key)
{
    pthread_rwlock_rdlock(&bc->wires);
    if (bc->login)
        http_wake(bc->login, key);
    pthread_rwlock_unlock(&bc->wires);
}

void bcenter_wake_management(struct bcenter *bc, const char *key)
{
    pthread_rwlock_rdlock(&bc->wires);
    if (bc->management)
        http_wake(bc->management, key);
    pthread_rwlock_unlock(&bc->wires);
}

void bcenter_wake_push(struct bcenter *bc)
{
    pthread_rwlock_rdlock(&bc->wires);
    for (int i = 0; i < BCENTER_XCENTERS; i++)
        if (bc->push[i])
            sync_push_wake(bc->push[i]);
    pthread_rwlock_unlock(&bc->wires);
}

void bcenter_wake_telling(struct bcenter *bc)
{
    pthread_rwlock_rdlock(&bc->wires);
    if (bc->telling)
        ticker_wake(bc->telling);
    pthread_rwlock_unlock(&bc->wires);
}

/* ---- workers ---- */

static void *worker_start(void *app)
{
    struct bcenter *bc = app;
    struct worker *w = calloc(1, sizeof *w);
    struct err e = { 0 };

    if (w && db_open(bc->config->database, &w->db, &e) < 0)
        log_err("worker", &e);
    return w;
}

static void worker_stop(void *app, void *worker)
{
    struct worker *w = worker;

    (void)app;
    if (w)
        db_close(w->db);
    free(w);
}

/* ---- start ---- */

static int open_sets(struct bcenter *bc, struct err *e)
{
    bc->wanted = sync_set_new_replica();
    bc->agents = sync_set_new_source();
    bc->observed = sync_set_new_source();
    if (!bc->wanted || !bc->agents || !bc->observed)
        return err_set(e, ERR_INTERNAL, "out of memory");
    sync_set_on_change(bc->agents, agents_changed, bc);
    sync_set_on_change(bc->observed, upstream_observed_changed, bc);
    return 0;
}

static int count_of(char *const *list)
{
    int n = 0;

    while (list[n])
        n++;
    return n;
}

static int open_node(struct bcenter *bc, struct err *e)
{
    const struct bcenter_config *c = bc->config;
    struct node_spec spec = { "bcenter", c->state_dir, c->management_listen, c->join_url,
                              c->join_token_file };

    bc->xcenters = daemon_list(c->xcenter_url);
    if (!bc->xcenters || !bc->xcenters[0])
        return err_set(e, ERR_INVALID_REQUEST, "xcenter_url names no address");
    if (count_of(bc->xcenters) > BCENTER_XCENTERS)
        return err_set(e, ERR_INVALID_REQUEST, "xcenter_url names more than %d addresses",
                       BCENTER_XCENTERS);
    return node_open(&spec, &bc->node, e);
}

/* Another process may still be seen as the leader for 9 s after its death. */
static int take_lead(struct bcenter *bc, struct err *e)
{
    int64_t until = clock_boot_ms() + LEAD_WAIT_MS;

    if (db_open(bc->config->database, &bc->leader_db, e) < 0 ||
        db_open(bc->config->database, &bc->reconcile_db, e) < 0)
        return -1;
    for (;;) {
        struct err bad = { 0 };

        if (leader_take(bc, bc->leader_db, &bad) == 0)
            return 0;
        if (clock_boot_ms() > until) {
            *e = bad;
            return -1;
        }
        usleep(300000);
    }
}

static int load(struct bcenter *bc, struct err *e)
{
    struct db *db = bc->reconcile_db;

    if (module_load(bc, db, e) < 0 || ticket_issue_start(bc, db, e) < 0 ||
        upstream_restore(bc, db, e) < 0 || login_open(bc, db, e) < 0 ||
        reconcile_audit_open(bc, db, e) < 0)
        return -1;
    module_lock(&bc->m);
    publish_all(bc);
    bc->loaded = true;
    module_unlock(&bc->m);
    sync_set_ready(bc->agents);
    sync_set_led(bc->observed, bc->m.epoch);
    sync_set_ready(bc->observed);
    return 0;
}

static int open_blobs(struct bcenter *bc, struct err *e)
{
    struct blob_relay_spec spec = { .self = &bc->node.identity,
                                    .urls = (const char *const *)bc->xcenters,
                                    .kind = "xcenter",
                                    .bytes_per_s = bc->config->bulk_mib_per_s << 20,
                                    .needed = agents_images,
                                    .arg = bc };

    if (mkdir(bc->config->cache_dir, 0700) < 0 && errno != EEXIST) {
        err_set(e, ERR_STORAGE_FAILED, "the cache directory cannot be made");
        return err_cause(e, "%s: %s", bc->config->cache_dir, strerror(errno));
    }
    if (blob_store_open(bc->config->cache_dir, &bc->store, e) < 0)
        return -1;
    spec.store = bc->store;
    return blob_relay_start(&spec, &bc->relay, e);
}

static void wire_server(struct bcenter *bc, struct http_server **wire, struct http_server *s)
{
    pthread_rwlock_wrlock(&bc->wires);
    *wire = s;
    pthread_rwlock_unlock(&bc->wires);
}

static int start_management(struct bcenter *bc, struct err *e)
{
    static const struct route *const routes[] = { daemon_routes, agents_routes, call_routes, NULL };
    struct http_spec spec = { .self = bc->node.self,
                              .address = bc->config->management_listen,
                              .routes = routes,
                              .cert_pem = bc->node.cert,
                              .key_pem = bc->node.key,
                              .ca_pem = bc->node.ca,
                              .workers = MANAGEMENT_THREADS,
                              .app = bc,
                              .worker_start = worker_start,
                              .worker_stop = worker_stop };
    struct http_server *s;

    if (http_start(&spec, &s, e) < 0)
        return -1;
    bc->management_url =
        node_url(bc->config->management_url, bc->config->management_listen, http_port(s));
    wire_server(bc, &bc->management, s);
    return bc->management_url ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static const char *or_null(const char *s)
{
    return s[0] ? s : NULL;
}

static int start_login(struct bcenter *bc, struct err *e)
{
    static const struct route *const routes[] = { sessions_routes, pools_routes, connections_routes,
                                                  operations_routes, NULL };
    const struct bcenter_config *c = bc->config;
    struct http_spec spec = { .self = bc->node.self,
                              .address = c->login_listen,
                              .routes = routes,
                              .authenticate = login_authenticate,
                              .cert_pem = or_null(c->login_cert),
                              .key_pem = or_null(c->login_key),
                              .static_root = or_null(c->web_root),
                              .public_prefix = "/api/",
                              .workers = LOGIN_THREADS + (int)c->login_workers,
                              .app = bc,
                              .worker_start = worker_start,
                              .worker_stop = worker_stop };
    struct http_server *s;
    size_t n = strlen(c->login_url);

    if (http_start(&spec, &s, e) < 0)
        return -1;
    while (n > 0 && c->login_url[n - 1] == '/')
        n--;
    if (n > 0)
        snprintf(bc->login_url, sizeof bc->login_url, "%.*s/api/v1", (int)n, c->login_url);
    else
        snprintf(bc->login_url, sizeof bc->login_url, "%s://localhost:%d/api/v1",
                 c->login_cert[0] ? "https" : "http", http_port(s));
    wire_server(bc, &bc->login, s);
    return 0;
}

static void wire_ticker(struct bcenter *bc, struct ticker **wire, struct ticker *t)
{
    pthread_rwlock_wrlock(&bc->wires);
    *wire = t;
    pthread_rwlock_unlock(&bc->wires);
}

static int start_threads(struct bcenter *bc, struct err *e)
{
    struct ticker *t;

    if (ticker_start("tell", RECONCILE_MS, agents_tell, bc, &t, e) < 0)
        return -1;
    wire_ticker(bc, &bc->telling, t);
    if (upstream_start(bc, e) < 0 ||
        ticker_start("leader", LEADER_RENEW_MS, leader_renew, bc, &bc->leading, e) < 0 ||
        ticker_start("reconcile", RECONCILE_MS, reconcile_turn, bc, &t, e) < 0)
        return -1;
    wire_ticker(bc, &bc->reconciling, t);
    return 0;
}

static void publish_ready(struct daemon *d, struct bcenter *bc)
{
    char login[300];

    snprintf(login, sizeof login, "%.*s", (int)(strlen(bc->login_url) - strlen("/api/v1")),
             bc->login_url);
    daemon_publish(d, "id", json_string(bc->node.id.s));
    daemon_publish(d, "kind", json_string("bcenter"));
    daemon_publish(d, "management", json_string(bc->management_url));
    daemon_publish(d, "login", json_string(login));
}

int bcenter_start(struct daemon *d, void *config, void **app, struct err *e)
{
    struct bcenter *bc = calloc(1, sizeof *bc);

    if (!bc || sodium_init() < 0) {
        free(bc);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    bc->config = config;
    module_init(&bc->m);
    pthread_rwlock_init(&bc->wires, NULL);
    pthread_mutex_init(&bc->agents_lock, NULL);
    pthread_mutex_init(&bc->calls.lock, NULL);
    if (open_sets(bc, e) < 0 || open_node(bc, e) < 0 || take_lead(bc, e) < 0 || load(bc, e) < 0 ||
        open_blobs(bc, e) < 0 || start_login(bc, e) < 0 || start_management(bc, e) < 0 ||
        start_threads(bc, e) < 0) {
        bcenter_stop(bc);
        return -1;
    }
    publish_ready(d, bc);
    *app = bc;
    return 0;
}

/* ---- stop ---- */

static void stop_server(struct bcenter *bc, struct http_server **wire)
{
    struct http_server *s = *wire;

    wire_server(bc, wire, NULL);
    http_stop(s);
}

static void stop_ticker(struct bcenter *bc, struct ticker **wire)
{
    struct ticker *t = *wire;

    wire_ticker(bc, wire, NULL);
    ticker_stop(t);
}

void bcenter_stop(void *app)
{
    struct bcenter *bc = app;

    if (!bc)
        return;
    stop_ticker(bc, &bc->reconciling);
    ticker_stop(bc->leading);
    stop_ticker(bc, &bc->telling);
    stop_server(bc, &bc->login);
    stop_server(bc, &bc->management);
    upstream_stop(bc);
    blob_relay_stop(bc->relay);
    blob_store_close(bc->store);
    login_close(bc);
    db_close(bc->leader_db);
    db_close(bc->reconcile_db);
    module_release(&bc->m);
    sync_set_free(bc->wanted);
    sync_set_free(bc->agents);
    sync_set_free(bc->observed);
    node_close(&bc->node);
    sodium_memzero(&bc->key, sizeof bc->key);
    pthread_rwlock_destroy(&bc->wires);
    pthread_mutex_destroy(&bc->agents_lock);
    pthread_mutex_destroy(&bc->calls.lock);
    free(bc->management_url);
    free(bc->xcenters);
    free(bc);
}

/* ---- state ---- */

bool bcenter_ready(void *app, char *why, size_t size)
{
    struct bcenter *bc = app;
    const char *missing = NULL;

    if (!leader_valid(bc))
        missing = "the module's database does not confirm our leadership";
    else if (!__atomic_load_n(&bc->settled, __ATOMIC_ACQUIRE))
        missing = "no complete copy of what the CCC wants yet";
    if (missing)
        snprintf(why, size, "%s", missing);
    return !missing;
}

void bcenter_metrics(void *app, FILE *page)
{
    struct bcenter *bc = app;
    json_t *io;

    module_lock(&bc->m);
    io = publish_io_summary(&bc->m, clock_boot_ms());
    module_unlock(&bc->m);
    publish_io_metrics(io, page);
    json_decref(io);
}

json_t *bcenter_summary(void *app)
{
    struct bcenter *bc = app;
    struct desktop *d, *next;
    int64_t running = 0, sessions = 0;
    json_t *o = json_object();

    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        running += desktop_running(d);
        sessions += d->session != NULL;
    }
    json_put_str(o, "module_id", bc->m.id.s);
    json_put_str(o, "module", bc->m.name);
    json_put_int(o, "epoch", bc->m.epoch);
    json_put_int(o, "bservers", (int64_t)HASH_COUNT(bc->m.bservers));
    json_put_int(o, "desktops", (int64_t)HASH_COUNT(bc->m.desktops));
    json_put_int(o, "running", running);
    json_put_int(o, "sessions", sessions);
    json_put_int(o, "operations", (int64_t)HASH_COUNT(bc->m.operations));
    json_put_int(o, "held", bc->m.held);
    json_object_set_new(o, "io", publish_io_summary(&bc->m, clock_boot_ms()));
    module_unlock(&bc->m);
    json_put_bool(o, "leads", leader_valid(bc));
    json_put_bool(o, "upstream", upstream_up(bc));
    json_put_time(o, "as_of", clock_wall_ms());
    return o;
}
