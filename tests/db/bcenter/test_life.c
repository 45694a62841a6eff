/* A pool's share becomes desktops, people get them, they are cleaned: the daemon's parts on a real
 * database. */
#include "sql/module/module.h"
#include "tests/db/bcenter/fixture.h"

static int64_t count(struct bcenter *bc, bool (*is)(const struct desktop *d))
{
    int64_t n = 0;

    module_lock(&bc->m);
    for (struct desktop *d = bc->m.desktops; d; d = d->hh.next)
        n += is(d);
    module_unlock(&bc->m);
    return n;
}

static bool is_ready(const struct desktop *d)
{
    return desktop_ready(d, clock_boot_ms());
}
static bool is_any(const struct desktop *d)
{
    return d != NULL;
}

static void share_becomes_desktops(void **state)
{
    struct bcenter *bc = with_pool("floating", 5, 2, 0);

    (void)state;
    assert_int_equal(count(bc, is_any), 5);
    assert_int_equal(count(bc, is_ready), 2);
    assert_int_equal(sql_number("select count(*) from slot where desktop_id is not null"), 5);
    assert_int_equal(sql_number("select memory_used_mib from bserver"), 5 * (256 + 128));
    assert_int_equal(
        sql_number("select count(*) from desktop where name ~ '^office-2026-[a-z][1-5]$'"), 5);
    want_pool(bc, "floating", 3, 1, IMAGE);
    settle(bc);
    settle(bc);
    assert_int_equal(count(bc, is_any), 3);
    assert_int_equal(sql_number("select count(*) from desktop"), 3);
    assert_int_equal(sql_number("select memory_used_mib from bserver"), 3 * (256 + 128));
    unwanted(bc, "pool", id_of(POOL));
    settle(bc);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from desktop"), 0);
    assert_int_equal(sql_number("select count(*) from slot where desktop_id is not null"), 0);
    fixture_stop(bc);
}

static void floating_is_clean_for_the_next(void **state)
{
    struct bcenter *bc = with_pool("floating", 1, 1, 2);
    auto_db struct db *db = NULL;
    struct connection first, again, second;
    struct err e = { 0 }, full = { 0 };
    struct session_end end = { .reason = "disconnected" };
    struct id overlay;

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &first, &e), 0);
    assert_true(id_set(&first.id));
    assert_string_equal(first.display.lane[0].url, "ws://localhost:1/display");
    overlay = bc->m.desktops->row.overlay;
    assert_int_equal(ask(bc, db, 1, &again, &e), 0);
    assert_string_equal(again.id.s, first.id.s);     /* resumed */
    assert_string_equal(again.resume, first.resume); /* whoever has it may go on with it */
    assert_int_equal(ticket(bc, db, &first.id, "another", &full), -1);
    assert_int_equal(full.code, ERR_TICKET_REFUSED);
    assert_int_equal(ticket(bc, db, &first.id, again.resume, &e), 0);
    full = (struct err){ 0 };
    assert_int_equal(ask(bc, db, 2, &second, &full), -1);
    assert_int_equal(full.code, ERR_POOL_EXHAUSTED);
    assert_int_equal(sql_number("select count(*) from seat where person_id = "
                                "'ffffffff-0000-4000-8000-000000000002'"),
                     0); /* nobody is there to pass her on: nothing is given up */
    assert_int_equal(sql_number("select count(*) from audit where result = 'pool-exhausted'"), 1);
    full = (struct err){ 0 };
    assert_int_equal(ask_as(bc, db, 2, true, &second, &full), -1); /* the CCC could */
    assert_int_equal(full.code, ERR_POOL_EXHAUSTED);
    assert_int_equal(full.numbers, 2); /* size and assigned */
    assert_int_equal(full.number[0].value, 1);
    assert_int_equal(sql_number("select count(*) from seat where released"), 1);
    end.session = first.id;
    assert_int_equal(session_end(bc, db, &end, &e), 0);
    assert_int_equal(session_end(bc, db, &end, &e), 0); /* twice is once */
    assert_int_equal(ticket(bc, db, &first.id, again.resume, &full), -1);
    assert_int_equal(full.code, ERR_SESSION_ENDED);
    assert_int_equal(ticket(bc, db, &overlay, again.resume, &full), -1); /* never was a session */
    assert_int_equal(full.code, ERR_NOT_FOUND);
    assert_string_not_equal(bc->m.desktops->row.overlay.s, overlay.s);
    settle(bc);
    assert_int_equal(ask(bc, db, 2, &second, &e), 0);
    assert_int_equal(sql_number("select count(*) from seat where released"), 0);
    assert_int_equal(sql_number("select count(distinct overlay_id) from session"), 2);
    settle(bc);
    audit_settled();
    reconcile_tick(bc);
    assert_true(sql_number("select count(*) from audit where action = 'connection.create'") >= 2);
    assert_int_equal(sync_set_count(bc->observed, "audit"),
                     sql_number("select count(*) from audit"));
    fixture_stop(bc);
}

