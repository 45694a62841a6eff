#include "ccc/connection.h"

#include <string.h>

#include "ccc/ccc.h"
#include "ccc/line.h"
#include "ccc/mirror.h"
#include "ccc/session.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/ccc/connection.h"

enum { TRIES = 64, ARRAY_MAX = 2 + TRIES * (ID_LEN + 1) }; /* as many as a pool has shares */

/* Modules that were asked and do not serve her: those without room have written that they release
 * her, the others hold no seat of hers. */
struct route_of {
    struct id asked[TRIES];
    bool full[TRIES];
    int n;
    struct id turn;        /* this request: what is given up to it, it alone may give back */
    bool again;            /* in the second round */
    json_t *released;      /* owned: the asked ones */
    const PGresult *first; /* connection_route's row */
    struct err refused;    /* what she is told when nobody serves her */
};

bool connection_wanted(const struct request *rq, struct connection_order *c)
{
    if (strcmp(rq->method, "POST") != 0 || strcmp(rq->path, "/api/v1/connections") != 0)
        return false;
    return json_id(rq->body, "desktop_id", &c->desktop) || json_id(rq->body, "pool_id", &c->pool);
}

int connection_read(const struct connection_order *c, const char *session, PGresult **out,
                    struct err *e)
{
    char idle[16];

    snprintf(idle, sizeof idle, "%d", SESSION_IDLE_S);
    return db_run(ccc_db(c->rq), &Q_connection_route,
                  DB_ARGS(session, idle, id_set(&c->pool) ? c->pool.s : NULL,
                          id_set(&c->desktop) ? c->desktop.s : NULL),
                  out, e);
}

void connection_leave(const struct request *rq, PGresult *read)
{
    struct ccc_worker *w = rq->worker;

    PQclear(w->route);
    w->route = NULL;
    if (PQfnumber(read, "noted") < 0) {
        PQclear(read); /* of another request than a connect */
        return;
    }
    w->route = read;
    snprintf(w->route_of, sizeof w->route_of, "%s", rq->trace_id);
}

/* What was read when she was let in, just now on this thread; a long body comes after that. */
static int known(const struct connection_order *c, PGresult **out, struct err *e)
{
    struct ccc_worker *w = c->rq->worker;
    auto_result PGresult *r = MOVE(w->route);

    if (!r || strcmp(w->route_of, c->rq->trace_id) != 0) {
        PQclear(r);
        r = NULL;
        if (connection_read(c, c->rq->caller.session, &r, e) < 0)
            return -1;
        if (db_rows(r) == 0)
            return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended, sign in again");
    }
    *out = MOVE(r);
    return 0;
}

static int entitled(struct connection_order *c, const PGresult *route, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_flag(route, 0, "entitled")) {
        id_parse(db_text(route, 0, "pool_id"), &c->pool);
        return 0;
    }
    if (id_set(&c->desktop))
        return err_set(e, ERR_NOT_ENTITLED, "this desktop is not yours");
    /* Whether a pool exists is not told to those who may not have it. */
    if (strcmp(c->rq->caller.role, "admin") == 0) {
        if (db_run(ccc_db(c->rq), &Q_connection_pool, DB_ARGS(c->pool.s), &r, e) < 0)
            return -1;
        if (!db_flag(r, 0, "pool"))
            return err_set(e, ERR_NOT_FOUND, "there is no such pool");
    }
    return err_set(e, ERR_NOT_ENTITLED, "you are not entitled to this pool");
}

/* The next module to ask: *found false when none is left. The first one is known. */
static int next_module(const struct connection_order *c, const struct route_of *way, struct id *out,
                       bool *found, struct err *e)
{
    auto_result PGresult *r = NULL;
    char skip[ARRAY_MAX];
    size_t at = 1;

    if (way->n == 0) {
        *found = id_parse(db_text(way->first, 0, "module_id"), out);
        return 0;
    }
    skip[0] = '{';
    for (int i = 0; i < way->n; i++)
        at += (size_t)snprintf(skip + at, sizeof skip - at, "%s%s", i ? "," : "", way->asked[i].s);
    snprintf(skip + at, sizeof skip - at, "}");
    if (db_run(ccc_db(c->rq), &Q_connection_place, DB_ARGS(c->pool.s, c->rq->caller.id.s, skip), &r,
               e) < 0)
        return -1;
    *found = db_rows(r) > 0 && id_parse(db_text(r, 0, "module_id"), out);
    return 0;
}

static int ask(struct connection_order *c, const struct route_of *way, struct err *e)
{
    json_auto_t *body = json_object();
    struct line_call call = {
        .module = c->module, .method = LINE_POST, .path = "/connections", .body = body
    };

    json_object_set_new(body, "person_id", json_string(c->rq->caller.id.s));
    if (id_set(&c->desktop))
        json_object_set_new(body, "desktop_id", json_string(c->desktop.s));
    else
        json_object_set_new(body, "pool_id", json_string(c->pool.s));
    json_object_set(body, "released", way->released);
    json_object_set_new(body, "turn", json_string(way->turn.s));
    if (way->again)
        json_object_set_new(body, "again", json_true());
    json_object_set_new(body, "remote", json_string(c->rq->remote ? c->rq->remote : ""));
    if (line_call(c->rq, &call, e) < 0)
        return -1;
    if ((call.status != 201 && call.status != 202) || !json_is_object(call.answer)) {
        json_decref(call.answer);
        return err_set(e, ERR_PEER_PROTOCOL, "the module answered unintelligibly");
    }
    c->status = call.status;
    c->answer = call.answer;
    return 0;
}

