#include "ccc/session.h"

#include <stdio.h>

#include "ccc/ccc.h"
#include "ccc/connection.h"
#include "common/http/token.h"
#include "sql/ccc/login.h"

static int find(const struct request *rq, const char *hash, PGresult **out, struct err *e)
{
    struct connection_order c = { .rq = rq };
    char idle[16];

    if (connection_wanted(rq, &c))
        return connection_read(&c, hash, out, e);
    snprintf(idle, sizeof idle, "%d", SESSION_IDLE_S);
    return db_run(ccc_db(rq), &Q_session_find, DB_ARGS(hash, idle), out, e);
}

static int look_up(const struct request *rq, const char *token, struct caller *c, struct err *e)
{
    auto_result PGresult *r = NULL;
    char hash[TOKEN_HASH];

    token_hash(token, hash);
    if (find(rq, hash, &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended, sign in again");
    if (db_flag(r, 0, "stale") && db_run(ccc_db(rq), &Q_session_touch, DB_ARGS(hash), NULL, e) < 0)
        return -1;
    if (!id_parse(db_text(r, 0, "id"), &c->id))
        return err_set(e, ERR_INTERNAL, "a stored person cannot be read");
    snprintf(c->name, sizeof c->name, "%s", db_text(r, 0, "username"));
    snprintf(c->role, sizeof c->role, "%s", db_text(r, 0, "role"));
    snprintf(c->session, sizeof c->session, "%s", hash);
    token_csrf(token, c->csrf);
    c->kind = CALLER_PERSON;
    connection_leave(rq, MOVE(r));
    return 0;
}

int session_authenticate(const struct request *rq, struct caller *c, struct err *e)
{
    char token[TOKEN_TEXT];
    struct caller found = { 0 };

    if (token_of(rq, ccc_app(rq)->cookie, token, &found.by_cookie, e) < 0)
        return -1;
    if (!token[0])
        return 0;
    if (look_up(rq, token, &found, e) < 0)
        return -1;
    *c = found;
    return 0;
}

int session_modules(struct db *db, const struct id *person, bool all, json_t **out, struct err *e)
{
    auto_result PGresult *r = NULL;
    json_t *list;

    if (db_run(db, &Q_session_modules, DB_ARGS(person->s, all ? "true" : "false"), &r, e) < 0)
        return -1;
    list = json_array();
    for (int i = 0; i < db_rows(r); i++) {
        json_t *m = json_object();

        json_object_set_new(m, "id", json_string(db_text(r, i, "id")));
        json_object_set_new(m, "name", json_string(db_text(r, i, "name")));
        json_object_set_new(m, "login", json_string(db_text(r, i, "login")));
        json_array_append_new(list, m);
    }
    *out = list;
    return 0;
}
