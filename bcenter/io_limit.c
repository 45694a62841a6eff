#include "bcenter/io_limit.h"

#include <stdlib.h>
#include <string.h>

static int64_t learned(const struct io_limit *l)
{
    return l->learned > 0 ? l->learned : IO_INITIAL;
}

int64_t io_limit_now(const struct io_limit *l)
{
    return l->given ? io_cut(l->figure) : learned(l);
}

enum io_source io_limit_source(const struct io_limit *l)
{
    if (l->given)
        return IO_SOURCE_ADMINISTRATOR;
    return l->learned > 0 ? IO_SOURCE_LEARNED : IO_SOURCE_INITIAL;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int64_t io_limit_quiet(const struct io_limit *l)
{
    int64_t sorted[IO_QUIET];

    if (l->nquiet < IO_QUIET_LEAST)
        return -1;
    memcpy(sorted, l->quiet, (size_t)l->nquiet * sizeof *sorted);
    qsort(sorted, (size_t)l->nquiet, sizeof *sorted, by_time);
    return sorted[l->nquiet / 2];
}

static bool slow(int64_t us, int64_t quiet)
{
    return us >= 0 && quiet >= 0 && us / 2 + us % 2 > quiet; /* us > 2 × quiet, without overflow */
}

bool io_limit_healthy(const struct io_limit *l, const struct io_sample *s)
{
    return s->dropped <= 0 && !slow(s->us_per_request, io_limit_quiet(l));
}

static void remember_quiet(struct io_limit *l, int64_t us)
{
    if (us < 0)
        return;
    l->quiet[l->next] = us;
    l->next = (l->next + 1) % IO_QUIET;
    if (l->nquiet < IO_QUIET)
        l->nquiet++;
}

/* Nine tenths of where it began. While the host works off what it has too much of, nothing more
 * falls; that it suffers below its limit as well is another beginning. */
static enum io_reason fall(struct io_limit *l, int64_t total)
{
    int64_t to = total - total / 10;

    if (l->saturated && total >= learned(l))
        return IO_NO_MOVE;
    l->saturated = l->fallen = true;
    l->began = total;
    l->steady_ms = l->steady_most = 0;
    if (to < IO_LEAST)
        to = IO_LEAST;
    if (to >= learned(l))
        return IO_NO_MOVE;
    l->learned = to;
    return IO_SATURATED;
}

/* After a fall: a minute at four fifths of the limit or more, then a sixteenth. */
static enum io_reason climb(struct io_limit *l, const struct io_sample *s, int64_t total)
{
    int64_t now = learned(l), to;

    if (total < now - now / 5) {
        l->steady_ms = l->steady_most = 0;
        return IO_NO_MOVE;
    }
    l->steady_ms += s->interval_ms;
    if (total > l->steady_most)
        l->steady_most = total;
    if (l->steady_ms < IO_STEADY_MS)
        return IO_NO_MOVE;
    to = now + now / 16;
    if (to > l->steady_most + l->steady_most / 4)
        to = l->steady_most + l->steady_most / 4;
    l->steady_ms = l->steady_most = 0;
    if (to <= now)
        return IO_NO_MOVE;
    l->learned = to;
    if (to > l->began)
        l->fallen = false; /* it bears again what it did not */
    return IO_RECOVERED;
}

static enum io_reason rise(struct io_limit *l, int64_t total)
{
    if (total + total / 4 <= learned(l))
        return IO_NO_MOVE;
    l->learned = total + total / 4;
    return IO_HEALTHY;
}

/*
 * Below a quarter of the limit a host is quiet: such samples say what quiet is, so they cannot say
 * that it suffers; slow requests have another cause then.
 */
static enum io_reason learn(struct io_limit *l, const struct io_sample *s, int64_t total)
{
    bool quiet = total < io_limit_now(l) / 4, healthy = quiet || io_limit_healthy(l, s);

    if (quiet)
        remember_quiet(l, s->us_per_request);
    if (!healthy)
        return fall(l, total);
    l->saturated = false;
    if (quiet && s->dropped > 0)
        return IO_NO_MOVE;
    return l->fallen ? climb(l, s, total) : rise(l, total);
}

bool io_limit_sample(struct io_limit *l, const struct io_sample *s, struct io_move *move)
{
    int64_t from = io_limit_now(l), quiet = io_limit_quiet(l), total = io_cut(s->total);
    enum io_reason why = learn(l, s, total);

    if (why == IO_NO_MOVE || l->given)
        return false;
    *move = (struct io_move){ .from = from,
                              .to = io_limit_now(l),
                              .reason = why,
                              .total = total,
                              .us_per_request = s->us_per_request,
                              .quiet_us = quiet,
                              .dropped = s->dropped };
    return true;
}

bool io_limit_give(struct io_limit *l, bool given, int64_t figure, struct io_move *move)
{
    int64_t from = io_limit_now(l);

    if (given == l->given && (!given || io_cut(figure) == l->figure))
        return false;
    l->given = given;
    l->figure = given ? io_cut(figure) : 0;
    *move = (struct io_move){ .from = from,
                              .to = io_limit_now(l),
                              .reason = given ? IO_GIVEN : IO_WITHDRAWN,
                              .total = -1,
                              .us_per_request = -1,
                              .quiet_us = -1,
                              .dropped = -1 };
    return true;
}

static const char *const reasons[] = { "initial",   "healthy",       "saturated",
                                       "recovered", "administrator", "withdrawn" };

const char *io_reason_word(enum io_reason r)
{
    return reasons[r];
}

enum io_reason io_reason_from(const char *word)
{
    for (size_t i = 1; word && i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reasons[i], word) == 0)
            return (enum io_reason)i;
    return IO_NO_MOVE;
}

const char *io_source_word(enum io_source s)
{
    static const char *const words[] = { "initial", "learned", "administrator" };

    return words[s];
}
