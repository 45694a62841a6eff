/* What may be asked of a desktop: by whom, in which state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ccc/desktop_actions.h"

static const char *const states[] = { "preparing",  "starting", "stopping",    "rebooting",
                                      "rebuilding", "deleting", "running",     "ready",
                                      "in_use",     "paused",   "off",         "crashed",
                                      "unknown",    "failed",   "a-newer-word" };
static const struct desktop_asker admin = { .admin = true }, owner = { .owner = true },
                                  stranger = { 0 };

static void strangers_may_nothing(void **state)
{
    (void)state;
    for (int a = 0; a < ACTION_COUNT; a++)
        for (size_t s = 0; s < sizeof states / sizeof *states; s++)
            assert_false(desktop_action_allowed((enum desktop_action)a, &stranger,
                                                &(struct desktop_facts){ states[s], true }));
}

static void owners_never_destroy(void **state)
{
    static const enum desktop_action closed[] = { ACTION_REBUILD, ACTION_DELETE, ACTION_UNASSIGN };

    (void)state;
    for (size_t a = 0; a < sizeof closed / sizeof *closed; a++) {
        assert_false(desktop_action_permitted(closed[a], &owner));
        assert_true(desktop_action_permitted(closed[a], &admin));
    }
}

/* What is already so is never offered as something to do. */
static void done_is_not_allowed(void **state)
{
    (void)state;
    for (int a = 0; a < ACTION_COUNT; a++) {
        for (size_t s = 0; s < sizeof states / sizeof *states; s++) {
            struct desktop_facts d = { states[s], true };

            if (desktop_action_done((enum desktop_action)a, &d))
                assert_false(desktop_action_allowed((enum desktop_action)a, &admin, &d));
        }
    }
}

static void by_state(void **state)
{
    struct desktop_facts off = { "off", true }, ready = { "ready", true },
                         unknown = { "unknown", true };
    struct desktop_facts spare = { "ready", false };

    (void)state;
    assert_true(desktop_action_allowed(ACTION_START, &owner, &off));
    assert_true(desktop_action_done(ACTION_STOP, &off));
    assert_false(desktop_action_allowed(ACTION_REBOOT, &owner, &off));
    assert_true(desktop_action_allowed(ACTION_REBOOT, &owner, &ready));
    assert_true(desktop_action_done(ACTION_START, &ready));
    assert_false(desktop_action_allowed(ACTION_START, &owner, &unknown));
    assert_false(desktop_action_allowed(ACTION_RESET, &admin, &unknown));
    assert_true(desktop_action_allowed(ACTION_DELETE, &admin, &unknown));
    assert_true(desktop_action_done(ACTION_UNASSIGN, &spare));
    assert_true(desktop_action_allowed(ACTION_UNASSIGN, &admin, &ready));
}

static void words(void **state)
{
    enum desktop_action a;

    (void)state;
    for (int i = 0; i < ACTION_COUNT; i++) {
        assert_true(desktop_action_from(desktop_action_word((enum desktop_action)i), &a));
        assert_int_equal(a, i);
    }
    assert_false(desktop_action_from("explode", &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_may_nothing),
        cmocka_unit_test(owners_never_destroy),
        cmocka_unit_test(done_is_not_allowed),
        cmocka_unit_test(by_state),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests_name("desktop actions", tests, NULL, NULL);
}
