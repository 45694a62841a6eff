/* fresh — an empty database with the CCC's schema, and the short words the tests of it use. */
#ifndef TESTS_DB_CCC_FRESH_H
#define TESTS_DB_CCC_FRESH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "common/db/db.h"

#define S(name, n, text) static const struct db_stmt name = { "t_" #name, n, text }

static inline struct db *fresh_open(void)
{
    struct err e = { 0 };
    struct db *db = NULL;

    if (!getenv("TEST_DB"))
        fail_msg("TEST_DB is not set");
    assert_int_equal(db_open(getenv("TEST_DB"), &db, &e), 0);
    return db;
}

static inline void fresh_must(struct db *db, const struct db_stmt *st, const char *const args[])
{
    struct err e = { 0 };

    if (db_run(db, st, args, NULL, &e) < 0)
        fail_msg("%s: %s (%s)", st->name, e.detail, e.cause);
}

static inline PGresult *fresh_rows(struct db *db, const struct db_stmt *st,
                                   const char *const args[])
{
    struct err e = { 0 };
    PGresult *r = NULL;

    if (db_run(db, st, args, &r, &e) < 0)
        fail_msg("%s: %s (%s)", st->name, e.detail, e.cause);
    return r;
}

static inline int64_t fresh_number(struct db *db, const struct db_stmt *st,
                                   const char *const args[])
{
    auto_result PGresult *r = fresh_rows(db, st, args);

    return db_int(r, 0, "n", -1);
}

/* Drops what is there and migrates. Run from the top of the tree, as all tests are. */
static inline int fresh_schema(void **state)
{
    static const struct db_stmt drop = { "t_drop", 0, "drop schema public cascade" };
    static const struct db_stmt make = { "t_make", 0, "create schema public" };
    auto_db struct db *db = fresh_open();
    struct err e = { 0 };

    (void)state;
    fresh_must(db, &drop, NULL);
    fresh_must(db, &make, NULL);
    if (db_migrate(db, "sql/ccc/migrations", &e) < 0)
        fail_msg("migrations: %s (%s)", e.detail, e.cause);
    return 0;
}

/* A block with two modules and a pool over both; ids that tests can read. */
#define BLOCK "00000000-0000-4000-8000-00000000000b"
#define MODULE_1 "00000000-0000-4000-8000-0000000000a1"
#define MODULE_2 "00000000-0000-4000-8000-0000000000a2"
#define IMAGE "00000000-0000-4000-8000-0000000000c1"
#define VERSION "00000000-0000-4000-8000-0000000000c2"
#define SPEC "00000000-0000-4000-8000-0000000000d1"
#define POOL "00000000-0000-4000-8000-0000000000e1"
#define GROUP "00000000-0000-4000-8000-0000000000f1"
#define PERSON "00000000-0000-4000-8000-000000000001"

static inline void fresh_world(struct db *db)
{
    static const struct db_stmt steps[] = {
        { "w1", 0, "insert into block (id, name) values ('" BLOCK "', 'b')" },
        { "w2", 0,
          "insert into module (id, name, block_id, place) values ('" MODULE_1 "', 'm1', '" BLOCK
          "', 0), ('" MODULE_2 "', 'm2', '" BLOCK "', 1)" },
        { "w3", 0, "insert into image (id, name) values ('" IMAGE "', 'debian')" },
        { "w4", 0,
          "insert into image_version (id, image_id, number, sha256, size, virtual_size) values "
          "('" VERSION "', '" IMAGE "', 1, repeat('a', 64), 5, 5)" },
        { "w5", 0,
          "insert into spec (id, name, vcpus, memory_mib) values ('" SPEC "', 'small', 1, 512)" },
        { "w6", 0,
          "insert into pool (id, name, kind, image_id, image_version_id, spec_id) values ('" POOL
          "', 'office', 'floating', '" IMAGE "', '" VERSION "', '" SPEC "')" },
        { "w7", 0,
          "insert into pool_share values ('" POOL "', '" MODULE_1 "', 500), ('" POOL "', '" MODULE_2
          "', 400)" },
        { "w8", 0,
          "insert into person (id, username, verifier) values ('" PERSON
          "', 'alice', '$argon2id$x')" },
        { "w9", 0, "insert into person_group (id, name) values ('" GROUP "', 'staff')" },
        { "w10", 0,
          "insert into entitlement (pool_id, group_id) values ('" POOL "', '" GROUP "')" },
        { "w11", 0, "insert into member values ('" GROUP "', '" PERSON "')" },
    };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        fresh_must(db, &steps[i], NULL);
}

#endif
