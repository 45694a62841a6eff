#include "common/http/problem.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "tests/unit/common/unit.h"

static void round_trip(void **state)
{
    struct err sent = { 0 }, got = { 0 };
    json_t *body;

    (void)state;
    err_set(&sent, ERR_SEAT_ELSEWHERE, "ask the other module");
    err_cause(&sent, "secret cause");
    err_pointer(&sent, "/pool_id");
    err_where(&sent, "http://127.0.0.1:1234/api/v1");
    err_number(&sent, "size", 40);
    err_number(&sent, "assigned", -1);
    memcpy(sent.origin, "bcenter/b7", 11);
    body = problem_encode(&sent, "trace-1");
    assert_string_equal(json_str(body, "type"), "/problems/seat-elsewhere");
    assert_string_equal(json_str(body, "instance"), "urn:trace:trace-1");
    assert_int_equal(json_num(body, "status", 0), 409);
    assert_null(json_object_get(body, "cause"));
    problem_decode(body, "xcenter/x1", &got);
    json_decref(body);
    assert_int_equal(got.code, sent.code);
    assert_string_equal(got.detail, sent.detail);
    assert_string_equal(got.origin, sent.origin);
    assert_string_equal(got.pointer, sent.pointer);
    assert_string_equal(got.where, sent.where);
    assert_string_equal(got.cause, "");
    assert_int_equal(got.numbers, 2);
    assert_string_equal(got.number[0].name, "size");
    assert_int_equal(got.number[1].value, -1);
}

static void every_slug_comes_back(void **state)
{
    (void)state;
    for (int c = ERR_NONE + 1; c < ERR_COUNT; c++) {
        struct err sent = { 0 }, got = { 0 };
        json_t *body;

        err_set(&sent, (enum err_code)c, "x");
        body = problem_encode(&sent, "t");
        problem_decode(body, "p", &got);
        json_decref(body);
        assert_int_equal(got.code, c);
    }
}

static void newer_peers_are_understood(void **state)
{
    json_t *body = json_pack("{s:s, s:s, s:i, s:s}", "type", "/problems/from-the-future", "detail",
                             "too new", "status", 418, "origin", "bserver/b1");
    struct err e = { 0 };

    (void)state;
    problem_decode(body, "bcenter/b7", &e);
    json_decref(body);
    assert_int_equal(e.code, ERR_PEER_PROTOCOL);
    assert_string_equal(e.detail, "too new");
    assert_string_equal(e.origin, "bserver/b1");
}

static void nonsense_is_survived(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "{\"type\":7,\"detail\":[],\"origin\":{},\"errors\":{},\"numbers\":[1]}",
        "{\"type\":\"/problems/\",\"errors\":[7],\"numbers\":{\"x\":\"y\"}}",
        "{\"type\":\"about:blank\",\"errors\":[{\"pointer\":8}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        json_t *body = json_loads(bodies[i], 0, NULL);
        struct err e = { 0 };

        problem_decode(body, "peer", &e);
        json_decref(body);
        assert_int_equal(e.code, ERR_PEER_PROTOCOL);
        assert_string_equal(e.origin, "peer");
        assert_int_equal(e.numbers, 0);
    }
    struct err none = { 0 };

    problem_decode(NULL, "peer", &none);
    assert_int_equal(none.code, ERR_PEER_PROTOCOL);
}

static void cut_text_is_repaired(void **state)
{
    struct err e = { 0 }, got = { 0 };
    char hangul[601] = "";
    json_t *body;

    (void)state;
    for (int i = 0; i < 200; i++)
        memcpy(hangul + i * 3, "한", 4);
    err_set(&e, ERR_INTERNAL, "%s", hangul); /* 255 bytes = 85 characters exactly */
    err_cause(&e, "-");
    memcpy(e.detail + 250, "한\xED\x95", 6);
    body = problem_encode(&e, "t");
    assert_int_equal(strlen(json_str(body, "detail")), 249); /* what was valid before the break */
    json_object_set_new(body, "origin", json_string(hangul));
    problem_decode(body, "p", &got);
    assert_int_equal(strlen(got.origin), 63);
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_slug_comes_back),
        cmocka_unit_test(newer_peers_are_understood),
        cmocka_unit_test(nonsense_is_survived),
        cmocka_unit_test(cut_text_is_repaired),
    };

    return cmocka_run_group_tests_name("problem", tests, NULL, NULL);
}
