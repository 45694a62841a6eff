/* The learner of a host's limit: what each sample does, and what a million of them can never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/io_limit.h"

enum { SAMPLES = 1000000, INTERVAL = 10000 };

static unsigned seed = 17;

static int64_t upto(int64_t n)
{
    return (((int64_t)rand_r(&seed) << 31) | rand_r(&seed)) % n;
}

static struct io_sample sample(int64_t requests, int64_t us)
{
    return (struct io_sample){ .total = requests * IO_UNIT,
                               .us_per_request = us,
                               .interval_ms = INTERVAL };
}

static bool take(struct io_limit *l, int64_t requests, int64_t us, struct io_move *move)
{
    struct io_sample s = sample(requests, us);

    return io_limit_sample(l, &s, move);
}

static int64_t requests(const struct io_limit *l)
{
    return io_limit_now(l) / IO_UNIT;
}

/* A golden life: unknown, quiet, loaded, saturated, recovered. */
static void a_life(void **state)
{
    struct io_limit l = { 0 };
    struct io_move v;

    (void)state;
    assert_int_equal(requests(&l), 1000);
    assert_int_equal(io_limit_source(&l), IO_SOURCE_INITIAL);
    for (int i = 0; i < IO_QUIET_LEAST; i++) {
        assert_int_equal(io_limit_quiet(&l), -1);
        assert_false(take(&l, 100, 200 + i, &v));
    }
    assert_int_equal(io_limit_quiet(&l), 203);
    assert_false(take(&l, 800, 400, &v)); /* 1.25 × is what it is */
    assert_true(take(&l, 900, 406, &v));  /* twice the quiet median is healthy */
    assert_int_equal(v.reason, IO_HEALTHY);
    assert_int_equal(v.from, 1000 * IO_UNIT);
    assert_int_equal(v.to, 1125 * IO_UNIT);
    assert_int_equal(v.total, 900 * IO_UNIT);
    assert_int_equal(v.us_per_request, 406);
    assert_int_equal(v.quiet_us, 203);
    assert_int_equal(io_limit_source(&l), IO_SOURCE_LEARNED);
    assert_true(take(&l, 1100, 407, &v)); /* more than twice is not */
    assert_int_equal(v.reason, IO_SATURATED);
    assert_int_equal(v.to, 990 * IO_UNIT);
    assert_false(take(&l, 1050, 900, &v)); /* it works that off */
    assert_true(take(&l, 900, 900, &v));   /* it suffers below its limit as well */
    assert_int_equal(v.to, 810 * IO_UNIT);
    for (int i = 0; i < 5; i++)
        assert_false(take(&l, 800, 300, &v)); /* healthy, close to it: for 50 s */
    assert_true(take(&l, 800, 300, &v));
    assert_int_equal(v.reason, IO_RECOVERED);
    assert_int_equal(v.to, (810 * IO_UNIT) + (810 * IO_UNIT) / 16);
    for (int i = 0; i < 20; i++)
        assert_false(take(&l, 600, 300, &v)); /* healthy, but not close */
    for (int i = 0; i < 5; i++)
        assert_false(take(&l, 850, 300, &v));
    assert_true(take(&l, 850, 300, &v));
    assert_int_equal(v.to / IO_UNIT, 914); /* over the 900 where it began: it may rise again */
    assert_true(take(&l, 1000, 300, &v));
    assert_int_equal(v.reason, IO_HEALTHY);
    assert_int_equal(v.to, 1250 * IO_UNIT);
}

static void drops_are_saturation(void **state)
{
    struct io_limit l = { 0 };
    struct io_sample s = sample(900, -1);
    struct io_move v;

    (void)state;
    s.dropped = 1;
    assert_true(io_limit_sample(&l, &s, &v));
    assert_int_equal(v.reason, IO_SATURATED);
    assert_int_equal(v.dropped, 1);
    assert_int_equal(v.to, 810 * IO_UNIT);
    s.total = 100 * IO_UNIT; /* a quiet host that drops has another trouble */
    assert_false(io_limit_sample(&l, &s, &v));
    assert_int_equal(requests(&l), 810);
}

static void it_never_falls_to_nothing(void **state)
{
    struct io_limit l = { 0 };
    struct io_move v;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct io_sample s = sample(requests(&l) * 3 / 4, -1);

        s.dropped = 5;
        (void)io_limit_sample(&l, &s, &v);
    }
    assert_true(io_limit_now(&l) == IO_LEAST);
}

static void an_administrators_figure_wins(void **state)
{
    struct io_limit l = { 0 };
    struct io_move v;

    (void)state;
    assert_true(io_limit_give(&l, true, 300 * IO_UNIT, &v));
    assert_int_equal(v.reason, IO_GIVEN);
    assert_int_equal(v.from, 1000 * IO_UNIT);
    assert_int_equal(v.to, 300 * IO_UNIT);
    assert_false(io_limit_give(&l, true, 300 * IO_UNIT, &v)); /* told again */
    assert_false(take(&l, 2000, 10, &v));
    assert_int_equal(requests(&l), 300);
    assert_int_equal(io_limit_source(&l), IO_SOURCE_ADMINISTRATOR);
    assert_true(io_limit_give(&l, false, 0, &v));
    assert_int_equal(v.reason, IO_WITHDRAWN);
    assert_int_equal(v.to, 2500 * IO_UNIT); /* what was seen meanwhile is not forgotten */
    assert_false(io_limit_give(&l, false, 0, &v));
    assert_true(io_limit_give(&l, true, INT64_MAX, &v));
    assert_true(io_limit_now(&l) == IO_MOST);
    assert_true(io_limit_give(&l, true, 0, &v)); /* nothing gets there any more */
    assert_int_equal(requests(&l), 0);
}

