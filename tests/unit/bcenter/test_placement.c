/* Placement never breaks a law, whatever it is given; the order of the candidates does not matter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/placement.h"

enum { ROUNDS = 20000, HOSTS = 10 };

static unsigned seed = 7;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static struct candidate host(void)
{
    struct candidate c = {
        .bserver = id_new(), .up = upto(5) > 0, .format = upto(6) > 0, .user_net = upto(2)
    };

    c.lanes = 1 + upto(3);
    for (int i = 0; i < c.lanes; i++) {
        c.used_slots[i] = upto(51);
        c.free_slots[i] = upto(3) * upto(20);
        if (c.used_slots[i] + c.free_slots[i] > 50)
            c.free_slots[i] = 50 - c.used_slots[i];
    }
    c.memory_free_mib = upto(4000);
    c.store_free_gib = upto(4) ? upto(40) : -1;
    c.free_vfs = upto(3) * upto(4);
    c.io_limit = upto(10) ? 1 + upto(5000) : -1;
    c.io_total = upto(6000);
    return c;
}

static void must_fit(const struct candidate *c, const struct demand *d, const struct placement *p)
{
    assert_true(c->up && c->format);
    assert_true(p->lane >= 0 && p->lane < c->lanes);
    assert_true(c->free_slots[p->lane] > 0 && c->used_slots[p->lane] < 50);
    assert_true(c->memory_free_mib >= d->memory_mib);
    assert_true(c->store_free_gib < 0 || c->store_free_gib >= d->store_gib);
    assert_true(c->io_limit < 0 || c->io_total < c->io_limit);
    assert_true(d->needs_vf ? c->free_vfs > 0 && !p->user_net : c->user_net && p->user_net);
}

static void never_breaks_a_law(void **state)
{
    int placed = 0, refused = 0;

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct candidate c[HOSTS], other[HOSTS];
        struct demand d = { .desktop = id_new(),
                            .memory_mib = upto(3000),
                            .store_gib = upto(30),
                            .needs_vf = upto(2) };
        struct placement p, again;
        struct err e = { 0 }, e2 = { 0 };
        int n = upto(HOSTS + 1), fits = 0;

        for (int k = 0; k < n; k++) {
            c[k] = host();
            fits += placement_verdict(&c[k], &d) == VERDICT_FITS;
        }
        for (int k = 0; k < n; k++)
            other[k] = c[n - 1 - k];
        if (placement_choose(c, n, &d, &p, &e) < 0) {
            assert_int_equal(fits, 0);
            assert_true(strncmp(err_slug(e.code), "law-", 4) == 0);
            assert_int_equal(placement_choose(other, n, &d, &again, &e2), -1);
            assert_int_equal(e.code, e2.code);
            refused++;
            continue;
        }
        must_fit(&c[p.candidate], &d, &p);
        assert_int_equal(placement_choose(other, n, &d, &again, &e2),
                         0); /* a replay, in another order */
        assert_string_equal(other[again.candidate].bserver.s, c[p.candidate].bserver.s);
        assert_int_equal(again.lane, p.lane);
        placed++;
    }
    assert_true(placed > ROUNDS / 10 && refused > ROUNDS / 10);
}

static struct candidate good(void)
{
    struct candidate c = {
        .bserver = id_new(), .up = true, .format = true, .user_net = true, .lanes = 1
    };

    c.free_slots[0] = 10;
    c.memory_free_mib = 1000;
    c.store_free_gib = 100;
    c.free_vfs = 1;
    c.io_limit = 1000;
    return c;
}

static enum err_code refusal(struct candidate c, bool needs_vf)
{
    struct demand d = {
        .desktop = id_new(), .memory_mib = 500, .store_gib = 10, .needs_vf = needs_vf
    };
    struct placement p;
    struct err e = { 0 };

    return placement_choose(&c, 1, &d, &p, &e) < 0 ? e.code : ERR_NONE;
}

static void each_law_is_named(void **state)
{
    struct candidate c = good();

    (void)state;
    assert_int_equal(refusal(c, true), ERR_NONE);
    c.io_total = 999;
    assert_int_equal(refusal(c, true), ERR_NONE);
    c.io_total = 1000; /* strictly */
    assert_int_equal(refusal(c, true), ERR_LAW_IO);
    c.free_vfs = 0;
    assert_int_equal(refusal(c, true), ERR_LAW_VF);
    assert_int_equal(refusal(c, false), ERR_LAW_IO);
    c.io_limit = -1; /* from before there was the law */
    assert_int_equal(refusal(c, false), ERR_NONE);
    c.store_free_gib = 9;
    assert_int_equal(refusal(c, false), ERR_LAW_STORAGE);
    c.memory_free_mib = 499;
    assert_int_equal(refusal(c, false), ERR_LAW_MEMORY);
    c.used_slots[0] = 50;
    assert_int_equal(refusal(c, false), ERR_LAW_LANES);
    c.free_slots[0] = 0;
    assert_int_equal(refusal(c, false), ERR_LAW_SLOTS);
    c.format = false;
    assert_int_equal(refusal(c, false), ERR_LAW_CAPABILITY);
    c.up = false;
    assert_int_equal(refusal(c, false), ERR_LAW_SLOTS);
}

