/* What hosts count of their desktops' I/O: QEMUs under the embedded driver. */
#include "bserver-agent/embedded.h"
#include "tests/virt/host_fixture.h"

static struct fixture f;
enum { MACHINES = 4 }; /* one more than counting may lose threads */

static struct id desktops[MACHINES], overlays[MACHINES], runs[MACHINES];

static int setup(void **state)
{
    (void)state;
    fx_make(&f, true);
    f.io_sample_s = 1;
    fx_open(&f);
    fx_sync(&f);
    return 0;
}

static int teardown(void **state)
{
    int pid;

    (void)state;
    for (int i = 0; i < MACHINES; i++)
        for (int k = 0;
             id_set(&desktops[i]) && k < 100 && (pid = embedded_find_qemu(&desktops[i])) != 0;
             k++) {
            kill(pid, SIGKILL);
            usleep(50000);
        }
    fx_remove(&f);
    return 0;
}

/* Another sample than the one before; its rate of a desktop, -1 if it has none. */
static json_t *next_sample(void)
{
    static int64_t seen = -1;
    int64_t rev = -1;

    for (int64_t until = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < until; usleep(50000)) {
        rev = sync_set_rev(host_observed(f.host), f.bserver.s, "io", &f.bserver);
        if (rev > seen)
            break;
    }
    assert_true(rev > seen);
    seen = rev;
    return fx_seen(&f, "io", &f.bserver);
}

static int64_t rate(const json_t *sample, int i)
{
    const json_t *r = json_object_get(json_object_get(sample, "desktops"), desktops[i].s);

    if (!r)
        return -1;
    assert_string_equal(json_string_value(json_array_get(r, 1)), runs[i].s);
    return json_integer_value(json_array_get(r, 0));
}

/* A sample that tells of desktop i, and asks for at least uio, within FX_WAIT_MS. */
static json_t *sample_of(int i, int64_t uio)
{
    for (int64_t until = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < until;) {
        json_t *s = next_sample();

        if (rate(s, i) >= uio)
            return s;
        json_decref(s);
    }
    fail_msg("no sample of desktop %d", i);
    return NULL;
}

static void start(int i)
{
    desktops[i] = id_new();
    overlays[i] = id_new();
    runs[i] = id_new();
    fx_put(&f, &desktops[i], fx_desktop(&f, &desktops[i], &overlays[i], &runs[i], "destroy"));
    assert_true(fx_wait(&f, "desktop", &desktops[i], "state", "running"));
}

static void an_empty_host_tells_of_nobody(void **state)
{
    json_auto_t *s = next_sample(), *host = NULL;

    (void)state;
    assert_string_equal(json_str(s, "source"), "libvirt");
    assert_int_equal(json_object_size(json_object_get(s, "desktops")), 0);
    assert_true(json_is_null(json_object_get(s, "us_per_request")));
    assert_int_equal(json_num(s, "requests", -1), 0);
    assert_int_equal(json_num(s, "nic_dropped", -1), 0);
    assert_true(json_num(s, "interval_ms", 0) > 0);
    assert_true(fx_wait(&f, "bserver", &f.bserver, "kind", fx_kind(&f)));
    host = fx_seen(&f, "bserver", &f.bserver);
    assert_string_equal(json_str(json_object_get(host, "capabilities"), "io_source"), "libvirt");
}

/* Its firmware alone reads the disk; each reset makes it do so again. */
static void a_guest_that_reads_has_a_rate_and_a_time(void **state)
{
    struct id order = id_new();
    json_t *body;

    (void)state;
    start(0);
    json_auto_t *idle = sample_of(0, 0);
    assert_true(rate(idle, 0) >= 0);
    body = fx_desktop(&f, &desktops[0], &overlays[0], &runs[0], "destroy");
    json_object_set_new(body, "orders",
                        json_pack("[{s:s, s:s, s:s, s:n}]", "id", order.s, "verb", "reset", "run",
                                  runs[0].s, "deadline"));
    fx_put(&f, &desktops[0], body);
    json_auto_t *busy = sample_of(0, 1);
    assert_true(json_num(busy, "requests", 0) > 0);
    assert_true(json_is_integer(json_object_get(busy, "us_per_request")));
    assert_false(json_flag(busy, "vf_counters", true));
}

