/*
 * Eight connections take and give back places at once, 20,000 times, while a ninth ends their
 * server processes at random: whatever the order, no law is broken and no counter drifts.
 */
#include "tests/db/bcenter/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "bcenter/desktop_place.h"
#include "sql/module/module.h"

enum { THREADS = 8, STEPS = 2500, HOSTS = 3, SLOTS = 12, LANES = 2, VFS = 6 };

static atomic_int made, refused, forgotten, lost, freed, freed_late;
static atomic_bool done;
static int64_t epoch;

static struct id host_no(int n)
{
    return numbered("dddddddd", 100 + n);
}

static struct id vf_no(int host, int n)
{
    return numbered("50000000", host * VFS + n);
}

static int setup(void **state)
{
    char text[600];

    (void)state;
    fresh_schema();
    for (int h = 0; h < HOSTS; h++) {
        snprintf(text, sizeof text,
                 "insert into bserver (id, name, boot, cores, memory_limit_mib, store_limit_gib, "
                 "body) values ('%s', 'h%d', 'b', 2, 2000, 40, '{}')",
                 host_no(h).s, h);
        sql(text);
        snprintf(text, sizeof text,
                 "insert into lane (bserver_id, no) select '%s', n from generate_series(0, 1) n",
                 host_no(h).s);
        sql(text);
        snprintf(text, sizeof text,
                 "insert into slot (bserver_id, no, lane) select '%s', n, n %% 2 from "
                 "generate_series(0, 11) n",
                 host_no(h).s);
        sql(text);
        for (int v = 0; v < VFS; v++) {
            snprintf(text, sizeof text,
                     "insert into vf (id, bserver_id, pf, address, index) values ('%s', '%s', "
                     "'p', 'a%d', %d)",
                     vf_no(h, v).s, host_no(h).s, v, v);
            sql(text);
        }
    }
    epoch = sql_number("update leader set epoch = epoch + 1 returning epoch");
    return 0;
}

static void make(struct db *db, unsigned *seed)
{
    int host = (int)(rand_r(seed) % HOSTS), slot = (int)(rand_r(seed) % SLOTS);
    struct desktop_place p = { .host = host_no(host), .slot = slot, .lane = slot % LANES };
    struct err e = { 0 };

    p.epoch = epoch;
    p.row.id = id_new();
    p.row.pool = id_of(POOL);
    p.row.overlay = id_new();
    p.row.placement = id_new();
    p.row.memory_mib = 100 + rand_r(seed) % 300;
    p.row.store_gib = 1 + rand_r(seed) % 6;
    p.row.spec = json_object();
    p.row.image = json_object();
    snprintf(p.row.name, sizeof p.row.name, "d-%.8s%.4s", p.row.id.s, p.row.id.s + 9);
    snprintf(p.row.mac, sizeof p.row.mac, "52:54:%.2s:%.2s:%.2s:%.2s", p.row.id.s, p.row.id.s + 2,
             p.row.id.s + 4, p.row.id.s + 6);
    if (rand_r(seed) % 2)
        p.vf = vf_no(host, (int)(rand_r(seed) % VFS));
    if (db_tx_once(db, desktop_place_store, &p, &e) == 0)
        made++;
    else if (e.code == ERR_DB_UNAVAILABLE)
        lost++;
    else
        refused++;
    desktop_row_release(&p.row);
}

static void forget(struct db *db)
{
    static const struct db_stmt doomed = {
        "t_doomed", 0,
        "update desktop set deleting = true, generation = generation + 1 where id = (select id "
        "from desktop order by random() limit 1) returning id, generation, (select run_id from vf "
        "where desktop_id = desktop.id) as vf_run"
    };
    auto_result PGresult *r = NULL, *gone = NULL;
    struct err e = { 0 };
    char number[24];

    snprintf(number, sizeof number, "%lld", (long long)epoch);
    if (db_run(db, &doomed, NULL, &r, &e) < 0 || db_rows(r) == 0 ||
        db_run(db, &Q_desktop_forget,
               DB_ARGS(db_text(r, 0, "id"), db_text(r, 0, "generation"), db_text(r, 0, "vf_run"),
                       id_new().s, number),
               &gone, &e) < 0)
        lost += e.code == ERR_DB_UNAVAILABLE;
    else
        forgotten += db_int(gone, 0, "done", 0) == 1;
}

