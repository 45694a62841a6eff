#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/connection.h"
#include "ccc/list.h"
#include "ccc/operation.h"
#include "ccc/routes.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/ccc/operation.h"

enum { WAIT_MAX_S = 30 };

static bool is_admin(const struct request *rq)
{
    return strcmp(rq->caller.role, "admin") == 0;
}

static const char *const states[] = {
    "queued", "running", "succeeded", "failed", "cancelled", NULL
};

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const others[] = { "mine", NULL };
    static const struct list_sort sorts[] = {
        { "created_at", LIST_TIME, &Q_operation_list_created, &Q_operation_list_created_down },
        { 0 },
    };
    static const struct list_filter filters[] = {
        { "state", LIST_TEXT, states },
        { NULL, LIST_UUID, NULL },
        { "target_id", LIST_UUID, NULL },
        { "ended_since", LIST_TIME, NULL },
        LIST_END,
    };
    static const struct list_spec spec = {
        .sorts = sorts, .newest_first = true, .filters = filters, .others = others
    };
    const char *mine = http_query(rq, "mine");

    if (mine && strcmp(mine, "true") != 0 && strcmp(mine, "false") != 0)
        return err_set(e, ERR_INVALID_REQUEST, "mine must be true or false");
    if (is_admin(rq) && (!mine || strcmp(mine, "true") != 0))
        return list_reply(rq, rp, &spec, NULL, e);
    return list_reply(rq, rp, &spec, DB_ARGS(NULL, rq->caller.id.s, NULL, NULL), e);
}

static int find(const struct request *rq, PGresult **r, json_t **body, struct err *e)
{
    const char *owner;

    if (db_run(ccc_db(rq), &Q_operation_get, DB_ARGS(rq->path_id.s), r, e) < 0)
        return -1;
    owner = db_rows(*r) ? db_text(*r, 0, "asked_by") : NULL;
    if (db_rows(*r) == 0 || (!is_admin(rq) && (!owner || strcmp(owner, rq->caller.id.s) != 0)))
        return err_set(e, ERR_NOT_FOUND, "there is no such operation");
    return list_body(*r, 0, body, e);
}

/* A connect that has succeeded: its owner gets the connection with a fresh ticket. Without one when
 * it has ended, or its module says nothing now: the operation is what it is, and she may ask anew.
 */
static int add_result(const struct request *rq, json_t *body, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct err none = { 0 };
    json_t *result;
    struct id module;

    if (db_run(ccc_db(rq), &Q_operation_connect, DB_ARGS(rq->path_id.s, rq->caller.id.s), &r, e) <
        0)
        return -1;
    if (db_rows(r) == 0 || !id_parse(db_text(r, 0, "module_id"), &module))
        return 0;
    if (connection_result(rq, &module, &rq->path_id, &result, &none) == 0)
        json_object_set_new(body, "result", result);
    else if (none.code != ERR_SESSION_ENDED)
        log_err("connect-result", &none);
    return 0;
}

static bool ended(const char *state)
{
    return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

/* GET /operations/{id}?wait= */
static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const parameters[] = { "wait", NULL };
    static _Thread_local char key[OPERATION_KEY]; /* the server copies it after we returned */
    auto_result PGresult *r = NULL;
    json_auto_t *body = NULL;
    int64_t wait_s;
    const char *state;

    if (http_query_only(rq, parameters, e) < 0 ||
        http_query_int(rq, "wait", 0, WAIT_MAX_S, 0, &wait_s, e) < 0 || find(rq, &r, &body, e) < 0)
        return -1;
    state = db_text(r, 0, "state");
    if (wait_s > 0 && !rq->woken && !ended(state)) {
        operation_key(rq->path_id.s, key);
        return http_park(rp, key, clock_boot_ms() + wait_s * 1000);
    }
    if (strcmp(state, "succeeded") == 0 && strcmp(db_text(r, 0, "verb"), "connect") == 0 &&
        add_result(rq, body, e) < 0)
        return -1;
    rp->etag = json_num(body, "generation", 0);
    return http_reply(rp, 200, MOVE(body), e);
}

/* GET /operations/{id}/children?state= */
static int get_children(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "no", LIST_NUMBER, &Q_operation_children, &Q_operation_children_down },
        { 0 },
    };
    static const struct list_filter filters[] = {
        { NULL, LIST_UUID, NULL },
        { "state", LIST_TEXT, states },
        LIST_END,
    };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters };
    auto_result PGresult *r = NULL;
    const char *owner;

    if (db_run(ccc_db(rq), &Q_operation_bulk_owner, DB_ARGS(rq->path_id.s), &r, e) < 0)
        return -1;
    owner = db_rows(r) ? db_text(r, 0, "asked_by") : NULL;
    if (!owner || (!is_admin(rq) && strcmp(owner, rq->caller.id.s) != 0))
        return err_set(e, ERR_NOT_FOUND, "there is no such operation with children");
    return list_reply(rq, rp, &spec, DB_ARGS(rq->path_id.s, NULL), e);
}

struct cancel {
    const struct request *rq;
    const char *name;
};

static int cancel_tx(struct db *db, void *arg, struct err *e)
{
    const struct cancel *c = arg;
    auto_result PGresult *r = NULL, *done = NULL;
    struct audit_entry a = { .action = "operation.cancel",
                             .target_kind = "operation",
                             .target_id = c->rq->path_id.s };
    bool many;

    if (db_run(db, &Q_operation_owned, DB_ARGS(c->rq->path_id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_PRECONDITION,
                       "this operation belongs to its module; end the "
                       "connection instead");
    many = strcmp(db_text(r, 0, "target_kind"), "desktops") == 0;
    if (db_run(db, many ? &Q_operation_bulk_cancel : &Q_operation_cancel, DB_ARGS(c->rq->path_id.s),
               &done, e) < 0)
        return -1;
    if (db_changed(done) == 0)
        return err_set(e, ERR_OPERATION_ENDED, "the operation has ended");
    a.target_name = db_text(r, 0, "target_name");
    a.detail = db_text(r, 0, "verb");
    return audit_add(db, c->rq, &a, e);
}

/* POST /operations/{id}/cancel: a wish; the module says what came of it */
static int post_cancel(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct cancel c = { .rq = rq };
    json_auto_t *body = NULL;
    json_t *now;

    if (find(rq, &r, &body, e) < 0)
        return -1;
    if (ended(db_text(r, 0, "state")))
        return err_set(e, ERR_OPERATION_ENDED, "the operation has ended");
    if (db_tx(ccc_db(rq), cancel_tx, &c, e) < 0 ||
        operation_read(ccc_db(rq), &rq->path_id, &now, e) < 0)
        return -1;
    return http_accepted(rp, rq->path_id.s, now, e);
}

const struct route operation_routes[] = {
    { "GET", "/api/v1/operations", "self", get_list, 0 },
    { "GET", "/api/v1/operations/{id}", "self", get_one, HTTP_NO_TRACE_LOG },
    { "GET", "/api/v1/operations/{id}/children", "self", get_children, 0 },
    { "POST", "/api/v1/operations/{id}/cancel", "self", post_cancel, 0 },
    { 0 },
};
