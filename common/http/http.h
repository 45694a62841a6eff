/*
 * http — what a handler sees. Parsing, limits, TLS, identity and permission are done before it.
 *
 * A handler runs on a worker thread, may block, and only translates: read the request, call the
 * module, write the reply. It returns 0 with *rp filled or -1 with *e set; the server turns the
 * error into problem+json and one log line. Strings of the request live until the handler returns.
 */
#ifndef COMMON_HTTP_HTTP_H
#define COMMON_HTTP_HTTP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

struct http_server;
struct http_stream;

/* Who asks. Filled by the listener's authenticate hook (people) or from the certificate (nodes). */
enum caller_kind { CALLER_NOBODY, CALLER_PERSON, CALLER_NODE };
struct caller {
    enum caller_kind kind;
    struct id id;     /* person id or node id */
    char name[72];    /* user name, or kind of node: "ccc", "xcenter", "bcenter", "bserver" */
    char role[16];    /* "admin", "user"; nodes: "" */
    char session[72]; /* opaque to http: hash of the session token, for the daemon's own use */
    bool by_cookie;   /* authenticated by cookie: writes need the CSRF header */
    char csrf[72];    /* the value that header must have */
};

struct request {
    const char *method, *path;
    struct id path_id, path_id2; /* the {id} and {id2} of the route, valid UUIDs */
    const char *path_word; /* the {word} of the route: [a-z0-9._-]{1,128}, never "." or ".." */
    json_t *body;          /* parsed object; NULL if there was none */
    const char *body_text; /* HTTP_UNREAD routes: the body_size bytes as they came; NULL: none */
    const char *body_file; /* HTTP_BODY_FILE routes: path of the complete spooled body */
    int64_t body_size;     /* bytes of the body */
    struct caller caller;
    const char *trace_id; /* also set as the thread's log_trace() */
    const char *self;     /* "ccc/<id>": this tier and instance */
    const char *remote;   /* numeric address of the other end, for the audit */
    int64_t deadline_ms;  /* clock_boot_ms() at which the asker gives up (BIC-Deadline-Ms header,
                             capped by the route) */
    /* Of a node: which request this is, however often it comes: its Idempotency-Key ("" if there is
     * none or it is no UUID) and its BIC-Attempt, 0 at first. */
    struct id key;
    int64_t attempt;
    bool woken;   /* this is a second run after http_park */
    bool expired; /* woken because park_until has come: answer now, parking again is refused */
    void *app;    /* the daemon's own context */
    void *worker; /* what worker_start returned on this thread (db, peer handles) */
    struct http_exchange *x; /* the server's own */
};

const char *http_header(const struct request *rq, const char *name); /* NULL if absent */
const char *http_query(const struct request *rq, const char *name);  /* decoded; NULL if absent */
/* Refuses any query parameter that is not in the NULL-ended list. INVALID_REQUEST. */
int http_query_only(const struct request *rq, const char *const allowed[], struct err *e) MUSTCHECK;
/* A whole number within bounds, or fallback if absent. INVALID_REQUEST. */
int http_query_int(const struct request *rq, const char *name, int64_t min, int64_t max,
                   int64_t fallback, int64_t *out, struct err *e) MUSTCHECK;
/* The generation of If-Match: IF_MATCH_REQUIRED if absent, INVALID_REQUEST if not "\"n\"". */
int http_if_match(const struct request *rq, int64_t *generation, struct err *e) MUSTCHECK;

struct reply {
    int status;
    json_t *body;       /* owned by the reply; NULL with 204 */
    char location[160]; /* "" or the Location header */
    int64_t etag;       /* > 0: ETag: "<n>" */
    char cookie[256];   /* "" or one Set-Cookie value */
    int retry_after_s;  /* > 0: Retry-After */
    /* one of these instead of body: */
    const char *text;      /* static text that outlives the server, with text_type */
    const char *text_type; /* also the type of file */
    char *text_owned;      /* malloc'd text, freed by the server, with text_type */
    int file_fd; /* ≥ 0 and file_size > 0: this file, ranges honoured; closed by the server. Init:
                    -1 by the server before the handler */
    int64_t file_size;
    const char *cache;          /* Cache-Control of a file or text; NULL: no-store */
    struct http_stream *stream; /* a server-sent stream, from http_stream_open */
    /* http_park: */
    const char *park_key;  /* not NULL: no answer yet; run me again when the key is woken or at
                              park_until_ms */
    int64_t park_until_ms; /* clock_boot_ms */
};

