/*
 * Clean hand-over on PostgreSQL: the whole bCenter without its listeners, while reconcile runs
 * beside it, backends are ended and the bCenter itself is put down and started again on what it
 * left. Hosts are the model of tests/unit/bcenter/handover_host.h: late, repeated and reordered
 * reports, crashes, agents that begin anew. The same laws as in tests/unit/bcenter/test_handover.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/db/bcenter/fixture.h"
#include "tests/unit/bcenter/handover_host.h"

enum { STEPS = 20000, LIVES = 5, PEOPLE = 9, DESKTOPS = 5, ROUNDS = 400 };

static unsigned seed = 1;
static struct bcenter *bc;
static struct host_model hosts;
static struct db *db;
static atomic_bool stop;
static int opened, refused, failed, orders;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static void *kill_backends(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        usleep(40000);
        sql("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
            "and datname = current_database() and random() < 0.1");
    }
    return NULL;
}

static void *reconcile(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        reconcile_tick(bc);
        usleep(1000);
    }
    return NULL;
}

/* ---- people ---- */

static void connects(void)
{
    struct connect a = { .deadline_ms = clock_boot_ms() + 520, .trace = "t" };
    int person = 1 + upto(PEOPLE);
    struct connection c;
    struct err e = { 0 };

    a.ask.person = person_no(person);
    a.ask.pool = id_of(POOL);
    snprintf(a.actor_name, sizeof a.actor_name, "p%d", person);
    if (broker_connect(bc, db, &a, &c, &e) == 0)
        opened += id_set(&c.id);
    else if (e.code == ERR_POOL_EXHAUSTED)
        refused++;
    else
        failed++;
}

static void leaves(void)
{
    struct session_end end = { .reason = "disconnected", .trace = "t" };
    struct err e = { 0 };
    int n = upto(DESKTOPS);

    end.deadline_ms = clock_boot_ms() + 520;
    module_lock(&bc->m);
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (d->session && n-- <= 0)
            end.session = d->session->id;
    module_unlock(&bc->m);
    if (id_set(&end.session) && session_end(bc, db, &end, &e) < 0)
        failed++;
}

static void orders_something(void)
{
    static const char *const verbs[] = { "start",   "shutdown", "stop",  "reset",
                                         "rebuild", "unassign", "delete" };
    struct id id = id_new(), target = { "" };
    int n = upto(DESKTOPS);

    module_lock(&bc->m);
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (n-- <= 0)
            target = d->row.id;
    module_unlock(&bc->m);
    wanted(bc, "operation", id,
           "{\"verb\":\"%s\",\"desktop_id\":\"%s\",\"cancel\":%s,\"created_at\":"
           "\"2026-01-01T00:00:00Z\",\"deadline\":\"2099-01-01T00:00:00Z\"}",
           verbs[upto(7)], target.s, upto(4) ? "false" : "true");
    orders++;
}

/* ---- hosts ---- */

struct listed {
    int n;
    struct id pick;
};
static void pick(void *arg, const struct sync_object *o)
{
    struct listed *l = arg;

    if (l->n-- == 0)
        l->pick = o->id;
}

static struct machine *machine(int n)
{
    struct listed l = { .n = n };
    const struct id host = id_of(HOST);

    sync_set_each(bc->agents, "desktop", pick, &l);
    return id_set(&l.pick) ? machine_of(&hosts, &l.pick, &host) : NULL;
}

/* Whoever has a live session in the run that is up there sees that disk. */
static void look(void)
{
    struct machine *x;

    module_lock(&bc->m);
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next) {
        HASH_FIND(hh, hosts.machines, d->row.id.s, ID_LEN, x);
        if (d->session && x && x->up && id_eq(&x->run, &d->session->run))
            machine_used(&hosts, x, &d->session->person, &d->session->id);
    }
    module_unlock(&bc->m);
}

static void host_does(void)
{
    struct machine *x = machine(upto(DESKTOPS));

    if (!x)
        return;
    switch (upto(12)) {
    case 0: upto(4) ? (void)0 : machine_off(x); return;
    case 1: x->heard = upto(2); return;
    case 2:
    case 3:
    case 4: machine_hear(&hosts, x); return;
    case 5: machine_deliver(&hosts, x, x->reports[upto(MACHINE_REPORTS)]); return;
    case 6:
    case 7: machine_report(&hosts, x, upto(MACHINE_REPORTS), upto(3)); return;
    default: machine_act(x); return;
    }
}

