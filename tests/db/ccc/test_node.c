/* Who may join: tokens that are not burnt by a mistake, and the laws of how many. */
#include "tests/db/ccc/fresh.h"

#include <sodium.h>

#include "ccc/node.h"

#define NODE "00000000-0000-4000-8000-0000000000%02d"
#define SECRET "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY "2222222222222222222222222222222222222222222222222222222222222222"
#define OTHER_KEY "3333333333333333333333333333333333333333333333333333333333333333"

S(token, 5,
  "insert into node_token (id, secret_sha256, kind, name, block_id, module_id, node_id, "
  "expires_at) "
  "values ($1, $2, $3, 'n' || $1, '" BLOCK "', $4::uuid, $5::uuid, now() + interval '1 h')");
S(taken, 1, "select count(taken_key) as n from node_token where id = $1");
S(nodes, 0, "select count(*) as n from node where kind = 'bserver' and not revoked");

/* A token with this number for a node of this kind. */
static const char *given(struct db *db, int no, const char *kind)
{
    static char id[33];
    unsigned char sum[crypto_hash_sha256_BYTES];
    char hash[2 * sizeof sum + 1], node[ID_LEN + 12];

    crypto_hash_sha256(sum, (const unsigned char *)SECRET, strlen(SECRET));
    sodium_bin2hex(hash, sizeof hash, sum, sizeof sum);
    snprintf(id, sizeof id, "%032d", no);
    snprintf(node, sizeof node, NODE, no);
    fresh_must(db, &token, DB_ARGS(id, hash, kind, MODULE_1, node));
    return id;
}

static enum err_code take(struct db *db, const char *id, const char *key, const char *kind)
{
    struct node_ask ask = { id, SECRET, key, kind };
    struct node_grant out;
    struct err e = { 0 };

    return node_token_take(db, &ask, &out, &e) == 0 ? ERR_NONE : e.code;
}

static int setup(void **state)
{
    auto_db struct db *db = NULL;

    if (fresh_schema(state) < 0)
        return -1;
    db = fresh_open();
    fresh_world(db);
    return 0;
}

static void the_wrong_kind_does_not_burn_it(void **state)
{
    auto_db struct db *db = fresh_open();
    const char *id = given(db, 1, "bserver");

    (void)state;
    assert_int_equal(take(db, id, OTHER_KEY, "bcenter"), ERR_JOIN_REFUSED);
    assert_int_equal(fresh_number(db, &taken, DB_ARGS(id)), 0);
    assert_int_equal(take(db, id, KEY, "bserver"), ERR_NONE);
    assert_int_equal(take(db, id, KEY, "bserver"), ERR_NONE); /* it died before it had the answer */
    assert_int_equal(take(db, id, OTHER_KEY, "bserver"), ERR_JOIN_REFUSED);
    assert_int_equal(fresh_number(db, &nodes, NULL), 1);
}

static void ten_bservers_a_module(void **state)
{
    S(revoke, 0, "update node set revoked = true, place = null where name like '%4'");
    auto_db struct db *db = fresh_open();
    const char *id;

    (void)state;
    for (int i = 1; i <= 10; i++)
        assert_int_equal(take(db, given(db, i, "bserver"), KEY, "bserver"), ERR_NONE);
    id = given(db, 11, "bserver");
    assert_int_equal(take(db, id, KEY, "bserver"), ERR_LAW_MODULE);
    assert_int_equal(fresh_number(db, &taken, DB_ARGS(id)), 0);
    fresh_must(db, &revoke, NULL);
    assert_int_equal(take(db, id, KEY, "bserver"), ERR_NONE);
    assert_int_equal(fresh_number(db, &nodes, NULL), 10);
}

/* Whoever writes. */
static void places_are_the_last_word(void **state)
{
    S(third, 0,
      "insert into module (id, name, block_id, place) values (gen_random_uuid(), 'm3', '" BLOCK
      "', 2)");
    S(same, 0,
      "insert into module (id, name, block_id, place) values (gen_random_uuid(), 'm3', '" BLOCK
      "', 1)");
    S(nowhere, 0,
      "insert into node (id, kind, name, block_id, module_id) values (gen_random_uuid(), "
      "'bserver', 'x', "
      "'" BLOCK "', '" MODULE_1 "')");
    static const struct {
        const struct db_stmt *st;
        const char *constraint;
    } tries[] = { { &third, "law_block" }, { &same, "module_place" }, { &nowhere, "law_module" } };
    auto_db struct db *db = fresh_open();

    (void)state;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct err e = { 0 };

        assert_int_equal(db_run(db, tries[i].st, NULL, NULL, &e), -1);
        assert_string_equal(db_constraint(db), tries[i].constraint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_wrong_kind_does_not_burn_it, setup),
        cmocka_unit_test_setup(ten_bservers_a_module, setup),
        cmocka_unit_test_setup(places_are_the_last_word, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
