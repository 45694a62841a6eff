#include "bserver-agent/io_model.h"

enum { SLOT_MS = 8000, LOW = 500, SPREAD = 1001 }; /* a slot's factor: LOW … 1500 thousandths */

typedef __int128 wide;

/* splitmix64's finisher: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static uint64_t seed(const struct id *desktop, const struct id *run)
{
    uint64_t h = 0;

    for (const char *c = desktop->s; *c; c++)
        h = mix(h ^ (unsigned char)*c);
    for (const char *c = run->s; *c; c++)
        h = mix(h ^ (unsigned char)*c);
    return h;
}

/* Area under the boot's falling line from 0 to t. */
static int64_t boot_until(const struct io_model *m, int64_t t)
{
    if (t > m->boot_ms)
        t = m->boot_ms;
    if (t <= 0)
        return 0;
    return (int64_t)((wide)m->boot_per_s * 500 * t * (2 * m->boot_ms - t) / m->boot_ms);
}

/* rate × ms × thousandths is micro-requests: nothing is rounded. */
static int64_t steady(int64_t per_s, uint64_t of, int64_t from_ms, int64_t to_ms)
{
    int64_t sum = 0;

    while (per_s > 0 && from_ms < to_ms) {
        int64_t slot = from_ms / SLOT_MS, end = (slot + 1) * SLOT_MS;
        int64_t factor = LOW + (int64_t)(mix(of + (uint64_t)slot) % SPREAD);

        if (end > to_ms)
            end = to_ms;
        sum += per_s * (end - from_ms) * factor;
        from_ms = end;
    }
    return sum;
}

int64_t io_model_asks(const struct io_model *m, const struct id *desktop, const struct id *run,
                      int64_t from_ms, int64_t to_ms, bool live)
{
    int64_t per_s = m->idle_per_s + (live ? m->session_per_s : 0);

    if (from_ms < 0)
        from_ms = 0;
    if (to_ms <= from_ms)
        return 0;
    return boot_until(m, to_ms) - boot_until(m, from_ms) +
           steady(per_s, seed(desktop, run), from_ms, to_ms);
}

struct io_model_answer io_model_answer(const struct io_model *m, int64_t asked, int64_t ms)
{
    int64_t capacity = m->capacity_per_s * 1000 * ms;
    int64_t worst = m->us_per_request * IO_MODEL_QUEUE;
    struct io_model_answer a = { .served = asked, .us_per_request = worst };
    wide us;

    if (asked >= capacity) {
        a.served = capacity;
        a.dropped = asked - capacity;
        return a;
    }
    us = (wide)m->us_per_request * capacity / (capacity - asked);
    if (us < worst)
        a.us_per_request = (int64_t)us;
    return a;
}
