#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "bserver-agent/screen_ticket.h"
#include "common/base/clock.h"

/* ---- the pure decision: one change from what is good, one cause ---- */

static struct ticket ticket;
static struct screen_facts facts;

static int good(void **state)
{
    (void)state;
    ticket = (struct ticket){ .bserver = id_new(),
                              .desktop = id_new(),
                              .run = id_new(),
                              .session = id_new(),
                              .seq = 7,
                              .iat_ms = 1000000 };
    facts = (struct screen_facts){ .bserver = ticket.bserver,
                                   .known = true,
                                   .run = ticket.run,
                                   .floor_seq = 7,
                                   .agent_start_ms = 1000000 };
    return 0;
}

static void a_good_ticket_has_no_fault(void **state)
{
    (void)state;
    assert_null(screen_ticket_fault(&ticket, &facts));
}

static void another_bserver(void **state)
{
    (void)state;
    facts.bserver = id_new();
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "another bServer");
}

static void unknown_desktop(void **state)
{
    (void)state;
    facts.known = false;
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "no such desktop here");
}

static void not_running(void **state)
{
    (void)state;
    facts.run = (struct id){ "" };
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "the desktop does not run");
    ticket.run = facts.run; /* two empty ids are no run either */
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "the desktop does not run");
}

static void another_run(void **state)
{
    (void)state;
    facts.run = id_new();
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "another run");
}

static void below_the_floor(void **state)
{
    (void)state;
    facts.floor_seq = 8;
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "sequence number below the floor");
}

static void before_the_start(void **state)
{
    (void)state;
    facts.agent_start_ms = 1000001;
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "issued before the agent's start");
}

static void used_nonce(void **state)
{
    (void)state;
    facts.nonce_used = true;
    assert_string_equal(screen_ticket_fault(&ticket, &facts), "nonce used before");
}

/* ---- the guard ---- */

static struct ticket_key key;
static struct id run, bserver;
static int64_t host_floor, skew;
static bool time_known;

/* The bCenter's time in these tests. It goes as the boot clock does: the machine's own may be being
 * set right just now, and then an agent's start seems to be later with every look. */
static int64_t theirs(void)
{
    return 1700000000000 + clock_boot_ms() + skew;
}

static bool now_ms(void *arg, int64_t *ms)
{
    (void)arg;
    *ms = theirs();
    return time_known;
}

static int public_key(void *arg, const struct id *kid, unsigned char to[TICKET_PUBLIC],
                      struct err *e)
{
    (void)arg;
    if (!id_eq(kid, &key.kid))
        return err_set(e, ERR_TICKET_REFUSED, "unknown");
    memcpy(to, key.public_key, TICKET_PUBLIC);
    return 0;
}

static bool desktop(void *arg, const struct id *id, struct id *running, int64_t *floor_seq)
{
    (void)arg;
    (void)id;
    *running = run;
    *floor_seq = host_floor;
    return true;
}

static const struct screen_host host = { .now_ms = now_ms,
                                         .public_key = public_key,
                                         .desktop = desktop };

static struct screen_guard *g;

static int guard_begin(void **state)
{
    (void)state;
    ticket_key_make(&key);
    run = id_new();
    bserver = id_new();
    host_floor = skew = 0;
    time_known = true;
    g = screen_guard_new(&bserver);
    return g ? 0 : -1;
}

static int guard_end(void **state)
{
    (void)state;
    screen_guard_free(g);
    return 0;
}

static struct ticket fresh(void)
{
    return (struct ticket){ .bserver = bserver,
                            .desktop = key.kid,
                            .run = run,
                            .session = id_new(),
                            .person = id_new(),
                            .seq = 3,
                            .iat_ms = theirs() };
}

static void admits(struct ticket *t, const char *cause)
{
    char text[TICKET_MAX];
    struct ticket out = { .seq = -1 };
    struct err e = { 0 };
    int r;

    assert_int_equal(ticket_sign(&key, t, text, &e), 0);
    r = screen_guard_admit(g, &host, text, &out, &e);
    assert_int_equal(r, cause ? -1 : 0);
    assert_int_equal(out.seq, cause ? -1 : t->seq);
    if (!cause)
        return;
    assert_int_equal(e.code, ERR_TICKET_REFUSED);
    assert_non_null(strstr(e.cause, cause));
}

