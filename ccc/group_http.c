#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "sql/ccc/person.h"
#include "sql/ccc/person_group.h"

static const struct resource group = {
    .kind = "group",
    .path = "/api/v1/groups",
    .get = &Q_group_get,
    .add = &Q_group_add,
    .change = &Q_group_change,
    .remove = &Q_group_remove,
    .uses = &Q_group_uses,
    .taken = "/name",
};

static int check(const json_t *body, bool is_new, struct err *e)
{
    union routes_sink to;
    const struct json_field fields[] = {
        { "name", JSON_TEXT, is_new, .to = &to, .valid = text_name, .must = "must be a name" },
        { "description", JSON_TEXT, .to = &to, .valid = text_note, .must = "is too long" },
        { 0 },
    };

    return json_fields(body, fields, e);
}

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_group_list_name, &Q_group_list_name_down },
        { "created_at", LIST_TIME, &Q_group_list_created, &Q_group_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &group, &rq->path_id, e);
}

static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &group, .body = rq->body };

    return check(rq->body, true, e) < 0 ? -1 : resource_create(&w, rp, e);
}

static int patch(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &group, .body = rq->body, .id = rq->path_id };

    return check(rq->body, false, e) < 0 ? -1 : resource_change(&w, rp, e);
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_remove(rq, rp, &group, &rq->path_id, e);
}

/* GET /groups/{id}/members */
static int get_members(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "username", LIST_TEXT, &Q_member_list_name, &Q_member_list_name_down },
        { "created_at", LIST_TIME, &Q_member_list_created, &Q_member_list_created_down },
        { "name", LIST_TEXT, &Q_member_list_name, &Q_member_list_name_down },
        { 0 },
    };
    static const struct list_filter filters[] = { { NULL, LIST_UUID, NULL }, LIST_END };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters };
    auto_result PGresult *r = NULL;

    if (db_run(ccc_db(rq), &Q_group_get, DB_ARGS(rq->path_id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such group");
    return list_reply(rq, rp, &spec, DB_ARGS(rq->path_id.s), e);
}

struct membership {
    const struct request *rq;
    bool in;
};

static int member_tx(struct db *db, void *arg, struct err *e)
{
    const struct membership *m = arg;
    const struct request *rq = m->rq;
    auto_result PGresult *g = NULL, *p = NULL, *done = NULL;
    struct audit_entry a = { .action = m->in ? "group.add" : "group.remove",
                             .target_kind = "group",
                             .target_id = rq->path_id.s };

    if (db_run(db, &Q_group_get, DB_ARGS(rq->path_id.s), &g, e) < 0 ||
        db_run(db, &Q_person_get, DB_ARGS(rq->path_id2.s), &p, e) < 0)
        return -1;
    if (db_rows(g) == 0 || db_rows(p) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such %s", db_rows(g) ? "user" : "group");
    if (db_run(db, m->in ? &Q_member_add : &Q_member_remove, DB_ARGS(rq->path_id.s, rq->path_id2.s),
               &done, e) < 0)
        return -1;
    if (db_changed(done) == 0)
        return 0;
    a.target_name = db_text(g, 0, "name");
    a.detail = db_text(p, 0, "name");
    return audit_add(db, rq, &a, e);
}

static int member(const struct request *rq, struct reply *rp, bool in, struct err *e)
{
    struct membership m = { rq, in };

    if (db_tx(ccc_db(rq), member_tx, &m, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

static int put_member(const struct request *rq, struct reply *rp, struct err *e)
{
    return member(rq, rp, true, e);
}

static int delete_member(const struct request *rq, struct reply *rp, struct err *e)
{
    return member(rq, rp, false, e);
}

const struct route group_routes[] = {
    { "GET", "/api/v1/groups", "admin", get_list, 0 },
    { "POST", "/api/v1/groups", "admin", post, 0 },
    { "GET", "/api/v1/groups/{id}", "admin", get_one, 0 },
    { "PATCH", "/api/v1/groups/{id}", "admin", patch, 0 },
    { "DELETE", "/api/v1/groups/{id}", "admin", delete_one, 0 },
    { "GET", "/api/v1/groups/{id}/members", "admin", get_members, 0 },
    { "PUT", "/api/v1/groups/{id}/members/{id2}", "admin", put_member, 0 },
    { "DELETE", "/api/v1/groups/{id}/members/{id2}", "admin", delete_member, 0 },
    { 0 },
};
