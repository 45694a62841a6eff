/* What bicctl offers for a kind is what ccc/openapi.json has for it. Run from the top of the tree.
 */
#include "bicctl/resource.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/common/unit.h"

static bool has(const json_t *paths, const char *path, const char *suffix, const char *method)
{
    char full[80];

    snprintf(full, sizeof full, "%s%s", path, suffix);
    return json_object_get(json_object_get(paths, full), method) != NULL;
}

static void kinds_can_what_the_contract_says(void **state)
{
    json_t *doc = json_load_file("ccc/openapi.json", 0, NULL);
    const json_t *paths = json_object_get(doc, "paths");

    (void)state;
    assert_non_null(doc);
    for (const struct resource *r = resources; r->word; r++) {
        unsigned can = (has(paths, r->path, "/{id}", "get") ? RESOURCE_GET : 0U) |
                       (has(paths, r->path, "", "post") ? RESOURCE_CREATE : 0U) |
                       (has(paths, r->path, "/{id}", "delete") ? RESOURCE_DELETE : 0U) |
                       (has(paths, r->path, "/{id}", "patch") ? RESOURCE_CHANGE : 0U);

        assert_true(has(paths, r->path, "", "get"));
        if (r->can != can)
            fail_msg("%s: can %u, the contract says %u", r->word, r->can, can);
        assert_ptr_equal(resource_find(r->word), r);
        assert_ptr_equal(resource_find(r->one), r);
    }
    assert_null(resource_find("moons"));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_can_what_the_contract_says),
    };

    return cmocka_run_group_tests_name("bicctl resource", tests, NULL, NULL);
}
