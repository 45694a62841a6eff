#include <stdlib.h>
#include <string.h>

#include "bicctl/command.h"
#include "bicctl/context.h"
#include "bicctl/password.h"
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

/* A kind of which this can be asked. */
static const struct resource *able(const char *word, unsigned what)
{
    const struct resource *r = known(word);

    if (!r || r->can & what)
        return r;
    fprintf(stderr, "bicctl: %s cannot be %s; only:", r->word,
            what == RESOURCE_CREATE   ? "created"
            : what == RESOURCE_DELETE ? "deleted"
            : what == RESOURCE_CHANGE ? "changed"
                                      : "read one by one");
    for (r = resources; r->word; r++)
        if (r->can & what)
            fprintf(stderr, " %s", r->word);
    fprintf(stderr, "\n");
    return NULL;
}

/* RFC 3986: what is not unreserved is percent-encoded. Returns the end. */
static char *encode(char *to, const char *s, size_t n)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; n > 0; n--, s++) {
        if (memchr(plain, *s, sizeof plain - 1))
            *to++ = *s;
        else
            to += snprintf(to, 4, "%%%02X", (unsigned char)*s);
    }
    return to;
}

/* "state=running,pool_id=…" as a query; NULL and a sentence if it is not that. */
static char *query_of(const char *filter)
{
    const char *p = filter ? filter : "";
    char *q = malloc(3 * strlen(p) + 1), *to = q;

    for (size_t key, n; q && *p; p += n + (p[n] == ',')) {
        n = strcspn(p, ",");
        key = strcspn(p, "=,");
        if (key == 0 || p[key] != '=') {
            fprintf(stderr, "bicctl: '%.*s' is not key=value\n", (int)n, p);
            free(q);
            return NULL;
        }
        if (to > q)
            *to++ = '&';
        to = encode(to, p, key);
        *to++ = '=';
        to = encode(to, p + key + 1, n - key - 1);
    }
    if (q)
        *to = '\0';
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
    const struct resource *r = able(argv[0], RESOURCE_GET);
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
    const struct resource *r = able(argv[0], RESOURCE_DELETE);
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

/* "key=text" or "key:=json", so that what a word means does not depend on what it looks like. */
static int take_member(json_t *body, char *word)
{
    char *equals = strchr(word, '=');
    bool typed = equals && equals > word && equals[-1] == ':';
    json_t *v;

    if (!equals || equals - typed == word) {
        fprintf(stderr, "bicctl: '%s' is not key=text or key:=json\n", word);
        return EXIT_USAGE;
    }
    equals[-typed] = '\0';
    v = typed ? json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL)
              : json_string(equals + 1);
    if (v && json_object_set_new(body, word, v) == 0)
        return EXIT_OK;
    fprintf(stderr, "bicctl: the value of '%s' is not %s\n", word, typed ? "JSON" : "UTF-8");
    return EXIT_USAGE;
}

static int body_of(const struct options *o, int argc, char **argv, json_t **out)
{
    json_t *body = o->file ? json_load_file(o->file, JSON_REJECT_DUPLICATES, NULL) : json_object();
    int rc = EXIT_OK;

    if (!json_is_object(body)) {
        fprintf(stderr, "bicctl: %s is no JSON object\n", o->file);
        rc = EXIT_USAGE;
    }
    for (int i = 0; rc == EXIT_OK && i < argc; i++)
        rc = take_member(body, argv[i]);
    if (rc == EXIT_OK)
        *out = body;
    else
        json_decref(body);
    return rc;
}

/* A new person's password is not an argument: every user of this machine sees those. */
static int add_password(const struct options *o, const struct resource *r, json_t *body)
{
    char password[PASSWORD_MAX];
    int rc;

    if (strcmp(r->one, "user") != 0 || (!o->password_file && json_object_get(body, "password")))
        return EXIT_OK;
    rc = password_read_new(o->password_file, password);
    if (rc == EXIT_OK)
        json_object_set_new(body, "password", json_string(password));
    explicit_bzero(password, sizeof password);
    return rc;
}

static int create(const struct options *o, int argc, char **argv)
{
    const struct resource *r = able(argv[0], RESOURCE_CREATE);
    struct client c = { 0 };
    struct answer a = { 0 };
    json_auto_t *body = NULL;
    int rc = r ? context_load(&c) : EXIT_USAGE;

    if (rc == EXIT_OK)
        rc = body_of(o, argc - 1, argv + 1, &body);
    if (rc == EXIT_OK)
        rc = add_password(o, r, body);
    if (rc == EXIT_OK)
        rc = client_call(&c, "POST", r->path, body, NULL, &a);
    if (rc == EXIT_OK)
        output_one(o->output, a.body);
    answer_release(&a);
    client_release(&c);
    return rc;
}

/* What is there is read first: somebody else's change in between is refused, not overwritten. */
static int set(const struct options *o, int argc, char **argv)
{
    const struct resource *r = able(argv[0], RESOURCE_CHANGE);
    struct client c = { 0 };
    struct answer a = { 0 }, done = { 0 };
    json_auto_t *body = NULL;
    char path[128];
    int rc = r ? context_load(&c) : EXIT_USAGE;

    if (rc == EXIT_OK)
        rc = body_of(o, argc - 2, argv + 2, &body);
    if (rc == EXIT_OK && o->password_file)
        rc = add_password(o, r, body);
    if (rc == EXIT_OK)
        rc = fetch(&c, r, argv[1], path, &a);
    if (rc == EXIT_OK)
        rc = client_call(&c, "PATCH", path, body, a.etag[0] ? a.etag : NULL, &done);
    if (rc == EXIT_OK)
        output_one(o->output, done.body);
    answer_release(&a);
    answer_release(&done);
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
    { "create", "KIND [key=text key:=json …]",
      "makes a thing; key:= for numbers, true, false, null, lists; --file FILE: its members as "
      "JSON",
      1, -1, create },
    { "set", "KIND NAME|ID [key=text key:=json …]",
      "changes the members that are named; null takes one back; --file FILE: as JSON", 2, -1, set },
    { "delete", "KIND NAME|ID", "deletes a thing, if nothing needs it", 2, 2, delete },
    { "publish", "IMAGE FILE.qcow2", "adds a version to an image", 2, 2, publish },
    { "token", "xcenter|bcenter|bserver NAME",
      "one-time token with which a node joins; --parent BLOCK|MODULE", 2, 2, token },
    { 0 },
};
