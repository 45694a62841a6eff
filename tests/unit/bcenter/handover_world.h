/*
 * handover_world — a module in memory, and the database under it as a model: it takes a write by
 * its generation and refuses what another desktop or an ended order stands against, nothing more,
 * so that it is the daemon's decisions that are judged. Writes are on their way for a while; they
 * come back done, refused, or not at all.
 */
#ifndef TESTS_UNIT_BCENTER_HANDOVER_WORLD_H
#define TESTS_UNIT_BCENTER_HANDOVER_WORLD_H

#include "tests/unit/bcenter/handover_host.h"

#include <pthread.h>

#include "bcenter/broker_decide.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"

enum { HOSTS = 2, DESKTOPS = 6, PEOPLE = 10, FLIGHTS = 5 };
#define MODULE "aaaaaaaa-0000-4000-8000-000000000001"

/* A desktop's row as the database has it. */
struct stored {
    struct desktop_row row;
    struct bserver *host;
    int slot;
    struct id session, session_person, session_run, used_by;
    int64_t session_seq;
    UT_hash_handle hh;
};
struct kept { /* an operation's row */
    struct operation op;
    UT_hash_handle hh;
};
/* A write on its way. */
struct flight {
    enum { FLIES_NOT, FLIES_CHANGE, FLIES_OPEN, FLIES_START } what;
    struct change c; /* of CHANGE; for the others its row, as it was, and op */
    struct id person, session, run;
    struct id seen_run, seen_overlay, ready_run; /* as reported, when it was decided */
};

static unsigned seed = 1;
static struct bcenter_config config;
static struct bcenter *bc;
static struct host_model hosts;
static struct stored *rows;
static struct kept *ops;
static struct flight flights[FLIGHTS];
static struct pool *pool;
static struct bserver *host[HOSTS];
static struct id people[PEOPLE];
static int64_t later; /* how far ahead of the clock the model is */
static struct {
    int64_t opened, started, refused, changed, lost, killed, calm;
} count;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static int64_t now(void)
{
    return clock_boot_ms() + later;
}

/* ---- the world ---- */

static struct stored *stored(const struct id *id)
{
    struct stored *s;

    HASH_FIND(hh, rows, id->s, ID_LEN, s);
    return s;
}

static void take_in(struct stored *s);

static void new_desktop(struct bserver *on, int slot)
{
    struct image_version *v = module_image(&bc->m, &pool->image_version);
    struct stored *s = calloc(1, sizeof *s);

    assert_non_null(s);
    s->row.id = id_new();
    s->row.pool = pool->id;
    s->row.overlay = id_new();
    s->row.floating = pool->floating;
    s->row.generation = 1;
    s->row.created = clock_wall_ms();
    s->row.spec = json_incref(pool->spec);
    desktop_row_set_image(&s->row, v->body);
    snprintf(s->row.name, sizeof s->row.name, "d%d", slot);
    s->host = on;
    s->slot = slot;
    HASH_ADD(hh, rows, row.id.s, ID_LEN, s);
    machine_of(&hosts, &s->row.id, &on->id);
    take_in(s);
}

static void image(const struct id *id)
{
    struct image_version *v = calloc(1, sizeof *v);

    assert_non_null(v);
    v->id = *id;
    v->body = json_pack("{s:s, s:s}", "id", id->s, "guest", "bic");
    HASH_ADD(hh, bc->m.images, id.s, ID_LEN, v);
}

static void make_people(void)
{
    for (int i = 0; i < PEOPLE; i++) {
        struct entitlement *en = calloc(1, sizeof *en);
        struct person *p = calloc(1, sizeof *p);

        assert_true(en && p);
        people[i] = p->id = id_new();
        HASH_ADD(hh, bc->m.persons, id.s, ID_LEN, p);
        en->id = id_new();
        HASH_ADD(hh, bc->m.entitlements, id.s, ID_LEN, en);
        module_entitlement_set(&bc->m, en, &(struct holding){ pool->id, people[i] });
    }
}

static void make_host(int i)
{
    struct bserver *b = calloc(1, sizeof *b);

    assert_non_null(b);
    b->id = id_new();
    b->knows_key = b->qcow2 = b->guest_channel = true;
    b->heard_ms = INT64_MAX / 4;
    b->nlanes = 1;
    b->nslots = DESKTOPS / HOSTS;
    snprintf(b->boot, sizeof b->boot, "boot-0");
    snprintf(b->lane_url[0], sizeof b->lane_url[0], "ws://localhost:1/display");
    HASH_ADD(hh, bc->m.bservers, id.s, ID_LEN, b);
    host[i] = b;
}

