#include "bcenter/session.h"

#include <string.h>

#include "bcenter/desktop_store.h"
#include "bcenter/ticket_issue.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "sql/module/module.h"

enum { WAIT_MS = 3000, TRIES = 3 };

static bool may(const struct id *asker, const struct id *owner)
{
    return !id_set(asker) || id_eq(asker, owner);
}

/* Not live here: was it ever hers? */
static int ended_before(struct db *db, const struct id *session, const struct id *person,
                        struct err *e)
{
    auto_result PGresult *r = NULL;
    struct id owner;

    if (db_run(db, &Q_session_state, DB_ARGS(session->s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 1 && id_parse(db_text(r, 0, "person_id"), &owner) && may(person, &owner))
        return 0;
    return err_set(e, ERR_NOT_FOUND, "no such connection");
}

/* Lock held; free on return. 1: conflict, look again. */
static int end_on(struct bcenter *bc, struct db *db, struct desktop *d, const struct session_end *s,
                  struct err *e)
{
    struct err bad = { 0 };
    struct change c;

    change_begin(d, &c);
    change_end_session(d, &c, s->reason);
    if (d->row.floating)
        change_free(&bc->m, d, &c);
    c.actor = s->actor;
    c.actor_name = s->actor_name;
    c.action = "connection.end";
    c.trace = s->trace;
    module_unlock(&bc->m);
    if (change_commit(bc, db, &c, &bad) == 0)
        return 0;
    if (bad.code == ERR_CONFLICT)
        return 1;
    *e = bad;
    return -1;
}

int session_end(struct bcenter *bc, struct db *db, const struct session_end *s, struct err *e)
{
    int64_t until = clock_boot_ms() + WAIT_MS;

    for (int i = 0; i < TRIES; i++) {
        struct desktop *d;
        int rc;

        module_lock(&bc->m);
        while ((d = module_session_desktop(&bc->m, &s->session)) && (d->busy || d->unsure) &&
               module_wait(&bc->m, until)) {
        }
        if (!d || d->busy || d->unsure || !may(&s->person, &d->session->person)) {
            bool busy = d && (d->busy || d->unsure);

            module_unlock(&bc->m);
            if (busy)
                return err_set(e, ERR_TX_CONFLICT, "the desktop is being changed, try again");
            return d ? err_set(e, ERR_NOT_FOUND, "no such connection")
                     : ended_before(db, &s->session, &s->person, e);
        }
        rc = end_on(bc, db, d, s, e);
        if (rc <= 0)
            return rc;
    }
    return err_set(e, ERR_TX_CONFLICT, "the desktop is being changed, try again");
}

/* Disabled a moment ago: reconcile is about to end the session. Lock held. */
static bool barred(struct module *m, const struct id *person)
{
    struct person *p = module_person(m, person);

    return p && p->disabled;
}

static int not_live(struct db *db, const struct id *session, struct err *e)
{
    const struct id anyone = { "" };

    if (ended_before(db, session, &anyone, e) < 0)
        return -1;
    return err_set(e, ERR_SESSION_ENDED, "the session has ended");
}

int session_ticket(struct bcenter *bc, struct db *db, const struct session_resume *ask,
                   struct connection *out, struct err *e)
{
    struct ticket t;
    struct desktop *d;
    int rc;

    memset(out, 0, sizeof *out);
    module_lock(&bc->m);
    d = module_session_desktop(&bc->m, &ask->session);
    if (!d) {
        module_unlock(&bc->m);
        return not_live(db, &ask->session, e);
    }
    if (barred(&bc->m, &d->session->person))
        rc = err_set(e, ERR_SESSION_ENDED, "the session has ended");
    else if (!resume_opens(&bc->m, d->session, ask->secret))
        rc = err_set(e, ERR_TICKET_REFUSED, "this does not open the session");
    else if (!module_entitled(&bc->m, &d->session->person, &d->row.pool))
        rc = err_set(e, ERR_NOT_ENTITLED, "you are not entitled to this pool any more");
    else
        rc = ticket_claim(bc, d, &t, &out->display, e);
    module_unlock(&bc->m);
    if (rc < 0)
        return -1;
    out->id = t.session;
    out->desktop = t.desktop;
    return ticket_seal(bc, &t, out->ticket, &out->expires, e);
}

int session_end_resume(struct bcenter *bc, struct db *db, const struct session_resume *ask,
                       const char *trace, struct err *e)
{
    struct session_end s = { .session = ask->session, .trace = trace, .reason = "disconnected" };
    char name[BROKER_LABEL] = "";
    struct person *p;
    struct desktop *d;
    bool ended, refused;

    module_lock(&bc->m);
    d = module_session_desktop(&bc->m, &ask->session);
    ended = !d || barred(&bc->m, &d->session->person);
    refused = !ended && !resume_opens(&bc->m, d->session, ask->secret);
    if (!ended) {
        s.actor = s.person = d->session->person;
        p = module_person(&bc->m, &s.person);
        snprintf(name, sizeof name, "%s", p ? p->username : "");
    }
    module_unlock(&bc->m);
    if (!d)
        return not_live(db, &ask->session, e);
    if (ended)
        return err_set(e, ERR_SESSION_ENDED, "the session has ended");
    if (refused)
        return err_set(e, ERR_TICKET_REFUSED, "this does not open the session");
    s.actor_name = name;
    return session_end(bc, db, &s, e);
}

json_t *session_ticket_json(const struct connection *c)
{
    json_t *o = json_object();

    json_object_set_new(o, "display", display_json(&c->display, c->ticket));
    json_put_time(o, "expires_at", c->expires);
    return o;
}

int session_state(struct bcenter *bc, struct db *db, const struct id *session,
                  const struct id *person, json_t **out, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct id owner;
    json_t *o;

    if (db_run(db, &Q_session_state, DB_ARGS(session->s), &r, e) < 0)
        return -1;
    (void)bc;
    if (db_rows(r) != 1 || !id_parse(db_text(r, 0, "person_id"), &owner) || !may(person, &owner))
        return err_set(e, ERR_NOT_FOUND, "no such connection");
    o = json_object();
    json_put_str(o, "id", session->s);
    json_put_str(o, "desktop_id", db_text(r, 0, "desktop_id"));
    json_put_str(o, "state", db_flag(r, 0, "live") ? "live" : "ended");
    json_put_time(o, "since", db_int(r, 0, "since_ms", 0));
    *out = o;
    return 0;
}
