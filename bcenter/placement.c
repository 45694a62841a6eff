#include "bcenter/placement.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { LANE_MAX = 50 };

int64_t placement_memory(int64_t memory_mib)
{
    return memory_mib + PLACEMENT_OVERHEAD_MIB;
}

int64_t placement_store(int64_t disk_bytes, bool floating)
{
    int64_t gib = (disk_bytes + (1LL << 30) - 1) >> 30;

    if (floating)
        gib = (gib + 3) / 4;
    return gib < 1 ? 1 : gib;
}

static int free_slots(const struct candidate *c)
{
    int n = 0;

    for (int i = 0; i < c->lanes && i < PLACEMENT_LANES; i++)
        n += c->free_slots[i];
    return n;
}

/* The lane with most room; -1 if each is full. */
static int best_lane(const struct candidate *c)
{
    int best = -1;

    for (int i = 0; i < c->lanes && i < PLACEMENT_LANES; i++) {
        if (c->free_slots[i] <= 0 || c->used_slots[i] >= LANE_MAX)
            continue;
        if (best < 0 || c->used_slots[i] < c->used_slots[best])
            best = i;
    }
    return best;
}

enum verdict placement_verdict(const struct candidate *c, const struct demand *d)
{
    if (!c->up)
        return VERDICT_STATE;
    if (!c->format || (!d->needs_vf && !c->user_net))
        return VERDICT_CAPABILITY;
    if (free_slots(c) <= 0)
        return VERDICT_SLOTS;
    if (best_lane(c) < 0)
        return VERDICT_LANES;
    if (c->memory_free_mib < d->memory_mib)
        return VERDICT_MEMORY;
    if (c->store_free_gib >= 0 && c->store_free_gib < d->store_gib)
        return VERDICT_STORAGE;
    if (d->needs_vf && c->free_vfs <= 0)
        return VERDICT_VF;
    if (c->io_limit >= 0 && c->io_total >= c->io_limit)
        return VERDICT_IO;
    return VERDICT_FITS;
}

/* 0 … 8. */
static int64_t free_eighths(const struct candidate *c)
{
    if (c->io_limit < 0)
        return 8;
    return c->io_total < c->io_limit ? (c->io_limit - c->io_total) * 8 / c->io_limit : 0;
}

static void weigh(const struct id *desktop, const struct id *bserver,
                  unsigned char out[crypto_hash_sha256_BYTES])
{
    char text[2 * ID_LEN + 2];
    int n = snprintf(text, sizeof text, "%s/%s", desktop->s, bserver->s);

    crypto_hash_sha256(out, (const unsigned char *)text, (unsigned long long)n);
}

bool placement_better(const struct candidate *a, const struct candidate *b, const struct demand *d)
{
    unsigned char wa[crypto_hash_sha256_BYTES], wb[crypto_hash_sha256_BYTES];

    if (free_eighths(a) != free_eighths(b))
        return free_eighths(a) > free_eighths(b);
    if (free_slots(a) != free_slots(b))
        return free_slots(a) > free_slots(b);
    if (a->memory_free_mib != b->memory_free_mib)
        return a->memory_free_mib > b->memory_free_mib;
    weigh(&d->desktop, &a->bserver, wa);
    weigh(&d->desktop, &b->bserver, wb);
    return memcmp(wa, wb, sizeof wa) > 0;
}

const char *placement_verdict_word(enum verdict v)
{
    static const char *const words[VERDICT_COUNT] = {
        [VERDICT_FITS] = "fits",
        [VERDICT_STATE] = "state",
        [VERDICT_CAPABILITY] = "capability",
        [VERDICT_SLOTS] = "slots",
        [VERDICT_LANES] = "lanes",
        [VERDICT_MEMORY] = "memory",
        [VERDICT_STORAGE] = "storage",
        [VERDICT_VF] = "vf",
        [VERDICT_IO] = "io",
    };

    return words[v];
}

