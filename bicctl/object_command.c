#include <stdlib.h>
#include <string.h>

#include "bicctl/command.h"
#include "bicctl/context.h"
#include "bicctl/resource.h"
#include "common/base/json.h"

static const struct resource *known(const char *word)
{
    const struct resource *r = resource_find(word);

    if (r)
        return r;
    fprintf(stderr, "bicctl: no kind '%s'; there are:", word);
    for (r = resources; r->word; r++)
        fprintf(stderr, " %s", r->word);
    fprintf(stderr, "\n");
    return NULL;
}

/* "state=running,pool_id=…" as a query. */
static char *query_of(const char *filter)
{
    char *q = strdup(filter ? filter : "");

    for (char *p = q; p && *p; p++)
        if (*p == ',')
            *p = '&';
    return q;
}

static int list(const struct options *o, int argc, char **argv)
{
    const struct resource *r = known(argv[0]);
    struct client c = { 0 };
    json_auto_t *items = NULL;
    char *query = query_of(o->filter);
    int rc = r && query ? context_load(&c) : EXIT_USAGE;

    (void)argc;
    if (rc == EXIT_OK)
        rc = resource_list(&c, r, query, &items);
    if (rc == EXIT_OK)
        output_list(o->output, items, r->columns);
    free(query);
    client_release(&c);
    return rc;
}

/* GETs one thing by id or name. */
static int fetch(struct client *c, const struct resource *r, const char *word, char path[128],
                 struct answer *a)
{
    char id[37];
    int rc = resource_id(c, r, word, id);

    if (rc != EXIT_OK)
        return rc;
    snprintf(path, 128, "%s/%s", r->path, id);
    return client_call(c, "GET", path, NULL, NULL, a);
}

static int get(const struct options *o, int argc, char **argv)
{
    const struct resource *r = known(argv[0]);
    struct client c = { 0 };
    struct answer a = { 0 };
    char path[128];
    int rc = r ? context_load(&c) : EXIT_USAGE;

    (void)argc;
    if (rc == EXIT_OK)
        rc = fetch(&c, r, argv[1], path, &a);
    if (rc == EXIT_OK)
        output_one(o->output, a.body);
    answer_release(&a);
    client_release(&c);
    return rc;
}

static int delete (const struct options *o, int argc, char **argv)
{
    const struct resource *r = known(argv[0]);
    struct client c = { 0 };
    struct answer a = { 0 }, done = { 0 };
    char path[128];
    int rc = r ? context_load(&c) : EXIT_USAGE;

    (void)o;
    (void)argc;
    if (rc == EXIT_OK)
        rc = fetch(&c, r, argv[1], path, &a);
    if (rc == EXIT_OK)
        rc = client_call(&c, "DELETE", path, NULL, a.etag[0] ? a.etag : NULL, &done);
    answer_release(&a);
    answer_release(&done);
    client_release(&c);
    return rc;
}

/* "key=value" words: values that are JSON are taken as such, all others as text. */
static int body_of(const struct options *o, int argc, char **argv, json_t **out)
{
    json_t *body = o->file ? json_load_file(o->file, JSON_REJECT_DUPLICATES, NULL) : json_object();

    if (!json_is_object(body)) {
        fprintf(stderr, "bicctl: %s is no JSON object\n", o->file);
        json_decref(body);
        return EXIT_USAGE;
    }
    for (int i = 0; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        json_t *v;

        if (!equals || equals == argv[i]) {
            fprintf(stderr, "bicctl: '%s' is not key=value\n", argv[i]);
            json_decref(body);
            return EXIT_USAGE;
        }
        *equals = '\0';
        v = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        json_object_set_new(body, argv[i], v ? v : json_string(equals + 1));
    }
    *out = body;
    return EXIT_OK;
}

static int create(const struct options *o, int argc, char **argv)
{
    const struct resource *r = known(argv[0]);
    struct client c = { 0 };
    struct answer a = { 0 };
    json_auto_t *body = NULL;
    int rc = r ? context_load(&c) : EXIT_USAGE;

    if (rc == EXIT_OK)
        rc = body_of(o, argc - 1, argv + 1, &body);
    if (rc == EXIT_OK)
        rc = client_call(&c, "POST", r->path, body, NULL, &a);
    if (rc == EXIT_OK)
        output_one(o->output, a.body);
    answer_release(&a);
    client_release(&c);
    return rc;
}

static int publish(const struct options *o, int argc, char **argv)
{
    const struct resource *r = resource_find("image");
    struct client c = { 0 };
    struct answer a = { 0 };
    char id[37], path[128];
    int rc = context_load(&c);

    (void)argc;
    if (rc == EXIT_OK)
        rc = resource_id(&c, r, argv[0], id);
    if (rc == EXIT_OK) {
        snprintf(path, sizeof path, "/images/%s/versions", id);
        rc = client_upload(&c, path, argv[1], &a);
    }
    if (rc == EXIT_OK)
        output_one(o->output, a.body);
    answer_release(&a);
    client_release(&c);
    return rc;
}

static int token(const struct options *o, int argc, char **argv)
{
    const char *parent_kind = strcmp(argv[0], "bserver") == 0 ? "module" : "block";
    struct client c = { 0 };
    struct answer a = { 0 };
    json_auto_t *body = json_object();
    char id[37] = "";
    int rc = context_load(&c);

    (void)argc;
    if (rc == EXIT_OK && o->parent)
        rc = resource_id(&c, resource_find(parent_kind), o->parent, id);
    json_put_str(body, "kind", argv[0]);
    json_put_str(body, "name", argv[1]);
    if (id[0])
        json_put_str(body, "parent_id", id);
    if (rc == EXIT_OK)
        rc = client_call(&c, "POST", "/node-tokens", body, NULL, &a);
    if (rc == EXIT_OK && o->output == OUTPUT_TABLE)
        printf("%s\n", json_str(a.body, "token") ? json_str(a.body, "token") : "");
    else if (rc == EXIT_OK)
        output_one(o->output, a.body);
    answer_release(&a);
    client_release(&c);
    return rc;
}

const struct command object_commands[] = {
    { "list", "KIND", "all things of a kind; --filter key=value,…", 1, 1, list },
    { "get", "KIND NAME|ID", "one thing with everything known of it", 2, 2, get },
    { "create", "KIND [key=value …]", "makes a thing; --file FILE gives its members as JSON", 1, -1,
      create },
    { "delete", "KIND NAME|ID", "deletes a thing, if nothing needs it", 2, 2, delete },
    { "publish", "IMAGE FILE.qcow2", "adds a version to an image", 2, 2, publish },
    { "token", "xcenter|bcenter|bserver NAME",
      "one-time token with which a node joins; --parent BLOCK|MODULE", 2, 2, token },
    { 0 },
};
