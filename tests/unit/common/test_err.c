#include <string.h>

#include "common/base/text.h"
#include "tests/unit/common/unit.h"

static void first_one_stays(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(err_set(&e, ERR_IN_USE, "%s has %d users", "pool", 3), -1);
    err_set(&e, ERR_INTERNAL, "later");
    assert_int_equal(e.code, ERR_IN_USE);
    assert_string_equal(e.detail, "pool has 3 users");
    err_cause(&e, "first");
    err_cause(&e, "second");
    assert_string_equal(e.cause, "first");
    err_pointer(&e, "/%s", "a");
    err_pointer(&e, "/b");
    assert_string_equal(e.pointer, "/a");
    err_where(&e, "https://a/");
    err_where(&e, "https://b/");
    assert_string_equal(e.where, "https://a/");
    assert_non_null(strstr(e.file, "test_err.c"));
}

static void numbers_are_bounded(void **state)
{
    struct err e = { 0 };

    (void)state;
    err_number(&e, "Bad", 1);
    err_number(&e, "", 1);
    err_number(&e, "a_name_that_is_far_too_long", 1);
    assert_int_equal(e.numbers, 0);
    for (int i = 0; i < ERR_NUMBERS + 2; i++)
        err_number(&e, "size", i);
    assert_int_equal(e.numbers, ERR_NUMBERS);
    assert_int_equal(e.number[ERR_NUMBERS - 1].value, ERR_NUMBERS - 1);
}

static void where_is_whole_or_not(void **state)
{
    struct err e = { 0 };
    char url[200];

    (void)state;
    memset(url, 'x', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    err_where(&e, url);
    assert_string_equal(e.where, "");
}

/* A sentence that is cut in a character would be refused by the database and by JSON. */
static void sentences_end_with_a_character(void **state)
{
    char long_text[400] = "";

    (void)state;
    for (int before = 0; before < 3; before++) {
        struct err e = { 0 };

        memset(long_text, 'a', (size_t)before);
        for (size_t n = (size_t)before; n + 4 < sizeof long_text; n += 3)
            memcpy(long_text + n, "\xED\x95\x9C", 4);
        err_set(&e, ERR_IN_USE, "%s", long_text);
        err_cause(&e, "%s", long_text);
        err_pointer(&e, "%s", long_text);
        assert_true(strlen(e.detail) >= sizeof e.detail - 3 &&
                    text_utf8(e.detail, strlen(e.detail)));
        assert_true(strlen(e.cause) >= sizeof e.cause - 3 && text_utf8(e.cause, strlen(e.cause)));
        assert_true(strlen(e.pointer) >= sizeof e.pointer - 3 &&
                    text_utf8(e.pointer, strlen(e.pointer)));
    }
}

static void table_is_whole(void **state)
{
    (void)state;
    for (int c = ERR_NONE + 1; c < ERR_COUNT; c++) {
        const char *slug = err_slug((enum err_code)c);

        assert_int_equal(err_from_slug(slug), c); /* unique, and both ways */
        assert_int_equal(strspn(slug, "abcdefghijklmnopqrstuvwxyz-"), strlen(slug));
        assert_in_range(err_status((enum err_code)c), 400, 599);
        assert_true(err_title((enum err_code)c)[0] != '\0');
    }
    assert_int_equal(err_from_slug("no-such-slug"), ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_one_stays),       cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(where_is_whole_or_not), cmocka_unit_test(sentences_end_with_a_character),
        cmocka_unit_test(table_is_whole),
    };

    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
