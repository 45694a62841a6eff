/*
 * Clean hand-over under 1,000,000 random interleavings: people come, leave, are disabled and come
 * back; guests crash, hosts restart and fall silent; orders stop, rebuild and take away; images are
 * published; reports come late, twice and in any order; writes are refused and answers lost; the
 * bCenter is killed with its writes on their way. What decides, edits and applies is the daemon's
 * own; here are the people, the hosts and a database that takes a write by generation and nothing
 * else, so that it is the decisions that are judged, not the constraints.
 *
 * No disk is ever handed to a second session (a persistent one: a second person), nobody has two
 * desktops of the pool, and whenever the trouble stops every desktop comes back to ready.
 */
#include "tests/unit/bcenter/handover_world.h"

enum { STEPS = 1000000, CALM_EVERY = 10000, ROUNDS = 200 };

static unsigned seed_of_run = 1;

static struct flight *free_flight(void)
{
    for (int i = 0; i < FLIGHTS; i++)
        if (!flights[i].what)
            return &flights[i];
    return NULL;
}

static void read_again(void)
{
    struct desktop *d, *next;

    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        if (d->unsure && !d->busy)
            take_in(stored(&d->row.id));
    }
}

/* kill -9: what was on its way has come or never will; a new process, which knows nothing. */
static void killed(void)
{
    struct desktop *d, *next;
    struct operation *op, *on;

    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].what) {
            if (upto(2))
                store(&flights[i]);
            desktop_row_release(&flights[i].c.row);
            flights[i] = (struct flight){ .what = FLIES_NOT };
        }
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        module_desktop_remove(&bc->m, d);
    }
    HASH_ITER(hh, bc->m.operations, op, on)
    {
        module_operation_remove(&bc->m, op);
    }
    for (struct stored *s = rows; s; s = s->hh.next)
        take_in(s);
    count.killed++;
}

/* ---- what people do ---- */

static bool flies(const struct id *person)
{
    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].what > FLIES_CHANGE && id_eq(&flights[i].person, person))
            return true;
    return false;
}

static void opening(struct flight *f, struct desktop *d, const struct id *person)
{
    f->what = FLIES_OPEN;
    desktop_row_copy(&f->c.row, &d->row);
    f->person = *person;
    f->session = id_new();
    f->run = d->row.run;
    f->seen_run = d->seen_run;
    f->seen_overlay = d->seen_overlay;
    f->ready_run = d->ready_run;
    d->busy = true;
}

static void ask(void)
{
    struct broker_ask a = { .person = people[upto(PEOPLE)], .pool = pool->id };
    struct flight *f = free_flight();
    struct decided dc;

    if (!f || flies(&a.person)) /* one at a time for each person, broker.c */
        return;
    broker_decide(&bc->m, &a, now(), &dc);
    if (dc.what == DECIDE_RESUME) {
        assert_string_equal(dc.desktop->session->person.s, a.person.s);
    } else if (dc.what == DECIDE_OPEN) {
        assert_true(desktop_ready(dc.desktop, now()));
        opening(f, dc.desktop, &a.person);
    } else if (dc.what == DECIDE_START) {
        opening(f, dc.desktop, &a.person);
        f->what = FLIES_START;
        f->c.op = id_new();
        if (!id_set(&f->run)) {
            f->run = id_new();
            snprintf(f->c.row.run_boot, sizeof f->c.row.run_boot, "%s", dc.desktop->bserver->boot);
        }
    } else if (dc.what == DECIDE_REFUSE) {
        count.refused++;
    }
}

static struct desktop *any(void)
{
    struct desktop *d = bc->m.desktops;

    for (int n = upto(DESKTOPS); d && n > 0 && d->hh.next; n--)
        d = d->hh.next;
    return d;
}

static void leave(void)
{
    struct desktop *d = any();
    struct flight *f = free_flight();

    if (!f || d->busy || d->unsure || !d->session)
        return;
    f->what = FLIES_CHANGE;
    change_begin(d, &f->c);
    change_end_session(d, &f->c, "disconnected");
    if (d->row.floating)
        change_free(&bc->m, d, &f->c);
}

/* ---- what reconcile does ---- */

static void gone(struct desktop *d)
{
    struct stored *s = stored(&d->row.id);
    struct bserver *on = s->host;
    int slot = s->slot;

    machine_forget(&hosts, machine_of(&hosts, &d->row.id, &on->id));
    sync_set_del(bc->agents, on->id.s, "desktop", &d->row.id);
    HASH_DEL(rows, s);
    desktop_row_release(&s->row);
    free(s);
    module_desktop_remove(&bc->m, d);
    new_desktop(on, slot);
}

static void next_step(struct desktop *d)
{
    struct flight *f = free_flight();
    enum next next;

    if (!f)
        return;
    next = reconcile_decide(bc, d, now(), &f->c);
    if (next == NEXT_FORGET && stored(&d->row.id)->row.generation == d->row.generation)
        gone(d);
    else if (next != NEXT_FORGET && next != NEXT_NOTHING)
        f->what = FLIES_CHANGE;
}

