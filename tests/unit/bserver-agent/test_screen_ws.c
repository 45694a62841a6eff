#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bserver-agent/screen_ws.h"

static struct {
    uint8_t p[1 << 17];
    size_t n, at, piece;
} in;

static ssize_t take(void *arg, uint8_t *to, size_t n)
{
    size_t k = n < in.piece ? n : in.piece;

    (void)arg;
    k = k < in.n - in.at ? k : in.n - in.at;
    memcpy(to, in.p + in.at, k);
    in.at += k;
    return k ? (ssize_t)k : -1;
}

/* A frame as a browser sends it; op with its FIN and reserved bits. */
static void frame(uint8_t op, bool masked, const void *data, size_t n)
{
    static const uint8_t mask[4] = { 9, 8, 7, 6 };
    uint8_t head[WS_HEADER_MAX];
    size_t h = screen_ws_header(head, WS_OP_BINARY, n);

    head[0] = op;
    head[1] |= masked ? 0x80 : 0;
    memcpy(in.p + in.n, head, h);
    in.n += h;
    if (masked) {
        memcpy(in.p + in.n, mask, 4);
        in.n += 4;
    }
    for (size_t i = 0; i < n; i++)
        in.p[in.n++] = ((const uint8_t *)data)[i] ^ (masked ? mask[i % 4] : 0);
}

struct seen {
    uint8_t data[1 << 17];
    size_t n;
    int pings, pongs, code;
    enum ws_event last;
};

static const struct seen *run(size_t piece)
{
    static struct seen seen;
    struct screen_ws ws;

    memset(&seen, 0, sizeof seen);
    in.at = 0;
    in.piece = piece;
    assert_int_equal(screen_ws_init(&ws, take, NULL), 0);
    do {
        const uint8_t *data = NULL;
        size_t n = 0;

        seen.last = screen_ws_next(&ws, &data, &n, &seen.code);
        if (seen.last == WS_DATA && n) {
            assert_true(n <= WS_CHUNK_MAX);
            memcpy(seen.data + seen.n, data, n);
            seen.n += n;
        }
        if (seen.last == WS_PING) {
            assert_int_equal(ws.control_len, 4);
            assert_memory_equal(ws.control, "ping", 4);
        }
        seen.pings += seen.last == WS_PING;
        seen.pongs += seen.last == WS_PONG;
    } while (seen.last != WS_BAD && seen.last != WS_CLOSED &&
             (seen.last != WS_NOTHING || in.at < in.n));
    screen_ws_free(&ws);
    return &seen;
}

static int empty(void **state)
{
    (void)state;
    in.n = 0;
    return 0;
}

static void data_comes_whole_in_any_cut(void **state)
{
    static uint8_t big[70000];
    static const size_t pieces[] = { 1, 2, 3, 7, 125, 4095, 4096, 4097, 1 << 17 };

    (void)state;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 7);
    frame(0x82, true, "abc", 3);
    frame(0x82, true, "", 0);
    frame(0x02, true, "first", 5);
    frame(0x89, true, "ping", 4); /* between the fragments */
    frame(0x80, true, "last", 4);
    frame(0x8A, true, "", 0);
    frame(0x82, true, big, 200);
    frame(0x82, true, big, sizeof big);
    frame(0x88, true,
          "\x03\xE8"
          "bye",
          5);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const struct seen *s = run(pieces[i]);

        assert_int_equal(s->last, WS_CLOSED);
        assert_int_equal(s->code, 1000);
        assert_int_equal(s->pings, 1);
        assert_int_equal(s->pongs, 1);
        assert_int_equal(s->n, 3 + 9 + 200 + sizeof big);
        assert_memory_equal(s->data, "abcfirstlast", 12);
        assert_memory_equal(s->data + 12, big, 200);
        assert_memory_equal(s->data + 212, big, sizeof big);
    }
}

static void told(int code)
{
    const struct seen *s = run(1);

    assert_int_equal(s->last, WS_BAD);
    assert_int_equal(s->code, code);
    assert_int_equal(s->n, 0);
    in.n = 0;
}

static void what_is_not_allowed_has_its_code(void **state)
{
    static const uint8_t long_form[] = { 0x82, 0xFE, 0, 3, 0, 0, 0, 0, 'a', 'b', 'c' };
    static const uint8_t over[] = { 0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 'a' };
    uint8_t big[126] = { 0 };

    (void)state;
    frame(0x82, false, "abc", 3);
    told(WS_PROTOCOL);
    frame(0x81, true, "abc", 3);
    told(WS_UNSUPPORTED);
    for (int rsv = 0x10; rsv <= 0x40; rsv <<= 1) {
        frame((uint8_t)(0x82 | rsv), true, "abc", 3);
        told(WS_PROTOCOL);
    }
    for (uint8_t op = 3; op < 16; op++) {
        if (op >= 8 && op <= 10)
            continue;
        frame(0x80 | op, true, "abc", 3);
        told(WS_PROTOCOL);
    }
    frame(0x80, true, "abc", 3); /* goes on with nothing */
    told(WS_PROTOCOL);
    frame(0x09, true, "ping", 4); /* control frames are not cut */
    told(WS_PROTOCOL);
    frame(0x89, true, big, sizeof big);
    told(WS_PROTOCOL);
    memcpy(in.p, long_form, in.n = sizeof long_form);
    told(WS_PROTOCOL);
    memcpy(in.p, over, in.n = sizeof over);
    told(WS_PROTOCOL);
    frame(0x88, true, "\x03", 1);
    told(WS_PROTOCOL);
}

static void a_message_is_not_begun_in_another(void **state)
{
    const struct seen *s;

    (void)state;
    frame(0x02, true, "first", 5);
    frame(0x82, true, "second", 6);
    s = run(1 << 16);
    assert_int_equal(s->last, WS_BAD);
    assert_int_equal(s->code, WS_PROTOCOL);
    assert_int_equal(s->n, 5);
}

static void close_codes(void **state)
{
    (void)state;
    frame(0x88, true, "", 0);
    assert_int_equal(run(1)->last, WS_CLOSED);
    assert_int_equal(run(1)->code, WS_NO_CODE);
    for (int code = 0; code < 65536; code += 1 + code / 5000) {
        const uint8_t body[] = { (uint8_t)(code >> 8), (uint8_t)code };
        bool good = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1011) ||
                    (code >= 3000 && code <= 4999);

        in.n = 0;
        frame(0x88, true, body, 2);
        assert_int_equal(run(16)->last, good ? WS_CLOSED : WS_BAD);
        assert_int_equal(run(16)->code, good ? code : WS_PROTOCOL);
    }
}

static void headers_are_as_short_as_can_be(void **state)
{
    static const struct {
        size_t n, length;
        uint8_t head[WS_HEADER_MAX];
    } cases[] = {
        { 0, 2, { 0x82, 0 } },
        { 125, 2, { 0x82, 125 } },
        { 126, 4, { 0x82, 126, 0, 126 } },
        { 65535, 4, { 0x82, 126, 0xFF, 0xFF } },
        { 65536, 10, { 0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t to[WS_HEADER_MAX] = { 0 };

        assert_int_equal(screen_ws_header(to, WS_OP_BINARY, cases[i].n), cases[i].length);
        assert_memory_equal(to, cases[i].head, cases[i].length);
    }
}

#define T(f) cmocka_unit_test_setup(f, empty)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(data_comes_whole_in_any_cut),       T(what_is_not_allowed_has_its_code),
        T(a_message_is_not_begun_in_another), T(close_codes),
        T(headers_are_as_short_as_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
