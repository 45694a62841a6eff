/*
 * Orders from the CCC and starts born here. At most once: an order's row is written first; its
 * effect and "running" are one compare-and-set on the desktop; its end is told from what is
 * observed.
 */
#include <string.h>

#include "bcenter/broker.h"
#include "bcenter/module_load.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/module/module.h"

enum { KEEP_ENDED_MS = 3600000, ARRIVE_MS = 30000 };

static const char *or_null(const char *s)
{
    return s[0] ? s : NULL;
}

/* ---- ending one that touches no desktop ---- */

void reconcile_end_alone(struct bcenter *bc, const struct id *id, enum op_state state,
                         json_t *problem)
{
    auto_result PGresult *r = NULL;
    char *error = store_json(problem);
    struct err e = { 0 };
    struct operation *op;
    struct desktop *d;
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(bc->reconcile_db, &Q_operation_end,
               DB_ARGS(id->s, op_state_word(state), NULL, error, epoch), &r, &e) < 0) {
        log_err("operation-end", &e);
        free(error);
        return;
    }
    free(error);
    module_lock(&bc->m);
    op = module_operation(&bc->m, id);
    if (op) {
        d = module_desktop(&bc->m, &op->target);
        op->state = state;
        op->ended = clock_wall_ms();
        json_decref(op->error);
        op->error = json_incref(problem);
        operation_wait(op, NULL);
        if (d && d->op == op) {
            d->op = NULL;
            publish_desktop(bc, d);
        }
        publish_operation(bc, op);
    }
    module_unlock(&bc->m);
}

static void end_alone(struct bcenter *bc, const struct id *id, enum op_state state,
                      enum err_code code, const char *detail)
{
    json_auto_t *problem = code == ERR_NONE ? NULL : store_problem(code, detail);

    reconcile_end_alone(bc, id, state, problem);
}

/* ---- storing orders ---- */

/* No row was written: it is there already (the answer to our own write was lost, or the CCC names
 * an order again that ended long ago), or we do not lead. */
static int known_order(struct bcenter *bc, const struct operation *op, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(bc->reconcile_db, &Q_operation_one, DB_ARGS(op->id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) != 1) {
        daemon_quit(3);
        return err_set(e, ERR_EPOCH_STALE, "another process leads this module");
    }
    module_lock(&bc->m);
    module_take_operations(&bc->m, r);
    if (module_operation(&bc->m, &op->id))
        publish_operation(bc, module_operation(&bc->m, &op->id));
    module_unlock(&bc->m);
    return strcmp(db_text(r, 0, "state"), "queued") == 0
               ? 0
               : err_set(e, ERR_CONFLICT, "this order was carried out before");
}

static int store_order(struct bcenter *bc, const struct operation *op, struct err *e)
{
    auto_result PGresult *r = NULL;
    char created[24], deadline[24], epoch[24];

    snprintf(created, sizeof created, "%lld", (long long)op->created);
    snprintf(deadline, sizeof deadline, "%lld", (long long)op->deadline);
    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(bc->reconcile_db, &Q_operation_add,
               DB_ARGS(op->id.s, verb_word(op->verb), op->target_kind, op->target.s,
                       or_null(op->asked_by.s), or_null(op->asked_name), created, deadline,
                       "queued", NULL, epoch),
               &r, e) < 0)
        return -1;
    return db_changed(r) == 1 ? 0 : known_order(bc, op, e);
}

/* ---- carrying out ---- */

static void off(struct bcenter *bc, struct desktop *d, struct change *c, bool destroy,
                const char *reason)
{
    change_end_session(d, c, reason);
    change_stop(c, destroy);
    if (d->row.floating && id_set(&d->row.person))
        change_free(&bc->m, d, c);
}

static void rebuild(struct bcenter *bc, struct desktop *d, struct change *c)
{
    struct pool *p = module_pool(&bc->m, &d->row.pool);
    struct image_version *v = p ? module_image(&bc->m, &p->image_version) : NULL;

    off(bc, d, c, true, "rebuilt");
    change_renew(c, v ? v->body : NULL);
}

