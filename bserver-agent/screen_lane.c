#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bserver-agent/screen_conn.h"

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"

enum {
    BATCH = 64,
    ACCEPTS = 16,        /* at a time, so that a flood of them does not stop the screens */
    HANDSHAKES = 4,      /* in one turn, likewise: each is about 1 ms of arithmetic */
    UNSENT = 128 * 1024, /* more than that does not wait in the kernel: what is shown is fresh */
    FAREWELL_MS = 1000,  /* at stop */
};

void screen_lane_wake(struct lane *l)
{
    const uint64_t one = 1;

    if (write(l->wake, &one, sizeof one) < 0)
        return; /* the counter is full: it is awake */
}

static bool hit(const struct conn *c, const struct kick *k)
{
    if (!c->admitted || c->kick || (k->desktop && !id_eq(k->desktop, &c->ticket.desktop)) ||
        (k->session && !id_eq(k->session, &c->ticket.session)) ||
        (k->before && c->order >= k->before))
        return false;
    /* A screen above seq is younger than this word; it stays. */
    return !k->live_session || c->ticket.seq < k->seq ||
           (c->ticket.seq == k->seq && !id_eq(k->live_session, &c->ticket.session));
}

void screen_lane_kick(struct lane *l, const struct kick *k)
{
    bool any = false;

    pthread_mutex_lock(&l->lock);
    for (struct conn *c = l->conns; c; c = c->next)
        if (hit(c, k)) {
            c->kick = k->code;
            any = true;
        }
    pthread_mutex_unlock(&l->lock);
    if (any)
        screen_lane_wake(l);
}

void screen_lane_admit(struct conn *c, const struct ticket *t)
{
    struct screen *s = c->lane->screen;
    struct kick older = { .session = &t->session, .code = WS_TAKEN_OVER };
    struct kick lower = {
        .desktop = &t->desktop, .live_session = &t->session, .seq = t->seq, .code = WS_SESSION_ENDED
    };

    pthread_mutex_lock(&c->lane->lock);
    c->ticket = *t;
    c->order = atomic_fetch_add(&s->orders, 1) + 1;
    c->admitted = true;
    pthread_mutex_unlock(&c->lane->lock);
    c->lane->guests--;
    c->lane->admitted++;
    older.before = lower.before = c->order;
    for (int i = 0; i < s->lanes_n; i++) {
        screen_lane_kick(&s->lanes[i], &older);
        screen_lane_kick(&s->lanes[i], &lower);
    }
}

static void unlink_conn(struct conn *c)
{
    struct lane *l = c->lane;

    pthread_mutex_lock(&l->lock);
    screen_conn_segments(c, &l->sent, &l->resent);
    if (c->prev)
        c->prev->next = c->next;
    else
        l->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&l->lock);
}

static void tell_bytes(struct conn *c)
{
    metric_add(METRIC_SCREEN_BYTES, c->bytes_out - c->bytes_told);
    c->bytes_told = c->bytes_out;
}

static void tell_closed(struct conn *c)
{
    struct screen *s = c->lane->screen;

    if (c->admitted)
        log_info("screen=closed session=%s desktop=%s lane=%d code=%d bytes=%lld seconds=%lld "
                 "cause=\"%s\"",
                 c->ticket.session.s, c->ticket.desktop.s, c->lane->no, c->close_code,
                 (long long)c->bytes_out, (long long)(clock_boot_ms() - c->since_ms) / 1000,
                 c->why[0] ? c->why : "connection lost");
    if (!c->opened)
        return;
    tell_bytes(c);
    atomic_fetch_sub(&s->open, 1);
    metric_add(METRIC_SCREENS, -1);
    s->host->closed(s->host->arg, &c->ticket.session, &c->ticket.desktop, c->ticket.seq,
                    c->bytes_out);
}

/* The sockets are closed now; the memory stays until no event of this batch can name it. */
void screen_conn_bury(struct conn *c)
{
    struct lane *l = c->lane;

    unlink_conn(c);
    c->admitted ? l->admitted-- : l->guests--;
    c->state = CONN_DEAD;
    if (c->qemu >= 0)
        close(c->qemu);
    close(c->fd);
    tell_closed(c);
    c->next = l->dead;
    l->dead = c;
}

static void free_dead(struct lane *l)
{
    while (l->dead) {
        struct conn *c = l->dead;

        l->dead = c->next;
        if (c->tls)
            gnutls_deinit(c->tls);
        screen_tls_files_unref(c->files);
        screen_ws_free(&c->ws);
        free(c->head);
        free(c->down);
        free(c->up);
        free(c);
    }
}

/* No interest = not in the set at all: epoll reports a hang-up to whoever is in it, again and
 * again. */
