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

/* Sums over the seeds, and how far they lie apart. */
struct sums {
    struct outcome o;
    double least95_s, most95_s;
    int n;
};

static void add(struct sums *sum, const struct outcome *o)
{
    sum->o.p50_s += o->p50_s;
    sum->o.p95_s += o->p95_s;
    for (int k = 0; k < KINDS; k++)
        sum->o.kind95_s[k] += o->kind95_s[k];
    sum->o.waited += o->waited;
    sum->o.refused += o->refused;
    sum->o.over += o->over;
    sum->o.slow += o->slow;
    sum->o.drops += o->drops;
    sum->o.jain += o->jain;
    sum->o.dispatched += o->dispatched;
    sum->o.at_limit += o->at_limit;
    sum->least95_s = sum->n && sum->least95_s < o->p95_s ? sum->least95_s : o->p95_s;
    sum->most95_s = sum->most95_s > o->p95_s ? sum->most95_s : o->p95_s;
    sum->n++;
}

static void row(const char *name, const struct sums *s)
{
    const struct outcome *o = &s->o;
    int n = s->n;

    printf("| %s | %.0f | %.0f (%.0f–%.0f) | %.0f / %.0f / %.0f | %.1f %%, %.1f %% | %.1f %% | "
           "%.1f %% | %.1f | %.2f | %lld of %lld |\n",
           name, o->p50_s / n, o->p95_s / n, s->least95_s, s->most95_s, o->kind95_s[KIND_IO] / n,
           o->kind95_s[KIND_CPU] / n, o->kind95_s[KIND_MIXED] / n, 100 * o->waited / n,
           100 * o->refused / n, 100 * o->over / n, 100 * o->slow / n, o->drops / n, o->jain / n,
           (long long)o->at_limit, (long long)o->dispatched);
}

static void table(const struct scenario *s, long seeds, int minutes)
{
    printf("\n**%s**\n\n| policy | p50 s | p95 s (seeds) | p95 s: I/O / CPU / mixed | waited, "
           "refused | over | slow | drops ‰ | Jain | sent at the limit |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n",
           s->name);
    for (size_t p = 0; p < sizeof policies / sizeof *policies; p++) {
        struct sums sum = { 0 };
        struct outcome one = { 0 };

        for (long seed = 1; seed <= seeds; seed++) {
            world_run(s, policies[p].pick, policies[p].given, (uint64_t)seed, minutes, &one);
            add(&sum, &one);
        }
        row(policies[p].name, &sum);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    long seeds = argc > 1 ? strtol(argv[1], NULL, 10) : 5;
    long minutes = argc > 2 ? strtol(argv[2], NULL, 10) : 80;

    if (seeds < 1 || seeds > SEEDS_MOST || minutes < 1 || minutes > MINUTES_MOST) {
        fprintf(stderr, "placement_sim [SEEDS 1…%d [MINUTES 1…%d]]\n", SEEDS_MOST, MINUTES_MOST);
        return 2;
    }
    for (int i = 0; i < SCENARIO_COUNT; i++)
        table(&scenarios[i], seeds, (int)minutes);
    return 0;
}
