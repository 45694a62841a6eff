#include "bcenter/forecast.h"

enum { UNCOUNTED = 1 << 20 }; /* more desktops than anybody has */

/* What one host has of each law, in desktops. */
struct room {
    int64_t slots, memory, storage, vfs;
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t times(int64_t have, int64_t each)
{
    return have <= 0 ? 0 : each > 0 ? have / each : have;
}

static bool can(const struct candidate *c, const struct demand *d)
{
    return c->up && c->format && (d->needs_vf || c->user_net);
}

static struct room room_of(const struct candidate *c, const struct demand *d)
{
    struct room r = { 0 };

    for (int i = 0; i < c->lanes && i < PLACEMENT_LANES; i++)
        r.slots += c->free_slots[i];
    r.memory = times(c->memory_free_mib, d->memory_mib);
    r.storage = c->store_free_gib < 0 ? UNCOUNTED : times(c->store_free_gib, d->store_gib);
    r.vfs = d->needs_vf ? c->free_vfs : UNCOUNTED;
    return r;
}

/* Adds what one host has; returns for how many desktops it has of everything. */
static int64_t add_room(const struct candidate *c, const struct demand *d, struct room *all)
{
    struct room r = room_of(c, d);

    all->slots += r.slots;
    all->memory += r.memory;
    all->storage += r.storage;
    all->vfs += r.vfs;
    return least(least(r.slots, r.memory), least(r.storage, r.vfs));
}

int forecast_make(const struct candidate *c, int n, const struct forecast_ask *ask,
                  struct forecast_law out[FORECAST_LAWS])
{
    const int64_t more = ask->share - ask->have;
    struct room all = { 0 };
    int64_t fit = 0;
    int hosts = 0, k = 0;

    for (int i = 0; i < n; i++)
        if (can(&c[i], &ask->each)) {
            hosts++;
            fit += add_room(&c[i], &ask->each, &all);
        }
    const struct forecast_law each[] = {
        { ERR_LAW_CAPABILITY, more, hosts ? more : 0 },
        { ERR_LAW_MODULE, more, ask->room },
        { ERR_LAW_SLOTS, more, all.slots },
        { ERR_LAW_MEMORY, more, all.memory },
        { ERR_LAW_STORAGE, more, all.storage },
        { ERR_LAW_VF, more, all.vfs },
    };

    for (int i = 0; i < (int)(sizeof each / sizeof *each) && k < FORECAST_LAWS; i++) {
        bool counted = hosts > 0 || each[i].law == ERR_LAW_CAPABILITY;

        if (counted && each[i].free < more)
            out[k++] = (struct forecast_law){ each[i].law, ask->share, ask->have + each[i].free };
    }
    if (k == 0 && fit < more)
        out[k++] = (struct forecast_law){ ask->newest == ERR_NONE ? ERR_LAW_SLOTS : ask->newest,
                                          ask->share, ask->have + fit };
    return k;
}
