/*
 * event_stream — the open streams and what each of their people may see. Only event.c and
 * event_http.c include this.
 */
#ifndef CCC_EVENT_STREAM_H
#define CCC_EVENT_STREAM_H

#include <pthread.h>

#include "ccc/event.h"
#include "common/base/id.h"
#include "common/http/http.h"

enum { EVENT_KINDS = 24, EVENT_IDS_MAX = 100 };

struct event_stream {
    struct event_hub *hub;
    struct http_stream *stream;
    struct id person;
    char session[72]; /* hash of the token: the stream ends with it */
    bool admin, ended;
    struct event_stream *prev, *next;
};

/* A change of one object, as the table tells it. */
struct event_row {
    char kind[24];
    struct id id, person; /* person unset: administrators only */
    bool wake;            /* those who wait for it */
};

/* TOO_MANY_REQUESTS: 8 of this session, or 32 of its person, are open; OVERLOADED: all there may
 * be. The stream leaves by itself when the page goes. */
int event_stream_add(struct event_hub *h, const struct request *rq, struct http_stream **out,
                     struct err *e) MUSTCHECK;

/* What one stream is told of these rows: [{"kind","ids"?}, …]; overflow: all kinds without ids. */
json_t *event_for(bool admin, const struct id *person, const struct event_row *rows, size_t n,
                  bool overflow);

#endif
