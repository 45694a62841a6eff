/*
 * server — the inside of http: server, connections, exchanges. Only common/http/ includes it.
 *
 * Life of an exchange, by thread:
 *   event thread  HEAD    checks the head, matches the route, knows nodes by their certificate
 *   worker        AUTH    who is the person, may she? (only routes for people)
 *   event thread  BODY    collects the body, before AUTH if it is short; DRAIN throws away the body
 *                         of a refused request
 *   worker        RUN     parses JSON, runs the handler, builds the response; maybe PARKED and RUN
 * again event thread  REPLY   queues the response; freed when libmicrohttpd has completed the
 * request While a worker has it or it is parked, its connection is suspended: one thread owns an
 * exchange at any time, so it has no lock. Locks, in order: park → queue → libmicrohttpd's own;
 * streams → stream.
 */
#ifndef COMMON_HTTP_SERVER_H
#define COMMON_HTTP_SERVER_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/http/body.h"
#include "common/http/http.h"
#include "common/http/route.h"

enum {
    HTTP_URI_MAX = 4096,
    HTTP_QUERY_MAX = 32,
    HTTP_HEAD_MEMORY = 32 * 1024, /* of one connection: head, and the window on the body */
    HTTP_NODE_MEMORY = 16 * 1024, /* the same of nodes: they are many, stay, and say little */
    HTTP_IDLE_MS = 30000,
    HTTP_ANSWER_RATE = 32,
    HTTP_DEADLINE_MS = 10000,
    HTTP_UPLOAD_DEADLINE_MS = 600000, /* handler of a spooled body: hashing takes its time */
    HTTP_ANYONE_BODY_MAX = 16 * 1024, /* what a stranger can make us hold */
    HTTP_DRAIN_MAX = 1 << 20,         /* of a known length: taken before the refusal is said */
    HTTP_LINGER_MAX = 16 << 20,       /* thrown away of what comes after a refusal */
    HTTP_LINGERING = 64,
    HTTP_QUEUE_PER_WORKER = 64,
    HTTP_KEY_MAX = 128,
    HTTP_PARK_BUCKETS = 256,
};

enum http_phase {
    PHASE_HEAD,    /* event: nothing checked yet */
    PHASE_READY,   /* event: no body, libmicrohttpd asks for the answer next */
    PHASE_AUTH,    /* worker */
    PHASE_AUTHED,  /* event: take the body */
    PHASE_BODY,    /* event */
    PHASE_DRAIN,   /* event: refused, the rest of the body is thrown away */
    PHASE_REFUSED, /* event: a worker refused before the body */
    PHASE_RUN,     /* worker, queue or parked */
    PHASE_REPLY,   /* event: queue the response */
    PHASE_SENT,
    PHASE_GONE, /* event: the other end went away: close */
};

/* One TCP connection; identity of a node is read from its certificate once. */
struct http_conn {
    struct http_server *server;
    struct http_conn *prev, *next; /* server->conns, conns_lock */
    int fd;
    char remote[48];
    _Atomic int64_t
        deadline_ms; /* what the other end must have sent, or read, by then; 0 = our turn */
    bool linger;     /* more of a refused body is to come: linger.c */
    bool identified;
    struct caller node; /* kind NODE, or NOBODY without an acceptable certificate */
};

/* A connection that libmicrohttpd has closed; we have a descriptor of our own. */
struct http_lingering {
    bool used;
    int fd;
    int64_t left, until_ms;
};

struct http_param {
    const char *name, *value; /* in http_exchange.query_text */
};

struct http_exchange {
    struct http_server *server;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    enum http_phase phase;
    struct request rq;
    struct route_match match;
    const struct route *route; /* NULL: refused before a route was found */
    unsigned allow;            /* methods for the Allow header of a 405 or a preflight */
    char trace[64];
    char *uri; /* raw, owned; cut into path and query in place */
    char *path;
    struct http_param query[HTTP_QUERY_MAX];
    int queries;
    bool bad_uri, too_long;
    bool preflight;
    bool has_body, body_whole;
    bool known;     /* the person was asked for */
    int64_t length; /* of the body; -1 = not said */
    struct http_body body;
    int64_t drain_left;
    bool close_after;
    int64_t start_ms;
    struct err err;
    struct MHD_Response *response;
    unsigned status;
    int64_t reply_bytes;
    bool in_memory; /* the answer is */
    bool gathered;  /* its head and body leave together: tls_gather */
    struct http_stream *stream;
    char etag[72];        /* strong, with quotes; "" = none */
    const char *encoding; /* Content-Encoding of a static file */
    bool vary_encoding;
    struct http_exchange *next, *prev; /* queue or park bucket */
    bool closing;                      /* queued only to tell the stream's owner that it ended */
    char park_key[HTTP_KEY_MAX];
    unsigned park_bucket;
    int64_t park_until_ms;
};

/*
 * One worker thread. The one that became idle last is called first: its database connection and
 * peers are the warmest, and the others sleep on.
 */
struct http_worker {
    struct http_server *server;
    pthread_t thread;
    sem_t call;
    struct http_worker *below; /* idle before it, and still is */
};

struct http_queue {
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct http_worker *resting; /* the top of those who wait for a call */
    struct http_exchange *first, *last;
    int length, limit;
    int away;      /* exchanges whose connection is suspended for a worker or parked */
    bool stopping; /* nothing new is taken; what waits is refused */
    bool ended;    /* workers return when the queue is empty */
};

/*
 * Wakes cannot be lost: `wakes` counts http_wake calls, woken_at[hash of key] is the count at the
 * last wake of such a key. A worker notes the count before it runs the handler; if the handler then
 * parks on a key that was woken since, it is run again at once instead of being parked.
 */
