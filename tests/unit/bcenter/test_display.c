/* Which lanes a screen is offered, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bcenter/display.h"
#include "common/base/json.h"

static struct bserver host;
static struct desktop somebody;

static int setup(void **state)
{
    (void)state;
    memset(&host, 0, sizeof host);
    host.nlanes = 3;
    host.nslots = 6;
    for (int i = 0; i < 3; i++)
        snprintf(host.lane_url[i], sizeof host.lane_url[i], "wss://lane%d/display", i);
    for (int i = 0; i < host.nslots; i++)
        host.slots[i].lane = i % 3;
    return 0;
}

static void order(int own, const char *expected)
{
    struct display d;
    char got[32] = "";

    display_of(&host, own, &d);
    for (int i = 0; i < d.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%d", d.lane[i].no);
    assert_string_equal(got, expected);
}

static void its_own_comes_first(void **state)
{
    (void)state;
    order(0, "012");
    order(1, "102");
    order(2, "201");
    host.slots[0].desktop = host.slots[3].desktop = &somebody;
    host.slots[1].desktop = &somebody;
    order(0, "021"); /* full as it is, it is hers; of the others the emptier one */
    order(2, "210");
}

static void one_that_is_down_comes_last(void **state)
{
    (void)state;
    host.lane_down[0] = true;
    order(0, "120");
    host.slots[1].desktop = &somebody;
    order(0, "210");
    host.lane_down[1] = host.lane_down[2] = true;
    order(1, "102"); /* nothing is up: it may be an old word, so all are offered */
}

static void lanes_without_a_screen_are_not_offered(void **state)
{
    (void)state;
    host.lane_url[0][0] = '\0';
    order(0, "12");
    for (int i = 0; i < 3; i++)
        host.lane_url[i][0] = '\0';
    order(0, "");
}

static void no_more_than_the_client_takes(void **state)
{
    struct display d;

    (void)state;
    host.nlanes = MODULE_LANES;
    for (int i = 0; i < MODULE_LANES; i++)
        snprintf(host.lane_url[i], sizeof host.lane_url[i], "wss://lane%d/display", i);
    display_of(&host, 9, &d);
    assert_int_equal(d.n, DISPLAY_LANES);
    assert_int_equal(d.lane[0].no, 9);
}

static void as_the_client_reads_it(void **state)
{
    struct display d;

    (void)state;
    display_of(&host, 1, &d);
    json_auto_t *o = display_json(&d, "bic.ticket.x");
    const json_t *others = json_object_get(o, "others"), *p = json_object_get(o, "protocols");

    assert_string_equal(json_str(o, "url"), "wss://lane1/display");
    assert_int_equal(json_num(o, "lane", -1), 1);
    assert_int_equal(json_array_size(others), 2);
    assert_string_equal(json_str(json_array_get(others, 0), "url"), "wss://lane0/display");
    assert_int_equal(json_num(json_array_get(others, 1), "lane", -1), 2);
    assert_string_equal(json_string_value(json_array_get(p, 0)), "bic.display.v1");
    assert_string_equal(json_string_value(json_array_get(p, 1)), "bic.ticket.x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(its_own_comes_first, setup),
        cmocka_unit_test_setup(one_that_is_down_comes_last, setup),
        cmocka_unit_test_setup(lanes_without_a_screen_are_not_offered, setup),
        cmocka_unit_test_setup(no_more_than_the_client_takes, setup),
        cmocka_unit_test_setup(as_the_client_reads_it, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
