/* Log-in sessions of a module: who is barred loses hers for good, and there are never too many. */
#include "fixture.h"

#include "common/base/password.h"

#define PASSWORD "a word for tests"

static char verifier[PASSWORD_VERIFIER];

static int setup(void **state)
{
    struct passwords *p = NULL;
    struct err e = { 0 };

    (void)state;
    fresh_schema();
    if (verifier[0])
        return 0;
    if (password_open(1, 1, &p, &e) < 0 || password_hash(p, PASSWORD, verifier, &e) < 0)
        return -1;
    password_close(p);
    return 0;
}

static void want_person(struct bcenter *bc, int n, bool disabled)
{
    wanted(bc, "person", person_no(n),
           "{\"username\":\"p%d\",\"role\":\"user\",\"disabled\":%s,\"groups\":[],"
           "\"verifier\":\"%s\"}",
           n, disabled ? "true" : "false", verifier);
}

/* NONE: signed in, hash gets what the session is known by. */
static enum err_code sign_in(struct bcenter *bc, int n, char hash[TOKEN_HASH], struct err *e)
{
    char name[16];
    struct login_ask ask = { name, PASSWORD, "127.0.0.1" };
    struct login_grant g;
    int wait_s = 0;

    snprintf(name, sizeof name, "p%d", n);
    *e = (struct err){ 0 };
    if (login_make(bc, bc->reconcile_db, &ask, &g, &wait_s, e) < 0) {
        if (e->code == ERR_TOO_MANY_REQUESTS)
            assert_true(wait_s > 0);
        return e->code;
    }
    token_hash(g.token, hash);
    assert_true(login_expires(bc, hash) > 0);
    return ERR_NONE;
}

static int64_t stored(void)
{
    return sql_number("select count(*) from login_session");
}

static void again(struct bcenter *bc)
{
    struct err e = { 0 };

    login_close(bc);
    if (login_open(bc, bc->reconcile_db, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
}

static void barred_is_for_good(void **state)
{
    struct bcenter *bc = fixture_start();
    char hers[TOKEN_HASH], his[TOKEN_HASH];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    want_person(bc, 2, false);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_NONE);
    assert_int_equal(sign_in(bc, 2, his, &e), ERR_NONE);
    again(bc);
    assert_true(login_expires(bc, hers) > 0); /* a restart ends nothing */
    want_person(bc, 1, true);
    assert_int_equal(login_expires(bc, hers), 0);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_BAD_CREDENTIALS);
    reconcile_tick(bc);
    assert_int_equal(stored(), 1);
    want_person(bc, 1, false); /* enabled again: she signs in again */
    again(bc);
    assert_int_equal(login_expires(bc, hers), 0);
    assert_true(login_expires(bc, his) > 0);
    unwanted(bc, "person", person_no(2));
    reconcile_tick(bc);
    assert_int_equal(stored(), 0);
    fixture_stop(bc);
}

/* Ended by a crash between hearing of it and telling the database. */
static void barred_before_a_crash(void **state)
{
    struct bcenter *bc = fixture_start();
    char hers[TOKEN_HASH];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_NONE);
    want_person(bc, 1, true);
    assert_int_equal(stored(), 1);
    again(bc);
    assert_int_equal(stored(), 0);
    want_person(bc, 1, false);
    assert_int_equal(login_expires(bc, hers), 0);
    fixture_stop(bc);
}

/* Administrators sign in at the CCC. A session here would carry the new role. */
static void who_becomes_an_administrator_is_out(void **state)
{
    struct bcenter *bc = fixture_start();
    char hers[TOKEN_HASH];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_NONE);
    wanted(bc, "person", person_no(1),
           "{\"username\":\"p1\",\"role\":\"admin\",\"disabled\":false,\"groups\":[],"
           "\"verifier\":\"%s\"}",
           verifier);
    assert_int_equal(login_expires(bc, hers), 0);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_BAD_CREDENTIALS);
    fixture_stop(bc);
}

