/*
 * screen_fixture — a display listener of three lanes for each test, plain or with TLS, before a
 * scripted agent. Included after cmocka.h by the tests of the listener.
 */
#ifndef TESTS_VIRT_SCREEN_FIXTURE_H
#define TESTS_VIRT_SCREEN_FIXTURE_H

#include <sys/stat.h>

#include "common/base/log.h"
#include "tests/virt/screen_client.h"

static char dir[] = "/tmp/bic-screen-XXXXXX", cert[64], key[64];
static struct agent a;
static struct screen *s;
static char head[1024];

UNUSED static void begin(bool tls)
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

UNUSED static int plain_begin(void **state)
{
    (void)state;
    begin(false);
    return 0;
}

UNUSED static int tls_begin(void **state)
{
    (void)state;
    begin(true);
    return 0;
}

UNUSED static bool until(atomic_int *what, int value)
{
    for (int ms = 60000; *what != value && ms > 0; ms -= 5)
        usleep(5000);
    return *what == value;
}

UNUSED static int end(void **state)
{
    (void)state;
    a.stopped = true;
    screen_stop(s);
    s = NULL;
    assert_int_equal(a.opened, a.closed);
    assert_true(until(&a.qemus, 0)); /* they see their sockets closed */
    return 0;
}

UNUSED static int enter_on(struct client *c, int lane, bool tls, struct ticket *t)
{
    char text[TICKET_MAX];
    struct err e = { 0 };

    assert_int_equal(ticket_sign(&a.key, t, text, &e), 0);
    assert_int_equal(client_open(c, screen_port(s, lane), tls), 0);
    return client_upgrade(c, text, head);
}

UNUSED static void enter(struct client *c, bool tls, struct ticket *t)
{
    assert_int_equal(enter_on(c, 0, tls, t), 101);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, plain_begin, end)
#define TLS(f) cmocka_unit_test_setup_teardown(f, tls_begin, end)

/* Runs the group with a certificate at hand. */
#define RUN(tests)                                                                                 \
    (fixture_begin() < 0 ? 1 : fixture_end(cmocka_run_group_tests(tests, NULL, NULL)))

UNUSED static int fixture_begin(void)
{
    if (!getenv("SCREEN_LOG"))
        log_level_set(LOG_LEVEL_ERROR);
    if (!mkdtemp(dir))
        return -1;
    snprintf(cert, sizeof cert, "%s/crt.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    make_certificate(cert, key);
    return 0;
}

UNUSED static int fixture_end(int result)
{
    unlink(cert);
    unlink(key);
    rmdir(dir);
    return result;
}

#endif
