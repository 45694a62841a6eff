/* /metrics as a scraper reads it: HELP, TYPE, one sample of each, names and kinds as the format
 * says. */
#include "tests/unit/common/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/metric.h"

static bool is_name(const char *s)
{
    return strncmp(s, "bic_", 4) == 0 && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && strcmp(s + n - m, end) == 0;
}

static char *line_of(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');

    if (!end)
        fail_msg("a line does not end: %s", line);
    *end = '\0';
    *rest = end + 1;
    return line;
}

static void the_page_is_exposition_format(void **state)
{
    char *page, *rest, seen[METRIC_COUNT][64];

    (void)state;
    metric_add(METRIC_DB_RETRIES, 3);
    metric_set(METRIC_SCREENS, -1);
    page = rest = metric_text();
    assert_non_null(page);
    for (int i = 0; i < METRIC_COUNT; i++) {
        char name[64], again[64], kind[16], value[32];
        int at = 0;

        assert_int_equal(sscanf(line_of(&rest), "# HELP %63s %n", name, &at), 1);
        assert_true(at > 0 && is_name(name));
        assert_int_equal(sscanf(line_of(&rest), "# TYPE %63s %15s", again, kind), 2);
        assert_string_equal(name, again);
        assert_true(strcmp(kind, "counter") == 0 || strcmp(kind, "gauge") == 0);
        assert_int_equal(strcmp(kind, "counter") == 0, ends_with(name, "_total"));
        assert_int_equal(sscanf(line_of(&rest), "%63s %31s", again, value), 2);
        assert_string_equal(name, again);
        assert_int_equal(value[strspn(value, "-0123456789")], '\0');
        for (int j = 0; j < i; j++)
            assert_string_not_equal(seen[j], name);
        memcpy(seen[i], name, sizeof name);
    }
    assert_string_equal(rest, "");
    free(page);
}

static void values_are_shown(void **state)
{
    char *page = metric_text();

    (void)state;
    assert_non_null(strstr(page, "\nbic_db_retries_total 3\n"));
    assert_non_null(strstr(page, "\nbic_screens -1\n"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_exposition_format),
        cmocka_unit_test(values_are_shown),
    };

    return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}