/* The effect on the row. What it cannot do is its failure, written in the same way. */
void reconcile_effect(struct bcenter *bc, struct desktop *d, const struct operation *op,
                      struct change *c)
{
    bool host_up = bserver_up(d->bserver, clock_boot_ms());

    c->op_state = OP_RUNNING;
    if (d->row.deleting && (op->verb == VERB_START || op->verb == VERB_REBUILD)) {
        c->op_state = OP_FAILED; /* nobody gets it any more, whatever is done to it */
        c->op_error = ERR_DESKTOP_STATE;
        snprintf(c->op_detail, sizeof c->op_detail, "the desktop is being deleted");
        return;
    }
    switch (op->verb) {
    case VERB_START:
        c->op_stage = "placing";
        if (d->bserver->maintenance) {
            c->op_state = OP_FAILED;
            c->op_error = ERR_PRECONDITION;
            snprintf(c->op_detail, sizeof c->op_detail, "its bServer is in maintenance");
        } else if (!id_set(&d->row.run)) {
            reconcile_new_run(c, d);
        }
        return;
    case VERB_SHUTDOWN:
    case VERB_STOP:
        c->op_stage = "stopping";
        off(bc, d, c, op->verb == VERB_STOP, "stopped");
        return;
    case VERB_REBOOT:
    case VERB_RESET:
        c->op_stage = "rebooting";
        if (!host_up || !id_set(&d->row.run) || !desktop_running(d)) {
            c->op_state = OP_FAILED;
            c->op_error = ERR_VM_STATE;
            snprintf(c->op_detail, sizeof c->op_detail, "the desktop does not run");
        }
        return;
    case VERB_REBUILD:
        c->op_stage = "rebuilding";
        rebuild(bc, d, c);
        return;
    case VERB_DELETE:
        c->op_stage = "deleting";
        change_end_session(d, c, "deleted");
        change_stop(c, true);
        c->row.person = (struct id){ "" };
        c->row.deleting = true;
        return;
    case VERB_UNASSIGN:
        c->op_state = OP_SUCCEEDED;
        change_end_session(d, c, "unassigned");
        change_free(&bc->m, d, c);
        return;
    case VERB_NONE:
    case VERB_MAINTENANCE:
    case VERB_RESUME:
    case VERB_CONNECT:
        c->op_state = OP_FAILED;
        c->op_error = ERR_INTERNAL;
        return;
    }
}

static void carry_out_host(struct bcenter *bc, const struct operation *op)
{
    auto_result PGresult *r = NULL;
    bool on = op->verb == VERB_MAINTENANCE;
    struct bserver *b;
    struct err e = { 0 };
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(bc->reconcile_db, &Q_bserver_maintain,
               DB_ARGS(op->target.s, on ? "true" : "false", epoch), &r, &e) < 0) {
        log_err("maintenance", &e);
        return;
    }
    if (db_changed(r) != 1) {
        end_alone(bc, &op->id, OP_FAILED, ERR_NOT_FOUND, "this bServer has not been heard of");
        return;
    }
    module_lock(&bc->m);
    b = module_bserver(&bc->m, &op->target);
    if (b) {
        b->maintenance = on;
        publish_bserver(bc, b);
    }
    module_unlock(&bc->m);
    end_alone(bc, &op->id, OP_SUCCEEDED, ERR_NONE, NULL);
}

/* Orders that may push another operation aside. */
static bool overrides(enum verb v)
{
    return v == VERB_STOP || v == VERB_SHUTDOWN || v == VERB_DELETE || v == VERB_REBUILD ||
           v == VERB_UNASSIGN;
}

/* Lock held. A start, and a rebuild, which is one later, asks the law; what is refused for another
 * reason is not held back by it. */
static bool let_in(struct bcenter *bc, struct desktop *d, const struct operation *copy,
                   int64_t *charge)
{
    struct operation *op = module_operation(&bc->m, &copy->id);

    if (!op || d->row.deleting ||
        !(op->verb == VERB_REBUILD ||
          (op->verb == VERB_START && !d->bserver->maintenance && !id_set(&d->row.run))))
        return true;
    return reconcile_let_in(bc, d, op, IO_WANT_START, charge);
}

