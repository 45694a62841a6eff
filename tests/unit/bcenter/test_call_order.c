/* Of a call that was repeated on another way, what comes late is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bcenter/call_order.h"

static struct call_orders orders = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum err_code come(const struct id *key, int64_t attempt)
{
    struct err e = { 0 };

    return call_order_take(&orders, key, attempt, &e) == 0 ? ERR_NONE : e.code;
}

static void the_latest_attempt_counts(void **state)
{
    struct id call = id_new(), other = id_new();

    (void)state;
    assert_int_equal(come(&call, 0), ERR_NONE);
    assert_int_equal(come(&call, 1), ERR_NONE);
    assert_int_equal(come(&call, 0), ERR_SUPERSEDED);
    assert_int_equal(come(&call, 2), ERR_NONE);
    assert_int_equal(come(&call, 1), ERR_SUPERSEDED);
    assert_int_equal(come(&other, 0), ERR_NONE);
    assert_int_equal(come(&other, 0), ERR_NONE);
}

static void callers_of_a_version_before_are_taken(void **state)
{
    (void)state;
    assert_int_equal(come(&(struct id){ "" }, 0), ERR_NONE);
    assert_int_equal(come(&(struct id){ "" }, 3), ERR_NONE);
    assert_int_equal(come(&(struct id){ "" }, 0), ERR_NONE);
}

static void memory_has_a_bound(void **state)
{
    struct id first = id_new(), last;

    (void)state;
    assert_int_equal(come(&first, 1), ERR_NONE);
    for (int i = 0; i < CALL_ORDERS; i++) {
        last = id_new();
        assert_int_equal(come(&last, 1), ERR_NONE);
    }
    assert_int_equal(come(&last, 0), ERR_SUPERSEDED);
    assert_int_equal(come(&first, 0), ERR_NONE); /* forgotten, as the oldest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_latest_attempt_counts),
        cmocka_unit_test(callers_of_a_version_before_are_taken),
        cmocka_unit_test(memory_has_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
