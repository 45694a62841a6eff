/* Every law is tried against PostgreSQL itself; every statement is prepared against the migrated
 * schema. */
#include "tests/db/bcenter/fixture.h"

#include "sql/module/broker.h"
#include "sql/module/io.h"
#include "sql/module/login.h"
#include "sql/module/module.h"
#include "sql/module/replica.h"

#define D1 "10000000-0000-4000-8000-000000000001"
#define D2 "10000000-0000-4000-8000-000000000002"
#define O1 "20000000-0000-4000-8000-000000000001"
#define O2 "20000000-0000-4000-8000-000000000002"
#define P1 "30000000-0000-4000-8000-000000000001"
#define P2 "30000000-0000-4000-8000-000000000002"
#define R1 "40000000-0000-4000-8000-000000000001"
#define R2 "40000000-0000-4000-8000-000000000002"
#define V1 "50000000-0000-4000-8000-000000000001"
#define S1 "60000000-0000-4000-8000-000000000001"
#define S2 "60000000-0000-4000-8000-000000000002"
#define HASH "decode(repeat('ab', 32), 'hex')"

/* The statement must be refused by this constraint. */
static void refused(const char *constraint, const char *text)
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));
    PGresult *r = PQexec(c, text);
    const char *name = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

    if (PQresultStatus(r) != PGRES_FATAL_ERROR)
        fail_msg("was accepted: %s", text);
    if (!name || strcmp(name, constraint) != 0)
        fail_msg("%s: refused by %s, not by %s", text, name ? name : PQerrorMessage(c), constraint);
    PQclear(r);
    PQfinish(c);
}

static void desktop(const char *id, const char *overlay, const char *person, const char *mac)
{
    char text[1024];

    snprintf(text, sizeof text,
             "insert into desktop (id, name, pool_id, floating, bserver_id, person_id, "
             "assigned_at, mac, user_net, spec, image, "
             "memory_mib, store_gib, overlay_id) values ('%s', 'd%.40s', '" POOL "', true, '" HOST
             "', %s, %s, '%s', true, "
             "'{}', '{}', 100, 1, '%s')",
             id, id + 24, person, strcmp(person, "null") == 0 ? "null" : "now()", mac, overlay);
    sql(text);
}

static int setup(void **state)
{
    (void)state;
    fresh_schema();
    sql("insert into bserver (id, name, boot, cores, memory_limit_mib, store_limit_gib, body) "
        "values ('" HOST "', 'h', 'b', 2, 1000, 10, '{}')");
    sql("insert into lane (bserver_id, no) values ('" HOST "', 0), ('" HOST "', 1)");
    sql("insert into slot (bserver_id, no, lane) values ('" HOST "', 0, 0), ('" HOST "', 1, 0)");
    sql("insert into vf (id, bserver_id, pf, address, index) values ('" V1 "', '" HOST
        "', 'p', 'a', 0)");
    desktop(D1, O1, "null", "52:54:00:00:00:01");
    desktop(D2, O2, "null", "52:54:00:00:00:02");
    return 0;
}

static void slots(void **state)
{
    (void)state;
    sql("update slot set desktop_id = '" D1 "' where no = 0");
    refused("slot_desktop_id_key", "update slot set desktop_id = '" D1 "' where no = 1");
    refused("slot_pkey", "insert into slot (bserver_id, no, lane) values ('" HOST "', 0, 0)");
    refused("slot_no_check", "insert into slot (bserver_id, no, lane) values ('" HOST "', 100, 0)");
    refused("slot_on_lane", "insert into slot (bserver_id, no, lane) values ('" HOST "', 2, 2)");
    refused("slot_desktop_id_fkey", "update slot set desktop_id = '" P1 "' where no = 1");
    refused("slot_desktop_id_fkey", "delete from desktop where id = '" D1 "'");
}

/* 6 a physical core, also when a host comes back with fewer cores than its slots were made for. */
static void six_a_core(void **state)
{
    (void)state;
    sql("insert into slot (bserver_id, no, lane) select '" HOST
        "', n, n % 2 from generate_series(2, 11) n");
    refused("law_slots", "insert into slot (bserver_id, no, lane) values ('" HOST "', 12, 0)");
    sql("update bserver set cores = 1");
    refused("law_slots", "update slot set desktop_id = '" D1 "' where no = 6");
    sql("update slot set desktop_id = '" D1 "' where no = 5");
    sql("update slot set desktop_id = null where no = 5");
}

