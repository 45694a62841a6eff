#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "ccc/pool.h"
#include "ccc/pool_preview.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "sql/ccc/pool.h"

enum { HOSTS_MAX = 64 * 16 }; /* modules of a pool × bServers that a module may ever have shown */

struct preview {
    json_t *body; /* owned: the pool as it would be posted, without pool_id */
    struct id pool;
    struct pool_demand demand;
    struct pool_host hosts[HOSTS_MAX];
    struct id of[HOSTS_MAX]; /* the module of each host */
    int nhosts;
    json_t *modules; /* owned */
    bool fits;
};

static const char *or_null(const struct id *id)
{
    return id->s[0] ? id->s : NULL;
}

/* The same refusals as those of the write: what is missing, what is taken. */
static int check_names(struct db *db, const struct preview *p, struct err *e)
{
    auto_result PGresult *missing = NULL, *taken = NULL;
    char *text = json_dumps(p->body, JSON_COMPACT);
    int rc;

    if (!text)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = db_run(db, &Q_pool_missing, DB_ARGS(text, or_null(&p->pool)), &missing, e);
    free(text);
    if (rc < 0)
        return -1;
    if (db_text(missing, 0, "pointer"))
        return resource_missing(db_text(missing, 0, "pointer"), e);
    if (db_run(db, &Q_pool_preview_taken, DB_ARGS(json_str(p->body, "name"), or_null(&p->pool)),
               &taken, e) < 0)
        return -1;
    if (!db_flag(taken, 0, "taken"))
        return 0;
    err_set(e, ERR_NAME_TAKEN, "this name is in use");
    return err_pointer(e, "/name");
}

static int read_demand(struct db *db, struct preview *p, struct err *e)
{
    auto_result PGresult *r = NULL;
    const char *kind = json_str(p->body, "kind");

    if (db_run(db, &Q_pool_preview_demand,
               DB_ARGS(json_str(p->body, "spec_id"), json_str(p->body, "image_id"),
                       json_str(p->body, "image_version_id"), kind),
               &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return resource_missing("/spec_id", e);
    p->demand = pool_demand_of(db_int(r, 0, "memory_mib", 0), db_int(r, 0, "disk_bytes", 0),
                               strcmp(kind, "floating") == 0, db_flag(r, 0, "needs_vf"));
    return 0;
}

static int read_hosts(struct db *db, struct preview *p, const char *modules, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_pool_preview_bservers, DB_ARGS(modules), &r, e) < 0)
        return -1;
    for (int i = 0; i < db_rows(r) && p->nhosts < HOSTS_MAX; i++) {
        struct pool_host *h = &p->hosts[p->nhosts];

        if (!id_parse(db_text(r, i, "module_id"), &p->of[p->nhosts]))
            continue;
        h->up = strcmp(db_text(r, i, "state"), "up") == 0;
        h->runs = db_flag(r, i, "format") && (p->demand.needs_vf || db_flag(r, i, "user_net"));
        h->slots = db_int(r, i, "slots", 0);
        h->memory_mib = db_int(r, i, "memory_mib", 0);
        h->storage_gib = db_int(r, i, "storage_gib", -1);
        h->vfs = db_int(r, i, "vfs", 0);
        p->nhosts++;
    }
    return 0;
}

static json_t *resources(const struct pool_resources *r)
{
    json_t *o = json_object();

    json_put_int(o, "slots", r->slots);
    json_put_int(o, "memory_mib", r->memory_mib);
    json_put_int(o, "storage_gib", r->storage_gib);
    json_put_int(o, "vfs", r->vfs);
    return o;
}

static int64_t size_of(const json_t *shares, const char *module)
{
    for (size_t i = 0; i < json_array_size(shares); i++)
        if (strcmp(json_str(json_array_get(shares, i), "module_id"), module) == 0)
            return json_num(json_array_get(shares, i), "size", 0);
    return 0;
}

