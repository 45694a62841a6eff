#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/screen_conn.h"

#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    TURNS = 2,   /* frames of up to 64 KiB that one screen sends before others have their turn */
    EVENTS = 64, /* frames taken from one browser likewise */
};

static void end_qemu(struct conn *c)
{
    if (c->qemu >= 0)
        close(c->qemu); /* leaves the epoll set by itself */
    c->qemu = -1;
    c->qemu_events = 0;
    c->up_len = 0;
}

/* From here on nothing more of the desktop is shown; the frame under way is finished first. */
void screen_conn_close(struct conn *c, int code, const char *why)
{
    if (c->state >= CONN_CLOSING)
        return;
    end_qemu(c);
    c->state = CONN_CLOSING;
    snprintf(c->why, sizeof c->why, "%s", why);
    c->close_code = code;
    c->close_due = true;
    c->deadline_ms = clock_boot_ms() + SCREEN_LINGER_MS;
    screen_conn_drain(c);
}

static size_t control_frame(struct conn *c, enum ws_opcode op, const uint8_t *body, size_t n)
{
    size_t head = screen_ws_header(c->small, op, n);

    memcpy(c->small + head, body, n);
    c->out = c->small;
    c->out_len = head + n;
    return c->out_len;
}

/* Between two frames: a control frame that is due. */
static bool control_due(struct conn *c)
{
    const uint8_t code[2] = { (uint8_t)(c->close_code >> 8), (uint8_t)c->close_code };

    if (c->close_due) {
        c->close_due = c->ping_due = c->pong_due = false;
        return control_frame(c, WS_OP_CLOSE, code, c->close_code == WS_NO_CODE ? 0 : 2);
    }
    if (c->state >= CONN_CLOSING)
        return false;
    if (c->pong_due) {
        c->pong_due = false;
        return control_frame(c, WS_OP_PONG, c->pong, c->pong_len);
    }
    if (c->ping_due) {
        c->ping_due = false;
        return control_frame(c, WS_OP_PING, code, 0);
    }
    return false;
}

/* QEMU's bytes get their frame header in front of them, where they lie. */
static bool data_due(struct conn *c)
{
    uint8_t head[WS_HEADER_MAX];
    uint8_t *body = c->down + WS_HEADER_MAX;
    size_t n;
    ssize_t r;

    if (c->state != CONN_RELAY)
        return false;
    r = recv(c->qemu, body, SCREEN_BUFFER, MSG_DONTWAIT);
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (r <= 0) {
        end_qemu(c);
        c->state = CONN_SETTLING;
        c->deadline_ms = clock_boot_ms() + SCREEN_SETTLE_MS;
        return false;
    }
    n = screen_ws_header(head, WS_OP_BINARY, (size_t)r);
    memcpy(body - n, head, n);
    c->out = body - n;
    c->out_len = n + (size_t)r;
    c->bytes_out += r;
    return true;
}

/* Sends what is under way. false: no more can be sent now. */
static bool out_sent(struct conn *c)
{
    while (c->out_len > 0 && !c->broken) {
        ssize_t r = screen_conn_write(c, c->out, c->out_len);

        if (r == -EAGAIN)
            return false;
        if (r < 0) {
            c->broken = true;
            break;
        }
        c->out += r;
        c->out_len -= (size_t)r;
    }
    return !c->broken;
}

void screen_conn_flush(struct conn *c)
{
    for (int turn = 0; out_sent(c); turn++) {
        if (c->state == CONN_REFUSED || c->state == CONN_LINGER)
            return;
        if (turn == TURNS) {
            c->runnable = true;
            return;
        }
        if (!control_due(c) && !data_due(c))
            return;
    }
}

static void filter(struct conn *c, const uint8_t *data, size_t n)
{
    struct err e = { 0 };
    size_t got = 0;

    if (screen_rfb_feed(&c->rfb, data, n, c->up + c->up_at + c->up_len, &got, &e) < 0) {
        screen_conn_close(c, WS_PROTOCOL, e.detail);
        return;
    }
    c->up_len += got;
}

/* Room for whatever one event can bring. */
static bool room(struct conn *c)
{
    const size_t most = WS_CHUNK_MAX + SCREEN_RFB_HELD;

    if (c->up_len == 0)
        c->up_at = 0;
    if (SCREEN_BUFFER - c->up_at - c->up_len < most && c->up_at > 0) {
        memmove(c->up, c->up + c->up_at, c->up_len);
        c->up_at = 0;
    }
    return SCREEN_BUFFER - c->up_at - c->up_len >= most;
}

static void on_event(struct conn *c, enum ws_event ev, const uint8_t *data, size_t n, int code)
{
    c->heard_ms = clock_boot_ms();
    switch (ev) {
    case WS_DATA:
        if (c->state == CONN_RELAY)
            filter(c, data, n);
        break;
    case WS_PING:
        memcpy(c->pong, c->ws.control, c->ws.control_len);
        c->pong_len = c->ws.control_len;
        c->pong_due = true;
        break;
    case WS_CLOSED:
        c->close_heard = true;
        screen_conn_close(c, code, "closed by the browser");
        break;
    case WS_BAD:
        c->close_heard = true; /* what they send from here on cannot be understood */
        screen_conn_close(c, code, "WebSocket protocol");
        break;
    case WS_PONG:
    case WS_NOTHING: break;
    }
}

static void take_frames(struct conn *c)
{
    for (int i = 0; !c->broken && (c->state == CONN_RELAY || c->state == CONN_SETTLING); i++) {
        const uint8_t *data = NULL;
        size_t n = 0;
        int code = 0;
        enum ws_event ev;

        if (!room(c))
            return;
        if (i == EVENTS) {
            c->runnable = true;
            return;
        }
        c->dry = false;
        ev = screen_ws_next(&c->ws, &data, &n, &code);
        if (ev == WS_NOTHING && c->dry) {
            c->broken = c->broken || c->eof;
            return;
        }
        on_event(c, ev, data, n, code);
    }
}

