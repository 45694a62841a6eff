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
    return VERDICT_FITS;
}

static void weigh(const struct id *desktop, const struct id *bserver,
                  unsigned char out[crypto_hash_sha256_BYTES])
{
    char text[2 * ID_LEN + 2];
    int n = snprintf(text, sizeof text, "%s/%s", desktop->s, bserver->s);

    crypto_hash_sha256(out, (const unsigned char *)text, (unsigned long long)n);
}

static bool better(const struct candidate *a, const struct candidate *b, const struct demand *d)
{
    unsigned char wa[crypto_hash_sha256_BYTES], wb[crypto_hash_sha256_BYTES];

    if (free_slots(a) != free_slots(b))
        return free_slots(a) > free_slots(b);
    if (a->memory_free_mib != b->memory_free_mib)
        return a->memory_free_mib > b->memory_free_mib;
    weigh(&d->desktop, &a->bserver, wa);
    weigh(&d->desktop, &b->bserver, wb);
    return memcmp(wa, wb, sizeof wa) > 0;
}

/* The verdict furthest down the list of filters: the law that took the last candidates away. */
static int refuse(int n, const int counts[VERDICT_COUNT], const struct demand *d, struct err *e)
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
    };
    int last = VERDICT_STATE;

    for (int v = VERDICT_STATE; v < VERDICT_COUNT; v++)
        if (counts[v] > 0)
            last = v;
    return err_set(e, laws[last].code,
                   "%s: %d of %d bServers refused by it (asked: %lld MiB, %lld GiB%s)",
                   laws[last].words, counts[last], n, (long long)d->memory_mib,
                   (long long)d->store_gib, d->needs_vf ? ", a VF" : "");
}

int placement_choose(const struct candidate *c, int n, const struct demand *d,
                     struct placement *out, struct err *e)
{
    struct placement p = { .candidate = -1 };

    for (int i = 0; i < n; i++) {
        enum verdict v = placement_verdict(&c[i], d);

        p.verdicts[v]++;
        if (v == VERDICT_FITS && (p.candidate < 0 || better(&c[i], &c[p.candidate], d)))
            p.candidate = i;
    }
    if (p.candidate < 0)
        return refuse(n, p.verdicts, d, e);
    p.lane = best_lane(&c[p.candidate]);
    p.user_net = !d->needs_vf && c[p.candidate].user_net;
    *out = p;
    return 0;
}

void placement_text(const struct candidate *c, int n, const struct demand *d,
                    char to[PLACEMENT_INPUTS])
{
    size_t at = 0;
    int len = snprintf(to, PLACEMENT_INPUTS, "v1 d=%s m=%lld s=%lld vf=%d;", d->desktop.s,
                       (long long)d->memory_mib, (long long)d->store_gib, d->needs_vf);

    for (int i = 0; i <= n && len > 0 && at + (size_t)len < PLACEMENT_INPUTS; i++) {
        at += (size_t)len;
        if (i < n)
            len = snprintf(to + at, PLACEMENT_INPUTS - at,
                           "%.8s u%d f%d n%d l%d s%d m%lld g%lld v%d=%d;", c[i].bserver.s, c[i].up,
                           c[i].format, c[i].user_net, c[i].lanes, free_slots(&c[i]),
                           (long long)c[i].memory_free_mib, (long long)c[i].store_free_gib,
                           c[i].free_vfs, placement_verdict(&c[i], d));
    }
    to[at < PLACEMENT_INPUTS ? at : PLACEMENT_INPUTS - 1] = '\0';
}