/* ---- a million samples ---- */

static struct io_sample random_sample(const struct io_limit *l)
{
    static const int64_t odd[] = { INT64_MIN, -1, 0, 1, INT64_MAX, IO_MOST };
    int64_t now = io_limit_now(l);
    struct io_sample s = { .interval_ms = 1000 + upto(60000) };

    s.total = upto(50) == 0 ? odd[upto(6)] : upto(now + now / 4 + 2);
    s.us_per_request = upto(8) == 0 ? -1 : upto(4) ? 50 + upto(200) : upto(2000);
    if (upto(200) == 0)
        s.us_per_request = odd[upto(6)];
    s.dropped = upto(6) ? 0 : upto(100);
    return s;
}

struct seen {
    int64_t healthy; /* the highest healthy total */
    int moves[IO_WITHDRAWN + 1];
};

/* Where the limit that is learned may go with this sample. */
static void check_learned(const struct io_limit *before, const struct io_sample *s, int64_t to,
                          const struct seen *seen)
{
    int64_t from = io_limit_now(before), total = io_cut(s->total), tenths = total - total / 10,
            high = seen->healthy + seen->healthy / 4;

    assert_true(to >= IO_LEAST && to <= (high > IO_INITIAL ? high : IO_INITIAL));
    if (io_limit_healthy(before, s)) {
        assert_true(to >= from);
        return;
    }
    assert_true(to <= from);
    if (total >= from / 4 && total < from) /* it falls within one sample */
        assert_true(to == (tenths > IO_LEAST ? tenths : IO_LEAST));
}

static void check(const struct io_limit *before, const struct io_limit *after,
                  const struct io_sample *s, bool moved, const struct io_move *v, struct seen *seen)
{
    int64_t from = io_limit_now(before), to = io_limit_now(after), total = io_cut(s->total);

    if (io_limit_healthy(before, s) && total > seen->healthy)
        seen->healthy = total;
    assert_true(moved == (from != to)); /* a move is told, and only a move */
    if (before->given)
        assert_true(to == before->figure);
    else
        check_learned(before, s, to, seen);
    if (!moved)
        return;
    assert_true(v->reason >= IO_HEALTHY && v->reason <= IO_WITHDRAWN);
    assert_true(v->from == from && v->to == to);
    assert_true((to < from) == (v->reason == IO_SATURATED));
    assert_true(v->total == total && v->dropped == s->dropped);
    seen->moves[v->reason]++;
}

static void a_million_samples(void **state)
{
    struct io_limit l = { 0 };
    struct seen seen = { 0 };

    (void)state;
    for (int i = 0; i < SAMPLES; i++) {
        struct io_limit before = l;
        struct io_sample s = random_sample(&l);
        struct io_move v;

        if (upto(5000) == 0) {
            (void)io_limit_give(&l, upto(2), upto(2000 * IO_UNIT), &v);
            continue;
        }
        if (upto(3000) == 0) { /* another host */
            l = (struct io_limit){ 0 };
            seen.healthy = 0;
            continue;
        }
        check(&before, &l, &s, io_limit_sample(&l, &s, &v), &v, &seen);
    }
    assert_true(seen.moves[IO_HEALTHY] > 1000 && seen.moves[IO_SATURATED] > 1000);
}

/* A host that can do so much: wherever it starts, the limit comes to lie around that, and once
 * there it is passed seldom and never by much. */
static void it_finds_what_a_host_can_do(void **state)
{
    static const int64_t able[] = { 400, 1500, 6000 };

    (void)state;
    for (size_t a = 0; a < sizeof able / sizeof *able; a++) {
        struct io_limit l = { 0 };
        struct io_move v;
        int64_t load = 50;

        for (int i = 0; i < 3000; i++) {
            int64_t us = 100 + (load > able[a] ? (load - able[a]) * 400 / able[a] + 150 : 0);

            (void)take(&l, load, us, &v);
            /* The law lets more in only while the total is below the limit. */
            load = load + load / 10 < requests(&l) ? load + load / 10 + 1 : load - load / 20;
            if (i < 20)
                load = 50;
            if (i > 1000)
                assert_in_range(requests(&l), able[a] * 7 / 10, able[a] * 14 / 10);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life),
        cmocka_unit_test(drops_are_saturation),
        cmocka_unit_test(it_never_falls_to_nothing),
        cmocka_unit_test(an_administrators_figure_wins),
        cmocka_unit_test(a_million_samples),
        cmocka_unit_test(it_finds_what_a_host_can_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
