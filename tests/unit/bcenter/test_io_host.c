/*
 * The I/O law on the module's own objects, 200,000 random steps: people come and go, writes are in
 * flight, spares start, samples and limits move. Whatever is given, its host is below its limit
 * with it; nobody who waits is overtaken on her host; when there is room, all are served.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/broker_decide.h"
#include "bcenter/io_observed.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { STEPS = 200000, HOSTS = 4, DESKTOPS = 80, PEOPLE = 70, FLIGHTS = 6 };

static unsigned seed = 23;
static struct bcenter bc;
static struct module *const m = &bc.m;
static struct pool *pool;
static struct bserver *hosts[HOSTS];
static struct desktop *desktops[DESKTOPS];
static struct id people[PEOPLE];
static int64_t begun, started, opened, queued, let_in, sampled, at_limit;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static int64_t now(void)
{
    return clock_boot_ms();
}

/* ---- the world ---- */

static void make_desktop(int i)
{
    struct id id = id_new();
    struct desktop *d = module_desktop_add(m, &id);
    struct bserver *b = hosts[i % HOSTS];

    assert_non_null(d);
    desktops[i] = d;
    d->row.pool = pool->id;
    d->row.overlay = id_new();
    d->row.floating = true;
    d->row.image = json_pack("{s:s}", "guest", "none");
    d->row.spec = json_object();
    d->bserver = b;
    d->slot = b->nslots;
    d->lane = 0;
    d->seen = true;
    d->observed = OBSERVED_OFF;
    b->slots[b->nslots++].desktop = d;
}

static void make_world(void)
{
    memset(&bc, 0, sizeof bc);
    module_init(m);
    pthread_rwlock_init(&bc.wires, NULL);
    bc.agents = sync_set_new_source();
    bc.observed = sync_set_new_source();
    m->id = id_new();
    pool = calloc(1, sizeof *pool);
    assert_non_null(pool);
    pool->id = id_new();
    pool->floating = true;
    pool->nshares = 1;
    pool->share = DESKTOPS;
    pool->shares[0] = (struct place_share){ m->id, DESKTOPS };
    HASH_ADD(hh, m->pools, id.s, ID_LEN, pool);
    for (int i = 0; i < HOSTS; i++) {
        struct id id = id_new();

        hosts[i] = module_bserver_add(m, &id);
        hosts[i]->heard_ms = now() + 3600000;
        hosts[i]->knows_key = hosts[i]->qcow2 = true;
        hosts[i]->nlanes = 1;
        hosts[i]->cores = 16;
        hosts[i]->io.samples = i > 0; /* the first one's agent is of the version before */
        snprintf(hosts[i]->lane_url[0], sizeof hosts[i]->lane_url[0], "ws://localhost:1/display");
    }
    for (int i = 0; i < DESKTOPS; i++)
        make_desktop(i);
    for (int i = 0; i < PEOPLE; i++) {
        struct entitlement *en = calloc(1, sizeof *en);

        assert_non_null(en);
        people[i] = id_new();
        en->id = id_new();
        HASH_ADD(hh, m->entitlements, id.s, ID_LEN, en);
        module_entitlement_set(m, en, &(struct holding){ pool->id, people[i] });
    }
}

static void end_world(void)
{
    module_release(m);
    sync_set_free(bc.agents);
    sync_set_free(bc.observed);
    pthread_rwlock_destroy(&bc.wires);
}

/* ---- writes in flight: what the broker and reconcile have the database take ---- */

enum kind { NEW_SESSION, NEW_START, NEW_QUEUED, NEW_SPARE, OLD_START, OLD_SESSION };
static struct flight {
    struct desktop *d;
    enum kind kind;
    struct id person;
    int64_t charge;
} flights[FLIGHTS];

static struct flight *free_flight(void)
{
    for (int i = 0; i < FLIGHTS; i++)
        if (!flights[i].d)
            return &flights[i];
    return NULL;
}

/* ---- the law ---- */

/* What this desktop asks of its host, or will when what is being written is there. */
static int64_t asks(struct desktop *d)
{
    int64_t charge = io_desktop_charge(m, d, now());

    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].d == d && flights[i].charge > charge)
            charge = flights[i].charge;
    return charge;
}

/* Something has just been given on this host: with it, it is below its limit. */
static void lawful(struct bserver *b)
{
    int64_t total = 0;

    for (int i = 0; i < b->nslots; i++)
        total += asks(b->slots[i].desktop);
    assert_true(total < io_limit_now(&b->io.limit));
    assert_true(total == io_host_look(m, b, now()));
}

