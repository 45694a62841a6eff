#include "bcenter/broker.h"

#include <sodium.h>
#include <string.h>

#include "bcenter/broker_turn.h"
#include "bcenter/desktop_store.h"
#include "bcenter/publish.h"
#include "bcenter/ticket_issue.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/module/broker.h"

enum { TRIES = 3, WAIT_MS = 3000, CONNECT_DEADLINE_MS = 300000 };

/* What is written: copied under the lock, used without it. */
struct attempt {
    struct desktop_row row;
    struct id session, op, run;
    struct id seen_run, seen_overlay,
        ready_run; /* what its host has said of it, as far as it can */
    unsigned char hash[RESUME_HASH];
    char hash_hex[2 * RESUME_HASH + 1];
    char generation[24], epoch[24], seq[24];
};

/* Lock held. */
static void new_session(const struct bcenter *bc, struct attempt *a)
{
    char secret[RESUME_SECRET];

    a->session = id_new();
    resume_secret(&bc->m, &a->session, secret);
    resume_hash(secret, a->hash);
    sodium_memzero(secret, sizeof secret);
    sodium_bin2hex(a->hash_hex, sizeof a->hash_hex, a->hash, sizeof a->hash);
}

/* Lock held: the desktop is ours to write until finish(); what it will be charged is charged now.
 */
static void reserve(struct bcenter *bc, struct desktop *d, int64_t charge, struct attempt *a)
{
    memset(a, 0, sizeof *a);
    desktop_row_copy(&a->row, &d->row);
    d->busy = true;
    a->seen_run = d->seen_run;
    if (d->bserver && d->bserver->qcow2)
        a->seen_overlay = d->seen_overlay;
    if (d->bserver && d->bserver->guest_channel && d->row.guest_speaks)
        a->ready_run = d->ready_run;
    d->io.held = charge;
    snprintf(a->generation, sizeof a->generation, "%lld", (long long)d->row.generation);
    snprintf(a->epoch, sizeof a->epoch, "%lld", (long long)bc->m.epoch);
    snprintf(a->seq, sizeof a->seq, "%lld", (long long)d->row.seq + 1);
}

/* Takes the lock again; the caller applies and unlocks. NULL: the desktop is gone. */
static struct desktop *finish(struct bcenter *bc, struct db *db, struct attempt *a, int rc)
{
    struct desktop *d;

    if (rc < 0)
        desktop_reload(bc, db, &a->row.id);
    module_lock(&bc->m);
    d = module_desktop(&bc->m, &a->row.id);
    if (d)
        desktop_written(d);
    pthread_cond_broadcast(&bc->m.changed);
    desktop_row_release(&a->row);
    return d;
}

static void hold_seat(struct bcenter *bc, const struct id *person, const struct desktop *d)
{
    struct seat *s = module_seat(&bc->m, person, &d->row.pool);

    if (!s || s->released)
        publish_seat(
            bc, module_seat_put(&bc->m, person, &d->row.pool, false, s ? s->generation + 1 : 1));
}

/* Lock held: the row now has her name on it. */
static void assigned(struct bcenter *bc, const struct id *person, struct desktop *d)
{
    d->row.person = *person;
    if (!d->row.assigned)
        d->row.assigned = clock_wall_ms();
    d->row.seq++;
    d->row.generation++;
    module_desktop_index(&bc->m, d);
    hold_seat(bc, person, d);
}

/* Lock held. The connection to the live session; its ticket is signed when the lock is free. */
static int give_connection(struct bcenter *bc, struct desktop *d, struct connection *out,
                           struct err *e)
{
    if (ticket_claim(bc, d, &out->claims, &out->display, e) < 0)
        return -1;
    out->id = d->session->id;
    out->desktop = d->row.id;
    resume_secret(&bc->m, &out->id, out->resume);
    return 0;
}

/* Lock held on entry, free on return. Writes nothing: her secret is what it was. */
static int resume(struct bcenter *bc, struct desktop *d, struct connection *out, struct err *e)
{
    int rc = give_connection(bc, d, out, e);

    module_unlock(&bc->m);
    return rc < 0 ? -1 : ticket_seal(bc, &out->claims, out->ticket, &out->expires, e);
}

