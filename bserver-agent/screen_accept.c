#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/screen_conn.h"

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"

static void give_up(struct conn *c, const char *why)
{
    log_debug("screen=gone lane=%d from=%s why=\"%s\"", c->lane->no, c->remote, why);
    c->broken = true;
}

void screen_conn_begin(struct conn *c)
{
    struct screen *s = c->lane->screen;

    c->since_ms = clock_boot_ms();
    c->deadline_ms = c->since_ms + SCREEN_STEP_MS;
    c->state = s->cert_pem ? CONN_TLS : CONN_HEAD;
    if (s->cert_pem) {
        pthread_mutex_lock(&s->files_lock);
        c->files = screen_tls_files_ref(s->files);
        pthread_mutex_unlock(&s->files_lock);
        if (screen_conn_tls_start(c) < 0)
            give_up(c, "out of memory");
    }
}

/* The answer has a status and no reason; the reason is in the log. */
void screen_conn_refuse(struct conn *c, const struct err *e)
{
    log_info("screen=refused lane=%d from=%s session=%s desktop=%s status=%d cause=\"%s\"",
             c->lane->no, c->remote, c->ticket.session.s[0] ? c->ticket.session.s : "-",
             c->ticket.desktop.s[0] ? c->ticket.desktop.s : "-", err_status(e->code),
             e->cause[0] ? e->cause : e->detail);
    c->out = c->small;
    c->out_len = screen_head_refuse(e->code, (char *)c->small);
    c->state = CONN_REFUSED;
    c->deadline_ms = clock_boot_ms() + SCREEN_LINGER_MS;
    screen_conn_drain(c);
}

static bool buffers(struct conn *c)
{
    c->down = malloc(WS_HEADER_MAX + SCREEN_BUFFER);
    c->up = malloc(SCREEN_BUFFER);
    return c->down && c->up;
}

static struct open_job *job_for(const struct conn *c)
{
    struct open_job *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->lane = c->lane;
    j->conn = c->serial;
    j->desktop = c->ticket.desktop;
    j->run = c->ticket.run;
    j->deadline_ms = c->deadline_ms;
    j->fd = -1;
    return j;
}

/* Nobody's screen: it shows that the way, the certificate and the upgrade work, and ends. */
static void test(struct conn *c, const struct screen_head *h)
{
    c->out = c->small;
    c->out_len = screen_head_accept(h, (char *)c->small);
    c->state = CONN_OPENING;
    screen_conn_flush(c);
    if (!c->broken)
        screen_conn_close(c, WS_NORMAL, "a test of the lane");
}

/* 101 goes out while the graphics socket is being opened. */
static void upgrade(struct conn *c, const struct screen_head *h)
{
    struct screen *s = c->lane->screen;
    struct err e = { 0 };
    struct ticket t;
    struct open_job *j;

    if (c->lane->admitted >= SCREENS_A_LANE)
        err_set(&e, ERR_OVERLOADED, "the lane is full");
    else if (screen_guard_admit(s->guard, s->host, h->ticket, &t, &e) == 0 && !buffers(c))
        err_set(&e, ERR_OVERLOADED, "out of memory");
    if (e.code != ERR_NONE) {
        screen_conn_refuse(c, &e);
        return;
    }
    screen_lane_admit(c, &t);
    c->deadline_ms = clock_boot_ms() + SCREEN_STEP_MS;
    j = job_for(c);
    if (!j) {
        err_set(&e, ERR_OVERLOADED, "out of memory");
        screen_conn_refuse(c, &e);
        return;
    }
    c->out = c->small;
    c->out_len = screen_head_accept(h, (char *)c->small);
    c->state = CONN_OPENING;
    screen_conn_flush(c);
    screen_opener_queue(&s->opener, j);
}

/* It held a ticket. */
static void drop_head(struct conn *c)
{
    explicit_bzero(c->head, c->head_len);
    free(MOVE(c->head));
}

static void head_come(struct conn *c)
{
    struct screen_head h;
    struct err e = { 0 };
    size_t used = 0;
    int r = screen_head_parse(c->head, c->head_len, &h, &used, &e);

    if (r == 0)
        return;
    if (r > 0 && used != c->head_len) {
        r = -1; /* a client must wait for our answer before it sends frames */
        err_set(&e, ERR_INVALID_REQUEST, "head: bytes after it");
    }
    drop_head(c);
    if (r < 0)
        screen_conn_refuse(c, &e);
    else if (h.ticket[0])
        upgrade(c, &h);
    else
        test(c, &h);
}

static void head_read(struct conn *c)
{
    if (!c->head && !(c->head = malloc(SCREEN_HEAD_MAX))) {
        give_up(c, "out of memory");
        return;
    }
    while (c->state == CONN_HEAD && !c->broken) {
        ssize_t r = screen_conn_read(c, c->head + c->head_len, SCREEN_HEAD_MAX - c->head_len);

        if (r == -EAGAIN)
            return;
        if (r <= 0) {
            give_up(c, "ended in the request head");
            return;
        }
        c->head_len += (size_t)r;
        head_come(c);
    }
}

void screen_conn_handshake(struct conn *c)
{
    if (c->state == CONN_TLS) {
        int r = screen_conn_tls_step(c);

        if (r == -EIO)
            give_up(c, "TLS handshake failed");
        if (r != 0)
            return;
        c->state = CONN_HEAD;
        c->deadline_ms = clock_boot_ms() + SCREEN_STEP_MS;
    }
    if (c->state == CONN_HEAD)
        head_read(c);
}
