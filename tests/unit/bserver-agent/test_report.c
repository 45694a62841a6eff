#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <string.h>

#include "bserver-agent/report.h"
#include "common/base/clock.h"
#include "common/base/json.h"

#define RUN "11111111-1111-4111-8111-111111111111"
#define DISK "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

static const struct id bserver = { "0b1c0000-0000-4000-8000-000000000001" };
static struct sync_set *set;
static struct report *p;

static int setup(void **state)
{
    struct err e = { 0 };

    (void)state;
    set = sync_set_new_source();
    sync_set_ready(set);
    return report_open(set, &bserver, &p, &e);
}

static int teardown(void **state)
{
    (void)state;
    report_close(p);
    sync_set_free(set);
    return 0;
}

static const char *is(json_t *o, const char *key)
{
    const char *s = json_str(o, key);

    return s ? s : "null";
}

static void words_of_a_desktop(void **state)
{
    static const struct {
        enum machine_power power;
        bool disks, disk, deleting, crashed, guest;
        enum machine_action doing;
        const char *state, *run, *last, *ready, *busy;
    } rows[] = {
        { MACHINE_NONE, true, false, false, false, true, MACHINE_REST, "missing", "null", RUN,
          "null", "null" },
        { MACHINE_NONE, true, true, false, false, true, MACHINE_START, "off", "null", RUN, "null",
          "starting" },
        { MACHINE_NONE, true, true, false, true, true, MACHINE_REST, "crashed", "null", RUN, "null",
          "null" },
        { MACHINE_NONE, false, false, false, false, false, MACHINE_REST, "off", "null", RUN, "null",
          "null" },
        { MACHINE_NONE, false, false, true, false, false, MACHINE_REST, "missing", "null", RUN,
          "null", "null" },
        { MACHINE_NONE, true, false, false, false, true, MACHINE_WAIT_IMAGE, "missing", "null", RUN,
          "null", "preparing_disk" },
        { MACHINE_RUNNING, true, true, false, false, true, MACHINE_REST, "running", RUN, RUN,
          "null", "null" },
        { MACHINE_RUNNING, false, false, false, false, false, MACHINE_REST, "running", RUN, RUN,
          RUN, "null" },
        { MACHINE_PAUSED, true, true, false, false, true, MACHINE_DESTROY, "paused", RUN, RUN,
          "null", "stopping" },
        { MACHINE_STARTING, true, true, false, false, true, MACHINE_REST, "unknown", RUN, RUN,
          "null", "null" },
        { MACHINE_UNKNOWN, true, true, false, false, true, MACHINE_REST, "unknown", "null", RUN,
          "null", "null" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wanted w = { .deleting = rows[i].deleting };
        struct machine_view v = { .wanted = &w,
                                  .has_disks = rows[i].disks,
                                  .has_guest_channel = rows[i].guest,
                                  .doing = rows[i].doing,
                                  .seen = { .power = rows[i].power },
                                  .last = { .state = INTENT_ENDED, .crashed = rows[i].crashed } };

        assert_true(id_parse(RUN, &v.seen.run) && id_parse(RUN, &v.last.run));
        if (rows[i].disk)
            assert_true(id_parse(DISK, &v.seen.overlay));
        json_auto_t *o = report_desktop_body(&v);
        assert_string_equal(is(o, "state"), rows[i].state);
        assert_string_equal(is(o, "run"), rows[i].run);
        assert_string_equal(is(o, "last_run"), rows[i].last);
        assert_string_equal(is(o, "ready_run"), rows[i].ready);
        assert_string_equal(is(o, "busy"), rows[i].busy);
        assert_string_equal(is(o, "overlay"), rows[i].disk ? DISK : "null");
    }
}

static void only_changes_make_revisions(void **state)
{
    struct wanted w = { .id = bserver };
    struct machine_view v = { .id = bserver, .wanted = &w, .has_disks = true };
    char before[SYNC_CURSOR_MAX], after[SYNC_CURSOR_MAX];

    (void)state;
    report_desktop(p, &v);
    sync_set_cursor(set, before);
    report_desktop(p, &v);
    sync_set_cursor(set, after);
    assert_string_equal(before, after);
    v.seen.power = MACHINE_RUNNING;
    report_desktop(p, &v);
    sync_set_cursor(set, after);
    assert_string_not_equal(before, after);
    json_auto_t *o = sync_set_get(set, bserver.s, "desktop", &bserver);
    assert_non_null(json_str(o, "as_of"));
}

static void an_error_names_what_it_is_about(void **state)
{
    struct wanted w = { .id = bserver };
    struct machine_view v = { .id = bserver, .wanted = &w, .has_disks = true };

    (void)state;
    err_set(&v.error, ERR_INSUFFICIENT_STORAGE, "no room");
    err_cause(&v.error, "/secret/path");
    assert_true(id_parse(DISK, &v.error_overlay));
    json_auto_t *o = report_desktop_body(&v);
    json_t *e = json_object_get(o, "error");
    assert_string_equal(is(e, "slug"), "insufficient-storage");
    assert_string_equal(is(e, "overlay"), DISK);
    char *text = json_dumps(o, 0);
    assert_null(strstr(text, "secret"));
    free(text);
}

static void screens_are_forgotten_after_a_minute(void **state)
{
    struct id session = id_new();

    (void)state;
    report_screen_opened(p, &session, &bserver, 3, 1);
    report_screens_forget(p, clock_boot_ms() + 100000);
    json_auto_t *open = sync_set_get(set, bserver.s, "screen", &session);
    assert_true(json_flag(open, "open", false));
    assert_int_equal(json_num(open, "lane", -1), 1);
    report_screen_closed(p, &session, &bserver, 3, 1234);
    json_auto_t *closed = sync_set_get(set, bserver.s, "screen", &session);
    assert_int_equal(json_num(closed, "bytes_out", 0), 1234);
    assert_string_equal(is(open, "since"), is(closed, "since"));
    report_screens_forget(p, clock_boot_ms() + 50000);
    assert_int_equal(sync_set_count(set, "screen"), 1);
    report_screens_forget(p, clock_boot_ms() + 61000);
    assert_int_equal(sync_set_count(set, "screen"), 0);
}

/* The old connection hangs on a dead network while the screen is open at another lane already. */
static void a_screen_that_moves_stays_open(void **state)
{
    struct id session = id_new();

    (void)state;
    report_screen_opened(p, &session, &bserver, 3, 0);
    report_screen_opened(p, &session, &bserver, 3, 1);
    report_screen_closed(p, &session, &bserver, 3, 10);
    json_auto_t *moved = sync_set_get(set, bserver.s, "screen", &session);
    assert_true(json_flag(moved, "open", false));
    assert_int_equal(json_num(moved, "lane", -1), 1);
    report_screens_forget(p, clock_boot_ms() + 100000);
    assert_int_equal(sync_set_count(set, "screen"), 1);
    report_screen_closed(p, &session, &bserver, 3, 20);
    json_auto_t *closed = sync_set_get(set, bserver.s, "screen", &session);
    assert_false(json_flag(closed, "open", true));
}

static void a_sample_is_a_new_state_each_time(void **state)
{
    struct io_rate rates[] = { { id_new(), { RUN }, 5000001 }, { id_new(), { RUN }, 0 } };
    struct io_sample s = { .interval_ms = 10000,
                           .rates = rates,
                           .n = 2,
                           .requests = 50,
                           .us_per_request = 300,
                           .nic_dropped = 4,
                           .resent_ppm = 25,
                           .vf_counters = true };
    int64_t rev;

    (void)state;
    report_sample(p, "libvirt", &s);
    json_auto_t *o = sync_set_get(set, bserver.s, "io", &bserver);
    json_t *d = json_object_get(o, "desktops"), *first = json_object_get(d, rates[0].desktop.s);
    assert_int_equal(json_object_size(d), 2);
    assert_int_equal(json_integer_value(json_array_get(first, 0)), 5000001);
    assert_string_equal(json_string_value(json_array_get(first, 1)), RUN);
    assert_string_equal(is(o, "source"), "libvirt");
    assert_int_equal(json_num(o, "interval_ms", 0), 10000);
    assert_int_equal(json_num(o, "requests", 0), 50);
    assert_int_equal(json_num(o, "us_per_request", -7), 300);
    assert_int_equal(json_num(o, "nic_dropped", 0), 4);
    assert_int_equal(json_num(o, "screen_retransmits_ppm", -7), 25);
    assert_true(json_flag(o, "vf_counters", false));
    rev = sync_set_rev(set, bserver.s, "io", &bserver);
    s.n = 0;
    s.us_per_request = s.resent_ppm = -1; /* not known is null, not a number */
    report_sample(p, "model", &s);
    json_auto_t *o2 = sync_set_get(set, bserver.s, "io", &bserver);
    assert_true(sync_set_rev(set, bserver.s, "io", &bserver) > rev);
    assert_int_equal(json_object_size(json_object_get(o2, "desktops")), 0);
    assert_true(json_is_null(json_object_get(o2, "us_per_request")));
    assert_true(json_is_null(json_object_get(o2, "screen_retransmits_ppm")));
    report_no_sample(p);
    assert_int_equal(sync_set_count(set, "io"), 0);
}

static void a_host_says_what_counts_its_io(void **state)
{
    static const char *const no_lanes[] = { NULL };
    const struct io_model model = { 150, 30000, 1, 5, 4000, 200 };
    const struct hypervisor_abilities can = { .kind = HYPERVISOR_SIMULATED };
    const struct inventory inventory = { .cores = 4 };
    struct report_host h = { .can = &can,
                             .inventory = &inventory,
                             .version = "1",
                             .lanes = no_lanes,
                             .io = { "model", &model, true } };

    (void)state;
    h.drift = json_array();
    report_host(p, &h);
    json_auto_t *o = sync_set_get(set, bserver.s, "bserver", &bserver);
    json_t *c = json_object_get(o, "capabilities"), *m = json_object_get(c, "io_model");
    assert_string_equal(is(c, "io_source"), "model");
    assert_true(json_flag(c, "vf_counters", false));
    assert_int_equal(json_num(m, "boot_per_s", 0), 150);
    assert_int_equal(json_num(m, "boot_s", 0), 30);
    assert_int_equal(json_num(m, "idle_per_s", 0), 1);
    assert_int_equal(json_num(m, "session_per_s", 0), 5);
    assert_int_equal(json_num(m, "capacity_per_s", 0), 4000);
    assert_int_equal(json_num(m, "us_per_request", 0), 200);
    h.io = (struct report_io){ "libvirt", NULL, false };
    h.drift = json_array();
    report_host(p, &h);
    json_auto_t *o2 = sync_set_get(set, bserver.s, "bserver", &bserver);
    c = json_object_get(o2, "capabilities");
    assert_string_equal(is(c, "io_source"), "libvirt");
    assert_false(json_flag(c, "vf_counters", true));
    assert_null(json_object_get(c, "io_model"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_a_desktop),
        cmocka_unit_test_setup_teardown(only_changes_make_revisions, setup, teardown),
        cmocka_unit_test(an_error_names_what_it_is_about),
        cmocka_unit_test_setup_teardown(a_sample_is_a_new_state_each_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_host_says_what_counts_its_io, setup, teardown),
        cmocka_unit_test_setup_teardown(screens_are_forgotten_after_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(a_screen_that_moves_stays_open, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
