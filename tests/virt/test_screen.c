#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "tests/virt/screen_client.h"

static char dir[] = "/tmp/bic-screen-XXXXXX", cert[64], key[64];
static struct agent a;
static struct screen *s;
static char head[1024];

static void begin(bool tls)
{
    static const char *const lanes[] = { "127.0.0.1:0", "[::1]:0", "127.0.0.1:0", NULL };
    struct screen_spec spec = { .listen = lanes, .host = &a.host };
    struct err e = { 0 };

    agent_init(&a);
    spec.bserver = a.bserver;
    spec.cert_pem = tls ? cert : NULL;
    spec.key_pem = tls ? key : NULL;
    assert_int_equal(screen_start(&spec, &s, &e), 0);
}

static int plain_begin(void **state)
{
    (void)state;
    begin(false);
    return 0;
}

static int tls_begin(void **state)
{
    (void)state;
    begin(true);
    return 0;
}

static bool until(atomic_int *what, int value, int ms)
{
    for (; *what != value && ms > 0; ms -= 5)
        usleep(5000);
    return *what == value;
}

static int end(void **state)
{
    (void)state;
    a.stopped = true;
    screen_stop(s);
    s = NULL;
    assert_int_equal(a.opened, a.closed);
    assert_true(until(&a.qemus, 0, 7000)); /* they see their sockets closed */
    return 0;
}

static int enter_on(struct client *c, int lane, bool tls, struct ticket *t)
{
    char text[TICKET_MAX];
    struct err e = { 0 };

    assert_int_equal(ticket_sign(&a.key, t, text, &e), 0);
    assert_int_equal(client_open(c, screen_port(s, lane), tls), 0);
    return client_upgrade(c, text, head);
}

static void enter(struct client *c, bool tls, struct ticket *t)
{
    assert_int_equal(enter_on(c, 0, tls, t), 101);
}

/* ---- the way a person goes ---- */

static void first_picture(bool tls)
{
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    struct client c;
    int64_t from = clock_boot_ms();

    enter(&c, tls, &t);
    assert_non_null(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(head, "Sec-WebSocket-Protocol: bic.display.v1\r\n"));
    assert_null(strstr(head, "ticket"));
    st = (struct stream){ .c = &c };
    assert_true(client_rfb(&st));
    assert_true(clock_boot_ms() - from < 500);
    assert_int_equal(screen_count(s), 1);
    assert_int_equal(a.opened, 1);
    assert_true(client_frame(&c, 8, "\x03\xE8", 2));
    assert_int_equal(client_close_code(&c), 1000);
    assert_true(until(&a.closed, 1, 3000));
    assert_in_range(a.bytes_out, 12 + 2 + 4 + 27 + 16, 12 + 2 + 4 + 27 + 16 + 1024);
    assert_int_equal(screen_count(s), 0);
    client_close(&c);
}

static void a_ticket_opens_the_screen(void **state)
{
    (void)state;
    first_picture(false);
}

static void a_ticket_opens_the_screen_over_tls(void **state)
{
    struct err e = { 0 };

    (void)state;
    first_picture(true);
    assert_int_equal(screen_reload_tls(s, &e), 0);
    a.opened = a.closed = 0;
    a.bytes_out = 0;
    first_picture(true);
}

