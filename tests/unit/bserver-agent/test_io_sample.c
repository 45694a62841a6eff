#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/io_sample.h"

static const struct id run_a = { "0b1c0000-0000-4000-8000-0000000000a1" },
                       run_b = { "0b1c0000-0000-4000-8000-0000000000a2" };

static struct id desktop(int i)
{
    struct id id;

    snprintf(id.s, sizeof id.s, "0b1c0000-0000-4000-8000-%012x", i);
    return id;
}

static struct io_counters *put(struct io_reading *r, int i, const struct id *run, uint64_t block,
                               uint64_t frames)
{
    struct id id = desktop(i);
    struct io_counters *c = io_reading_add(r, &id, run);

    assert_non_null(c);
    c->block = block;
    c->block_ns = block * 300000;
    c->frames = frames;
    return c;
}

static struct io_sample sample(struct io_reading *a, struct io_reading *b)
{
    struct err e = { 0 };
    struct io_sample s;

    io_reading_sort(a);
    io_reading_sort(b);
    assert_int_equal(io_sample(a, b, &s, &e), 0);
    return s;
}

static void done(struct io_reading *a, struct io_reading *b, struct io_sample *s)
{
    io_reading_free(a);
    io_reading_free(b);
    io_sample_free(s);
}

static int64_t rate(const struct io_sample *s, int i)
{
    struct id id = desktop(i);

    for (int k = 0; k < s->n; k++)
        if (id_eq(&s->rates[k].desktop, &id))
            return s->rates[k].uio;
    return -1;
}

static void a_rate_of_each(void **state)
{
    struct io_reading a = { .at_ms = 1000 }, b = { .at_ms = 11000 };
    struct io_sample s;

    (void)state;
    put(&a, 2, &run_a, 100, 50);
    put(&a, 1, &run_a, 7, 0);
    put(&b, 1, &run_a, 7, 0);
    put(&b, 2, &run_a, 125, 75);
    s = sample(&a, &b);
    assert_int_equal(s.interval_ms, 10000);
    assert_int_equal(s.n, 2);
    assert_int_equal(rate(&s, 1), 0);
    assert_int_equal(rate(&s, 2), 5000000); /* 50 in ten seconds */
    assert_string_equal(s.rates[0].run.s, run_a.s);
    assert_int_equal(s.requests, 50);
    assert_int_equal(s.us_per_request, 300);
    assert_int_equal(s.resent_ppm, -1);
    done(&a, &b, &s);
}

static void no_rate_from_nothing(void **state)
{
    static const struct {
        bool before;
        const struct id *run;
        uint64_t block, frames, ns, devices;
    } rows[] = {
        { false, &run_a, 100, 100, 100 * 300000, 0 }, /* was not there */
        { true, &run_b, 200, 200, 200 * 300000, 0 },  /* another run, though all grew */
        { true, &run_a, 99, 200, 200 * 300000, 0 },   /* each went backwards */
        { true, &run_a, 200, 99, 200 * 300000, 0 },   { true, &run_a, 200, 200, 99 * 300000, 0 },
        { true, &run_a, 200, 200, 200 * 300000, 1 }, /* other devices, though all grew */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct io_reading a = { .at_ms = 1 }, b = { .at_ms = 1001 };
        struct io_counters *c;
        struct io_sample s;

        if (rows[i].before)
            put(&a, 1, &run_a, 100, 100);
        put(&a, 3, &run_a, 0, 0); /* gone since */
        put(&a, 2, &run_a, 10, 10);
        put(&b, 2, &run_a, 20, 10);
        c = put(&b, 1, rows[i].run, rows[i].block, rows[i].frames);
        c->block_ns = rows[i].ns;
        c->devices = rows[i].devices;
        s = sample(&a, &b);
        assert_int_equal(s.n, 1); /* the others go on */
        assert_int_equal(rate(&s, 2), 10000000);
        assert_int_equal(rate(&s, 1), -1);
        assert_int_equal(s.requests, 10);
        done(&a, &b, &s);
    }
}

