#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/virt/screen_fixture.h"

/* ---- back-pressure ---- */

static long rss_kib(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        fail();
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* What QEMU could send until nothing more was taken from it for half a second. */
static long long settled(void)
{
    long long before = -1;

    for (int i = 0; i < 20 && (a.flooded == 0 || a.flooded != before); i++) {
        before = a.flooded;
        usleep(500000);
    }
    return before;
}

static void slow_reader(bool tls)
{
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    struct client c;
    long long held, rss;
    uint32_t word;

    a.script = QEMU_FLOOD;
    enter(&c, tls, &t);
    held = settled();
    rss = rss_kib();
    usleep(500000);
    assert_int_equal(a.flooded, held); /* QEMU is stopped */
    assert_true(held < 8 << 20);       /* what lies in socket buffers */
    assert_true(rss_kib() - rss < 256);
    st = (struct stream){ .c = &c };
    for (uint32_t i = 0; i < (48U << 20) / 4; i++) {
        assert_true(stream_get(&st, (uint8_t *)&word, 4));
        if (word != i)
            fail_msg("byte %u is wrong", i * 4);
    }
    client_close(&c);
    assert_true(until(&a.closed, 1));
}

static void a_slow_reader_stops_qemu(void **state)
{
    (void)state;
    slow_reader(false);
}

static void a_slow_reader_stops_qemu_over_tls(void **state)
{
    (void)state;
    slow_reader(true);
}

static void rfb_start(struct client *c)
{
    assert_true(client_frame(c, 2, "RFB 003.008\n\x01\x01", 14));
}

static void a_deaf_qemu_stops_the_browser(void **state)
{
    static uint8_t many[8 * 4096]; /* key events */
    struct ticket t = agent_ticket(&a), other = agent_ticket(&a);
    struct timeval wait = { .tv_usec = 300000 };
    static struct stream st;
    struct client c, d;
    size_t sent = 0;

    (void)state;
    for (size_t i = 0; i < sizeof many; i += 8)
        many[i] = 4;
    a.script = QEMU_DEAF;
    enter(&c, false, &t);
    setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    rfb_start(&c);
    while (sent < 64 << 20 && client_frame(&c, 2, many, sizeof many))
        sent += sizeof many;
    assert_true(sent < 32 << 20);
    assert_int_equal(screen_count(s), 1);
    usleep(100000);
    a.script = QEMU_RFB; /* the deaf one hangs up, a new one listens */
    other.desktop = a.desktop;
    enter(&d, false, &other);
    st = (struct stream){ .c = &d };
    assert_true(client_rfb(&st));
    client_close(&c);
    client_close(&d);
}

/* ---- garbage ---- */

static void is_told(struct client *c, int code)
{
    assert_int_equal(client_close_code(c), code);
    client_close(c);
}

static void garbage_frames_end_the_screen(void **state)
{
    static const uint8_t unmasked[] = { 0x82, 0x01, 'x' }, reserved[] = { 0xC2, 0x80, 0, 0, 0, 0 };
    static const uint8_t huge[] = { 0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0, 'x' };
    static const uint8_t negative[] = { 0x82, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'x' };
    static const struct {
        const uint8_t *p;
        size_t n;
    } raw[] = { { unmasked, sizeof unmasked },
                { reserved, sizeof reserved },
                { huge, sizeof huge },
                { negative, sizeof negative } };
    struct ticket t;
    struct client c;

    (void)state;
    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
        t = agent_ticket(&a);
        enter(&c, false, &t);
        assert_true(client_put(&c, raw[i].p, raw[i].n));
        is_told(&c, 1002);
    }
    t = agent_ticket(&a);
    enter(&c, false, &t);
    assert_true(client_frame(&c, 1, "text", 4));
    is_told(&c, 1003);
    t = agent_ticket(&a);
    enter(&c, false, &t);
    assert_true(client_frame(&c, 0, "no first part", 13));
    is_told(&c, 1002);
    t = agent_ticket(&a);
    enter(&c, false, &t);
    assert_true(client_frame(&c, 2, "RFB 003.003\n", 12));
    is_told(&c, 1002);
    t = agent_ticket(&a);
    enter(&c, false, &t);
    rfb_start(&c);
    assert_true(client_frame(&c, 2,
                             "\xFF\x01\x00\x00"
                             "12345678",
                             12));
    is_told(&c, 1002);
    assert_true(until(&a.closed, a.opened));
}

