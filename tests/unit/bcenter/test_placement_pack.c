/* What was decided on can be read back: a replay of the stored bytes gives the same host and lane.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/placement_pack.h"

enum { PLACEMENTS = 10000 };

static unsigned seed = 11;

static int upto(int n)
{
    return (int)(rand_r(&seed) % (unsigned)n);
}

static struct candidate host(void)
{
    struct candidate c = {
        .bserver = id_new(), .up = upto(5) > 0, .format = upto(6) > 0, .user_net = upto(2)
    };

    c.lanes = upto(PLACEMENT_LANES + 1);
    for (int i = 0; i < c.lanes; i++) {
        c.used_slots[i] = upto(51);
        c.free_slots[i] = upto(51 - c.used_slots[i] + 1);
    }
    c.memory_free_mib = upto(40000) - 1000;
    c.store_free_gib = upto(4) ? upto(400) : -1;
    c.free_vfs = upto(3) * upto(40);
    return c;
}

static void same_candidate(const struct candidate *a, const struct candidate *b)
{
    assert_string_equal(a->bserver.s, b->bserver.s);
    assert_true(a->up == b->up && a->format == b->format && a->user_net == b->user_net);
    assert_int_equal(a->lanes, b->lanes);
    assert_memory_equal(a->free_slots, b->free_slots, sizeof a->free_slots);
    assert_memory_equal(a->used_slots, b->used_slots, sizeof a->used_slots);
    assert_int_equal(a->memory_free_mib, b->memory_free_mib);
    assert_int_equal(a->store_free_gib, b->store_free_gib);
    assert_int_equal(a->free_vfs, b->free_vfs);
}

/* One placement, stored and replayed. */
static bool replayed(void)
{
    struct candidate c[PLACEMENT_HOSTS], back[PLACEMENT_HOSTS];
    struct demand d = { .desktop = id_new(),
                        .memory_mib = upto(30000),
                        .store_gib = upto(300),
                        .needs_vf = upto(2) },
                  again;
    unsigned char bytes[PLACEMENT_INPUTS];
    struct placement p, q;
    struct err e = { 0 }, e2 = { 0 };
    int n = upto(PLACEMENT_HOSTS + 1), rc;
    size_t size;

    for (int i = 0; i < n; i++)
        c[i] = host();
    size = placement_pack(c, n, &d, bytes);
    assert_in_range(size, 1, PLACEMENT_INPUTS);
    assert_int_equal(placement_unpack(bytes, size, back, &again, &e), n);
    assert_string_equal(again.desktop.s, d.desktop.s);
    for (int i = 0; i < n; i++)
        same_candidate(&c[i], &back[i]);
    rc = placement_choose(c, n, &d, &p, &e);
    assert_int_equal(placement_choose(back, n, &again, &q, &e2), rc);
    if (rc < 0) {
        assert_int_equal(e.code, e2.code);
        assert_string_equal(e.detail, e2.detail);
        return false;
    }
    assert_int_equal(p.candidate, q.candidate);
    assert_int_equal(p.lane, q.lane);
    assert_memory_equal(p.verdicts, q.verdicts, sizeof p.verdicts);
    return true;
}

static void a_replay_gives_the_same(void **state)
{
    int placed = 0;

    (void)state;
    while (placed < PLACEMENTS)
        placed += replayed();
}

/* What was cut off or is of another version is refused; nothing is read past the end. */
static void damage_is_refused(void **state)
{
    struct candidate c[3] = { host(), host(), host() }, back[PLACEMENT_HOSTS];
    struct demand d = { .desktop = id_new(), .memory_mib = 5 }, again;
    unsigned char bytes[PLACEMENT_INPUTS];
    size_t size = placement_pack(c, 3, &d, bytes);

    (void)state;
    for (size_t n = 0; n <= size; n++) {
        unsigned char *cut = malloc(n ? n : 1); /* so that a sanitizer sees the end */
        struct err e = { 0 };

        assert_non_null(cut);
        memcpy(cut, bytes, n);
        assert_int_equal(placement_unpack(cut, n, back, &again, &e), n == size ? 3 : -1);
        free(cut);
    }
    for (int i = 0; i < 100000; i++) {
        unsigned char other[PLACEMENT_INPUTS];
        struct err e = { 0 };
        int n;

        memcpy(other, bytes, size);
        other[upto((int)size)] ^= (unsigned char)(1 + upto(255));
        n = placement_unpack(other, size, back, &again, &e);
        assert_in_range(n + 1, 0, PLACEMENT_HOSTS + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_gives_the_same),
        cmocka_unit_test(damage_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
