#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bserver-agent/screen_rfb.h"

enum { MOST = 8192 };

struct bytes {
    uint8_t p[MOST];
    size_t n;
};

static void add(struct bytes *b, const void *p, size_t n)
{
    assert_true(b->n + n <= MOST);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}
#define ADD(b, text) add(b, text, sizeof(text) - 1)

#define HELLO "RFB 003.008\n\x01"
static const uint8_t KEY[] = { 4, 1, 0, 0, 0, 0, 0, 'a' };
static const uint8_t POINTER[] = { 5, 1, 0, 10, 0, 20 };
static const uint8_t ASK[] = { 3, 1, 0, 0, 0, 0, 4, 0, 3, 0 };
static const uint8_t FORMAT[] = { 0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0 };
static const uint8_t QEMU_KEY[] = { 255, 0, 0, 1, 0, 0, 0, 'a', 0, 0, 0, 30 };
static const uint8_t RESIZE[] = { 251, 0, 4, 0, 3, 0, 1, 0, 0, 0, 0, 0,
                                  0,   0, 0, 0, 4, 0, 3, 0, 0, 0, 0, 0 };
static const uint8_t CUT[] = { 6, 0, 0, 0, 0, 0, 0, 5, 'h', 'e', 'l', 'l', 'o' };
static const uint8_t CUT_EXTENDED[] = { 6, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFB, 1, 0, 0, 0, 1 };
static const uint8_t FENCE[] = { 248, 0, 0, 0, 0, 0, 0, 1, 2, 'a', 'b' };
static const uint8_t CONTINUOUS[] = { 150, 1, 0, 0, 0, 0, 4, 0, 3, 0 };

static void format(struct bytes *b)
{
    add(b, FORMAT, sizeof FORMAT);
    add(b, "\0\0\0", 3);
}

static void encodings(struct bytes *b, const int32_t *e, size_t n)
{
    const uint8_t head[] = { 2, 0, (uint8_t)(n >> 8), (uint8_t)n };

    add(b, head, sizeof head);
    for (size_t i = 0; i < n; i++) {
        uint32_t v = (uint32_t)e[i];
        const uint8_t one[] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
                                (uint8_t)v };

        add(b, one, sizeof one);
    }
}

/* What comes out when the stream is cut into pieces of `piece` bytes; -1: refused. */
static int run(struct screen_rfb f, const struct bytes *in, size_t piece, struct bytes *out)
{
    out->n = 0;
    for (size_t at = 0; at < in->n; at += piece) {
        uint8_t to[MOST + SCREEN_RFB_HELD];
        size_t n = in->n - at < piece ? in->n - at : piece, got = 0;
        struct err e = { 0 };

        if (screen_rfb_feed(&f, in->p + at, n, to, &got, &e) < 0) {
            assert_int_equal(e.code, ERR_INVALID_REQUEST);
            return -1;
        }
        assert_true(got <= n + SCREEN_RFB_HELD);
        add(out, to, got);
    }
    return 0;
}

static void gives(bool view_only, bool cut_text, const struct bytes *in,
                  const struct bytes *expected)
{
    struct screen_rfb f;
    struct bytes out;

    screen_rfb_init(&f, view_only, cut_text);
    for (size_t piece = 1; piece <= in->n; piece++) {
        assert_int_equal(run(f, in, piece, &out), 0);
        assert_int_equal(out.n, expected->n);
        assert_memory_equal(out.p, expected->p, out.n);
    }
}

static void everything(struct bytes *b)
{
    format(b);
    add(b, ASK, sizeof ASK);
    add(b, KEY, sizeof KEY);
    add(b, POINTER, sizeof POINTER);
    add(b, QEMU_KEY, sizeof QEMU_KEY);
    add(b, RESIZE, sizeof RESIZE);
    add(b, FENCE, sizeof FENCE);
    add(b, CONTINUOUS, sizeof CONTINUOUS);
}

static void what_is_allowed_goes_through(void **state)
{
    struct bytes in = { .n = 0 }, expected = { .n = 0 };

    (void)state;
    ADD(&in, HELLO "\x01");
    everything(&in);
    gives(false, false, &in, &in);
    in.n = 0;
    ADD(&in, HELLO "\0"); /* exclusive is not for the browser to ask */
    ADD(&expected, HELLO "\x01");
    gives(false, false, &in, &expected);
}

static void view_only_has_no_input(void **state)
{
    struct bytes in = { .n = 0 }, expected = { .n = 0 };

    (void)state;
    ADD(&in, HELLO "\x01");
    everything(&in);
    add(&in, CUT, sizeof CUT);
    ADD(&expected, HELLO "\x01");
    format(&expected);
    add(&expected, ASK, sizeof ASK);
    add(&expected, FENCE, sizeof FENCE);
    add(&expected, CONTINUOUS, sizeof CONTINUOUS);
    gives(true, false, &in, &expected);
    gives(true, true, &in, &expected); /* cut text is input */
}

static void cut_text_follows_the_policy(void **state)
{
    struct bytes in = { .n = 0 }, without = { .n = 0 };

    (void)state;
    ADD(&in, HELLO "\x01");
    add(&in, CUT, sizeof CUT);
    add(&in, CUT_EXTENDED, sizeof CUT_EXTENDED);
    add(&in, KEY, sizeof KEY);
    ADD(&without, HELLO "\x01");
    add(&without, KEY, sizeof KEY);
    gives(false, true, &in, &in);
    gives(false, false, &in, &without);
}

