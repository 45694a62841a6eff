#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "ccc/desktop_filter.h"
#include "ccc/idempotency.h"
#include "ccc/list.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "sql/ccc/saved_filter.h"

enum { FILTERS_MAX = 50 };

/* GET /me/filters: hers */
static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_saved_filter_list_name, &Q_saved_filter_list_name_down },
        { 0 },
    };
    static const struct list_filter owner[] = { { NULL, LIST_UUID, NULL }, LIST_END };
    static const struct list_spec spec = { .sorts = sorts, .filters = owner };

    return list_reply(rq, rp, &spec, DB_ARGS(rq->caller.id.s), e);
}

struct keep {
    const struct request *rq;
    const char *name;
    char *filter; /* owned: as it is stored */
    struct idempotency once;
    struct id id;
    json_t *body; /* owned */
};

static int keep_tx(struct db *db, void *arg, struct err *e)
{
    struct keep *k = arg;
    auto_result PGresult *n = NULL, *r = NULL;
    const char *who = k->rq->caller.id.s;

    if (idempotency_find(db, k->rq, &k->once, e) < 0)
        return -1;
    if (k->once.replay)
        return 0;
    json_decref(k->body);
    k->body = NULL;
    if (db_run(db, &Q_saved_filter_count, DB_ARGS(who), &n, e) < 0)
        return -1;
    if (db_int(n, 0, "n", 0) >= FILTERS_MAX) {
        err_set(e, ERR_PRECONDITION, "a person keeps at most %d filters", FILTERS_MAX);
        return err_number(e, "limit", FILTERS_MAX);
    }
    if (db_run(db, &Q_saved_filter_add, DB_ARGS(k->id.s, who, k->name, k->filter), NULL, e) < 0) {
        if (e->code != ERR_CONFLICT || strcmp(db_constraint(db), "saved_filter_name") != 0)
            return -1;
        *e = (struct err){ 0 };
        err_set(e, ERR_NAME_TAKEN, "a filter with this name is kept already");
        return err_pointer(e, "/name");
    }
    if (db_run(db, &Q_saved_filter_get, DB_ARGS(k->id.s), &r, e) < 0 ||
        list_body(r, 0, &k->body, e) < 0)
        return -1;
    return idempotency_store(db, k->rq, &k->once, 201, "", k->body, e);
}

/* POST /me/filters {name, filter} */
static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct keep k = { .rq = rq, .id = id_new() };
    struct desktop_filter checked;
    json_t *filter;
    const struct json_field fields[] = {
        { "name", JSON_TEXT, true, .to = &k.name, .valid = text_name, .must = "must be a name" },
        { "filter", JSON_OBJ, true, .to = &filter },
        { 0 },
    };
    int rc;

    if (json_fields(rq->body, fields, e) < 0 ||
        desktop_filter_read(filter, "/filter", &checked, e) < 0 ||
        idempotency_open(rq, &k.once, e) < 0)
        return -1;
    k.filter = json_dumps(filter, JSON_COMPACT);
    rc = k.filter ? db_tx(ccc_db(rq), keep_tx, &k, e) : err_set(e, ERR_INTERNAL, "out of memory");
    if (rc == 0)
        rc = http_reply(rp, k.once.replay ? k.once.status : 201,
                        k.once.replay ? MOVE(k.once.body) : MOVE(k.body), e);
    free(k.filter);
    idempotency_close(&k.once);
    json_decref(k.body);
    return rc;
}

/* DELETE /me/filters/{id}: another's does not exist */
static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(ccc_db(rq), &Q_saved_filter_remove, DB_ARGS(rq->path_id.s, rq->caller.id.s), &r, e) <
        0)
        return -1;
    if (db_changed(r) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such filter");
    rp->status = 204;
    return 0;
}

const struct route filter_routes[] = {
    { "GET", "/api/v1/me/filters", "self", get_list, 0 },
    { "POST", "/api/v1/me/filters", "self", post, 0 },
    { "DELETE", "/api/v1/me/filters/{id}", "self", delete_one, 0 },
    { 0 },
};
