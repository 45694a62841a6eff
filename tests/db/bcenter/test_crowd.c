/*
 * A crowd for fewer desktops than people, while PostgreSQL itself is killed at random (a backend
 * dies of SIGKILL, so all of them do, and it recovers) and the bCenter is put down and started
 * again. In the end every desktop is somebody's, exactly those who were told so have one, and the
 * others were refused with the law's numbers. Over HTTP, with the real processes:
 * tests/system/test_crowd.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/db/bcenter/fixture.h"

enum { HOSTS = 4, ON_HOST = 40, DESKTOPS = HOSTS * ON_HOST, MORE = 16, PEOPLE = DESKTOPS + MORE };
enum { WORKERS = 16, LIVES = 4 };

static struct bcenter *bc;
static atomic_bool stop;
static atomic_int given, lost;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct id told[PEOPLE]; /* her desktop, as she was told */
static bool waits[PEOPLE];     /* for her turn to ask again */

static struct id host_no(int n)
{
    return numbered("dddddddd", n + 1);
}

static void answered(int person, const struct connection *c)
{
    pthread_mutex_lock(&lock);
    if (!id_set(&told[person]))
        atomic_fetch_add(&given, 1);
    else if (!id_eq(&told[person], &c->desktop))
        fail_msg("p%d has another desktop than she was told", person);
    told[person] = c->desktop;
    pthread_mutex_unlock(&lock);
}

/* Somebody who has no answer yet; -1: nobody just now. */
static int next_person(unsigned *seed)
{
    int from = (int)(rand_r(seed) % PEOPLE), found = -1;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < PEOPLE && found < 0; i++)
        if (waits[(from + i) % PEOPLE])
            found = (from + i) % PEOPLE;
    if (found >= 0)
        waits[found] = false;
    pthread_mutex_unlock(&lock);
    return found;
}

static void *work(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    struct db *db = NULL;
    struct err e = { 0 };

    if (db_open(getenv("TEST_DB"), &db, &e) < 0)
        return NULL;
    while (!atomic_load(&stop)) {
        int person = next_person(&seed);
        struct connection c;

        e = (struct err){ 0 };
        if (person < 0) {
            usleep(5000);
        } else if (ask(bc, db, person + 1, &c, &e) == 0) {
            answered(person, &c);
        } else {
            if (!err_retryable(e.code))
                fail_msg("p%d: %s %s", person, err_slug(e.code), e.detail);
            atomic_fetch_add(&lost, err_status(e.code) >= 500);
            usleep(2000);
            pthread_mutex_lock(&lock);
            waits[person] = true;
            pthread_mutex_unlock(&lock);
        }
    }
    db_close(db);
    return NULL;
}

static void *reconcile(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        reconcile_tick(bc);
        obey(bc);
        usleep(2000);
    }
    return NULL;
}

/* One of the server's own processes, by SIGKILL: what was not committed is gone. */
static void kill_postgres(void)
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));

    PQclear(PQexec(c, "do $$ begin execute format('copy (select 1) to program %L', (select 'kill "
                      "-9 ' || pid from pg_stat_activity where backend_type = 'client backend' "
                      "and datname = current_database() and pid <> pg_backend_pid() "
                      "order by random() limit 1)); end $$"));
    PQfinish(c);
    do {
        usleep(50000);
        c = PQconnectdb(getenv("TEST_DB"));
        if (PQstatus(c) == CONNECTION_OK) {
            PQfinish(c);
            return;
        }
        PQfinish(c);
    } while (true);
}

static void begin_life(void)
{
    bc = fixture_start();
    for (int h = 0; h < HOSTS; h++) {
        struct id id = host_no(h);

        wanted(bc, "node", id,
               "{\"id\":\"%s\",\"kind\":\"bserver\",\"name\":\"h%d\",\"module_id\":\"" MODULE "\"}",
               id.s, h);
        heard(bc, id.s, "boot-1", 8);
    }
    want_pool(bc, "persistent", DESKTOPS, 0, IMAGE);
    want_people(bc, PEOPLE);
}

/* A while in which all ask; it ends in the middle of it, or when every desktop is given. */
static void life(int no)
{
    pthread_t worker[WORKERS], reconciler;
    int64_t until = clock_boot_ms() + 600000;

    begin_life();
    atomic_store(&stop, false);
    pthread_create(&reconciler, NULL, reconcile, NULL);
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&worker[i], NULL, work, (void *)(uintptr_t)(no * WORKERS + i + 1));
    while (atomic_load(&given) < DESKTOPS * (no + 1) / LIVES && clock_boot_ms() < until) {
        usleep(300000 + (useconds_t)(clock_boot_ms() % 7) * 100000);
        kill_postgres();
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(worker[i], NULL);
    pthread_join(reconciler, NULL);
}

static bool has(const struct id *person, const struct id *desktop)
{
    char text[300];

    snprintf(text, sizeof text,
             "select count(*) from desktop where id = '%.36s' and person_id = '%.36s'", desktop->s,
             person->s);
    return sql_number(text) == 1;
}

static void everybody_has_her_answer(void)
{
    auto_db struct db *db = NULL;
    struct err e = { 0 };
    int refused = 0;

    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(sql_number("select count(*) from desktop where person_id is not null"),
                     DESKTOPS);
    for (int p = 0; p < PEOPLE; p++) {
        struct connection c;

        e = (struct err){ 0 };
        if (id_set(&told[p])) {
            const struct id person = person_no(p + 1);

            assert_true(has(&person, &told[p]));
            continue;
        }
        assert_int_equal(ask(bc, db, p + 1, &c, &e), -1);
        assert_int_equal(e.code, ERR_POOL_EXHAUSTED);
        assert_int_equal(e.number[0].value, DESKTOPS);
        assert_int_equal(e.number[1].value, DESKTOPS);
        refused++;
    }
    assert_int_equal(refused, MORE);
}

static void a_crowd(void **state)
{
    (void)state;
    fresh_schema();
    for (int p = 0; p < PEOPLE; p++)
        waits[p] = true;
    for (int i = 0; i < LIVES; i++) {
        life(i);
        if (i < LIVES - 1)
            fixture_stop(bc);
    }
    assert_int_equal(atomic_load(&given), DESKTOPS);
    for (int i = 0; i < 10; i++) { /* what was lost on the way is read again */
        reconcile_tick(bc);
        obey(bc);
    }
    everybody_has_her_answer();
    assert_int_equal(sql_number("select count(*) from (select from desktop where person_id is not "
                                "null group by person_id having count(*) > 1) x"),
                     0);
    assert_true(atomic_load(&lost) > 0);
    print_message("given %d, answers lost %d\n", atomic_load(&given), atomic_load(&lost));
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_crowd) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