static void watch(struct lane *l, struct conn *c, int fd, uint32_t *have, uint32_t want)
{
    struct epoll_event ev = { .events = want, .data.ptr = c };

    if (*have == want || fd < 0)
        return;
    if (epoll_ctl(l->epoll,
                  !want    ? EPOLL_CTL_DEL
                  : !*have ? EPOLL_CTL_ADD
                           : EPOLL_CTL_MOD,
                  fd, &ev) < 0)
        c->broken = true;
    *have = want;
}

static void set_interest(struct conn *c)
{
    uint32_t client = c->out_len > 0 ? EPOLLOUT : 0, qemu = 0;
    bool full = c->up && SCREEN_BUFFER - c->up_len < WS_CHUNK_MAX + SCREEN_RFB_HELD;

    if (c->state == CONN_TLS)
        client = gnutls_record_get_direction(c->tls) ? EPOLLOUT : EPOLLIN;
    else if (c->state != CONN_OPENING && !c->eof &&
             !(full && (c->state == CONN_RELAY || c->state == CONN_SETTLING)))
        client |= EPOLLIN;
    if (c->state == CONN_RELAY)
        qemu = (c->out_len == 0 ? EPOLLIN : 0) | (c->up_len > 0 ? EPOLLOUT : 0);
    watch(c->lane, c, c->fd, &c->fd_events, client);
    watch(c->lane, c, c->qemu, &c->qemu_events, qemu);
}

/* Whatever happened: does what can be done, then says what it waits for. */
static void run_conn(struct conn *c)
{
    if (c->state == CONN_DEAD || (c->state == CONN_TLS && ++c->lane->handshakes > HANDSHAKES))
        return; /* epoll names it again in the next turn */
    c->runnable = false;
    switch (c->state) {
    case CONN_TLS:
    case CONN_HEAD: screen_conn_handshake(c); break;
    case CONN_OPENING: screen_conn_flush(c); break;
    case CONN_RELAY:
    case CONN_SETTLING: screen_conn_relay(c); break;
    default: screen_conn_drain(c);
    }
    if (!c->broken)
        set_interest(c);
    if (c->broken)
        screen_conn_bury(c);
    else
        c->lane->runnable |= c->runnable;
}

/* After something else than an event has moved it. */
static void after(struct conn *c)
{
    if (!c->broken)
        set_interest(c);
    if (c->broken)
        screen_conn_bury(c);
    else
        c->lane->runnable |= c->runnable;
}

/* Room for a newcomer: whoever has stood in the door for longest goes. */
static void make_room(struct lane *l)
{
    struct conn *oldest = NULL;

    for (struct conn *c = l->conns; c; c = c->next)
        if (!c->admitted)
            oldest = c;
    if (oldest && l->guests >= SCREEN_GUESTS_A_LANE)
        screen_conn_bury(oldest);
}

static void greet(struct lane *l, int fd, const struct sockaddr_storage *from, socklen_t n)
{
    const int on = 1, unsent = UNSENT;
    char host[46], port[8];
    struct conn *c = calloc(1, sizeof *c);

    if (!c) {
        close(fd);
        return;
    }
    make_room(l);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (getnameinfo((const struct sockaddr *)from, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(c->remote, sizeof c->remote, "%s:%s", host, port);
    c->lane = l;
    c->fd = fd;
    c->qemu = -1;
    c->serial = atomic_fetch_add(&l->screen->serials, 1) + 1;
    pthread_mutex_lock(&l->lock);
    c->next = l->conns;
    if (c->next)
        c->next->prev = c;
    l->conns = c;
    pthread_mutex_unlock(&l->lock);
    l->guests++;
    screen_conn_begin(c);
    after(c);
}

static void hear(struct lane *l, bool on)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &l->listener };

    epoll_ctl(l->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->listener, &ev);
    l->deaf = !on;
}

static void accept_some(struct lane *l)
{
    for (int i = 0; i < ACCEPTS; i++) {
        struct sockaddr_storage from;
        socklen_t n = sizeof from;
        int fd = accept4(l->listener, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            greet(l, fd, &from, n);
        } else if (errno != ECONNABORTED && errno != EINTR) {
            if (errno != EAGAIN) {
                log_warn("screen=deaf lane=%d errno=%d", l->no, errno);
                hear(l, false);
            }
            return;
        }
    }
}

static struct conn *by_serial(struct lane *l, uint64_t serial)
{
    for (struct conn *c = l->conns; c; c = c->next)
        if (c->serial == serial)
            return c;
    return NULL;
}

static const char *kick_cause(int code)
{
    return code == WS_TAKEN_OVER        ? "taken over by a newer connection"
           : code == WS_DESKTOP_STOPPED ? "the desktop stopped"
           : code == WS_GOING_AWAY      ? "the agent stops"
                                        : "the session ended";
}

