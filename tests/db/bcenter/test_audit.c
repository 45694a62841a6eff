/* The audit's way to the CCC: nothing is skipped, nothing is dropped, memory has a bound. */
#include "tests/db/bcenter/fixture.h"

#include <pthread.h>

#include "sql/module/login.h"

enum { MANY = 2 * AUDIT_ROOM + 700 };

static PGconn *writer(const char *begin)
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));
    PGresult *r = PQexec(c, begin);

    assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
    PQclear(r);
    return c;
}

static void finish(PGconn *c, const char *how)
{
    PQclear(PQexec(c, how));
    PQfinish(c);
}

/* A CCC: what it has ever been shown, and how far. */
struct ccc {
    struct sync_set *set;
    int64_t audits;
};

static void hear(void *arg, const struct sync_object *o)
{
    struct ccc *c = arg;

    c->audits += strcmp(o->kind, "audit") == 0 && !o->deleted;
}

static void take(struct bcenter *bc, struct ccc *c)
{
    struct sync_apply how = { .change = hear, .arg = c };
    bool more = true;

    while (more) {
        char cursor[SYNC_CURSOR_MAX];
        json_auto_t *page = NULL;
        struct err e = { 0 };
        bool empty;

        sync_set_cursor(c->set, cursor);
        assert_int_equal(sync_set_page(bc->observed, NULL, cursor, &page, &empty, &e), 0);
        json_object_set_new(page, "from", json_string(cursor));
        more = json_flag(page, "more", false);
        assert_int_equal(sync_set_apply(c->set, page, &how, &e), 0);
    }
}

static void acknowledge(struct bcenter *bc, struct ccc *c)
{
    char cursor[SYNC_CURSOR_MAX];

    sync_set_cursor(c->set, cursor);
    reconcile_audit_passed(bc, cursor);
}

static struct bcenter *started(void)
{
    struct bcenter *bc = fixture_start();

    sync_set_ready(bc->observed);
    return bc;
}

/* The first to write commits last: its row must not lie behind the reader. */
static void a_late_commit_is_not_skipped(void **state)
{
    struct bcenter *bc;
    PGconn *late;

    (void)state;
    fresh_schema();
    bc = started();
    late = writer("begin");
    finish(late, "insert into audit (action) values ('lost')"); /* never committed: nobody's row */
    late = writer("begin; insert into audit (action) values ('late')");
    sql("insert into audit (action) values ('early')");
    reconcile_audit(bc);
    finish(late, "commit");
    audit_settled();
    reconcile_audit(bc);
    assert_int_equal(sync_set_count(bc->observed, "audit"), 2);
    fixture_stop(bc);
}

static void write_many(void)
{
    char text[200];

    snprintf(text, sizeof text,
             "insert into audit (action, detail) select 'many', n from generate_series(1, %d) n",
             MANY);
    sql(text);
    audit_settled();
}

/* The CCC is away for longer than memory has room; the bCenter is started again meanwhile. */
static void the_ccc_gets_all_of_a_long_absence(void **state)
{
    struct ccc ccc = { .set = sync_set_new_replica() };
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    bc = started();
    write_many();
    reconcile_audit(bc);
    assert_int_equal(sync_set_count(bc->observed, "audit"), AUDIT_ROOM);
    fixture_stop(bc);
    bc = started(); /* nothing was acknowledged: from the first row on */
    reconcile_audit(bc);
    take(bc, &ccc);
    reconcile_audit(bc); /* shown is not acknowledged */
    assert_int_equal(sync_set_count(bc->observed, "audit"), AUDIT_ROOM);
    assert_true(bc->audit.full);
    acknowledge(bc, &ccc);
    reconcile_audit(bc);
    assert_int_equal(sync_set_count(bc->observed, "audit"), AUDIT_ROOM);
    take(bc, &ccc);
    assert_int_equal(ccc.audits, 2 * AUDIT_ROOM);
    acknowledge(bc, &ccc);
    reconcile_audit(bc);
    fixture_stop(bc);
    bc = started(); /* goes on after what was acknowledged */
    reconcile_audit(bc);
    assert_int_equal(sync_set_count(bc->observed, "audit"), MANY - 2 * AUDIT_ROOM);
    take(bc, &ccc);
    assert_int_equal(ccc.audits, MANY);
    fixture_stop(bc);
    sync_set_free(ccc.set);
}

/* A link's word on what the CCC has, from little to much. */
static void *tell_upwards(void *arg)
{
    struct bcenter *bc = arg;
    char cursor[SYNC_CURSOR_MAX], *end;
    long long all;

    sync_set_cursor(bc->observed, cursor);
    end = strchr(cursor, ':') + 1;
    all = strtoll(end, NULL, 10);
    for (long long rev = 1; rev <= all; rev++) {
        snprintf(end, sizeof cursor - ID_LEN - 1, "%lld", rev);
        reconcile_audit_passed(bc, cursor);
    }
    return NULL;
}

