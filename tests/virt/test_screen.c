#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/filter.h>

#include "tests/virt/screen_fixture.h"

/* ---- the way a person goes ---- */

static void first_picture(bool tls)
{
    struct ticket t = agent_ticket(&a);
    static struct stream st;
    struct client c;

    enter(&c, tls, &t);
    assert_non_null(strstr(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_non_null(strstr(head, "Sec-WebSocket-Protocol: bic.display.v1\r\n"));
    assert_null(strstr(head, "ticket"));
    st = (struct stream){ .c = &c };
    assert_true(client_rfb(&st));
    assert_int_equal(screen_count(s), 1);
    assert_int_equal(a.opened, 1);
    assert_true(client_frame(&c, 8, "\x03\xE8", 2));
    assert_int_equal(client_close_code(&c), 1000);
    assert_true(until(&a.closed, 1));
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
    assert_true(until(&a.closed, 1));
}

/* ---- a page that only asks whether the lane can be reached ---- */

static void tested(int lane, bool tls)
{
    struct client c;

    assert_int_equal(client_open(&c, screen_port(s, lane), tls), 0);
    assert_int_equal(client_upgrade_to(&c, "bic.lane-test.v1", head), 101);
    assert_non_null(strstr(head, "Sec-WebSocket-Protocol: bic.lane-test.v1\r\n"));
    assert_int_equal(client_close_code(&c), 1000);
    client_close(&c);
}

static void a_lane_is_tested_without_a_ticket(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) /* more than may stand in the door at a time */
        tested(i % 2 ? 2 : 0, false);
    assert_int_equal(screen_count(s), 0);
    assert_int_equal(a.opened, 0);
}

static void a_lane_is_tested_over_tls(void **state)
{
    (void)state;
    tested(0, true);
    tested(2, true);
    assert_true(screen_lane_up(s, 0)); /* the loopback */
    assert_false(screen_lane_up(s, 3));
    assert_false(screen_lane_up(s, -1));
}

/* ---- what TCP says ---- */

/* The kernel throws away whatever comes for this socket, as a bad network would. */
static void deaf(const struct client *c, bool on)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog all = { 1, &nothing };

    assert_int_equal(on ? setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all)
                        : setsockopt(c->fd, SOL_SOCKET, SO_DETACH_FILTER, &all, sizeof all),
                     0);
}

static void what_is_sent_again_is_counted(void **state)
{
    struct ticket t = agent_ticket(&a);
    uint64_t sent, resent, before, at_end[2];
    static struct stream st;
    struct client c;

    (void)state;
    screen_segments(s, &sent, &resent);
    assert_true(sent == 0 && resent == 0);
    assert_int_equal(enter_on(&c, 2, false, &t), 101);
    st = (struct stream){ .c = &c };
    assert_true(client_rfb(&st));
    screen_segments(s, &sent, &before);
    assert_true(sent >= 2); /* the head, the picture */
    deaf(&c, true);
    assert_true(client_frame(&c, 9, "are you there", 13)); /* its answer does not arrive */
    for (int ms = 60000; resent < before + 2 && ms > 0; ms -= 20, usleep(20000))
        screen_segments(s, &sent, &resent);
    assert_true(resent >= before + 2);
    assert_true(sent > resent);
    deaf(&c, false);
    client_close(&c);
    assert_true(until(&a.closed, 1));
    screen_segments(s, &at_end[0], &at_end[1]); /* a closed screen's are not forgotten */
    assert_true(at_end[0] >= sent && at_end[1] >= resent);
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
    assert_true(until(&a.closed, 1));
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
    assert_true(until(&a.opened, 1));
    t.nonce[0] = '\0';
    assert_int_equal(enter_on(&second, 2, false, &t), 101);
    assert_int_equal(client_close_code(&first), 4002);
    assert_true(until(&a.opened, 2));
    assert_int_equal(a.lane, 2);
    t.nonce[0] = '\0';
    enter(&third, false, &t);
    assert_int_equal(client_close_code(&second), 4002);
    assert_true(until(&a.opened, 3));
    client_close(&first);
    client_close(&second);
    assert_true(until(&a.closed, 2));
    assert_int_equal(screen_count(s), 1);
    client_close(&third);
}

static void a_raised_floor_ends_older_sessions(void **state)
{
    struct ticket t = agent_ticket(&a), later;
    struct client c, d;

    (void)state;
    enter(&c, false, &t);
    assert_true(until(&a.opened, 1));
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
    assert_true(until(&a.opened, 1));
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
    assert_true(until(&a.opened, 2));
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
    assert_true(until(&a.opened, 1));
    screen_stop(s);
    s = NULL;
    assert_int_equal(client_close_code(&c), 1001);
    client_close(&c);
}

static void half_closed_is_closed(void **state)
{
    struct ticket t = agent_ticket(&a);
    struct client c;

    (void)state;
    enter(&c, false, &t);
    assert_true(until(&a.opened, 1));
    shutdown(c.fd, SHUT_WR);
    assert_true(until(&a.closed, 1));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(a_ticket_opens_the_screen),
        TLS(a_ticket_opens_the_screen_over_tls),
        TLS(tls_1_2_is_refused),
        PLAIN(ping_is_answered),
        PLAIN(a_lane_is_tested_without_a_ticket),
        TLS(a_lane_is_tested_over_tls),
        PLAIN(what_is_sent_again_is_counted),
        PLAIN(bad_tickets_are_refused),
        PLAIN(times_are_the_bcenters),
        PLAIN(the_newest_wins_also_across_lanes),
        PLAIN(a_raised_floor_ends_older_sessions),
        PLAIN(a_higher_ticket_ends_the_lower_session),
        PLAIN(a_stopped_desktop_ends_its_screen),
        PLAIN(qemu_hanging_up_is_told_apart),
        PLAIN(no_graphics_has_its_codes),
        TLS(stop_says_going_away),
        PLAIN(half_closed_is_closed),
        PLAIN(plain_is_for_loopback_only),
    };

    return RUN(tests);
}