static void garbage_heads_are_refused(void **state)
{
    static const struct {
        int status;
        const char *text;
    } heads[] = {
        { 400, "\x16\x03\x01 TLS to a plain listener" },
        { 400, "GET /display\r\n\r\n" },
        { 400, "GET /display HTTP/1.1\n\nHost: x\r\n\r\n" },
        { 404, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 405, "POST /display HTTP/1.1\r\nHost: x\r\n\r\n" },
        { 505, "GET /display HTTP/1.0\r\nHost: x\r\n\r\n" },
        { 426, "GET /display HTTP/1.1\r\nHost: x\r\n\r\n" },
    };
    static char big[9000];

    (void)state;
    for (size_t i = 0; i <= sizeof heads / sizeof *heads; i++) {
        struct client c = { .fd = client_connect(screen_port(s, 0)) };
        bool last = i == sizeof heads / sizeof *heads;
        char answer[14] = "";

        memset(big, 'A', sizeof big);
        assert_true(last ? client_put(&c, big, sizeof big)
                         : client_put(&c, heads[i].text, strlen(heads[i].text)));
        assert_true(client_get(&c, answer, 12));
        assert_int_equal(strtol(answer + 9, NULL, 10), last ? 431 : heads[i].status);
        client_close(&c);
    }
}

static void random_bytes_harm_nobody(void **state)
{
    unsigned seed = 7;
    struct client c;
    struct ticket t;

    (void)state;
    for (int i = 0; i < 60; i++) {
        static uint8_t noise[20000];
        size_t n = (size_t)rand_r(&seed) % sizeof noise;

        for (size_t k = 0; k < n; k++)
            noise[k] = (uint8_t)rand_r(&seed);
        if (i % 3 == 0) {
            c = (struct client){ .fd = client_connect(screen_port(s, 0)) };
        } else {
            t = agent_ticket(&a);
            enter(&c, true, &t);
        }
        if (i % 3 == 1)
            client_put(&c, noise, n);
        else if (i % 3 == 2)
            client_frame(&c, 2, noise, n);
        else
            send(c.fd, noise, n, MSG_NOSIGNAL);
        client_close(&c);
    }
    assert_true(until(&a.closed, a.opened));
    t = agent_ticket(&a);
    enter(&c, true, &t);
    client_close(&c);
}

/* ---- limits ---- */

static void stalled(bool tls)
{
    static int fds[200];
    int64_t from = clock_boot_ms();
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    struct client c;
    int open = 0;
    char b;

    for (int i = 0; i < 200; i++) {
        fds[i] = client_connect(screen_port(s, 0));
        assert_true(fds[i] >= 0);
        send(fds[i], tls ? "\x16\x03\x01\x02" : "GET /dis", tls ? 4 : 8, MSG_NOSIGNAL);
    }
    enter(&c, tls, &t);
    st = (struct stream){ .c = &c };
    assert_true(client_rfb(&st));
    for (int i = 0; i < 200; i++)
        open += recv(fds[i], &b, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
    assert_in_range(open, 1, 50);
    for (int i = 0; i < 200; i++) {
        assert_true(recv(fds[i], &b, 1, 0) <= 0);
        close(fds[i]);
    }
    assert_in_range(clock_boot_ms() - from, 4500, 60000);
    assert_int_equal(screen_count(s), 1);
    client_close(&c);
}

static void stalled_heads_make_room(void **state)
{
    (void)state;
    stalled(false);
}

static void stalled_handshakes_make_room(void **state)
{
    (void)state;
    stalled(true);
}

static void a_lane_has_a_hundred_screens(void **state)
{
    static struct client c[101];
    int last = 0;

    (void)state;
    a.any_desktop = true;
    for (int i = 0; i < 101; i++) {
        struct ticket t = agent_ticket(&a);

        t.desktop = id_new();
        last = enter_on(&c[i], 0, false, &t);
        if (i < 100)
            assert_int_equal(last, 101);
    }
    assert_int_equal(last, 503);
    assert_true(until(&a.opened, 100));
    assert_int_equal(screen_count(s), 100);
    for (int i = 0; i < 101; i++)
        client_close(&c[i]);
    assert_true(until(&a.closed, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_slow_reader_stops_qemu),      TLS(a_slow_reader_stops_qemu_over_tls),
        PLAIN(a_deaf_qemu_stops_the_browser), PLAIN(garbage_frames_end_the_screen),
        PLAIN(garbage_heads_are_refused),     TLS(random_bytes_harm_nobody),
        PLAIN(stalled_heads_make_room),       TLS(stalled_handshakes_make_room),
        PLAIN(a_lane_has_a_hundred_screens),
    };

    return RUN(tests);
}