/* ---- a new session ---- */

struct opening {
    struct id person, op; /* op: the connect that ends with it, or "" */
    int64_t charge;
    const char *actor_name, *trace;
};

static const char *or_null(const struct id *id)
{
    return id_set(id) ? id->s : NULL;
}

/* Lock held on entry, free on return: the row is written, or why not. */
static int write_open(struct bcenter *bc, struct db *db, const struct opening *o, struct desktop *d,
                      struct attempt *a, struct err *e)
{
    auto_result PGresult *r = NULL;

    reserve(bc, d, o->charge, a);
    new_session(bc, a);
    module_unlock(&bc->m);
    a->run = a->row.run;
    if (db_run(db, &Q_session_open,
               DB_ARGS(a->row.id.s, a->generation, a->epoch, o->person.s, a->row.overlay.s, a->seq,
                       a->session.s, a->run.s, a->hash_hex, o->actor_name, o->trace,
                       or_null(&o->op), or_null(&a->seen_run), or_null(&a->seen_overlay),
                       or_null(&a->ready_run)),
               &r, e) < 0)
        return -1;
    return store_outcome(r, e);
}

/* Lock held. */
static int apply_open(struct bcenter *bc, const struct opening *o, struct desktop *d,
                      const struct attempt *a, struct err *e)
{
    struct session *s = calloc(1, sizeof *s);

    if (!d || !s) {
        free(s);
        return err_set(e, ERR_CONFLICT, "the desktop is gone");
    }
    assigned(bc, &o->person, d);
    *s =
        (struct session){ .id = a->session, .person = o->person, .run = a->run, .seq = d->row.seq };
    memcpy(s->resume_hash, a->hash, sizeof a->hash);
    s->since = clock_wall_ms();
    s->screen_at = clock_boot_ms();
    free(d->session);
    d->session = s;
    d->used_by = o->person;
    module_desktop_index(&bc->m, d);
    publish_desktop(bc, d);
    return 0;
}

static int open_session(struct bcenter *bc, struct db *db, const struct connect *c,
                        const struct decided *dc, struct connection *out, struct err *e)
{
    struct opening o = { .person = c->ask.person,
                         .charge = dc->charge,
                         .actor_name = c->actor_name,
                         .trace = c->trace };
    struct desktop *d = dc->desktop;
    struct attempt a;
    int rc = write_open(bc, db, &o, d, &a, e);

    d = finish(bc, db, &a, rc);
    if (rc == 0)
        rc = apply_open(bc, &o, d, &a, e);
    if (rc == 0)
        rc = give_connection(bc, d, out, e);
    module_unlock(&bc->m);
    if (rc < 0)
        return -1;
    bcenter_poke(bc); /* one spare fewer */
    return ticket_seal(bc, &out->claims, out->ticket, &out->expires, e);
}

/* Lock held. */
static void apply_arrival(struct desktop *d, struct operation *op)
{
    int64_t now = clock_wall_ms();

    metric_add(METRIC_OPERATIONS, 1);
    op->state = OP_SUCCEEDED;
    op->started = op->started ? op->started : now;
    op->ended = op->stage_at[4] = now;
    operation_wait(op, NULL);
    snprintf(op->stage, sizeof op->stage, "ready");
    if (d->op == op)
        d->op = NULL;
}

void broker_arrive(struct bcenter *bc, struct db *db, struct desktop *d, const struct operation *op)
{
    struct opening o = { .person = op->asked_by,
                         .op = op->id,
                         .charge = io_desktop_charge(&bc->m, d, clock_boot_ms()) };
    char name[sizeof op->asked_name], trace[sizeof op->trace];
    struct operation *now;
    struct err e = { 0 };
    struct attempt a;
    int rc;

    snprintf(name, sizeof name, "%s", op->asked_name);
    snprintf(trace, sizeof trace, "%s", op->trace);
    o.actor_name = name;
    o.trace = trace[0] ? trace : NULL;
    rc = write_open(bc, db, &o, d, &a, &e);
    d = finish(bc, db, &a, rc);
    now = module_operation(&bc->m, &o.op);
    if (rc == 0 && d && now) {
        apply_arrival(d, now);
        rc = apply_open(bc, &o, d, &a, &e);
        now->seq = d->row.seq;
        publish_operation(bc, now);
    }
    module_unlock(&bc->m);
    if (rc < 0)
        log_err("connect-end", &e); /* what was read again says what is to be done */
    else
        bcenter_poke(bc);
}

