/* Every statement of the CCC is prepared on the migrated schema; its parameters are as many as
 * said. */
#include "tests/db/ccc/fresh.h"

#include "sql/ccc/audit.h"
#include "sql/ccc/connection.h"
#include "sql/ccc/desktop.h"
#include "sql/ccc/entitlement.h"
#include "sql/ccc/event.h"
#include "sql/ccc/idempotency.h"
#include "sql/ccc/image.h"
#include "sql/ccc/login.h"
#include "sql/ccc/mirror.h"
#include "sql/ccc/node.h"
#include "sql/ccc/operation.h"
#include "sql/ccc/person.h"
#include "sql/ccc/person_group.h"
#include "sql/ccc/placement.h"
#include "sql/ccc/pool.h"
#include "sql/ccc/saved_filter.h"
#include "sql/ccc/spec.h"
#include "sql/ccc/tree.h"
#include "sql/ccc/wanted.h"

static const struct db_stmt *const *const modules[] = {
    Q_audit_all,       Q_connection_all, Q_desktop_all,      Q_entitlement_all,  Q_event_all,
    Q_idempotency_all, Q_image_all,      Q_login_all,        Q_mirror_all,       Q_node_all,
    Q_operation_all,   Q_person_all,     Q_person_group_all, Q_pool_all,         Q_spec_all,
    Q_tree_all,        Q_wanted_all,     Q_placement_all,    Q_saved_filter_all,
};

static void prepare_all(void **state)
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));
    int seen = 0;

    (void)state;
    assert_int_equal(PQstatus(c), CONNECTION_OK);
    for (size_t m = 0; m < sizeof modules / sizeof *modules; m++) {
        for (const struct db_stmt *const *st = modules[m]; *st; st++) {
            PGresult *made = PQprepare(c, (*st)->name, (*st)->sql, 0, NULL), *told;

            if (PQresultStatus(made) != PGRES_COMMAND_OK)
                fail_msg("%s: %s", (*st)->name, PQerrorMessage(c));
            told = PQdescribePrepared(c, (*st)->name);
            if (PQnparams(told) != (*st)->nparams)
                fail_msg("%s: %d parameters, said %d", (*st)->name, PQnparams(told),
                         (*st)->nparams);
            PQclear(made);
            PQclear(told);
            seen++;
        }
    }
    assert_true(seen > 100);
    PQfinish(c);
}

/* Every table says what it is for, and each foreign key has an index to be deleted by. */
static void tables_are_commented(void **state)
{
    S(bare, 0,
      "select count(*) as n, string_agg(relname, ' ') as names from pg_class c where relnamespace "
      "= "
      "'public'::regnamespace and relkind = 'r' and relname <> 'schema_migration' and "
      "obj_description(oid) is null");
    auto_db struct db *db = fresh_open();
    auto_result PGresult *r = fresh_rows(db, &bare, NULL);

    (void)state;
    if (db_int(r, 0, "n", -1) != 0)
        fail_msg("tables without a comment: %s", db_text(r, 0, "names"));
}

/* The daemon's role may not write what only the owner's functions write. */
static void grants(void **state)
{
    S(make, 0,
      "do $$ begin if not exists (select from pg_roles where rolname = 'ccc') then create role "
      "ccc; end if; end $$");
    S(may, 1,
      "select has_table_privilege('ccc', $1, 'insert') or has_table_privilege('ccc', $1, 'update') "
      "as yes");
    S(again, 0, "drop schema public cascade");
    S(schema, 0, "create schema public");
    static const char *const closed[] = { "wanted", "sync_source", "schema_migration" };
    struct err e = { 0 };
    auto_db struct db *db = fresh_open();

    (void)state;
    fresh_must(db, &make, NULL);
    fresh_must(db, &again, NULL);
    fresh_must(db, &schema, NULL);
    assert_int_equal(db_migrate(db, "sql/ccc/migrations", &e), 0);
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        auto_result PGresult *r = fresh_rows(db, &may, DB_ARGS(closed[i]));

        assert_int_equal(db_flag(r, 0, "yes"), 0);
    }
    auto_result PGresult *r = fresh_rows(db, &may, DB_ARGS("person"));
    assert_int_equal(db_flag(r, 0, "yes"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(prepare_all, fresh_schema),
        cmocka_unit_test(tables_are_commented),
        cmocka_unit_test(grants),
    };

    return cmocka_run_group_tests_name("ccc queries", tests, NULL, NULL);
}