/* No room: the module wrote that it releases her, in the transaction that refused. */
static bool no_room(enum err_code code)
{
    return code == ERR_POOL_EXHAUSTED || (code >= ERR_LAW_SLOTS && code <= ERR_LAW_CAPABILITY);
}

/* *served, or c->module has said that it does not serve her; anything else ends the search. */
static int ask_one(struct connection_order *c, struct route_of *way, bool *served, bool *full,
                   struct err *e)
{
    struct err last = { 0 };

    *full = false;
    *served = ask(c, way, &last) == 0;
    if (*served)
        return 0;
    *full = no_room(last.code);
    if (!*full && last.code != ERR_SEAT_ELSEWHERE) {
        *e = last;
        return -1;
    }
    if (way->refused.code == ERR_NONE || *full)
        way->refused = last;
    return 0;
}

/* Each once: who has her desktop or holds her seat, then in the order of the rendezvous. */
static int first_round(struct connection_order *c, struct route_of *way, bool *served,
                       struct err *e)
{
    bool found, full;

    for (*served = false; way->n < TRIES; way->n++) {
        if (next_module(c, way, &c->module, &found, e) < 0)
            return -1;
        if (!found)
            return 0;
        if (ask_one(c, way, served, &full, e) < 0)
            return -1;
        if (*served)
            return 0;
        json_array_append_new(way->released, json_string(c->module.s));
        way->asked[way->n] = c->module;
        way->full[way->n] = full;
    }
    return 0;
}

static int second_round(struct connection_order *c, struct route_of *way, bool *served,
                        struct err *e)
{
    bool full, crossed = false;

    way->again = true;
    for (int i = 0; i < way->n && !*served; i++) {
        c->module = way->asked[i];
        if (way->full[i])
            continue;
        if (ask_one(c, way, served, &full, e) < 0)
            return -1;
        crossed |= !*served && !full; /* it has been asked by another request since */
    }
    if (!*served && crossed)
        return err_set(e, ERR_TX_CONFLICT, "you are being connected by another request already");
    return 0;
}

/*
 * Nobody serves her, and some gave her up before: they are asked once more, to take her again if
 * they have room. Two requests of hers must not do so beside each other, nor one on what it heard
 * before another did: the turn is taken only if nobody took it since this request began.
 */
static int ask_again(struct connection_order *c, struct route_of *way, bool *served, struct err *e)
{
    auto_result PGresult *turn = NULL;
    struct err ignored = { 0 };
    struct db *db = ccc_db(c->rq);
    int rc;

    if (db_run(db, &Q_seat_turn_take,
               DB_ARGS(c->rq->caller.id.s, c->pool.s, db_text(way->first, 0, "turn")), &turn,
               e) < 0)
        return -1;
    if (db_rows(turn) == 0)
        return err_set(e, ERR_TX_CONFLICT, "you are being connected by another request already");
    rc = second_round(c, way, served, e);
    /* If this fails, the turn ends by itself. */
    if (db_run(db, &Q_seat_turn_end,
               DB_ARGS(c->rq->caller.id.s, c->pool.s, db_text(turn, 0, "mark")), NULL,
               &ignored) < 0)
        log_err("seat-turn", &ignored);
    return rc;
}

static int ask_around(struct connection_order *c, struct route_of *way, struct err *e)
{
    bool served = false, some = false;

    if (first_round(c, way, &served, e) < 0)
        return -1;
    for (int i = 0; i < way->n; i++)
        some |= !way->full[i];
    if (!served && some && ask_again(c, way, &served, e) < 0)
        return -1;
    if (served)
        return 0;
    if (way->n == 0)
        return err_set(e, ERR_POOL_EXHAUSTED, "no module has a share of this pool");
    *e = way->refused;
    return -1;
}

/* Kept, so that tickets and log-off find the module. */
static int note(const struct request *rq, const struct id *module, const json_t *answer,
                const char *noted, struct err *e)
{
    struct id id, desktop;

    if (!json_id(answer, "id", &id) || !json_id(answer, "desktop_id", &desktop))
        return err_set(e, ERR_PEER_PROTOCOL, "the module answered with no connection");
    if (noted && strcmp(noted, id.s) == 0)
        return 0; /* ended meanwhile, if at all, by an order that came after */
    return db_run(ccc_db(rq), &Q_connection_note,
                  DB_ARGS(id.s, desktop.s, rq->caller.id.s, module->s), NULL, e);
}

int connection_open(struct connection_order *c, struct err *e)
{
    auto_result PGresult *route = NULL;
    struct route_of way = { 0 };
    int rc;

    if (known(c, &route, e) < 0 || entitled(c, route, e) < 0)
        return -1;
    way.first = route;
    way.released = json_array();
    way.turn = id_new();
    rc = ask_around(c, &way, e);
    if (rc == 0 && c->status == 202) /* its operation is shown at once */
        rc = mirror_foresee(ccc_db(c->rq), &c->module, c->answer, e);
    else if (rc == 0)
        rc = note(c->rq, &c->module, c->answer, db_text(route, 0, "noted"), e);
    json_decref(way.released);
    if (rc < 0) {
        json_decref(c->answer);
        c->answer = NULL;
    }
    return rc;
}

int connection_result(const struct request *rq, const struct id *module, const struct id *operation,
                      json_t **out, struct err *e)
{
    json_auto_t *body =
        json_pack("{s:s, s:s}", "person_id", rq->caller.id.s, "operation_id", operation->s);
    struct line_call call = {
        .module = *module, .method = LINE_POST, .path = "/connections", .body = body
    };

    if (line_call(rq, &call, e) < 0)
        return -1;
    *out = call.answer;
    return 0;
}