/* ---- an operation that ends with it ---- */

struct beginning {
    const struct connect *c;
    const struct err *wait; /* NULL, or the law that it waits for: then nothing starts yet */
    int64_t deadline;       /* wall clock */
};

/* Lock held. */
static void apply_operation(struct operation *op, const struct beginning *b, struct desktop *d,
                            const struct id *run)
{
    const struct connect *c = b->c;

    op->verb = VERB_CONNECT;
    op->target = d->row.id;
    op->asked_by = c->ask.person;
    op->seq = d->row.seq;
    op->created = op->stage_at[0] = clock_wall_ms();
    op->deadline = b->deadline;
    op->stored = true;
    op->state = b->wait ? OP_QUEUED : OP_RUNNING;
    if (!b->wait) {
        op->run = *run;
        op->started = op->created;
    }
    operation_wait(op, b->wait);
    snprintf(op->target_kind, sizeof op->target_kind, "desktop");
    snprintf(op->asked_name, sizeof op->asked_name, "%s", c->actor_name);
    snprintf(op->trace, sizeof op->trace, "%s", c->trace ? c->trace : "");
    snprintf(op->stage, sizeof op->stage, "placing");
    d->op = op;
}

/* Lock held. */
static void apply_start(struct bcenter *bc, const struct beginning *b, struct desktop *d,
                        const struct attempt *a)
{
    struct operation *op = module_operation_add(&bc->m, &a->op);

    assigned(bc, &b->c->ask.person, d);
    if (!b->wait) {
        if (!id_eq(&d->row.run, &a->run))
            d->run_at = clock_boot_ms();
        d->row.run = a->run;
        if (d->vf)
            d->vf->run = a->run;
        snprintf(d->row.run_boot, sizeof d->row.run_boot, "%s", a->row.run_boot);
    } else {
        d->bserver->io.waits = d->bserver->io.waits_now = true;
    }
    if (op)
        apply_operation(op, b, d, &a->run);
    publish_desktop(bc, d);
}

static int write_start(struct db *db, const struct beginning *b, const struct attempt *a,
                       struct err *e)
{
    auto_result PGresult *r = NULL;
    const struct connect *c = b->c;
    char deadline[24];
    int rc;

    snprintf(deadline, sizeof deadline, "%lld", (long long)b->deadline);
    rc = b->wait
             ? db_run(db, &Q_connect_queue,
                      DB_ARGS(a->row.id.s, a->generation, a->epoch, c->ask.person.s, a->seq,
                              a->op.s, deadline, c->actor_name, c->trace),
                      &r, e)
             : db_run(db, &Q_connect_start,
                      DB_ARGS(a->row.id.s, a->generation, a->epoch, c->ask.person.s, a->run.s,
                              a->row.run_boot, a->seq, a->op.s, deadline, c->actor_name, c->trace),
                      &r, e);
    return rc < 0 ? -1 : store_outcome(r, e);
}

static int start(struct bcenter *bc, struct db *db, const struct connect *c,
                 const struct decided *dc, struct connection *out, struct err *e)
{
    struct beginning b = { .c = c,
                           .wait = dc->what == DECIDE_QUEUE ? &dc->why : NULL,
                           .deadline = clock_wall_ms() + CONNECT_DEADLINE_MS };
    struct desktop *d = dc->desktop;
    struct attempt a;
    int rc;

    reserve(bc, d, dc->charge, &a);
    if (!id_set(&a.row.run))
        snprintf(a.row.run_boot, sizeof a.row.run_boot, "%s", d->bserver->boot);
    module_unlock(&bc->m);
    a.run = id_set(&a.row.run) ? a.row.run : id_new();
    a.op = id_new();
    rc = write_start(db, &b, &a, e);
    d = finish(bc, db, &a, rc);
    if (rc == 0 && d) {
        apply_start(bc, &b, d, &a);
        out->operation = a.op;
        out->desktop = d->row.id;
    }
    module_unlock(&bc->m);
    if (rc == 0)
        bcenter_poke(bc);
    return rc;
}

