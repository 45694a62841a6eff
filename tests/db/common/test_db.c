/* db against a real server: what libpq and PostgreSQL do when things go wrong, not what we hope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/db/db.h"

#define S(name, n, text) static const struct db_stmt name = { #name, n, text }

S(drop_all, 0, "drop table if exists child, parent, counter, made, schema_migration");
S(make_counter, 0, "create table counter (v int not null)");
S(fill_counter, 0, "insert into counter values (0)");
S(read_counter, 0, "select v from counter");
S(write_counter, 1, "update counter set v = $1::int");
S(make_parent, 0,
  "create table parent (id int primary key, n int constraint n_positive check (n > 0))");
S(make_child, 0, "create table child (id int constraint child_of_parent references parent)");
S(add_parent, 2, "insert into parent values ($1::int, $2::int)");
S(add_child, 1, "insert into child values ($1::int)");
S(del_parent, 1, "delete from parent where id = $1::int");
S(echo, 2, "select $1::text as a, $2::text as b, true as yes, false as no");
S(broken, 0, "select nothing from nowhere");
S(nap, 1, "select pg_sleep($1::float)");
S(pid, 0, "select pg_backend_pid() as pid");
S(end, 1, "select pg_terminate_backend($1::int)");
S(say, 2, "select pg_notify($1, $2)");
S(settings, 0,
  "select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l, "
  "current_setting('idle_in_transaction_session_timeout') as i, current_setting('client_encoding') "
  "as c, "
  "current_setting('application_name') as a");

static struct db *fresh(void)
{
    struct err e = { 0 };
    struct db *db = NULL;

    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    return db;
}

static void must(struct db *db, const struct db_stmt *st, const char *const args[])
{
    struct err e = { 0 };

    if (db_run(db, st, args, NULL, &e) < 0)
        fail_msg("%s: %s (%s)", st->name, e.detail, e.cause);
}

static int64_t number(struct db *db, const struct db_stmt *st, const char *column)
{
    auto_result PGresult *r = NULL;
    struct err e = { 0 };

    if (db_run(db, st, NULL, &r, &e) < 0)
        fail_msg("%s: %s (%s)", st->name, e.detail, e.cause);
    return db_int(r, 0, column, -1);
}

static int setup(void **state)
{
    struct db *db = fresh();

    must(db, &drop_all, NULL);
    *state = db;
    return 0;
}

static int teardown(void **state)
{
    db_close(*state);
    return 0;
}

static void values_go_and_come(void **state)
{
    struct db *db = *state;
    struct err e = { 0 };

    for (int i = 0; i < 3; i++) { /* prepared the first time, used after */
        auto_result PGresult *r = NULL;

        assert_int_equal(db_run(db, &echo, DB_ARGS("it's 한글 \"x\"", NULL), &r, &e), 0);
        assert_int_equal(db_rows(r), 1);
        assert_string_equal(db_text(r, 0, "a"), "it's 한글 \"x\"");
        assert_null(db_text(r, 0, "b"));
        assert_null(db_text(r, 0, "not there"));
        assert_null(db_text(r, 1, "a"));
        assert_int_equal(db_int(r, 0, "b", 7), 7);
        assert_int_equal(db_flag(r, 0, "yes"), 1);
        assert_int_equal(db_flag(r, 0, "no"), 0);
    }
}

static void a_session_has_its_limits(void **state)
{
    auto_result PGresult *r = NULL;
    struct err e = { 0 };

    assert_int_equal(db_run(*state, &settings, NULL, &r, &e), 0);
    assert_string_equal(db_text(r, 0, "s"), "4500ms");
    assert_string_equal(db_text(r, 0, "l"), "2500ms");
    assert_string_equal(db_text(r, 0, "i"), "5s");
    assert_string_equal(db_text(r, 0, "c"), "UTF8");
    assert_string_equal(db_text(r, 0, "a"), program_invocation_short_name);
}

static void one_name_may_have_two_texts(void **state)
{
    static const struct db_stmt one = { "same", 0, "select 1 as v" },
                                two = { "same", 0, "select 2 as v" };

    assert_int_equal(number(*state, &one, "v"), 1);
    assert_int_equal(number(*state, &two, "v"), 2);
    assert_int_equal(number(*state, &one, "v"), 1);
}

