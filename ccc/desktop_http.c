#include <string.h>

#include "ccc/ccc.h"
#include "ccc/desktop_actions.h"
#include "ccc/idempotency.h"
#include "ccc/list.h"
#include "ccc/operation.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "sql/ccc/desktop.h"

static bool is_admin(const struct request *rq)
{
    return strcmp(rq->caller.role, "admin") == 0;
}

static void dress(const struct request *rq, json_t *item)
{
    struct id owner = { "" };
    json_t *list = json_array();
    struct desktop_asker who = { .admin = is_admin(rq) };
    struct desktop_facts facts = { .state = json_str(item, "state") };

    facts.assigned = json_id(item, "person_id", &owner);
    who.owner = facts.assigned && id_eq(&owner, &rq->caller.id);
    for (int a = 0; a < ACTION_COUNT; a++)
        if (desktop_action_allowed((enum desktop_action)a, &who, &facts))
            json_array_append_new(list, json_string(desktop_action_word((enum desktop_action)a)));
    json_object_set_new(item, "allowed_actions", list);
}

static const struct list_sort sorts[] = {
    { "name", LIST_TEXT, &Q_desktop_list_name, &Q_desktop_list_name_down },
    { "created_at", LIST_TIME, &Q_desktop_list_created, &Q_desktop_list_created_down },
    { 0 },
};

/* Administrators see all, the others their own. */
static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_filter filters[] = {
        { "state", LIST_TEXT, desktop_states },
        { "pool_id", LIST_UUID, NULL },
        { "person_id", LIST_UUID, NULL },
        { "bserver_id", LIST_UUID, NULL },
        { "module_id", LIST_UUID, NULL },
        { "q", LIST_TEXT, NULL },
        LIST_END,
    };
    static const struct list_spec spec = {
        .sorts = sorts, .filters = filters, .total = &Q_desktop_total, .dress = dress
    };
    const char *mine = is_admin(rq) ? NULL : rq->caller.id.s;

    return list_reply(rq, rp, &spec, DB_ARGS(NULL, NULL, mine, NULL, NULL, NULL), e);
}

/* GET /me/desktops */
static int get_mine(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_filter filters[] = {
        { NULL, LIST_TEXT, NULL },
        { NULL, LIST_UUID, NULL },
        { NULL, LIST_UUID, NULL },
        { NULL, LIST_UUID, NULL },
        { NULL, LIST_UUID, NULL },
        { NULL, LIST_TEXT, NULL },
        LIST_END,
    };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters, .dress = dress };

    return list_reply(rq, rp, &spec, DB_ARGS(NULL, NULL, rq->caller.id.s, NULL, NULL, NULL), e);
}

static bool owns(const struct request *rq, const PGresult *r)
{
    const char *owner = db_text(r, 0, "person_id");

    return owner && strcmp(owner, rq->caller.id.s) == 0;
}

