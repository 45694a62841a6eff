#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/pool.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "sql/ccc/pool.h"

static int before_write(struct db *db, const struct resource_write *w, struct err *e)
{
    auto_result PGresult *r = NULL;
    char *text;
    int rc;

    if (!w->body)
        return 0;
    text = json_dumps(w->body, JSON_COMPACT);
    rc = db_run(db, &Q_pool_missing, DB_ARGS(text, w->id.s), &r, e);
    free(text);
    if (rc < 0)
        return -1;
    return db_text(r, 0, "pointer") ? resource_missing(db_text(r, 0, "pointer"), e) : 0;
}

static int after_write(struct db *db, const struct resource_write *w, struct err *e)
{
    const json_t *shares = json_object_get(w->body, "shares");

    if (shares && pool_shares_put(db, w->id.s, shares, e) < 0)
        return -1;
    return w->body ? pool_possible(db, w->id.s, e) : 0;
}

static const struct resource pool = {
    .kind = "pool",
    .path = "/api/v1/pools",
    .get = &Q_pool_get,
    .add = &Q_pool_add,
    .change = &Q_pool_change,
    .remove = &Q_pool_remove,
    .uses = &Q_pool_uses,
    .taken = "/name",
    .before = before_write,
    .after = after_write,
};

/* Administrators see pools; the others, and they too with mine=true, what they are entitled to. */
static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort all[] = {
        { "name", LIST_TEXT, &Q_pool_list_name, &Q_pool_list_name_down },
        { "created_at", LIST_TIME, &Q_pool_list_created, &Q_pool_list_created_down },
        { 0 },
    };
    static const struct list_sort mine[] = {
        { "name", LIST_TEXT, &Q_my_pool_list_name, &Q_my_pool_list_name_down },
        { "created_at", LIST_TIME, &Q_my_pool_list_created, &Q_my_pool_list_created_down },
        { 0 },
    };
    static const struct list_filter owner[] = { { NULL, LIST_UUID, NULL }, LIST_END };
    static const char *const others[] = { "mine", NULL };
    static const struct list_spec of_all = { .sorts = all, .others = others };
    static const struct list_spec of_mine = { .sorts = mine, .filters = owner, .others = others };
    const char *only = http_query(rq, "mine");

    if (only && strcmp(only, "true") != 0 && strcmp(only, "false") != 0)
        return err_set(e, ERR_INVALID_REQUEST, "mine must be true or false");
    if (strcmp(rq->caller.role, "admin") == 0 && (!only || strcmp(only, "true") != 0))
        return list_reply(rq, rp, &of_all, NULL, e);
    return list_reply(rq, rp, &of_mine, DB_ARGS(rq->caller.id.s), e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &pool, &rq->path_id, e);
}

static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &pool, .body = rq->body };

    return pool_check(rq->body, true, e) < 0 ? -1 : resource_create(&w, rp, e);
}

static int patch(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &pool, .body = rq->body, .id = rq->path_id };

    return pool_check(rq->body, false, e) < 0 ? -1 : resource_change(&w, rp, e);
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_remove(rq, rp, &pool, &rq->path_id, e);
}

const struct route pool_routes[] = {
    { "GET", "/api/v1/pools", "self", get_list, 0 },
    { "POST", "/api/v1/pools", "admin", post, 0 },
    { "GET", "/api/v1/pools/{id}", "admin", get_one, 0 },
    { "PATCH", "/api/v1/pools/{id}", "admin", patch, 0 },
    { "DELETE", "/api/v1/pools/{id}", "admin", delete_one, 0 },
    { 0 },
};