struct http_park {
    pthread_mutex_t lock;
    struct http_exchange *bucket[HTTP_PARK_BUCKETS];
    uint64_t wakes, woken_at[HTTP_PARK_BUCKETS];
    int64_t next_ms; /* earliest park_until_ms the keeper knows of */
    bool stopping;
};

struct http_tls; /* certificates by generation: tls.c */

struct http_server {
    struct http_spec spec;
    char *self, *spool_dir, *prefix, *paths[3]; /* own copies of the spec's strings */
    struct MHD_Daemon *daemon;
    int port, static_fd;
    struct route_set *routes;
    struct http_tls *tls;
    struct http_queue queue;
    struct http_park park;
    pthread_mutex_t conns_lock;
    struct http_conn *conns;
    int conns_n;
    struct http_lingering lingering[HTTP_LINGERING]; /* conns_lock; the keeper frees */
    _Atomic int lingering_n;
    _Atomic int busy; /* exchanges between their head and their completion */
    pthread_mutex_t streams_lock;
    struct http_stream *streams;
    bool streams_ended;
    struct http_worker *workers;
    pthread_t keeper;
    int started; /* workers: queue.lock */
    bool keeper_started;
    pthread_mutex_t keeper_lock;
    pthread_cond_t keeper_wake;
    bool keeper_stop, keeper_nudged;
};

/* server.c: a worker has finished with x: the event thread goes on with it. x is gone after this.
 */
void exchange_resume(struct http_exchange *x);

/* exchange.c: libmicrohttpd's callbacks, and what the others do to an exchange */
void *exchange_open(void *server, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_step(void *server, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **ctx);
void exchange_completed(void *server, struct MHD_Connection *mhd, void **ctx,
                        enum MHD_RequestTerminationCode why);
void exchange_free(struct http_exchange *x);

/* head.c: everything that can be said before the body. -1: x->err. */
int head_check(struct http_exchange *x, const char *method, const char *version);
const char *head_value(const struct http_exchange *x, const char *name);

/* query.c: cuts and decodes the address; false: not an address. */
bool query_parse(struct http_exchange *x, const char *uri);

/* guard.c: who may. On a worker (people) or the event thread (nodes). */
int guard_node(struct http_exchange *x, struct err *e) MUSTCHECK;
int guard_person(struct http_exchange *x, struct err *e) MUSTCHECK;

/* worker.c */
int worker_open(struct http_server *s, struct err *e) MUSTCHECK;
void worker_stop_all(struct http_server *s);
/* Suspends x's connection and queues it. -1: full or stopping, not suspended. */
int worker_submit(struct http_exchange *x);
void worker_again(struct http_exchange *x); /* already suspended: never refused */
void worker_close(struct http_exchange *x); /* completed with a stream: tell its owner, free */
void worker_drain(struct http_server *s);   /* refuses what waits and returns when none is away */

/* answer.c: struct reply → MHD response in x */
void answer_reply(struct http_exchange *x, struct reply *rp); /* releases rp */
void answer_problem(struct http_exchange *x, const struct reply *rp);
void answer_log(struct http_exchange *x);
void reply_release(struct reply *rp);

/* park.c */
uint64_t park_mark(struct http_server *s);
/* Takes x over: parked, or queued again if the key was woken since mark. */
void park_put(struct http_exchange *x, uint64_t mark);
int64_t park_expire(struct http_server *s, int64_t now); /* when to come again */
void park_sweep(struct http_server *s);                  /* closes those whose client is gone */
void park_stop(struct http_server *s);

/* stream.c */
struct MHD_Response *stream_response(struct http_stream *st);
void stream_dead(struct http_stream *st);  /* its connection is gone: no resume any more */
void stream_close(struct http_stream *st); /* worker: calls closed, frees */
void stream_beat_all(struct http_server *s, int64_t now);
void stream_end_all(struct http_server *s);

/* conn.c */
void conn_notify(void *server, struct MHD_Connection *mhd, void **ctx,
                 enum MHD_ConnectionNotificationCode code);
void conn_sweep(struct http_server *s, int64_t now); /* closes those that are past their deadline */
bool conn_gone(int fd);                              /* the other end has closed */

/* linger.c */
void linger_take(struct http_server *s, int fd);          /* before it is closed */
int64_t linger_drain(struct http_server *s, int64_t now); /* keeper; when to come again */
void linger_end(struct http_server *s);

/* keeper.c: one thread a server for everything that happens by time */
int keeper_start(struct http_server *s, struct err *e) MUSTCHECK;
void keeper_stop(struct http_server *s);
void keeper_nudge(struct http_server *s);

/* tls.c */
int tls_open(struct http_server *s, struct err *e) MUSTCHECK;
void tls_close(struct http_tls *t);
const char *tls_ca(const struct http_tls *t); /* PEM text or NULL */
int tls_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca, int nreqs,
                    const gnutls_pk_algorithm_t *algos, int nalgos, gnutls_pcert_st **chain,
                    unsigned *chain_length, gnutls_privkey_t *key);
void tls_identify(struct http_conn *c, struct MHD_Connection *mhd);
/* Around libmicrohttpd's sending of x's answer. */
void tls_gather(struct http_exchange *x);
void tls_flush(struct http_exchange *x);

/* listen.c: a bound, listening socket. Plain text is refused off loopback. */
int listen_open(const char *address, bool plain, int *fd, int *port, bool *loopback,
                struct err *e) MUSTCHECK;

/* static.c */
int static_open(const char *dir, int *fd, struct err *e) MUSTCHECK;
extern const struct route static_route;

/* range.c: "bytes=a-b" against size. 0 = whole, 1 = *from, *length, -1 = not satisfiable. */
int range_parse(const char *header, int64_t size, int64_t *from, int64_t *length);

#endif
