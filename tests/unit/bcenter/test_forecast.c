/* "Needs 40, 26 free": for each law alone, and when only all of them together are short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bcenter/forecast.h"

static struct candidate host(int slots, int64_t memory, int vfs)
{
    return (struct candidate){ .up = true,
                               .format = true,
                               .user_net = true,
                               .lanes = 2,
                               .free_slots = { slots / 2, slots - slots / 2 },
                               .memory_free_mib = memory,
                               .store_free_gib = -1,
                               .free_vfs = vfs };
}

static struct forecast_ask ask(int64_t share, int64_t have)
{
    return (struct forecast_ask){ .each = { .memory_mib = 1000, .store_gib = 10, .needs_vf = true },
                                  .share = share,
                                  .have = have,
                                  .room = 1000 };
}

static void needs_forty_has_twenty_six(void **state)
{
    const struct candidate c[] = { host(100, 1000000, 20), host(100, 1000000, 6) };
    struct forecast_law out[FORECAST_LAWS];
    struct forecast_ask a = ask(40, 0);

    (void)state;
    assert_int_equal(forecast_make(c, 2, &a, out), 1);
    assert_int_equal(out[0].law, ERR_LAW_VF);
    assert_int_equal(out[0].needs, 40);
    assert_int_equal(out[0].free, 26);
    /* The same when ten of them have been made. */
    const struct candidate later[] = { host(90, 990000, 10), host(100, 1000000, 6) };

    a = ask(40, 10);
    assert_int_equal(forecast_make(later, 2, &a, out), 1);
    assert_int_equal(out[0].needs, 40);
    assert_int_equal(out[0].free, 26);
    a.each.needs_vf = false;
    assert_int_equal(forecast_make(later, 2, &a, out), 0);
}

static void each_law_speaks_for_itself(void **state)
{
    struct candidate c = host(10, 5500, 3);
    struct forecast_law out[FORECAST_LAWS];
    struct forecast_ask a = ask(20, 0);

    (void)state;
    c.store_free_gib = 75;
    a.room = 15;
    assert_int_equal(forecast_make(&c, 1, &a, out), 5);
    assert_int_equal(out[0].law, ERR_LAW_MODULE);
    assert_int_equal(out[0].free, 15);
    assert_int_equal(out[1].law, ERR_LAW_SLOTS);
    assert_int_equal(out[1].free, 10);
    assert_int_equal(out[2].law, ERR_LAW_MEMORY);
    assert_int_equal(out[2].free, 5);
    assert_int_equal(out[3].law, ERR_LAW_STORAGE);
    assert_int_equal(out[3].free, 7);
    assert_int_equal(out[4].law, ERR_LAW_VF);
    assert_int_equal(out[4].free, 3);
    c.up = false;
    assert_int_equal(forecast_make(&c, 1, &a, out), 1);
    assert_int_equal(out[0].law, ERR_LAW_CAPABILITY);
    assert_int_equal(out[0].free, 0);
}

/* Slots on one host, functions on the other: neither is short, both together are. */
static void together_they_are_short(void **state)
{
    const struct candidate c[] = { host(20, 1000000, 0), host(0, 1000000, 20) };
    struct forecast_law out[FORECAST_LAWS];
    struct forecast_ask a = ask(10, 0);

    (void)state;
    a.newest = ERR_LAW_VF;
    assert_int_equal(forecast_make(c, 2, &a, out), 1);
    assert_int_equal(out[0].law, ERR_LAW_VF);
    assert_int_equal(out[0].needs, 10);
    assert_int_equal(out[0].free, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_forty_has_twenty_six),
        cmocka_unit_test(each_law_speaks_for_itself),
        cmocka_unit_test(together_they_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
