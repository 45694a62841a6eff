#include "common/base/clock.h"

#include "tests/unit/common/unit.h"

static int64_t read_it(const char *text)
{
    int64_t ms = -1;

    if (!clock_parse(text, &ms))
        fail_msg("not read: %s", text);
    return ms;
}

static void refused(const char *text)
{
    int64_t ms = 77;

    if (clock_parse(text, &ms))
        fail_msg("read: %s", text ? text : "NULL");
    assert_int_equal(ms, 77);
}

static void writes(void **state)
{
    char to[CLOCK_TEXT];

    (void)state;
    assert_string_equal(clock_text(0, to), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_text(1795222923456, to), "2026-11-21T01:02:03.456Z");
    assert_string_equal(clock_text(-1, to), "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_text(-62135596800000, to), "0001-01-01T00:00:00.000Z");
}

static void reads(void **state)
{
    (void)state;
    assert_int_equal(read_it("2026-11-21T01:02:03.456Z"), 1795222923456);
    assert_int_equal(read_it("2026-11-21t01:02:03.4569z"), 1795222923456);
    assert_int_equal(read_it("2026-11-21T10:02:03.456+09:00"), 1795222923456);
    assert_int_equal(read_it("2026-11-20T20:32:03.456-04:30"), 1795222923456);
    assert_int_equal(read_it("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(read_it("1970-01-01T00:00:00.1Z"), 100);
    assert_int_equal(read_it("2024-02-29T00:00:00Z"), 1709164800000);
}

static void refuses(void **state)
{
    static const char *const bad[] = { NULL,
                                       "",
                                       "2026-11-21",
                                       "2026-11-21T01:02:03",
                                       "2026-11-21T01:02:03Zx",
                                       "2026-11-21T01:02:03+01:00x",
                                       "2026-11-21T01:02:03+0100",
                                       "2026-11-21T01:02:03+-1:00",
                                       "2026-11-21T01:02:03+24:00",
                                       "2026-11-21T01:02:03.Z",
                                       "2026-11-21T24:02:03Z",
                                       "2026-11-21T01:60:03Z",
                                       "2026-11-21T01:02:61Z",
                                       "2026-13-21T01:02:03Z",
                                       "2026-02-29T01:02:03Z",
                                       "1900-02-29T01:02:03Z",
                                       "2026-1-21T01:02:03Z",
                                       " 2026-11-21T01:02:03Z",
                                       "2026-11-21  1:02:03Z",
                                       "0000-01-01T00:00:00Z" };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(bad[i]);
}

static void both_ways(void **state)
{
    char to[CLOCK_TEXT];

    (void)state;
    for (int64_t ms = 0; ms < 4102444800000; ms += 86399999 * 37LL)
        assert_int_equal(read_it(clock_text(ms, to)), ms);
    assert_true(clock_boot_ms() > 0);
    assert_true(clock_wall_ms() > 1600000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes),
        cmocka_unit_test(reads),
        cmocka_unit_test(refuses),
        cmocka_unit_test(both_ways),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