static void run_that_ended_is_not_started_again(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };
    struct id run;

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    settle(bc);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    run = bc->m.desktops->row.run;
    heard(bc, HOST, "boot-2", 8); /* the host was restarted: what ran there is off */
    reconcile_tick(bc);
    assert_false(id_set(&bc->m.desktops->row.run));
    assert_null(bc->m.desktops->session);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    assert_true(id_set(&c.operation));
    assert_string_not_equal(bc->m.desktops->row.run.s, run.s);
    fixture_stop(bc);
}

static void order(struct bcenter *bc, int n, const char *verb, const struct id *desktop)
{
    wanted(bc, "operation", numbered("12345678", n),
           "{\"verb\":\"%s\",\"desktop_id\":\"%s\",\"created_at\":\"2026-01-01T00:00:00Z\","
           "\"deadline\":\"2099-01-01T00:00:00Z\"}",
           verb, desktop->s);
}

static void orders_are_done_once(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    struct id d = bc->m.desktops->row.id, run, op = numbered("12345678", 1);

    (void)state;
    order(bc, 1, "start", &d);
    settle(bc);
    run = bc->m.desktops->row.run;
    assert_true(id_set(&run));
    assert_int_equal(module_operation(&bc->m, &op)->state, OP_SUCCEEDED);
    order(bc, 2, "stop", &d);
    settle(bc);
    assert_false(id_set(&bc->m.desktops->row.run));
    order(bc, 1, "start", &d); /* told again: done already */
    settle(bc);
    assert_false(id_set(&bc->m.desktops->row.run));
    fixture_stop(bc);
    bc = fixture_start(); /* a restart knows it too */
    want_pool(bc, "persistent", 1, 0, IMAGE);
    order(bc, 1, "start", &d);
    heard(bc, HOST, "boot-1", 8);
    settle(bc);
    assert_int_equal(count(bc, is_any), 1);
    assert_false(id_set(&bc->m.desktops->row.run));
    order(bc, 3, "delete", &d);
    settle(bc);
    settle(bc);
    assert_null(module_desktop(&bc->m, &d));
    assert_int_equal(count(bc, is_any), 1); /* another one meets the share */
    op = numbered("12345678", 3);
    assert_int_equal(module_operation(&bc->m, &op)->state, OP_SUCCEEDED);
    fixture_stop(bc);
}

/* What the cache must keep: what pools name, and what desktops still lie on. */
static void images_that_agents_may_ask_for(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 0);
    json_auto_t *before = json_object(), *after = json_object(), *none = json_object();
    char old[BLOB_HEX + 1];

    (void)state;
    snprintf(old, sizeof old, "%064d", 7);
    assert_true(agents_images(bc, before));
    assert_non_null(json_object_get(before, old));
    unwanted(bc, "image_version",
             id_of(IMAGE)); /* another one was published; hers stays as it is */
    assert_true(agents_images(bc, after));
    assert_non_null(json_object_get(after, old));
    want_pool(bc, "persistent", 0, 0, IMAGE);
    unwanted(bc, "image_version", id_of(IMAGE));
    settle(bc);
    settle(bc);
    json_object_clear(after);
    assert_true(agents_images(bc, after));
    assert_int_equal(json_object_size(after), 0);
    bc->settled = false;
    assert_false(agents_images(bc, none)); /* not heard yet: nothing may go */
    fixture_stop(bc);
}