/* Two xCenters tell at once, and one of what is long past: the highest that was told counts. */
static void the_highest_acknowledgement_counts(void **state)
{
    struct ccc ccc = { .set = sync_set_new_replica() };
    char cursor[SYNC_CURSOR_MAX];
    struct bcenter *bc;
    pthread_t link[2];
    int64_t rev;

    (void)state;
    fresh_schema();
    bc = started();
    write_many();
    reconcile_audit(bc);
    take(bc, &ccc);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&link[i], NULL, tell_upwards, bc), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(link[i], NULL);
    sync_set_cursor(bc->observed, cursor);
    assert_true(sync_set_passed(bc->observed, cursor, &rev));
    assert_int_equal(bc->audit.passed, rev);
    snprintf(strchr(cursor, ':'), sizeof cursor - ID_LEN, ":1");
    reconcile_audit_passed(bc, cursor);
    assert_int_equal(bc->audit.passed, rev);
    reconcile_audit(bc);
    take(bc, &ccc);
    assert_int_equal(ccc.audits, 2 * AUDIT_ROOM);
    fixture_stop(bc);
    sync_set_free(ccc.set);
}

/* A word about another history says nothing of ours. */
static void only_our_own_history_counts(void **state)
{
    struct ccc ccc = { .set = sync_set_new_replica() };
    struct bcenter *bc;
    char foreign[SYNC_CURSOR_MAX];

    (void)state;
    fresh_schema();
    bc = started();
    write_many();
    reconcile_audit(bc);
    snprintf(foreign, sizeof foreign, "%s:999999", id_new().s);
    reconcile_audit_passed(bc, foreign);
    reconcile_audit_passed(bc, NULL);
    reconcile_audit_passed(bc, "");
    reconcile_audit(bc);
    assert_int_equal(sql_number("select no from audit_told"), 0);
    take(bc, &ccc);
    acknowledge(bc, &ccc);
    reconcile_audit(bc);
    assert_int_equal(sql_number("select count(*) from audit a, audit_told t "
                                "where (a.rev, a.no) <= (t.rev, t.no)"),
                     AUDIT_ROOM);
    fixture_stop(bc);
    sync_set_free(ccc.set);
}

/* Old rows go when the CCC has them, never before. */
static void what_is_not_acknowledged_is_never_purged(void **state)
{
    struct ccc ccc = { .set = sync_set_new_replica() };
    struct bcenter *bc;
    struct err e = { 0 };

    (void)state;
    fresh_schema();
    bc = started();
    write_many();
    sql("update audit set at = at - interval '31 days'");
    assert_int_equal(db_run(bc->reconcile_db, &Q_audit_purge_old, NULL, NULL, &e), 0);
    assert_int_equal(sql_number("select count(*) from audit"), MANY);
    reconcile_audit(bc);
    take(bc, &ccc);
    acknowledge(bc, &ccc);
    reconcile_audit(bc);
    assert_int_equal(db_run(bc->reconcile_db, &Q_audit_purge_old, NULL, NULL, &e), 0);
    assert_int_equal(sql_number("select count(*) from audit"), MANY - AUDIT_ROOM);
    take(bc, &ccc);
    assert_int_equal(ccc.audits, 2 * AUDIT_ROOM);
    fixture_stop(bc);
    sync_set_free(ccc.set);
}

/* Restored into a cluster whose numbers begin below the rows': what was told stays told, what was
 * not comes, and so does what is written from now on. */
static void another_clusters_numbers_are_stamped_anew(void **state)
{
    struct err e = { 0 };
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    sql("insert into audit (action, rev) values ('told', '900000000000'), ('new', '900000000001')");
    sql("update audit_told set rev = '900000000000', no = 1");
    bc = started();
    assert_int_equal(reconcile_audit_open(bc, bc->reconcile_db, &e), 0);
    audit_settled();
    reconcile_audit(bc);
    assert_int_equal(sync_set_count(bc->observed, "audit"), 1);
    sql("insert into audit (action) values ('newer')");
    audit_settled();
    reconcile_audit(bc);
    assert_int_equal(sync_set_count(bc->observed, "audit"), 2);
    assert_int_equal(
        sql_number(
            "select count(*) from audit a, audit_told t where (a.rev, a.no) <= (t.rev, t.no)"),
        1);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_commit_is_not_skipped),
        cmocka_unit_test(the_ccc_gets_all_of_a_long_absence),
        cmocka_unit_test(the_highest_acknowledgement_counts),
        cmocka_unit_test(only_our_own_history_counts),
        cmocka_unit_test(what_is_not_acknowledged_is_never_purged),
        cmocka_unit_test(another_clusters_numbers_are_stamped_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
