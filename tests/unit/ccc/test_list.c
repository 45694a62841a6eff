/* Cursors of lists: what goes out comes back, what was changed on the way is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "ccc/list.h"

#define ID "00000000-0000-4000-8000-000000000001"

static int again(const char *cursor, const char *word, enum list_value value)
{
    struct list_cursor c;
    struct err e = { 0 };

    return list_cursor_read(cursor, word, value, &c, &e);
}

static void round_trip(void **state)
{
    static const char *const values[] = { "", "a", "책상 하나", "with\nnewline",
                                          "0123456789012345678901234567890123456789" };
    char text[LIST_CURSOR_MAX];
    struct list_cursor c;
    struct err e = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_int_equal(list_cursor_write(text, "name", values[i], ID, &e), 0);
        assert_int_equal(list_cursor_read(text, "name", LIST_TEXT, &c, &e), 0);
        assert_string_equal(c.value, values[i]);
        assert_string_equal(c.id, ID);
    }
}

static void refused(void **state)
{
    char text[LIST_CURSOR_MAX], longest[LIST_CURSOR_MAX];
    struct err e = { 0 };

    (void)state;
    assert_int_equal(list_cursor_write(text, "name", "x", ID, &e), 0);
    assert_int_equal(again(text, "-name", LIST_TEXT), -1);
    assert_int_equal(again(text, "created_at", LIST_TIME), -1);
    assert_int_equal(again(text, "name", LIST_TIME), -1); /* the value is no time */
    assert_int_equal(again(text, "name", LIST_NUMBER), -1);
    assert_int_equal(again("", "name", LIST_TEXT), -1);
    assert_int_equal(again("!!!", "name", LIST_TEXT), -1);
    assert_int_equal(again("AAAA", "name", LIST_TEXT), -1);
    assert_int_equal(list_cursor_write(text, "name", "x", "not-an-id", &e), 0);
    assert_int_equal(again(text, "name", LIST_TEXT), -1);
    memset(longest, 'A', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(again(longest, "name", LIST_TEXT), -1);
    assert_int_equal(list_cursor_write(text, "name", longest, ID, &e), -1);
}

static void typed(void **state)
{
    char text[LIST_CURSOR_MAX];
    struct err e = { 0 };

    (void)state;
    assert_int_equal(list_cursor_write(text, "at", "2026-11-21T01:02:03.456Z", ID, &e), 0);
    assert_int_equal(again(text, "at", LIST_TIME), 0);
    assert_int_equal(list_cursor_write(text, "number", "12", ID, &e), 0);
    assert_int_equal(again(text, "number", LIST_NUMBER), 0);
    assert_int_equal(list_cursor_write(text, "number", "12; drop", ID, &e), 0);
    assert_int_equal(again(text, "number", LIST_NUMBER), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(refused),
        cmocka_unit_test(typed),
    };

    return cmocka_run_group_tests_name("list cursors", tests, NULL, NULL);
}
