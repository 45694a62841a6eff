/* connections_http — connecting at this bCenter: with the CCC and everything above it gone, too. */
#include <string.h>

#include "bcenter/portal.h"
#include "bcenter/session.h"
#include "common/base/json.h"

static bool secret_text(const char *s)
{
    return s && s[0] && strlen(s) <= 200;
}

static int accepted(struct bcenter *bc, struct reply *rp, const struct connection *c, struct err *e)
{
    struct operation *op;
    json_t *body = NULL;

    module_lock(&bc->m);
    op = module_operation(&bc->m, &c->operation);
    if (op)
        body = portal_operation(bc, op);
    module_unlock(&bc->m);
    return http_accepted(rp, c->operation.s, body, e);
}

static int post_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    struct connect ask = { .trace = rq->trace_id, .deadline_ms = rq->deadline_ms };
    struct connection c;
    const struct json_field fields[] = {
        { .name = "pool_id", .kind = JSON_UUID, .to = &ask.ask.pool },
        { .name = "desktop_id", .kind = JSON_UUID, .to = &ask.ask.desktop },
        { 0 },
    };

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (id_set(&ask.ask.pool) == id_set(&ask.ask.desktop))
        return err_set(e, ERR_INVALID_REQUEST, "give either pool_id or desktop_id");
    ask.ask.person = rq->caller.id;
    snprintf(ask.actor_name, sizeof ask.actor_name, "%s", rq->caller.name);
    if (broker_connect(bc, bcenter_db(rq), &ask, &c, e) < 0)
        return -1;
    if (id_set(&c.operation))
        return accepted(bc, rp, &c, e);
    return http_reply(rp, 201, connection_json(bc, &c), e);
}

static json_t *lanes_of(const struct bserver *b)
{
    json_t *o = json_object(), *lanes = json_array();

    for (int i = 0; i < b->nlanes; i++) {
        json_t *lane = json_object();

        json_put_int(lane, "no", i);
        json_put_str(lane, "url", b->lane_url[i]);
        json_put_bool(lane, "up", !b->lane_down[i]);
        if (b->lane_url[i][0])
            json_array_append(lanes, lane);
        json_decref(lane);
    }
    json_put_str(o, "id", b->id.s);
    json_put_str(o, "name", b->name);
    json_object_set_new(o, "lanes", lanes);
    return o;
}

/* GET /me/lanes: a screen of hers may come from each bServer here. */
static int get_my_lanes(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    json_t *items = json_array();
    struct bserver *b, *next;

    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.bservers, b, next)
    {
        json_t *o = b->left ? NULL : lanes_of(b);

        if (o && json_array_size(json_object_get(o, "lanes")) > 0)
            json_array_append(items, o);
        json_decref(o);
    }
    module_unlock(&bc->m);
    return portal_list(rq, rp, NULL, items, e);
}

/* "" for administrators: theirs are all. */
static struct id owner(const struct request *rq)
{
    return strcmp(rq->caller.role, "admin") == 0 ? (struct id){ "" } : rq->caller.id;
}

static int get_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    struct id person = owner(rq);
    json_t *o;

    if (session_state(rq->app, bcenter_db(rq), &rq->path_id, &person, &o, e) < 0)
        return -1;
    return http_reply(rp, 200, o, e);
}

static int delete_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    struct session_end s = { .session = rq->path_id,
                             .person = owner(rq),
                             .actor = rq->caller.id,
                             .reason = "disconnected" };

    s.actor_name = rq->caller.name;
    s.trace = rq->trace_id;
    s.deadline_ms = rq->deadline_ms;
    if (session_end(rq->app, bcenter_db(rq), &s, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

static int resume_of(const struct request *rq, struct session_resume *ask, struct err *e)
{
    const struct json_field fields[] = {
        { .name = "resume",
          .kind = JSON_TEXT,
          .required = true,
          .to = &ask->secret,
          .valid = secret_text,
          .must = "is not a resume secret" },
        { 0 },
    };

    ask->session = rq->path_id;
    return json_fields(rq->body, fields, e);
}

static int post_ticket(const struct request *rq, struct reply *rp, struct err *e)
{
    struct session_resume ask = { 0 };
    struct connection c;

    if (resume_of(rq, &ask, e) < 0 || session_ticket(rq->app, bcenter_db(rq), &ask, &c, e) < 0)
        return -1;
    return http_reply(rp, 201, session_ticket_json(&c), e);
}

static int post_end(const struct request *rq, struct reply *rp, struct err *e)
{
    struct session_resume ask = { 0 };

    if (resume_of(rq, &ask, e) < 0 ||
        session_end_resume(rq->app, bcenter_db(rq), &ask, rq->trace_id, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

const struct route connections_routes[] = {
    { "GET", "/api/v1/me/lanes", "self", get_my_lanes, 0 },
    { "POST", "/api/v1/connections", "self", post_connection, 0 },
    { "GET", "/api/v1/connections/{id}", "self", get_connection, 0 },
    { "DELETE", "/api/v1/connections/{id}", "self", delete_connection, 0 },
    { "POST", "/api/v1/connections/{id}/tickets", "anyone", post_ticket, HTTP_CORS },
    { "POST", "/api/v1/connections/{id}/end", "anyone", post_end, HTTP_CORS },
    { 0 },
};
