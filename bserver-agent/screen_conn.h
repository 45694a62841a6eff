/*
 * screen_conn — inside of the display listener: lanes, connections, and who may touch them.
 *
 * A lane is a listening socket, an epoll set and the one thread that does everything with its
 * connections. Other threads may only, under the lane's lock, mark a connection (kick) or hand in a
 * finished graphics job, and then wake the lane.
 */
#ifndef BSERVER_AGENT_SCREEN_CONN_H
#define BSERVER_AGENT_SCREEN_CONN_H

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "bserver-agent/screen.h"
#include "bserver-agent/screen_head.h"
#include "bserver-agent/screen_rfb.h"
#include "bserver-agent/screen_ticket.h"
#include "bserver-agent/screen_ws.h"

enum {
    SCREEN_STEP_MS = 5000, /* TLS, head, graphics: each */
    SCREEN_LINGER_MS = 2000,
    SCREEN_SETTLE_MS = 700, /* QEMU hung up: the word that its run ended may come a little later */
    SCREEN_PING_MS = 15000,
    SCREEN_DEAD_MS = 45000,
    SCREEN_SWEEP_MS = 250,
    SCREENS_A_LANE = 100,
    SCREEN_GUESTS_A_LANE = 50, /* not yet authenticated */
    SCREEN_BUFFER = 64 * 1024,
    SCREEN_OPENERS = 8,
};

enum conn_state {
    CONN_TLS,
    CONN_HEAD,
    CONN_OPENING, /* 101 goes out while a helper thread opens the graphics socket */
    CONN_RELAY,
    CONN_SETTLING, /* QEMU hung up */
    CONN_CLOSING,  /* close frame goes out, theirs is awaited */
    CONN_REFUSED,  /* HTTP refusal goes out */
    CONN_LINGER,   /* all is said: waits for their end of the stream */
    CONN_DEAD,     /* freed after this batch of events */
};

struct tls_files; /* one loaded certificate, shared by its connections */

/* A wish to open graphics: made by a lane, done by an opener, taken back by the lane. */
struct open_job {
    struct open_job *next;
    struct lane *lane;
    uint64_t conn;
    struct id desktop, run;
    int64_t deadline_ms;
    int fd; /* -1: failed */
    struct err e;
};

struct conn {
    struct conn *prev, *next; /* lane->lock */
    struct lane *lane;
    enum conn_state state;
    uint64_t serial;
    int fd, qemu;
    uint32_t fd_events, qemu_events; /* as registered with epoll */
    bool runnable;                   /* stopped by its budget, not by a socket */
    int64_t since_ms, deadline_ms;
    char remote[64];

    struct tls_files *files;
    gnutls_session_t tls;      /* NULL: plain */
    bool tls_unsent, tls_more; /* a record waits inside GnuTLS; more records follow at once */

    char *head; /* SCREEN_HEAD_MAX bytes, until the head is read */
    size_t head_len;

    bool admitted; /* lane->lock, with ticket, order and kick */
    struct ticket ticket;
    uint64_t order; /* of admission, over all lanes */
    int kick;       /* close code that another thread wants */

    const uint8_t *out; /* what is being sent: in small or in down */
    size_t out_len;
    uint8_t small[SCREEN_REPLY_MAX];
    uint8_t *down; /* WS_HEADER_MAX + SCREEN_BUFFER: from QEMU */
    uint8_t *up;   /* SCREEN_BUFFER: filtered, for QEMU */
    size_t up_at, up_len;
    bool eof, broken; /* their end of the stream; the connection is no use any more */
    bool dry;         /* the last read found nothing, as opposed to too little */

    struct screen_ws ws;
    struct screen_rfb rfb;
    bool ping_due, pong_due, close_due, close_heard;
    uint8_t pong[WS_CONTROL_MAX], pong_len;
    int close_code;
    char why[256]; /* for the log */
    int64_t heard_ms, pinged_ms;
    int64_t bytes_out, bytes_told; /* told: already in the metric */
    bool opened;                   /* host->opened was called */
};

struct lane {
    struct screen *screen;
    int no, listener, epoll, wake, port;
    bool deaf; /* not accepting until the next sweep: out of file descriptors */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    struct conn *conns;    /* newest first; lock for changes and for other threads */
    uint64_t sent, resent; /* segments of connections that are gone; lock */
    struct open_job *done; /* lock */
    struct conn *dead;
    bool runnable;
    int guests, admitted, handshakes;
    int64_t next_sweep_ms;
};

struct opener {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct open_job *first, **last;
    bool stop;
    pthread_t threads[SCREEN_OPENERS];
    int n;
};

struct screen {
    const struct screen_host *host;
    struct screen_guard *guard;
    struct opener opener;
    char *cert_pem, *key_pem; /* NULL: plain */
    pthread_mutex_t files_lock;
    struct tls_files *files;
    atomic_bool stopping;
    atomic_int open;
    atomic_uint_fast64_t orders, serials;
    int lanes_n;
    struct lane *lanes;
};

/* screen_io.c: bytes and TLS. read: > 0, 0 at the end of the stream, -EAGAIN, -EIO. */
int screen_tls_files_load(const char *cert, const char *key, struct tls_files **out,
                          struct err *e) MUSTCHECK;
struct tls_files *screen_tls_files_ref(struct tls_files *f);
void screen_tls_files_unref(struct tls_files *f);
int screen_conn_tls_start(struct conn *c); /* -1: out of memory */
int screen_conn_tls_step(struct conn *c);  /* 0 done, -EAGAIN, -EIO */
ssize_t screen_conn_read(struct conn *c, void *to, size_t n);
ssize_t screen_conn_write(struct conn *c, const void *from, size_t n);
void screen_conn_shutdown(struct conn *c);

/* screen_accept.c: until a ticket is admitted. */
void screen_conn_begin(struct conn *c);
void screen_conn_handshake(struct conn *c);
void screen_conn_refuse(struct conn *c, const struct err *e);

/* screen_relay.c: after it. */
void screen_conn_opened(struct conn *c, struct open_job *j);
void screen_conn_relay(struct conn *c);
void screen_conn_close(struct conn *c, int code, const char *why);
void screen_conn_flush(struct conn *c); /* sends what is there to send; sets broken */
void screen_conn_drain(struct conn *c); /* CLOSING, REFUSED, LINGER */
void screen_conn_tick(struct conn *c, int64_t now_ms);

/* screen_lane.c */
int screen_lane_start(struct lane *l, struct err *e) MUSTCHECK;
void screen_lane_join(struct lane *l);
void screen_lane_free(struct lane *l);
void screen_lane_wake(struct lane *l);
void screen_lane_admit(struct conn *c,
                       const struct ticket *t); /* newest wins: closes the session's others */
void screen_conn_bury(struct conn *c);

/* Marks (any thread) the connections that match, with the close code; skip NULL ok. */
struct kick {
    const struct id *desktop, *session; /* NULL: any */
    const struct id *live_session;      /* NULL: not asked; else those of others at seq or below */
    int64_t seq;                        /* with live_session */
    uint64_t before;                    /* admitted before this order; 0: any */
    int code;
};
void screen_lane_kick(struct lane *l, const struct kick *k);

/* screen_segments.c: adds what was sent; lane->lock is held, so that the socket is open. */
void screen_conn_segments(const struct conn *c, uint64_t *sent, uint64_t *resent);

/* screen_open.c */
void screen_opener_init(struct opener *o);
int screen_opener_start(struct screen *s, struct err *e) MUSTCHECK;
void screen_opener_stop(struct opener *o);
void screen_opener_queue(struct opener *o, struct open_job *j);

#endif
