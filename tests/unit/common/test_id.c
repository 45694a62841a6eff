#include "common/base/id.h"

#include <string.h>

#include "tests/unit/common/unit.h"

#define NS_URL "6ba7b811-9dad-11d1-80b4-00c04fd430c8"

static void made(void **state)
{
    struct id a = id_new(), b = id_new();

    (void)state;
    assert_true(id_valid(a.s));
    assert_int_equal(a.s[14], '4');
    assert_false(id_eq(&a, &b));
    assert_true(id_set(&a));
}

static void named(void **state)
{
    struct id a = id_v5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "python.org");

    (void)state;
    assert_string_equal(a.s, "886313e1-3b8a-5372-9b90-0c9aee199e5d"); /* RFC 4122 DNS example */
    assert_string_equal(id_v5(NS_URL, "x").s, id_v5(NS_URL, "x").s);
    assert_string_not_equal(id_v5(NS_URL, "x").s, id_v5(NS_URL, "y").s);
    assert_string_equal(id_v5("nonsense", "x").s, "");
}

static void checked(void **state)
{
    struct id id = { "keep" };

    (void)state;
    assert_true(id_parse("886313e1-3b8a-5372-9b90-0c9aee199e5d", &id));
    assert_string_equal(id.s, "886313e1-3b8a-5372-9b90-0c9aee199e5d");
    memcpy(id.s, "keep", 5);
    assert_false(id_parse("886313E1-3b8a-5372-9b90-0c9aee199e5d", &id));
    assert_false(id_parse("886313e1-3b8a-5372-9b90-0c9aee199e5", &id));
    assert_false(id_parse("886313e1-3b8a-5372-9b90-0c9aee199e5dd", &id));
    assert_false(id_parse("886313e103b8a-5372-9b90-0c9aee199e5d", &id));
    assert_false(id_parse("", &id));
    assert_false(id_parse(NULL, &id));
    assert_string_equal(id.s, "keep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made),
        cmocka_unit_test(named),
        cmocka_unit_test(checked),
    };

    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
