#include "bserver-agent/io_sample.h"

#include <stdlib.h>
#include <string.h>

enum { MICRO = 1000000 };

static int64_t bounded(unsigned __int128 n)
{
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static bool comparable(const struct io_counters *a, const struct io_counters *b)
{
    return a && id_eq(&a->run, &b->run) && a->devices == b->devices && b->block >= a->block &&
           b->block_ns >= a->block_ns && b->frames >= a->frames;
}

static void host(const struct io_reading *a, const struct io_reading *b, struct io_sample *out)
{
    if (a->cards == b->cards && b->dropped >= a->dropped)
        out->nic_dropped = bounded(b->dropped - a->dropped);
    out->resent_ppm = -1;
    if (a->screens && b->screens && b->sent > a->sent && b->resent >= a->resent)
        out->resent_ppm =
            bounded((unsigned __int128)(b->resent - a->resent) * MICRO / (b->sent - a->sent));
    out->vf_counters = b->vf_counters;
}

int io_sample(const struct io_reading *before, const struct io_reading *now, struct io_sample *out,
              struct err *e)
{
    struct io_sample s = { .interval_ms = now->at_ms - before->at_ms, .us_per_request = -1 };
    unsigned __int128 requests = 0, block = 0, ns = 0;

    if (s.interval_ms <= 0)
        return err_set(e, ERR_PRECONDITION, "no time has passed between two readings");
    s.rates = calloc((size_t)now->n + 1, sizeof *s.rates);
    if (!s.rates)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (int i = 0; i < now->n; i++) {
        const struct io_counters *b = &now->all[i], *a = io_reading_find(before, &b->desktop);
        unsigned __int128 did;

        if (!comparable(a, b))
            continue;
        did = (unsigned __int128)(b->block - a->block) + (b->frames - a->frames);
        block += b->block - a->block;
        ns += b->block_ns - a->block_ns;
        requests += did;
        s.rates[s.n++] =
            (struct io_rate){ b->desktop, b->run,
                              bounded(did * MICRO * 1000 / (unsigned __int128)s.interval_ms) };
    }
    s.requests = bounded(requests);
    if (block > 0)
        s.us_per_request = bounded(ns / block / 1000);
    host(before, now, &s);
    *out = s;
    return 0;
}

void io_sample_free(struct io_sample *s)
{
    free(s->rates);
    memset(s, 0, sizeof *s);
}
