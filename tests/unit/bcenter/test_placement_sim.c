/*
 * The simulation of docs/iolaw.md, "Beside other policies": that BIC never sends a job to a host at
 * its limit, over 10,000 jobs; that the look at it finds a policy that does; and that the world it
 * happens in is one.
 */
#include "tests/unit/common/unit.h"

#include <math.h>

#include "tests/sim/policy.h"
#include "tests/sim/scenario.h"

enum { MINUTES = 40, STEPS = 10000, FEW = 2000 };

/* Jobs that were sent, and those of them that went to a host at its limit, until there are enough.
 */
static struct outcome steps(int scenario, policy_pick pick, bool given, int64_t enough)
{
    struct outcome sum = { 0 }, one;

    for (uint64_t seed = 1; sum.dispatched < enough; seed++) {
        world_run(&scenarios[scenario], pick, given, seed, MINUTES, &one);
        assert_true(one.dispatched > 500); /* each run brings it nearer to an end */
        sum.dispatched += one.dispatched;
        sum.at_limit += one.at_limit;
        sum.jobs += one.jobs;
    }
    return sum;
}

static void never_to_a_host_at_its_limit(void **state)
{
    (void)state;
    for (int given = 0; given < 2; given++) {
        struct outcome o = steps(SCENARIO_IO, policy_bic, given, STEPS);

        assert_true(o.dispatched >= STEPS);
        assert_int_equal(o.at_limit, 0);
    }
}

/* The same look at policies that do not ask, and at BIC's own with one fault: none goes unseen. */
static void a_fault_is_seen(void **state)
{
    (void)state;
    assert_true(steps(SCENARIO_IO, policy_bic_late, true, FEW).at_limit > 0);
    assert_true(steps(SCENARIO_IO, policy_round_robin, true, FEW).at_limit > 0);
    assert_true(steps(SCENARIO_IO, policy_least_vms, true, FEW).at_limit > 0);
    assert_true(steps(SCENARIO_IO, policy_cpu, true, FEW).at_limit > 0);
}

static void one_seed_one_story(void **state)
{
    struct outcome a = { 0 }, b = { 0 }, c = { 0 };

    (void)state;
    world_run(&scenarios[SCENARIO_IO], policy_bic, false, 7, MINUTES, &a);
    world_run(&scenarios[SCENARIO_IO], policy_bic, false, 7, MINUTES, &b);
    world_run(&scenarios[SCENARIO_IO], policy_bic, false, 8, MINUTES, &c);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(memcmp(&a, &c, sizeof a) != 0);
    world_run(&scenarios[SCENARIO_IO], policy_cpu, false, 7, MINUTES, &c);
    assert_int_equal(a.dispatched, c.dispatched); /* nobody was refused: the same work for both */
}

/* Who is alone on a host takes what the sum of her steps takes: nothing else slows her. */
static void alone_nothing_slows(void **state)
{
    static const struct host_spec host = { 8, 1500 };
    static const struct scenario quiet = {
        "alone", &host, 1, { 50, 25, 25 }, 0.002, 0.002, 60, 60
    };
    struct outcome o = { 0 };

    (void)state;
    world_run(&quiet, policy_round_robin, false, 3, 24 * 60, &o);
    assert_true(o.jobs > 50);
    assert_true(o.slowdown95 > 0.9 && o.slowdown95 < 1.2);
    assert_true(o.over == 0 && o.waited == 0 && o.drops == 0);
}

/* One core can do so many jobs a second and no more: what is asked beyond that waits. */
static void no_more_than_there_is(void **state)
{
    static const struct host_spec host = { 1, 100000 };
    static const struct scenario flood = { "flood", &host, 1, { 0, 100, 0 }, 1, 1, 60, 60 };
    struct outcome o = { 0 };
    double most = 120 * 60 / (300 * 0.1506); /* rounds of 150 ms and 2 × 300 µs */

    (void)state;
    world_run(&flood, policy_round_robin, false, 5, 120, &o);
    assert_true((double)o.dispatched < most * 1.1 + 6 && (double)o.dispatched > most * 0.9);
    assert_true(o.refused > 0.9);
}

/* And so many requests: a host whose store is slow stays below them, whoever is sent to it. */
static void requests_have_a_ceiling(void **state)
{
    static const struct host_spec host = { 16, 400 };
    static const struct scenario flood = { "store", &host, 1, { 100, 0, 0 }, 2, 2, 60, 60 };
    struct outcome o = { 0 };

    (void)state;
    world_run(&flood, policy_round_robin, false, 5, 120, &o);
    assert_true(o.used > 0.95 && o.used < 1.05);
    assert_true(o.slow > 0.95 && o.drops > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_to_a_host_at_its_limit), cmocka_unit_test(a_fault_is_seen),
        cmocka_unit_test(one_seed_one_story),           cmocka_unit_test(alone_nothing_slows),
        cmocka_unit_test(no_more_than_there_is),        cmocka_unit_test(requests_have_a_ceiling),
    };

    return cmocka_run_group_tests_name("placement sim", tests, NULL, NULL);
}
