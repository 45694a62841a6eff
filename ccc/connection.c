#include "ccc/connection.h"

#include <string.h>

#include "ccc/ccc.h"
#include "ccc/line.h"
#include "ccc/mirror.h"
#include "common/base/json.h"
#include "sql/ccc/connection.h"

enum { TRIES = 8, ARRAY_MAX = 2 + TRIES * (ID_LEN + 1) };

/* Modules that were asked, and those of them that released her seat. */
struct route_of {
    struct id asked[TRIES];
    int n;
    json_t *released; /* owned */
};

static int entitled(struct connection_order *c, struct err *e)
{
    struct db *db = ccc_db(c->rq);
    const char *person = c->rq->caller.id.s;
    auto_result PGresult *r = NULL;
    bool admin = strcmp(c->rq->caller.role, "admin") == 0;

    if (id_set(&c->desktop)) {
        if (db_run(db, &Q_connection_desktop, DB_ARGS(c->desktop.s, person), &r, e) < 0)
            return -1;
        if (db_rows(r) == 0)
            return err_set(e, ERR_NOT_ENTITLED, "this desktop is not yours");
        id_parse(db_text(r, 0, "pool_id"), &c->pool);
        return 0;
    }
    if (db_run(db, &Q_connection_entitled, DB_ARGS(c->pool.s, person), &r, e) < 0)
        return -1;
    if (db_flag(r, 0, "entitled"))
        return 0;
    /* Whether a pool exists is not told to those who may not have it. */
    if (admin && !db_flag(r, 0, "pool"))
        return err_set(e, ERR_NOT_FOUND, "there is no such pool");
    return err_set(e, ERR_NOT_ENTITLED, "you are not entitled to this pool");
}

/* The next module to ask: *found false when none is left. */
static int next_module(const struct connection_order *c, const struct route_of *way, struct id *out,
                       bool *found, struct err *e)
{
    auto_result PGresult *r = NULL;
    char skip[ARRAY_MAX];
    size_t at = 1;

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
static bool released_her(enum err_code code)
{
    return code == ERR_POOL_EXHAUSTED || (code >= ERR_LAW_SLOTS && code <= ERR_LAW_CAPABILITY);
}

static int ask_around(struct connection_order *c, struct route_of *way, struct err *e)
{
    struct err refused = { 0 };

    while (way->n < TRIES) {
        struct err last = { 0 };
        bool found;

        if (next_module(c, way, &c->module, &found, e) < 0)
            return -1;
        if (!found)
            break;
        if (ask(c, way, &last) == 0)
            return 0;
        if (!released_her(last.code) && last.code != ERR_SEAT_ELSEWHERE) {
            *e = last;
            return -1;
        }
        if (released_her(last.code))
            json_array_append_new(way->released, json_string(c->module.s));
        if (refused.code == ERR_NONE || released_her(last.code))
            refused = last;
        way->asked[way->n++] = c->module;
    }
    if (refused.code != ERR_NONE) {
        *e = refused;
        return -1;
    }
    return err_set(e, ERR_POOL_EXHAUSTED, "no module has a share of this pool");
}

/* Kept, so that tickets and log-off find the module; a 202 shows its operation at once. */
static int note(struct connection_order *c, struct err *e)
{
    struct id id, desktop;

    if (c->status == 202)
        return mirror_foresee(ccc_db(c->rq), &c->module, c->answer, e);
    if (!json_id(c->answer, "id", &id) || !json_id(c->answer, "desktop_id", &desktop))
        return err_set(e, ERR_PEER_PROTOCOL, "the module answered with no connection");
    return db_run(ccc_db(c->rq), &Q_connection_note,
                  DB_ARGS(id.s, desktop.s, c->rq->caller.id.s, c->module.s), NULL, e);
}

int connection_open(struct connection_order *c, struct err *e)
{
    struct route_of way = { .released = json_array() };
    int rc;

    rc = entitled(c, e);
    if (rc == 0)
        rc = ask_around(c, &way, e);
    if (rc == 0)
        rc = note(c, e);
    json_decref(way.released);
    if (rc < 0) {
        json_decref(c->answer);
        c->answer = NULL;
    }
    return rc;
}
