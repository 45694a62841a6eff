/* The sync source: nothing is skipped, nothing is sent to the wrong module, a copy gets a new
 * history. */
#include "tests/db/ccc/fresh.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "ccc/wanted_block.h"
#include "common/base/json.h"
#include "common/sync/set.h"
#include "common/wire/place.h"

#define ALL_SCOPES "{\"\"," MODULE_1 "," MODULE_2 "}"
#define OTHER_BLOCK "00000000-0000-4000-8000-0000000000bb"
#define ONE_SCOPE "{\"\"," MODULE_1 "}"

S(difference, 0,
  "select count(*) as n from ((select scope, kind, id, body from wanted where not deleted except "
  "select scope, kind, id, body from wanted_now) union all (select scope, kind, id, body from "
  "wanted_now except select scope, kind, id, body from wanted)) d");

static int setup(void **state)
{
    auto_db struct db *db;

    fresh_schema(state);
    db = fresh_open();
    fresh_world(db);
    return 0;
}

static json_t *page_of(struct db *db, const char *scopes, const char *cursor)
{
    struct err e = { 0 };
    json_t *page = NULL;
    bool empty;

    if (wanted_page(db, scopes, cursor, &page, &empty, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    return page;
}

static size_t count_kind(const json_t *page, const char *kind)
{
    const json_t *list = json_object_get(page, "objects");
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        n += strcmp(json_str(json_array_get(list, i), "kind"), kind) == 0;
    return n;
}

/* Whatever else the cluster does (an autovacuum has a transaction too) holds changes back: until it
 * has ended. */
static void settled(struct db *db)
{
    S(above, 0,
      "select count(*) as n from wanted where rev >= pg_snapshot_xmin(pg_current_snapshot())");

    while (fresh_number(db, &above, NULL) > 0)
        usleep(20000);
}

static void same_as_views(struct db *db)
{
    S(jit, 0, "set jit = off"); /* tables without figures look long to the planner */

    fresh_must(db, &jit, NULL);
    assert_int_equal(fresh_number(db, &difference, NULL), 0);
}

/* Writer 1 begins first and commits last: a reader in between must not step over it. */
static void overlapping_writers(void **state)
{
    S(begin, 0, "begin");
    S(first, 0, "update person set display_name = 'first' where id = '" PERSON "'");
    S(second, 0, "update spec set vcpus = vcpus + 1 where id = '" SPEC "'");
    S(commit, 0, "commit");
    auto_db struct db *one = fresh_open(), *two = fresh_open(), *reader = fresh_open();
    json_auto_t *start, *between, *after;

    (void)state;
    start = page_of(reader, ALL_SCOPES, "");
    fresh_must(one, &begin, NULL);
    fresh_must(one, &first, NULL);
    fresh_must(two, &second, NULL); /* a later revision, committed at once */
    between = page_of(reader, ALL_SCOPES, json_str(start, "cursor"));
    assert_int_equal(count_kind(between, "person"), 0);
    assert_int_equal(count_kind(between, "pool"), 0); /* above the horizon: waits with the first */
    fresh_must(one, &commit, NULL);
    after = page_of(reader, ALL_SCOPES, json_str(between, "cursor"));
    assert_int_equal(count_kind(after, "person"), 2); /* in both modules */
    assert_int_equal(count_kind(after, "pool"), 2);
    same_as_views(reader);
}

/* Each module hears of its own, and only the person's place gets the verifier. */
static void scopes_and_verifiers(void **state)
{
    S(places, 0,
      "select count(*) as n from wanted where kind = 'person' and body ->> 'verifier' is not null");
    S(right, 0,
      "select count(*) as n from wanted where kind = 'person' and body ->> 'verifier' is not null "
      "and "
      "scope = place_module('" PERSON "', '" POOL "')::text");
    S(away, 0, "delete from pool_share where pool_id = '" POOL "' and module_id = '" MODULE_2 "'");
    S(in_two, 0,
      "select count(*) as n from wanted where scope = '" MODULE_2
      "' and not deleted and kind <> 'node'");
    S(admin, 0, "update person set role = 'admin' where id = '" PERSON "'");
    S(user, 0, "update person set role = 'user' where id = '" PERSON "'");
    S(persons, 0, "select count(*) as n from wanted where kind = 'person' and not deleted");
    S(checked, 0,
      "select count(*) as n from wanted where kind = 'person' and body ->> 'verifier' is not null");
    /* Each module has MAC addresses of its own, apart from those of before. */
    S(ranges, 0,
      "select count(distinct body ->> 'mac_no') as n from wanted where kind = 'module' and "
      "(body ->> 'mac_no')::int between 256 and 65535");
    S(leave, 0, "delete from member");
    S(back, 0, "insert into member values ('" GROUP "', '" PERSON "')");
    auto_db struct db *db = fresh_open();
    json_auto_t *page = page_of(db, ONE_SCOPE, "");
    const json_t *list = json_object_get(page, "objects");

    (void)state;
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_string_not_equal(json_str(json_array_get(list, i), "scope"), MODULE_2);
    assert_int_equal(fresh_number(db, &places, NULL), 1);
    assert_int_equal(fresh_number(db, &right, NULL), 1);
    fresh_must(db, &admin, NULL);
    assert_int_equal(fresh_number(db, &persons, NULL), 2); /* she may have a desktop */
    assert_int_equal(fresh_number(db, &checked, NULL), 0); /* and signs in at the CCC */
    fresh_must(db, &user, NULL);
    fresh_must(db, &leave, NULL);
    assert_int_equal(fresh_number(db, &persons, NULL), 0);
    fresh_must(db, &back, NULL);
    assert_int_equal(fresh_number(db, &persons, NULL), 2);
    assert_int_equal(fresh_number(db, &ranges, NULL), 2);
    fresh_must(db, &away, NULL);
    assert_int_equal(fresh_number(db, &in_two, NULL), 0);
    assert_int_equal(fresh_number(db, &right, NULL), 1);
    same_as_views(db);
}

static void sql(struct db *db, const char *text)
{
    struct db_stmt st = { "t_sql", 0, text };

    fresh_must(db, &st, NULL);
}

static void catch_up(struct db *db)
{
    struct err e = { 0 };

    if (wanted_catch_up(db, &e) < 0)
        fail_msg("%s (%s)", e.detail, e.cause);
    same_as_views(db);
}

static int64_t count(struct db *db, const char *text)
{
    struct db_stmt st = { "t_count", 0, text };

    return fresh_number(db, &st, NULL);
}

static int64_t verifiers(struct db *db)
{
    return count(db, "select count(*) as n from wanted where kind = 'person' and body ->> "
                     "'verifier' is not null");
}

#define SEAT "00000000-0000-4000-8000-0000000000a9"
#define DESKTOP "00000000-0000-4000-8000-0000000000d9"
#define FIRST "(select place_module('" PERSON "', '" POOL "'))"
#define SECOND "(select id from module where id <> " FIRST ")"

/* The first module was full: she is at the second one. With the CCC gone she must get in there. */
static void verifiers_follow_the_seat(void **state)
{
    auto_db struct db *db = fresh_open();

    (void)state;
    assert_int_equal(verifiers(db), 1);
    sql(db, "insert into mirror_seat select '" SEAT "', " FIRST ", 1, '" PERSON "', '" POOL
            "', true, 1");
    sql(db, "insert into mirror_seat select '" SEAT "', " SECOND ", 1, '" PERSON "', '" POOL
            "', false, 1");
    assert_int_equal(count(db, "select count(*) as n from wanted_due"), 2);
    catch_up(db);
    assert_int_equal(count(db, "select count(*) as n from wanted_due"), 0);
    assert_int_equal(verifiers(db), 2);
    /* Told again as it was: nobody is looked at. */
    sql(db, "update mirror_seat set round = round + 1, generation = generation + 1");
    assert_int_equal(count(db, "select count(*) as n from wanted_due"), 0);
    sql(db, "update mirror_seat set released = true");
    catch_up(db);
    assert_int_equal(verifiers(db), 1);
    sql(db, "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
            "person_id, created_at, body) select '" DESKTOP "', " SECOND
            ", 1, 'd', 'off', 'off', '" POOL "', '" PERSON "', now(), '{}'");
    catch_up(db);
    assert_int_equal(verifiers(db), 2);
    sql(db, "update mirror_desktop set state = 'running', round = round + 1");
    assert_int_equal(count(db, "select count(*) as n from wanted_due"), 0);
    sql(db, "update mirror_desktop set person_id = null");
    catch_up(db);
    assert_int_equal(verifiers(db), 1);
}

/* A module hears of the seats that others hold: before the shares by which she might be its own. */
static void seats_are_told_to_the_others(void **state)
{
    auto_db struct db *db = fresh_open();

    (void)state;
    sql(db, "insert into mirror_seat select '" SEAT "', " FIRST ", 1, '" PERSON "', '" POOL
            "', false, 1");
    catch_up(db);
    assert_int_equal(count(db,
                           "select count(*) as n from wanted where kind = 'seat' and not deleted "
                           "and id = '" SEAT "' and scope = " SECOND
                           "::text and body ->> 'module_id' = " FIRST "::text"),
                     1);
    assert_int_equal(count(db, "select count(*) as n from wanted where kind = 'seat'"), 1);
    /* Words that crossed: where her desktop is, is where she is. */
    sql(db, "insert into mirror_seat select '" SEAT "', " SECOND ", 1, '" PERSON "', '" POOL
            "', false, 1");
    sql(db, "insert into mirror_desktop (id, module_id, round, name, state, observed, pool_id, "
            "person_id, created_at, body) select '" DESKTOP "', " SECOND
            ", 1, 'd', 'off', 'off', '" POOL "', '" PERSON "', now(), '{}'");
    catch_up(db);
    assert_int_equal(
        count(db, "select count(*) as n from wanted where kind = 'seat' and not deleted "
                  "and scope = " FIRST "::text and body ->> 'module_id' = " SECOND "::text"),
        1);
    assert_int_equal(
        count(db, "select count(*) as n from wanted where kind = 'seat' and not deleted"), 1);
    /* A module that comes later hears of it in the same transaction, and first. */
    sql(db, "insert into block (id, name) values ('00000000-0000-4000-8000-0000000000bb', 'b2')");
    sql(db, "insert into module (id, name, block_id, place) values "
            "('00000000-0000-4000-8000-0000000000a3', 'm3', "
            "'00000000-0000-4000-8000-0000000000bb', 0)");
    sql(db,
        "insert into pool_share values ('" POOL "', '00000000-0000-4000-8000-0000000000a3', 9)");
    assert_int_equal(count(db,
                           "select count(*) as n from wanted s join wanted p on p.scope = "
                           "s.scope and p.kind = 'pool' and p.rev = s.rev and p.no > s.no where "
                           "s.kind = 'seat' and s.scope = "
                           "'00000000-0000-4000-8000-0000000000a3'"),
                     1);
    same_as_views(db);
    sql(db, "delete from person where id = '" PERSON "'");
    assert_int_equal(
        count(db, "select count(*) as n from wanted where kind = 'seat' and not deleted"), 0);
    same_as_views(db);
}

/* Two modules speak at once: neither sees what the other is about to say. */
static void words_that_cross(void **state)
{
    auto_db struct db *one = fresh_open(), *two = fresh_open();

    (void)state;
    sql(one, "insert into mirror_seat select '" SEAT "', " FIRST ", 1, '" PERSON "', '" POOL
             "', false, 1");
    catch_up(one);
    sql(one, "begin");
    sql(two, "begin");
    sql(one, "update mirror_seat set released = true where module_id = " FIRST);
    sql(two, "insert into mirror_seat select '" SEAT "', " SECOND ", 1, '" PERSON "', '" POOL
             "', false, 1");
    sql(one, "commit");
    catch_up(one);
    assert_int_equal(verifiers(one), 1);
    sql(two, "commit");
    catch_up(one);
    assert_int_equal(verifiers(one), 2);
}

/* More objects of one transaction than a page holds: pages end between them, none is lost. */
static void one_large_transaction(void **state)
{
    S(many, 0,
      "with p as (insert into person (username, verifier) select 'p' || i, '$argon2id$x' from "
      "generate_series(1, 700) i returning id) insert into member select '" GROUP "', id from p");
    S(live, 0, "select count(*) as n from wanted where not deleted");
    auto_db struct db *db = fresh_open();
    struct sync_set *set = sync_set_new_replica();
    char cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    int64_t counted = -1;
    int pages = 0;
    bool more = true;

    (void)state;
    fresh_must(db, &many, NULL);
    settled(db);
    while (more && pages++ < 20) {
        json_auto_t *page = NULL;

        sync_set_cursor(set, cursor);
        page = page_of(db, ALL_SCOPES, cursor);
        json_object_set_new(page, "from", json_string(cursor));
        more = json_flag(page, "more", false);
        counted = json_num(page, "count", -1);
        assert_true(more ? counted < 0 : counted >= 0); /* the end of a snapshot, and only that */
        if (sync_set_apply(set, page, NULL, &e) < 0)
            fail_msg("%s", e.detail);
    }
    assert_true(pages >= 3 && pages < 20);
    assert_int_equal(counted, fresh_number(db, &live, NULL));
    assert_int_equal(sync_set_count(set, NULL), fresh_number(db, &live, NULL));
    sync_set_free(set);
    same_as_views(db);
}

static void tombstones_and_floor(void **state)
{
    S(remove, 0, "delete from entitlement");
    S(age, 0, "update wanted set changed_at = now() - interval '8 days' where deleted");
    S(dead, 0, "select count(*) as n from wanted where deleted");
    S(below, 0, "select count(*) as n from wanted, sync_source where rev < floor");
    auto_db struct db *db = fresh_open();
    json_auto_t *before, *told, *old, *again;
    struct err e = { 0 };

    (void)state;
    settled(db);
    before = page_of(db, ALL_SCOPES, "");
    fresh_must(db, &remove, NULL);
    settled(db);
    told = page_of(db, ALL_SCOPES, json_str(before, "cursor"));
    assert_true(count_kind(told, "entitlement") > 0);
    assert_false(json_flag(told, "snapshot", true));
    assert_true(json_num(before, "count", -1) > 0);
    assert_int_equal(json_num(told, "count", -1), -1); /* a change: nobody has counted for it */
    fresh_must(db, &age, NULL);
    assert_int_equal(wanted_purge(db, 7 * 86400, &e), 0);
    assert_int_equal(fresh_number(db, &dead, NULL), 0);
    assert_int_equal(fresh_number(db, &below, NULL), 0);
    old = page_of(db, ALL_SCOPES, json_str(before, "cursor")); /* too old: all over again */
    assert_true(json_flag(old, "snapshot", false));
    again = page_of(db, ALL_SCOPES, json_str(old, "cursor"));
    assert_false(json_flag(again, "snapshot", true));
}

/* A copy of the database is another source, though its cluster and its transactions go on. */
static void a_copy_has_another_history(void **state)
{
    S(others, 0,
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ccc_copy_of' and "
      "pid <> pg_backend_pid()");
    S(name, 0, "select current_database() as name");
    S(drop, 0, "drop database if exists ccc_copy_of");
    char copy[1024], elsewhere[1024], make[256], *mine;
    struct db_stmt create = { "t_create", 0, make };
    struct err e = { 0 };
    bool renewed;
    json_auto_t *before;

    (void)state;
    {
        auto_db struct db *db = fresh_open();
        auto_result PGresult *r = fresh_rows(db, &name, NULL);

        settled(db);
        before = page_of(db, ALL_SCOPES, "");
        mine = strdup(db_text(r, 0, "name"));
    }
    snprintf(elsewhere, sizeof elsewhere, "%s dbname=postgres", getenv("TEST_DB"));
    snprintf(copy, sizeof copy, "%s dbname=ccc_copy_of", getenv("TEST_DB"));
    snprintf(make, sizeof make, "create database ccc_copy_of template \"%s\"", mine);
    free(mine);
    {
        auto_db struct db *postgres = NULL;

        assert_int_equal(db_open(elsewhere, &postgres, &e), 0);
        fresh_must(postgres, &drop, NULL);
        fresh_must(postgres, &create, NULL);
    }
    {
        auto_db struct db *db = NULL;
        json_auto_t *after;

        assert_int_equal(db_open(copy, &db, &e), 0);
        assert_int_equal(wanted_check(db, &renewed, &e), 0);
        assert_true(renewed);
        settled(db);
        after = page_of(db, ALL_SCOPES, json_str(before, "cursor"));
        assert_true(json_flag(after, "snapshot", false));
        assert_string_not_equal(json_str(after, "history"), json_str(before, "history"));
        assert_int_equal(json_array_size(json_object_get(after, "objects")),
                         json_array_size(json_object_get(before, "objects")));
        assert_int_equal(wanted_check(db, &renewed, &e), 0);
        assert_false(renewed);
    }
    auto_db struct db *postgres = NULL;
    assert_int_equal(db_open(elsewhere, &postgres, &e), 0);
    fresh_must(postgres, &others, NULL);
    fresh_must(postgres, &drop, NULL);
}

/* Somebody below has seen more than this database knows: it went back in time. */
static void a_cursor_from_the_future(void **state)
{
    auto_db struct db *db = fresh_open();
    json_auto_t *before = page_of(db, ALL_SCOPES, ""), *after;
    char cursor[SYNC_CURSOR_MAX];

    (void)state;
    snprintf(cursor, sizeof cursor, "%s:%lld", json_str(before, "history"),
             (long long)(INT64_C(1) << 50));
    after = page_of(db, ALL_SCOPES, cursor);
    assert_true(json_flag(after, "snapshot", false));
    assert_string_not_equal(json_str(after, "history"), json_str(before, "history"));
}

/* The same place in SQL and in C, for shares of all sizes. */
static void place_is_the_same(void **state)
{
    S(sql, 5, "select place_among($1::uuid, $2::uuid, $3::uuid[], $4::integer[], $5::uuid[]) as m");
    auto_db struct db *db = fresh_open();

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct id person = id_new(), pool = id_new();
        struct place_share shares[4];
        unsigned char skip[4];
        char modules[256] = "{", sizes[64] = "{", skipped[256] = "{";
        int n = 1 + (int)arc4random_uniform(4), place;

        for (int i = 0; i < n; i++) {
            char *end = modules + strlen(modules);

            shares[i] =
                (struct place_share){ id_new(),
                                      arc4random_uniform(4) ? arc4random_uniform(1001) : 0 };
            skip[i] = arc4random_uniform(4) == 0;
            snprintf(end, sizeof modules - (size_t)(end - modules), "%s%s", i ? "," : "",
                     shares[i].module.s);
            end = sizes + strlen(sizes);
            snprintf(end, sizeof sizes - (size_t)(end - sizes), "%s%d", i ? "," : "",
                     (int)shares[i].size);
            end = skipped + strlen(skipped);
            if (skip[i])
                snprintf(end, sizeof skipped - (size_t)(end - skipped), "%s%s",
                         skipped[1] ? "," : "", shares[i].module.s);
        }
        memcpy(modules + strlen(modules), "}", 2);
        memcpy(sizes + strlen(sizes), "}", 2);
        memcpy(skipped + strlen(skipped), "}", 2);
        place = place_module(&person, &pool, shares, n, skip);
        auto_result PGresult *r =
            fresh_rows(db, &sql, DB_ARGS(person.s, pool.s, modules, sizes, skipped));
        if (place < 0)
            assert_null(db_text(r, 0, "m"));
        else
            assert_string_equal(db_text(r, 0, "m"), shares[place].module.s);
    }
}

struct reading {
    const char *cursor;
    json_t *page;
    bool failed;
};

static void *read_block(void *arg)
{
    struct reading *r = arg;
    auto_db struct db *db = fresh_open();
    struct err e = { 0 };
    bool empty;

    r->failed = wanted_block_page(db, OTHER_BLOCK, r->cursor, &r->page, &empty, &e) < 0;
    return NULL;
}

/* A module comes after its block's modules were read and before the page is: the page waits for the
 * table meanwhile. What the module brought along must be in it or in the next one. */
static void a_module_that_comes_meanwhile(void **state)
{
    S(block, 0, "insert into block (id, name) values ('" OTHER_BLOCK "', 'other')");
    S(node, 0,
      "insert into node (id, kind, name, block_id) values (gen_random_uuid(), 'xcenter', 'x', "
      "'" OTHER_BLOCK "')");
    S(begin, 0, "begin");
    S(lock, 0, "lock table wanted in access exclusive mode");
    S(waits, 0, "select count(*) as n from pg_locks where not granted");
    S(module, 0,
      "insert into module (id, name, block_id, place) values (gen_random_uuid(), 'm3', "
      "'" OTHER_BLOCK "', 0)");
    S(commit, 0, "commit");
    auto_db struct db *db = fresh_open(), *look = fresh_open();
    json_auto_t *start = NULL, *next = NULL;
    struct reading r = { 0 };
    struct err e = { 0 };
    pthread_t thread;
    bool empty;

    (void)state;
    fresh_must(db, &block, NULL);
    fresh_must(db, &node, NULL);
    assert_int_equal(wanted_block_page(db, OTHER_BLOCK, "", &start, &empty, &e), 0);
    assert_int_equal(count_kind(start, "node"), 0);
    fresh_must(db, &begin, NULL);
    fresh_must(db, &lock, NULL);
    r.cursor = json_str(start, "cursor");
    assert_int_equal(pthread_create(&thread, NULL, read_block, &r), 0);
    while (fresh_number(look, &waits, NULL) == 0)
        usleep(10000);
    fresh_must(db, &module, NULL);
    fresh_must(db, &commit, NULL);
    pthread_join(thread, NULL);
    assert_false(r.failed);
    settled(db);
    assert_int_equal(
        wanted_block_page(db, OTHER_BLOCK, json_str(r.page, "cursor"), &next, &empty, &e), 0);
    assert_true(count_kind(r.page, "node") + count_kind(next, "node") > 0);
    json_decref(r.page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(overlapping_writers, setup),
        cmocka_unit_test_setup(scopes_and_verifiers, setup),
        cmocka_unit_test_setup(verifiers_follow_the_seat, setup),
        cmocka_unit_test_setup(seats_are_told_to_the_others, setup),
        cmocka_unit_test_setup(words_that_cross, setup),
        cmocka_unit_test_setup(one_large_transaction, setup),
        cmocka_unit_test_setup(tombstones_and_floor, setup),
        cmocka_unit_test_setup(a_copy_has_another_history, setup),
        cmocka_unit_test_setup(a_cursor_from_the_future, setup),
        cmocka_unit_test_setup(a_module_that_comes_meanwhile, setup),
        cmocka_unit_test(place_is_the_same),
    };

    return cmocka_run_group_tests_name("ccc wanted", tests, NULL, NULL);
}
