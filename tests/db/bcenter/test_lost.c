/* Answers of the database that never came: memory finds out what became of the write, nothing is
 * done twice, and nothing stays on its way for ever. */
#include <pthread.h>

#include "sql/module/module.h"
#include "tests/db/bcenter/fixture.h"

static struct id order(struct bcenter *bc, int n, const char *verb, const struct id *desktop)
{
    struct id id = numbered("12345678", n);

    wanted(bc, "operation", id,
           "{\"verb\":\"%s\",\"desktop_id\":\"%s\",\"created_at\":\"2026-01-01T00:00:00Z\","
           "\"deadline\":\"2099-01-01T00:00:00Z\"}",
           verb, desktop->s);
    return id;
}

static enum op_state state_of(struct bcenter *bc, const struct id *op)
{
    return module_operation(&bc->m, op)->state;
}

/* The row has gone, and we were not told. */
static void forgotten(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 0);
    struct id d = bc->m.desktops->row.id, op = order(bc, 1, "delete", &d);

    (void)state;
    reconcile_tick(bc);
    assert_true(module_desktop(&bc->m, &d)->row.deleting);
    sql("update slot set desktop_id = null where desktop_id in (select id from desktop where "
        "deleting); delete from desktop where deleting; update bserver set memory_used_mib = "
        "memory_used_mib - 384, store_used_gib = store_used_gib - 1");
    settle(bc);
    settle(bc);
    assert_null(module_desktop(&bc->m, &d));
    assert_int_equal(state_of(bc, &op), OP_SUCCEEDED);
    assert_int_equal(HASH_COUNT(bc->m.desktops), 1); /* the share is met anew */
    assert_int_equal(sql_number("select memory_used_mib from bserver"),
                     bc->m.bservers->memory_used_mib);
    fixture_stop(bc);
}

/* The row is there, and we were not told: it is not made twice, and its slot is not tried for ever.
 */
static void made(void **state)
{
    struct bcenter *bc = with_pool("persistent", 3, 0, 0);
    struct id d = bc->m.bservers->slots[1].desktop->row.id;

    (void)state;
    module_desktop_remove(&bc->m, module_desktop(&bc->m, &d));
    settle(bc); /* another is tried at the same place */
    settle(bc);
    assert_non_null(module_desktop(&bc->m, &d));
    assert_int_equal(HASH_COUNT(bc->m.desktops), 3);
    assert_int_equal(sql_number("select count(*) from desktop"), 3);
    assert_int_equal(module_desktop(&bc->m, &d)->slot, 1);
    fixture_stop(bc);
}

static void order_row(const char *state, const struct id *d, int n, const char *verb)
{
    char text[600];

    snprintf(
        text, sizeof text,
        "insert into operation (id, verb, target_kind, target_id, state, created_at, deadline, "
        "ended_at) values ('12345678-0000-4000-8000-%012d', '%s', 'desktop', '%s', '%s', now(), "
        "now() + interval '1 day', case when '%s' <> 'queued' then now() end)",
        n, verb, d->s, state, state);
    sql(text);
}

static void orders(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 0);
    struct id d = bc->m.desktops->row.id, op;

    (void)state;
    order_row("queued", &d, 1, "start"); /* written, and not told */
    op = order(bc, 1, "start", &d);
    settle(bc);
    assert_int_equal(state_of(bc, &op), OP_SUCCEEDED);
    assert_true(id_set(&bc->m.desktops->row.run));
    order_row("succeeded", &d, 2, "stop"); /* done long ago, named again */
    op = order(bc, 2, "stop", &d);
    settle(bc);
    assert_int_equal(state_of(bc, &op), OP_SUCCEEDED);
    assert_true(id_set(&bc->m.desktops->row.run));
    fixture_stop(bc);
}