static void fills_evenly(void **state)
{
    struct candidate c[4];
    int took[4] = { 0 };

    (void)state;
    for (int i = 0; i < 4; i++) {
        c[i] = good();
        c[i].memory_free_mib = 100000;
        c[i].free_slots[0] = 50;
    }
    for (int i = 0; i < 100; i++) {
        struct demand d = { .desktop = id_new(), .memory_mib = 500, .store_gib = 1 };
        struct placement p;
        struct err e = { 0 };

        assert_int_equal(placement_choose(c, 4, &d, &p, &e), 0);
        c[p.candidate].free_slots[0]--;
        c[p.candidate].used_slots[0]++;
        c[p.candidate].memory_free_mib -= 500;
        took[p.candidate]++;
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(took[i], 25);
}

/* A refusal says what was asked and what there is. */
static void a_refusal_has_its_numbers(void **state)
{
    struct demand d = { .desktop = id_new(), .memory_mib = 1500, .store_gib = 10 };
    struct candidate c[3] = { good(), good(), good() };
    struct placement p;
    struct err e = { 0 };

    (void)state;
    c[1].memory_free_mib = 1400;
    c[2].up = false;
    assert_int_equal(placement_choose(c, 3, &d, &p, &e), -1);
    assert_int_equal(e.code, ERR_LAW_MEMORY);
    assert_int_equal(e.numbers, 4);
    assert_string_equal(e.number[0].name, "bservers");
    assert_int_equal(e.number[0].value, 3);
    assert_string_equal(e.number[1].name, "refused");
    assert_int_equal(e.number[1].value, 2);
    assert_string_equal(e.number[2].name, "asked_mib");
    assert_int_equal(e.number[2].value, 1500);
    assert_string_equal(e.number[3].name, "most_free_mib");
    assert_int_equal(e.number[3].value, 1400);
}

/* At the limit of I/O: the host that is nearest to having some. */
static void the_io_law_has_its_numbers(void **state)
{
    struct demand d = { .desktop = id_new(), .memory_mib = 500, .store_gib = 10 };
    struct candidate c[2] = { good(), good() };
    struct placement p;
    struct err e = { 0 };

    (void)state;
    c[0].io_total = 2500000;
    c[0].io_limit = 1000000;
    c[1].io_total = 1000001; /* in thousandths of a request/s */
    c[1].io_limit = 1000000;
    assert_int_equal(placement_choose(c, 2, &d, &p, &e), -1);
    assert_int_equal(e.code, ERR_LAW_IO);
    assert_int_equal(e.numbers, 4);
    assert_string_equal(e.number[2].name, "total");
    assert_int_equal(e.number[2].value, 1001);
    assert_string_equal(e.number[3].name, "limit");
    assert_int_equal(e.number[3].value, 1000);
    c[1].io_total = 999999;
    assert_int_equal(placement_choose(c, 2, &d, &p, &e), 0);
    assert_int_equal(p.candidate, 1);
}

/* More free I/O, in eighths, comes before free slots; within an eighth slots decide. */
static void free_io_comes_first(void **state)
{
    struct demand d = { .desktop = id_new(), .memory_mib = 500, .store_gib = 10 };
    struct candidate a = good(), b = good();

    (void)state;
    a.io_limit = b.io_limit = 800;
    a.free_slots[0] = 1;
    b.io_total = 100; /* seven eighths and a little: 700 of 800 */
    a.io_total = 99;
    assert_false(placement_better(&a, &b, &d));
    b.io_total = 101; /* 699: six */
    assert_true(placement_better(&a, &b, &d));
    assert_false(placement_better(&b, &a, &d));
    b.io_total = 10000; /* no less than nothing */
    a.io_total = 800;
    assert_true(placement_better(&b, &a, &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_breaks_a_law),
        cmocka_unit_test(each_law_is_named),
        cmocka_unit_test(fills_evenly),
        cmocka_unit_test(a_refusal_has_its_numbers),
        cmocka_unit_test(the_io_law_has_its_numbers),
        cmocka_unit_test(free_io_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