static void encodings_are_those_of_the_list(void **state)
{
    static const int32_t asked[] = {
        1,    7,    -260,       16,   50,   5,    2,    6,    0,    7,    -26,
        -250, -223, -224,       -258, -261, -308, -309, -312, -313, -307, (int32_t)0xC0A1E5CE,
        -239, -314, 0x574d5664, -257, -259, 21,   22,   -23,  -32,  -33,  -22,
        -247, -256
    };
    static const int32_t kept[] = { 1,    7,    16,   5,    2,    6,    0,    -26,
                                    -250, -223, -224, -258, -261, -308, -312, -313,
                                    -239, -314, -257, -23,  -32,  -247, -256 };
    static const int32_t clipboard[] = { 0, (int32_t)0xC0A1E5CE };
    struct bytes in = { .n = 0 }, expected = { .n = 0 };

    (void)state;
    ADD(&in, HELLO "\x01");
    encodings(&in, asked, sizeof asked / sizeof *asked);
    encodings(&in, asked, 0);
    encodings(&in, asked + 4, 1); /* nothing is left: raw, which needs no word */
    add(&in, KEY, sizeof KEY);
    ADD(&expected, HELLO "\x01");
    encodings(&expected, kept, sizeof kept / sizeof *kept);
    encodings(&expected, kept, 0);
    encodings(&expected, kept, 0);
    add(&expected, KEY, sizeof KEY);
    gives(false, false, &in, &expected);
    in.n = expected.n = 0;
    ADD(&in, HELLO "\x01");
    encodings(&in, clipboard, 2);
    gives(false, true, &in, &in);
    ADD(&expected, HELLO "\x01");
    encodings(&expected, clipboard, 1);
    gives(false, false, &in, &expected);
    gives(true, true, &in, &expected);
}

/* Every value of 32 bits cannot be tried; every neighbour of the list can, and the list always
 * fits. */
static void all_of_the_list_fits(void **state)
{
    int32_t asked[1024];
    struct bytes in = { .n = 0 }, out;
    struct screen_rfb f;

    (void)state;
    for (int i = 0; i < 1024; i++)
        asked[i] = i - 1000;
    ADD(&in, HELLO "\x01");
    encodings(&in, asked, 1024);
    screen_rfb_init(&f, false, true);
    assert_int_equal(run(f, &in, in.n, &out), 0);
    assert_int_equal(out.p[14 + 3], (out.n - 14 - 4) / 4);
    assert_in_range(out.p[14 + 3], 36, SCREEN_RFB_KEEP - 2);
}

static void the_rest_is_refused(void **state)
{
    static const struct {
        const char *p;
        size_t n;
    } bad[] = {
#define B(text) { text, sizeof(text) - 1 }
        B("RFB 003.007\n"),
        B("RFB 003.008 "),
        B("RFB 003.008\n\x02"),
        B("RFB 003.008\n\x10"),
        B(HELLO "\x01\x01"),
        B(HELLO "\x01\x07"),
        B(HELLO "\x01\xFA"),
        B(HELLO "\x01\xFE"),
        B(HELLO "\x01\xFF\x01\0\0\0\0\0\0\0\0\0\0"), /* audio */
        B(HELLO "\x01\x02\0\x04\x01"),               /* 1,025 encodings */
        B(HELLO "\x01\x02\0\xFF\xFF"),
        B(HELLO "\x01\x06\0\0\0\0\x10\0\x01"), /* 1 MiB + 1 */
        B(HELLO "\x01\x06\0\0\0\x7F\xFF\xFF\xFF"),
        B(HELLO "\x01\x06\0\0\0\x80\0\0\0"), /* has no positive */
        B(HELLO "\x01\x06\0\0\0\xFF\xEF\xFF\xFF"),
        B(HELLO "\x01\xF8\0\0\0\0\0\0\0\x41"),   /* fence of 65 */
        B(HELLO "\x01\xFB\0\x04\0\x03\0\x11\0"), /* 17 screens */
        B(HELLO "\x01\0\0\0\0\x07\x18\0\x01\0\xFF\0\xFF\0\xFF\x10\x08\0\0\0\0"),
        B(HELLO "\x01\0\0\0\0\x20\x18\0\x01\0\xFF\0\xFF\0\xFF\x20\x08\0\0\0\0"),
        B(HELLO "\x01\0\0\0\0\x20\x21\0\x01\0\xFF\0\xFF\0\xFF\x10\x08\0\0\0\0"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes in = { .n = 0 }, out;
        struct screen_rfb f;

        add(&in, bad[i].p, bad[i].n);
        for (int policy = 0; policy < 4; policy++) {
            screen_rfb_init(&f, policy & 1, policy & 2);
            assert_int_equal(run(f, &in, 1, &out), -1);
            assert_int_equal(run(f, &in, in.n, &out), -1);
        }
    }
}

static void every_other_type_is_refused(void **state)
{
    static const uint8_t known[] = { 0, 2, 3, 4, 5, 6, 150, 248, 251, 255 };

    (void)state;
    for (int type = 0; type < 256; type++) {
        struct bytes in = { .n = 0 }, out;
        struct screen_rfb f;
        uint8_t byte = (uint8_t)type;

        ADD(&in, HELLO "\x01");
        add(&in, &byte, 1);
        screen_rfb_init(&f, false, true);
        assert_int_equal(run(f, &in, 1, &out), memchr(known, type, sizeof known) ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_allowed_goes_through),
        cmocka_unit_test(view_only_has_no_input),
        cmocka_unit_test(cut_text_follows_the_policy),
        cmocka_unit_test(encodings_are_those_of_the_list),
        cmocka_unit_test(all_of_the_list_fits),
        cmocka_unit_test(the_rest_is_refused),
        cmocka_unit_test(every_other_type_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
