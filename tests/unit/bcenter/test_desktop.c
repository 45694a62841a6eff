/* What people see of a desktop, what is done about it next, and what a pool asks of its desktops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/desktop_next.h"
#include "bcenter/desktop_state.h"
#include "bcenter/pool_share.h"

static const char *word(struct state_facts f)
{
    return desktop_state_word(desktop_state_of(&f));
}

static void states(void **state)
{
    const struct state_facts off = { .observed = OBSERVED_OFF, .overlay_there = true };
    struct state_facts f = off;

    (void)state;
    assert_string_equal(word(f), "off");
    f.overlay_there = false;
    assert_string_equal(word(f), "preparing");
    f = off;
    f.wanted_on = true;
    assert_string_equal(word(f), "starting");
    f.busy = AGENT_PREPARING;
    assert_string_equal(word(f), "preparing");
    f.busy = AGENT_IDLE;
    f.failed = true;
    assert_string_equal(word(f), "failed");
    f.failed = false;
    f.observed = OBSERVED_RUNNING;
    assert_string_equal(word(f), "running");
    f.ready = true;
    assert_string_equal(word(f), "ready");
    f.live_session = true;
    assert_string_equal(word(f), "in_use");
    f.verb = VERB_REBOOT;
    assert_string_equal(word(f), "rebooting");
    f.silent = true;
    assert_string_equal(word(f), "unknown"); /* unknown is not stopped */
    f.deleting = true;
    assert_string_equal(word(f), "deleting");
    f = off;
    f.observed = OBSERVED_RUNNING;
    assert_string_equal(word(f), "stopping");
    f.observed = OBSERVED_CRASHED;
    assert_string_equal(word(f), "crashed");
    f.verb = VERB_REBUILD;
    assert_string_equal(word(f), "rebuilding");
}

/* Whatever the facts, there is a word, and only an observed life is called one. */
static void states_are_total(void **state)
{
    unsigned seed = 3;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        unsigned r = (unsigned)rand_r(&seed);
        struct state_facts f = { r & 1,
                                 r >> 1 & 1,
                                 r >> 2 & 1,
                                 r >> 3 & 1,
                                 r >> 4 & 1,
                                 r >> 5 & 1,
                                 r >> 6 & 1,
                                 (enum observed)(r >> 8 & 7) % 6,
                                 (enum agent_busy)(r >> 11 & 3),
                                 (enum verb)((r >> 13 & 15) % 12) };
        enum desktop_state s = desktop_state_of(&f);

        assert_non_null(desktop_state_word(s));
        if (s == STATE_READY || s == STATE_IN_USE || s == STATE_RUNNING)
            assert_true(f.observed == OBSERVED_RUNNING && f.wanted_on && !f.silent && !f.deleting);
        if (s == STATE_OFF)
            assert_true(f.observed != OBSERVED_RUNNING && f.observed != OBSERVED_PAUSED &&
                        !f.wanted_on);
    }
}

static struct next_facts spare(void)
{
    return (struct next_facts){
        .host_up = true, .seen = true, .floating = true, .logoff_ms = 1000, .closed_ms = -1
    };
}

static enum next next_of(struct next_facts f)
{
    return desktop_next(&f);
}

static void next_steps(void **state)
{
    struct next_facts f = spare();

    (void)state;
    assert_int_equal(next_of(f), NEXT_NOTHING);
    f.want_running = true;
    assert_int_equal(next_of(f), NEXT_START);
    f.retry_in_ms = 1;
    assert_int_equal(next_of(f), NEXT_NOTHING);
    f = spare();
    f.used = true;
    f.want_running = true;
    assert_int_equal(next_of(f), NEXT_RENEW); /* dirty first, always */
    f = spare();
    f.surplus = true;
    assert_int_equal(next_of(f), NEXT_DELETE);
    f.person = true;
    assert_int_equal(next_of(f), NEXT_NOTHING);
    f = spare();
    f.wanted_on = f.person = f.session = true;
    f.closed_ms = 999;
    assert_int_equal(next_of(f), NEXT_NOTHING);
    f.closed_ms = 1000;
    assert_int_equal(next_of(f), NEXT_SESSION_END);
    f.floating = false;
    assert_int_equal(next_of(f), NEXT_NOTHING); /* hers for good */
    f.barred = true;
    assert_int_equal(next_of(f), NEXT_SESSION_END);
    f.barred = false;
    f.run_ended = true;
    assert_int_equal(next_of(f), NEXT_RUN_ENDED);
    f.host_up = false;
    assert_int_equal(next_of(f), NEXT_NOTHING); /* silence says nothing */
    f = spare();
    f.deleting = true;
    assert_int_equal(next_of(f), NEXT_NOTHING);
    f.missing = true;
    assert_int_equal(next_of(f), NEXT_FORGET);
}

