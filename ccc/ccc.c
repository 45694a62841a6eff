#include "ccc/ccc.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ccc/audit.h"
#include "ccc/blob_http.h"
#include "ccc/house.h"
#include "ccc/join_http.h"
#include "ccc/line.h"
#include "ccc/node.h"
#include "ccc/routes.h"
#include "ccc/session.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/ccc/tree.h"

enum { PATH_ROOM = 4096, HOUSE_MS = 10000 };

#define KEY(member) offsetof(struct ccc_config, member)
const struct config_key ccc_keys[] = {
    NODE_KEYS(struct ccc_config),
    { "database", CONFIG_SECRET, NULL, 0, 0, KEY(database),
      "Conninfo of the database, as the daemon's role." },
    { "owner_database", CONFIG_SECRET, "", 0, 0, KEY(owner_database),
      "Conninfo as the role that owns the tables, for --migrate; empty = database." },
    { "migrations", CONFIG_TEXT, "sql/ccc/migrations", 0, 0, KEY(migrations),
      "Directory of the migrations, for --migrate." },
    { "public_listen", CONFIG_TEXT, "127.0.0.1:0", 0, 0, KEY(public_listen),
      "Address and port of the portal and REST listener; port 0 = any." },
    { "public_url", CONFIG_TEXT, "", 0, 0, KEY(public_url),
      "The portal's address as people type it; empty = from the listener." },
    { "public_cert", CONFIG_TEXT, "", 0, 0, KEY(public_cert),
      "Certificate file of the public listener; empty = plain, on loopback only. See "
      "--make-certificate." },
    { "public_key", CONFIG_TEXT, "", 0, 0, KEY(public_key), "Key file of the public listener." },
    { "web_root", CONFIG_TEXT, "", 0, 0, KEY(web_root),
      "Directory of the built portal; empty = REST only." },
    { "blob_dir", CONFIG_TEXT, "", 0, 0, KEY(blob_dir),
      "Directory of the image files; empty = state_dir/blobs." },
    { "ca_dir", CONFIG_TEXT, "", 0, 0, KEY(ca_dir),
      "Directory of the certificate authority, made at the first start; empty = state_dir/ca." },
    { "login_workers", CONFIG_INT, "2", 1, 64, KEY(login_workers),
      "Password checks at the same time." },
    { "http_workers", CONFIG_INT, "8", 2, 64, KEY(http_workers),
      "Worker threads (and database connections) of each listener." },
    { "image_max_gib", CONFIG_INT, "64", 1, 16384, KEY(image_max_gib),
      "Largest image file that is taken, in GiB." },
    { 0 },
};

static void *worker_start(void *app)
{
    const struct ccc *c = app;
    struct ccc_worker *w = calloc(1, sizeof *w);
    struct err e = { 0 };

    if (!w)
        return NULL;
    w->lines = line_open_all();
    if (!w->lines || db_open(c->config->database, &w->db, &e) < 0) {
        log_err("worker", &e);
        line_close_all(w->lines);
        free(w);
        return NULL;
    }
    return w;
}

static void worker_stop(void *app, void *worker)
{
    struct ccc_worker *w = worker;

    (void)app;
    if (!w)
        return;
    PQclear(w->route);
    line_close_all(w->lines);
    db_close(w->db);
    free(w);
}

static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    err_set(e, ERR_STORAGE_FAILED, "a directory cannot be made");
    return err_cause(e, "%s: %s", path, strerror(errno));
}

