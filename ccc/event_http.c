#include "ccc/ccc.h"
#include "ccc/event_stream.h"
#include "ccc/routes.h"

/* GET /api/v1/events */
static int get_events(const struct request *rq, struct reply *rp, struct err *e)
{
    struct event_stream *s;

    if (http_query_only(rq, (const char *const[]){ NULL }, e) < 0)
        return -1;
    s = event_stream_add(ccc_app(rq)->events, rq);
    if (!s)
        return err_set(e, ERR_OVERLOADED, "too many pages watch already");
    rp->status = 200;
    rp->stream = s->stream;
    return 0;
}

const struct route event_routes[] = {
    { "GET", "/api/v1/events", "self", get_events, HTTP_NO_TRACE_LOG },
    { 0 },
};
