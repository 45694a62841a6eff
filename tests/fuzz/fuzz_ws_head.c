/* libFuzzer: the request head of the display listener, and the frames that follow it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/screen_head.h"
#include "bserver-agent/screen_ws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct rest {
    const uint8_t *p;
    size_t n, piece;
};

static ssize_t take(void *arg, uint8_t *to, size_t n)
{
    struct rest *r = arg;
    size_t k = n < r->piece ? n : r->piece;

    k = k < r->n ? k : r->n;
    if (k == 0)
        return -1;
    memcpy(to, r->p, k);
    r->p += k;
    r->n -= k;
    return (ssize_t)k;
}

static void frames(const uint8_t *p, size_t n, size_t piece)
{
    struct rest r = { p, n, piece };
    struct screen_ws ws;

    if (screen_ws_init(&ws, take, &r) < 0)
        return;
    for (size_t left = n, idle = 0; idle < 16;) {
        const uint8_t *out = NULL;
        size_t k = 0;
        int code = 0;
        enum ws_event ev = screen_ws_next(&ws, &out, &k, &code);

        if (ev == WS_BAD || ev == WS_CLOSED) {
            if (code < 1000 || code > 4999)
                abort();
            break;
        }
        if (k > WS_CHUNK_MAX || k > left || ws.control_len > WS_CONTROL_MAX)
            abort();
        idle = ev == WS_NOTHING && r.n == 0 ? idle + 1 : 0;
    }
    screen_ws_free(&ws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct screen_head h;
    struct err e = { 0 };
    size_t used = 0;
    char *text;
    int r;

    if (n < 1)
        return 0;
    text = malloc(n); /* without an end, so that ASan sees who looks for one */
    memcpy(text, data + 1, n - 1);
    r = screen_head_parse(text, n - 1, &h, &used, &e);
    if ((r < 0) != (e.code != ERR_NONE) ||
        (r > 0 && (used > n - 1 || strlen(h.key) != SCREEN_KEY_LEN)))
        abort();
    if (r > 0)
        for (size_t k = 0; k < used; k++) {
            struct screen_head again;
            size_t u;

            if (screen_head_parse(text, k, &again, &u, &e) != 0)
                abort();
        }
    free(text);
    frames(data + 1, n - 1, 1U + data[0]);
    return 0;
}
