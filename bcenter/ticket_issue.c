#include "bcenter/ticket_issue.h"

#include <sodium.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/http/metric.h"
#include "sql/module/module.h"

enum { OLD_KEY_MS = 2 * TICKET_TTL_MS };

static void publish_key(struct bcenter *bc, const struct id *kid, const char *hex, int64_t expires)
{
    json_t *o = json_object();

    json_put_str(o, "kid", kid->s);
    json_put_str(o, "public_key", hex);
    json_put_time(o, "expires_at", expires);
    sync_set_put(bc->agents, "", "ticket_key", kid, o);
}

static int64_t revision(const char *cursor, const char *history)
{
    if (!cursor || strlen(cursor) < ID_LEN + 2 || strncmp(cursor, history, ID_LEN + 1) != 0)
        return -1;
    return strtoll(cursor + ID_LEN + 1, NULL, 10);
}

int ticket_issue_start(struct bcenter *bc, struct db *db, struct err *e)
{
    auto_result PGresult *old = NULL, *r = NULL;
    char hex[2 * TICKET_PUBLIC + 1], epoch[24], cursor[SYNC_CURSOR_MAX];
    struct id kid;

    ticket_key_make(&bc->key);
    sodium_bin2hex(hex, sizeof hex, bc->key.public_key, TICKET_PUBLIC);
    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(db, &Q_ticket_key_old, NULL, &old, e) < 0 ||
        db_run(db, &Q_ticket_key_add, DB_ARGS(bc->key.kid.s, hex, epoch), &r, e) < 0)
        return -1;
    if (db_changed(r) != 1)
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    for (int i = 0; i < db_rows(old); i++)
        if (id_parse(db_text(old, i, "kid"), &kid))
            publish_key(bc, &kid, db_text(old, i, "public_key"), clock_wall_ms() + OLD_KEY_MS);
    publish_key(bc, &bc->key.kid, hex, 0);
    sync_set_cursor(bc->agents, cursor);
    bc->key_rev = revision(cursor, cursor);
    return 0;
}

static void expire(void *arg, const struct sync_object *o)
{
    struct bcenter *bc = arg;
    int64_t at;

    if (clock_parse(json_str(o->body, "expires_at"), &at) && at < clock_wall_ms())
        sync_set_del(bc->agents, "", "ticket_key", &o->id);
}

void ticket_issue_expire(struct bcenter *bc)
{
    sync_set_each(bc->agents, "ticket_key", expire, bc);
}

void ticket_known_by(struct bcenter *bc, const struct id *agent, const char *cursor)
{
    char now[SYNC_CURSOR_MAX];
    struct bserver *b;

    sync_set_cursor(bc->agents, now);
    module_lock(&bc->m);
    b = module_bserver(&bc->m, agent);
    if (b && !b->knows_key && revision(cursor, now) >= bc->key_rev) {
        b->knows_key = true;
        pthread_cond_broadcast(&bc->m.changed);
    } else if (b && b->knows_key && revision(cursor, now) < 0) {
        b->knows_key = false; /* it starts from nothing: its process is new */
    }
    module_unlock(&bc->m);
}

int ticket_claim(struct bcenter *bc, const struct desktop *d, struct ticket *out,
                 struct display *display, struct err *e)
{
    const struct bserver *b = d->bserver;

    if (!d->session || !id_set(&d->row.run) || !id_eq(&d->session->run, &d->row.run))
        return err_set(e, ERR_SESSION_ENDED, "the session's run of the desktop is over");
    if (!b || !bserver_up(b, clock_boot_ms()))
        return err_set(e, ERR_DESKTOP_LOST, "the desktop's bServer does not answer");
    if (!b->knows_key)
        return err_set(e, ERR_NOT_READY, "the desktop's bServer has not heard our key yet");
    if (!desktop_screen(d))
        return err_set(e, ERR_LAW_CAPABILITY, "this bServer has no screens");
    *out = (struct ticket){ .kid = bc->key.kid,
                            .bserver = b->id,
                            .desktop = d->row.id,
                            .run = d->row.run,
                            .session = d->session->id,
                            .person = d->session->person,
                            .seq = d->session->seq };
    display_of(b, d->lane, display);
    return 0;
}

int ticket_seal(struct bcenter *bc, struct ticket *t, char text[TICKET_MAX], int64_t *expires_wall,
                struct err *e)
{
    t->iat_ms = clock_wall_ms();
    if (ticket_sign(&bc->key, t, text, e) < 0)
        return -1;
    metric_add(METRIC_CONNECTS, 1);
    *expires_wall = t->iat_ms + TICKET_TTL_MS;
    return 0;
}