/* ---- refusals ---- */

static void given_up(struct bcenter *bc, const struct connect *c, const PGresult *r)
{
    struct seat *s;

    module_lock(&bc->m);
    s = module_seat_put(&bc->m, &c->ask.person, &c->ask.pool, true, db_int(r, 0, "generation", 1));
    if (s)
        s->turn = c->ask.turn;
    publish_seat(bc, s);
    module_unlock(&bc->m);
}

/* No room is written down. When the CCC asks, her seat is given up in the same transaction: only
 * after it may the CCC ask another module. */
static int no_room(struct bcenter *bc, struct db *db, const struct connect *c,
                   const struct decided *dc, struct err *e)
{
    auto_result PGresult *r = NULL;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    /* seat_refuse knows no turn: it takes those before */
    if (db_run(db, dc->release ? &Q_seat_release : &Q_seat_refuse,
               DB_ARGS(c->ask.person.s, c->ask.pool.s, epoch, c->actor_name, c->trace,
                       err_slug(dc->why.code), dc->why.detail, or_null(&c->ask.turn)),
               &r, e) < 0)
        return -1;
    if (db_rows(r) != 1) {
        daemon_quit(3);
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    }
    if (dc->release)
        given_up(bc, c, r);
    return 0;
}

/* Not here, and not because there is no room: what the CCC is told is our word for good, until it
 * says otherwise. */
static int pass_on(struct bcenter *bc, struct db *db, const struct connect *c, struct err *e)
{
    auto_result PGresult *r = NULL;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(db, &Q_seat_pass,
               DB_ARGS(c->ask.person.s, c->ask.pool.s, epoch, or_null(&c->ask.turn)), &r, e) < 0)
        return -1;
    if (db_rows(r) != 1) {
        daemon_quit(3);
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    }
    given_up(bc, c, r);
    return 0;
}

static int refuse(struct bcenter *bc, struct db *db, const struct connect *c,
                  const struct decided *dc, struct err *e)
{
    if (dc->no_room && no_room(bc, db, c, dc, e) < 0)
        return -1;
    if (!dc->no_room && dc->release && pass_on(bc, db, c, e) < 0)
        return -1;
    *e = dc->why;
    if (dc->no_room) {
        err_number(e, "size", dc->size);
        err_number(e, "assigned", dc->assigned);
    }
    return err_where(e, dc->login);
}

/* Lock held on entry, free on return. */
static int carry_out(struct bcenter *bc, struct db *db, const struct connect *c,
                     const struct decided *dc, struct connection *out, struct err *e)
{
    switch (dc->what) {
    case DECIDE_RESUME: return resume(bc, dc->desktop, out, e);
    case DECIDE_OPEN: return open_session(bc, db, c, dc, out, e);
    case DECIDE_START:
    case DECIDE_QUEUE: return start(bc, db, c, dc, out, e);
    case DECIDE_OPERATION:
        out->operation = dc->desktop->op->id;
        out->desktop = dc->desktop->row.id;
        module_unlock(&bc->m);
        return 0;
    case DECIDE_REFUSE:
    case DECIDE_WAIT: break;
    }
    module_unlock(&bc->m);
    return err_set(e, ERR_NOT_READY, "the desktop is being changed, try again");
}

/* Lock held. Decides, and waits as long as waiting may help. */
static void decide(struct bcenter *bc, const struct connect *c, int64_t until, struct decided *dc)
{
    for (;;) {
        bool soon;

        broker_decide(&bc->m, &c->ask, clock_boot_ms(), dc);
        soon = dc->what == DECIDE_WAIT ||
               (dc->what == DECIDE_REFUSE && dc->why.code == ERR_NOT_ENTITLED && c->ask.from_ccc);
        if (!soon || !module_wait(&bc->m, until))
            return;
    }
}