/* Of those at their limit, the one that is nearest to it; in requests per second. */
static int io_figures(const struct candidate *c, int n, const struct demand *d, struct err *e)
{
    const int64_t whole = 1000000 / PLACEMENT_IO_UNIT;
    const struct candidate *least = NULL;

    for (int i = 0; i < n; i++)
        if (placement_verdict(&c[i], d) == VERDICT_IO &&
            (!least || c[i].io_total - c[i].io_limit < least->io_total - least->io_limit))
            least = &c[i];
    if (!least)
        return -1;
    err_number(e, "total", (least->io_total + whole - 1) / whole);
    return err_number(e, "limit", least->io_limit / whole);
}

/* What was asked for, and the most that one of those refused for it has. */
static int figures(const struct candidate *c, int n, const struct demand *d, enum verdict law,
                   struct err *e)
{
    int64_t free = 0;

    if (law == VERDICT_IO)
        return io_figures(c, n, d, e);
    for (int i = 0; i < n; i++) {
        int64_t has = law == VERDICT_MEMORY ? c[i].memory_free_mib : c[i].store_free_gib;

        if (placement_verdict(&c[i], d) == law && has > free)
            free = has;
    }
    if (law == VERDICT_MEMORY) {
        err_number(e, "asked_mib", d->memory_mib);
        return err_number(e, "most_free_mib", free);
    }
    if (law == VERDICT_STORAGE) {
        err_number(e, "asked_gib", d->store_gib);
        return err_number(e, "most_free_gib", free);
    }
    return -1;
}

/* The verdict furthest down the list of filters: the law that took the last candidates away. */
static int refuse(const struct candidate *c, int n, const struct demand *d,
                  const int counts[VERDICT_COUNT], struct err *e)
{
    static const struct {
        enum err_code code;
        const char *words;
    } laws[VERDICT_COUNT] = {
        [VERDICT_STATE] = { ERR_LAW_SLOTS, "no bServer of this module is up and in service" },
        [VERDICT_CAPABILITY] = { ERR_LAW_CAPABILITY,
                                 "no bServer that is up can run this kind of desktop" },
        [VERDICT_SLOTS] = { ERR_LAW_SLOTS, "no free desktop slot" },
        [VERDICT_LANES] = { ERR_LAW_LANES, "every display lane is full" },
        [VERDICT_MEMORY] = { ERR_LAW_MEMORY, "not enough free memory" },
        [VERDICT_STORAGE] = { ERR_LAW_STORAGE, "not enough free storage" },
        [VERDICT_VF] = { ERR_LAW_VF, "no free virtual function" },
        [VERDICT_IO] = { ERR_LAW_IO, "no bServer is below its I/O limit" },
    };
    int last = VERDICT_STATE;

    for (int v = VERDICT_STATE; v < VERDICT_COUNT; v++)
        if (counts[v] > 0)
            last = v;
    err_set(e, laws[last].code, "%s: %d of %d bServers refused by it (asked: %lld MiB, %lld GiB%s)",
            laws[last].words, counts[last], n, (long long)d->memory_mib, (long long)d->store_gib,
            d->needs_vf ? ", a VF" : "");
    err_number(e, "bservers", n);
    err_number(e, "refused", counts[last]);
    return figures(c, n, d, (enum verdict)last, e);
}

int placement_choose(const struct candidate *c, int n, const struct demand *d,
                     struct placement *out, struct err *e)
{
    struct placement p = { .candidate = -1 };

    for (int i = 0; i < n; i++) {
        enum verdict v = placement_verdict(&c[i], d);

        p.verdicts[v]++;
        if (v == VERDICT_FITS && (p.candidate < 0 || placement_better(&c[i], &c[p.candidate], d)))
            p.candidate = i;
    }
    if (p.candidate < 0)
        return refuse(c, n, d, p.verdicts, e);
    p.lane = best_lane(&c[p.candidate]);
    p.user_net = !d->needs_vf && c[p.candidate].user_net;
    *out = p;
    return 0;
}