/* The database would refuse its run on each tick, until the deadline. */
static void a_deleted_desktop_is_not_started(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    struct id d = bc->m.desktops->row.id;

    (void)state;
    want_pool(bc, "persistent", 0, 0, IMAGE);
    reconcile_tick(bc);
    assert_true(bc->m.desktops->row.deleting);
    order(bc, 1, "start", &d);
    order(bc, 2, "rebuild", &d);
    reconcile_tick(bc);
    reconcile_tick(bc);
    for (int i = 1; i <= 2; i++) {
        struct id id = numbered("12345678", i);
        struct operation *op = module_operation(&bc->m, &id);

        assert_int_equal(op->state, OP_FAILED);
        assert_string_equal(json_str(op->error, "type"), "/problems/desktop-state");
    }
    settle(bc);
    assert_null(module_desktop(&bc->m, &d));
    fixture_stop(bc);
}

static void published_image_renews_idle_floating_ones(void **state)
{
    struct bcenter *bc = with_pool("floating", 3, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    want_pool(bc, "floating", 3, 1, "cccccccc-0000-4000-8000-000000000002");
    settle(bc);
    assert_int_equal(sql_number("select count(*) from desktop where image->>'id' like '%0002'"), 2);
    assert_int_equal(sql_number("select count(*) from desktop where person_id is not null and "
                                "image->>'id' like '%0001'"),
                     1);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    fixture_stop(bc);
}

static void silence_stops_nothing(void **state)
{
    struct bcenter *bc = with_pool("floating", 2, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 }, lost = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    bc->m.bservers->heard_ms = clock_boot_ms() - 20000;
    for (int i = 0; i < 3; i++)
        reconcile_tick(bc);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 1);
    assert_int_equal(sql_number("select count(*) from desktop where run_id is not null"), 1);
    assert_int_equal(ask(bc, db, 1, &c, &lost), -1);
    assert_int_equal(lost.code, ERR_DESKTOP_LOST);
    fixture_stop(bc);
}

/* What an agent says of a VF of the host: in answer to the question, if one is open. */
static void vf_heard(struct bcenter *bc, int n)
{
    struct agent_source from = { bc, id_of(HOST) };
    struct sync_object o = { .kind = "vf" };
    json_t *asked;
    char address[32];

    snprintf(address, sizeof address, "0000:01:10.%d", n);
    o.id = id_v5(HOST, address);
    asked = sync_set_get(bc->agents, HOST, "vf", &o.id);
    o.body = json_pack("{s:s, s:s, s:i}", "pf", "enp16s0", "address", address, "index", n);
    if (asked) {
        json_object_set(o.body, "check", json_object_get(asked, "check"));
        json_object_set_new(o.body, "clean", json_true());
    }
    agent_observed(&from, &o);
    json_decref(o.body);
    json_decref(asked);
}

static void vfs_heard(struct bcenter *bc)
{
    for (int i = 0; i < 3; i++)
        vf_heard(bc, i);
}

static void want_vf_pool(struct bcenter *bc, int size)
{
    want_pool(bc, "floating", size, 0, IMAGE);
    wanted(bc, "pool", id_of(POOL),
           "{\"name\":\"net\",\"kind\":\"floating\",\"image_version_id\":\"" IMAGE
           "\",\"spec\":{\"memory_mib\":256,"
           "\"needs_vf\":true},\"spares_running\":0,\"shares\":[{\"module_id\":\"" MODULE
           "\",\"size\":%d}]}",
           size);
}

