/* operations_http — the starting page's long-poll. The result of a connect is a connection with a
 * fresh ticket. */
#include <string.h>

#include "bcenter/portal.h"
#include "bcenter/session.h"
#include "common/base/clock.h"
#include "common/base/json.h"

/* What the asker has seen is not known: it is parked once, then told what there is. */
static int find(struct bcenter *bc, const struct request *rq, json_t **body, struct operation *copy,
                struct err *e)
{
    struct operation *op;

    module_lock(&bc->m);
    op = module_operation(&bc->m, &rq->path_id);
    if (op && (id_eq(&op->asked_by, &rq->caller.id) || strcmp(rq->caller.role, "admin") == 0)) {
        *copy = *op;
        *body = portal_operation(bc, op);
    } else {
        op = NULL;
    }
    module_unlock(&bc->m);
    return op ? 0 : err_set(e, ERR_NOT_FOUND, "no such operation");
}

/* The connect has succeeded: the session it was for, with a ticket, unless that has ended since. */
static void add_connection(const struct request *rq, json_t *body)
{
    struct bcenter *bc = rq->app;
    struct connection c;
    struct err e = { 0 };

    if (broker_result(bc, &rq->path_id, &rq->caller.id, &c, &e) == 0)
        json_object_set_new(body, "result", connection_json(bc, &c));
}

static int get_operation(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const allowed[] = { "wait", NULL };
    static _Thread_local char key[64];
    struct operation op;
    json_t *body = NULL;
    int64_t wait_s;

    if (http_query_only(rq, allowed, e) < 0 ||
        http_query_int(rq, "wait", 0, 30, 0, &wait_s, e) < 0 ||
        find(rq->app, rq, &body, &op, e) < 0)
        return -1;
    if (!op_ended(op.state) && wait_s > 0 && !rq->woken) {
        json_decref(body);
        snprintf(key, sizeof key, "operation/%s", rq->path_id.s);
        return http_park(rp, key, clock_boot_ms() + wait_s * 1000);
    }
    if (op.state == OP_SUCCEEDED && op.verb == VERB_CONNECT && id_eq(&op.asked_by, &rq->caller.id))
        add_connection(rq, body);
    return http_reply(rp, 200, body, e);
}

const struct route operations_routes[] = {
    { "GET", "/api/v1/operations/{id}", "self", get_operation, 0 },
    { 0 },
};
