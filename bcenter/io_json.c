#include "bcenter/io_json.h"

#include "common/base/json.h"

void io_json_count(json_t *o, const char *key, int64_t n)
{
    json_object_set_new(o, key, n < 0 ? json_null() : json_integer(n));
}

void io_json_move(json_t *o, const struct io_move *v)
{
    json_put_int(o, "from", v->from);
    json_put_int(o, "to", v->to);
    json_put_str(o, "reason", io_reason_word(v->reason));
    io_json_count(o, "total", v->total);
    io_json_count(o, "us_per_request", v->us_per_request);
    io_json_count(o, "quiet_us", v->quiet_us);
    io_json_count(o, "dropped", v->dropped);
}