static void step(void)
{
    switch (upto(24)) {
    case 0:
    case 1: connects(); return;
    case 2: leaves(); return;
    case 3: upto(6) ? (void)0 : orders_something(); return;
    default: host_does(); return;
    }
}

/* ---- a life of the bCenter, and what is left of it ---- */

static void begin_life(void)
{
    bc = fixture_start();
    hosts.bc = bc;
    want_pool(bc, "floating", DESKTOPS, DESKTOPS, IMAGE);
    want_people(bc, PEOPLE);
    heard(bc, HOST, "boot-1", 8);
    module_lock(&bc->m);
    bc->m.bservers->heard_ms = INT64_MAX / 4; /* up, whatever the tests' machine does meanwhile */
    module_unlock(&bc->m);
    bc->config->floating_logoff_s = 600;
}

static void laws_hold(void)
{
    static const char *const never[] = {
        "select from session group by overlay_id having count(*) > 1",
        "select from session where ended_at is null group by desktop_id having count(*) > 1",
        "select from desktop where person_id is not null group by person_id having count(*) > 1",
        "select from session s join desktop d on d.id = s.desktop_id where s.ended_at is null and "
        "(d.person_id is distinct from s.person_id or d.overlay_id <> s.overlay_id or "
        "d.run_id is distinct from s.run_id)",
        "select from session where seen_run is null or seen_overlay is null or ready_run is null",
    };
    char text[600];

    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        snprintf(text, sizeof text, "select count(*) from (%s) x", never[i]);
        if (sql_number(text) != 0)
            fail_msg("%s", never[i]);
    }
}

static void life(void)
{
    pthread_t killer, reconciler;

    begin_life();
    atomic_store(&stop, false);
    pthread_create(&killer, NULL, kill_backends, NULL);
    pthread_create(&reconciler, NULL, reconcile, NULL);
    for (int i = 0; i < STEPS / LIVES; i++) {
        step();
        look();
    }
    atomic_store(&stop, true);
    pthread_join(killer, NULL);
    pthread_join(reconciler, NULL);
    laws_hold();
}

static bool at_rest(const struct desktop *d)
{
    return !d->busy && !d->unsure && !d->op && !d->row.deleting && !d->session &&
           !id_set(&d->row.person) && !id_set(&d->used_by) && desktop_ready(d, clock_boot_ms());
}

static bool all_at_rest(void)
{
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (!at_rest(d))
            return false;
    return HASH_COUNT(bc->m.desktops) == DESKTOPS;
}

static void comes_to_rest(void)
{
    struct machine *x;

    bc->config->floating_logoff_s = 0;
    for (int i = 0; i < ROUNDS && !all_at_rest(); i++) {
        for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
            d->retry_at = 0; /* as if the time for another try had come */
        reconcile_tick(bc);
        for (int n = 0; (x = machine(n)); n++) {
            machine_hear(&hosts, x);
            for (int k = 0; k < 4; k++)
                machine_act(x);
            machine_report(&hosts, x, 0, true);
        }
        look();
    }
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        if (!at_rest(d))
            fail_msg("%s is stuck: busy %d unsure %d op %d session %d run %s seen %s", d->row.id.s,
                     d->busy, d->unsure, d->op ? (int)d->op->verb : -1, d->session != NULL,
                     d->row.run.s, d->seen_run.s);
    assert_true(all_at_rest());
    laws_hold();
}

static void clean_hand_over(void **state)
{
    struct err e = { 0 };

    (void)state;
    fresh_schema();
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    for (int i = 0; i < LIVES; i++) {
        life();
        if (i % 2 || i == LIVES - 1)
            comes_to_rest();
        fixture_stop(bc);
    }
    db_close(db);
    print_message("opened %d, refused %d, failed %d, ordered %d, sessions %d\n", opened, refused,
                  failed, orders, (int)sql_number("select count(*) from session"));
    assert_true(sql_number("select count(*) from session") > 50 && refused > 20);
    host_model_free(&hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(clean_hand_over) };

    if (getenv("BIC_SEED"))
        seed = (unsigned)strtoul(getenv("BIC_SEED"), NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
