#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bicctl/command.h"
#include "bicctl/context.h"
#include "bicctl/resource.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { POLL_S = 10 };

static bool ended(const json_t *op)
{
    const char *state = json_str(op, "state");

    return state && (strcmp(state, "succeeded") == 0 || strcmp(state, "failed") == 0 ||
                     strcmp(state, "cancelled") == 0);
}

static int outcome(const json_t *op)
{
    const char *state = json_str(op, "state");
    const json_t *error = json_object_get(op, "error"), *children = json_object_get(op, "children");

    if (state && strcmp(state, "succeeded") == 0)
        return EXIT_OK;
    if (json_is_object(children)) {
        fprintf(stderr,
                "bicctl: %s: %lld of %lld succeeded; GET /operations/%s/children has each\n",
                state ? state : "?", (long long)json_num(children, "succeeded", 0),
                (long long)json_num(children, "total", 0), json_str(op, "id"));
        return EXIT_FAILED;
    }
    fprintf(stderr, "bicctl: %s: %s\n", state ? state : "?",
            json_str(error, "detail") ? json_str(error, "detail") : "no reason was given");
    return EXIT_FAILED;
}

/* Long-polls the operation; a line on stderr for each new stage. *op is replaced by its newest
 * state. */
static int wait_for(const struct client *c, json_t **op, int seconds)
{
    int64_t until = clock_boot_ms() + (int64_t)seconds * 1000;
    char stage[64] = "", path[160];

    while (!ended(*op)) {
        const char *now = json_str(*op, "stage");
        int64_t left = until - clock_boot_ms();
        struct answer a = { 0 };
        int rc;

        if (now && strcmp(now, stage) != 0) {
            snprintf(stage, sizeof stage, "%s", now);
            fprintf(stderr, "%s …\n", stage);
        }
        if (left <= 0) {
            fprintf(stderr, "bicctl: still %s after %d s\n", json_str(*op, "state"), seconds);
            return EXIT_TIMEOUT;
        }
        snprintf(path, sizeof path, "/operations/%s?wait=%d", json_str(*op, "id"),
                 left >= POLL_S * 1000 ? POLL_S : (int)((left + 999) / 1000));
        rc = client_call(c, "GET", path, NULL, NULL, &a);
        if (rc != EXIT_OK) {
            answer_release(&a);
            return rc;
        }
        json_decref(*op);
        *op = json_incref(a.body);
        answer_release(&a);
    }
    return outcome(*op);
}

struct action {
    const char *name, *kind; /* of what it is asked */
};

static int act(const struct client *c, const struct options *o, const struct action *what,
               const char *word)
{
    const struct resource *r = resource_find(what->kind);
    struct answer a = { 0 };
    json_auto_t *body = json_object();
    json_t *op;
    char id[37], path[128];
    int rc = resource_id(c, r, word, id);

    if (rc != EXIT_OK)
        return rc;
    json_put_str(body, "action", what->name);
    snprintf(path, sizeof path, "%s/%s/actions", r->path, id);
    rc = client_call(c, "POST", path, body, NULL, &a);
    op = json_incref(a.body);
    if (rc == EXIT_OK && a.status == 202 && o->wait_s > 0)
        rc = wait_for(c, &op, o->wait_s);
    if (rc == EXIT_OK)
        output_one(o->output, op);
    json_decref(op);
    answer_release(&a);
    return rc;
}

/* Several things: all are tried; some refused and some not is EXIT_PARTIAL. */
static int act_all(const struct action *action, const struct options *o, int argc, char **argv)
{
    struct client c = { 0 };
    int rc = context_load(&c), good = 0, last = EXIT_OK;

    if (rc != EXIT_OK)
        return rc;
    for (int i = 0; i < argc; i++) {
        rc = act(&c, o, action, argv[i]);
        good += rc == EXIT_OK;
        last = rc == EXIT_OK ? last : rc;
    }
    client_release(&c);
    return good == argc ? EXIT_OK : good > 0 ? EXIT_PARTIAL : last;
}

/* "state=off,q=office" as the object that POST /desktops/actions takes. */
static json_t *filter_object(const char *filter)
{
    json_t *o = json_object();
    char *copy = strdup(filter), *rest = copy, *one;

    while (copy && (one = strsep(&rest, ","))) {
        char *value = strchr(one, '=');

        if (value)
            *value++ = '\0';
        json_object_set_new(o, one, json_string(value ? value : ""));
    }
    free(copy);
    return o;
}

static int desktop_ids(const struct client *c, int argc, char **argv, json_t *to)
{
    for (int i = 0; i < argc; i++) {
        char id[37];
        int rc = resource_id(c, resource_find("desktop"), argv[i], id);

        if (rc != EXIT_OK)
            return rc;
        json_array_append_new(to, json_string(id));
    }
    return EXIT_OK;
}

static int show_dry(const struct options *o, const json_t *answer)
{
    static const char *const columns[] = { "name", "outcome", "slug", NULL };
    const json_t *totals = json_object_get(answer, "totals");

    if (o->output == OUTPUT_JSON) {
        output_one(o->output, answer);
        return EXIT_OK;
    }
    output_list(o->output, json_object_get(answer, "items"), columns);
    printf("%lld would, %lld already there, %lld refused\n", (long long)json_num(totals, "will", 0),
           (long long)json_num(totals, "already", 0), (long long)json_num(totals, "refused", 0));
    return EXIT_OK;
}

