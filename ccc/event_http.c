#include "ccc/ccc.h"
#include "ccc/event_stream.h"
#include "ccc/routes.h"

/* GET /api/v1/events */
static int get_events(const struct request *rq, struct reply *rp, struct err *e)
{
    if (http_query_only(rq, (const char *const[]){ NULL }, e) < 0 ||
        event_stream_add(ccc_app(rq)->events, rq, &rp->stream, e) < 0)
        return -1;
    rp->status = 200;
    return 0;
}

const struct route event_routes[] = {
    { "GET", "/api/v1/events", "self", get_events, HTTP_NO_TRACE_LOG },
    { 0 },
};
