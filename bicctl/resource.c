#include "bicctl/resource.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/json.h"

enum {
    FIXED = RESOURCE_GET | RESOURCE_CREATE | RESOURCE_DELETE, /* made and deleted, never changed */
    ALL = FIXED | RESOURCE_CHANGE
};

const struct resource resources[] = {
    { "desktops",
      "desktop",
      "/desktops",
      "name",
      RESOURCE_GET,
      { "name", "state", "pool_name", "username", "bserver_name", "observed", "as_of", "id" } },
    { "pools",
      "pool",
      "/pools",
      "name",
      ALL,
      { "name", "kind", "counts.desktops", "counts.ready", "counts.assigned", "counts.in_use",
        "id" } },
    { "images",
      "image",
      "/images",
      "name",
      ALL,
      { "name", "guest", "latest_version.number", "latest_version.size", "id" } },
    { "specs",
      "spec",
      "/specs",
      "name",
      ALL,
      { "name", "vcpus", "memory_mib", "firmware", "needs_vf", "id" } },
    { "users",
      "user",
      "/users",
      "username",
      ALL,
      { "username", "display_name", "role", "disabled", "id" } },
    { "groups", "group", "/groups", "name", ALL, { "name", "member_count", "id" } },
    { "entitlements",
      "entitlement",
      "/entitlements",
      NULL,
      FIXED,
      { "pool_id", "user_id", "group_id", "id" } },
    { "connections",
      "connection",
      "/connections",
      NULL,
      FIXED,
      { "username", "desktop_name", "screen", "since", "id" } },
    { "operations",
      "operation",
      "/operations",
      NULL,
      RESOURCE_GET,
      { "verb", "target.name", "state", "percent", "stage", "created_at", "id" } },
    { "blocks", "block", "/blocks", "name", RESOURCE_GET, { "name", "id" } },
    { "modules",
      "module",
      "/modules",
      "name",
      RESOURCE_GET,
      { "name", "state", "counts.bservers", "counts.desktops", "counts.running", "counts.sessions",
        "held", "as_of", "id" } },
    { "bservers",
      "bserver",
      "/bservers",
      "name",
      RESOURCE_GET | RESOURCE_CHANGE,
      { "name", "kind", "state", "desktops", "running", "slots_used", "slots", "io.total",
        "io.limit", "last_heard", "id" } },
    { "vfs",
      "vf",
      "/vfs",
      NULL,
      RESOURCE_GET,
      { "address", "pf", "state", "reason", "drift", "mac", "desktop_id", "id" } },
    { "nodes",
      "node",
      "/nodes",
      "name",
      RESOURCE_GET | RESOURCE_DELETE,
      { "name", "kind", "not_after", "last_heard", "id" } },
    { "audit",
      "record",
      "/audit",
      NULL,
      0,
      { "at", "actor_name", "action", "target_kind", "target_name", "result" } },
    { 0 },
};

const struct resource *resource_find(const char *word)
{
    for (const struct resource *r = resources; r->word; r++)
        if (strcmp(r->word, word) == 0 || strcmp(r->one, word) == 0)
            return r;
    return NULL;
}

int resource_list(const struct client *c, const struct resource *r, const char *query,
                  json_t **items)
{
    json_t *all = json_array();
    char cursor[600] = "";

    for (;;) {
        struct answer a = { 0 };
        char *path = NULL;
        const char *next;
        int rc = EXIT_FAILED;

        if (asprintf(&path, "%s?limit=200%s%s%s%s", r->path, query[0] ? "&" : "", query,
                     cursor[0] ? "&cursor=" : "", cursor) >= 0) {
            rc = client_call(c, "GET", path, NULL, NULL, &a);
            free(path);
        }
        if (rc != EXIT_OK) {
            answer_release(&a);
            json_decref(all);
            return rc;
        }
        json_array_extend(all, json_object_get(a.body, "items"));
        next = json_str(a.body, "next");
        snprintf(cursor, sizeof cursor, "%s", next ? next : "");
        answer_release(&a);
        if (!cursor[0])
            break;
    }
    *items = all;
    return EXIT_OK;
}

int resource_id(const struct client *c, const struct resource *r, const char *word, char id[37])
{
    json_auto_t *items = NULL;
    int found = 0, rc;

    if (id_valid(word)) {
        memcpy(id, word, 37);
        return EXIT_OK;
    }
    if (!r->name) {
        fprintf(stderr, "bicctl: %s have no names: give an id\n", r->word);
        return EXIT_USAGE;
    }
    rc = resource_list(c, r, "", &items);
    if (rc != EXIT_OK)
        return rc;
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *o = json_array_get(items, i);
        const char *name = json_str(o, r->name), *its = json_str(o, "id");

        if (name && its && strcmp(name, word) == 0 && id_valid(its)) {
            memcpy(id, its, 37);
            found++;
        }
    }
    if (found == 1)
        return EXIT_OK;
    fprintf(stderr, "bicctl: %s %s called '%s'\n", found ? "several" : "no",
            found ? r->word : r->one, word);
    return found ? EXIT_CONFLICT : EXIT_NOT_FOUND;
}
