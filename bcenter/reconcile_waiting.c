/*
 * Who waits for I/O (docs/iolaw.md): operations that the law holds back are tried again with each
 * event that may have made room, the oldest first; on a host where one waits, nobody younger and no
 * spare goes first.
 */
#include "bcenter/broker.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { SAY_MS = 10000 };

void reconcile_waits_begin(struct module *m)
{
    struct bserver *b, *next;

    HASH_ITER(hh, m->bservers, b, next)
    {
        b->io.waits_now = false;
    }
}

void reconcile_waits_end(struct module *m)
{
    struct bserver *b, *next;

    HASH_ITER(hh, m->bservers, b, next)
    {
        b->io.waits = b->io.waits_now;
        b->io.refused = 0; /* spares are looked at next */
    }
}

/* Its numbers move with every start around it: said again after a while only. */
static bool said_lately(const struct operation *op)
{
    return op->waiting && clock_boot_ms() - op->waiting_ms < SAY_MS;
}

/* What would not fit on the host if nothing else were there keeps nobody else from it. */
static void wait_there(struct bcenter *bc, struct desktop *d, struct operation *op,
                       const struct io_ask *a)
{
    struct err why = { 0 };

    if (a->after < a->limit)
        d->bserver->io.waits = d->bserver->io.waits_now = true;
    if (said_lately(op))
        return;
    io_refuse(a, 1, 1, &why);
    op->waiting_ms = clock_boot_ms();
    if (operation_wait(op, &why))
        publish_operation(bc, op);
}

bool reconcile_let_in(struct bcenter *bc, struct desktop *d, struct operation *op,
                      enum io_want want, int64_t *charge)
{
    struct io_ask a;
    bool fits = io_host_fits(&bc->m, d, want, clock_boot_ms(), &a);
    bool takes = a.after > a.before; /* else it was charged long ago, and is in nobody's way */

    if (!fits || (takes && d->bserver->io.waits_now)) {
        wait_there(bc, d, op, &a);
        return false;
    }
    if (operation_wait(op, NULL))
        publish_operation(bc, op);
    *charge = a.after;
    return true;
}

/* ---- queued connects ---- */

struct failing {
    enum op_state state;
    enum err_code code;
    const char *detail;
};

/* Lock held on entry, free on return. Never used, it is clean: somebody else's spare again. */
static void give_up(struct bcenter *bc, struct desktop *d, struct operation *op,
                    const struct failing *f)
{
    struct change c;

    change_begin(d, &c);
    c.op = op->id;
    c.op_state = f->state;
    c.op_stage = op->stage;
    c.op_error = f->code;
    snprintf(c.op_detail, sizeof c.op_detail, "%s", f->detail);
    if (f->code == ERR_LAW_IO)
        c.op_problem = json_incref(op->waiting);
    if (d->row.floating || !id_set(&d->used_by))
        change_free(&bc->m, d, &c);
    module_unlock(&bc->m);
    reconcile_commit(bc, &c);
}

/* Why it need not wait any longer; state OP_QUEUED: it waits. */
static struct failing failing_of(struct bcenter *bc, const struct desktop *d,
                                 const struct operation *op)
{
    if (op->cancel)
        return (struct failing){ OP_CANCELLED, ERR_CANCELLED, "cancelled before it began" };
    if (!module_entitled(&bc->m, &op->asked_by, &d->row.pool))
        return (struct failing){ OP_FAILED, ERR_NOT_ENTITLED,
                                 "you are not entitled to this pool any more" };
    if (d->row.deleting)
        return (struct failing){ OP_FAILED, ERR_DESKTOP_STATE, "the desktop is being deleted" };
    if (clock_wall_ms() <= op->deadline)
        return (struct failing){ OP_QUEUED, ERR_NONE, "" };
    return op->waiting ? (struct failing){ OP_FAILED, ERR_LAW_IO, json_str(op->waiting, "detail") }
                       : (struct failing){ OP_FAILED, ERR_DEADLINE,
                                           "its deadline passed before it could begin" };
}

/* Lock held on entry, free on return. */
static void begin_start(struct bcenter *bc, struct desktop *d, struct operation *op)
{
    struct change c;
    int64_t charge;

    if (!reconcile_let_in(bc, d, op, IO_WANT_START_FOR_HER, &charge)) {
        module_unlock(&bc->m);
        return;
    }
    change_begin(d, &c);
    d->io.held = charge;
    c.op = op->id;
    c.op_state = OP_RUNNING;
    c.op_stage = "placing";
    if (!id_set(&d->row.run))
        reconcile_new_run(&c, d);
    module_unlock(&bc->m);
    reconcile_commit(bc, &c);
}

/* Lock held on entry, free on return. */
static void begin_connect(struct bcenter *bc, struct desktop *d, struct operation *op)
{
    struct failing f = failing_of(bc, d, op);
    int64_t now = clock_boot_ms(), charge;

    if (f.state != OP_QUEUED) {
        give_up(bc, d, op, &f);
        return;
    }
    if (bserver_up(d->bserver, now) && !desktop_ready(d, now)) {
        begin_start(bc, d, op);
        return;
    }
    if (desktop_ready(d, now) && d->bserver->knows_key && !d->session &&
        reconcile_let_in(bc, d, op, IO_WANT_SESSION, &charge)) {
        broker_arrive(bc, bc->reconcile_db, d, op);
        return;
    }
    module_unlock(&bc->m);
}

static void end_with(struct bcenter *bc, const struct id *operation, enum err_code code,
                     const char *detail)
{
    json_auto_t *problem = store_problem(code, detail);

    reconcile_end_alone(bc, operation, OP_FAILED, problem);
}

void reconcile_connect(struct bcenter *bc, const struct id *operation)
{
    struct operation *op;
    struct desktop *d;
    bool hers;

    module_lock(&bc->m);
    op = module_operation(&bc->m, operation);
    d = op ? module_desktop(&bc->m, &op->target) : NULL;
    hers = d && id_eq(&d->row.person, &op->asked_by);
    if (hers && !d->busy && !d->unsure && (!d->op || d->op == op)) {
        d->op = op;
        begin_connect(bc, d, op);
        return;
    }
    module_unlock(&bc->m);
    if (op && !d)
        end_with(bc, operation, ERR_VM_MISSING, "the desktop is gone");
    else if (op && !hers)
        end_with(bc, operation, ERR_SUPERSEDED, "the desktop was taken back");
}
