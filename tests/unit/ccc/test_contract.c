/* ccc/openapi.json says what the routes are, and the routes are what it says: both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#include "ccc/openapi.h"
#include "ccc/routes.h"
#include "common/base/json.h"

static const struct route *const public_routes[] = {
    session_routes,      person_routes,       group_routes,
    image_routes,        spec_routes,         pool_routes,
    entitlement_routes,  tree_routes,         node_routes,
    desktop_routes,      desktop_bulk_routes, filter_routes,
    pool_preview_routes, operation_routes,    connection_routes,
    event_routes,        contract_routes,     audit_routes,
    placement_routes,    ca_routes,           NULL,
};

/* "/api/v1/groups/{id}/members/{id2}" and "/groups/{id}/members/{user_id}" both become
 * "/groups/{}/members/{}". */
static void shape(const char *path, char to[160])
{
    size_t n = 0;

    if (strncmp(path, "/api/v1", 7) == 0)
        path += 7;
    for (; *path && n < 158; path++) {
        to[n++] = *path;
        if (*path == '{') {
            path += strcspn(path, "}");
            to[n++] = '}';
        }
    }
    to[n] = '\0';
}

static void key_of(const char *method, const char *path, char to[200])
{
    char shaped[160];

    shape(path, shaped);
    snprintf(to, 200, "%s %s", method, shaped);
}

/* Pages for people, which the contract names but common/http serves. */
static bool for_people(const char *path)
{
    return strcmp(path, "/docs") == 0 || strncmp(path, "/problems/", 10) == 0;
}

static json_t *promised(void)
{
    json_t *set = json_object(), *doc = json_loads(openapi_json, JSON_REJECT_DUPLICATES, NULL);
    const char *path, *method;
    json_t *item, *op;

    assert_non_null(doc);
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        json_object_foreach(item, method, op)
        {
            char upper[16], key[200];
            size_t n = 0;

            if (!json_object_get(op, "responses") || for_people(path))
                continue;
            for (; method[n] && n < sizeof upper - 1; n++)
                upper[n] = (char)toupper((unsigned char)method[n]);
            upper[n] = '\0';
            key_of(upper, path, key);
            json_object_set_new(set, key, json_true());
        }
    }
    json_decref(doc);
    return set;
}

static json_t *kept(void)
{
    json_t *set = json_object();

    for (size_t t = 0; public_routes[t]; t++)
        for (const struct route *r = public_routes[t]; r->method; r++) {
            char key[200];

            key_of(r->method, r->path, key);
            json_object_set_new(set, key, json_true());
        }
    return set;
}

static int missing(json_t *from, json_t *in, const char *what)
{
    const char *key;
    json_t *v;
    int n = 0;

    json_object_foreach(from, key, v) if (!json_object_get(in, key))
    {
        print_error("%s: %s\n", what, key);
        n++;
    }
    return n;
}

static void routes_equal_contract(void **state)
{
    json_auto_t *p = promised(), *k = kept();

    (void)state;
    assert_true(json_object_size(k) > 40);
    assert_int_equal(missing(k, p, "a route that the contract does not name") +
                         missing(p, k, "promised by the contract, but there is no such route"),
                     0);
}

static void every_operation_names_its_problems(void **state)
{
    json_auto_t *doc = json_loads(openapi_json, 0, NULL);
    const char *path, *method;
    json_t *item, *op;
    int bad = 0;

    (void)state;
    json_object_foreach(json_object_get(doc, "paths"), path, item)
    {
        json_object_foreach(item, method, op)
        {
            json_t *responses = json_object_get(op, "responses");

            if (!responses || for_people(path))
                continue;
            if (!json_object_get(op, "operationId") || json_object_size(responses) < 2) {
                print_error("%s %s has no id or no problem\n", method, path);
                bad++;
            }
        }
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_equal_contract),
        cmocka_unit_test(every_operation_names_its_problems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
