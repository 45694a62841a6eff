/* The arithmetic of the I/O law: strict, monotone, without overflow whatever it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/io_law.h"
#include "bcenter/io_mean.h"

enum { ROUNDS = 1000000 };

static unsigned seed = 5;

static int64_t upto(int64_t n)
{
    return (((int64_t)rand_r(&seed) << 31) | rand_r(&seed)) % n;
}

/* Small, large, negative, the largest there are. */
static int64_t any(void)
{
    static const int64_t odd[] = { INT64_MIN, INT64_MAX, -1,          0,          1,
                                   IO_UNIT,   IO_MOST,   IO_MOST + 1, IO_MOST - 1 };

    switch (upto(4)) {
    case 0: return odd[upto(sizeof odd / sizeof *odd)];
    case 1: return upto(2000) * IO_UNIT;
    case 2: return upto(2000000000);
    default: return upto(INT64_C(1) << 61) - (INT64_C(1) << 60);
    }
}

static struct io_charge charge(void)
{
    return (struct io_charge){ upto(4) > 0, upto(2), upto(5) ? upto(3) : any(),
                               any(),       any(),   upto(3) ? any() : -1 };
}

static void in_range(int64_t v, int64_t most)
{
    assert_true(v >= 0 && v <= most);
}

/* More of anything is never charged less. */
static void charges_are_monotone(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct io_charge a = charge(), b = a;
        int64_t *const what[] = { &b.load, &b.per_job, &b.per_start, &b.measured };
        int64_t *which = what[upto(4)];
        int64_t more = upto(IO_MOST);

        if (upto(3) == 0)
            b.on = b.starting = true;
        else
            *which = *which > INT64_MAX - more ? INT64_MAX : *which + more;
        in_range(io_charge(&a), IO_MOST);
        assert_true(io_charge(&b) >= io_charge(&a));
    }
}

static void sums_do_not_overflow(void **state)
{
    int64_t total = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        int64_t c = any(), sum = io_add(total, c);

        in_range(sum, IO_SUM_MOST);
        assert_true(sum >= total);
        total = upto(2000) ? sum : 0;
    }
    for (int i = 0; i < 5000; i++)
        total = io_add(total, INT64_MAX);
    assert_true(total == IO_SUM_MOST);
}

/* Strictly below, with it. */
static void the_limit_itself_is_too_much(void **state)
{
    struct io_ask a = { .total = 995 * IO_UNIT, .after = 5 * IO_UNIT, .limit = 1000 * IO_UNIT };
    struct err e = { 0 };

    (void)state;
    assert_false(io_fits(&a));
    assert_int_equal(io_refuse(&a, 3, 2, &e), -1);
    assert_int_equal(e.code, ERR_LAW_IO);
    assert_int_equal(e.numbers, 5);
    assert_int_equal(e.number[0].value, 995);
    assert_int_equal(e.number[1].value, 5);
    assert_int_equal(e.number[2].value, 1000);
    assert_int_equal(e.number[3].value, 3);
    assert_int_equal(e.number[4].value, 2);
    a.limit++;
    assert_true(io_fits(&a));
    a.before = 2 * IO_UNIT; /* what it is charged already is not charged twice */
    a.limit -= 2 * IO_UNIT;
    assert_true(io_fits(&a));
    a.limit = 0;
    a.total = a.before = a.after = 0;
    assert_false(io_fits(&a));
}

/* The figures that a refusal tells are at or over the limit, as told. */
static void a_refusal_adds_up(void **state)
{
    int refused = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct io_ask a = { .total = upto(2000 * IO_UNIT),
                            .after = upto(300 * IO_UNIT),
                            .limit = upto(2000 * IO_UNIT) };
        struct err e = { 0 };

        a.before = upto(a.total + 1);
        if (io_fits(&a))
            continue;
        io_refuse(&a, 1, 1, &e);
        assert_true(e.number[0].value + e.number[1].value >= e.number[2].value);
        refused++;
    }
    assert_true(refused > ROUNDS / 10);
}

static void what_is_learned_is_a_mean(void **state)
{
    const struct io_given none = { false, 0 }, set = { true, 7 * IO_UNIT };
    struct io_mean m = { 0, 0 };

    (void)state;
    for (int i = 0; i < IO_ENOUGH; i++) {
        assert_int_equal(io_per_job(&none, &m), IO_JOB_UNKNOWN);
        assert_int_equal(io_per_start(&none, &m, IO_MOST), IO_START_UNKNOWN);
        io_mean_sample(&m, (20 + i % 2) * IO_UNIT);
    }
    assert_int_equal(m.mean / IO_UNIT, 20);
    assert_int_equal(io_per_job(&none, &m), m.mean);
    assert_int_equal(io_per_job(&set, &m), 7 * IO_UNIT); /* an administrator's figure wins */
    assert_int_equal(io_per_start(&set, &m, IO_UNIT), 7 * IO_UNIT);
    assert_int_equal(io_per_start(&none, &m, 16 * IO_UNIT),
                     8 * IO_UNIT); /* half of a slow host's */
    for (int i = 0; i < 200; i++)
        io_mean_sample(&m, 100 * IO_UNIT);
    assert_in_range(m.mean, 99 * IO_UNIT, 100 * IO_UNIT);
    for (int i = 0; i < 1000; i++)
        io_mean_sample(&m, 0);
    assert_int_equal(io_per_job(&none, &m), IO_JOB_LEAST); /* nothing is for nothing */
    for (int i = 0; i < ROUNDS; i++) {
        int64_t before = m.mean, x = any(), cut = io_cut(x);

        io_mean_sample(&m, x);
        assert_true(m.mean >= (before < cut ? before : cut) &&
                    m.mean <= (before > cut ? before : cut));
    }
}

/* On whatever host: a desktop that is not charged more than an administrator said always starts on
 * an empty one. */
static void an_empty_host_starts_one(void **state)
{
    const struct io_given none = { false, 0 };

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct io_mean m = { io_cut(any()), upto(20) };
        struct io_ask a = { .limit = 1 + upto(3000 * IO_UNIT) };

        a.after = io_per_start(&none, &m, a.limit);
        assert_true(io_fits(&a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charges_are_monotone),         cmocka_unit_test(sums_do_not_overflow),
        cmocka_unit_test(the_limit_itself_is_too_much), cmocka_unit_test(a_refusal_adds_up),
        cmocka_unit_test(what_is_learned_is_a_mean),    cmocka_unit_test(an_empty_host_starts_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