/* A QEMU that hangs costs a thread; the other is counted on. */
static void a_hung_qemu_hides_nobody(void **state)
{
    char why[128];
    int pid;

    (void)state;
    start(1);
    json_decref(sample_of(1, 0));
    pid = embedded_find_qemu(&desktops[0]);
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (int64_t until = clock_boot_ms() + FX_WAIT_MS;;) {
        json_auto_t *s = next_sample();

        assert_true(rate(s, 1) >= 0); /* in every one */
        if (rate(s, 0) < 0)
            break;
        assert_true(clock_boot_ms() < until);
    }
    for (int i = 0; i < 3; i++) {
        json_auto_t *s = next_sample();

        assert_true(rate(s, 0) < 0);
        assert_true(rate(s, 1) >= 0);
        assert_true(host_ready(f.host, why, sizeof why)); /* the sweep goes on meanwhile */
    }
    json_auto_t *summary = host_summary(f.host);
    assert_in_range(json_num(summary, "lost_calls", -1), 1, 2);
    assert_int_equal(kill(pid, SIGCONT), 0);
    json_decref(sample_of(0, 0));
    for (int64_t until = clock_boot_ms() + FX_WAIT_MS;; usleep(50000)) { /* the thread is back */
        json_auto_t *now = host_summary(f.host);

        if (json_num(now, "lost_calls", -1) == 0)
            break;
        assert_true(clock_boot_ms() < until);
    }
}

static void stop_all(int signal)
{
    for (int i = 0; i < MACHINES; i++) {
        int pid = embedded_find_qemu(&desktops[i]);

        assert_true(pid > 0);
        assert_int_equal(kill(pid, signal), 0);
    }
}

/* Storage that stands still stops every QEMU: the agent is not to lose its last thread to counting,
 * nor to go on saying what was true before. */
static void hung_storage_does_not_end_the_agent(void **state)
{
    int64_t until = clock_boot_ms() + FX_WAIT_MS;
    char why[128];

    (void)state;
    for (int i = 2; i < MACHINES; i++) {
        start(i);
        json_decref(sample_of(i, 0));
    }
    stop_all(SIGSTOP);
    while (sync_set_count(host_observed(f.host), "io") > 0) {
        assert_true(clock_boot_ms() < until);
        usleep(100000);
    }
    for (int i = 0; i < 60; i++, usleep(100000)) { /* more turns than it may lose threads */
        json_auto_t *summary = host_summary(f.host);

        assert_true(json_num(summary, "lost_calls", -1) <= 3);
        assert_true(host_ready(f.host, why, sizeof why));
        assert_int_equal(sync_set_count(host_observed(f.host), "io"), 0);
    }
    stop_all(SIGCONT);
    for (int i = 0; i < MACHINES; i++)
        json_decref(sample_of(i, 0));
}

static void what_is_off_is_not_told(void **state)
{
    (void)state;
    for (int i = 0; i < MACHINES; i++)
        fx_put(&f, &desktops[i], fx_desktop(&f, &desktops[i], &overlays[i], NULL, "destroy"));
    for (int i = 0; i < MACHINES; i++)
        assert_true(fx_wait(&f, "desktop", &desktops[i], "state", "off"));
    json_decref(next_sample()); /* this one may have begun before */
    json_auto_t *s = next_sample();
    assert_int_equal(json_object_size(json_object_get(s, "desktops")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_host_tells_of_nobody),
        cmocka_unit_test(a_guest_that_reads_has_a_rate_and_a_time),
        cmocka_unit_test(a_hung_qemu_hides_nobody),
        cmocka_unit_test(hung_storage_does_not_end_the_agent),
        cmocka_unit_test(what_is_off_is_not_told),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