/* n more desktops of the first bServer, in its slots from `from` on. */
static void fill_slots(int from, int n)
{
    char text[1200];

    snprintf(text, sizeof text,
             "insert into desktop (id, name, pool_id, floating, bserver_id, mac, "
             "user_net, spec, image, memory_mib, store_gib, overlay_id) "
             "select ('70000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'f' || n, '" POOL
             "', true, '" HOST "', ('52:54:01:00:00:' || lpad(to_hex(n), 2, '0'))::macaddr, "
             "false, '{}', '{}', 1, 0, gen_random_uuid() from generate_series(%d, %d) n",
             from, from + n - 1);
    sql(text);
    snprintf(text, sizeof text,
             "update slot set desktop_id = ('70000000-0000-4000-8000-' || lpad(no::text, 12, "
             "'0'))::uuid where no between %d and %d",
             from, from + n - 1);
    sql(text);
}

static void fifty_a_lane(void **state)
{
    (void)state;
    sql("update bserver set cores = 18");
    sql("insert into slot (bserver_id, no, lane) select '" HOST
        "', n, 0 from generate_series(2, 99) n");
    fill_slots(10, 50);
    assert_int_equal(sql_number("select used from lane where no = 0"), 50);
    refused("law_lanes", "update slot set desktop_id = '" D1 "' where no = 0");
    sql("update slot set lane = 1 where no = 0");
    sql("update slot set desktop_id = '" D1 "' where no = 0");
    assert_int_equal(sql_number("select used from lane where no = 1"), 1);
    refused("law_lanes", "update slot set lane = 0 where no = 0");
    sql("update slot set desktop_id = null where no = 10");
    sql("update slot set lane = 0 where no = 0");
    assert_int_equal(sql_number("select used from lane where no = 0"), 50);
    assert_int_equal(sql_number("select used from lane where no = 1"), 0);
    sql("update slot set desktop_id = null");
    assert_int_equal(sql_number("select sum(used) from lane"), 0);
}

static void ten_bservers_a_thousand_desktops(void **state)
{
    (void)state;
    sql("insert into bserver (id, name, boot, cores, memory_limit_mib, body) "
        "select gen_random_uuid(), 'h' || n, 'b', 2, 1000, '{}' from generate_series(2, 10) n");
    refused("law_module_bservers",
            "insert into bserver (id, name, boot, cores, memory_limit_mib, body) "
            "values (gen_random_uuid(), 'h11', 'b', 2, 1000, '{}')");
    sql("update bserver set member = false where name = 'h7'");
    sql("insert into bserver (id, name, boot, cores, memory_limit_mib, body) "
        "values (gen_random_uuid(), 'h11', 'b', 2, 1000, '{}')");
    refused("law_module_bservers", "update bserver set member = true where name = 'h7'");
    sql("insert into desktop (id, name, pool_id, floating, bserver_id, mac, user_net, spec, image, "
        "memory_mib, store_gib, overlay_id) select gen_random_uuid(), 'x' || n, '" POOL
        "', true, '" HOST "', ('52:54:02:00:' || substr(lpad(to_hex(n), 4, '0'), 1, 2) || ':' || "
        "substr(lpad(to_hex(n), 4, '0'), 3, 2))::macaddr, false, '{}', '{}', 1, 0, "
        "gen_random_uuid() from generate_series(1, 998) n");
    assert_int_equal(sql_number("select desktops from module_use"), 1000);
    refused("law_module_desktops",
            "insert into desktop (id, name, pool_id, floating, bserver_id, mac, user_net, spec, "
            "image, memory_mib, store_gib, overlay_id) values (gen_random_uuid(), 'one-more', "
            "'" POOL "', true, '" HOST "', '52:54:03:00:00:00', false, '{}', '{}', 1, 0, "
            "gen_random_uuid())");
    sql("delete from desktop where name = 'x1'");
    assert_int_equal(sql_number("select desktops from module_use"), 999);
}

