#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/io_sample.h"

enum { MANY = 100 };

static const struct io_model model = { 150, 30000, 1, 5, 4000, 200 };
static int64_t now_ms;
static struct io_source *source;
static struct io_desktop desktops[MANY];
static struct io_reading last;

static int64_t fake_clock(void)
{
    return now_ms;
}

static int setup(void **state)
{
    struct err e = { 0 };

    (void)state;
    now_ms = 1000000;
    memset(desktops, 0, sizeof desktops);
    for (int i = 0; i < MANY; i++) {
        char n[8];

        n[0] = (char)('a' + i % 26);
        n[1] = (char)('a' + i / 26);
        n[2] = '\0';
        desktops[i].desktop = id_v5("0b1c0000-0000-4000-8000-0000000000d1", n);
        desktops[i].run = id_v5("0b1c0000-0000-4000-8000-0000000000a1", n);
    }
    assert_int_equal(io_simulated_open(&model, &source, &e), 0);
    assert_string_equal(source->word, "model");
    io_simulated_clock(source, fake_clock);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    source->close(source);
    io_reading_free(&last);
    return 0;
}

static void look(int n)
{
    struct err e = { 0 };
    struct io_reading r = { 0 };

    assert_int_equal(source->read(source, desktops, n, &r, &e), 0);
    io_reading_sort(&r);
    assert_int_equal(r.n, n);
    assert_int_equal(r.at_ms, now_ms);
    io_reading_free(&last);
    last = r;
}

/* The sample of the next ms, of n desktops. */
static struct io_sample next(int n, int64_t ms)
{
    struct io_reading before = last;
    struct io_sample s;
    struct err e = { 0 };

    memset(&last, 0, sizeof last);
    now_ms += ms;
    look(n);
    assert_int_equal(io_sample(&before, &last, &s, &e), 0);
    io_reading_free(&before);
    return s;
}

static int64_t total(const struct io_sample *s)
{
    int64_t sum = 0;

    for (int i = 0; i < s->n; i++)
        sum += s->rates[i].uio;
    return sum;
}

static void an_empty_host_asks_for_nothing(void **state)
{
    struct io_sample s;

    (void)state;
    look(0);
    s = next(0, 10000);
    assert_int_equal(s.n, 0);
    assert_int_equal(s.requests, 0);
    assert_int_equal(s.us_per_request, -1);
    io_sample_free(&s);
}

static void a_boot_shows_and_ends(void **state)
{
    struct io_sample s;
    int64_t was = INT64_MAX;

    (void)state;
    look(1);
    for (int i = 0; i < 3; i++) {
        s = next(1, 10000);
        assert_true(total(&s) < was);
        was = total(&s);
        assert_true(s.us_per_request >= 200 && s.us_per_request <= 210);
        io_sample_free(&s);
    }
    s = next(1, 10000);
    assert_true(total(&s) <= 1500000);
    io_sample_free(&s);
}

static void a_session_shows(void **state)
{
    struct io_sample s;

    (void)state;
    look(1);
    s = next(1, 100000); /* booted */
    io_sample_free(&s);
    s = next(1, 60000);
    assert_true(total(&s) <= 1500000);
    io_sample_free(&s);
    desktops[0].live = true;
    s = next(1, 60000);
    assert_true(total(&s) >= 3000000);
    io_sample_free(&s);
}

static void another_run_begins_anew(void **state)
{
    struct io_sample s;

    (void)state;
    look(2);
    s = next(2, 100000);
    io_sample_free(&s);
    desktops[0].run = desktops[50].run;
    s = next(2, 10000);
    assert_int_equal(s.n, 1); /* only the one that goes on */
    io_sample_free(&s);
    s = next(2, 10000);
    assert_int_equal(s.n, 2);
    assert_true(total(&s) >= 100000000); /* it boots */
    io_sample_free(&s);
    s = next(1, 10000); /* the second is off; and on again, the same run (suspended) */
    assert_int_equal(s.n, 1);
    io_sample_free(&s);
    s = next(2, 10000);
    assert_int_equal(s.n, 1);
    io_sample_free(&s);
}

/* 10 and 100 that boot at once: in time, and beyond what the host can. */
static void a_host_is_slow_when_full(void **state)
{
    struct io_sample s;

    (void)state;
    look(10);
    s = next(10, 10000);
    assert_int_equal(s.n, 10);
    assert_in_range(total(&s), 1200000000, 1400000000);
    assert_in_range(s.us_per_request, 280, 310); /* 200 ÷ (1 − 1,265 ÷ 4,000) */
    assert_int_equal(s.nic_dropped, 0);
    io_sample_free(&s);
    look(MANY);
    s = next(MANY, 5000);
    assert_int_equal(s.n, MANY);
    assert_in_range(total(&s), INT64_C(3960000000), INT64_C(4000000000)); /* served, not asked */
    assert_in_range(s.us_per_request, 3990, 4000);
    assert_true(s.nic_dropped > 5 * 5000);
    io_sample_free(&s);
    s = next(MANY, 100000);
    io_sample_free(&s);
    s = next(MANY, 10000);
    assert_in_range(total(&s), 50000000, 150000000);
    assert_in_range(s.us_per_request, 200, 210);
    assert_int_equal(s.nic_dropped, 0);
    io_sample_free(&s);
}

/* However short the intervals: no counter ever goes back. */
static void every_moment_has_its_rates(void **state)
{
    (void)state;
    look(10);
    for (int i = 0; i < 5000; i++) {
        struct io_sample s = next(10, 1 + i % 3);

        assert_int_equal(s.n, 10);
        io_sample_free(&s);
    }
}

static void the_same_again_is_the_same(void **state)
{
    struct io_sample s[2];

    for (int i = 0; i < 2; i++) {
        if (i == 1) {
            teardown(state);
            setup(state);
        }
        look(MANY);
        s[i] = next(MANY, 7000);
    }
    assert_int_equal(total(&s[0]), total(&s[1]));
    assert_int_equal(s[0].us_per_request, s[1].us_per_request);
    assert_int_equal(s[0].nic_dropped, s[1].nic_dropped);
    io_sample_free(&s[0]);
    io_sample_free(&s[1]);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FRESH(an_empty_host_asks_for_nothing),
        FRESH(a_boot_shows_and_ends),
        FRESH(a_session_shows),
        FRESH(another_run_begins_anew),
        FRESH(a_host_is_slow_when_full),
        FRESH(the_same_again_is_the_same),
        FRESH(every_moment_has_its_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