static void vfs_are_taken_and_come_back(void **state)
{
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    bc = fixture_start();
    heard(bc, HOST, "boot-1", 8);
    vfs_heard(bc);
    want_vf_pool(bc, 5);
    settle(bc);
    assert_int_equal(count(bc, is_any), 0); /* new ones are verified first */
    vfs_heard(bc);
    settle(bc);
    assert_int_equal(count(bc, is_any), 3); /* one VF each, and no more */
    assert_int_equal(bc->m.pools->law.code, ERR_LAW_VF);
    assert_int_equal(sql_number("select count(*) from vf v join desktop d on d.id = v.desktop_id "
                                "and v.mac = d.mac::text"),
                     3);
    want_vf_pool(bc, 1);
    settle(bc);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from vf where state = 'quarantine' and desktop_id "
                                "is null and mac is not null"),
                     2);
    vfs_heard(bc);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from vf where state = 'free' and mac is null"), 2);
    want_vf_pool(bc, 3);
    settle(bc);
    assert_int_equal(count(bc, is_any), 3);
    fixture_stop(bc);
}

static void disabled_people_are_logged_off(void **state)
{
    struct bcenter *bc = with_pool("persistent", 1, 0, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 }, refused;
    struct id p = person_no(1);

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    settle(bc);
    assert_int_equal(ask(bc, db, 1, &c, &e), 0);
    wanted(bc, "person", p,
           "{\"username\":\"p1\",\"role\":\"user\",\"disabled\":true,\"groups\":[]}");
    assert_int_equal(ticket(bc, db, &c.id, c.resume, &refused), -1);
    assert_int_equal(refused.code, ERR_SESSION_ENDED);
    settle(bc);
    assert_int_equal(sql_number("select count(*) from session where ended_at is null"), 0);
    assert_int_equal(
        sql_number(
            "select count(*) from desktop where person_id is not null and run_id is not null"),
        1);
    refused = (struct err){ 0 };
    assert_int_equal(ask(bc, db, 1, &c, &refused), -1);
    assert_int_equal(refused.code, ERR_NOT_ENTITLED);
    /* The CCC has looked itself: then it is the module that has not heard, and trying again helps.
     */
    struct connect a = { .deadline_ms = clock_boot_ms() + 700, .trace = "t" };

    a.ask.person = p;
    a.ask.pool = id_of(POOL);
    a.ask.from_ccc = true;
    refused = (struct err){ 0 };
    assert_int_equal(broker_connect(bc, db, &a, &c, &refused), -1);
    assert_int_equal(refused.code, ERR_NOT_READY);
    fixture_stop(bc);
}

static void lost_leadership_writes_nothing(void **state)
{
    struct bcenter *bc = with_pool("floating", 2, 1, 1);
    auto_db struct db *db = NULL;
    struct connection c;
    struct err e = { 0 }, stale = { 0 };

    (void)state;
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    sql("update leader set epoch = epoch + 1");
    assert_int_equal(ask(bc, db, 1, &c, &stale), -1);
    assert_int_equal(stale.code, ERR_EPOCH_STALE);
    assert_int_equal(sql_number("select count(*) from session"), 0);
    assert_int_equal(sql_number("select count(*) from desktop where person_id is not null"), 0);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(share_becomes_desktops),
        cmocka_unit_test(floating_is_clean_for_the_next),
        cmocka_unit_test(run_that_ended_is_not_started_again),
        cmocka_unit_test(orders_are_done_once),
        cmocka_unit_test(images_that_agents_may_ask_for),
        cmocka_unit_test(a_deleted_desktop_is_not_started),
        cmocka_unit_test(published_image_renews_idle_floating_ones),
        cmocka_unit_test(silence_stops_nothing),
        cmocka_unit_test(vfs_are_taken_and_come_back),
        cmocka_unit_test(disabled_people_are_logged_off),
        cmocka_unit_test(lost_leadership_writes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