static void add_module(struct preview *p, const PGresult *r, int row)
{
    const char *id = db_text(r, row, "id");
    struct pool_module_facts m = {
        .size = size_of(json_object_get(p->body, "shares"), id),
        .made = db_int(r, row, "made", 0),
        .others = db_int(r, row, "others", 0),
        .promised = { db_int(r, row, "desktops", 0), db_int(r, row, "memory_mib", 0),
                      db_int(r, row, "storage_gib", 0), db_int(r, row, "vfs", 0) },
    };
    struct pool_verdict v;
    json_t *o = json_object();
    int first = 0;

    /* Hosts come sorted by their module. */
    while (first < p->nhosts && strcmp(p->of[first].s, id) != 0)
        first++;
    m.hosts = p->hosts + first;
    while (first + m.nhosts < p->nhosts && strcmp(p->of[first + m.nhosts].s, id) == 0)
        m.nhosts++;
    pool_preview(&m, &p->demand, &v);
    json_put_str(o, "module_id", id);
    json_put_str(o, "name", db_text(r, row, "name"));
    json_put_str(o, "state", db_flag(r, row, "up") ? "up" : "silent");
    json_put_str(o, "as_of", db_text(r, row, "as_of"));
    json_put_int(o, "size", m.size);
    json_put_int(o, "made", m.made);
    json_put_int(o, "add", v.add);
    json_put_int(o, "room", v.room);
    json_put_int(o, "bservers", m.nhosts);
    json_put_int(o, "bservers_up", v.up);
    json_object_set_new(o, "needs", resources(&v.needs));
    json_object_set_new(o, "free", resources(&v.free));
    json_object_set_new(o, "promised", resources(&m.promised));
    json_put_int(o, "wanted", v.wanted);
    json_put_int(o, "limit", v.limit);
    json_put_str(o, "law", v.law ? err_slug(v.law) : NULL);
    json_array_append_new(p->modules, o);
    p->fits = p->fits && v.law == ERR_NONE;
}

static int read_modules(struct db *db, struct preview *p, struct err *e)
{
    auto_result PGresult *r = NULL;
    const json_t *shares = json_object_get(p->body, "shares");
    char *modules = pool_share_modules(shares);
    int rc;

    if (!modules)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = read_hosts(db, p, modules, e);
    if (rc == 0)
        rc = db_run(db, &Q_pool_preview_modules, DB_ARGS(modules, or_null(&p->pool)), &r, e);
    free(modules);
    if (rc < 0)
        return -1;
    if ((size_t)db_rows(r) != json_array_size(shares))
        return resource_missing("/shares", e);
    for (int i = 0; i < db_rows(r); i++)
        add_module(p, r, i);
    return 0;
}

static int make(struct db *db, struct preview *p, struct reply *rp, struct err *e)
{
    json_t *body, *each;

    if (check_names(db, p, e) < 0 || read_demand(db, p, e) < 0)
        return -1;
    p->modules = json_array();
    p->fits = true;
    if (read_modules(db, p, e) < 0)
        return -1;
    body = json_object();
    each = json_object();
    json_put_bool(body, "fits", p->fits);
    json_put_int(each, "memory_mib", p->demand.memory_mib);
    json_put_int(each, "storage_gib", p->demand.storage_gib);
    json_put_int(each, "vfs", p->demand.needs_vf);
    json_object_set_new(body, "each", each);
    json_object_set(body, "modules", p->modules);
    json_put_time(body, "as_of", clock_wall_ms());
    return http_reply(rp, 200, body, e);
}

/* POST /pools/preview: a pool as it would be posted; with pool_id as that pool would become */
static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct preview *p = calloc(1, sizeof *p);
    int rc = 0;

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->body = rq->body ? json_deep_copy(rq->body) : NULL;
    if (json_object_get(p->body, "pool_id") && !json_id(p->body, "pool_id", &p->pool)) {
        err_set(e, ERR_INVALID_REQUEST, "pool_id must be a UUID");
        rc = err_pointer(e, "/pool_id");
    }
    json_object_del(p->body, "pool_id");
    if (rc == 0)
        rc = pool_check(p->body, true, e);
    if (rc == 0)
        rc = make(ccc_db(rq), p, rp, e);
    json_decref(p->body);
    json_decref(p->modules);
    free(p);
    return rc;
}

const struct route pool_preview_routes[] = {
    { "POST", "/api/v1/pools/preview", "admin", post, 0 },
    { 0 },
};
