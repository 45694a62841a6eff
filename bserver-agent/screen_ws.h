/*
 * screen_ws — WebSocket frames (RFC 6455 §5) of a display connection: what a browser sends, by
 * libwslay and judged here, and the headers of what we send.
 */
#ifndef BSERVER_AGENT_SCREEN_WS_H
#define BSERVER_AGENT_SCREEN_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <wslay/wslay.h>

enum {
    WS_HEADER_MAX = 10,
    WS_CONTROL_MAX = 125,
    WS_FRAME_MAX = 1 << 20,
    WS_CHUNK_MAX = 4096, /* a WS_DATA event has at most so many bytes (libwslay's buffer) */
};

enum ws_close {
    WS_NORMAL = 1000,
    WS_GOING_AWAY = 1001,
    WS_PROTOCOL = 1002,
    WS_UNSUPPORTED = 1003,
    WS_NO_CODE = 1005, /* never sent */
    WS_INTERNAL = 1011,
    WS_TRY_LATER = 1013,
    WS_SESSION_ENDED = 4001,
    WS_TAKEN_OVER = 4002,
    WS_DESKTOP_STOPPED = 4003,
    WS_TICKET_REFUSED = 4004,
};

/* Bytes from the other end: > 0, or -1 when there are none now (the caller knows why). */
typedef ssize_t screen_ws_read(void *arg, uint8_t *to, size_t n);

struct screen_ws {
    wslay_frame_context_ptr frames;
    screen_ws_read *read;
    void *arg;
    uint64_t at;  /* bytes of the present frame that were seen */
    bool message; /* between the fragments of a message */
    uint8_t control_len, control[WS_CONTROL_MAX];
};

int screen_ws_init(struct screen_ws *ws, screen_ws_read *read, void *arg); /* -1: out of memory */
void screen_ws_free(struct screen_ws *ws);

enum ws_event {
    WS_NOTHING, /* until more bytes are there */
    WS_DATA,
    WS_PING, /* control: what to send back */
    WS_PONG,
    WS_CLOSED, /* *code: what they said */
    WS_BAD,    /* *code: what they are told */
};
enum ws_event screen_ws_next(struct screen_ws *ws, const uint8_t **data, size_t *n, int *code);

enum ws_opcode { WS_OP_BINARY = 2, WS_OP_CLOSE = 8, WS_OP_PING = 9, WS_OP_PONG = 10 };
/* The header of an unmasked, unfragmented frame of n bytes. Returns its length. */
size_t screen_ws_header(uint8_t to[WS_HEADER_MAX], enum ws_opcode op, size_t n);

#endif
