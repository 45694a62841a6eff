/*
 * io_model — how a simulated host's desktops ask for I/O, and how the host answers. Pure: no clock,
 * no state; the same desktop, run and time always ask for the same.
 *
 * Amounts are micro-requests (1 request = 1,000,000), times are milliseconds of a run's age.
 * io_model_asks is additive: asks(a, b) + asks(b, c) = asks(a, c), to the last micro-request.
 *
 * A machine that boots asks for boot_per_s at its first moment and for less and less until, boot_ms
 * later, only the rest is left: idle_per_s and, with a session, session_per_s more. This rest goes
 * up and down by half of itself every eight seconds. A host answers as one queue does (M/M/1):
 * us_per_request ÷ (1 − asked ÷ capacity), at most IO_MODEL_QUEUE times us_per_request; what is
 * beyond the capacity is lost.
 */
#ifndef BSERVER_AGENT_IO_MODEL_H
#define BSERVER_AGENT_IO_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/id.h"

enum {
    IO_MODEL_QUEUE = 20,         /* longest time of a request, in times of an idle host's */
    IO_MODEL_RATE_MAX = 1000000, /* bound of each rate, requests a second */
    IO_MODEL_BOOT_S_MAX = 3600,
    IO_MODEL_US_MAX = 1000000,
};

struct io_model {
    int64_t boot_per_s, boot_ms;       /* requests a second, milliseconds */
    int64_t idle_per_s, session_per_s; /* requests a second */
    int64_t capacity_per_s;            /* of the whole host, requests a second; > 0 */
    int64_t us_per_request;            /* of an idle host */
};

/* What one machine asks for between two ages of its run; live: with a session all the time. */
int64_t io_model_asks(const struct io_model *m, const struct id *desktop, const struct id *run,
                      int64_t from_ms, int64_t to_ms, bool live);

struct io_model_answer {
    int64_t served, dropped; /* micro-requests; together what was asked for */
    int64_t us_per_request;
};
/* What the host makes of all that was asked for in ms milliseconds (> 0). */
struct io_model_answer io_model_answer(const struct io_model *m, int64_t asked, int64_t ms);

#endif