/* Its effect was written, and we were not told: whoever has the desktop since keeps it. */
static void effect_once(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct id d = bc->m.desktops->row.id, op;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    assert_true(id_set(&c.id));
    order_row("succeeded", &d, 1, "unassign");
    op = order(bc, 1, "unassign", &d);
    module_operation(&bc->m, &op)->stored = true;
    settle(bc);
    assert_int_equal(state_of(bc, &op), OP_SUCCEEDED);
    assert_non_null(bc->m.desktops->session);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    fixture_stop(bc);
}

/* An order to start what somebody works on, and its cancelling, while the host is silent: she keeps
 * it. */
static void start_cancelled(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct id d = bc->m.desktops->row.id, op;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    bc->m.bservers->heard_ms = 0;
    op = order(bc, 1, "start", &d);
    reconcile_tick(bc);
    assert_int_equal(state_of(bc, &op), OP_RUNNING);
    module_operation(&bc->m, &op)->cancel = true;
    reconcile_tick(bc);
    assert_int_equal(state_of(bc, &op), OP_CANCELLED);
    assert_non_null(bc->m.desktops->session);
    assert_true(id_set(&bc->m.desktops->row.run));
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    fixture_stop(bc);
}

/* She has a desktop, and we were not told: she gets that one, whatever else is free. */
static void assigned(void **state)
{
    struct bcenter *bc = with_pool("persistent", 3, 3, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };
    char text[300];

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    snprintf(
        text, sizeof text,
        "update desktop set person_id = '%s', assigned_at = now(), generation = generation + 1 "
        "where id = (select id from desktop order by id desc limit 1)",
        person_no(1).s);
    sql(text);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    assert_int_equal(sql_number("select count(*) from desktop where person_id is not null"), 1);
    assert_int_equal(sql_number("select count(*) from session s join desktop d on d.id = "
                                "s.desktop_id and d.person_id = s.person_id"),
                     1);
    fixture_stop(bc);
}

struct asker {
    pthread_t thread;
    struct bcenter *bc;
    struct connection c;
    int rc;
};

static void *one_asks(void *arg)
{
    struct asker *a = arg;
    auto_db struct db *db = NULL;
    struct err e = { 0 };

    a->rc = db_open(getenv("TEST_DB"), &db, &e) < 0 ? -1 : ask(a->bc, db, 1, &a->c, &e);
    return NULL;
}

/* One person in many windows at once. */
static void one_at_a_time(void **state)
{
    struct bcenter *bc = with_pool("floating", 6, 6, 1);
    struct asker askers[8];

    (void)state;
    for (int i = 0; i < 8; i++) {
        askers[i] = (struct asker){ .bc = bc };
        pthread_create(&askers[i].thread, NULL, one_asks, &askers[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].rc, 0);
        assert_string_equal(askers[i].c.id.s, askers[0].c.id.s);
    }
    assert_null(bc->m.asking);
    assert_int_equal(sql_number("select count(*) from session"), 1);
    fixture_stop(bc);
}

/* Asked for while the database was away: nobody decides on it until it has been read. */
static void unsure(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 1, 1);
    auto_db struct db *away = NULL, *db = NULL;
    struct desktop *d = bc->m.desktops;
    struct err e = { 0 }, bad = { 0 };
    struct connection c;

    (void)state;
    assert_int_equal(db_open("host=/nowhere", &away, &e), 0);
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, away, 1, &c, &bad), -1);
    assert_int_equal(bad.code, ERR_DB_UNAVAILABLE);
    assert_true(d->unsure && !d->busy);
    assert_false(broker_spare(d, clock_boot_ms()));
    reconcile_tick(bc);
    assert_false(d->unsure);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    fixture_stop(bc);
}

/* Deleted people: their sessions end, but not at the first moment. */
static void strangers(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    unwanted(bc, "person", person_no(1));
    reconcile_tick(bc);
    assert_int_equal(bc->m.desktops->session->stranger_at, 0); /* entitled by name */
    unwanted(bc, "entitlement", numbered("99999999", 1));
    reconcile_tick(bc);
    assert_true(bc->m.desktops->session->stranger_at > 0);
    bc->m.desktops->session->stranger_at -= 61000;
    reconcile_tick(bc);
    assert_null(bc->m.desktops->session);
    fixture_stop(bc);
}

