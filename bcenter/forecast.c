#include "bcenter/forecast.h"

enum { UNCOUNTED = 1 << 20 }; /* more desktops than anybody has */
enum { SLOTS, MEMORY, STORAGE, VFS, KINDS };

static const enum err_code laws[KINDS] = { ERR_LAW_SLOTS, ERR_LAW_MEMORY, ERR_LAW_STORAGE,
                                           ERR_LAW_VF };

static int64_t times(int64_t have, int64_t each)
{
    return have <= 0 ? 0 : each > 0 ? have / each : have;
}

static bool can(const struct candidate *c, const struct demand *d)
{
    return c->up && c->format && (d->needs_vf || c->user_net);
}

/* For how many desktops one host has enough of everything; binds[law]: it is this that ends it. */
static int64_t room(const struct candidate *c, const struct demand *d, bool binds[KINDS])
{
    int64_t of[KINDS] = { 0 }, least = UNCOUNTED;

    for (int i = 0; i < c->lanes && i < PLACEMENT_LANES; i++)
        of[SLOTS] += c->free_slots[i];
    of[MEMORY] = times(c->memory_free_mib, d->memory_mib);
    of[STORAGE] = c->store_free_gib < 0 ? UNCOUNTED : times(c->store_free_gib, d->store_gib);
    of[VFS] = d->needs_vf ? c->free_vfs : UNCOUNTED;
    for (int k = 0; k < KINDS; k++)
        least = of[k] < least ? of[k] : least;
    for (int k = 0; k < KINDS; k++)
        binds[k] = binds[k] || of[k] == least;
    return least;
}

int forecast_make(const struct candidate *c, int n, const struct forecast_ask *ask,
                  struct forecast_law out[FORECAST_LAWS])
{
    const int64_t more = ask->share - ask->have;
    bool binds[KINDS] = { false }, any = false;
    int64_t fit = 0;
    int k = 0;

    for (int i = 0; i < n; i++)
        if (can(&c[i], &ask->each)) {
            fit += room(&c[i], &ask->each, binds);
            any = true;
        }
    if (ask->room < more)
        out[k++] = (struct forecast_law){ ERR_LAW_MODULE, ask->share, ask->have + ask->room };
    if (!any && more > 0)
        out[k++] = (struct forecast_law){ ERR_LAW_CAPABILITY, ask->share, ask->have };
    for (int i = 0; i < KINDS && fit < more; i++)
        if (binds[i])
            out[k++] = (struct forecast_law){ laws[i], ask->share, ask->have + fit };
    return k;
}