static void tls_1_2_is_refused(void **state)
{
    struct client c = { .fd = client_connect(screen_port(s, 0)) };
    int r;

    (void)state;
    gnutls_certificate_allocate_credentials(&c.cred);
    gnutls_init(&c.tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
    gnutls_priority_set_direct(c.tls, "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL);
    gnutls_credentials_set(c.tls, GNUTLS_CRD_CERTIFICATE, c.cred);
    gnutls_transport_set_int(c.tls, c.fd);
    do {
        r = gnutls_handshake(c.tls);
    } while (r < 0 && !gnutls_error_is_fatal(r));
    assert_true(r < 0);
    client_close(&c);
}

static void ping_is_answered(void **state)
{
    struct ticket t = agent_ticket(&a);
    uint8_t b[200];
    size_t n;
    struct client c;
    int op;

    (void)state;
    enter(&c, false, &t);
    assert_true(client_frame(&c, 9, "are you there", 13));
    do {
        n = sizeof b;
        op = client_next(&c, b, &n);
    } while (op == 2);
    assert_int_equal(op, 10);
    assert_int_equal(n, 13);
    assert_memory_equal(b, "are you there", 13);
    client_close(&c);
    assert_true(until(&a.closed, 1, 3000));
}

/* ---- tickets ---- */

static void refused(struct ticket *t)
{
    struct client c;
    uint8_t b;

    assert_int_equal(enter_on(&c, 0, false, t), 401);
    assert_null(strstr(head, "ticket"));
    assert_int_equal(client_read(&c, &b, 1), 0);
    client_close(&c);
}

static void bad_tickets_are_refused(void **state)
{
    struct ticket t, good = agent_ticket(&a);
    struct client c;

    (void)state;
    t = agent_ticket(&a);
    t.bserver = id_new();
    refused(&t);
    t = agent_ticket(&a);
    t.desktop = id_new();
    refused(&t);
    t = agent_ticket(&a);
    t.run = id_new();
    refused(&t);
    t = agent_ticket(&a);
    t.iat_ms -= 60000;
    refused(&t);
    t = agent_ticket(&a);
    t.iat_ms += 10000;
    refused(&t);
    t = agent_ticket(&a), t.iat_ms -= 15000,
    refused(&t); /* not too old, but from before our start */
    t = agent_ticket(&a);
    a.floor_seq = 6;
    refused(&t);
    a.floor_seq = 0;
    t = agent_ticket(&a);
    a.time_unknown = true;
    refused(&t);
    a.time_unknown = false;
    t = agent_ticket(&a);
    a.stopped = true;
    refused(&t);
    a.stopped = false;
    screen_session_floor(s, &a.desktop, 5, NULL);
    enter(&c, false, &good);
    refused(&good); /* its nonce */
    t = agent_ticket(&a);
    t.seq = 4;
    refused(&t);
    client_close(&c);
    assert_true(until(&a.closed, 1, 3000));
}

static void times_are_the_bcenters(void **state)
{
    struct ticket t;
    struct client c;

    (void)state;
    a.offset_ms = -86400000;
    t = agent_ticket(&a);
    enter(&c, false, &t);
    client_close(&c);
}

/* ---- who ends a screen ---- */

static void the_newest_wins_also_across_lanes(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client first, second, third;

    (void)state;
    enter(&first, false, &t);
    assert_true(until(&a.opened, 1, 2000));
    t.nonce[0] = '\0';
    assert_int_equal(enter_on(&second, 2, false, &t), 101);
    assert_int_equal(client_close_code(&first), 4002);
    assert_true(until(&a.opened, 2, 2000));
    t.nonce[0] = '\0';
    enter(&third, false, &t);
    assert_int_equal(client_close_code(&second), 4002);
    assert_true(until(&a.opened, 3, 2000));
    client_close(&first);
    client_close(&second);
    assert_true(until(&a.closed, 2, 3000));
    assert_int_equal(screen_count(s), 1);
    client_close(&third);
}

static void a_raised_floor_ends_older_sessions(void **state)
{
    struct ticket t = agent_ticket(&a), later;
    struct client c, d;

    (void)state;
    enter(&c, false, &t);
    assert_true(until(&a.opened, 1, 2000));
    screen_session_floor(s, &a.desktop, 5, &t.session); /* its own */
    screen_session_floor(s, &a.desktop, 4, NULL);       /* an old word */
    screen_session_floor(s, &a.other_desktop, 9, NULL); /* another desktop */
    usleep(100000);
    assert_int_equal(screen_count(s), 1);
    screen_session_floor(s, &a.desktop, 6, NULL);
    assert_int_equal(client_close_code(&c), 4001);
    client_close(&c);
    later = agent_ticket(&a);
    later.seq = 6;
    enter(&d, false, &later);
    screen_session_floor(s, &a.desktop, 6, &t.session); /* not the one that is live */
    assert_int_equal(client_close_code(&d), 4001);
    client_close(&d);
}

static void a_higher_ticket_ends_the_lower_session(void **state)
{
    struct ticket t = agent_ticket(&a), next = agent_ticket(&a);
    struct client c, d;

    (void)state;
    next.seq = 6;
    enter(&c, false, &t);
    enter(&d, false, &next);
    assert_int_equal(client_close_code(&c), 4001);
    client_close(&c);
    client_close(&d);
}

static void a_stopped_desktop_ends_its_screen(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client c;

    (void)state;
    enter(&c, false, &t);
    assert_true(until(&a.opened, 1, 2000));
    screen_desktop_stopped(s, &a.desktop);
    assert_int_equal(client_close_code(&c), 4003);
    client_close(&c);
}

static void qemu_hanging_up_is_told_apart(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client c;

    (void)state;
    a.script = QEMU_HANGS_UP;
    enter(&c, false, &t);
    assert_int_equal(client_close_code(&c), 1011);
    client_close(&c);
    t = agent_ticket(&a);
    enter(&c, false, &t);
    assert_true(until(&a.opened, 2, 2000));
    a.stopped = true;
    assert_int_equal(client_close_code(&c), 4003);
    client_close(&c);
}

static void no_graphics_has_its_codes(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client c;

    (void)state;
    a.fail = ERR_VM_STATE;
    enter(&c, false, &t);
    assert_int_equal(client_close_code(&c), 4003);
    client_close(&c);
    a.fail = ERR_VIRT_UNAVAILABLE;
    t = agent_ticket(&a);
    enter(&c, false, &t);
    assert_int_equal(client_close_code(&c), 1013);
    client_close(&c);
    a.fail = 0;
    a.open_ms = 300;
    t = agent_ticket(&a);
    enter(&c, false, &t);
    usleep(100000);
    a.floor_seq = 9; /* the session ends while libvirt opens its screen */
    assert_int_equal(client_close_code(&c), 4004);
    client_close(&c);
    a.open_ms = 6000;
    a.floor_seq = 0;
    t = agent_ticket(&a);
    enter(&c, false, &t);
    assert_int_equal(client_close_code(&c), 1013);
    client_close(&c);
}

static void stop_says_going_away(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client c;

    (void)state;
    enter(&c, true, &t);
    assert_true(until(&a.opened, 1, 2000));
    screen_stop(s);
    s = NULL;
    assert_int_equal(client_close_code(&c), 1001);
    client_close(&c);
}

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

static void slow_reader(bool tls)
{
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    struct client c;
    long long held, rss;
    uint32_t word;

    a.script = QEMU_FLOOD;
    enter(&c, tls, &t);
    usleep(700000);
    held = a.flooded;
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
    assert_true(until(&a.closed, 1, 3000));
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
    assert_true(until(&a.closed, a.opened, 3000));
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
    assert_true(until(&a.closed, a.opened, 5000));
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
    assert_in_range(clock_boot_ms() - from, 4500, 7000);
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
    assert_true(until(&a.opened, 100, 3000));
    assert_int_equal(screen_count(s), 100);
    for (int i = 0; i < 101; i++)
        client_close(&c[i]);
    assert_true(until(&a.closed, 100, 5000));
}

static void half_closed_is_closed(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client c;

    (void)state;
    enter(&c, false, &t);
    assert_true(until(&a.opened, 1, 2000));
    shutdown(c.fd, SHUT_WR);
    assert_true(until(&a.closed, 1, 2000));
    client_close(&c);
}

static void plain_is_for_loopback_only(void **state)
{
    static const char *const bad[][2] = {
        { "0.0.0.0:0", NULL }, { "127.0.0.1", NULL }, { "localhost:0", NULL }, { "[::]:0", NULL }
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct screen_spec spec = { .listen = bad[i], .host = &a.host, .bserver = a.bserver };
        struct screen *none = NULL;
        struct err e = { 0 };

        assert_int_equal(screen_start(&spec, &none, &e), -1);
        assert_int_equal(e.code, ERR_INVALID_REQUEST);
        assert_null(none);
    }
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, plain_begin, end)
#define TLS(f) cmocka_unit_test_setup_teardown(f, tls_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_ticket_opens_the_screen),
        TLS(a_ticket_opens_the_screen_over_tls),
        TLS(tls_1_2_is_refused),
        PLAIN(ping_is_answered),
        PLAIN(bad_tickets_are_refused),
        PLAIN(times_are_the_bcenters),
        PLAIN(the_newest_wins_also_across_lanes),
        PLAIN(a_raised_floor_ends_older_sessions),
        PLAIN(a_higher_ticket_ends_the_lower_session),
        PLAIN(a_stopped_desktop_ends_its_screen),
        PLAIN(qemu_hanging_up_is_told_apart),
        PLAIN(no_graphics_has_its_codes),
        TLS(stop_says_going_away),
        PLAIN(a_slow_reader_stops_qemu),
        TLS(a_slow_reader_stops_qemu_over_tls),
        PLAIN(a_deaf_qemu_stops_the_browser),
        PLAIN(garbage_frames_end_the_screen),
        PLAIN(garbage_heads_are_refused),
        TLS(random_bytes_harm_nobody),
        PLAIN(stalled_heads_make_room),
        TLS(stalled_handshakes_make_room),
        PLAIN(a_lane_has_a_hundred_screens),
        PLAIN(half_closed_is_closed),
        PLAIN(plain_is_for_loopback_only),
    };
    int r;

    if (!getenv("SCREEN_LOG"))
        log_level_set(LOG_LEVEL_ERROR);
    if (!mkdtemp(dir))
        return 1;
    snprintf(cert, sizeof cert, "%s/crt.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    make_certificate(cert, key);
    r = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(cert);
    unlink(key);
    rmdir(dir);
    return r;
}