/* How many desktops went: D1, if its VF has this run. */
static int64_t forget_with_run(const char *run)
{
    auto_result PGresult *r = NULL;
    auto_db struct db *db = NULL;
    struct err e = { 0 };

    if (db_open(getenv("TEST_DB"), &db, &e) < 0 ||
        db_run(db, &Q_desktop_forget, DB_ARGS(D1, "1", run, S2, "0"), &r, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
    return db_int(r, 0, "done", -1);
}

static void vfs(void **state)
{
    (void)state;
    sql("insert into vf (id, bserver_id, pf, address, index) values "
        "('50000000-0000-4000-8000-000000000002', '" HOST "', 'p', 'b', 1)");
    /* Nobody gets one that was not verified, and only the answer to its question frees it. */
    refused("law_vf_clean", "insert into vf (id, bserver_id, pf, address, index, state, check_id) "
                            "values ('50000000-0000-4000-8000-000000000003', '" HOST
                            "', 'p', 'c', 2, 'free', null)");
    refused("law_vf_owner",
            "update vf set state = 'assigned', desktop_id = '" D1 "' where id = '" V1 "'");
    refused("law_vf_clean", "update vf set state = 'free'");
    refused("law_vf_clean", "update vf set state = 'free', verified = '" R1 "'");
    refused("quarantine_has_check", "update vf set check_id = null");
    sql("update vf set state = 'free', verified = check_id, check_id = null");
    sql("update vf set state = 'assigned', desktop_id = '" D1 "' where id = '" V1 "'");
    refused("vf_desktop_id_key",
            "update vf set state = 'assigned', desktop_id = '" D1 "' where id <> '" V1 "'");
    refused("assigned_has_desktop", "update vf set state = 'free' where id = '" V1 "'");
    refused("assigned_has_desktop", "update vf set state = 'assigned' where id <> '" V1 "'");
    refused("vf_bserver_id_address_key", "update vf set address = 'a' where id <> '" V1 "'");
    refused("law_vf_owner", "update vf set desktop_id = '" D2 "' where id = '" V1 "'");
    /* Given back: with a question, and then it is nobody's until that is answered. */
    refused("law_vf_clean", "update vf set desktop_id = null, state = 'lost' where id = '" V1 "'");
    refused("law_vf_clean", "update vf set desktop_id = null, state = 'free' where id = '" V1 "'");
    sql("update vf set state = 'lost' where id = '" V1 "'");
    refused("law_vf_owner", "update vf set desktop_id = '" D2 "' where id = '" V1 "'");
    sql("update vf set desktop_id = null, check_id = gen_random_uuid() where id = '" V1 "'");
    refused("law_vf_clean", "update vf set state = 'free' where id = '" V1 "'");
    refused("law_vf_owner",
            "update vf set state = 'assigned', desktop_id = '" D2 "' where id = '" V1 "'");
}

/* A release names the run that the VF was given with: one that comes late does nothing. */
static void a_vf_is_given_back_by_owner_and_run(void **state)
{
    (void)state;
    sql("update bserver set memory_used_mib = 200, store_used_gib = 2");
    sql("update vf set state = 'free', verified = check_id, check_id = null");
    sql("update vf set state = 'assigned', desktop_id = '" D1 "'");
    sql("update desktop set run_id = '" R1 "', run_boot = 'b' where id = '" D1 "'");
    assert_int_equal(sql_number("select count(*) from vf where run_id = '" R1 "'"), 1);
    sql("update desktop set run_id = null, run_boot = null, deleting = true where id = '" D1 "'");
    assert_int_equal(forget_with_run(NULL), 0);
    assert_int_equal(forget_with_run(S1), 0);
    assert_int_equal(sql_number("select count(*) from vf where state = 'assigned'"), 1);
    assert_int_equal(forget_with_run(R1), 1);
    assert_int_equal(sql_number("select count(*) from vf where state = 'quarantine' and run_id is "
                                "null and check_id = '" S2 "'"),
                     1);
}

static void no_overcommit(void **state)
{
    (void)state;
    sql("update bserver set memory_used_mib = 1000, store_used_gib = 10");
    refused("law_memory", "update bserver set memory_used_mib = memory_used_mib + 1");
    refused("law_storage", "update bserver set store_used_gib = store_used_gib + 1");
    refused("law_memory", "update bserver set memory_used_mib = -1");
    refused("law_memory", "update bserver set memory_limit_mib = 999");
}

static void one_overlay_one_person(void **state)
{
    (void)state;
    sql("insert into overlay_use (overlay_id, person_id) values ('" O1 "', '" P1 "')");
    refused("overlay_use_pkey",
            "insert into overlay_use (overlay_id, person_id) values ('" O1 "', '" P2 "')");
    refused("session_overlay_id_person_id_fkey",
            "insert into session (id, desktop_id, pool_id, person_id, overlay_id, run_id, seq, "
            "resume_hash) values "
            "('" S1 "', '" D1 "', '" POOL "', '" P2 "', '" O1 "', '" R1 "', 1, " HASH ")");
}

#define IN_USE(desktop, person, run)                                                               \
    "update desktop set person_id = '" person "', assigned_at = now(), run_id = '" run             \
    "', run_boot = 'b' where id = '" desktop "'"
#define USED(overlay, person, session)                                                             \
    "insert into overlay_use (overlay_id, person_id, session_id) values ('" overlay "', '" person  \
    "', '" session "')"
/* seen: seen_run, seen_overlay, ready_run */
#define OPEN(session, desktop, person, overlay, run, seen)                                         \
    "insert into session (id, desktop_id, pool_id, person_id, overlay_id, run_id, seq, "           \
    "resume_hash, seen_run, seen_overlay, ready_run) values ('" session "', '" desktop "', '" POOL \
    "', '" person "', '" overlay "', '" run "', 1, " HASH ", " seen ")"

static void one_live_session(void **state)
{
    (void)state;
    sql(IN_USE(D1, P1, R1));
    sql(USED(O1, P1, S1));
    sql(USED(O2, P1, S2));
    sql(OPEN(S1, D1, P1, O1, R1, "'" R1 "', null, null"));
    refused("session_live_desktop",
            "insert into session (id, desktop_id, pool_id, person_id, overlay_id, run_id, seq, "
            "resume_hash) values "
            "('" S2 "', '" D1 "', '" OTHER_MODULE "', '" P1 "', '" O1 "', '" R1 "', 1, " HASH ")");
    refused("session_live_person",
            "insert into session (id, desktop_id, pool_id, person_id, overlay_id, run_id, seq, "
            "resume_hash) values "
            "('" S2 "', '" D2 "', '" POOL "', '" P1 "', '" O2 "', '" R1 "', 1, " HASH ")");
    refused("ended", "update session set ended_at = now()");
}

/* Who sits at a floating desktop sits at an unused overlay, in this run of it, as its host says. */
static void clean_hand_over(void **state)
{
    (void)state;
    sql(IN_USE(D1, P1, R1));
    sql(USED(O1, P1, S1));
    refused("session_of_its_desktop", OPEN(S1, D1, P1, O1, R2, "'" R2 "', null, null"));
    refused("session_of_its_desktop", OPEN(S1, D2, P1, O1, R1, "'" R1 "', null, null"));
    refused("clean_evidence", OPEN(S1, D1, P1, O1, R1, "null, null, null"));
    refused("clean_run", OPEN(S1, D1, P1, O1, R1, "'" R2 "', null, null"));
    sql("update bserver set body = '{\"capabilities\": {\"formats\": [\"qcow2\"], "
        "\"guest_channel\": true}}'");
    refused("clean_evidence", OPEN(S1, D1, P1, O1, R1, "'" R1 "', null, null"));
    refused("clean_disk", OPEN(S1, D1, P1, O1, R1, "'" R1 "', '" O2 "', null"));
    sql("update desktop set image = '{\"guest\": \"bic\"}'");
    refused("clean_evidence", OPEN(S1, D1, P1, O1, R1, "'" R1 "', '" O1 "', null"));
    refused("clean_guest", OPEN(S1, D1, P1, O1, R1, "'" R1 "', '" O1 "', '" R2 "'"));
    sql(OPEN(S1, D1, P1, O1, R1, "'" R1 "', '" O1 "', '" R1 "'"));
}

/* Once used it is for nobody, not even for her, before it has another overlay and another run. */
static void dirty_until_made_anew(void **state)
{
    (void)state;
    sql(IN_USE(D1, P1, R1));
    sql(USED(O1, P1, S1));
    sql(OPEN(S1, D1, P1, O1, R1, "'" R1 "', null, null"));
    refused("session_of_its_desktop", "update desktop set person_id = null, assigned_at = null "
                                      "where id = '" D1 "'");
    refused("session_of_its_desktop", "update desktop set run_id = null, run_boot = null");
    refused("run_after_overlay", "update desktop set overlay_id = gen_random_uuid()");
    sql("update session set ended_at = now(), end_reason = 'x'");
    refused("clean_overlay", OPEN(S2, D1, P1, O1, R1, "'" R1 "', null, null"));
    sql("update desktop set person_id = null, assigned_at = null");
    refused("clean_overlay",
            "update desktop set person_id = '" P2 "', assigned_at = now() where id = '" D1 "'");
    refused("clean_overlay",
            "update desktop set person_id = '" P1 "', assigned_at = now() where id = '" D1 "'");
    refused("run_after_overlay", "update desktop set overlay_id = '" P1 "' where id = '" D1 "'");
    sql("update desktop set overlay_id = '" P1 "', run_id = null, run_boot = null "
        "where id = '" D1 "'");
    sql(IN_USE(D1, P2, R2));
    sql(USED(P1, P2, S2));
    sql(OPEN(S2, D1, P2, P1, R2, "'" R2 "', null, null"));
    sql("update desktop set floating = false, person_id = '" P1 "', assigned_at = now() "
        "where id = '" D2 "'");
    sql("insert into overlay_use (overlay_id, person_id) values ('" O2 "', '" P1 "')");
    sql("update desktop set person_id = null, assigned_at = null where id = '" D2 "'");
    refused("clean_overlay",
            "update desktop set person_id = '" P2 "', assigned_at = now() where id = '" D2 "'");
    sql("update desktop set person_id = '" P1 "', assigned_at = now() where id = '" D2 "'");
}

static void one_desktop_a_person(void **state)
{
    (void)state;
    sql("update desktop set person_id = '" P1 "', assigned_at = now() where id = '" D1 "'");
    refused("one_desktop_a_person",
            "update desktop set person_id = '" P1 "', assigned_at = now() where id = '" D2 "'");
    refused("assigned", "update desktop set person_id = '" P2 "' where id = '" D2 "'");
    refused("desktop_mac_key", "update desktop set mac = '52:54:00:00:00:01' where id = '" D2 "'");
    refused("desktop_overlay_id_key",
            "update desktop set overlay_id = '" O1 "' where id = '" D2 "'");
    refused("run_has_boot", "update desktop set run_id = '" R1 "'  where id = '" D2 "'");
    refused("deleting_is_off", "update desktop set run_id = '" R1
                               "', run_boot = 'b', deleting = true where id = '" D2 "'");
    refused("desktop_name_check",
            "update desktop set name = 'Not a host name' where id = '" D2 "'");
}

static void one_running_operation(void **state)
{
    (void)state;
    sql("insert into operation (id, verb, target_kind, target_id, state, created_at, deadline) "
        "values "
        "('" S1 "', 'start', 'desktop', '" D1 "', 'running', now(), now())");
    refused("operation_open", "insert into operation (id, verb, target_kind, target_id, state, "
                              "created_at, deadline) values "
                              "('" S2 "', 'stop', 'desktop', '" D1 "', 'running', now(), now())");
    refused("ended_has_time", "update operation set state = 'succeeded'");
}

static void prepare_each(const struct db_stmt *const all[])
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));

    for (size_t i = 0; all[i]; i++) {
        PGresult *r = PQprepare(c, all[i]->name, all[i]->sql, 0, NULL);

        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", all[i]->name, PQerrorMessage(c));
        PQclear(r);
        r = PQdescribePrepared(c, all[i]->name);
        if (PQnparams(r) != all[i]->nparams)
            fail_msg("%s: %d parameters, not %d", all[i]->name, PQnparams(r), all[i]->nparams);
        PQclear(r);
    }
    PQfinish(c);
}