static enum err_code code_of(struct db *db, const struct db_stmt *st, const char *const args[])
{
    struct err e = { 0 };

    assert_int_equal(db_run(db, st, args, NULL, &e), -1);
    assert_null(strstr(e.detail, "select")); /* no SQL for the client */
    assert_true(e.cause[0] != '\0' || e.code == ERR_DEADLINE);
    return e.code;
}

static void refusals_are_translated(void **state)
{
    struct db *db = *state;

    must(db, &make_parent, NULL);
    must(db, &make_child, NULL);
    must(db, &add_parent, DB_ARGS("1", "5"));
    assert_int_equal(code_of(db, &add_parent, DB_ARGS("1", "5")), ERR_CONFLICT);
    assert_string_equal(db_constraint(db), "parent_pkey");
    assert_int_equal(code_of(db, &add_parent, DB_ARGS("2", "0")), ERR_PRECONDITION);
    assert_string_equal(db_constraint(db), "n_positive");
    assert_int_equal(code_of(db, &add_child, DB_ARGS("9")), ERR_PRECONDITION);
    assert_string_equal(db_constraint(db), "child_of_parent");
    must(db, &add_child, DB_ARGS("1"));
    assert_string_equal(db_constraint(db), "");
    assert_int_equal(code_of(db, &del_parent, DB_ARGS("1")), ERR_IN_USE);
    assert_int_equal(code_of(db, &broken, NULL), ERR_INTERNAL);
    assert_int_equal(code_of(db, &add_child, DB_ARGS("not a number")), ERR_INVALID_REQUEST);
    must(db, &add_parent, DB_ARGS("3", "5")); /* none of it hurt the connection */
}

struct increments {
    int committed, given_up, other;
};

static int increment(struct db *db, void *arg, struct err *e)
{
    auto_result PGresult *r = NULL;
    char next[24];

    (void)arg;
    if (db_run(db, &read_counter, NULL, &r, e) < 0)
        return -1;
    snprintf(next, sizeof next, "%lld", (long long)db_int(r, 0, "v", -1) + 1);
    return db_run(db, &write_counter, DB_ARGS(next), NULL, e);
}

static void *incrementer(void *arg)
{
    struct increments *n = arg;
    struct err e = { 0 };
    auto_db struct db *db = NULL;

    if (db_open(getenv("TEST_DB"), &db, &e) < 0)
        return NULL;
    for (int i = 0; i < 100; i++) {
        struct err f = { 0 };

        if (db_tx(db, increment, NULL, &f) == 0)
            n->committed++;
        else if (f.code == ERR_TX_CONFLICT)
            n->given_up++;
        else
            n->other++;
    }
    return NULL;
}

/* Read, add one, write: without SERIALIZABLE and repetition most of these would be lost. */
static void overlapping_transactions_lose_nothing(void **state)
{
    struct db *db = *state;
    struct increments n[4] = { { 0 } };
    pthread_t t[4];
    int sum = 0;
    int64_t retried = db_retries();

    must(db, &make_counter, NULL);
    must(db, &fill_counter, NULL);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, incrementer, &n[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        sum += n[i].committed;
        assert_int_equal(n[i].other, 0);
        assert_int_equal(n[i].committed + n[i].given_up, 100);
    }
    assert_int_equal(number(db, &read_counter, "v"), sum);
    assert_true(sum > 200);
    assert_true(db_retries() > retried); /* else nothing overlapped and this proved nothing */
}

static int overlook(struct db *db, void *arg, struct err *e)
{
    struct err ignored = { 0 };

    (void)arg;
    if (db_run(db, &write_counter, DB_ARGS("99"), NULL, e) < 0)
        return -1;
    if (db_run(db, &broken, NULL, NULL, &ignored) == 0)
        return err_set(e, ERR_INTERNAL, "this must not work");
    return 0;
}

static void an_overlooked_failure_is_no_commit(void **state)
{
    struct db *db = *state;
    struct err e = { 0 };

    must(db, &make_counter, NULL);
    must(db, &fill_counter, NULL);
    assert_int_equal(db_tx(db, overlook, NULL, &e), -1);
    assert_int_equal(e.code, ERR_INTERNAL);
    assert_int_equal(number(db, &read_counter, "v"), 0);
}

