#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bserver-agent/screen_head.h"

#define LINE "GET /display HTTP/1.1\r\n"
#define HOST "Host: lane0.example:8443\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: bic.display.v1, bic.ticket.abc.def\r\n"
#define WHOLE LINE HOST UPGRADE KEY PROTOCOL "\r\n"

static int parse(const char *text, size_t n, struct screen_head *h, size_t *used,
                 enum err_code *code)
{
    struct err e = { 0 };
    int r = screen_head_parse(text, n, h, used, &e);

    *code = e.code;
    return r;
}

static void a_browsers_head_is_read(void **state)
{
    static const char *const heads[] = {
        WHOLE,
        LINE HOST "upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                  "sec-websocket-version:13\r\n" KEY "Origin: https://portal\r\n"
                  "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                  "Sec-WebSocket-Protocol: bic.ticket.abc.def\r\n"
                  "sec-websocket-protocol:\tbic.display.v1\r\nContent-Length: 0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct screen_head h = { .key = "" };
        enum err_code code;
        size_t used = 0, n = strlen(heads[i]);

        for (size_t k = 0; k < n; k++)
            assert_int_equal(parse(heads[i], k, &h, &used, &code), 0);
        assert_int_equal(parse(heads[i], n, &h, &used, &code), 1);
        assert_int_equal(used, n);
        assert_string_equal(h.key, "dGhlIHNhbXBsZSBub25jZQ==");
        assert_string_equal(h.ticket, "bic.ticket.abc.def");
    }
}

/* It opens nothing, so it needs no ticket; but it is one thing or the other. */
static void a_test_of_the_lane_is_read(void **state)
{
    static const char *const heads[] = {
        LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: bic.lane-test.v1\r\n\r\n",
        LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: bic.lane-test.v1, bic.display.v1\r\n\r\n",
        LINE HOST UPGRADE KEY PROTOCOL "Sec-WebSocket-Protocol: bic.lane-test.v1\r\n\r\n",
        LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: bic.lane-test.v2\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct screen_head h = { .ticket = "untouched" };
        enum err_code code;
        size_t used = 0;

        assert_int_equal(parse(heads[i], strlen(heads[i]), &h, &used, &code), i ? -1 : 1);
        assert_string_equal(h.ticket, i ? "untouched" : "");
        assert_int_equal(code, i ? ERR_TICKET_REFUSED : ERR_NONE);
    }
}

static void what_follows_the_head_is_not_taken(void **state)
{
    struct screen_head h;
    enum err_code code;
    size_t used = 0;

    (void)state;
    assert_int_equal(parse(WHOLE "more", sizeof WHOLE + 3, &h, &used, &code), 1);
    assert_int_equal(used, sizeof WHOLE - 1);
}

