/* The throttle of failed sign-ins: by name, by address, leaking with time. */
#include <setjmp.h>
#include <stdarg.h>
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

static void failures_are_throttled(void **state)
{
    struct throttle *t = *state;
    int64_t now = 1000000;
    struct err e = { 0 };
    int wait = 0;

    for (int i = 0; i < 10; i++) {
        assert_int_equal(throttle_allowed(t, "alice", "10.0.0.1", now, &wait, &e), 0);
        throttle_failed(t, "alice", "10.0.0.1", now);
    }
    assert_int_equal(throttle_allowed(t, "alice", "10.0.0.2", now, &wait, &e), -1);
    assert_int_equal(e.code, ERR_TOO_MANY_REQUESTS);
    assert_true(wait > 0 && wait <= 31);
    assert_int_equal(throttle_allowed(t, "bob", "10.0.0.1", now, &wait, &(struct err){ 0 }), 0);
    now += 31000; /* one has leaked out */
    assert_int_equal(throttle_allowed(t, "alice", "10.0.0.1", now, &wait, &(struct err){ 0 }), 0);
    throttle_failed(t, "alice", "10.0.0.1", now);
    assert_int_equal(throttle_allowed(t, "alice", "10.0.0.1", now, &wait, &(struct err){ 0 }), -1);
    throttle_succeeded(t, "alice");
    assert_int_equal(throttle_allowed(t, "alice", "10.0.0.1", now, &wait, &(struct err){ 0 }), 0);
}

static void an_address_that_tries_names(void **state)
{
    struct throttle *t = *state;
    int64_t now = 5000000;
    int wait = 0, refused = 0;

    for (int i = 0; i < 120; i++) {
        char name[16];

        snprintf(name, sizeof name, "user%d", i);
        if (throttle_allowed(t, name, "10.9.9.9", now, &wait, &(struct err){ 0 }) < 0)
            refused++;
        else
            throttle_failed(t, name, "10.9.9.9", now);
    }
    assert_int_equal(refused, 20);
}

/* A bucket that is looked at every few milliseconds leaks all the same. */
static void asking_often_does_not_stop_the_leak(void **state)
{
    struct throttle *t = *state;
    int64_t now = 9000000;
    int wait = 0;

    for (int i = 0; i < 10; i++)
        throttle_failed(t, "alice", "10.0.0.1", now);
    for (int i = 0; i < 3100; i++, now += 10)
        (void)!throttle_allowed(t, "alice", "10.0.0.2", now, &wait, &(struct err){ 0 });
    assert_int_equal(throttle_allowed(t, "alice", "10.0.0.2", now, &wait, &(struct err){ 0 }), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(failures_are_throttled, open_one, close_one),
        cmocka_unit_test_setup_teardown(an_address_that_tries_names, open_one, close_one),
        cmocka_unit_test_setup_teardown(asking_often_does_not_stop_the_leak, open_one, close_one),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