static int open_stores(struct ccc *c, struct err *e)
{
    char path[PATH_ROOM];
    const struct ccc_config *cf = c->config;

    snprintf(path, sizeof path, "%s/ca", cf->state_dir);
    if (make_dir(cf->state_dir, e) < 0 || ca_open(cf->ca_dir[0] ? cf->ca_dir : path, &c->ca, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/blobs", cf->state_dir);
    return blob_store_open(cf->blob_dir[0] ? cf->blob_dir : path, &c->blobs, e);
}

/* Uploads lie beside the blobs, in the same file system, so that taking one in is a link. */
static int make_spool(const struct ccc *c, char to[PATH_ROOM], struct err *e)
{
    int n = c->config->blob_dir[0]
                ? snprintf(to, PATH_ROOM, "%s/spool", c->config->blob_dir)
                : snprintf(to, PATH_ROOM, "%s/blobs/spool", c->config->state_dir);

    if (n >= PATH_ROOM)
        return err_set(e, ERR_INVALID_REQUEST, "blob_dir is too long");
    return make_dir(to, e);
}

static int open_identity(struct ccc *c, struct err *e)
{
    const struct ccc_config *cf = c->config;
    char host[NODE_HOST];
    struct ca_issued issued = { 0 };
    bool made = false;
    auto_db struct db *db = NULL;
    int rc;

    node_host(cf->management_listen, host);
    if (node_place(cf->state_dir, &c->node, e) < 0 ||
        ca_issue_self(c->ca, c->node.dir, host, &c->node.id, &made, &issued, e) < 0)
        return -1;
    node_name(&c->node, "ccc");
    token_cookie_name(&c->node.id, c->cookie);
    rc = db_open(cf->database, &db, e);
    if (rc == 0)
        rc = node_self(db, &c->node.id, e);
    if (rc == 0 && made)
        rc = node_joined(db, &c->node.id, issued.serial, issued.not_after_ms, e);
    ca_issued_free(&issued);
    return rc;
}

static int start_public(struct ccc *c, struct err *e)
{
    static const struct route *const routes[] = {
        session_routes,      person_routes,       group_routes,
        image_routes,        spec_routes,         pool_routes,
        entitlement_routes,  tree_routes,         node_routes,
        desktop_routes,      desktop_bulk_routes, filter_routes,
        pool_preview_routes, operation_routes,    connection_routes,
        event_routes,        audit_routes,        contract_routes,
        placement_routes,    ca_routes,           NULL,
    };
    const struct ccc_config *cf = c->config;
    char spool[PATH_ROOM];
    struct http_spec spec = { .self = c->node.self,
                              .address = cf->public_listen,
                              .routes = routes,
                              .authenticate = session_authenticate,
                              .cert_pem = c->secure ? cf->public_cert : NULL,
                              .key_pem = c->secure ? cf->public_key : NULL,
                              .static_root = cf->web_root[0] ? cf->web_root : NULL,
                              .spool_dir = spool,
                              .spool_max = cf->image_max_gib << 30,
                              .public_prefix = "/api/",
                              .workers = (int)(cf->http_workers + cf->login_workers),
                              .app = c,
                              .worker_start = worker_start,
                              .worker_stop = worker_stop };

    if (make_spool(c, spool, e) < 0)
        return -1;
    return http_start(&spec, &c->public, e);
}

static int start_management(struct ccc *c, struct err *e)
{
    static const struct route *const routes[] = { daemon_routes, sync_routes, blob_routes,
                                                  join_routes, NULL };
    struct http_spec spec = { .self = c->node.self,
                              .address = c->config->management_listen,
                              .routes = routes,
                              .cert_pem = c->node.cert,
                              .key_pem = c->node.key,
                              .ca_pem = c->node.ca,
                              .workers = (int)c->config->http_workers,
                              .app = c,
                              .worker_start = worker_start,
                              .worker_stop = worker_stop };

    return http_start(&spec, &c->management, e);
}

static int publish(struct daemon *d, struct ccc *c, struct err *e)
{
    const struct ccc_config *cf = c->config;
    char *management =
        node_url(cf->management_url, cf->management_listen, http_port(c->management));
    char host[NODE_HOST], portal[512];

    if (!management)
        return err_set(e, ERR_INTERNAL, "out of memory");
    node_host(cf->public_listen, host);
    if (cf->public_url[0])
        snprintf(portal, sizeof portal, "%s", cf->public_url);
    else
        snprintf(portal, sizeof portal, strchr(host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
                 c->secure ? "https" : "http", host, http_port(c->public));
    node_publish(d, &c->node, management);
    daemon_publish(d, "portal", json_string(portal));
    daemon_publish(d, "api", json_sprintf("%s/api/v1", portal));
    free(management);
    return 0;
}

static int start_rest(struct daemon *d, struct ccc *c, struct err *e)
{
    struct event_spec events = { c->config->database, &c->public, &c->management,
                                 HTTP_CONNECTIONS / 2 };

    if (db_open(c->config->database, &c->ready_db, e) < 0 ||
        db_open(c->config->database, &c->house_db, e) < 0 ||
        password_open((int)c->config->login_workers, (int)c->config->http_workers - 2,
                      &c->passwords, e) < 0 ||
        mark_open(c->config->state_dir, &c->mark, e) < 0 || house_first(c, e) < 0 ||
        event_hub_open(&events, &c->events, e) < 0 || start_management(c, e) < 0 ||
        start_public(c, e) < 0 || event_hub_run(c->events, e) < 0 ||
        ticker_start("house", HOUSE_MS, house_tick, c, &c->housekeeping, e) < 0)
        return -1;
    return publish(d, c, e);
}

int ccc_start(struct daemon *d, void *config, void **app, struct err *e)
{
    struct ccc *c = calloc(1, sizeof *c);

    if (!c)
        return err_set(e, ERR_INTERNAL, "out of memory");
    c->config = config;
    c->secure = c->config->public_cert[0] != '\0';
    pthread_mutex_init(&c->ready_lock, NULL);
    c->throttle = throttle_new();
    if (!c->throttle) {
        ccc_stop(c);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    if (open_stores(c, e) < 0 || open_identity(c, e) < 0 || start_rest(d, c, e) < 0) {
        ccc_stop(c);
        return -1;
    }
    *app = c;
    return 0;
}

void ccc_stop(void *app)
{
    struct ccc *c = app;

    if (!c)
        return;
    ticker_stop(c->housekeeping);
    event_hub_quiet(c->events);
    http_stop(c->public);
    http_stop(c->management);
    event_hub_free(c->events);
    password_close(c->passwords);
    throttle_free(c->throttle);
    mark_close(c->mark);
    db_close(c->house_db);
    db_close(c->ready_db);
    blob_store_close(c->blobs);
    ca_close(c->ca);
    pthread_mutex_destroy(&c->ready_lock);
    node_close(&c->node);
    free(c);
}

static int summary(struct ccc *c, json_t **out, struct err *e)
{
    auto_result PGresult *r = NULL;
    int rc;

    pthread_mutex_lock(&c->ready_lock);
    rc = db_run(c->ready_db, &Q_summary, NULL, &r, e);
    pthread_mutex_unlock(&c->ready_lock);
    if (rc < 0)
        return -1;
    *out = json_loads(db_text(r, 0, "body"), 0, NULL);
    return *out ? 0 : err_set(e, ERR_INTERNAL, "a stored object cannot be read");
}

bool ccc_ready(void *app, char *why, size_t size)
{
    struct err e = { 0 };
    json_t *o;

    if (summary(app, &o, &e) < 0) {
        snprintf(why, size, "%s", e.detail);
        return false;
    }
    json_decref(o);
    return true;
}

json_t *ccc_summary(void *app)
{
    struct err e = { 0 };
    json_t *o = NULL;

    if (summary(app, &o, &e) == 0)
        return o;
    o = json_object();
    json_put_str(o, "problem", err_slug(e.code));
    return o;
}
