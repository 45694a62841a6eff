/* What a simulated host counts: its model, through the whole agent. */
#include "tests/virt/host_fixture.h"

enum { DESKTOPS = 100, FEW = 10 };

static struct fixture f;
static struct id desktops[DESKTOPS], runs[DESKTOPS];
static int64_t seen = -1;

static int setup(void **state)
{
    char cwd[64];

    (void)state;
    fx_make(&f, false);
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(f.uri, sizeof f.uri, "test://%s/tests/virt/node-18core-2x64vf.xml", cwd);
    f.io_sample_s = 1;
    f.io_model = (struct io_model){ .boot_per_s = 100,
                                    .boot_ms = 3600000, /* still at it whenever this test looks */
                                    .idle_per_s = 1,
                                    .session_per_s = 400,
                                    .capacity_per_s = 5000,
                                    .us_per_request = 200 };
    fx_open(&f);
    fx_sync(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fx_remove(&f);
    return 0;
}

static void put(int i, const struct id *session)
{
    json_t *body =
        fx_desktop(&f, &desktops[i], NULL, id_set(&runs[i]) ? &runs[i] : NULL, "destroy");

    json_object_set_new(body, "user_net", json_false());
    if (session)
        json_object_set_new(body, "live_session", json_string(session->s));
    sync_set_put(f.bcenter, f.bserver.s, "desktop", &desktops[i], body);
}

static json_t *next_sample(void)
{
    int64_t rev = -1;

    for (int64_t until = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < until; usleep(20000)) {
        rev = sync_set_rev(host_observed(f.host), f.bserver.s, "io", &f.bserver);
        if (rev > seen)
            break;
    }
    assert_true(rev > seen);
    seen = rev;
    return fx_seen(&f, "io", &f.bserver);
}

/* The next sample that tells of exactly n desktops, with their runs. */
static json_t *sample_of(int n)
{
    for (int64_t until = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < until;) {
        json_t *s = next_sample(), *d = json_object_get(s, "desktops");

        if ((int)json_object_size(d) == n) {
            for (int i = 0; i < n; i++)
                assert_string_equal(
                    json_string_value(json_array_get(json_object_get(d, desktops[i].s), 1)),
                    runs[i].s);
            return s;
        }
        json_decref(s);
    }
    fail_msg("no sample of %d desktops", n);
    return NULL;
}

static int64_t uio(const json_t *s, int i)
{
    return json_integer_value(
        json_array_get(json_object_get(json_object_get(s, "desktops"), desktops[i].s), 0));
}

/* Counters are whole: two of them may each show one request more than there was, or one less. */
static int64_t slack(const json_t *s)
{
    return 2 * INT64_C(1000000000) / json_num(s, "interval_ms", 0);
}

static void start(int from, int to)
{
    for (int i = from; i < to; i++) {
        desktops[i] = id_new();
        runs[i] = id_new();
        put(i, NULL);
    }
    fx_sync(&f);
    for (int i = from; i < to; i++)
        assert_true(fx_wait(&f, "desktop", &desktops[i], "run", runs[i].s));
}

static void the_model_is_shown(void **state)
{
    (void)state;
    assert_true(fx_wait(&f, "bserver", &f.bserver, "kind", "simulated"));
    json_auto_t *o = fx_seen(&f, "bserver", &f.bserver);
    json_t *c = json_object_get(o, "capabilities"), *m = json_object_get(c, "io_model");
    assert_string_equal(json_str(c, "io_source"), "model");
    assert_int_equal(json_num(m, "capacity_per_s", 0), 5000);
    assert_int_equal(json_num(m, "session_per_s", 0), 400);
}

static void ten_are_no_load(void **state)
{
    (void)state;
    start(0, FEW);
    json_auto_t *s = sample_of(FEW);
    assert_string_equal(json_str(s, "source"), "model");
    for (int i = 0; i < FEW; i++)
        assert_in_range(uio(s, i), 1, 101500000 + slack(s));
    assert_in_range(json_num(s, "us_per_request", 0), 200, 260); /* at most 1,015 of 5,000 */
    assert_int_equal(json_num(s, "nic_dropped", -1), 0);
    assert_true(json_is_null(json_object_get(s, "screen_retransmits_ppm")));
}

static void a_session_is_a_load(void **state)
{
    const struct id session = id_new();

    (void)state;
    put(3, &session);
    fx_sync(&f);
    json_decref(next_sample()); /* this one may have begun before */
    json_auto_t *s = sample_of(FEW);
    assert_true(uio(s, 3) >=
                200000000 - slack(s)); /* 400 less half of it; without a session 101.5 at most */
    assert_true(uio(s, 4) <= 101500000 + slack(s));
}

static void a_hundred_are_too_many(void **state)
{
    int64_t total = 0;

    (void)state;
    start(FEW, DESKTOPS);
    json_auto_t *s = sample_of(DESKTOPS);
    for (int i = 0; i < DESKTOPS; i++)
        total += uio(s, i);
    assert_true(total <= INT64_C(5000) * 1000000 + DESKTOPS * slack(s)); /* what it serves */
    assert_true(total >= INT64_C(5000) * 1000000 - DESKTOPS * slack(s));
    assert_int_equal(json_num(s, "us_per_request", 0), 4000);
    assert_true(json_num(s, "nic_dropped", 0) > 0);
}

static void what_stops_is_not_told(void **state)
{
    (void)state;
    for (int i = FEW; i < DESKTOPS; i++) {
        memset(&runs[i], 0, sizeof runs[i]);
        put(i, NULL);
    }
    fx_sync(&f);
    json_decref(sample_of(FEW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_is_shown),     cmocka_unit_test(ten_are_no_load),
        cmocka_unit_test(a_session_is_a_load),    cmocka_unit_test(a_hundred_are_too_many),
        cmocka_unit_test(what_stops_is_not_told),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