static int kill_self(struct db *db, void *arg, struct err *e)
{
    char text[24];
    auto_db struct db *other = fresh();

    (void)arg;
    if (db_run(db, &write_counter, DB_ARGS("99"), NULL, e) < 0)
        return -1;
    snprintf(text, sizeof text, "%lld", (long long)number(db, &pid, "pid"));
    must(other, &end, DB_ARGS(text));
    return db_run(db, &write_counter, DB_ARGS("100"), NULL, e);
}

static void a_connection_lost_in_a_transaction_is_not_mended(void **state)
{
    struct db *db = *state;
    struct err e = { 0 };

    must(db, &make_counter, NULL);
    must(db, &fill_counter, NULL);
    assert_int_equal(db_tx(db, kill_self, NULL, &e), -1);
    assert_int_equal(e.code, ERR_DB_UNAVAILABLE);
    assert_int_equal(number(db, &read_counter, "v"), 0); /* and the next call is fine */
}

static void an_idle_connection_that_died_is_not_noticed(void **state)
{
    struct db *db = *state;
    auto_db struct db *other = fresh();

    for (int i = 0; i < 5; i++) {
        char text[24];
        int64_t before = number(db, &pid, "pid");

        snprintf(text, sizeof text, "%lld", (long long)before);
        must(other, &end, DB_ARGS(text));
        usleep(50000);
        assert_true(number(db, &pid, "pid") != before);
    }
}

static void a_stopped_backend_costs_the_deadline_and_no_more(void **state)
{
    struct db *db = *state;
    struct err e = { 0 };
    pid_t backend = (pid_t)number(db, &pid, "pid");
    int64_t before = clock_boot_ms(), took;

    assert_int_equal(kill(backend, SIGSTOP), 0);
    db_deadline(db, before + 300);
    assert_int_equal(db_run(db, &pid, NULL, NULL, &e), -1);
    took = clock_boot_ms() - before;
    kill(backend, SIGCONT);
    assert_int_equal(e.code, ERR_DB_UNAVAILABLE);
    assert_true(took >= 290);
    assert_int_equal(db_run(db, &pid, NULL, NULL, &(struct err){ 0 }),
                     -1); /* past its deadline still */
    db_deadline(db, 0);
    assert_true(number(db, &pid, "pid") != backend);
}

static void a_slow_statement_ends_at_the_deadline(void **state)
{
    struct db *db = *state;
    int64_t before = clock_boot_ms();

    db_deadline(db, before + 200);
    assert_int_equal(code_of(db, &nap, DB_ARGS("3")), ERR_DB_UNAVAILABLE);
    assert_int_equal(code_of(db, &nap, DB_ARGS("0")), ERR_DEADLINE);
    db_deadline(db, 0);
    must(db, &nap, DB_ARGS("0"));
}

static void no_server_is_told_soon(void **state)
{
    auto_db struct db *db = NULL;
    struct err e = { 0 };
    int64_t before = clock_boot_ms();

    (void)state;
    assert_int_equal(db_open("host=/nonexistent dbname=x", &db, &e), 0);
    assert_int_equal(code_of(db, &pid, NULL), ERR_DB_UNAVAILABLE);
    assert_int_equal(code_of(db, &pid, NULL), ERR_DB_UNAVAILABLE);
    assert_true(clock_boot_ms() - before < 30000);
    assert_int_equal(db_open("host='unfinished", &db, &e), -1);
    assert_int_equal(e.code, ERR_INTERNAL);
}

static void the_second_host_answers(void **state)
{
    auto_db struct db *db = NULL;
    struct err e = { 0 };
    char info[1024];
    const char *rest = strchr(getenv("TEST_DB"), '=');

    (void)state;
    assert_non_null(rest); /* "host=… …" as cluster.sh prints it */
    snprintf(info, sizeof info, "host=/nonexistent,%s", rest + 1);
    assert_int_equal(db_open(info, &db, &e), 0);
    must(db, &pid, NULL);
}