/* She is known here and keeps another pool; the withdrawn one's session ends all the same. */
static void withdrawn(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c, none;
    struct err e = { 0 }, refused = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    wanted(bc, "entitlement", numbered("99999999", 77),
           "{\"pool_id\":\"bbbbbbbb-0000-4000-8000-000000000002\",\"person_id\":\"%s\"}",
           person_no(1).s);
    unwanted(bc, "entitlement", numbered("99999999", 1));
    reconcile_tick(bc);
    assert_non_null(bc->m.desktops->session);
    assert_int_equal(
        session_ticket(bc, db, &(struct session_resume){ c.id, c.resume }, &none, &refused), -1);
    assert_int_equal(refused.code, ERR_NOT_ENTITLED);
    want_people(bc, 1); /* given back within the minute: nothing has happened */
    reconcile_tick(bc);
    assert_int_equal(bc->m.desktops->session->stranger_at, 0);
    unwanted(bc, "entitlement", numbered("99999999", 1));
    reconcile_tick(bc);
    bc->m.desktops->session->stranger_at -= 61000;
    reconcile_tick(bc);
    assert_null(bc->m.desktops->session);
    assert_int_equal(sql_number("select count(*) from session where end_reason = 'not-entitled'"),
                     1);
    assert_int_equal(sql_number("select count(*) from desktop where person_id is not null"), 0);
    fixture_stop(bc);
}

/* A guest that never comes up is no spare. */
static void hung(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 0);
    struct desktop *d = bc->m.desktops;
    struct id run = d->row.run;

    (void)state;
    d->ready_run = (struct id){ "" };
    reconcile_tick(bc);
    assert_string_equal(d->row.run.s, run.s);
    d->run_at -= 901000;
    reconcile_tick(bc);
    assert_false(id_set(&d->row.run));
    assert_true(d->retry_at > clock_boot_ms());
    fixture_stop(bc);
}

static void without_screens(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 }, no = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    bc->m.bservers->lane_url[0][0] = '\0';
    assert_int_equal(ask(bc, db, 1, &c, &no), -1);
    assert_int_equal(no.code, ERR_LAW_CAPABILITY);
    assert_int_equal(sql_number("select count(*) from session"), 0);
    fixture_stop(bc);
}

/* Hers stays hers: its host's trouble is no law for which another module might be asked. */
static void her_own_without_a_screen(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 }, no = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    bc->m.bservers->lane_url[0][0] = '\0';
    assert_int_equal(ask(bc, db, 1, &c, &no), -1);
    assert_int_equal(no.code, ERR_DESKTOP_STATE);
    fixture_stop(bc);
}

static void placements_are_kept_for_a_week(void **state)
{
    struct bcenter *bc = with_pool("floating", 5, 0, 0);
    auto_db struct db *db = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(sql_number("select count(*) from placement p join desktop d on d.id = "
                                "p.desktop_id and d.bserver_id = p.bserver_id"),
                     5);
    assert_true(sql_number("select max(octet_length(inputs)) from placement") <= 1024);
    sql("update placement set at = now() - interval '7 days 1 minute' where id in (select id from "
        "placement limit 2)");
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(db_run(db, &Q_purge_placements, NULL, NULL, &e), 0);
    assert_int_equal(sql_number("select count(*) from placement"), 3);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgotten),
        cmocka_unit_test(made),
        cmocka_unit_test(orders),
        cmocka_unit_test(start_cancelled),
        cmocka_unit_test(effect_once),
        cmocka_unit_test(assigned),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(unsure),
        cmocka_unit_test(strangers),
        cmocka_unit_test(withdrawn),
        cmocka_unit_test(hung),
        cmocka_unit_test(without_screens),
        cmocka_unit_test(her_own_without_a_screen),
        cmocka_unit_test(placements_are_kept_for_a_week),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
