#include "bcenter/io_law.h"

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t io_cut(int64_t uio)
{
    return uio < 0 ? 0 : uio > IO_MOST ? IO_MOST : uio;
}

int64_t io_add(int64_t total, int64_t charge)
{
    int64_t sum = total + io_cut(charge); /* both far below 2^62 */

    return sum > IO_SUM_MOST ? IO_SUM_MOST : sum;
}

int64_t io_times(int64_t load, int64_t per_job)
{
    per_job = io_cut(per_job);
    if (load <= 0 || per_job == 0)
        return 0;
    return load > IO_MOST / per_job ? IO_MOST : load * per_job;
}

int64_t io_charge(const struct io_charge *c)
{
    int64_t charge = io_cut(c->measured); /* a machine that is on its way out still does it */

    if (c->on)
        charge = most(charge, io_times(c->load, c->per_job));
    if (c->on && c->starting)
        charge = most(charge, io_cut(c->per_start));
    return charge;
}

bool io_fits(const struct io_ask *a)
{
    return a->total - io_cut(a->before) + io_cut(a->after) < a->limit;
}

int64_t io_up(int64_t uio, int64_t unit)
{
    return uio <= 0 ? 0 : (uio - 1) / unit + 1;
}

int64_t io_down(int64_t uio, int64_t unit)
{
    return uio <= 0 ? 0 : uio / unit;
}

int io_refuse(const struct io_ask *a, int hosts, int refused, struct err *e)
{
    int64_t others = most(a->total - io_cut(a->before), 0);
    int64_t total = io_up(others, IO_UNIT), asked = io_up(io_cut(a->after), IO_UNIT),
            limit = io_down(a->limit, IO_UNIT);

    err_set(e, ERR_LAW_IO,
            "no I/O to spare: %lld requests/s and %lld more are not below the limit of %lld",
            (long long)total, (long long)asked, (long long)limit);
    err_number(e, "total", total);
    err_number(e, "asked", asked);
    err_number(e, "limit", limit);
    err_number(e, "bservers", hosts);
    return err_number(e, "refused", refused);
}