static void every_statement_is_prepared(void **state)
{
    (void)state;
    prepare_each(Q_module_all);
    prepare_each(Q_io_all);
    prepare_each(Q_broker_all);
    prepare_each(Q_login_all);
    prepare_each(Q_replica_all);
}

/* What is stored of the replica is what a restart finds, snapshot or not; held ones until somebody
 * confirms. */
static void replica_survives(void **state)
{
    struct bcenter *bc;
    struct err e = { 0 };
    int64_t released;

    (void)state;
    sql("insert into replica (scope, kind, id, rev, body, mark) values ('', 'pool', '" POOL "', 3, "
        "'{\"name\":\"x\",\"kind\":\"floating\",\"shares\":[{\"module_id\":\"" MODULE
        "\",\"size\":4}]}', 1),"
        "('', 'node', '" NODE "', 4, '{\"kind\":\"bcenter\",\"module_id\":\"" MODULE "\"}', 1)");
    sql("update replica_cursor set cursor = '" MODULE ":5', floor = 1, mark = 1");
    sql("update replica set absent = true where kind = 'pool'");
    bc = fixture_start();
    assert_int_equal(upstream_restore(bc, bc->reconcile_db, &e), 0);
    assert_non_null(bc->m.pools);
    assert_int_equal(bc->m.pools->share, 4);
    assert_string_equal(bc->m.id.s, MODULE);
    assert_int_equal(bc->m.held, 1);
    assert_int_equal(upstream_confirm(bc, bc->reconcile_db, &released, &e), 0);
    assert_int_equal(released, 1);
    assert_null(bc->m.pools);
    assert_int_equal(sql_number("select count(*) from replica"), 1);
    fixture_stop(bc);
}

