#include "bcenter/pool_share.h"

#include <stdlib.h>
#include <string.h>

/* Oldest first; the newest go first when there are too many. */
static int by_age(const void *a, const void *b)
{
    const struct share_desktop *x = a, *y = b;

    if (x->created != y->created)
        return x->created < y->created ? -1 : 1;
    return strcmp(x->id.s, y->id.s);
}

/* Stopped ones before running ones, newest first; never one that is somebody's. */
static void choose_surplus(struct share_desktop *d, int n, int64_t surplus)
{
    for (int running = 0; running <= 1; running++)
        for (int i = n - 1; i >= 0 && surplus > 0; i--)
            if (!d[i].deleting && !d[i].assigned && !d[i].surplus &&
                d[i].wanted_on == (running == 1)) {
                d[i].surplus = true;
                surplus--;
            }
}

/* Where there is I/O for it before where it would have to wait. */
static void choose_spares(const struct share_wish *w, struct share_desktop *d, int n)
{
    int64_t missing = w->spares_running;

    for (int i = 0; i < n; i++)
        missing -= !d[i].deleting && !d[i].assigned && !d[i].surplus && d[i].wanted_on;
    for (int room = 1; room >= 0; room--)
        for (int i = 0; i < n && missing > 0; i++)
            if (!d[i].deleting && !d[i].assigned && !d[i].surplus && !d[i].wanted_on &&
                d[i].host_up && d[i].room == (room == 1)) {
                d[i].want_running = true;
                missing--;
            }
}

static void choose_renewals(const struct share_wish *w, struct share_desktop *d, int n)
{
    int64_t free = w->size / 10 > 1 ? w->size / 10 : 1;

    if (!w->floating)
        return; /* a persistent desktop's disk is nobody's but its person's */
    for (int i = 0; i < n; i++)
        free -= !d[i].deleting && !d[i].stale && d[i].preparing && d[i].host_up;
    for (int i = 0; i < n && free > 0; i++)
        if (!d[i].deleting && !d[i].assigned && !d[i].surplus && d[i].stale && d[i].host_up) {
            d[i].renew = true;
            free--;
        }
}

int pool_share_plan(const struct share_wish *w, struct share_desktop *d, int n)
{
    int64_t have = 0;

    qsort(d, (size_t)n, sizeof *d, by_age);
    for (int i = 0; i < n; i++)
        have += !d[i].deleting;
    if (have > w->size)
        choose_surplus(d, n, have - w->size);
    choose_spares(w, d, n);
    choose_renewals(w, d, n);
    return have < w->size ? (int)(w->size - have) : 0;
}
