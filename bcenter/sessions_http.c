/* sessions_http — signing in at this bCenter, and who I am. */
#include <string.h>

#include "bcenter/login.h"
#include "bcenter/portal.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "sql/module/login.h"

static json_t *person_json(const struct person *p)
{
    json_t *o = json_object();

    json_put_str(o, "id", p->id.s);
    json_put_str(o, "username", p->username);
    json_object_set_new(o, "display_name", json_string(p->display_name));
    json_put_str(o, "role", p->role[0] ? p->role : "user");
    return o;
}

static bool shown_text(const char *s)
{
    return s && strlen(s) <= 1024;
}

struct note {
    const char *action;
    const struct id *person; /* NULL: nobody is known to have done it */
    const char *username, *result;
};

static void write_down(const struct request *rq, const struct note *n)
{
    struct err e = { 0 };
    const char *person = n->person ? n->person->s : NULL;
    char shown[40];

    /* What was done stands, whether or not it could be written down. */
    if (db_run(bcenter_db(rq), &Q_audit_add,
               DB_ARGS(person, text_one_line(shown, sizeof shown, n->username), n->action, "user",
                       person, n->result, rq->trace_id, rq->remote),
               NULL, &e) < 0)
        log_err("audit", &e);
}

static void set_cookie(struct bcenter *bc, struct reply *rp, const char *token, int64_t seconds)
{
    char name[TOKEN_COOKIE];

    token_cookie_name(&bc->node.id, name);
    token_set_cookie(rp, name, token, seconds, bc->config->login_cert[0] != '\0');
}

static json_t *grant_json(struct bcenter *bc, const struct login_grant *g)
{
    json_t *o = json_object();
    struct person *p;

    json_put_str(o, "token", g->token);
    json_put_time(o, "expires_at", g->expires);
    json_put_str(o, "csrf", g->csrf);
    module_lock(&bc->m);
    p = module_person(&bc->m, &g->person);
    if (p)
        json_object_set_new(o, "person", person_json(p));
    json_object_set_new(o, "modules", portal_modules(bc, &g->person));
    module_unlock(&bc->m);
    return o;
}

static int post_session(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    struct login_ask ask = { .remote = rq->remote };
    struct login_grant g;
    const struct json_field fields[] = {
        { .name = "username",
          .kind = JSON_TEXT,
          .required = true,
          .to = &ask.username,
          .valid = shown_text,
          .must = "is too long" },
        { .name = "password",
          .kind = JSON_TEXT,
          .required = true,
          .to = &ask.password,
          .valid = shown_text,
          .must = "is too long" },
        { 0 },
    };

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (login_make(bc, bcenter_db(rq), &ask, &g, &rp->retry_after_s, e) < 0) {
        if (e->code == ERR_BAD_CREDENTIALS)
            write_down(rq,
                       &(struct note){ "session.create", NULL, ask.username, err_slug(e->code) });
        return -1;
    }
    write_down(rq, &(struct note){ "session.create", &g.person, ask.username, "ok" });
    set_cookie(bc, rp, g.token, (g.expires - clock_wall_ms()) / 1000);
    return http_reply(rp, 201, grant_json(bc, &g), e);
}

static int delete_session(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;

    if (login_end(bc, bcenter_db(rq), rq->caller.session, e) < 0)
        return -1;
    write_down(rq, &(struct note){ "session.end", &rq->caller.id, rq->caller.name, "ok" });
    set_cookie(bc, rp, "", 0);
    rp->status = 204;
    return 0;
}

static int get_me(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    json_t *o = NULL;
    struct person *p;

    module_lock(&bc->m);
    p = module_person(&bc->m, &rq->caller.id);
    if (p) {
        o = person_json(p);
        json_put_str(o, "locale", p->locale);
        json_object_set_new(o, "modules", portal_modules(bc, &p->id));
    }
    module_unlock(&bc->m);
    if (!o)
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended");
    json_put_str(o, "csrf", rq->caller.csrf);
    json_put_time(o, "expires_at", login_expires(bc, rq->caller.session));
    json_put_bool(o, "events", false); /* pages ask again instead */
    return http_reply(rp, 200, o, e);
}

const struct route sessions_routes[] = {
    { "POST", "/api/v1/sessions", "anyone", post_session, 0 },
    { "DELETE", "/api/v1/sessions/current", "self", delete_session, 0 },
    { "GET", "/api/v1/me", "self", get_me, 0 },
    { 0 },
};