static void mass_deletion_is_held(void **state)
{
    struct sync_object pool = { .kind = "pool" };
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    bc = fixture_start();
    want_pool(bc, "floating", 2, 0, IMAGE);
    heard(bc, HOST, "b", 8);
    settle(bc);
    pool.id = id_of(MODULE);
    assert_false(wanted_hold(bc, &pool, 1, 1)); /* a pool without desktops */
    pool.id = id_of(POOL);
    assert_true(wanted_hold(bc, &pool, 1, 1));
    assert_int_equal(bc->m.held, 1);
    fixture_stop(bc);
}

/* A host whose node the CCC has deleted makes room; its rows stay as long as there are desktops. */
static void a_deleted_host_makes_room(void **state)
{
    struct bcenter *bc;

    (void)state;
    fresh_schema();
    bc = fixture_start();
    heard(bc, HOST, "b", 8);
    settle(bc);
    assert_int_equal(sql_number("select bservers from module_use"), 1);
    assert_int_equal(sql_number("select count(*) from slot"), 48);
    assert_int_equal(sql_number("select count(*) from lane"), 1);
    wanted(bc, "node", id_of(HOST),
           "{\"id\":\"" HOST "\",\"kind\":\"bserver\",\"name\":\"h1\",\"module_id\":\"" MODULE
           "\",\"revoked\":true}");
    settle(bc);
    assert_int_equal(sql_number("select bservers from module_use"), 0);
    assert_int_equal(sql_number("select count(*) from bserver"), 1);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(slots, setup),
        cmocka_unit_test_setup(six_a_core, setup),
        cmocka_unit_test_setup(fifty_a_lane, setup),
        cmocka_unit_test_setup(ten_bservers_a_thousand_desktops, setup),
        cmocka_unit_test_setup(vfs, setup),
        cmocka_unit_test_setup(a_vf_is_given_back_by_owner_and_run, setup),
        cmocka_unit_test_setup(no_overcommit, setup),
        cmocka_unit_test_setup(one_overlay_one_person, setup),
        cmocka_unit_test_setup(one_live_session, setup),
        cmocka_unit_test_setup(clean_hand_over, setup),
        cmocka_unit_test_setup(dirty_until_made_anew, setup),
        cmocka_unit_test_setup(one_desktop_a_person, setup),
        cmocka_unit_test_setup(one_running_operation, setup),
        cmocka_unit_test_setup(every_statement_is_prepared, setup),
        cmocka_unit_test_setup(replica_survives, setup),
        cmocka_unit_test(mass_deletion_is_held),
        cmocka_unit_test(a_deleted_host_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
