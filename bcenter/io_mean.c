#include "bcenter/io_mean.h"

void io_mean_sample(struct io_mean *m, int64_t uio)
{
    int64_t weight = m->samples < IO_WEIGHT ? m->samples + 1 : IO_WEIGHT;

    m->mean = io_cut(m->mean + (io_cut(uio) - m->mean) / weight);
    if (m->samples < INT64_MAX)
        m->samples++;
}

static int64_t figure(const struct io_mean *m, int64_t unknown, int64_t least)
{
    if (m->samples < IO_ENOUGH)
        return unknown;
    return m->mean < least ? least : m->mean;
}

int64_t io_per_job(const struct io_given *given, const struct io_mean *learned)
{
    return given->set ? io_cut(given->uio) : figure(learned, IO_JOB_UNKNOWN, IO_JOB_LEAST);
}

int64_t io_per_start(const struct io_given *given, const struct io_mean *learned, int64_t limit)
{
    int64_t uio = figure(learned, IO_START_UNKNOWN, IO_START_LEAST);

    if (given->set)
        return io_cut(given->uio);
    return uio > limit / 2 ? limit / 2 : uio;
}