static void end_alone(struct operation *op)
{
    struct operation *row = op_of(&op->id);
    struct desktop *d = module_desktop(&bc->m, &op->target);

    op->state = OP_FAILED;
    if (row)
        row->state = OP_FAILED;
    if (d && d->op == op)
        d->op = NULL;
}

static void begin(struct operation *op)
{
    struct desktop *d = module_desktop(&bc->m, &op->target);
    struct flight *f = free_flight();

    if (!f || (d && (d->busy || d->unsure)))
        return;
    if (!op_of(&op->id))
        keep(op);
    if (!d) {
        end_alone(op);
    } else if (d->op) {
        end_alone(op->verb == VERB_START || op->verb == VERB_RESET ? op : d->op);
    } else {
        f->what = FLIES_CHANGE;
        change_begin(d, &f->c);
        f->c.op = op->id;
        reconcile_effect(bc, d, op, &f->c);
    }
}

static void go_on(struct operation *op, bool late)
{
    struct desktop *d = module_desktop(&bc->m, &op->target);
    struct flight *f = free_flight();
    struct ending end;

    if (!f || (d && (d->busy || d->unsure)))
        return;
    if (!d) {
        end_alone(op);
        return;
    }
    end = reconcile_ending(bc, d, op);
    if (end.state == OP_RUNNING && late)
        end = (struct ending){ OP_FAILED, ERR_DEADLINE, "late" };
    if (end.state == OP_RUNNING)
        return;
    if (op->verb == VERB_CONNECT && end.state == OP_SUCCEEDED && !d->session) {
        opening(f, d, &op->asked_by);
        f->c.op = op->id;
        return;
    }
    f->what = FLIES_CHANGE;
    reconcile_end(bc, d, op, &end, &f->c);
}

static void operations(bool late)
{
    struct operation *op, *next;
    struct desktop *d;
    struct kept *k;

    HASH_ITER(hh, bc->m.operations, op, next)
    {
        if (op->state == OP_QUEUED) {
            begin(op);
        } else if (op->state == OP_RUNNING) {
            op->order = op->verb == VERB_RESET && upto(2) ? ORDER_DONE : op->order;
            go_on(op, late && upto(60) == 0);
        } else if (!(d = module_desktop(&bc->m, &op->target)) || (!d->busy && !d->unsure)) {
            HASH_FIND(hh, ops, op->id.s, ID_LEN, k);
            if (k) {
                HASH_DEL(ops, k);
                free(k);
            }
            sync_set_del(bc->observed, "", "operation", &op->id);
            module_operation_remove(&bc->m, op);
        }
    }
}

static void order(void)
{
    static const enum verb verbs[] = { VERB_START,  VERB_SHUTDOWN, VERB_STOP,    VERB_RESET,
                                       VERB_DELETE, VERB_REBUILD,  VERB_UNASSIGN };
    struct id id = id_new();
    struct operation *op;

    if (HASH_COUNT(bc->m.operations) > 4 || (bc->m.operations && upto(2))) {
        op = bc->m.operations;
        op->cancel = upto(2);
        return;
    }
    op = module_operation_add(&bc->m, &id);
    assert_non_null(op);
    op->verb = verbs[upto(sizeof verbs / sizeof *verbs)];
    op->target = any()->row.id;
    op->state = OP_QUEUED;
    op->deadline = INT64_MAX;
    op->stored = true;
}

/* ---- trouble ---- */

static struct machine *machine(void)
{
    const struct desktop *d = any();

    return machine_of(&hosts, &d->row.id, &d->bserver->id);
}

static void reboot(struct bserver *b)
{
    snprintf(b->boot, sizeof b->boot, "boot-%d", upto(1000000));
    for (struct machine *x = hosts.machines; x; x = x->hh.next)
        if (id_eq(&x->host, &b->id)) {
            machine_off(x);
            x->last_run = (struct id){ "" }; /* its list is of this boot */
            x->heard = false;
        }
}

static void publish_image(void)
{
    struct image_version *v, *next;
    const struct id id = id_new();

    HASH_ITER(hh, bc->m.images, v, next)
    {
        HASH_DEL(bc->m.images, v);
        json_decref(v->body);
        free(v);
    }
    image(&id);
    pool->image_version = id;
}

static void trouble(void)
{
    struct machine *x = machine();

    switch (upto(10)) {
    case 0: machine_off(x); return;
    case 1: x->heard = false; return; /* the agent was started again */
    case 2: host[upto(HOSTS)]->heard_ms = upto(8) ? INT64_MAX / 4 : 0; return;
    case 3: config.floating_logoff_s = upto(3) ? 600 : 0; return;
    case 4: module_person(&bc->m, &people[upto(PEOPLE)])->disabled = upto(3) == 0; return;
    case 5: host[upto(HOSTS)]->knows_key = upto(4) != 0; return;
    case 6: later += 400000; return; /* retries are due */
    case 7: upto(20) ? (void)0 : killed(); return;
    case 8: upto(20) ? (void)0 : reboot(host[upto(HOSTS)]); return;
    default: upto(40) ? (void)0 : publish_image(); return;
    }
}

