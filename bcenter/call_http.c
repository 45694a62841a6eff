/* call_http — questions from the CCC through an xCenter, while a person waits. */
#include <string.h>

#include "bcenter/placement_why.h"
#include "bcenter/portal.h"
#include "bcenter/publish.h"
#include "bcenter/session.h"
#include "bcenter/upstream.h"
#include "common/base/json.h"

static int let_call(const struct request *rq, struct err *e)
{
    struct bcenter *bc = rq->app;
    int rc;

    module_lock(&bc->m);
    rc = module_let_call(&bc->m, &rq->caller.id, e);
    module_unlock(&bc->m);
    if (rc < 0)
        return -1;
    return call_order_take(&bc->calls, &rq->key, rq->attempt, e);
}

static void name_of(struct bcenter *bc, const struct id *person, char to[BROKER_LABEL])
{
    struct person *p;

    module_lock(&bc->m);
    p = module_person(&bc->m, person);
    snprintf(to, BROKER_LABEL, "%s", p ? p->username : "");
    module_unlock(&bc->m);
}

static void take_released(struct broker_ask *ask, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && ask->nreleased < BROKER_MODULES; i++)
        if (id_parse(json_string_value(json_array_get(list, i)), &ask->released[ask->nreleased]))
            ask->nreleased++;
}

static int post_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    struct connect ask = { .trace = rq->trace_id, .deadline_ms = rq->deadline_ms };
    struct connection c;
    struct operation *op;
    json_t *body = NULL;
    struct id operation;

    if (let_call(rq, e) < 0)
        return -1;
    if (!json_id(rq->body, "person_id", &ask.ask.person))
        return err_set(e, ERR_INVALID_REQUEST, "person_id is missing");
    if (json_id(rq->body, "operation_id", &operation)) {
        if (broker_result(bc, &operation, &ask.ask.person, &c, e) < 0)
            return -1;
        return http_reply(rp, 201, connection_json(bc, &c), e);
    }
    json_id(rq->body, "pool_id", &ask.ask.pool);
    json_id(rq->body, "desktop_id", &ask.ask.desktop);
    if (!id_set(&ask.ask.pool) && !id_set(&ask.ask.desktop))
        return err_set(e, ERR_INVALID_REQUEST, "pool_id, desktop_id or operation_id is missing");
    ask.ask.from_ccc = true;
    ask.ask.again = json_flag(rq->body, "again", false);
    json_id(rq->body, "turn", &ask.ask.turn);
    take_released(&ask.ask, json_object_get(rq->body, "released"));
    name_of(bc, &ask.ask.person, ask.actor_name);
    if (broker_connect(bc, bcenter_db(rq), &ask, &c, e) < 0)
        return -1;
    if (!id_set(&c.operation))
        return http_reply(rp, 201, connection_json(bc, &c), e);
    module_lock(&bc->m);
    op = module_operation(&bc->m, &c.operation);
    if (op)
        body = operation_json(op);
    module_unlock(&bc->m);
    return http_accepted(rp, c.operation.s, body, e);
}

static int delete_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    struct session_end s = { .session = rq->path_id,
                             .reason = "disconnected",
                             .actor_name = "ccc" };

    s.trace = rq->trace_id;
    s.deadline_ms = rq->deadline_ms;
    if (let_call(rq, e) < 0 || session_end(rq->app, bcenter_db(rq), &s, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

static int post_ticket(const struct request *rq, struct reply *rp, struct err *e)
{
    const char *secret = json_str(rq->body, "resume");
    struct connection c;

    if (let_call(rq, e) < 0)
        return -1;
    if (!secret)
        return err_set(e, ERR_INVALID_REQUEST, "resume is missing");
    if (session_ticket(rq->app, bcenter_db(rq), &(struct session_resume){ rq->path_id, secret }, &c,
                       e) < 0)
        return -1;
    return http_reply(rp, 201, session_ticket_json(&c), e);
}

static int post_end(const struct request *rq, struct reply *rp, struct err *e)
{
    struct session_resume ask = { rq->path_id, json_str(rq->body, "resume") };

    if (let_call(rq, e) < 0)
        return -1;
    if (!ask.secret)
        return err_set(e, ERR_INVALID_REQUEST, "resume is missing");
    if (session_end_resume(rq->app, bcenter_db(rq), &ask, rq->trace_id, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

static int post_confirm(const struct request *rq, struct reply *rp, struct err *e)
{
    json_t *o;
    int64_t released;

    if (let_call(rq, e) < 0 || upstream_confirm(rq->app, bcenter_db(rq), &released, e) < 0)
        return -1;
    o = json_object();
    json_put_int(o, "released", released);
    return http_reply(rp, 200, o, e);
}

static int get_placement(const struct request *rq, struct reply *rp, struct err *e)
{
    json_t *o;

    if (let_call(rq, e) < 0 || placement_why(rq->app, bcenter_db(rq), &rq->path_id, &o, e) < 0)
        return -1;
    return http_reply(rp, 200, o, e);
}

const struct route call_routes[] = {
    { "POST", "/call/v1/connections", "node:xcenter", post_connection, 0 },
    { "DELETE", "/call/v1/connections/{id}", "node:xcenter", delete_connection, 0 },
    { "POST", "/call/v1/connections/{id}/tickets", "node:xcenter", post_ticket, 0 },
    { "GET", "/call/v1/placements/{id}", "node:xcenter", get_placement, 0 },
    { "POST", "/call/v1/connections/{id}/end", "node:xcenter", post_end, 0 },
    { "POST", "/call/v1/confirm-deletions", "node:xcenter", post_confirm, 0 },
    { 0 },
};
