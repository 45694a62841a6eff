#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdlib.h>

#include "bserver-agent/io_model.h"

static const struct id desktop = { "0b1c0000-0000-4000-8000-0000000000d1" },
                       run = { "0b1c0000-0000-4000-8000-0000000000a1" },
                       other = { "0b1c0000-0000-4000-8000-0000000000a2" };
static const struct io_model model = { 150, 30000, 1, 5, 4000, 200 };

static int64_t asks(const struct io_model *m, int64_t from, int64_t to, bool live)
{
    return io_model_asks(m, &desktop, &run, from, to, live);
}

/* Numbers that are stored somewhere may not change unnoticed. */
static void says_what_it_always_said(void **state)
{
    static const struct {
        int64_t from, to;
        bool live;
        int64_t asked;
    } rows[] = {
        { 0, 1000, false, INT64_C(148929000) },
        { 0, 10000, false, INT64_C(1264192000) },
        { 10000, 20000, true, INT64_C(835008000) },
        { 12345, 23456, false, INT64_C(688206855) },
        { 25000, 35000, true, INT64_C(142438000) },
        { 600000, 610000, false, INT64_C(6430000) },
        { 600000, 610000, true, INT64_C(38580000) },
        { 86400000, 86700000, true, INT64_C(1650672000) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(asks(&model, rows[i].from, rows[i].to, rows[i].live), rows[i].asked);
}

static void a_boot_is_a_triangle(void **state)
{
    const struct io_model boot = { .boot_per_s = 150, .boot_ms = 30000, .capacity_per_s = 1 };

    (void)state;
    assert_int_equal(asks(&boot, 0, 30000, false), INT64_C(2250000000)); /* 150 × 30 ÷ 2 */
    assert_int_equal(asks(&boot, 0, 15000, false), INT64_C(1687500000)); /* three quarters of it */
    assert_int_equal(asks(&boot, 0, 900000, true), INT64_C(2250000000));
    assert_int_equal(asks(&boot, 30000, 900000, true), 0);
    assert_int_equal(asks(&boot, 0, 1, false), 149997); /* 150 requests a second at first */
}

static void without_a_boot_there_is_none(void **state)
{
    const struct io_model none = { .boot_per_s = 150, .capacity_per_s = 1 };

    (void)state;
    assert_int_equal(asks(&none, 0, 100000, true), 0);
}

static void is_additive_and_never_falls(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct io_model m = { rand_r(&seed) % IO_MODEL_RATE_MAX,
                              rand_r(&seed) % (IO_MODEL_BOOT_S_MAX * 1000),
                              rand_r(&seed) % IO_MODEL_RATE_MAX,
                              rand_r(&seed) % IO_MODEL_RATE_MAX,
                              1,
                              1 };
        int64_t a = rand_r(&seed) % 4000000, b = a + rand_r(&seed) % 400000,
                c = b + rand_r(&seed) % 400000;
        bool live = i % 2;

        assert_int_equal(asks(&m, a, b, live) + asks(&m, b, c, live), asks(&m, a, c, live));
        assert_true(asks(&m, a, b, live) >= 0);
        assert_true(asks(&m, a, b, true) >= asks(&m, a, b, false));
    }
    assert_int_equal(asks(&model, 5000, 5000, true), 0);
    assert_int_equal(asks(&model, 9000, 5000, true), 0);
    assert_int_equal(asks(&model, -9000, 5000, true), asks(&model, 0, 5000, true));
}

/* At most half above or below, and over an hour neither: 450 draws. */
static void stays_around_its_rate(void **state)
{
    (void)state;
    for (int64_t t = 30000; t < 630000; t += 1000) {
        int64_t one = asks(&model, t, t + 1000, true);

        assert_in_range(one, 3000000, 9000000);
    }
    assert_in_range(asks(&model, 30000, 3630000, true), INT64_C(3600) * 5700000,
                    INT64_C(3600) * 6300000);
}

static void runs_differ(void **state)
{
    (void)state;
    assert_int_not_equal(asks(&model, 40000, 50000, true),
                         io_model_asks(&model, &desktop, &other, 40000, 50000, true));
    assert_int_not_equal(asks(&model, 40000, 50000, true),
                         io_model_asks(&model, &other, &run, 40000, 50000, true));
    assert_int_equal(asks(&model, 0, 8000, false), asks(&model, 0, 8000, false));
}

static void a_host_slows_down_and_then_loses(void **state)
{
    const int64_t second = 1000, full = INT64_C(4000) * 1000000;
    struct io_model_answer a = io_model_answer(&model, 0, second), b;

    (void)state;
    assert_int_equal(a.us_per_request, 200);
    assert_int_equal(io_model_answer(&model, full / 2, second).us_per_request, 400);
    assert_int_equal(io_model_answer(&model, full / 4 * 3, second).us_per_request, 800);
    for (int64_t asked = 0; asked < 2 * full; asked += full / 997, a = b) {
        b = io_model_answer(&model, asked, second);
        assert_true(b.us_per_request >= a.us_per_request);
        assert_true(b.us_per_request <= 200 * IO_MODEL_QUEUE);
        assert_int_equal(b.served + b.dropped, asked);
        assert_true(b.served <= full);
        assert_int_equal(b.dropped > 0, asked > full);
    }
    assert_int_equal(b.us_per_request, 200 * IO_MODEL_QUEUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_always_said),
        cmocka_unit_test(a_boot_is_a_triangle),
        cmocka_unit_test(without_a_boot_there_is_none),
        cmocka_unit_test(is_additive_and_never_falls),
        cmocka_unit_test(stays_around_its_rate),
        cmocka_unit_test(runs_differ),
        cmocka_unit_test(a_host_slows_down_and_then_loses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