static void do_kicks(struct lane *l)
{
    for (struct conn *c = l->conns, *next; c; c = next) {
        int code;

        next = c->next;
        pthread_mutex_lock(&l->lock);
        code = c->kick;
        pthread_mutex_unlock(&l->lock);
        if (!code || c->state >= CONN_CLOSING)
            continue;
        screen_conn_close(c, code, kick_cause(code));
        after(c);
    }
}

static void take_jobs(struct lane *l)
{
    struct open_job *j, *next;

    pthread_mutex_lock(&l->lock);
    j = MOVE(l->done);
    pthread_mutex_unlock(&l->lock);
    for (; j; j = next) {
        struct conn *c = by_serial(l, j->conn);

        next = j->next;
        if (c && c->state == CONN_OPENING) {
            screen_conn_opened(c, j);
            if (c->opened)
                metric_add(METRIC_SCREENS, 1);
            after(c);
        }
        if (j->fd >= 0)
            close(j->fd);
        free(j);
    }
}

static void woken(struct lane *l)
{
    uint64_t n;

    if (read(l->wake, &n, sizeof n) < 0)
        return;
    do_kicks(l); /* before jobs: what must not be shown is not opened first */
    take_jobs(l);
    do_kicks(l);
}

static void sweep(struct lane *l, int64_t now_ms)
{
    for (struct conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        screen_conn_tick(c, now_ms);
        if (c->opened)
            tell_bytes(c);
        after(c);
    }
    if (l->deaf && l->listener >= 0)
        hear(l, true);
    l->next_sweep_ms = now_ms + SCREEN_SWEEP_MS;
}

static void run_runnable(struct lane *l)
{
    l->runnable = false;
    for (struct conn *c = l->conns, *next; c; c = next) {
        next = c->next;
        if (c->runnable)
            run_conn(c);
    }
}

static void turn(struct lane *l)
{
    struct epoll_event evs[BATCH];
    int64_t now_ms;
    int n;

    l->handshakes = 0;
    n = epoll_wait(l->epoll, evs, BATCH,
                   l->runnable           ? 0
                   : l->conns || l->deaf ? SCREEN_SWEEP_MS
                                         : -1);

    for (int i = 0; i < n; i++) {
        if (evs[i].data.ptr == &l->listener)
            accept_some(l);
        else if (evs[i].data.ptr == &l->wake)
            woken(l);
        else
            run_conn(evs[i].data.ptr);
    }
    if (l->runnable)
        run_runnable(l);
    now_ms = clock_boot_ms();
    if (now_ms >= l->next_sweep_ms)
        sweep(l, now_ms);
    free_dead(l);
}

static void farewell(struct lane *l)
{
    const struct kick all = { .code = WS_GOING_AWAY };
    int64_t until_ms = clock_boot_ms() + FAREWELL_MS;

    close(l->listener);
    l->listener = -1;
    l->deaf = false;
    screen_lane_kick(l, &all);
    do_kicks(l);
    while (l->admitted > 0 && clock_boot_ms() < until_ms)
        turn(l);
    while (l->conns)
        screen_conn_bury(l->conns);
    free_dead(l);
}

static void *run(void *arg)
{
    struct lane *l = arg;

    while (!atomic_load(&l->screen->stopping))
        turn(l);
    farewell(l);
    return NULL;
}

static int epoll_add(struct lane *l, int fd, void *tag)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = tag };

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev);
}

int screen_lane_start(struct lane *l, struct err *e)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->epoll < 0 || l->wake < 0 || epoll_add(l, l->wake, &l->wake) < 0 ||
        epoll_add(l, l->listener, &l->listener) < 0) {
        err_set(e, ERR_INTERNAL, "the display listener cannot be started");
        return err_cause(e, "epoll: errno %d", errno);
    }
    if (pthread_create(&l->thread, NULL, run, l) != 0)
        return err_set(e, ERR_INTERNAL, "no thread for the screens");
    l->started = true;
    return 0;
}

void screen_lane_join(struct lane *l)
{
    if (!l->started)
        return;
    screen_lane_wake(l);
    pthread_join(l->thread, NULL);
    l->started = false;
}

/* After the openers have ended too: they hand in what they have until then. */
void screen_lane_free(struct lane *l)
{
    while (l->done) {
        struct open_job *j = l->done;

        l->done = j->next;
        if (j->fd >= 0)
            close(j->fd);
        free(j);
    }
    if (l->listener >= 0)
        close(l->listener);
    if (l->epoll >= 0)
        close(l->epoll);
    if (l->wake >= 0)
        close(l->wake);
    pthread_mutex_destroy(&l->lock);
}