static void carry_out_desktop(struct bcenter *bc, const struct operation *op)
{
    struct id other = { "" };
    int64_t charge = 0;
    struct desktop *d;
    struct change c;

    module_lock(&bc->m);
    d = module_desktop(&bc->m, &op->target);
    if (!d || d->busy || d->unsure || d->op) {
        bool there = d != NULL;

        if (d && d->op)
            other = d->op->id;
        module_unlock(&bc->m);
        if (!there)
            end_alone(bc, &op->id, OP_FAILED, ERR_VM_MISSING, "this module has no such desktop");
        else if (id_set(&other) && overrides(op->verb))
            end_alone(bc, &other, OP_FAILED, ERR_SUPERSEDED, "a later order replaced it");
        else if (id_set(&other))
            end_alone(bc, &op->id, OP_FAILED, ERR_OPERATION_OPEN,
                      "another operation on the desktop is still open");
        return; /* what was only busy or has just been freed is looked at again */
    }
    if (!let_in(bc, d, op, &charge)) {
        module_unlock(&bc->m);
        return;
    }
    change_begin(d, &c);
    c.op = op->id;
    reconcile_effect(bc, d, op, &c);
    if (op->verb == VERB_START)
        d->io.held = charge;
    c.actor = op->asked_by;
    c.actor_name = op->asked_name;
    c.action = verb_action(op->verb);
    module_unlock(&bc->m);
    reconcile_commit(bc, &c);
}

static void begin(struct bcenter *bc, const struct operation *op)
{
    struct err e = { 0 };

    if (!op->stored) {
        struct operation *known;

        if (store_order(bc, op, &e) < 0) {
            log_err("operation-add", &e);
            return;
        }
        module_lock(&bc->m);
        known = module_operation(&bc->m, &op->id);
        if (known)
            known->stored = true;
        module_unlock(&bc->m);
    }
    if (op->verb == VERB_CONNECT)
        reconcile_connect(bc, &op->id);
    else if (op->cancel)
        end_alone(bc, &op->id, OP_CANCELLED, ERR_CANCELLED, "cancelled before it began");
    else if (clock_wall_ms() > op->deadline && op->waiting)
        reconcile_end_alone(bc, &op->id, OP_FAILED, op->waiting);
    else if (clock_wall_ms() > op->deadline)
        end_alone(bc, &op->id, OP_FAILED, ERR_DEADLINE,
                  "its deadline passed before it could begin");
    else if (op->verb == VERB_MAINTENANCE || op->verb == VERB_RESUME)
        carry_out_host(bc, op);
    else
        carry_out_desktop(bc, op);
}

/* ---- progress ---- */

static const char *const stages[] = { "placing", "preparing_disk", "starting", "booting", "ready" };

static int stage_of(const struct desktop *d)
{
    if (d->bserver->qcow2 && !id_eq(&d->seen_overlay, &d->row.overlay))
        return 1;
    if (d->observed == OBSERVED_RUNNING && id_eq(&d->seen_run, &d->row.run))
        return 3;
    return d->agent_busy == AGENT_PREPARING ? 1 : 2;
}

/* Lock held. Shown, not stored: a restart sees it again. */
static void show_stage(struct bcenter *bc, struct desktop *d, struct operation *op)
{
    static const int percents[] = { 0, 5, 50, 70, 100 };
    int stage = stage_of(d), percent = percents[stage];

    if (stage == 1 && d->percent > 0)
        percent += (d->percent > 100 ? 100 : d->percent) * 40 / 100;
    if (strcmp(op->stage, stages[stage]) == 0 && op->percent == percent)
        return;
    if (strcmp(op->stage, stages[stage]) != 0)
        op->stage_at[stage] = clock_wall_ms();
    snprintf(op->stage, sizeof op->stage, "%s", stages[stage]);
    op->percent = percent;
    publish_desktop(bc, d);
}

static struct ending ending_of_start(struct bcenter *bc, struct desktop *d, struct operation *op)
{
    bool up = desktop_ready(d, clock_boot_ms()) && d->bserver->knows_key;
    int64_t charge;