static int try_connect(struct bcenter *bc, struct db *db, const struct connect *c, int64_t until,
                       const struct holding *key, struct connection *out, struct err *e)
{
    struct decided dc;

    for (int i = 0; i < TRIES; i++) {
        struct err bad = { 0 };

        memset(out, 0, sizeof *out);
        module_lock(&bc->m);
        decide(bc, c, until, &dc);
        if (dc.what == DECIDE_REFUSE && dc.why.code == ERR_NOT_ENTITLED && c->ask.from_ccc) {
            module_unlock(&bc->m); /* the CCC has just looked: it is we who have not heard */
            return err_set(e, ERR_NOT_READY, "the module has not heard of this entitlement yet");
        }
        if (dc.what == DECIDE_REFUSE) {
            module_unlock(&bc->m);
            return refuse(bc, db, c, &dc, e);
        }
        if (carry_out(bc, db, c, &dc, out, &bad) == 0)
            return 0;
        if (bad.code != ERR_CONFLICT && bad.code != ERR_PRECONDITION &&
            bad.code != ERR_TX_CONFLICT) {
            *e = bad;
            return -1;
        }
        if (bad.code == ERR_CONFLICT)
            desktop_reload_held(bc, db, key); /* she may have one that memory does not know of */
    }
    return err_set(e, ERR_TX_CONFLICT, "too many people changed the same desktops, try again");
}

int broker_connect(struct bcenter *bc, struct db *db, const struct connect *c,
                   struct connection *out, struct err *e)
{
    int64_t until = clock_boot_ms() + WAIT_MS;
    struct asking a;
    int rc;

    if (c->deadline_ms && c->deadline_ms - 500 < until)
        until = c->deadline_ms - 500;
    if (broker_turn_take(bc, &c->ask, until, &a, e) < 0)
        return -1;
    rc = try_connect(bc, db, c, until, &a.key, out, e);
    broker_turn_end(bc, &a);
    return rc;
}

/* ---- what a connect led to ---- */

/* Lock held. */
static int result(struct bcenter *bc, const struct operation *op, struct connection *out,
                  struct err *e)
{
    struct desktop *d = module_desktop(&bc->m, &op->target);

    if (!op_ended(op->state))
        return err_set(e, ERR_OPERATION_OPEN, "the desktop is not up yet");
    if (op->state != OP_SUCCEEDED)
        return err_set(e, ERR_NOT_FOUND, "no such operation");
    if (!d || !d->session || !id_eq(&d->session->person, &op->asked_by) ||
        d->session->seq != op->seq)
        return err_set(e, ERR_SESSION_ENDED, "the connection that the operation led to has ended");
    if (!module_entitled(&bc->m, &op->asked_by, &d->row.pool))
        return err_set(e, ERR_NOT_ENTITLED, "you are not entitled to this pool");
    return give_connection(bc, d, out, e);
}

int broker_result(struct bcenter *bc, const struct id *operation, const struct id *person,
                  struct connection *out, struct err *e)
{
    const struct operation *op;
    int rc;

    memset(out, 0, sizeof *out);
    module_lock(&bc->m);
    op = module_operation(&bc->m, operation);
    rc = op && op->verb == VERB_CONNECT && id_eq(&op->asked_by, person)
             ? result(bc, op, out, e)
             : err_set(e, ERR_NOT_FOUND, "no such operation");
    module_unlock(&bc->m);
    return rc < 0 ? -1 : ticket_seal(bc, &out->claims, out->ticket, &out->expires, e);
}

json_t *connection_json(const struct bcenter *bc, const struct connection *c)
{
    json_t *o = json_object();

    json_put_str(o, "id", c->id.s);
    json_put_str(o, "desktop_id", c->desktop.s);
    json_object_set_new(o, "display", display_json(&c->display, c->ticket));
    json_put_time(o, "expires_at", c->expires);
    json_put_str(o, "resume", c->resume);
    json_put_str(o, "login", bc->login_url);
    return o;
}
