/* What was decided on can be read back: a replay of the stored bytes gives the same host and lane.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
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
    c.io_limit = upto(8) ? upto(2000000) : (int64_t)upto(2) * PLACEMENT_IO_MOST;
    c.io_total = upto(8) ? upto(2000000) : (int64_t)upto(2) * PLACEMENT_IO_MOST;
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
    assert_int_equal(a->io_total, b->io_total);
    assert_int_equal(a->io_limit, b->io_limit);
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

/* As many hosts and lanes as there can be. */
static void the_largest_fits(void **state)
{
    struct candidate c[PLACEMENT_HOSTS], back[PLACEMENT_HOSTS];
    struct demand d = { .desktop = id_new(), .memory_mib = INT32_MAX }, again;
    unsigned char bytes[PLACEMENT_INPUTS];
    struct err e = { 0 };
    size_t size;

    (void)state;
    for (int i = 0; i < PLACEMENT_HOSTS; i++) {
        c[i] = host();
        c[i].lanes = PLACEMENT_LANES;
        for (int l = 0; l < PLACEMENT_LANES; l++)
            c[i].free_slots[l] = c[i].used_slots[l] = PLACEMENT_LANE_MOST - (i + l) % 3;
        c[i].io_total = c[i].io_limit = PLACEMENT_IO_MOST - i;
    }
    size = placement_pack(c, PLACEMENT_HOSTS, &d, bytes);
    assert_in_range(size, 1000, PLACEMENT_INPUTS);
    assert_int_equal(placement_unpack(bytes, size, back, &again, &e), PLACEMENT_HOSTS);
    for (int i = 0; i < PLACEMENT_HOSTS; i++)
        same_candidate(&c[i], &back[i]);
}

/* Bytes that version 1 wrote. Two hosts that fit; the first has 3 of 10 slots free on its one lane,
 * the second none of 50 on its first and 90 on its second: it was chosen, with that lane. */
static void one_from_before_the_io_law_replays(void **state)
{
    static const char hex[] = "01"
                              "11111111222243338444555555555555"
                              "00000180"
                              "00000004"
                              "00"
                              "02"
                              "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaa01"
                              "07"
                              "01"
                              "0307"
                              "000003e8"
                              "ffffffff"
                              "0000"
                              "aaaaaaaaaaaa4aaa8aaaaaaaaaaaaa02"
                              "07"
                              "02"
                              "0032"
                              "5a01"
                              "00000384"
                              "0000003c"
                              "0002";
    unsigned char bytes[PLACEMENT_INPUTS];
    struct candidate c[PLACEMENT_HOSTS];
    struct demand d;
    struct placement p;
    struct err e = { 0 };
    size_t size;

    (void)state;
    assert_int_equal(sodium_hex2bin(bytes, sizeof bytes, hex, strlen(hex), NULL, &size, NULL), 0);
    assert_int_equal(placement_unpack(bytes, size, c, &d, &e), 2);
    assert_string_equal(d.desktop.s, "11111111-2222-4333-8444-555555555555");
    assert_int_equal(d.memory_mib, 384);
    assert_int_equal(c[0].io_limit, -1);
    assert_int_equal(c[1].used_slots[0], 50);
    assert_int_equal(c[1].free_slots[1], 90);
    assert_int_equal(placement_choose(c, 2, &d, &p, &e), 0);
    assert_int_equal(p.candidate, 1);
    assert_int_equal(p.lane, 1);
    for (size_t n = 0; n < size; n++)
        assert_int_equal(placement_unpack(bytes, n, c, &d, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replay_gives_the_same),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(the_largest_fits),
        cmocka_unit_test(one_from_before_the_io_law_replays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