static void a_ticket_is_good_once(void **state)
{
    struct ticket t = fresh();

    (void)state;
    admits(&t, NULL);
    admits(&t, "nonce");
    t.nonce[0] = '\0';
    admits(&t, NULL);
}

static void a_refused_ticket_is_not_used_up(void **state)
{
    struct ticket t = fresh();
    struct id kept = run;

    (void)state;
    run = id_new();
    admits(&t, "another run");
    run = kept;
    admits(&t, NULL);
}

static void the_highest_sequence_number_counts(void **state)
{
    struct ticket t = fresh(), low = fresh(), next = fresh();

    (void)state;
    t.seq = 9;
    next.seq = 10;
    admits(&low, NULL);
    admits(&t, NULL);
    low.nonce[0] = '\0';
    admits(&low, "below the floor");
    screen_guard_floor(g, &t.desktop, 10);
    screen_guard_floor(g, &t.desktop, 2); /* does not lower it */
    t.nonce[0] = '\0';
    admits(&t, "below the floor");
    admits(&next, NULL);
    host_floor = 11;
    assert_non_null(screen_guard_recheck(g, &host, &next));
    host_floor = 0;
    assert_null(screen_guard_recheck(g, &host, &next));
}

static void the_time_must_be_known(void **state)
{
    struct ticket t = fresh();

    (void)state;
    time_known = false;
    admits(&t, "time is unknown");
}

static void the_agents_start_is_in_the_bcenters_time(void **state)
{
    struct ticket t;

    (void)state;
    skew = 3600000;
    t = fresh();
    admits(&t, NULL);
    t = fresh();
    t.iat_ms -= 10000;
    admits(&t, "before the agent's start");
}

static void unknown_keys_are_refused(void **state)
{
    struct ticket t = fresh();
    char text[TICKET_MAX];
    struct ticket_key other;
    struct err e = { 0 };

    (void)state;
    ticket_key_make(&other);
    assert_int_equal(ticket_sign(&other, &t, text, &e), 0);
    assert_int_equal(screen_guard_admit(g, &host, text, &t, &e), -1);
    other.kid = key.kid; /* says it is the known one */
    e = (struct err){ 0 };
    assert_int_equal(ticket_sign(&other, &t, text, &e), 0);
    assert_int_equal(screen_guard_admit(g, &host, text, &t, &e), -1);
    assert_string_equal(e.cause, "signature");
}

static void a_flood_of_tickets_is_overload_not_forgetting(void **state)
{
    struct ticket first = fresh();
    struct err e = { 0 };
    int admitted = 1;

    (void)state;
    admits(&first, NULL);
    for (int i = 0; i < 5000; i++) {
        struct ticket t = fresh(), out;
        char text[TICKET_MAX];

        assert_int_equal(ticket_sign(&key, &t, text, &e), 0);
        e = (struct err){ 0 };
        admitted += screen_guard_admit(g, &host, text, &out, &e) == 0;
    }
    assert_int_equal(e.code, ERR_OVERLOADED);
    assert_int_equal(admitted, 4096);
    admits(&first, "nonce");
}

static void floors_outlive_many_desktops(void **state)
{
    struct ticket t = fresh();

    (void)state;
    for (int i = 0; i < 1023; i++) {
        struct id other = id_new();

        screen_guard_floor(g, &other, 1);
    }
    screen_guard_floor(g, &t.desktop, 5);
    admits(&t, "below the floor");
}

#define PURE(f) cmocka_unit_test_setup(f, good)
#define GUARD(f) cmocka_unit_test_setup_teardown(f, guard_begin, guard_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PURE(a_good_ticket_has_no_fault),
        PURE(another_bserver),
        PURE(unknown_desktop),
        PURE(not_running),
        PURE(another_run),
        PURE(below_the_floor),
        PURE(before_the_start),
        PURE(used_nonce),
        GUARD(a_ticket_is_good_once),
        GUARD(a_refused_ticket_is_not_used_up),
        GUARD(the_highest_sequence_number_counts),
        GUARD(the_time_must_be_known),
        GUARD(the_agents_start_is_in_the_bcenters_time),
        GUARD(unknown_keys_are_refused),
        GUARD(a_flood_of_tickets_is_overload_not_forgetting),
        GUARD(floors_outlive_many_desktops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
