/* Passwords: right and wrong, the throttle of failures, the bound on what runs at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "ccc/login.h"
#include "common/base/clock.h"

static int open_one(void **state)
{
    struct login *l;
    struct err e = { 0 };

    if (sodium_init() < 0 || login_open(1, &l, &e) < 0)
        return -1;
    *state = l;
    return 0;
}

static int close_one(void **state)
{
    login_close(*state);
    return 0;
}

static void right_and_wrong(void **state)
{
    char verifier[LOGIN_VERIFIER];
    struct err e = { 0 };
    bool right;

    assert_int_equal(login_hash(*state, "correct horse", verifier, &e), 0);
    assert_int_equal(login_verify(*state, verifier, "correct horse", &right, &e), 0);
    assert_true(right);
    assert_int_equal(login_verify(*state, verifier, "correct hors", &right, &e), 0);
    assert_false(right);
    assert_int_equal(login_verify(*state, NULL, "correct horse", &right, &e), 0);
    assert_false(right);
    assert_false(login_stale(verifier));
}

/* Made with less memory, as an earlier version might have: to be made anew at the next sign-in. */
static void stale(void **state)
{
    char verifier[crypto_pwhash_STRBYTES];

    (void)state;
    assert_int_equal(crypto_pwhash_str(verifier, "x", 1, 1, 8 << 20), 0);
    assert_true(login_stale(verifier));
}

static void failures_are_throttled(void **state)
{
    struct login *l = *state;
    int64_t now = 1000000;
    struct err e = { 0 };
    int wait = 0;

    for (int i = 0; i < 10; i++) {
        assert_int_equal(login_allowed(l, "alice", "10.0.0.1", now, &wait, &e), 0);
        login_failed(l, "alice", "10.0.0.1", now);
    }
    assert_int_equal(login_allowed(l, "alice", "10.0.0.2", now, &wait, &e), -1);
    assert_int_equal(e.code, ERR_TOO_MANY_REQUESTS);
    assert_true(wait > 0 && wait <= 31);
    assert_int_equal(login_allowed(l, "bob", "10.0.0.1", now, &wait, &(struct err){ 0 }), 0);
    now += 31000; /* one has leaked out */
    assert_int_equal(login_allowed(l, "alice", "10.0.0.1", now, &wait, &(struct err){ 0 }), 0);
    login_failed(l, "alice", "10.0.0.1", now);
    assert_int_equal(login_allowed(l, "alice", "10.0.0.1", now, &wait, &(struct err){ 0 }), -1);
    login_succeeded(l, "alice");
    assert_int_equal(login_allowed(l, "alice", "10.0.0.1", now, &wait, &(struct err){ 0 }), 0);
}

static void an_address_that_tries_names(void **state)
{
    struct login *l = *state;
    int64_t now = 5000000;
    int wait = 0, refused = 0;

    for (int i = 0; i < 120; i++) {
        char name[16];

        snprintf(name, sizeof name, "user%d", i);
        if (login_allowed(l, name, "10.9.9.9", now, &wait, &(struct err){ 0 }) < 0)
            refused++;
        else
            login_failed(l, name, "10.9.9.9", now);
    }
    assert_int_equal(refused, 20);
}

struct crowd {
    struct login *l;
    atomic_int done, overloaded;
};

static void *come_in(void *arg)
{
    struct crowd *c = arg;
    struct err e = { 0 };
    bool right;

    if (login_verify(c->l, NULL, "some password", &right, &e) == 0)
        c->done++;
    else if (e.code == ERR_OVERLOADED)
        c->overloaded++;
    return NULL;
}

/* One slot and four places to wait: the rest is told to come again, nobody waits without end. */
static void a_crowd(void **state)
{
    struct crowd c = { .l = *state };
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
        cmocka_unit_test_setup_teardown(failures_are_throttled, open_one, close_one),
        cmocka_unit_test_setup_teardown(an_address_that_tries_names, open_one, close_one),
        cmocka_unit_test_setup_teardown(a_crowd, open_one, close_one),
    };

    return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
