/* Names of desktops: good host names, and no two modules give the same one, whoever joins when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bcenter/desktop_name.h"

enum { MODULES = 24 };

static void words(void **state)
{
    char name[DESKTOP_NAME];

    (void)state;
    desktop_name("Office 2026", "k", 7, name);
    assert_string_equal(name, "office-2026-k7");
    desktop_name("사무실", "ab", 1, name);
    assert_string_equal(name, "desktop-ab1");
    desktop_name("--a--b--", "k", 1, name);
    assert_string_equal(name, "a-b-k1");
    desktop_name("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                 "abcdefghjkmn", 2000, name);
    assert_true(strlen(name) <= 63); /* one label of a host name */
}

/* Modules join one after the other; each knows those that were there before it, and those after it
 * now or later. Letters that were ever used by one are never used by another. */
static void unique(void **state)
{
    static struct used {
        char code[DESKTOP_CODE];
        int who;
    } used[MODULES * MODULES * MODULES];
    struct id ids[MODULES];
    int n = 0;

    (void)state;
    for (int i = 0; i < MODULES; i++) {
        ids[i] = id_v5("6ba7b811-9dad-11d1-80b4-00c04fd430c8", (char[]){ (char)('0' + i), 0 });
        for (int who = 0; who <= i; who++)
            for (int known = who + 1; known <= i + 1; known++) {
                desktop_code(&ids[who], ids, known, used[n].code);
                used[n++].who = who;
            }
    }
    for (int a = 0; a < n; a++)
        for (int b = 0; b < a; b++)
            if (strcmp(used[a].code, used[b].code) == 0)
                assert_int_equal(used[a].who, used[b].who);
    assert_true(strlen(used[0].code) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(unique) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
