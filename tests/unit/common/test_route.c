#include "common/http/route.h"

#include <string.h>

#include "tests/unit/common/unit.h"

#define A "11111111-1111-4111-8111-111111111111"
#define B "22222222-2222-4222-8222-222222222222"

static int h1(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    (void)rp;
    (void)e;
    return 0;
}

static const struct route one[] = {
    { "GET", "/api/v1/pools", "self", h1, 0 },
    { "POST", "/api/v1/pools", "admin", h1, 0 },
    { "GET", "/api/v1/pools/{id}", "admin", h1, 0 },
    { "DELETE", "/api/v1/sessions/current", "self", h1, 0 },
    { "GET", "/api/v1/sessions/{word}", "anyone", h1, 0 },
    { 0 },
};
static const struct route two[] = {
    { "PUT", "/api/v1/groups/{id}/members/{id2}", "admin", h1, 0 },
    { "GET", "/blobs/v1/{word}", "node:any", h1, 0 },
    { "POST", "/sync/v1/observed", "node:bserver", h1, HTTP_LARGE },
    { 0 },
};
static const struct route *const tables[] = { one, two, NULL };

static int setup(void **state)
{
    struct err e = { 0 };
    struct route_set *rs = NULL;

    assert_ok(route_set_build(tables, &rs, &e), &e);
    *state = rs;
    return 0;
}

static int teardown(void **state)
{
    route_set_free(*state);
    return 0;
}

static const char *find(void **state, const char *method, const char *path, struct route_match *m)
{
    static char allow_text[64];
    unsigned allow;

    switch (route_find(*state, method, path, m, &allow)) {
    case ROUTE_FOUND: return m->route->path;
    case ROUTE_OTHER_METHOD: return route_allow_text(allow, allow_text);
    case ROUTE_NO_PATH: break;
    }
    return "404";
}

static void finds(void **state)
{
    struct route_match m;

    assert_string_equal(find(state, "GET", "/api/v1/pools", &m), "/api/v1/pools");
    assert_int_equal(m.permission, PERMIT_SELF);
    assert_string_equal(find(state, "HEAD", "/api/v1/pools", &m), "/api/v1/pools");
    assert_string_equal(find(state, "POST", "/api/v1/pools", &m), "/api/v1/pools");
    assert_int_equal(m.permission, PERMIT_ADMIN);
    assert_string_equal(find(state, "GET", "/api/v1/pools/" A, &m), "/api/v1/pools/{id}");
    assert_string_equal(m.id.s, A);
    assert_string_equal(find(state, "PUT", "/api/v1/groups/" A "/members/" B, &m),
                        "/api/v1/groups/{id}/members/{id2}");
    assert_string_equal(m.id.s, A);
    assert_string_equal(m.id2.s, B);
    assert_string_equal(find(state, "GET", "/blobs/v1/abc.0-9_z", &m), "/blobs/v1/{word}");
    assert_string_equal(m.word, "abc.0-9_z");
    assert_int_equal(m.permission, PERMIT_NODE);
    assert_string_equal(m.node_kind, "any");
}

static void tells_404_from_405(void **state)
{
    struct route_match m;

    assert_string_equal(find(state, "PATCH", "/api/v1/pools", &m), "GET, HEAD, POST");
    assert_string_equal(find(state, "OPTIONS", "/api/v1/pools", &m), "GET, HEAD, POST");
    assert_string_equal(find(state, "BREW", "/api/v1/pools/" A, &m), "GET, HEAD");
    assert_string_equal(find(state, "POST", "/api/v1/sessions/current", &m), "GET, HEAD, DELETE");
    assert_string_equal(find(state, "DELETE", "/api/v1/sessions/current", &m),
                        "/api/v1/sessions/current");
    assert_string_equal(find(state, "GET", "/api/v1/sessions/current", &m),
                        "/api/v1/sessions/{word}");
}

static void refuses_paths(void **state)
{
    static const char *const bad[] = {
        "/",
        "//api/v1/pools",
        "/api/v1/pools/",
        "/api/v1//pools",
        "/api/v1",
        "/api/v1/poolsx",
        "/api/v1/pools/1",
        "/api/v1/pools/11111111-1111-4111-8111-11111111111A",
        "/api/v1/pools/" A "/",
        "/api/v1/pools/" A "/x",
        "/blobs/v1/.",
        "/blobs/v1/..",
        "/blobs/v1/A",
        "/blobs/v1/a b",
        "/api/v1/groups/" A "/members/x",
        "*",
        "",
    };
    struct route_match m;
    char word[200] = "/blobs/v1/";

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(find(state, "GET", bad[i], &m), "404");
    memset(word + 10, 'a', 128);
    assert_string_equal(find(state, "GET", word, &m), "/blobs/v1/{word}");
    memset(word + 10, 'a', 129);
    assert_string_equal(find(state, "GET", word, &m), "404");
}

static void refuses_tables(void **state)
{
    static const struct route bad[][3] = {
        { { "GET", "/a", NULL, h1, 0 } },
        { { "GET", "/a", "", h1, 0 } },
        { { "GET", "/a", "everyone", h1, 0 } },
        { { "GET", "/a", "node:", h1, 0 } },
        { { "GET", "/a", "node:toaster", h1, 0 } },
        { { "GET", "/a", "self", NULL, 0 } },
        { { "BREW", "/a", "self", h1, 0 } },
        { { "HEAD", "/a", "self", h1, 0 } },
        { { "GET", "a", "self", h1, 0 } },
        { { "GET", "/", "self", h1, 0 } },
        { { "GET", "/a//b", "self", h1, 0 } },
        { { "GET", "/a/{name}", "self", h1, 0 } },
        { { "GET", "/a/{id}/{id}", "self", h1, 0 } },
        { { "GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13", "self", h1, 0 } },
        { { "POST", "/a", "self", h1, HTTP_LARGE } },
        { { "GET", "/a/{id}", "self", h1, 0 }, { "GET", "/a/{id}", "admin", h1, 0 } },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct route *const t[] = { bad[i], NULL };
        struct route_set *rs = NULL;
        struct err e;

        assert_err(route_set_build(t, &rs, &e), &e, ERR_INVALID_REQUEST);
        assert_null(rs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_404_from_405, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_paths, setup, teardown),
        cmocka_unit_test(refuses_tables),
    };

    return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