static void notifications_arrive(void **state)
{
    auto_db struct db *ear = fresh();
    struct err e = { 0 };
    char channel[64], payload[256], text[24];
    int64_t backend;

    assert_int_equal(db_listen(ear, "Bad;Name", &e), -1);
    e = (struct err){ 0 };
    assert_int_equal(db_listen(ear, "bic_test", &e), 0);
    assert_int_equal(db_wait(ear, 50, channel, payload, &e), 0);
    must(*state, &say, DB_ARGS("bic_test", "hello"));
    assert_int_equal(db_wait(ear, 2000, channel, payload, &e), 1);
    assert_string_equal(channel, "bic_test");
    assert_string_equal(payload, "hello");

    backend = number(ear, &pid, "pid");
    snprintf(text, sizeof text, "%lld", (long long)backend);
    must(*state, &end, DB_ARGS(text));
    usleep(50000);
    assert_int_equal(db_wait(ear, 2000, channel, payload, &e),
                     1); /* look, something may be missed */
    assert_string_equal(payload, "");
    must(*state, &say, DB_ARGS("bic_test", "again"));
    assert_int_equal(db_wait(ear, 2000, channel, payload, &e), 1);
    assert_string_equal(payload, "again");
}

static void put(const char *dir, const char *name, const char *text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void drop(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
}

static enum err_code migrate(const char *dir)
{
    auto_db struct db *db = fresh();
    struct err e = { 0 };

    return db_migrate(db, dir, &e) == 0 ? ERR_NONE : e.code;
}

static void *migrator(void *dir)
{
    return migrate(dir) == ERR_NONE ? NULL : dir;
}

S(count_made, 0, "select count(*) as n from made");

static void migrations_are_applied_once_and_guarded(void **state)
{
    char dir[] = "/tmp/bic-migrate-XXXXXX";
    pthread_t t[4];

    assert_non_null(mkdtemp(dir));
    put(dir, "0001_made.sql", "create table made (v int);\ninsert into made values (1);\n");
    put(dir, "0002_more.sql", "insert into made values (2); select pg_sleep(0.2);\n");
    for (int i = 0; i < 4; i++) /* several processes start at once */
        assert_int_equal(pthread_create(&t[i], NULL, migrator, dir), 0);
    for (int i = 0; i < 4; i++) {
        void *failed = NULL;

        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(number(*state, &count_made, "n"), 2);

    put(dir, "0004_gap.sql", "insert into made values (4);");
    assert_int_equal(migrate(dir), ERR_PRECONDITION);
    drop(dir, "0004_gap.sql");
    put(dir, "3_short.sql", "insert into made values (4);");
    assert_int_equal(migrate(dir), ERR_PRECONDITION);
    drop(dir, "3_short.sql");
    put(dir, "0003_bad.sql", "insert into made values (3); insert into nowhere values (3);");
    assert_int_equal(migrate(dir), ERR_PRECONDITION);
    assert_int_equal(number(*state, &count_made, "n"), 2); /* whole or not at all */
    put(dir, "0003_bad.sql", "insert into made values (3); commit;");
    assert_int_equal(migrate(dir), ERR_PRECONDITION);
    drop(dir, "0003_bad.sql");
    put(dir, "0001_made.sql", "create table made (v bigint);\n");
    assert_int_equal(migrate(dir), ERR_PRECONDITION); /* changed after it was applied */
    drop(dir, "0001_made.sql");
    drop(dir, "0002_more.sql");
    assert_int_equal(migrate(dir), ERR_PRECONDITION); /* the database is newer than the program */
    rmdir(dir);
    assert_int_equal(migrate(dir), ERR_PRECONDITION);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(values_go_and_come),
        T(a_session_has_its_limits),
        T(one_name_may_have_two_texts),
        T(refusals_are_translated),
        T(overlapping_transactions_lose_nothing),
        T(an_overlooked_failure_is_no_commit),
        T(a_connection_lost_in_a_transaction_is_not_mended),
        T(an_idle_connection_that_died_is_not_noticed),
        T(a_stopped_backend_costs_the_deadline_and_no_more),
        T(a_slow_statement_ends_at_the_deadline),
        T(no_server_is_told_soon),
        T(the_second_host_answers),
        T(notifications_arrive),
        T(migrations_are_applied_once_and_guarded),
    };

    if (!getenv("TEST_DB")) {
        fputs("TEST_DB is not set (tests/db/cluster.sh)\n", stderr);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