/* What is another's does not exist for those who are not administrators. */
static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;
    json_t *body;

    if (db_run(ccc_db(rq), &Q_desktop_get, DB_ARGS(rq->path_id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0 || (!is_admin(rq) && !owns(rq, r)))
        return err_set(e, ERR_DESKTOP_NOT_FOUND, "there is no such desktop");
    if (list_body(r, 0, &body, e) < 0)
        return -1;
    dress(rq, body);
    rp->etag = json_num(body, "generation", 0);
    return http_reply(rp, 200, body, e);
}

struct action {
    const struct request *rq;
    enum desktop_action action; /* of a desktop */
    struct operation_order order;
    struct idempotency once;
    struct id id;
    json_t *body;
};

static void action_close(struct action *a)
{
    idempotency_close(&a->once);
    json_decref(a->body);
}

/* The end of both transactions: the operation as it is now, and the answer kept for the key. */
static int record(struct db *db, struct action *a, struct err *e)
{
    char location[160];

    json_decref(a->body);
    a->body = NULL;
    if (operation_give(db, &a->order, &a->id, e) < 0 || operation_read(db, &a->id, &a->body, e) < 0)
        return -1;
    snprintf(location, sizeof location, "/api/v1/operations/%s", a->id.s);
    return idempotency_store(db, a->rq, &a->once, a->order.done ? 200 : 202, location, a->body, e);
}

static int desktop_tx(struct db *db, void *arg, struct err *e)
{
    struct action *a = arg;
    auto_result PGresult *r = NULL;
    struct desktop_asker who = { .admin = is_admin(a->rq) };
    struct desktop_facts facts;

    if (idempotency_find(db, a->rq, &a->once, e) < 0)
        return -1;
    if (a->once.replay)
        return 0;
    if (db_run(db, &Q_desktop_order_facts, DB_ARGS(a->rq->path_id.s), &r, e) < 0)
        return -1;
    who.owner = db_rows(r) > 0 && owns(a->rq, r);
    if (db_rows(r) == 0 || (!who.admin && !who.owner))
        return err_set(e, ERR_DESKTOP_NOT_FOUND, "there is no such desktop");
    facts = (struct desktop_facts){ db_text(r, 0, "state"), db_text(r, 0, "person_id") != NULL };
    if (!desktop_action_permitted(a->action, &who))
        return err_set(e, ERR_FORBIDDEN, "only administrators may do that");
    a->order.done = desktop_action_done(a->action, &facts);
    if (!a->order.done && !desktop_action_allowed(a->action, &who, &facts))
        return err_set(e, ERR_DESKTOP_STATE, "a desktop that is %s cannot %s", facts.state,
                       a->order.verb);
    id_parse(db_text(r, 0, "module_id"), &a->order.module);
    snprintf(a->order.target_name, sizeof a->order.target_name, "%s", db_text(r, 0, "name"));
    return record(db, a, e);
}

static int bserver_tx(struct db *db, void *arg, struct err *e)
{
    struct action *a = arg;
    auto_result PGresult *r = NULL;
    bool resting;

    if (idempotency_find(db, a->rq, &a->once, e) < 0)
        return -1;
    if (a->once.replay)
        return 0;
    if (db_run(db, &Q_bserver_order_facts, DB_ARGS(a->rq->path_id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such bserver");
    resting = strcmp(db_text(r, 0, "state"), "maintenance") == 0;
    a->order.done = resting == (strcmp(a->order.verb, "maintenance") == 0) &&
                    strcmp(db_text(r, 0, "state"), "silent") != 0;
    id_parse(db_text(r, 0, "module_id"), &a->order.module);
    snprintf(a->order.target_name, sizeof a->order.target_name, "%s", db_text(r, 0, "name"));
    return record(db, a, e);
}

static int run_action(struct action *a, db_tx_fn *body, struct reply *rp, struct err *e)
{
    if (idempotency_open(a->rq, &a->once, e) < 0 || db_tx(ccc_db(a->rq), body, a, e) < 0)
        return -1;
    if (a->once.replay) {
        snprintf(rp->location, sizeof rp->location, "%s", a->once.location);
        return http_reply(rp, a->once.status, MOVE(a->once.body), e);
    }
    if (!a->order.done)
        return http_accepted(rp, a->id.s, MOVE(a->body), e);
    snprintf(rp->location, sizeof rp->location, "/api/v1/operations/%s", a->id.s);
    return http_reply(rp, 200, MOVE(a->body), e);
}

/* POST /desktops/{id}/actions {action} */
static int post_action(const struct request *rq, struct reply *rp, struct err *e)
{
    struct action a = { .rq = rq, .order = { .rq = rq, .target_kind = "desktop" } };
    const struct json_field fields[] = {
        { "action", JSON_TEXT, .required = true, .to = &a.order.verb,
          .words = desktop_action_words },
        { 0 },
    };
    int rc;

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (!desktop_action_from(a.order.verb, &a.action))
        return err_set(e, ERR_INVALID_REQUEST, "there is no such action");
    rc = run_action(&a, desktop_tx, rp, e);
    action_close(&a);
    return rc;
}

/* POST /bservers/{id}/actions {action} */
static int post_bserver_action(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const words[] = { "maintenance", "resume", NULL };
    struct action a = { .rq = rq, .order = { .rq = rq, .target_kind = "bserver" } };
    const struct json_field fields[] = {
        { "action", JSON_TEXT, .required = true, .to = &a.order.verb, .words = words },
        { 0 },
    };
    int rc;

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    rc = run_action(&a, bserver_tx, rp, e);
    action_close(&a);
    return rc;
}

const struct route desktop_routes[] = {
    { "GET", "/api/v1/me/desktops", "self", get_mine, 0 },
    { "GET", "/api/v1/desktops", "self", get_list, 0 },
    { "GET", "/api/v1/desktops/{id}", "self", get_one, 0 },
    { "POST", "/api/v1/desktops/{id}/actions", "self", post_action, 0 },
    { "POST", "/api/v1/bservers/{id}/actions", "admin", post_bserver_action, 0 },
    { 0 },
};