static void needs_time_between(void **state)
{
    struct io_reading a = { .at_ms = 5 }, b = { .at_ms = 5 };
    struct io_sample s = { .n = 77 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(io_sample(&a, &b, &s, &e), -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
    b.at_ms = 4;
    assert_int_equal(io_sample(&a, &b, &s, &e), -1);
    assert_int_equal(s.n, 77);
}

static void sums_saturate(void **state)
{
    struct io_reading a = { .at_ms = 0 }, b = { .at_ms = 1, .dropped = UINT64_MAX };
    struct io_sample s;

    (void)state;
    for (int i = 0; i < 3; i++) {
        put(&a, i, &run_a, 0, 0);
        put(&b, i, &run_a, 0, UINT64_MAX)->block = UINT64_MAX;
    }
    for (int i = 0; i < b.n; i++)
        b.all[i].block_ns = UINT64_MAX;
    s = sample(&a, &b);
    assert_true(rate(&s, 1) == INT64_MAX);
    assert_true(s.requests == INT64_MAX);
    assert_true(s.nic_dropped == INT64_MAX);
    assert_int_equal(s.us_per_request, 0); /* a nanosecond each */
    done(&a, &b, &s);
}

static void without_block_requests_no_time(void **state)
{
    struct io_reading a = { .at_ms = 0 }, b = { .at_ms = 1000 };
    struct io_sample s;

    (void)state;
    put(&a, 1, &run_a, 5, 0);
    put(&b, 1, &run_a, 5, 100);
    s = sample(&a, &b);
    assert_int_equal(s.us_per_request, -1);
    assert_int_equal(rate(&s, 1), 100000000);
    done(&a, &b, &s);
}

static void what_the_host_lost(void **state)
{
    static const struct {
        struct io_reading a, b;
        int64_t dropped, ppm;
    } rows[] = {
        { { .at_ms = 1, .dropped = 10, .cards = 3 },
          { .at_ms = 2, .dropped = 12, .cards = 3 },
          2,
          -1 },
        { { .at_ms = 1, .dropped = 10, .cards = 3 },
          { .at_ms = 2, .dropped = 12, .cards = 4 },
          0,
          -1 }, /* another card came with its past */
        { { .at_ms = 1, .dropped = 10, .cards = 3 },
          { .at_ms = 2, .dropped = 9, .cards = 3 },
          0,
          -1 },
        { { .at_ms = 1, .screens = true, .sent = 1000, .resent = 10 },
          { .at_ms = 2, .screens = true, .sent = 3000, .resent = 15 },
          0,
          2500 },
        { { .at_ms = 1, .screens = true, .sent = 1000, .resent = 10 },
          { .at_ms = 2, .screens = true, .sent = 1000, .resent = 10 },
          0,
          -1 },
        { { .at_ms = 1, .screens = false }, { .at_ms = 2, .screens = true, .sent = 5 }, 0, -1 },
        { { .at_ms = 1, .screens = true, .sent = 1000, .resent = 10 },
          { .at_ms = 2, .screens = true, .sent = 900, .resent = 10 },
          0,
          -1 },
        { { .at_ms = 1, .screens = true, .sent = 1000, .resent = 10 },
          { .at_ms = 2, .screens = true, .sent = 1900, .resent = 9 },
          0,
          -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = { 0 };
        struct io_sample s;

        assert_int_equal(io_sample(&rows[i].a, &rows[i].b, &s, &e), 0);
        assert_int_equal(s.nic_dropped, rows[i].dropped);
        assert_int_equal(s.resent_ppm, rows[i].ppm);
        io_sample_free(&s);
    }
}

/* Any two readings: who has a rate, and that the sum is the sum. */
static void holds_for_any(void **state)
{
    unsigned seed = 11;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct io_reading a = { .at_ms = 1 }, b = { .at_ms = 1 + 1 + rand_r(&seed) % 300000 };
        int64_t sum = 0;
        struct io_sample s;
        int rates = 0;

        for (int i = 0; i < 40; i++) {
            uint64_t was = (uint64_t)rand_r(&seed) % 1000, is = (uint64_t)rand_r(&seed) % 1500;
            bool in_a = rand_r(&seed) % 4, in_b = rand_r(&seed) % 4, same = rand_r(&seed) % 4;

            if (in_a)
                put(&a, 39 - i, &run_a, was, 5);
            if (in_b)
                put(&b, 39 - i, same ? &run_a : &run_b, is, 5);
            if (in_a && in_b && same && is >= was) {
                sum += (int64_t)(is - was);
                rates++;
            }
        }
        s = sample(&a, &b);
        assert_int_equal(s.n, rates);
        assert_int_equal(s.requests, sum);
        for (int i = 0; i < s.n; i++) {
            const struct io_counters *x = io_reading_find(&a, &s.rates[i].desktop),
                                     *y = io_reading_find(&b, &s.rates[i].desktop);
            int64_t did = (int64_t)(y->block - x->block);

            assert_true(s.rates[i].uio * s.interval_ms <= did * INT64_C(1000000000));
            assert_true((s.rates[i].uio + 1) * s.interval_ms > did * INT64_C(1000000000));
        }
        done(&a, &b, &s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_of_each),
        cmocka_unit_test(no_rate_from_nothing),
        cmocka_unit_test(needs_time_between),
        cmocka_unit_test(sums_saturate),
        cmocka_unit_test(without_block_requests_no_time),
        cmocka_unit_test(what_the_host_lost),
        cmocka_unit_test(holds_for_any),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
