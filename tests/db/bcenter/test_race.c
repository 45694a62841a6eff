/*
 * Eight connections ask for the last desktops at once, end sessions at random and have their
 * backends killed under them; every few moments the database is asked whether a law was broken.
 */
#include <pthread.h>
#include <unistd.h>

#include "tests/db/bcenter/fixture.h"

enum { THREADS = 8, PEOPLE = 24, DESKTOPS = 6, ROUNDS = 120 };

struct racer {
    pthread_t thread;
    struct bcenter *bc;
    unsigned seed;
    int opened, refused, failed;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct db *db = NULL;
    struct err e = { 0 };

    if (db_open(getenv("TEST_DB"), &db, &e) < 0)
        return NULL;
    for (int i = 0; i < ROUNDS; i++) {
        struct connection c;
        struct err bad = { 0 };
        struct session_end end = { .reason = "disconnected" };

        if (ask(r->bc, db, 1 + (int)(rand_r(&r->seed) % PEOPLE), &c, &bad) == 0) {
            r->opened += id_set(&c.id);
            end.session = c.id;
            if (id_set(&c.id) && rand_r(&r->seed) % 2 && session_end(r->bc, db, &end, &bad) < 0)
                r->failed++;
        } else if (bad.code == ERR_POOL_EXHAUSTED) {
            r->refused++;
            usleep(5000); /* until somebody's desktop is clean again */
        } else {
            r->failed++;
        }
    }
    db_close(db);
    return NULL;
}

static bool stop;

static void *kill_backends(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        usleep(30000);
        sql("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
            "and datname = current_database() "
            "and random() < 0.15");
    }
    return NULL;
}

static void *reconcile(void *arg)
{
    struct bcenter *bc = arg;

    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        reconcile_tick(bc);
        obey(bc);
        usleep(2000);
    }
    return NULL;
}

static void laws_hold(void)
{
    assert_int_equal(sql_number("select count(*) from (select from session where ended_at is null "
                                "group by desktop_id having "
                                "count(*) > 1) x"),
                     0);
    assert_int_equal(sql_number("select count(*) from (select from session group by overlay_id "
                                "having count(distinct person_id) "
                                "> 1) x"),
                     0);
    assert_int_equal(sql_number("select count(*) from (select from desktop where person_id is not "
                                "null group by pool_id, person_id "
                                "having count(*) > 1) x"),
                     0);
    assert_int_equal(sql_number("select count(*) from session s join desktop d on d.id = "
                                "s.desktop_id where s.ended_at is null and "
                                "(d.person_id is distinct from s.person_id or d.overlay_id <> "
                                "s.overlay_id or d.run_id is "
                                "distinct from s.run_id)"),
                     0);
}

/* After everybody is done, memory is what the database says. */
static void memory_agrees(struct bcenter *bc)
{
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next) {
        char text[400];

        assert_false(d->busy);
        assert_false(d->unsure);
        snprintf(text, sizeof text, "select generation from desktop where id = '%s'", d->row.id.s);
        assert_int_equal(sql_number(text), d->row.generation);
        snprintf(text, sizeof text,
                 "select count(*) from session where ended_at is null and desktop_id = '%s'",
                 d->row.id.s);
        assert_int_equal(sql_number(text), d->session != NULL);
    }
}

static void last_desktops(void **state)
{
    static struct racer racers[THREADS];
    pthread_t killer, reconciler;
    struct bcenter *bc;
    int opened = 0, refused = 0;

    (void)state;
    fresh_schema();
    bc = fixture_start();
    want_pool(bc, "floating", DESKTOPS, DESKTOPS, IMAGE);
    want_people(bc, PEOPLE);
    heard(bc, HOST, "boot-1", 8);
    settle(bc);
    pthread_create(&killer, NULL, kill_backends, NULL);
    pthread_create(&reconciler, NULL, reconcile, bc);
    for (int i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){ .bc = bc, .seed = (unsigned)i + 1 };
        pthread_create(&racers[i].thread, NULL, race, &racers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        opened += racers[i].opened;
        refused += racers[i].refused;
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(killer, NULL);
    pthread_join(reconciler, NULL);
    laws_hold();
    settle(bc); /* what was unsure is read again */
    memory_agrees(bc);
    laws_hold();
    print_message("opened %d, refused %d\n", opened, refused);
    assert_true(opened > 50);
    fixture_stop(bc);
}

/* ---- two people, one desktop ---- */

enum { LAST_ROUNDS = 200 };

struct last {
    pthread_t thread;
    pthread_barrier_t *line;
    struct bcenter *bc;
    struct db *db;
    int person, rc;
    struct connection c;
    struct err e;
};

static void *want_last(void *arg)
{
    struct last *l = arg;

    l->e = (struct err){ 0 };
    pthread_barrier_wait(l->line);
    l->rc = ask(l->bc, l->db, l->person, &l->c, &l->e);
    return NULL;
}

static void the_last_one(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 2);
    struct last two[2] = { { .bc = bc, .person = 1 }, { .bc = bc, .person = 2 } };
    int won[2] = { 0, 0 };
    pthread_barrier_t line;
    struct err e = { 0 };

    (void)state;
    pthread_barrier_init(&line, NULL, 2);
    for (int i = 0; i < 2; i++) {
        two[i].line = &line;
        assert_int_equal(db_open(getenv("TEST_DB"), &two[i].db, &e), 0);
    }
    for (int round = 0; round < LAST_ROUNDS; round++) {
        struct session_end end = { .reason = "disconnected", .trace = "t" };
        int winner;

        for (int i = 0; i < 2; i++)
            pthread_create(&two[i].thread, NULL, want_last, &two[i]);
        for (int i = 0; i < 2; i++)
            pthread_join(two[i].thread, NULL);
        winner = two[0].rc == 0 ? 0 : 1;
        assert_int_equal(two[winner].rc, 0);
        assert_true(id_set(&two[winner].c.id));
        assert_int_equal(two[!winner].rc, -1);
        assert_int_equal(two[!winner].e.code, ERR_POOL_EXHAUSTED);
        assert_int_equal(two[!winner].e.number[1].value, 1); /* assigned: all there are */
        assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
        won[winner]++;
        end.session = two[winner].c.id;
        assert_int_equal(session_end(bc, two[winner].db, &end, &e), 0);
        settle(bc);
    }
    print_message("one won %d times, the other %d times\n", won[0], won[1]);
    assert_int_equal(sql_number("select count(*) from session"), LAST_ROUNDS);
    laws_hold();
    for (int i = 0; i < 2; i++)
        db_close(two[i].db);
    pthread_barrier_destroy(&line);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(last_desktops),
                                        cmocka_unit_test(the_last_one) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