    if (up && op->verb == VERB_CONNECT && !module_entitled(&bc->m, &op->asked_by, &d->row.pool))
        return (struct ending){ OP_FAILED, ERR_NOT_ENTITLED,
                                "you are not entitled to this pool any more" };
    /* She was charged with the start; a host that has reached its limit meanwhile takes no session.
     */
    if (up && (op->verb != VERB_CONNECT || d->session ||
               reconcile_let_in(bc, d, op, IO_WANT_SESSION, &charge)))
        return (struct ending){ OP_SUCCEEDED, ERR_NONE, NULL };
    if (!id_set(&d->row.run))
        return (struct ending){ OP_FAILED, ERR_VM_STATE, "the machine switched itself off" };
    if (op->cancel)
        return (struct ending){ OP_CANCELLED, ERR_CANCELLED, "cancelled" };
    show_stage(bc, d, op);
    return (struct ending){ OP_RUNNING, ERR_NONE, NULL };
}

struct ending reconcile_ending(struct bcenter *bc, struct desktop *d, struct operation *op)
{
    const struct ending done = { OP_SUCCEEDED, ERR_NONE, NULL },
                        not_yet = { OP_RUNNING, ERR_NONE, NULL };
    bool host_up = bserver_up(d->bserver, clock_boot_ms());

    switch (op->verb) {
    case VERB_START:
    case VERB_CONNECT: return ending_of_start(bc, d, op);
    case VERB_SHUTDOWN:
    case VERB_STOP: return host_up && d->seen && !desktop_running(d) ? done : not_yet;
    case VERB_REBOOT:
    case VERB_RESET:
        if (op->order == ORDER_DONE)
            return done;
        if (op->order == ORDER_FAILED)
            return (struct ending){ OP_FAILED, ERR_VM_FAILED, "the bServer could not do it" };
        if (!id_eq(&op->run, &d->row.run))
            return (struct ending){ OP_FAILED, ERR_VM_STATE, "the run that it was for is over" };
        return not_yet;
    case VERB_REBUILD:
        if (!d->bserver->qcow2 || id_eq(&d->seen_overlay, &d->row.overlay))
            return done;
        if (d->error_slug[0] && id_eq(&d->error_for, &d->row.overlay))
            return (struct ending){ OP_FAILED, ERR_STORAGE_FAILED,
                                    "the new disk could not be made" };
        return not_yet;
    case VERB_DELETE: return not_yet; /* ends when the desktop is gone */
    case VERB_NONE:
    case VERB_UNASSIGN:
    case VERB_MAINTENANCE:
    case VERB_RESUME: break;
    }
    return done;
}

/* Up, and without a session: clean, somebody else's spare. */
static void never_let_in(struct bcenter *bc, struct desktop *d, const struct operation *op,
                         struct change *c)
{
    c->op_problem = json_incref(op->waiting);
    if (!d->session && (d->row.floating || !id_set(&d->used_by)))
        change_free(&bc->m, d, c);
}

void reconcile_end(struct bcenter *bc, struct desktop *d, const struct operation *op,
                   const struct ending *end, struct change *c)
{
    bool start = op->verb == VERB_CONNECT || op->verb == VERB_START;

    change_begin(d, c);
    c->op = op->id;
    c->op_state = end->state;
    c->op_stage = end->state == OP_SUCCEEDED && start ? "ready" : op->stage;
    c->op_error = end->code;
    snprintf(c->op_detail, sizeof c->op_detail, "%s", end->detail ? end->detail : "");
    if (end->code == ERR_LAW_IO)
        never_let_in(bc, d, op, c);
    /* A floating desktop that does not come up is switched off: the next one who asks gets a new
     * run. A persistent one may be repairing its disk, and is left to its person. Who is at work
     * on it is not thrown off. */
    if (d->session ||
        (end->state != OP_CANCELLED && !(end->code == ERR_DEADLINE && d->row.floating && start)))
        return;
    change_stop(c, true);
    if (d->row.floating)
        change_free(&bc->m, d, c);
}

