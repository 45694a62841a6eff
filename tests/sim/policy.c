#include "tests/sim/policy.h"

#include "bcenter/placement.h"

static struct candidate candidate_of(const struct world *w, int host, int64_t total, int64_t limit)
{
    const struct host *h = &w->hosts[host];

    return (struct candidate){ .bserver = h->id,
                               .up = true,
                               .format = true,
                               .user_net = true,
                               .free_slots = { h->nvms - h->busy },
                               .lanes = 1,
                               .store_free_gib = -1,
                               .io_total = io_up(total, PLACEMENT_IO_UNIT),
                               .io_limit = io_down(limit, PLACEMENT_IO_UNIT) };
}

static int by_law(struct world *w, enum kind kind, const int64_t *totals)
{
    struct demand demand = { .desktop = { "00000000-0000-4000-8000-00000000ffff" } };
    struct candidate best = { 0 };
    int chosen = -1;

    for (int i = 0; i < w->nhosts; i++) {
        int vm = world_free_vm(w, i, kind);
        int64_t limit = io_limit_now(&w->hosts[i].limit);
        struct candidate c;
        struct io_ask ask;

        if (vm < 0)
            continue;
        ask = (struct io_ask){ .total = totals ? totals[i] : world_total(w, i),
                               .before = world_charge(w, &w->vms[vm], 0),
                               .after = world_charge(w, &w->vms[vm], 1),
                               .limit = limit };
        if (!io_fits(&ask))
            continue;
        c = candidate_of(w, i, ask.total, limit);
        if (chosen < 0 || placement_better(&c, &best, &demand)) {
            best = c;
            chosen = vm;
        }
    }
    return chosen;
}

int policy_bic(struct world *w, enum kind kind)
{
    return by_law(w, kind, NULL);
}

int policy_bic_late(struct world *w, enum kind kind)
{
    return by_law(w, kind, w->stale);
}

int policy_round_robin(struct world *w, enum kind kind)
{
    for (int n = 0; n < w->nhosts; n++) {
        int host = w->turn[kind], vm = world_free_vm(w, host, kind);

        w->turn[kind] = (host + 1) % w->nhosts;
        if (vm >= 0)
            return vm;
    }
    return -1;
}

static int least(struct world *w, enum kind kind, double (*of)(const struct host *h))
{
    int chosen = -1;
    double lowest = 0;

    for (int i = 0; i < w->nhosts; i++) {
        int vm = world_free_vm(w, i, kind);

        if (vm >= 0 && (chosen < 0 || of(&w->hosts[i]) < lowest)) {
            lowest = of(&w->hosts[i]);
            chosen = vm;
        }
    }
    return chosen;
}

static double busy_vms(const struct host *h)
{
    return h->busy;
}

static double busy_cores(const struct host *h)
{
    return h->cpu;
}

int policy_least_vms(struct world *w, enum kind kind)
{
    return least(w, kind, busy_vms);
}

int policy_cpu(struct world *w, enum kind kind)
{
    return least(w, kind, busy_cores);
}