static void feed_qemu(struct conn *c)
{
    while (c->qemu >= 0 && c->up_len > 0) {
        ssize_t r = send(c->qemu, c->up + c->up_at, c->up_len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (r < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (r < 0) {
            c->up_len = 0; /* it has hung up: reading will tell */
            return;
        }
        c->up_at += (size_t)r;
        c->up_len -= (size_t)r;
    }
}

void screen_conn_relay(struct conn *c)
{
    take_frames(c);
    feed_qemu(c);
    if (!c->broken)
        screen_conn_flush(c);
}

/* What still comes is read and forgotten: unread bytes would turn our last words into a reset. */
static void read_to_end(struct conn *c)
{
    uint8_t waste[4096];
    ssize_t r;

    for (int i = 0; i < EVENTS && !c->eof; i++) {
        if (c->state == CONN_CLOSING && !c->close_heard) {
            const uint8_t *data;
            size_t n;
            int code;
            enum ws_event ev;

            c->dry = false;
            ev = screen_ws_next(&c->ws, &data, &n, &code);
            c->close_heard = ev == WS_CLOSED || ev == WS_BAD;
            if (ev == WS_NOTHING && c->dry)
                return;
            continue;
        }
        r = screen_conn_read(c, waste, sizeof waste);
        if (r == -EAGAIN)
            return;
        if (r <= 0)
            c->eof = true;
    }
    c->runnable = !c->eof;
}

void screen_conn_drain(struct conn *c)
{
    screen_conn_flush(c);
    if (c->broken)
        return;
    if (c->state == CONN_CLOSING && !c->ws.frames)
        c->close_heard = true; /* they had no frame to send yet */
    read_to_end(c);
    if (c->out_len > 0 || (c->state == CONN_CLOSING && !c->close_heard && !c->eof))
        return;
    if (c->state != CONN_LINGER) {
        screen_conn_shutdown(c);
        c->state = CONN_LINGER;
    }
    c->broken = c->eof;
}

static ssize_t from_browser(void *arg, uint8_t *to, size_t n)
{
    struct conn *c = arg;
    ssize_t r = screen_conn_read(c, to, n);

    c->dry = r <= 0;
    if (r == 0)
        c->eof = true;
    if (r == -EIO)
        c->broken = true;
    return r > 0 ? r : -1;
}

static void cannot_open(struct conn *c, const struct err *e)
{
    bool stopped = e->code == ERR_VM_STATE || e->code == ERR_VM_MISSING;

    screen_conn_close(c, stopped ? WS_DESKTOP_STOPPED : WS_TRY_LATER,
                      e->cause[0] ? e->cause : e->detail);
}

void screen_conn_opened(struct conn *c, struct open_job *j)
{
    struct screen *s = c->lane->screen;
    const char *fault = j->fd >= 0 ? screen_guard_recheck(s->guard, s->host, &c->ticket) : NULL;

    if (j->fd < 0) {
        cannot_open(c, &j->e);
        return;
    }
    if (fault) {
        screen_conn_close(c, WS_TICKET_REFUSED, fault);
        return;
    }
    if (screen_ws_init(&c->ws, from_browser, c) < 0) {
        screen_conn_close(c, WS_TRY_LATER, "out of memory");
        return;
    }
    screen_rfb_init(&c->rfb, c->ticket.view_only, c->ticket.cut_text);
    c->qemu = j->fd;
    j->fd = -1;
    c->state = CONN_RELAY;
    c->heard_ms = c->pinged_ms = clock_boot_ms();
    c->opened = true;
    atomic_fetch_add(&s->open, 1);
    log_info("screen=open session=%s desktop=%s lane=%d from=%s ms=%d", c->ticket.session.s,
             c->ticket.desktop.s, c->lane->no, c->remote, (int)(c->heard_ms - c->since_ms));
    s->host->opened(s->host->arg, &c->ticket.session, &c->ticket.desktop, c->ticket.seq,
                    c->lane->no);
    screen_conn_relay(c);
}

/* QEMU hung up and nobody said that the run ended. */
static void settled(struct conn *c)
{
    struct screen *s = c->lane->screen;
    struct id run = { "" };
    int64_t floor_seq;
    bool runs = s->host->desktop(s->host->arg, &c->ticket.desktop, &run, &floor_seq) &&
                id_eq(&run, &c->ticket.run);

    screen_conn_close(c, runs ? WS_INTERNAL : WS_DESKTOP_STOPPED, "QEMU hung up");
}

static void watch(struct conn *c, int64_t now_ms)
{
    if (!room(c))
        c->heard_ms = now_ms; /* it is QEMU that does not listen; we do not hear the browser */
    if (now_ms - c->heard_ms >= SCREEN_DEAD_MS) {
        snprintf(c->why, sizeof c->why, "no pong");
        c->broken = true;
    } else if (now_ms - c->pinged_ms >= SCREEN_PING_MS) {
        c->pinged_ms = now_ms;
        c->ping_due = true;
        screen_conn_flush(c);
    }
}

void screen_conn_tick(struct conn *c, int64_t now_ms)
{
    if (c->state == CONN_RELAY) {
        watch(c, now_ms);
    } else if (now_ms >= c->deadline_ms) {
        if (c->state == CONN_SETTLING)
            settled(c);
        else if (c->state == CONN_OPENING)
            screen_conn_close(c, WS_TRY_LATER, "graphics took too long");
        else
            c->broken = true;
    }
}
