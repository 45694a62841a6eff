#include "bserver-agent/screen_ws.h"

#include <string.h>

static ssize_t pull(uint8_t *to, size_t n, int flags, void *arg)
{
    struct screen_ws *ws = arg;

    (void)flags;
    return ws->read(ws->arg, to, n);
}

int screen_ws_init(struct screen_ws *ws, screen_ws_read *read, void *arg)
{
    static const struct wslay_frame_callbacks callbacks = { NULL, pull, NULL };

    *ws = (struct screen_ws){ .read = read, .arg = arg };
    return wslay_frame_context_init(&ws->frames, &callbacks, ws) == 0 ? 0 : -1;
}

void screen_ws_free(struct screen_ws *ws)
{
    if (ws->frames)
        wslay_frame_context_free(ws->frames);
    ws->frames = NULL;
}

/* The first look at a frame: 0, or the close code that it earns. */
static int judge(const struct screen_ws *ws, const struct wslay_frame_iocb *f)
{
    if (!f->mask || f->rsv)
        return WS_PROTOCOL;
    if (f->opcode == WSLAY_TEXT_FRAME)
        return WS_UNSUPPORTED;
    if (wslay_is_ctrl_frame(f->opcode))
        return f->opcode <= WSLAY_PONG && f->payload_length <= WS_CONTROL_MAX ? 0 : WS_PROTOCOL;
    if (f->opcode > WSLAY_BINARY_FRAME || f->payload_length > WS_FRAME_MAX)
        return WS_PROTOCOL;
    return (f->opcode == WSLAY_CONTINUATION_FRAME) == ws->message ? 0 : WS_PROTOCOL;
}

static bool code_allowed(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) ||
           (code >= 3000 && code <= 4999);
}

static enum ws_event closed(const struct screen_ws *ws, int *code)
{
    *code = WS_NO_CODE;
    if (ws->control_len == 0)
        return WS_CLOSED;
    *code = ws->control_len >= 2 ? ws->control[0] << 8 | ws->control[1] : 0;
    if (code_allowed(*code))
        return WS_CLOSED;
    *code = WS_PROTOCOL;
    return WS_BAD;
}

static enum ws_event control(const struct screen_ws *ws, uint8_t opcode, int *code)
{
    return opcode == WSLAY_PING ? WS_PING : opcode == WSLAY_PONG ? WS_PONG : closed(ws, code);
}

enum ws_event screen_ws_next(struct screen_ws *ws, const uint8_t **data, size_t *n, int *code)
{
    for (;;) {
        struct wslay_frame_iocb f = { 0 };
        ssize_t got = wslay_frame_recv(ws->frames, &f);
        bool ctrl, whole;

        if (got == WSLAY_ERR_WANT_READ || got == WSLAY_ERR_INVALID_CALLBACK)
            return WS_NOTHING;
        *code = got < 0 ? WS_PROTOCOL : ws->at == 0 ? judge(ws, &f) : 0;
        if (*code)
            return WS_BAD;
        ctrl = wslay_is_ctrl_frame(f.opcode);
        if (ctrl) {
            if (ws->at == 0)
                ws->control_len = 0;
            memcpy(ws->control + ws->control_len, f.data, f.data_length);
            ws->control_len = (uint8_t)(ws->control_len + f.data_length);
        }
        ws->at += f.data_length;
        whole = ws->at == f.payload_length;
        if (whole)
            ws->at = 0;
        if (ctrl && whole)
            return control(ws, f.opcode, code);
        if (ctrl)
            continue;
        ws->message = !(whole && f.fin);
        *data = f.data;
        *n = f.data_length;
        return WS_DATA; /* an empty frame too, so that each turn of the caller's budget counts */
    }
}

size_t screen_ws_header(uint8_t to[WS_HEADER_MAX], enum ws_opcode op, size_t n)
{
    int bytes = n < 126 ? 0 : n <= 0xFFFF ? 2 : 8;

    to[0] = (uint8_t)(0x80 | op);
    to[1] = (uint8_t)(bytes == 0 ? n : bytes == 2 ? 126 : 127);
    for (int i = 0; i < bytes; i++)
        to[2 + i] = (uint8_t)((uint64_t)n >> (8 * (bytes - 1 - i)));
    return (size_t)(2 + bytes);
}