static void make_world(bool floating)
{
    const struct id v = id_new();

    memset(&count, 0, sizeof count);
    bc = calloc(1, sizeof *bc);
    assert_non_null(bc);
    bc->config = &config;
    module_init(&bc->m);
    pthread_rwlock_init(&bc->wires, NULL);
    bc->agents = sync_set_new_source();
    bc->observed = sync_set_new_source();
    bc->m.id = (struct id){ MODULE };
    hosts = (struct host_model){ .bc = bc, .persistent = !floating };
    image(&v);
    pool = calloc(1, sizeof *pool);
    assert_non_null(pool);
    pool->id = id_new();
    pool->floating = floating;
    pool->image_version = v;
    pool->spec = json_pack("{s:i}", "vcpus", 1);
    pool->share = pool->spares_running = DESKTOPS;
    pool->nshares = 1;
    pool->shares[0] = (struct place_share){ bc->m.id, DESKTOPS };
    HASH_ADD(hh, bc->m.pools, id.s, ID_LEN, pool);
    make_people();
    for (int i = 0; i < HOSTS; i++)
        make_host(i);
    for (int i = 0; i < DESKTOPS; i++)
        new_desktop(host[i % HOSTS], i / HOSTS);
}

/* ---- the database ---- */

static struct operation *op_of(const struct id *id)
{
    struct kept *k;

    HASH_FIND(hh, ops, id->s, ID_LEN, k);
    return k ? &k->op : NULL;
}

static struct operation *keep(const struct operation *op)
{
    struct kept *k = calloc(1, sizeof *k);

    assert_non_null(k);
    k->op = *op;
    k->op.error = NULL;
    HASH_ADD(hh, ops, op.id.s, ID_LEN, k);
    return &k->op;
}

static bool somebody_has(const struct stored *but, const struct id *person)
{
    for (struct stored *s = rows; s; s = s->hh.next)
        if (s != but && id_eq(&s->row.person, person))
            return true;
    return false;
}

static bool store_change(struct stored *s, const struct flight *f)
{
    const struct change *c = &f->c;
    struct operation *op = id_set(&c->op) ? op_of(&c->op) : NULL;

    if (id_set(&c->op) &&
        (!op || op_ended(op->state) || (c->op_state == OP_RUNNING && op->state != OP_QUEUED)))
        return false;
    if (id_set(&c->session) && id_eq(&c->session, &s->session))
        s->session = s->session_person = (struct id){ "" };
    if (!id_eq(&c->row.overlay, &s->row.overlay)) {
        assert_false(id_set(&c->row.run)); /* a run is of the overlay that it began on */
        s->used_by = (struct id){ "" };
    }
    desktop_row_release(&s->row);
    desktop_row_copy(&s->row, &c->row);
    if (id_set(&s->session)) { /* who has one keeps it, or it was ended with this */
        assert_string_equal(s->row.person.s, s->session_person.s);
        assert_string_equal(s->row.run.s, s->session_run.s);
    }
    if (op)
        op->state = c->op_state;
    return true;
}

static bool store_open(struct stored *s, const struct flight *f)
{
    struct operation *op = id_set(&f->c.op) ? op_of(&f->c.op) : NULL;
    struct machine *x = machine_of(&hosts, &s->row.id, &s->host->id);

    if (somebody_has(s, &f->person) || (op && op_ended(op->state)))
        return false;
    assert_false(id_set(&s->session) || s->row.deleting);
    assert_true(!id_set(&s->row.person) || id_eq(&s->row.person, &f->person));
    assert_true(!id_set(&s->used_by) || (hosts.persistent && id_eq(&s->used_by, &f->person)));
    assert_string_equal(s->row.run.s, f->run.s);
    assert_string_equal(f->seen_run.s, f->run.s);
    assert_string_equal(f->seen_overlay.s, s->row.overlay.s);
    assert_string_equal(f->ready_run.s, f->run.s);
    s->row.person = s->session_person = s->used_by = f->person;
    s->session = f->session;
    s->session_run = f->run;
    s->row.seq++;
    s->session_seq = s->row.seq;
    if (op) {
        op->state = OP_SUCCEEDED;
        op->seq = s->row.seq;
    }
    if (x->up && id_eq(&x->run, &f->run)) /* her ticket opens this run alone */
        machine_used(&hosts, x, &f->person, &f->session);
    count.opened++;
    return true;
}

