#include <sodium.h>
#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/routes.h"
#include "ccc/session.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/http/metric.h"
#include "common/http/token.h"
#include "sql/ccc/login.h"
#include "sql/ccc/person.h"

struct sign_in {
    const struct request *rq;
    const char *username, *password;
    struct id person;
    char name[72], display_name[260], role[16], verifier[PASSWORD_VERIFIER];
    bool known, disabled, stale;
    char fresh[PASSWORD_VERIFIER]; /* "" or the verifier with today's cost figures */
    char token[TOKEN_TEXT], hash[TOKEN_HASH], expires_at[CLOCK_TEXT];
};

static int find_person(struct sign_in *s, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (!text_username(s->username))
        return 0;
    if (db_run(ccc_db(s->rq), &Q_person_sign_in, DB_ARGS(s->username), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0 || !id_parse(db_text(r, 0, "id"), &s->person))
        return 0;
    s->known = true;
    s->disabled = db_flag(r, 0, "disabled") == 1;
    snprintf(s->name, sizeof s->name, "%s", db_text(r, 0, "username"));
    snprintf(s->display_name, sizeof s->display_name, "%s", db_text(r, 0, "display_name"));
    snprintf(s->role, sizeof s->role, "%s", db_text(r, 0, "role"));
    snprintf(s->verifier, sizeof s->verifier, "%s", db_text(r, 0, "verifier"));
    return 0;
}

static int open_tx(struct db *db, void *arg, struct err *e)
{
    struct sign_in *s = arg;
    auto_result PGresult *r = NULL;
    struct audit_entry a = { .action = "session.create",
                             .target_kind = "user",
                             .target_id = s->person.s,
                             .target_name = s->name,
                             .actor = &s->person,
                             .actor_name = s->name };
    char seconds[16], keep[16];

    snprintf(seconds, sizeof seconds, "%d", SESSION_S);
    snprintf(keep, sizeof keep, "%d", SESSIONS_A_PERSON);
    if (s->fresh[0] &&
        db_run(db, &Q_person_rehash, DB_ARGS(s->person.s, s->verifier, s->fresh), NULL, e) < 0)
        return -1;
    if (db_run(db, &Q_session_add, DB_ARGS(s->hash, s->person.s, seconds, s->rq->remote), &r, e) <
            0 ||
        db_run(db, &Q_session_trim, DB_ARGS(s->hash, s->person.s, keep), NULL, e) < 0)
        return -1;
    snprintf(s->expires_at, sizeof s->expires_at, "%s", db_text(r, 0, "expires_at"));
    return audit_add(db, s->rq, &a, e);
}

static int refuse(struct sign_in *s, struct err *e)
{
    char shown[40];
    struct audit_entry a = { .action = "session.create",
                             .target_kind = "user",
                             .target_id = s->known ? s->person.s : NULL,
                             .target_name = text_one_line(shown, sizeof shown, s->username),
                             .result = err_slug(ERR_BAD_CREDENTIALS) };

    metric_add(METRIC_LOGINS_REFUSED, 1);
    if (audit_add(ccc_db(s->rq), s->rq, &a, e) < 0)
        return -1;
    return err_set(e, ERR_BAD_CREDENTIALS, "the user name or the password is wrong");
}

static int verify(struct sign_in *s, struct reply *rp, struct err *e)
{
    const struct ccc *c = ccc_app(s->rq);
    bool right = false;

    if (throttle_take(c->throttle, s->username, s->rq->remote, clock_boot_ms(), &rp->retry_after_s,
                      e) < 0)
        return -1;
    if (find_person(s, e) < 0 ||
        password_verify(c->passwords, s->known ? s->verifier : NULL, s->password, &right, e) < 0) {
        throttle_return(c->throttle, s->username, s->rq->remote, false);
        return -1;
    }
    if (!right || s->disabled)
        return refuse(s, e);
    throttle_return(c->throttle, s->username, s->rq->remote, true);
    if (password_stale(s->verifier) && password_hash(c->passwords, s->password, s->fresh, e) < 0)
        return -1;
    return 0;
}

static json_t *person_json(const struct sign_in *s)
{
    json_t *p = json_object();

    json_object_set_new(p, "id", json_string(s->person.s));
    json_object_set_new(p, "username", json_string(s->name));
    json_object_set_new(p, "display_name", json_string(s->display_name));
    json_object_set_new(p, "role", json_string(s->role));
    return p;
}

/* POST /api/v1/sessions {username, password} */
static int post_session(const struct request *rq, struct reply *rp, struct err *e)
{
    struct sign_in s = { .rq = rq };
    const struct json_field fields[] = {
        { "username", JSON_TEXT, .required = true, .to = &s.username },
        { "password", JSON_TEXT, .required = true, .to = &s.password },
        { 0 },
    };
    const struct ccc *ccc = ccc_app(rq);
    char csrf[TOKEN_HASH];
    json_t *modules = NULL, *body;

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (strlen(s.username) > 256 || strlen(s.password) > 4 * 128)
        return err_set(e, ERR_INVALID_REQUEST, "user name or password is too long");
    if (verify(&s, rp, e) < 0)
        return -1;
    token_new(s.token);
    token_hash(s.token, s.hash);
    token_csrf(s.token, csrf);
    if (db_tx(ccc_db(rq), open_tx, &s, e) < 0 ||
        session_modules(ccc_db(rq), &s.person, strcmp(s.role, "admin") == 0, &modules, e) < 0)
        return -1;
    metric_add(METRIC_LOGINS, 1);
    token_set_cookie(rp, ccc->cookie, s.token, SESSION_S, ccc->secure);
    body = json_object();
    json_object_set_new(body, "token", json_string(s.token));
    json_object_set_new(body, "expires_at", json_string(s.expires_at));
    json_object_set_new(body, "csrf", json_string(csrf));
    json_object_set_new(body, "person", person_json(&s));
    json_object_set_new(body, "modules", modules);
    sodium_memzero(s.token, sizeof s.token);
    return http_reply(rp, 201, body, e);
}

/* Who did it is the caller, so the row is written once though two requests may end the session. */
static int end_tx(struct db *db, void *arg, struct err *e)
{
    const struct request *const *rq = arg;
    auto_result PGresult *r = NULL;
    struct audit_entry a = { .action = "session.end",
                             .target_kind = "user",
                             .target_id = (*rq)->caller.id.s,
                             .target_name = (*rq)->caller.name };

    if (db_run(db, &Q_session_end, DB_ARGS((*rq)->caller.session), &r, e) < 0)
        return -1;
    return db_rows(r) == 0 ? 0 : audit_add(db, *rq, &a, e);
}

/* DELETE /api/v1/sessions/current */
static int delete_session(const struct request *rq, struct reply *rp, struct err *e)
{
    const struct ccc *ccc = ccc_app(rq);

    if (db_tx(ccc_db(rq), end_tx, &rq, e) < 0)
        return -1;
    token_set_cookie(rp, ccc->cookie, "", 0, ccc->secure);
    rp->status = 204;
    return 0;
}

/* GET /api/v1/me */
static int get_me(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const members[] = { "id", "username", "display_name", "role", "expires_at" };
    auto_result PGresult *r = NULL;
    json_t *modules = NULL, *body;
    bool admin = strcmp(rq->caller.role, "admin") == 0;

    if (http_query_only(rq, (const char *const[]){ NULL }, e) < 0 ||
        db_run(ccc_db(rq), &Q_session_me, DB_ARGS(rq->caller.session), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended, sign in again");
    if (session_modules(ccc_db(rq), &rq->caller.id, admin, &modules, e) < 0)
        return -1;
    body = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set_new(body, members[i], json_string(db_text(r, 0, members[i])));
    json_put_str(body, "locale", db_text(r, 0, "locale"));
    json_object_set_new(body, "csrf", json_string(rq->caller.csrf));
    json_object_set_new(body, "modules", modules);
    json_put_bool(body, "events", true);
    return http_reply(rp, 200, body, e);
}

const struct route session_routes[] = {
    { "POST", "/api/v1/sessions", "anyone", post_session, 0 },
    { "DELETE", "/api/v1/sessions/current", "self", delete_session, 0 },
    { "GET", "/api/v1/me", "self", get_me, 0 },
    { 0 },
};
