/* "Needs 40, 26 free": by each law, and by another on each host. */
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

static enum err_code only(struct candidate c, int64_t share, int64_t free)
{
    struct forecast_law out[FORECAST_LAWS];
    struct forecast_ask a = ask(share, 0);

    assert_int_equal(forecast_make(&c, 1, &a, out), 1);
    assert_int_equal(out[0].needs, share);
    assert_int_equal(out[0].free, free);
    return out[0].law;
}

static void each_law_speaks_for_itself(void **state)
{
    struct candidate c = host(10, 15500, 13);
    struct forecast_law out[FORECAST_LAWS];
    struct forecast_ask a = ask(11, 0);

    (void)state;
    c.store_free_gib = 120;
    assert_int_equal(only(c, 11, 10), ERR_LAW_SLOTS);
    c.free_vfs = 9;
    assert_int_equal(only(c, 11, 9), ERR_LAW_VF);
    c.memory_free_mib = 8999;
    assert_int_equal(only(c, 11, 8), ERR_LAW_MEMORY);
    c.store_free_gib = 79;
    assert_int_equal(only(c, 11, 7), ERR_LAW_STORAGE);
    c.up = false;
    assert_int_equal(only(c, 11, 0), ERR_LAW_CAPABILITY);
    c = host(100, 1000000, 100);
    assert_int_equal(forecast_make(&c, 1, &a, out), 0);
    a.room = 10;
    assert_int_equal(forecast_make(&c, 1, &a, out), 1);
    assert_int_equal(out[0].law, ERR_LAW_MODULE);
    assert_int_equal(out[0].free, 10);
    a.share = 5;
    a.have = 7; /* more than wanted: they go */
    a.room = 0;
    assert_int_equal(forecast_make(&c, 1, &a, out), 0);
    c.up = false;
    assert_int_equal(forecast_make(&c, 1, &a, out), 0);
}

/* Slots on one host, functions on the other: with either there would be more. */
static void each_host_ends_by_its_own_law(void **state)
{
    const struct candidate c[] = { host(20, 1000000, 0), host(2, 1000000, 20) };
    struct forecast_law out[FORECAST_LAWS];
    struct forecast_ask a = ask(10, 3);

    (void)state;
    assert_int_equal(forecast_make(c, 2, &a, out), 2);
    assert_int_equal(out[0].law, ERR_LAW_SLOTS);
    assert_int_equal(out[1].law, ERR_LAW_VF);
    assert_int_equal(out[0].free, 5);
    assert_int_equal(out[1].free, 5);
    a.share = 5;
    assert_int_equal(forecast_make(c, 2, &a, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needs_forty_has_twenty_six),
        cmocka_unit_test(each_law_speaks_for_itself),
        cmocka_unit_test(each_host_ends_by_its_own_law),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
