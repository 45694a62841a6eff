#include "ccc/io_rate.h"

#include "ccc/routes.h"
#include "common/base/json.h"

int io_rate_pool_check(const json_t *io, struct err *e)
{
    static const char *const jobs[] = { "session", "desktop", NULL };
    union routes_sink to;
    struct err inner = { 0 };
    const struct json_field fields[] = {
        { "job", JSON_TEXT, .to = &to, .words = jobs },
        { "per_job", JSON_DECIMAL, false, true, &to, .min = IO_RATE_MIN, .max = IO_RATE_MAX },
        { "per_start", JSON_DECIMAL, false, true, &to, .min = IO_RATE_MIN, .max = IO_RATE_MAX },
        { 0 },
    };

    if (!io || json_fields(io, fields, &inner) == 0)
        return 0;
    err_set(e, inner.code, "io: %s", inner.detail);
    return err_pointer(e, "/io%s", inner.pointer);
}
