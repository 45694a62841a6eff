#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "sql/ccc/entitlement.h"

static int before_write(struct db *db, const struct resource_write *w, struct err *e)
{
    auto_result PGresult *r = NULL;
    char *text;
    int rc;

    if (!w->body)
        return 0;
    text = json_dumps(w->body, JSON_COMPACT);
    rc = db_run(db, &Q_entitlement_missing, DB_ARGS(text), &r, e);
    free(text);
    if (rc < 0)
        return -1;
    return db_text(r, 0, "pointer") ? resource_missing(db_text(r, 0, "pointer"), e) : 0;
}

static const struct resource entitlement = {
    .kind = "entitlement",
    .path = "/api/v1/entitlements",
    .get = &Q_entitlement_get,
    .add = &Q_entitlement_add,
    .remove = &Q_entitlement_remove,
    .taken = "/pool_id",
    .before = before_write,
};

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "created_at", LIST_TIME, &Q_entitlement_list_created, &Q_entitlement_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &entitlement, &rq->path_id, e);
}

static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct id pool = { "" }, person = { "" }, group = { "" };
    const struct json_field fields[] = {
        { "pool_id", JSON_UUID, .required = true, .to = &pool },
        { "user_id", JSON_UUID, .nullable = true, .to = &person },
        { "group_id", JSON_UUID, .nullable = true, .to = &group },
        { 0 },
    };
    struct resource_write w = { .rq = rq, .of = &entitlement, .body = rq->body };

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (id_set(&person) == id_set(&group)) {
        err_set(e, ERR_INVALID_REQUEST, "exactly one of user_id and group_id must be given");
        return err_pointer(e, "/user_id");
    }
    return resource_create(&w, rp, e);
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_remove(rq, rp, &entitlement, &rq->path_id, e);
}

const struct route entitlement_routes[] = {
    { "GET", "/api/v1/entitlements", "admin", get_list, 0 },
    { "POST", "/api/v1/entitlements", "admin", post, 0 },
    { "GET", "/api/v1/entitlements/{id}", "admin", get_one, 0 },
    { "DELETE", "/api/v1/entitlements/{id}", "admin", delete_one, 0 },
    { 0 },
};