static bool store_start(struct stored *s, const struct flight *f)
{
    struct operation op = { .id = f->c.op, .verb = VERB_CONNECT, .state = OP_RUNNING };

    if (somebody_has(s, &f->person))
        return false;
    assert_true(!id_set(&s->row.person) || id_eq(&s->row.person, &f->person));
    assert_true(!id_set(&s->used_by) || (hosts.persistent && id_eq(&s->used_by, &f->person)));
    s->row.person = f->person;
    s->row.run = f->run;
    snprintf(s->row.run_boot, sizeof s->row.run_boot, "%s", f->c.row.run_boot);
    s->row.seq++;
    op.target = s->row.id;
    op.asked_by = f->person;
    op.run = f->run;
    op.seq = s->row.seq;
    op.deadline = INT64_MAX;
    op.stored = true;
    keep(&op);
    count.started++;
    return true;
}

/* False: refused. */
static bool store(const struct flight *f)
{
    struct stored *s = stored(&f->c.row.id);
    bool taken;

    if (!s || s->row.generation != f->c.row.generation)
        return false;
    taken = f->what == FLIES_CHANGE ? store_change(s, f)
            : f->what == FLIES_OPEN ? store_open(s, f)
                                    : store_start(s, f);
    if (!taken)
        return false;
    s->row.generation = f->c.row.generation + 1;
    s->row.assigned = id_set(&s->row.person) ? clock_wall_ms() : 0;
    return true;
}

/* ---- memory ---- */

static void take_operations(const struct desktop *d)
{
    for (struct kept *k = ops; k; k = k->hh.next) {
        struct operation *op;

        if (!id_eq(&k->op.target, &d->row.id))
            continue;
        op = module_operation(&bc->m, &k->op.id);
        if (!op) {
            op = module_operation_add(&bc->m, &k->op.id);
            assert_non_null(op);
            op->verb = k->op.verb;
            op->target = k->op.target;
            op->asked_by = k->op.asked_by;
            op->run = k->op.run;
            op->deadline = INT64_MAX;
            op->stored = true;
        }
        op->state = k->op.state;
        op->seq = k->op.seq;
    }
}

/* As the database says. */
static void take_in(struct stored *s)
{
    struct desktop *d = module_desktop_add(&bc->m, &s->row.id);

    assert_non_null(d);
    desktop_row_release(&d->row);
    desktop_row_copy(&d->row, &s->row);
    d->bserver = s->host;
    d->slot = s->slot;
    d->lane = 0;
    s->host->slots[s->slot].desktop = d;
    d->used_by = s->used_by;
    d->unsure = false;
    free(d->session);
    d->session = NULL;
    if (id_set(&s->session)) {
        d->session = calloc(1, sizeof *d->session);
        assert_non_null(d->session);
        d->session->id = s->session;
        d->session->person = s->session_person;
        d->session->run = s->session_run;
        d->session->seq = s->session_seq;
        d->session->screen_at = now();
    }
    take_operations(d);
    d->op = NULL;
    for (struct operation *op = bc->m.operations; op; op = op->hh.next)
        if (id_eq(&op->target, &d->row.id) && op->state == OP_RUNNING)
            d->op = op;
    module_desktop_index(&bc->m, d);
    publish_desktop(bc, d);
}

static void apply_open(struct desktop *d, const struct flight *f)
{
    struct operation *op = id_set(&f->c.op) ? module_operation(&bc->m, &f->c.op) : NULL;

    take_in(stored(&d->row.id)); /* row and session are what was written */
    if (op && d->op == op)
        d->op = NULL;
}

/* One write comes back, well or not. */
static void land(struct flight *f, bool well)
{
    struct desktop *d = module_desktop(&bc->m, &f->c.row.id);
    bool dropped = !well && upto(20) == 0, taken = !dropped && store(f);
    bool silent = !well && upto(20) == 0;

    if (d)
        d->busy = false;
    if (d && (silent || dropped)) {
        d->unsure = true;
        count.lost++;
    } else if (d && taken && f->what == FLIES_CHANGE) {
        change_apply(bc, d, &f->c);
        d->run_at = d->run_at ? now() : 0; /* the model's clock is ahead */
        count.changed++;
    } else if (d && taken) {
        apply_open(d, f);
    } else if (d) {
        take_in(stored(&d->row.id)); /* a conflict: read again */
    }
    desktop_row_release(&f->c.row);
    *f = (struct flight){ .what = FLIES_NOT };
}

#endif