static void step(void)
{
    struct machine *x = machine();

    switch (upto(16)) {
    case 0:
    case 1: ask(); return;
    case 2:
    case 3:
    case 4: land(&flights[upto(FLIGHTS)], false); return;
    case 5: leave(); return;
    case 6: trouble(); return;
    case 7: machine_hear(&hosts, x); return;
    case 8:
    case 9: machine_act(x); return;
    case 10: machine_report(&hosts, x, upto(MACHINE_REPORTS), upto(3)); return;
    case 11: machine_deliver(&hosts, x, x->reports[upto(MACHINE_REPORTS)]); return;
    case 12: upto(8) ? operations(true) : order(); return;
    case 13: upto(4) ? read_again() : (void)reconcile_plan(&bc->m, &pool->id); return;
    default: next_step(any()); return;
    }
}

/* ---- the trouble stops ---- */

static bool at_rest(const struct desktop *d)
{
    if (d->busy || d->unsure || d->op || d->row.deleting)
        return false;
    if (!d->row.floating && id_set(&d->row.person))
        return true; /* hers, on or off as she left it */
    return !id_set(&d->row.person) && !d->session && !id_set(&d->used_by) &&
           desktop_ready(d, now());
}

static bool all_at_rest(void)
{
    for (const struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (!at_rest(d))
            return false;
    return HASH_COUNT(bc->m.operations) == 0;
}

static void one_round(void)
{
    struct desktop *d, *next;
    struct machine *x, *xn;

    for (int i = 0; i < FLIGHTS; i++)
        land(&flights[i], true);
    read_again();
    operations(false);
    reconcile_plan(&bc->m, &pool->id);
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        next_step(d);
    }
    HASH_ITER(hh, hosts.machines, x, xn)
    {
        machine_hear(&hosts, x);
        for (int i = 0; i < 4; i++)
            machine_act(x);
        machine_report(&hosts, x, 0, true);
    }
    later += 400000;
}

/* Nothing is stuck: everything comes back, and is clean. */
static void calm(void)
{
    config.floating_logoff_s = 0;
    for (int i = 0; i < HOSTS; i++) {
        host[i]->heard_ms = INT64_MAX / 4;
        host[i]->knows_key = true;
    }
    for (int i = 0; i < ROUNDS && !all_at_rest(); i++)
        one_round();
    for (const struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (!at_rest(d))
            fail_msg("%s is stuck: busy %d unsure %d op %d session %d run %s seen %s", d->row.id.s,
                     d->busy, d->unsure, d->op ? (int)d->op->verb : -1, d->session != NULL,
                     d->row.run.s, d->seen_run.s);
    assert_true(all_at_rest());
    assert_int_equal(HASH_COUNT(bc->m.desktops), DESKTOPS);
    count.calm++;
}

static void check(void)
{
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next) {
        if (d->session)
            assert_string_equal(d->session->person.s, d->row.person.s);
        for (struct desktop *o = d->hh.next; o; o = o->hh.next)
            assert_true(!id_set(&d->row.person) || !id_eq(&d->row.person, &o->row.person));
    }
}

static void end_world(void)
{
    struct stored *s, *next;
    struct kept *k, *kn;

    for (int i = 0; i < FLIGHTS; i++)
        land(&flights[i], true);
    host_model_free(&hosts);
    HASH_ITER(hh, rows, s, next)
    {
        HASH_DEL(rows, s);
        desktop_row_release(&s->row);
        free(s);
    }
    HASH_ITER(hh, ops, k, kn)
    {
        HASH_DEL(ops, k);
        free(k);
    }
    module_release(&bc->m);
    sync_set_free(bc->agents);
    sync_set_free(bc->observed);
    pthread_rwlock_destroy(&bc->wires);
    free(bc);
}

static void interleavings(bool floating, int steps)
{
    make_world(floating);
    for (int i = 1; i <= steps; i++) {
        step();
        check();
        if (i % CALM_EVERY == 0)
            calm();
    }
    print_message("seed %u: opened %lld, started %lld, refused %lld, changed %lld, lost %lld, "
                  "killed %lld, at rest %lld times\n",
                  seed_of_run, (long long)count.opened, (long long)count.started,
                  (long long)count.refused, (long long)count.changed, (long long)count.lost,
                  (long long)count.killed, (long long)count.calm);
    assert_true(count.opened > steps / 1000 && count.started > steps / 1000 &&
                count.changed > steps / 100 && count.lost > steps / 1000 &&
                count.killed > steps / 10000);
    end_world();
}

static void floating_is_clean(void **state)
{
    (void)state;
    interleavings(true, STEPS);
}

static void persistent_is_one_persons(void **state)
{
    (void)state;
    interleavings(false, STEPS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floating_is_clean),
        cmocka_unit_test(persistent_is_one_persons),
    };

    if (getenv("BIC_SEED"))
        seed_of_run = (unsigned)strtoul(getenv("BIC_SEED"), NULL, 10);
    seed = seed_of_run;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