/* An order for many ends well, partly or not at all. */
static int bulk_outcome(const json_t *op, int rc)
{
    const json_t *children = json_object_get(op, "children");

    return rc == EXIT_FAILED && json_num(children, "succeeded", 0) > 0 ? EXIT_PARTIAL : rc;
}

/* One order for many: those named, or those that the filter finds. */
static int act_bulk(const struct action *action, const struct options *o, int argc, char **argv)
{
    struct client c = { 0 };
    struct answer a = { 0 };
    json_auto_t *body = json_object();
    json_t *op = NULL, *ids = json_array();
    int rc = context_load(&c);

    if (rc == EXIT_OK)
        rc = desktop_ids(&c, argc, argv, ids);
    json_put_str(body, "action", action->name);
    json_put_bool(body, "dry_run", o->dry_run);
    if (argc > 0)
        json_object_set(body, "desktops", ids);
    else
        json_object_set_new(body, "filter", filter_object(o->filter));
    json_decref(ids);
    if (rc == EXIT_OK)
        rc = client_call(&c, "POST", "/desktops/actions", body, NULL, &a);
    if (rc == EXIT_OK && o->dry_run) {
        rc = show_dry(o, a.body);
    } else if (rc == EXIT_OK) {
        op = json_incref(a.body);
        if (o->wait_s > 0 || ended(op))
            rc = wait_for(&c, &op, o->wait_s);
        rc = bulk_outcome(op, rc);
        output_one(o->output, op);
    }
    json_decref(op);
    answer_release(&a);
    client_release(&c);
    return rc;
}

static int act_desktops(const struct action *action, const struct options *o, int argc, char **argv)
{
    if (!o->filter == !argc) {
        fprintf(stderr, "bicctl: name desktops, or say with --filter which are meant\n");
        return EXIT_USAGE;
    }
    return o->filter || o->dry_run ? act_bulk(action, o, argc, argv)
                                   : act_all(action, o, argc, argv);
}

#define ACTION(function, word, kind)                                                               \
    static int function(const struct options *o, int argc, char **argv)                            \
    {                                                                                              \
        const struct action action = { word, kind };                                               \
                                                                                                   \
        return strcmp(kind, "desktop") == 0 ? act_desktops(&action, o, argc, argv)                 \
                                            : act_all(&action, o, argc, argv);                     \
    }
ACTION(start, "start", "desktop")
ACTION(stop, "stop", "desktop")
ACTION(shutdown, "shutdown", "desktop")
ACTION(reboot, "reboot", "desktop")
ACTION(reset, "reset", "desktop")
ACTION(rebuild, "rebuild", "desktop")
ACTION(unassign, "unassign", "desktop")
ACTION(maintenance, "maintenance", "bserver")
ACTION(resume, "resume", "bserver")
ACTION(confirm_deletions, "confirm-deletions", "module")

/* The answer to a connect that had to boot first is the operation's result. */
static int connect_body(const struct client *c, const struct options *o, const json_t *body)
{
    struct answer a = { 0 };
    int rc = client_call(c, "POST", "/connections", body, NULL, &a);
    json_t *result = json_incref(a.body);

    if (rc == EXIT_OK && a.status == 202) {
        rc = wait_for(c, &result, o->wait_s > 0 ? o->wait_s : 300);
        if (rc == EXIT_OK) {
            json_t *connection = json_incref(json_object_get(result, "result"));

            json_decref(result);
            result = connection;
        }
    }
    if (rc == EXIT_OK)
        output_one(o->output, result);
    json_decref(result);
    answer_release(&a);
    return rc;
}

static int connect(const struct options *o, int argc, char **argv)
{
    struct client c = { 0 };
    json_auto_t *body = json_object();
    char id[37];
    int rc = context_load(&c);

    (void)argc;
    if (rc == EXIT_OK)
        rc = resource_id(&c, resource_find("pool"), argv[0], id);
    if (rc == EXIT_OK) {
        json_put_str(body, "pool_id", id);
        rc = connect_body(&c, o, body);
    }
    client_release(&c);
    return rc;
}

const struct command desktop_commands[] = {
    { "start", "DESKTOP …", "powers on; --wait[=SECONDS] until it is done, --filter for many", 0,
      -1, start },
    { "shutdown", "DESKTOP …", "asks the guest to shut down", 0, -1, shutdown },
    { "stop", "DESKTOP …", "powers off at once; what is not saved is lost", 0, -1, stop },
    { "reboot", "DESKTOP …", "asks the guest to start again", 0, -1, reboot },
    { "reset", "DESKTOP …", "the reset button", 0, -1, reset },
    { "rebuild", "DESKTOP …", "a clean disk from the image; the old one goes to the recycle bin", 0,
      -1, rebuild },
    { "unassign", "DESKTOP …", "takes it from its person", 0, -1, unassign },
    { "maintenance", "BSERVER …", "takes it out of service: nothing new is placed there", 1, -1,
      maintenance },
    { "resume", "BSERVER …", "back in service", 1, -1, resume },
    { "confirm-deletions", "MODULE …", "lets a held mass deletion happen (column held)", 1, -1,
      confirm_deletions },
    { "connect", "POOL", "a screen address and ticket for yourself (valid 30 s)", 1, 1, connect },
    { 0 },
};