/* As at the CCC: whoever signed in with the old one is out. */
static void new_password_ends_them(void **state)
{
    struct bcenter *bc = fixture_start();
    char hers[TOKEN_HASH], kept[PASSWORD_VERIFIER];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_NONE);
    want_person(bc, 1, false); /* the same again, as a new group would send it */
    wanted(bc, "person", person_no(1),
           "{\"username\":\"p1\",\"role\":\"user\",\"disabled\":false,\"groups\":[],"
           "\"verifier\":null}"); /* her place is elsewhere now */
    want_person(bc, 1, false);
    assert_true(login_expires(bc, hers) > 0);
    memcpy(kept, verifier, sizeof kept);
    snprintf(verifier, sizeof verifier, "another one");
    want_person(bc, 1, false);
    memcpy(verifier, kept, sizeof kept);
    assert_int_equal(login_expires(bc, hers), 0);
    reconcile_tick(bc);
    assert_int_equal(stored(), 0);
    fixture_stop(bc);
}

static void leaving_ends_it_at_once(void **state)
{
    struct bcenter *bc = fixture_start();
    char hers[TOKEN_HASH];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_NONE);
    assert_int_equal(login_end(bc, bc->reconcile_db, hers, &e), 0);
    assert_int_equal(login_expires(bc, hers), 0);
    assert_int_equal(stored(), 0);
    fixture_stop(bc);
}

static void one_person_has_so_many(void **state)
{
    struct bcenter *bc = fixture_start();
    char hers[LOGINS_A_PERSON + 1][TOKEN_HASH], his[TOKEN_HASH];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    want_person(bc, 2, false);
    assert_int_equal(sign_in(bc, 2, his, &e), ERR_NONE);
    for (int i = 0; i <= LOGINS_A_PERSON; i++)
        assert_int_equal(sign_in(bc, 1, hers[i], &e), ERR_NONE);
    assert_int_equal(login_expires(bc, hers[0]), 0); /* not used for longest */
    for (int i = 1; i <= LOGINS_A_PERSON; i++)
        assert_true(login_expires(bc, hers[i]) > 0);
    assert_true(login_expires(bc, his) > 0);
    reconcile_tick(bc);
    assert_int_equal(stored(), LOGINS_A_PERSON + 1);
    again(bc);
    assert_int_equal(login_expires(bc, hers[0]), 0);
    fixture_stop(bc);
}

static void all_have_so_many(void **state)
{
    struct bcenter *bc = fixture_start();
    char text[400], hers[TOKEN_HASH];
    struct err e;

    (void)state;
    want_person(bc, 1, false);
    snprintf(text, sizeof text,
             "insert into login_session (token_hash, person_id, expires_at) "
             "select sha256(n::text::bytea), gen_random_uuid(), now() + interval '1 hour' "
             "from generate_series(1, %d) n",
             LOGINS);
    sql(text);
    again(bc);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_TOO_MANY_REQUESTS);
    assert_int_equal(e.numbers, 2);
    assert_string_equal(e.number[0].name, "sessions");
    assert_int_equal(e.number[0].value, LOGINS);
    assert_string_equal(e.number[1].name, "limit");
    assert_int_equal(e.number[1].value, LOGINS);
    assert_int_equal(stored(), LOGINS);
    /* Those that nobody used any more make room. */
    sql("update login_session set used_at = now() - interval '2 hours' "
        "where token_hash = sha256('7'::bytea)");
    again(bc);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_NONE);
    assert_int_equal(sign_in(bc, 1, hers, &e), ERR_TOO_MANY_REQUESTS);
    fixture_stop(bc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(barred_is_for_good, setup),
        cmocka_unit_test_setup(barred_before_a_crash, setup),
        cmocka_unit_test_setup(who_becomes_an_administrator_is_out, setup),
        cmocka_unit_test_setup(new_password_ends_them, setup),
        cmocka_unit_test_setup(leaving_ends_it_at_once, setup),
        cmocka_unit_test_setup(one_person_has_so_many, setup),
        cmocka_unit_test_setup(all_have_so_many, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