typedef int http_handler(const struct request *rq, struct reply *rp, struct err *e);

enum http_flags {
    HTTP_JSON = 0,         /* body, if any, is JSON of at most 1 MiB */
    HTTP_BODY_FILE = 1,    /* body is spooled to a file of at most http_spec.spool_max bytes */
    HTTP_NO_TRACE_LOG = 2, /* health checks, long-polls: not in the access log */
    HTTP_LARGE = 4,        /* JSON body up to 16 MiB: between tiers only */
    HTTP_UNREAD = 16,      /* the JSON is only handed on: body_text instead of body */
    HTTP_CORS = 8, /* may be called from any origin, without cookies: answers preflights too */
};

struct route {
    const char *method, *path; /* "/api/v1/pools/{id}", "{id2}", "{word}" */
    const char *permission;    /* "anyone", "self", "admin"; nodes: "node:bserver", "node:bcenter",
                                  "node:xcenter", "node:ccc", "node:any" */
    http_handler *handler;
    unsigned flags;
};

/* Identity of people: fills *c from cookie or bearer. Returns 0 with kind NOBODY if there is none;
 * -1 NOT_SIGNED_IN if what was sent is no longer valid. */
typedef int http_authenticate(const struct request *rq, struct caller *c, struct err *e);

enum { HTTP_CONNECTIONS = 2000 };

struct http_spec {
    const char *self;                  /* origin of errors: "ccc/<uuid>" */
    const char *address;               /* "127.0.0.1:8443", "[::1]:0"; port 0 = any free one */
    const struct route *const *routes; /* NULL-ended list of tables that end with { 0 } */
    http_authenticate *authenticate;   /* NULL on management listeners */
    const char *cert_pem, *key_pem, *ca_pem; /* paths; cert NULL = plain (loopback only, else
                                                refused); ca = ask for client certificates */
    const char *static_root; /* NULL, or the directory with index.html, served at "/" */
    const char *spool_dir;   /* for HTTP_BODY_FILE */
    int64_t spool_max;
    const char *public_prefix; /* "/api/" : unknown paths under it are 404 problem, others fall back
                                  to index.html */
    int workers;               /* worker threads at most, default 8; started as needed */
    int connections_max; /* default HTTP_CONNECTIONS; per address a quarter of it unless loopback */
    int answer_rate; /* bytes a millisecond that a reader of answers must keep up with on average,
                        beyond idle_ms; default 32 */
    int idle_ms; /* a head must be complete in this time, idle connections close; default 30,000 */
    void *app;
    void *(*worker_start)(void *app); /* NULL ok; once on each worker thread */
    void (*worker_stop)(void *app, void *worker);
};

int http_start(const struct http_spec *spec, struct http_server **out, struct err *e) MUSTCHECK;
void http_stop(
    struct http_server *s); /* resumes what is parked, ends streams, joins workers; NULL ok */
int http_port(const struct http_server *s);

/* Runs again every parked request with this key (at once, on a worker). Callable from any thread.
 */
void http_wake(struct http_server *s, const char *key);

/* Certificates may be renewed while running: reads the paths again for new connections. */
int http_reload_tls(struct http_server *s, struct err *e) MUSTCHECK;

/*
 * Server-sent events (WHATWG HTML §9.2). The stream is owned by the server; `closed` is called once
 * when the other end is gone. http_stream_send never blocks: more than 256 KiB of unread events
 * drop the connection (the page re-reads when it reconnects). A comment is sent every 15 s.
 */
struct http_stream *http_stream_open(const struct request *rq,
                                     void (*closed)(void *arg, struct http_stream *), void *arg);
void http_stream_send(struct http_stream *st, const char *event, const char *data);
/* Closes its connection; `closed` is still called. */
void http_stream_end(struct http_stream *st);

/* Replies. body NULL = out of memory. */
int http_reply(struct reply *rp, int status, json_t *body, struct err *e) MUSTCHECK;
int http_park(struct reply *rp, const char *key, int64_t until_boot_ms);

/* Opens a 202: Location and body of an operation. */
int http_accepted(struct reply *rp, const char *operation_id, json_t *operation,
                  struct err *e) MUSTCHECK;

#endif