static void take_off(struct desktop *d, enum kind kind, const struct id *person, int64_t charge)
{
    struct flight *f = free_flight();

    assert_false(d->busy);
    d->busy = true;
    d->io.held = charge;
    *f = (struct flight){ d, kind, person ? *person : (struct id){ "" }, charge };
    if (kind != NEW_QUEUED)
        lawful(d->bserver);
}

static void give_session(struct desktop *d, const struct id *person)
{
    assert_null(d->session);
    d->session = calloc(1, sizeof *d->session);
    assert_non_null(d->session);
    d->session->id = id_new();
    d->session->person = *person;
    d->session->run = d->row.run;
    d->session->since = clock_wall_ms();
    d->used_by = *person;
}

static void begin(struct desktop *d, const struct id *person, enum op_state state)
{
    struct id id = id_new();
    struct operation *op = module_operation_add(m, &id);

    assert_non_null(op);
    op->verb = VERB_CONNECT;
    op->target = d->row.id;
    op->asked_by = *person;
    op->state = state;
    op->created = ++begun;
    d->op = op;
}

static void give_run(struct desktop *d)
{
    if (!id_set(&d->row.run)) {
        d->row.run = id_new();
        d->run_at = now();
        started++;
    }
}

static void apply(struct flight *f)
{
    struct desktop *d = f->d;

    if (id_set(&f->person))
        d->row.person = f->person;
    switch (f->kind) {
    case NEW_SESSION:
        give_session(d, &f->person);
        opened++;
        break;
    case NEW_START:
        begin(d, &f->person, OP_RUNNING);
        give_run(d);
        break;
    case NEW_QUEUED:
        begin(d, &f->person, OP_QUEUED);
        d->bserver->io.waits = d->bserver->io.waits_now = true;
        queued++;
        break;
    case OLD_START: d->op->state = OP_RUNNING; /* fall through */
    case NEW_SPARE: give_run(d); break;
    case OLD_SESSION:
        give_session(d, &d->op->asked_by);
        module_operation_remove(m, d->op);
        d->op = NULL;
        opened++;
        break;
    }
    module_desktop_index(m, d);
}

static void land(struct flight *f)
{
    struct desktop *d = f->d;

    if (!d)
        return;
    if (upto(8))
        apply(f);
    f->d = NULL;
    desktop_written(d);
}

/* ---- steps ---- */

static void ask(void)
{
    struct broker_ask a = { .person = people[upto(PEOPLE)], .pool = pool->id };
    struct decided dc;

    for (int i = 0; i < FLIGHTS; i++)
        if (flights[i].d && id_eq(&flights[i].person, &a.person))
            return; /* one person is served one request at a time */
    if (!free_flight())
        return;
    broker_decide(m, &a, now(), &dc);
    if (dc.what == DECIDE_OPEN || dc.what == DECIDE_START) {
        assert_false(dc.desktop->bserver->io.waits); /* nobody is overtaken */
        take_off(dc.desktop, dc.what == DECIDE_OPEN ? NEW_SESSION : NEW_START, &a.person,
                 dc.charge);
    } else if (dc.what == DECIDE_QUEUE) {
        assert_int_equal(dc.why.code, ERR_LAW_IO);
        take_off(dc.desktop, NEW_QUEUED, &a.person, 0);
    }
}

static int by_age(const void *a, const void *b)
{
    const struct desktop *x = *(struct desktop *const *)a, *y = *(struct desktop *const *)b;

    return (x->op->created > y->op->created) - (x->op->created < y->op->created);
}

static int index_of(const struct bserver *b)
{
    int i = 0;

    while (hosts[i] != b)
        i++;
    return i;
}

/* One that waits, or whose start is over. blocked: somebody older waits on its host, for something
 * that fits there. */
static void go_on(struct desktop *d, bool *blocked)
{
    bool ready = desktop_ready(d, now()), waits = d->op->state == OP_QUEUED;
    enum io_want want = ready ? IO_WANT_SESSION : IO_WANT_START_FOR_HER;
    struct io_ask a;
    int64_t charge;

    if (d->busy || d->session || (!waits && !ready) || !free_flight())
        return;
    (void)io_host_fits(m, d, want, now(), &a);
    if (!reconcile_let_in(&bc, d, d->op, want, &charge)) {
        assert_non_null(d->op->waiting);
        *blocked = *blocked || a.after < a.limit;
        return;
    }
    assert_null(d->op->waiting);
    assert_false(*blocked && a.after > a.before);
    take_off(d, ready ? OLD_SESSION : OLD_START, NULL, charge);
    let_in++;
}

