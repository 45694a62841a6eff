/* The throttle of failed sign-ins: by name, by address, leaking with time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "common/base/throttle.h"

static int open_one(void **state)
{
    *state = sodium_init() < 0 ? NULL : throttle_new();
    return *state ? 0 : -1;
}

static int close_one(void **state)
{
    throttle_free(*state);
    return 0;
}

static bool allowed(struct throttle *t, const char *name, const char *address, int64_t now)
{
    struct err e = { 0 };
    int wait = 0;

    if (throttle_take(t, name, address, now, &wait, &e) == 0)
        return true;
    assert_int_equal(e.code, ERR_TOO_MANY_REQUESTS);
    assert_true(wait > 0 && wait <= 301);
    return false;
}

static int times_allowed(struct throttle *t, const char *name, const char *address, int64_t now)
{
    int n = 0;

    while (n < 1000 && allowed(t, name, address, now))
        n++;
    return n;
}

/* Charged when asked: as many guesses at the same time are not more than one after the other. */
static void failures_are_throttled(void **state)
{
    struct throttle *t = *state;
    int64_t now = 1000000;

    assert_int_equal(times_allowed(t, "alice", "10.0.0.1", now), 10);
    assert_true(allowed(t, "bob", "10.0.0.1", now));
    now += 31000; /* one has leaked out */
    assert_int_equal(times_allowed(t, "alice", "10.0.0.1", now), 1);
    throttle_return(t, "alice", "10.0.0.1", true);
    assert_int_equal(times_allowed(t, "alice", "10.0.0.1", now), 10);
    throttle_return(t, "alice", "10.0.0.1", false); /* not looked at: one, and no more */
    assert_int_equal(times_allowed(t, "alice", "10.0.0.1", now), 1);
}

static void an_address_that_tries_names(void **state)
{
    struct throttle *t = *state;
    int refused = 0;

    for (int i = 0; i < 120; i++) {
        char name[16];

        snprintf(name, sizeof name, "user%d", i);
        refused += !allowed(t, name, "10.9.9.9", 5000000);
    }
    assert_int_equal(refused, 20);
}

/* Whoever knows the administrator's name does not keep her out. */
static void others_do_not_lock_her_out(void **state)
{
    struct throttle *t = *state;
    int64_t now = 7000000;
    int got = 0;

    assert_int_equal(times_allowed(t, "admin", "10.0.0.9", now), 10);
    for (int i = 0; i < 100; i++) {
        char address[16];

        snprintf(address, sizeof address, "10.1.0.%d", i);
        got += times_allowed(t, "admin", address, now);
    }
    assert_in_range(got, 150, 300); /* 9 addresses with 10, then one each */
    for (int i = 0; i < 20; i++) {
        assert_true(allowed(t, "admin", "10.0.0.1", now));
        throttle_return(t, "admin", "10.0.0.1", true);
    }
    assert_int_equal(times_allowed(t, "admin", "10.0.0.1", now), 1); /* she may err once */
    now += 31000;
    assert_true(allowed(t, "admin", "10.0.0.1", now));
}

/* One who has a whole /64 is one. */
static void half_an_address_of_version_6(void **state)
{
    struct throttle *t = *state;
    int64_t now = 8000000;

    assert_int_equal(times_allowed(t, "alice", "2001:db8::1", now), 10);
    assert_false(allowed(t, "alice", "2001:db8::2:0:0:7", now));
    assert_true(allowed(t, "alice", "2001:db8:0:1::1", now));
    assert_int_equal(times_allowed(t, "alice", "::ffff:10.0.0.1", now), 10);
    assert_true(allowed(t, "alice", "::ffff:10.0.0.2", now));
}

/* A bucket that is looked at every few milliseconds leaks all the same. */
static void asking_often_does_not_stop_the_leak(void **state)
{
    struct throttle *t = *state;
    int64_t now = 9000000;
    int more = 0;

    assert_int_equal(times_allowed(t, "alice", "10.0.0.1", now), 10);
    for (int i = 0; i < 3100; i++, now += 10)
        more += allowed(t, "alice", "10.0.0.1", now);
    assert_int_equal(more, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failures_are_throttled, open_one, close_one),
        cmocka_unit_test_setup_teardown(an_address_that_tries_names, open_one, close_one),
        cmocka_unit_test_setup_teardown(others_do_not_lock_her_out, open_one, close_one),
        cmocka_unit_test_setup_teardown(half_an_address_of_version_6, open_one, close_one),
        cmocka_unit_test_setup_teardown(asking_often_does_not_stop_the_leak, open_one, close_one),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
