/* Which display lanes a person is told of: those of the modules that serve her pools. */
#include "tests/db/ccc/fresh.h"

#include "sql/ccc/tree.h"

#define OTHER_BLOCK "00000000-0000-4000-8000-00000000001b"
#define OTHER_MODULE "00000000-0000-4000-8000-0000000001a1"

static int setup(void **state)
{
    static const struct db_stmt steps[] = {
        { "l1", 0, "insert into block (id, name) values ('" OTHER_BLOCK "', 'c')" },
        { "l2", 0,
          "insert into module (id, name, block_id, place) values ('" OTHER_MODULE
          "', 'm3', '" OTHER_BLOCK "', 0)" },
        { "l3", 0,
          "insert into mirror_bserver (id, module_id, round, name, state, slots, slots_used, body) "
          "select gen_random_uuid(), m::uuid, 1, n, 'up', 1, 0, jsonb_build_object('lanes', "
          "l::jsonb) from (values "
          "('" MODULE_1 "', 'two', "
          "'[{\"no\":1,\"url\":\"wss://b\",\"up\":false},{\"no\":0,\"url\":\"wss://"
          "a\",\"up\":true}]'),"
          "('" MODULE_2 "', 'older', '[{\"no\":0,\"url\":\"wss://c\"}]'),"
          "('" MODULE_2 "', 'odd', "
          "'[{\"no\":\"x\",\"url\":\"wss://d\",\"up\":7},{\"no\":2},{\"no\":3,\"url\":null},7]'),"
          "('" MODULE_1 "', 'screenless', '[{\"no\":0,\"url\":\"\"}]'),"
          "('" MODULE_1 "', 'broken', '{}'),"
          "('" OTHER_MODULE "', 'foreign', '[{\"no\":0,\"url\":\"wss://e\"}]')) t (m, n, l)" },
    };
    auto_db struct db *db = NULL;

    if (fresh_schema(state) < 0)
        return -1;
    db = fresh_open();
    fresh_world(db);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        fresh_must(db, &steps[i], NULL);
    return 0;
}

static void her_modules_lanes_that_show_screens(void **state)
{
    auto_db struct db *db = fresh_open();
    auto_result PGresult *r = fresh_rows(db, &Q_my_lanes_name, DB_ARGS("10", NULL, NULL, PERSON));

    (void)state;
    assert_int_equal(db_rows(r), 3);
    assert_string_equal(db_text(r, 0, "sort"), "odd");
    assert_string_equal(db_text(r, 1, "sort"), "older");
    assert_string_equal(db_text(r, 2, "sort"), "two");
    assert_non_null(strstr(db_text(r, 1, "body"), "\"up\": true"));
    assert_non_null(strstr(db_text(r, 2, "body"),
                           "[{\"no\": 0, \"up\": true, \"url\": \"wss://a\"}, "
                           "{\"no\": 1, \"up\": false, \"url\": \"wss://b\"}]"));
}

static void pages_go_on_after_the_last(void **state)
{
    auto_db struct db *db = fresh_open();
    auto_result PGresult *first =
        fresh_rows(db, &Q_my_lanes_name, DB_ARGS("1", NULL, NULL, PERSON));
    auto_result PGresult *rest =
        fresh_rows(db, &Q_my_lanes_name, DB_ARGS("10", "odd", db_text(first, 0, "id"), PERSON));
    auto_result PGresult *down =
        fresh_rows(db, &Q_my_lanes_name_down, DB_ARGS("10", "two", db_text(rest, 1, "id"), PERSON));

    (void)state;
    assert_int_equal(db_rows(rest), 2);
    assert_int_equal(db_rows(down), 2);
    assert_string_equal(db_text(down, 0, "sort"), "older");
}

static void who_has_no_pool_has_no_lanes(void **state)
{
    auto_db struct db *db = fresh_open();
    auto_result PGresult *r = fresh_rows(db, &Q_my_lanes_name, DB_ARGS("10", NULL, NULL, GROUP));

    (void)state;
    assert_int_equal(db_rows(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(her_modules_lanes_that_show_screens),
        cmocka_unit_test(pages_go_on_after_the_last),
        cmocka_unit_test(who_has_no_pool_has_no_lanes),
    };

    return cmocka_run_group_tests_name("ccc lanes", tests, setup, NULL);
}
