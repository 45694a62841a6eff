#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/wire/place.h"

static struct id numbered(int n)
{
    struct id id;

    snprintf(id.s, sizeof id.s, "%08x-0000-4000-8000-%012x", (unsigned)n & 0xFFFFFFFFU,
             (unsigned)n);
    return id;
}

static struct place_share share(int n, int64_t size)
{
    return (struct place_share){ numbered(n), size };
}

/* Computed by another implementation (Python's hashlib) from the sentence in place.h. */
static void follows_the_written_rule(void **state)
{
    static const char expected[] =
        "1014410140414004001400110000101000010004100010114001104044001140";
    struct place_share shares[] = { share(1, 1000), share(2, 500), share(3, 0), share(4, 9),
                                    share(5, 250) };
    struct id pool = numbered(7);

    (void)state;
    for (int i = 0; i < 64; i++) {
        struct id person = numbered(1000 + i);

        assert_int_equal(place_module(&person, &pool, shares, 5, NULL), expected[i] - '0');
    }
}

static void does_not_depend_on_the_order_of_shares(void **state)
{
    struct place_share a[] = { share(1, 100), share(2, 100), share(3, 100) };
    struct place_share b[] = { a[2], a[0], a[1] };
    struct id pool = numbered(9);

    (void)state;
    for (int i = 0; i < 300; i++) {
        struct id person = numbered(5000 + i);
        int x = place_module(&person, &pool, a, 3, NULL);
        int y = place_module(&person, &pool, b, 3, NULL);

        assert_string_equal(a[x].module.s, b[y].module.s);
    }
}

static void moves_only_those_whose_module_is_skipped(void **state)
{
    struct place_share shares[] = { share(1, 100), share(2, 100), share(3, 100) };
    const unsigned char skip[] = { 0, 1, 0 };
    struct id pool = numbered(9);
    int moved = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        struct id person = numbered(5000 + i);
        int before = place_module(&person, &pool, shares, 3, NULL);
        int after = place_module(&person, &pool, shares, 3, skip);

        assert_int_not_equal(after, 1);
        if (before != 1)
            assert_int_equal(after, before);
        moved += before == 1;
    }
    assert_in_range(moved, 60, 140);
}

static void follows_the_sizes(void **state)
{
    struct place_share shares[] = { share(1, 900), share(2, 100) };
    struct id pool = numbered(3);
    int first = 0;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct id person = numbered(20000 + i);

        first += place_module(&person, &pool, shares, 2, NULL) == 0;
    }
    assert_in_range(first, 1700, 1900);
}

static void says_that_none_is_left(void **state)
{
    struct place_share shares[] = { share(1, 0), share(2, 50) };
    const unsigned char skip[] = { 0, 1 };
    struct id person = numbered(1), pool = numbered(2);

    (void)state;
    assert_int_equal(place_module(&person, &pool, shares, 0, NULL), -1);
    assert_int_equal(place_module(&person, &pool, shares, 1, NULL), -1);
    assert_int_equal(place_module(&person, &pool, shares, 2, skip), -1);
    assert_int_equal(place_module(&person, &pool, shares, 2, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_written_rule),
        cmocka_unit_test(does_not_depend_on_the_order_of_shares),
        cmocka_unit_test(moves_only_those_whose_module_is_skipped),
        cmocka_unit_test(follows_the_sizes),
        cmocka_unit_test(says_that_none_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
