#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/connection.h"
#include "ccc/line.h"
#include "ccc/list.h"
#include "ccc/operation.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/http/metric.h"
#include "sql/ccc/connection.h"

/* POST /connections {pool_id} or {desktop_id}. Asking again leads to the same session, so a
 * repeated Idempotency-Key needs no memory here: the ticket of the first answer would have expired
 * anyway. */
static int post_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    struct connection_order c = { .rq = rq };
    const struct json_field fields[] = {
        { "pool_id", JSON_UUID, .to = &c.pool },
        { "desktop_id", JSON_UUID, .to = &c.desktop },
        { 0 },
    };
    struct id operation;
    json_t *shown;

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (id_set(&c.pool) == id_set(&c.desktop))
        return err_set(e, ERR_INVALID_REQUEST, "give exactly one of pool_id and desktop_id");
    if (connection_open(&c, e) < 0)
        return -1;
    if (c.status == 201) {
        metric_add(METRIC_CONNECTS, 1);
        return http_reply(rp, 201, c.answer, e);
    }
    json_id(c.answer, "id", &operation);
    json_decref(c.answer);
    if (operation_read(ccc_db(rq), &operation, &shown, e) < 0)
        return -1;
    return http_accepted(rp, operation.s, shown, e);
}

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "since", LIST_TIME, &Q_connection_list_since, &Q_connection_list_since_down },
        { "created_at", LIST_TIME, &Q_connection_list_since, &Q_connection_list_since_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts, .newest_first = true };

    return list_reply(rq, rp, &spec, NULL, e);
}

/* Hers, or any for an administrator; another's does not exist. */
static int find(const struct request *rq, bool anyone, PGresult **r, struct err *e)
{
    const char *owner;

    if (db_run(ccc_db(rq), &Q_connection_get, DB_ARGS(rq->path_id.s), r, e) < 0)
        return -1;
    owner = db_rows(*r) ? db_text(*r, 0, "person_id") : NULL;
    if (!owner ||
        (!anyone && strcmp(rq->caller.role, "admin") != 0 && strcmp(owner, rq->caller.id.s) != 0))
        return err_set(e, ERR_NOT_FOUND, "there is no such connection");
    return 0;
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;
    json_t *body;

    if (find(rq, false, &r, e) < 0)
        return -1;
    body = json_object();
    json_object_set_new(body, "id", json_string(rq->path_id.s));
    json_object_set_new(body, "desktop_id", json_string(db_text(r, 0, "desktop_id")));
    json_object_set_new(body, "state", json_string(db_flag(r, 0, "live") == 1 ? "live" : "ended"));
    json_object_set_new(body, "since", json_string(db_text(r, 0, "since")));
    return http_reply(rp, 200, body, e);
}

static int end_tx(struct db *db, void *arg, struct err *e)
{
    const struct request *rq = arg;
    struct audit_entry a = { .action = "connection.end",
                             .target_kind = "connection",
                             .target_id = rq->path_id.s };

    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_connection_end, DB_ARGS(rq->path_id.s), &r, e) < 0)
        return -1;
    if (db_changed(r) == 0)
        return 0; /* it had ended: nothing to tell */
    return audit_add(db, rq, &a, e);
}

static int delete_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;
    char path[80];
    struct line_call call = { .method = LINE_DELETE, .path = path };
    struct request *copy = &(struct request){ 0 };

    if (find(rq, false, &r, e) < 0)
        return -1;
    id_parse(db_text(r, 0, "module_id"), &call.module);
    snprintf(path, sizeof path, "/connections/%s", rq->path_id.s);
    /* Ended already below is what was asked for. */
    if (line_call(rq, &call, e) < 0) {
        if (e->code != ERR_NOT_FOUND && e->code != ERR_SESSION_ENDED)
            return -1;
        *e = (struct err){ 0 };
    }
    *copy = *rq;
    if (db_tx(ccc_db(rq), end_tx, copy, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

/* {resume}: the secret alone is the authority, and the module knows it */
static int by_resume(const struct request *rq, const char *what, json_t **answer, struct err *e)
{
    auto_result PGresult *r = NULL;
    const char *resume;
    const struct json_field fields[] = {
        { "resume", JSON_TEXT, .required = true, .to = &resume },
        { 0 },
    };
    char path[80];
    struct line_call call = { .method = LINE_POST, .path = path, .body = rq->body };

    if (json_fields(rq->body, fields, e) < 0 || find(rq, true, &r, e) < 0)
        return -1;
    id_parse(db_text(r, 0, "module_id"), &call.module);
    snprintf(path, sizeof path, "/connections/%s/%s", rq->path_id.s, what);
    if (line_call(rq, &call, e) < 0)
        return -1;
    *answer = call.answer;
    return 0;
}

static int post_ticket(const struct request *rq, struct reply *rp, struct err *e)
{
    json_t *ticket = NULL;

    if (by_resume(rq, "tickets", &ticket, e) < 0)
        return -1;
    return http_reply(rp, 201, ticket, e);
}

/* Who ended it is in the module's row of the audit trail. */
static int post_end(const struct request *rq, struct reply *rp, struct err *e)
{
    json_t *nothing = NULL;
    struct request copy = *rq;
    int rc = by_resume(rq, "end", &nothing, e);

    json_decref(nothing);
    if (rc < 0 || db_tx(ccc_db(rq), end_tx, &copy, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

const struct route connection_routes[] = {
    { "POST", "/api/v1/connections", "self", post_connection, 0 },
    { "GET", "/api/v1/connections", "admin", get_list, 0 },
    { "GET", "/api/v1/connections/{id}", "self", get_one, 0 },
    { "DELETE", "/api/v1/connections/{id}", "self", delete_connection, 0 },
    { "POST", "/api/v1/connections/{id}/tickets", "anyone", post_ticket, HTTP_CORS },
    { "POST", "/api/v1/connections/{id}/end", "anyone", post_end, HTTP_CORS },
    { 0 },
};
