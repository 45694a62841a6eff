/* Shares change in two steps: what is in force, whom it waits for, what modules are told, and in
 * what order. */
#include "tests/db/ccc/fresh.h"

#include "ccc/pool.h"
#include "ccc/wanted.h"

#define MODULE_3 "00000000-0000-4000-8000-0000000000a3"
#define SEAT "00000000-0000-4000-8000-0000000000a9"
#define DESKTOP "00000000-0000-4000-8000-0000000000d9"
#define SHARE(module, size) "{\"module_id\":\"" module "\",\"size\":" #size "}"

static struct db *db;
static PGconn *raw; /* for what the tests ask themselves */

static PGresult *run(const char *text)
{
    PGresult *r = PQexec(raw, text);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(raw));
    return r;
}

static void sql(const char *text)
{
    PQclear(run(text));
}

static int64_t number(const char *text)
{
    auto_result PGresult *r = run(text);

    return strtoll(PQgetvalue(r, 0, 0), NULL, 10);
}

static int setup(void **state)
{
    fresh_schema(state);
    db = fresh_open();
    fresh_world(db);
    raw = PQconnectdb(getenv("TEST_DB"));
    sql("set jit = off");
    sql("insert into block (id, name) values ('00000000-0000-4000-8000-0000000000bc', 'c')");
    sql("insert into module (id, name, block_id, place) values ('" MODULE_3
        "', 'm3', '00000000-0000-4000-8000-0000000000bc', 0)");
    sql("insert into person (id, username, verifier) select gen_random_uuid(), 'p' || n, "
        "'$argon2id$x' "
        "from generate_series(1, 200) n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    db_close(db);
    PQfinish(raw);
    return 0;
}

static int put_tx(struct db *in, void *arg, struct err *e)
{
    return pool_shares_put(in, POOL, arg, e);
}

static void shares(const char *list)
{
    char text[512];
    struct err e = { 0 };
    json_t *parsed;

    snprintf(text, sizeof text, "[%s]", list);
    parsed = json_loads(text, 0, NULL);
    assert_non_null(parsed);
    if (db_tx(db, put_tx, parsed, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    json_decref(parsed);
}

static void same_as_views(void)
{
    sql("set jit = off");
    assert_int_equal(
        number("select count(*) as n from ((select scope, kind, id, body from wanted "
               "where not deleted except select scope, kind, id, body from wanted_now) "
               "union all (select scope, kind, id, body from wanted_now except select "
               "scope, kind, id, body from wanted where not deleted)) d"),
        0);
}

static void catch_up(void)
{
    struct err e = { 0 };

    if (wanted_catch_up(db, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    same_as_views();
}

static void told(const char *module, int generation)
{
    char text[400];

    snprintf(text, sizeof text,
             "insert into mirror_share (id, module_id, round, generation) values ('" POOL
             "', '%s', 1, %d) on conflict (module_id, id) do update set generation = "
             "excluded.generation",
             module, generation);
    sql(text);
    catch_up();
}

static int64_t waits(void)
{
    return number("select count(*) as n from pool_change_waits");
}

static int64_t changing(void)
{
    return number("select count(*) as n from pool_change");
}

static int64_t generation(void)
{
    return number("select share_generation as n from pool");
}

/* People whose place is not this module's by what is in force. */
static int64_t at(const char *module)
{
    char text[300];

    snprintf(text, sizeof text,
             "select count(*) as n from person where place_module(id, '" POOL "') = '%s'", module);
    return number(text);
}

static int64_t hear(const char *module)
{
    char text[300];

    snprintf(
        text, sizeof text,
        "select count(*) as n from wanted where kind = 'pool' and not deleted and scope = '%s'",
        module);
    return number(text);
}

/* Sizes by which nobody's place is another are nothing to wait for. */
static void sizes_alone(void **state)
{
    (void)state;
    shares(SHARE(MODULE_1, 503) "," SHARE(MODULE_2, 407));
    assert_int_equal(changing(), 0);
    assert_int_equal(generation(), 1);
    assert_int_equal(number("select size as n from pool_share where module_id = '" MODULE_1 "'"),
                     503);
    same_as_views();
}

static void waits_for_all(void **state)
{
    int64_t before = at(MODULE_1);

    (void)state;
    assert_true(before > 20);
    shares(SHARE(MODULE_1, 10) "," SHARE(MODULE_2, 900));
    assert_int_equal(generation(), 2);
    assert_int_equal(waits(), 2);
    assert_int_equal(at(MODULE_1), before); /* as before: nobody has given way yet */
    assert_int_equal(number("select count(*) as n from wanted where kind = 'pool' and body -> "
                            "'base' @> '[{\"size\": 500}]' and body -> 'shares' @> '[{\"size\": "
                            "10}]' and body ->> 'share_generation' = '2'"),
                     2);
    told(MODULE_1, 1); /* an old word is none */
    told(MODULE_2, 2);
    assert_int_equal(waits(), 1);
    assert_int_equal(number("select count(*) as n from pool, lateral (select api_pool_change(id) "
                            "-> 'change' as c) x where c -> 'waiting_for' = '[\"" MODULE_1
                            "\"]' and c -> 'in_force' @> '[{\"size\": 500}]'"),
                     1);
    told(MODULE_1, 2);
    assert_int_equal(changing(), 0);
    assert_true(at(MODULE_1) < before / 4);
    assert_int_equal(number("select count(*) as n from wanted where kind = 'pool' and body -> "
                            "'base' = 'null'"),
                     2);
    assert_int_equal(number("select count(*) as n from pool where api_pool_change(id) = "
                            "'{\"change\": null}'"),
                     1);
}

/* What was in force before is in force again at once; another change meanwhile waits by it, too. */
static void taken_back(void **state)
{
    int64_t before = at(MODULE_1);

    (void)state;
    shares(SHARE(MODULE_1, 10) "," SHARE(MODULE_2, 900));
    told(MODULE_1, 2);
    shares(SHARE(MODULE_1, 900) "," SHARE(MODULE_2, 10));
    assert_int_equal(generation(), 3);
    assert_int_equal(waits(), 2); /* its word on the one before is not enough */
    assert_int_equal(at(MODULE_1), before);
    shares(SHARE(MODULE_1, 500) "," SHARE(MODULE_2, 400));
    assert_int_equal(changing(), 0);
    assert_int_equal(generation(), 4);
    assert_int_equal(at(MODULE_1), before);
    same_as_views();
}

/* A module without a share any more hears of the pool until it has given way, and while somebody
 * has a desktop there. */
static void a_module_leaves(void **state)
{
    (void)state;
    shares(SHARE(MODULE_2, 900));
    assert_int_equal(hear(MODULE_1), 1);
    told(MODULE_2, 2);
    assert_int_equal(waits(), 1);
    sql("insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
        "person_id, created_at, body) values ('" DESKTOP "', '" MODULE_1
        "', 1, 'd', 'off', 'off', '" POOL "', '" PERSON "', now(), '{}')");
    sql("insert into mirror_seat values ('" SEAT "', '" MODULE_1 "', 1, '" PERSON "', '" POOL
        "', false, 1)");
    told(MODULE_1, 2);
    assert_int_equal(waits(), 1); /* somebody was quicker than the change */
    assert_int_equal(hear(MODULE_1), 1);
    sql("update mirror_desktop set person_id = null");
    catch_up();
    assert_int_equal(changing(), 0);
    assert_int_equal(hear(MODULE_1), 0);
    assert_int_equal(at(MODULE_2), number("select count(*) as n from person"));
}

/* One that came with the change and goes with the next may have been given somebody meanwhile. */
static void a_module_comes_and_goes(void **state)
{
    (void)state;
    shares(SHARE(MODULE_1, 500) "," SHARE(MODULE_2, 400) "," SHARE(MODULE_3, 500));
    assert_int_equal(waits(), 2);
    assert_int_equal(hear(MODULE_3), 1);
    assert_int_equal(at(MODULE_3), 0);
    shares(SHARE(MODULE_1, 500) "," SHARE(MODULE_2, 400));
    assert_int_equal(waits(), 3);
    assert_int_equal(hear(MODULE_3), 1);
    told(MODULE_1, 3);
    told(MODULE_2, 3);
    assert_int_equal(waits(), 1);
    told(MODULE_3, 3);
    assert_int_equal(changing(), 0);
    assert_int_equal(hear(MODULE_3), 0);
}

/* What a module gave before it gave way is told to the others before they hear that it did. */
static void seats_come_first(void **state)
{
    int n = 0;

    (void)state;
    shares(SHARE(MODULE_1, 10) "," SHARE(MODULE_2, 900));
    told(MODULE_2, 2);
    sql("begin");
    sql("insert into mirror_share values ('" POOL "', '" MODULE_1 "', 1, 2)");
    sql("insert into mirror_seat select gen_random_uuid(), '" MODULE_1 "', 1, id, '" POOL
        "', false, 1 from person");
    sql("commit");
    for (; changing(); n++) {
        sql("select wanted_catch_up(1)");
        assert_true(changing() || number("select count(*) as n from wanted_due where kind <> "
                                         "'pool'") == 0);
    }
    assert_true(n > 200);
    assert_int_equal(
        number("select count(*) as n from wanted where kind = 'seat' and scope = '" MODULE_2
               "' and not deleted"),
        number("select count(*) as n from person"));
    assert_int_equal(
        number("select count(*) as n from wanted s, wanted p where s.kind = 'seat' and "
               "p.kind = 'pool' and (s.rev, s.no) > (p.rev, p.no) and p.scope = s.scope"),
        0);
    same_as_views();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sizes_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(taken_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_module_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_module_comes_and_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(seats_come_first, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
