/* Passwords: right and wrong, the bound on what runs at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "common/base/password.h"

static int open_one(void **state)
{
    struct passwords *p;
    struct err e = { 0 };

    if (sodium_init() < 0 || password_open(1, 4, &p, &e) < 0)
        return -1;
    *state = p;
    return 0;
}

static int close_one(void **state)
{
    password_close(*state);
    return 0;
}

static void right_and_wrong(void **state)
{
    char verifier[PASSWORD_VERIFIER];
    struct err e = { 0 };
    bool right;

    assert_int_equal(password_hash(*state, "correct horse", verifier, &e), 0);
    assert_int_equal(password_verify(*state, verifier, "correct horse", &right, &e), 0);
    assert_true(right);
    assert_int_equal(password_verify(*state, verifier, "correct hors", &right, &e), 0);
    assert_false(right);
    assert_int_equal(password_verify(*state, NULL, "correct horse", &right, &e), 0);
    assert_false(right);
    assert_false(password_stale(verifier));
}

/* Made with less memory, as an earlier version might have: to be made anew at the next sign-in. */
static void stale(void **state)
{
    char verifier[crypto_pwhash_STRBYTES];

    (void)state;
    assert_int_equal(crypto_pwhash_str(verifier, "x", 1, 1, 8 << 20), 0);
    assert_true(password_stale(verifier));
}

struct crowd {
    struct passwords *p;
    atomic_int done, overloaded;
};

static void *come_in(void *arg)
{
    struct crowd *c = arg;
    struct err e = { 0 };
    bool right;

    if (password_verify(c->p, NULL, "some password", &right, &e) == 0)
        c->done++;
    else if (e.code == ERR_OVERLOADED)
        c->overloaded++;
    return NULL;
}

/* One slot and four places to wait: the rest is told to come again, nobody waits without end. */
static void a_crowd(void **state)
{
    struct crowd c = { .p = *state };
    pthread_t t[32];

    for (int i = 0; i < 32; i++)
        assert_int_equal(pthread_create(&t[i], NULL, come_in, &c), 0);
    for (int i = 0; i < 32; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(c.done + c.overloaded, 32);
    assert_true(c.done >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(right_and_wrong, open_one, close_one),
        cmocka_unit_test_setup_teardown(stale, open_one, close_one),
        cmocka_unit_test_setup_teardown(a_crowd, open_one, close_one),
    };

    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
