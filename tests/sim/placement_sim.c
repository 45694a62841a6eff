/*
 * Compares BIC's placement with round robin, least VMs and CPU-based placement on the setting of
 * paper 002 (docs/iolaw.md, "Beside other policies"): placement_sim [SEEDS [MINUTES]]. Prints
 * tables in Markdown: means over the seeds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/policy.h"
#include "tests/sim/scenario.h"

enum { SEEDS_MOST = 100, MINUTES_MOST = 24 * 60 };

static const struct {
    const char *name;
    policy_pick pick;
    bool given;
} policies[] = {
    { "BIC", policy_bic, false },
    { "BIC, limits given", policy_bic, true },
    { "round robin", policy_round_robin, false },
    { "least VMs", policy_least_vms, false },
    { "CPU-based", policy_cpu, false },
};

static void add(struct outcome *sum, const struct outcome *o)
{
    sum->p50_s += o->p50_s;
    sum->p95_s += o->p95_s;
    for (int k = 0; k < KINDS; k++)
        sum->kind95_s[k] += o->kind95_s[k];
    sum->slowdown95 += o->slowdown95;
    sum->wait95_s += o->wait95_s;
    sum->waited += o->waited;
    sum->refused += o->refused;
    sum->over += o->over;
    sum->slow += o->slow;
    sum->drops += o->drops;
    sum->used += o->used;
    sum->jain += o->jain;
    sum->jobs += o->jobs;
    sum->dispatched += o->dispatched;
    sum->at_limit += o->at_limit;
}

static void row(const char *name, const struct outcome *o, int n)
{
    printf("| %s | %.0f | %.0f | %.0f / %.0f / %.0f | %.1f | %.1f | %.1f %% | %.1f %% | %.1f %% | "
           "%.1f %% | %.1f | %.2f | %lld of %lld |\n",
           name, o->p50_s / n, o->p95_s / n, o->kind95_s[KIND_IO] / n, o->kind95_s[KIND_CPU] / n,
           o->kind95_s[KIND_MIXED] / n, o->slowdown95 / n, o->wait95_s / n, 100 * o->waited / n,
           100 * o->refused / n, 100 * o->over / n, 100 * o->slow / n, o->drops / n, o->jain / n,
           (long long)o->at_limit, (long long)o->dispatched);
}

int main(int argc, char **argv)
{
    long seeds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    long minutes = argc > 2 ? strtol(argv[2], NULL, 10) : 80;

    if (seeds < 1 || seeds > SEEDS_MOST || minutes < 1 || minutes > MINUTES_MOST) {
        fprintf(stderr, "placement_sim [SEEDS 1…%d [MINUTES 1…%d]]\n", SEEDS_MOST, MINUTES_MOST);
        return 2;
    }
    for (int s = 0; s < SCENARIO_COUNT; s++) {
        printf("\n**%s**\n\n| policy | p50 s | p95 s | p95 s by kind: I/O / CPU / mixed | slowdown "
               "p95 | wait p95 s | waited | refused | over | slow | drops ‰ | Jain | sent at the "
               "limit |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
               scenarios[s].name);
        for (size_t p = 0; p < sizeof policies / sizeof *policies; p++) {
            struct outcome sum = { 0 }, one;

            for (long seed = 1; seed <= seeds; seed++) {
                world_run(&scenarios[s], policies[p].pick, policies[p].given, (uint64_t)seed,
                          (int)minutes, &one);
                add(&sum, &one);
            }
            row(policies[p].name, &sum, (int)seeds);
            fflush(stdout);
        }
    }
    return 0;
}
