/* What a preview says of a module is what placing one desktop after the other would come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ccc/pool_preview.h"

enum { HOSTS = 10, ROUNDS = 100000 };

static int64_t below(unsigned *seed, int64_t n)
{
    return rand_r(seed) % n;
}

/* Places desktops until none fits any more, at most `most`. */
static int64_t place(const struct pool_module_facts *m, const struct pool_demand *d, int64_t most)
{
    struct pool_host left[HOSTS];
    int64_t placed = 0;

    memcpy(left, m->hosts, sizeof *left * (size_t)m->nhosts);
    for (int i = 0; i < m->nhosts && placed < most;) {
        struct pool_host *h = &left[i];

        if (!h->up || !h->runs || h->slots < 1 || h->memory_mib < d->memory_mib ||
            (h->storage_gib >= 0 && h->storage_gib < d->storage_gib) ||
            (d->needs_vf && h->vfs < 1)) {
            i++;
            continue;
        }
        h->slots--;
        h->memory_mib -= d->memory_mib;
        if (h->storage_gib >= 0)
            h->storage_gib -= d->storage_gib;
        h->vfs -= d->needs_vf;
        placed++;
    }
    return placed;
}

static void random_modules(void **state)
{
    unsigned seed = 7;

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct pool_host hosts[HOSTS];
        struct pool_module_facts m = { .hosts = hosts, .nhosts = (int)below(&seed, HOSTS + 1) };
        struct pool_demand d = { 128 + below(&seed, 8000), 1 + below(&seed, 60), below(&seed, 2) };
        struct pool_verdict v;

        for (int i = 0; i < m.nhosts; i++)
            hosts[i] = (struct pool_host){ .up = below(&seed, 5) > 0,
                                           .runs = below(&seed, 6) > 0,
                                           .slots = below(&seed, 101),
                                           .memory_mib = below(&seed, 300000),
                                           .storage_gib = below(&seed, 3) ? below(&seed, 3000) : -1,
                                           .vfs = below(&seed, 129) };
        m.size = below(&seed, 1001);
        m.made = below(&seed, 100);
        pool_preview(&m, &d, &v);
        assert_int_equal(v.room, place(&m, &d, v.add));
        assert_true((v.law == ERR_NONE) == (v.room == v.add));
        assert_int_equal(v.needs.slots, v.add);
        assert_int_equal(v.needs.vfs, d.needs_vf ? v.add : 0);
    }
}

static const struct pool_host two[] = { { true, true, 50, 64000, 500, 13 },
                                        { true, true, 50, 64000, 500, 13 } };

static enum err_code law(int64_t size, struct pool_demand d, struct pool_verdict *v)
{
    struct pool_module_facts m = { .hosts = two, .nhosts = 2, .size = size };

    pool_preview(&m, &d, v);
    return v->law;
}

/* "needs 40 VFs, 26 free" */
static void each_law_with_its_numbers(void **state)
{
    struct pool_verdict v;

    (void)state;
    assert_int_equal(law(40, (struct pool_demand){ 640, 1, true }, &v), ERR_LAW_VF);
    assert_int_equal(v.needs.vfs, 40);
    assert_int_equal(v.free.vfs, 26);
    assert_int_equal(v.room, 26);
    assert_int_equal(law(101, (struct pool_demand){ 640, 1, false }, &v), ERR_LAW_SLOTS);
    assert_int_equal(v.free.slots, 100);
    assert_int_equal(law(80, (struct pool_demand){ 2000, 1, false }, &v), ERR_LAW_MEMORY);
    assert_int_equal(v.room, 64);
    assert_int_equal(law(80, (struct pool_demand){ 640, 20, false }, &v), ERR_LAW_STORAGE);
    assert_int_equal(v.room, 50);
    assert_int_equal(law(1001, (struct pool_demand){ 640, 1, false }, &v), ERR_LAW_MODULE);
    assert_int_equal(v.wanted, 1001);
    assert_int_equal(law(0, (struct pool_demand){ 640, 1, false }, &v), ERR_NONE);
}

/* What is promised to others is not free; what is there already is not needed again. */
static void promised_and_made(void **state)
{
    struct pool_module_facts m = { .hosts = two, .nhosts = 2, .size = 60, .made = 20 };
    struct pool_demand d = { 640, 1, true };
    struct pool_verdict v;

    (void)state;
    m.promised = (struct pool_resources){ .slots = 70, .memory_mib = 70 * 640, .vfs = 6 };
    pool_preview(&m, &d, &v);
    assert_int_equal(v.add, 40);
    assert_int_equal(v.free.slots, 30);
    assert_int_equal(v.free.vfs, 20);
    assert_int_equal(v.law, ERR_LAW_SLOTS);
    assert_int_equal(v.room, 20);
    m.promised = (struct pool_resources){ .slots = 500, .vfs = 500 };
    pool_preview(&m, &d, &v);
    assert_int_equal(v.room, 0);
    assert_int_equal(v.free.slots, 0);
    m.size = 10; /* fewer than there are */
    pool_preview(&m, &d, &v);
    assert_int_equal(v.add, 0);
    assert_int_equal(v.law, ERR_NONE);
}

/* The same figures as the placement of the bCenter. */
static void demand_is_the_placements(void **state)
{
    struct pool_demand d = pool_demand_of(2048, 40LL << 30, true, false);

    (void)state;
    assert_int_equal(d.memory_mib, 2176);
    assert_int_equal(d.storage_gib, 10);
    assert_int_equal(pool_demand_of(64, 1, true, false).storage_gib, 1);
    assert_int_equal(pool_demand_of(64, (40LL << 30) + 1, false, false).storage_gib, 41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_modules),
        cmocka_unit_test(each_law_with_its_numbers),
        cmocka_unit_test(promised_and_made),
        cmocka_unit_test(demand_is_the_placements),
    };

    return cmocka_run_group_tests_name("ccc pool_preview", tests, NULL, NULL);
}