static bool arrives(const struct desktop *d, const struct operation *op, const struct ending *end)
{
    return op->verb == VERB_CONNECT && end->state == OP_SUCCEEDED && !d->session;
}

/* Lock held on entry, free on return. What a person waited for ends with her session. */
static void end_with(struct bcenter *bc, struct desktop *d, const struct operation *op,
                     const struct ending *end)
{
    struct change c;

    if (arrives(d, op, end)) {
        broker_arrive(bc, bc->reconcile_db, d, op);
        return;
    }
    reconcile_end(bc, d, op, end, &c);
    module_unlock(&bc->m);
    reconcile_commit(bc, &c);
    metric_add(METRIC_OPERATIONS, 1);
}

/* A session that cannot be written is tried again for a while, not for ever. */
static bool too_late(const struct desktop *d, const struct operation *op, const struct ending *end)
{
    int64_t over = clock_wall_ms() - op->deadline;

    return end->state == OP_RUNNING ? over > 0 : arrives(d, op, end) && over > ARRIVE_MS;
}

static void go_on(struct bcenter *bc, const struct id *id)
{
    struct operation *op;
    struct ending end;
    struct desktop *d;
    bool deleted;

    module_lock(&bc->m);
    op = module_operation(&bc->m, id);
    d = op ? module_desktop(&bc->m, &op->target) : NULL;
    if (!op || !d || d->busy || d->unsure) {
        deleted = op && !d && op->verb == VERB_DELETE;
        module_unlock(&bc->m);
        if (deleted)
            end_alone(bc, id, OP_SUCCEEDED, ERR_NONE, NULL);
        else if (op && !d)
            end_alone(bc, id, OP_FAILED, ERR_VM_MISSING, "the desktop is gone");
        return;
    }
    end = reconcile_ending(bc, d, op);
    if (too_late(d, op, &end))
        end = op->waiting
                  ? (struct ending){ OP_FAILED, ERR_LAW_IO, json_str(op->waiting, "detail") }
                  : (struct ending){ OP_FAILED, ERR_DEADLINE,
                                     "it did not finish before its deadline" };
    if (end.state == OP_RUNNING) {
        module_unlock(&bc->m);
        return;
    }
    end_with(bc, d, op, &end);
}

static void drop_old(struct bcenter *bc)
{
    int64_t now = clock_wall_ms();
    struct operation *op, *next;

    HASH_ITER(hh, bc->m.operations, op, next)
    {
        if (op_ended(op->state) && op->ended + KEEP_ENDED_MS < now && !op->wanted) {
            sync_set_del(bc->observed, "", "operation", &op->id);
            module_operation_remove(&bc->m, op);
        }
    }
}

struct turn {
    struct id id;
    int64_t created;
};

static int by_age(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;

    if (x->created != y->created)
        return x->created < y->created ? -1 : 1;
    return strcmp(x->id.s, y->id.s);
}

/* Lock held. Those that are open, oldest first; malloc'd. */
static struct turn *turns(struct module *m, int *n)
{
    struct turn *list = calloc(HASH_COUNT(m->operations) + 1, sizeof *list);
    struct operation *op, *next;

    *n = 0;
    if (!list)
        return NULL;
    HASH_ITER(hh, m->operations, op, next)
    {
        if (!op_ended(op->state))
            list[(*n)++] = (struct turn){ op->id, op->created };
    }
    qsort(list, (size_t)*n, sizeof *list, by_age);
    return list;
}

void reconcile_operations(struct bcenter *bc)
{
    struct turn *list;
    int n;

    module_lock(&bc->m);
    drop_old(bc);
    list = turns(&bc->m, &n);
    reconcile_waits_begin(&bc->m);
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++) {
        struct operation copy, *op;

        module_lock(&bc->m);
        op = module_operation(&bc->m, &list[i].id);
        if (op)
            copy = *op;
        module_unlock(&bc->m);
        if (op && copy.state == OP_QUEUED)
            begin(bc, &copy);
        else if (op && copy.state == OP_RUNNING)
            go_on(bc, &list[i].id);
    }
    free(list);
    module_lock(&bc->m);
    reconcile_waits_end(&bc->m);
    module_unlock(&bc->m);
}