/* Its bServer was deleted: what a person keeps is hers to give up, all else makes room. */
static void the_host_has_left(void **state)
{
    struct next_facts f = spare();

    (void)state;
    f.host_up = false;
    f.host_left = true;
    assert_int_equal(next_of(f), NEXT_DELETE);
    f.deleting = true;
    assert_int_equal(next_of(f), NEXT_FORGET);
    f = spare();
    f.host_up = false;
    f.host_left = f.person = f.session = true;
    assert_int_equal(next_of(f), NEXT_SESSION_END);
    f.session = false;
    assert_int_equal(next_of(f), NEXT_RELEASE);
    f.floating = false;
    assert_int_equal(next_of(f), NEXT_NOTHING);
}

static void promised_to_people(const struct next_facts *f, enum next n)
{
    if (n == NEXT_DELETE || n == NEXT_RENEW)
        assert_true(!f->person && !f->op_open);
    if (n == NEXT_SESSION_END || n == NEXT_RELEASE)
        assert_true(f->floating && f->person);
}

static void promised_of_hosts(const struct next_facts *f, enum next n)
{
    if (!f->host_up)
        assert_true(n != NEXT_RUN_ENDED && n != NEXT_START && (n != NEXT_FORGET || f->host_left));
    if (f->host_left && f->person && !f->floating)
        assert_true(n != NEXT_DELETE && n != NEXT_RELEASE);
}

static void promised(const struct next_facts *f, enum next n)
{
    promised_to_people(f, n);
    promised_of_hosts(f, n);
    if (f->busy)
        assert_int_equal(n, NEXT_NOTHING);
    if (n == NEXT_START)
        assert_true(!f->used && !f->alive && !f->wanted_on && !f->person && f->host_up && f->seen &&
                    !f->maintenance);
    if (n == NEXT_FORGET)
        assert_true(f->deleting && (f->host_left || (f->missing && f->host_up)));
}

static void next_keeps_its_promises(void **state)
{
    unsigned seed = 5;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        unsigned r = (unsigned)rand_r(&seed), q = (unsigned)rand_r(&seed);
        struct next_facts f = { .busy = !(q & 7),
                                .deleting = r & 1,
                                .host_up = r >> 1 & 1,
                                .maintenance = r >> 2 & 1,
                                .seen = r >> 3 & 1,
                                .floating = r >> 4 & 1,
                                .person = r >> 5 & 1,
                                .session = r >> 6 & 1,
                                .op_open = r >> 7 & 1,
                                .wanted_on = r >> 8 & 1,
                                .run_ended = r >> 9 & 1,
                                .other_boot = r >> 10 & 1,
                                .run_failed = r >> 11 & 1,
                                .alive = r >> 12 & 1,
                                .missing = r >> 13 & 1,
                                .used = r >> 14 & 1,
                                .stale = r >> 15 & 1,
                                .surplus = r >> 16 & 1,
                                .want_running = r >> 17 & 1,
                                .overlay_failed = r >> 18 & 1,
                                .host_left = r >> 19 & 1,
                                .closed_ms = (int)(q >> 4 & 3) - 1,
                                .assigned_ms = q >> 6 & 3,
                                .logoff_ms = 2 };
        enum next n = desktop_next(&f);

        promised(&f, n);
    }
}

static void shares(void **state)
{
    unsigned seed = 9;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        struct share_desktop d[40];
        struct share_wish w = { rand_r(&seed) % 40, rand_r(&seed) % 10, rand_r(&seed) % 2 };
        int n = (int)(rand_r(&seed) % 40), make, have = 0, surplus = 0, renew = 0;

        for (int k = 0; k < n; k++) {
            unsigned r = (unsigned)rand_r(&seed);

            d[k] = (struct share_desktop){ .id = id_new(),
                                           .deleting = !(r & 7),
                                           .assigned = r >> 3 & 1,
                                           .wanted_on = r >> 4 & 1,
                                           .stale = r >> 5 & 1,
                                           .preparing = r >> 6 & 1,
                                           .host_up = (r >> 7 & 3) != 0,
                                           .created = r >> 9 & 255 };
        }
        make = pool_share_plan(&w, d, n);
        for (int k = 0; k < n; k++) {
            have += !d[k].deleting;
            surplus += d[k].surplus;
            renew += d[k].renew;
            if (d[k].surplus || d[k].want_running || d[k].renew)
                assert_false(d[k].assigned || d[k].deleting);
            if (d[k].renew)
                assert_true(w.floating && d[k].stale);
        }
        assert_int_equal(make, have < w.size ? w.size - have : 0);
        assert_true(surplus <= (have > w.size ? have - w.size : 0));
        assert_true(renew <= (w.size / 10 > 1 ? w.size / 10 : 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states),
        cmocka_unit_test(states_are_total),
        cmocka_unit_test(next_steps),
        cmocka_unit_test(the_host_has_left),
        cmocka_unit_test(next_keeps_its_promises),
        cmocka_unit_test(shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