static void others_are_refused_with_their_status(void **state)
{
    static const struct {
        enum err_code code;
        const char *text;
    } bad[] = {
        { ERR_INVALID_REQUEST, "\x16\x03\x01" },
        { ERR_INVALID_REQUEST, "get /display HTTP/1.1\r\n\r\n" },
        { ERR_INVALID_REQUEST, "GET /display\r\n\r\n" },
        { ERR_INVALID_REQUEST, "GET  /display HTTP/1.1\r\n\r\n" },
        { ERR_INVALID_REQUEST, "GET /display HTTP/1.1 \r\n\r\n" },
        { ERR_INVALID_REQUEST, "GET /display SPDY/1.1\r\n\r\n" },
        { ERR_INVALID_REQUEST, "GET display HTTP/1.1\r\n\r\n" },
        { ERR_INVALID_REQUEST, "GET /display HTTP/1.1\n" HOST "\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST "no colon\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST " folded: x\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST "A : x\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST ": x\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST "A: \x01\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST "A: b\rc\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE UPGRADE KEY PROTOCOL "\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST HOST UPGRADE KEY PROTOCOL "\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST UPGRADE PROTOCOL "\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST UPGRADE KEY KEY PROTOCOL "\r\n" },
        { ERR_INVALID_REQUEST,
          LINE HOST UPGRADE "Sec-WebSocket-Key: c2hvcnQ=\r\n" PROTOCOL "\r\n" },
        { ERR_INVALID_REQUEST,
          LINE HOST UPGRADE "Sec-WebSocket-Key: !Ghl!HNhbXBsZSBub25jZQ==\r\n" PROTOCOL "\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST UPGRADE KEY PROTOCOL "Content-Length: 5\r\n\r\n" },
        { ERR_INVALID_REQUEST,
          LINE HOST UPGRADE KEY PROTOCOL "Transfer-Encoding: chunked\r\n\r\n" },
        { ERR_INVALID_REQUEST, LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: a b\r\n\r\n" },
        { ERR_NOT_FOUND, "GET / HTTP/1.1\r\n\r\n" },
        { ERR_NOT_FOUND, "GET /display/ HTTP/1.1\r\n\r\n" },
        { ERR_NOT_FOUND, "GET /display?ticket=x HTTP/1.1\r\n\r\n" },
        { ERR_METHOD_NOT_ALLOWED, "POST /display HTTP/1.1\r\n\r\n" },
        { ERR_HTTP_VERSION, "GET /display HTTP/1.0\r\n\r\n" },
        { ERR_HTTP_VERSION, "GET /display HTTP/2.0\r\n\r\n" },
        { ERR_UPGRADE_REQUIRED, LINE HOST "\r\n" },
        { ERR_UPGRADE_REQUIRED, LINE HOST KEY PROTOCOL "Upgrade: websocket\r\n\r\n" },
        { ERR_UPGRADE_REQUIRED, LINE HOST "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Version: 8\r\n" KEY PROTOCOL "\r\n" },
        { ERR_TICKET_REFUSED, LINE HOST UPGRADE KEY "\r\n" },
        { ERR_TICKET_REFUSED,
          LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: bic.display.v1\r\n\r\n" },
        { ERR_TICKET_REFUSED,
          LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: bic.ticket.a\r\n\r\n" },
        { ERR_TICKET_REFUSED, LINE HOST UPGRADE KEY PROTOCOL PROTOCOL "\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct screen_head h = { .key = "untouched" };
        enum err_code code;
        size_t used = 0;

        assert_int_equal(parse(bad[i].text, strlen(bad[i].text), &h, &used, &code), -1);
        if (code != bad[i].code)
            fail_msg("case %zu: %s", i, err_slug(code));
        assert_string_equal(h.key, "untouched");
    }
}

static void nothing_is_longer_than_it_may(void **state)
{
    static char text[SCREEN_HEAD_MAX + 1000];
    struct screen_head h;
    enum err_code code;
    size_t used;
    int n = snprintf(text, sizeof text,
                     LINE HOST UPGRADE KEY "Sec-WebSocket-Protocol: bic.display.v1, bic.ticket.");

    (void)state;
    memset(text + n, 'a', sizeof text - (size_t)n);
    assert_int_equal(parse(text, SCREEN_HEAD_MAX - 1, &h, &used, &code), 0);
    assert_int_equal(parse(text, SCREEN_HEAD_MAX, &h, &used, &code), -1);
    assert_int_equal(code, ERR_HEADERS_TOO_LARGE);
    memcpy(text + n + TICKET_MAX - 12, "\r\n\r\n", 4); /* fits exactly, with its NUL */
    assert_int_equal(parse(text, (size_t)n + TICKET_MAX - 8, &h, &used, &code), 1);
    assert_int_equal(strlen(h.ticket), TICKET_MAX - 1);
    memcpy(text + n + TICKET_MAX - 12, "aaa\r\n\r\n", 7);
    assert_int_equal(parse(text, (size_t)n + TICKET_MAX - 5, &h, &used, &code), -1);
    assert_int_equal(code, ERR_TICKET_REFUSED);
}

static void a_nul_is_no_end(void **state)
{
    static const char text[] = LINE HOST UPGRADE KEY PROTOCOL "A: b\0c\r\n\r\n";
    struct screen_head h;
    enum err_code code;
    size_t used;

    (void)state;
    assert_int_equal(parse(text, sizeof text - 1, &h, &used, &code), -1);
    assert_int_equal(code, ERR_INVALID_REQUEST);
}

static void answers(void **state)
{
    struct screen_head h = { .key = "dGhlIHNhbXBsZSBub25jZQ==", .ticket = "bic.ticket.x" };
    char to[SCREEN_REPLY_MAX];
    size_t n;

    (void)state;
    n = screen_head_accept(&h, to);
    assert_int_equal(n, strlen(to));
    assert_non_null(strstr(to, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(to, "\r\nSec-WebSocket-Protocol: bic.display.v1\r\n"));
    h.ticket[0] = '\0';
    screen_head_accept(&h, to);
    assert_non_null(strstr(to, "\r\nSec-WebSocket-Protocol: bic.lane-test.v1\r\n"));
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        n = screen_head_refuse((enum err_code)code, to);
        assert_int_equal(n, strlen(to));
        assert_memory_equal(to + strlen(to) - 4, "\r\n\r\n", 4);
    }
    screen_head_refuse(ERR_UPGRADE_REQUIRED, to);
    assert_non_null(strstr(to, "Sec-WebSocket-Version: 13\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_browsers_head_is_read),
        cmocka_unit_test(a_test_of_the_lane_is_read),
        cmocka_unit_test(what_follows_the_head_is_not_taken),
        cmocka_unit_test(others_are_refused_with_their_status),
        cmocka_unit_test(nothing_is_longer_than_it_may),
        cmocka_unit_test(a_nul_is_no_end),
        cmocka_unit_test(answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