static void operations(void)
{
    struct desktop *list[DESKTOPS];
    bool blocked[HOSTS] = { false };
    int n = 0;

    for (int i = 0; i < DESKTOPS; i++)
        if (desktops[i]->op)
            list[n++] = desktops[i];
    qsort(list, (size_t)n, sizeof *list, by_age);
    reconcile_waits_begin(m);
    for (int i = 0; i < n; i++)
        go_on(list[i], &blocked[index_of(list[i]->bserver)]);
    reconcile_waits_end(m);
}

static void spare(void)
{
    struct desktop *d = desktops[upto(DESKTOPS)];
    struct io_ask a;

    if (!broker_spare(d, now()) || id_set(&d->row.run) || d->bserver->io.waits || !free_flight())
        return;
    if (!io_host_fits(m, d, IO_WANT_START, now(), &a)) {
        at_limit++;
        return;
    }
    take_off(d, NEW_SPARE, NULL, a.after);
}

/* The agent does what is wanted, sometimes. */
static void agent(void)
{
    struct desktop *d = desktops[upto(DESKTOPS)];

    d->seen_overlay = d->row.overlay;
    d->seen_run = d->row.run;
    d->observed = id_set(&d->row.run) ? OBSERVED_RUNNING : OBSERVED_OFF;
    io_desktop_settled(d, now());
}

static void sample(struct bserver *b, int most)
{
    json_auto_t *body = json_object(), *list = json_object();

    for (int i = 0; i < b->nslots; i++) {
        const struct desktop *d = b->slots[i].desktop;

        if (id_set(&d->seen_run) && upto(20))
            json_object_set_new(
                list, d->row.id.s,
                json_pack("[I, s]", (json_int_t)upto(most) * IO_UNIT, d->seen_run.s));
    }
    json_object_set(body, "desktops", list);
    json_put_int(body, "interval_ms", IO_SAMPLE_MS);
    json_put_int(body, "us_per_request", upto(10) ? 100 + upto(90) : 500);
    json_put_int(body, "nic_dropped", upto(30) ? 0 : 3);
    io_observed_take(m, b, body, (struct io_time){ now(), clock_wall_ms() });
    sampled++;
}

static void off(struct desktop *d)
{
    if (d->busy || (d->op && upto(6)))
        return;
    free(d->session);
    d->session = NULL;
    if (d->op)
        module_operation_remove(m, d->op);
    d->row.person = d->row.run = d->used_by = (struct id){ "" };
    d->row.overlay = id_new();
    module_desktop_index(m, d);
}

static void administrator(void)
{
    struct bserver *b = hosts[upto(HOSTS)];
    struct io_move move;

    if (upto(300) == 0 &&
        io_limit_give(&b->io.limit, upto(3) == 0, (int64_t)upto(2500) * IO_UNIT, &move))
        io_host_moved(b, &move, clock_wall_ms());
}

static void step(void)
{
    switch (upto(16)) {
    case 0:
    case 1:
    case 2: ask(); return;
    case 3:
    case 4:
    case 5:
    case 6: land(&flights[upto(FLIGHTS)]); return;
    case 7: operations(); return;
    case 8:
    case 9: spare(); return;
    case 10: off(desktops[upto(DESKTOPS)]); return;
    case 11: sample(hosts[1 + upto(HOSTS - 1)], upto(3) ? 20 : 150); return;
    case 12: administrator(); return;
    default: agent(); return;
    }
}

static int waiting(void)
{
    int n = 0;

    for (int i = 0; i < DESKTOPS; i++)
        n += desktops[i]->op != NULL;
    return n;
}

/* Nobody new comes, and one after the other goes: whoever waits is served. */
static void calm_down(void)
{
    struct io_move move;

    for (int i = 0; i < HOSTS; i++)
        (void)io_limit_give(&hosts[i]->io.limit, false, 0, &move);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < DESKTOPS; i++) {
            struct desktop *d = desktops[i];

            d->seen_overlay = d->row.overlay;
            d->seen_run = d->row.run;
            d->observed = id_set(&d->row.run) ? OBSERVED_RUNNING : OBSERVED_OFF;
            io_desktop_settled(d, now());
        }
        for (int i = 1; i < HOSTS; i++)
            sample(hosts[i], 2);
        if (desktops[round % DESKTOPS]->session)
            off(desktops[round % DESKTOPS]);
        operations();
        for (int i = 0; i < FLIGHTS; i++)
            land(&flights[i]);
    }
    assert_int_equal(waiting(), 0);
}

static void nothing_is_given_at_the_limit(void **state)
{
    (void)state;
    make_world();
    for (int i = 0; i < STEPS; i++)
        step();
    for (int i = 0; i < FLIGHTS; i++)
        land(&flights[i]);
    assert_true(started > 1000 && opened > 1000 && queued > 100 && let_in > 100);
    assert_true(sampled > 1000 && at_limit > 100);
    calm_down();
    end_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_given_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
