/*
 * io_mean — what a job, or a start, of one pool asks for, learned (docs/iolaw.md). Pure.
 *
 * The mean of what was seen, then a moving one: each sample counts a sixteenth. Until IO_ENOUGH
 * samples are there it is not used. A struct of zeros has seen nothing.
 */
#ifndef BCENTER_IO_MEAN_H
#define BCENTER_IO_MEAN_H

#include "bcenter/io_law.h"

enum { IO_ENOUGH = 8, IO_WEIGHT = 16 };
/* Until something is known; and what it is at least, so that nothing is ever for nothing. */
#define IO_JOB_UNKNOWN (5 * IO_UNIT)
#define IO_START_UNKNOWN (150 * IO_UNIT)
#define IO_JOB_LEAST IO_UNIT
#define IO_START_LEAST (10 * IO_UNIT)

struct io_mean {
    int64_t mean, samples;
};
void io_mean_sample(struct io_mean *m, int64_t uio);

/* What an administrator has said; it wins. */
struct io_given {
    bool set;
    int64_t uio;
};
int64_t io_per_job(const struct io_given *given, const struct io_mean *learned);
/*
 * On a host of this limit: what is learned or guessed counts at most half of it. A start cannot ask
 * more of a host than it gives: there a desktop boots slower, and one at a time, but it boots.
 */
int64_t io_per_start(const struct io_given *given, const struct io_mean *learned, int64_t limit);

#endif