/* The answer to the question that is open, or, now and then, to one that nobody asks any more. */
static void clean(struct db *db, unsigned *seed)
{
    static const struct db_stmt question = { "t_question", 1,
                                             "select check_id from vf where id = $1::uuid" };
    auto_result PGresult *r = NULL, *done_by = NULL;
    struct id vf = vf_no((int)(rand_r(seed) % HOSTS), (int)(rand_r(seed) % VFS));
    bool late = rand_r(seed) % 4 == 0;
    struct err e = { 0 };
    char number[24];

    snprintf(number, sizeof number, "%lld", (long long)epoch);
    if (db_run(db, &question, DB_ARGS(vf.s), &r, &e) < 0) {
        lost += e.code == ERR_DB_UNAVAILABLE;
        return;
    }
    if (!db_text(r, 0, "check_id"))
        return;
    if (db_run(db, &Q_vf_clean,
               DB_ARGS(vf.s, late ? id_new().s : db_text(r, 0, "check_id"), number), &done_by,
               &e) < 0)
        lost += e.code == ERR_DB_UNAVAILABLE;
    else if (late)
        freed_late += db_changed(done_by);
    else
        freed += db_changed(done_by);
}

static void *work(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    auto_db struct db *db = NULL;
    struct err e = { 0 };

    if (db_open(getenv("TEST_DB"), &db, &e) < 0)
        return arg;
    for (int i = 0; i < STEPS; i++) {
        unsigned what = (unsigned)rand_r(&seed) % 10;

        if (what < 5)
            make(db, &seed);
        else if (what < 8)
            forget(db);
        else
            clean(db, &seed);
    }
    return NULL;
}

static void *end_them(void *arg)
{
    while (!atomic_load(&done)) {
        sql("select pg_terminate_backend(pid) from (select pid from pg_stat_activity where datname "
            "= current_database() and pid <> pg_backend_pid() order by random() limit 1) p");
        usleep(30000);
    }
    return arg;
}

static void nothing_drifts(void)
{
    assert_int_equal(
        sql_number("select count(*) from bserver b where memory_used_mib <> (select "
                   "coalesce(sum(memory_mib), 0) from desktop d where d.bserver_id = b.id) or "
                   "store_used_gib <> (select coalesce(sum(store_gib), 0) from desktop d where "
                   "d.bserver_id = b.id)"),
        0);
    assert_int_equal(sql_number("select count(*) from lane l where used <> (select "
                                "count(desktop_id) from slot s where s.bserver_id = l.bserver_id "
                                "and s.lane = l.no)"),
                     0);
    assert_int_equal(sql_number("select desktops - (select count(*) from desktop) from module_use"),
                     0);
    assert_int_equal(sql_number("select count(*) from desktop d where (select count(*) from slot s "
                                "where s.desktop_id = d.id and s.bserver_id = d.bserver_id) <> 1"),
                     0);
    assert_int_equal(sql_number("select count(*) from vf v where desktop_id is not null and not "
                                "exists (select from desktop d where d.id = v.desktop_id and "
                                "d.bserver_id = v.bserver_id)"),
                     0);
    assert_int_equal(sql_number("select count(*) from placement p right join desktop d on p.id = "
                                "d.placement_id where p.id is null"),
                     0);
}

static void no_law_is_broken(void **state)
{
    pthread_t t[THREADS], killer;

    (void)state;
    assert_int_equal(pthread_create(&killer, NULL, end_them, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, work, (void *)(uintptr_t)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    atomic_store(&done, true);
    pthread_join(killer, NULL);
    print_message("made %d, refused %d, forgotten %d, lost connections %d\n", made, refused,
                  forgotten, lost);
    assert_true(made > 500 && refused > 500 && forgotten > 300 && lost > 0 && freed > 100);
    assert_int_equal(freed_late, 0);
    nothing_drifts();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup(no_law_is_broken, setup) };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
