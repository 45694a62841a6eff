#include "common/base/text.h"

#include <string.h>

#include "tests/unit/common/unit.h"

static void utf8(void **state)
{
    (void)state;
    assert_true(text_utf8("", 0));
    assert_true(text_utf8("한글 \xF0\x9F\x98\x80", strlen("한글 \xF0\x9F\x98\x80")));
    assert_true(text_utf8("\xF4\x8F\xBF\xBF", 4));  /* U+10FFFF */
    assert_false(text_utf8("\xF4\x90\x80\x80", 4)); /* beyond it */
    assert_false(text_utf8("\xC0\xAF", 2));         /* overlong */
    assert_false(text_utf8("\xE0\x80\xAF", 3));
    assert_false(text_utf8("\xED\xA0\x80", 3)); /* surrogate */
    assert_false(text_utf8("\xE2\x82", 2));     /* cut */
    assert_false(text_utf8("a\0b", 3));
    assert_false(text_utf8("\x80", 1));
    assert_false(text_utf8("\xFF", 1));
    assert_int_equal(text_utf8_prefix("ab\xE2\x82", 4), 2);
    assert_int_equal(text_utf8_prefix("한", 3), 3);
}

static void names(void **state)
{
    char long_name[2 * TEXT_NAME_MAX + 1];

    (void)state;
    assert_true(text_name("김철수 사무실"));
    assert_true(text_name("x"));
    assert_false(text_name(NULL));
    assert_false(text_name(""));
    assert_false(text_name(" x"));
    assert_false(text_name("x "));
    assert_false(text_name("x\xC2\xA0")); /* no-break space at the end */
    assert_false(text_name("a\nb"));
    assert_false(text_name("a\xC2\x85"
                           "b")); /* C1 control */
    assert_false(text_name("a\xE2\x80\xAE"
                           "b")); /* right-to-left override */
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[TEXT_NAME_MAX] = '\0';
    assert_true(text_name(long_name));
    long_name[TEXT_NAME_MAX] = 'a';
    long_name[TEXT_NAME_MAX + 1] = '\0';
    assert_false(text_name(long_name));
}

static void length_counts_characters(void **state)
{
    char hangul[3 * TEXT_NAME_MAX + 4] = "";

    (void)state;
    for (int i = 0; i < TEXT_NAME_MAX; i++)
        memcpy(hangul + i * 3, "한", 4);
    assert_int_equal(text_chars(hangul), TEXT_NAME_MAX);
    assert_true(text_name(hangul));
    memcpy(hangul + TEXT_NAME_MAX * 3, "한", 4);
    assert_false(text_name(hangul));
}

static void notes_and_passwords(void **state)
{
    (void)state;
    assert_true(text_note(""));
    assert_true(text_note("two\nlines\tand a tab"));
    assert_false(text_note("bell\a"));
    assert_true(text_password("12345678"));
    assert_false(text_password("1234567"));
    assert_false(text_password("1234567\n"));
    assert_false(text_password(NULL));
}

static void usernames(void **state)
{
    (void)state;
    assert_true(text_username("a"));
    assert_true(text_username("0.kim_chul-su"));
    assert_true(text_username("abcdefghijklmnopqrstuvwxyz012345"));
    assert_false(text_username("abcdefghijklmnopqrstuvwxyz0123456"));
    assert_false(text_username(".a"));
    assert_false(text_username("-a"));
    assert_false(text_username("Kim"));
    assert_false(text_username(""));
    assert_false(text_username(NULL));
    assert_false(text_username("a b"));
}

static void words(void **state)
{
    (void)state;
    assert_true(text_hex("0123456789abcdef", 16));
    assert_false(text_hex("0123456789abcdeF", 16));
    assert_false(text_hex("0123", 5));
    assert_false(text_hex(NULL, 0));
    assert_true(text_hostname("desk-01"));
    assert_false(text_hostname("-desk"));
    assert_false(text_hostname("desk-"));
    assert_false(text_hostname("a.b"));
    assert_false(text_hostname(NULL));
}

static void one_line(void **state)
{
    char to[8];

    (void)state;
    assert_string_equal(text_one_line(to, sizeof to, "a\nb\"c\x7F"), "a b c ");
    assert_string_equal(text_one_line(to, sizeof to, "0123456789"), "0123456");
    assert_string_equal(text_one_line(to, sizeof to,
                                      "a\xC2\x85"
                                      "b\xE2\x80\xA8"
                                      "c\xFF"),
                        "a b c ");
    assert_string_equal(text_one_line(to, sizeof to, "a\xED\x95\x9C\xED\x95\x9C"),
                        "a\xED\x95\x9C\xED\x95\x9C");
    assert_string_equal(text_one_line(to, sizeof to, "ab\xED\x95\x9C\xED\x95\x9C"),
                        "ab\xED\x95\x9C");
}

/* Whatever the room, what is kept are whole characters, and as many as fit. */
static void cuts_are_between_characters(void **state)
{
    static const char text[] = "a\xC3\xA9\xED\x95\x9C\xF0\x9F\x98\x80z";
    static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11 };
    char to[16];

    (void)state;
    for (size_t size = 1; size <= sizeof text; size++) {
        text_cut(to, size, text);
        assert_int_equal(strlen(to), ends[size - 1]);
        assert_memory_equal(to, text, ends[size - 1]);
        text_one_line(to, size, text);
        assert_int_equal(strlen(to), ends[size - 1]);
    }
    assert_string_equal(text_cut(to, sizeof to, "broken \xED\x95"), "broken \xED\x95");
    assert_string_equal(text_cut(to, 4, "\x80\x80\x80\x80\x80"), "\x80\x80\x80");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8),
        cmocka_unit_test(names),
        cmocka_unit_test(length_counts_characters),
        cmocka_unit_test(notes_and_passwords),
        cmocka_unit_test(usernames),
        cmocka_unit_test(words),
        cmocka_unit_test(one_line),
        cmocka_unit_test(cuts_are_between_characters),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
