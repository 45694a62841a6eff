#include "common/http/problem.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/text.h"

#define TYPE_PREFIX "/problems/"

/* Text that was cut in the middle of a character must not cost us the whole answer. */
static void put_text(json_t *o, const char *key, const char *text)
{
    json_object_set_new(o, key, json_stringn(text, text_utf8_prefix(text, strlen(text))));
}

static void put_numbers(json_t *o, const struct err *e)
{
    json_t *numbers;

    if (e->numbers == 0)
        return;
    numbers = json_object();
    for (int i = 0; i < e->numbers; i++)
        json_object_set_new(numbers, e->number[i].name, json_integer(e->number[i].value));
    json_object_set_new(o, "numbers", numbers);
}

static void put_pointer(json_t *o, const struct err *e)
{
    json_t *list, *one;

    if (!e->pointer[0])
        return;
    list = json_array();
    one = json_object();
    put_text(one, "pointer", e->pointer);
    put_text(one, "message", e->detail);
    json_array_append_new(list, one);
    json_object_set_new(o, "errors", list);
}

json_t *problem_encode(const struct err *e, const char *trace_id)
{
    enum err_code code = e->code == ERR_NONE ? ERR_INTERNAL : e->code;
    json_t *o = json_object();

    json_object_set_new(o, "type", json_sprintf(TYPE_PREFIX "%s", err_slug(code)));
    json_object_set_new(o, "title", json_string(err_title(code)));
    json_object_set_new(o, "status", json_integer(err_status(code)));
    put_text(o, "detail", e->detail);
    json_object_set_new(o, "instance", json_sprintf("urn:trace:%s", trace_id));
    put_text(o, "origin", e->origin);
    json_object_set_new(o, "retryable", json_boolean(err_retryable(code)));
    if (e->where[0])
        put_text(o, "where", e->where);
    put_pointer(o, e);
    put_numbers(o, e);
    return o;
}

/* What a peer says is cut to our sizes, never rejected for its length. */
static void take_text(const json_t *o, const char *key, char *to, size_t size)
{
    const char *text = json_str(o, key);
    size_t n = text ? strlen(text) : 0;

    if (n >= size)
        n = text_utf8_prefix(text, size - 1);
    if (n > 0)
        memcpy(to, text, n);
    to[n] = '\0';
}

static void take_numbers(const json_t *body, struct err *e)
{
    json_t *numbers = json_object_get(body, "numbers"), *v;
    const char *name;

    if (json_is_object(numbers))
        json_object_foreach(numbers, name, v)
        {
            if (json_is_integer(v))
                err_number(e, name, json_integer_value(v));
        }
}

void problem_decode(const json_t *body, const char *peer, struct err *e)
{
    const char *type = json_str(body, "type");
    enum err_code code = ERR_NONE;
    struct err got = { 0 };

    if (e->code != ERR_NONE)
        return;
    if (type && strncmp(type, TYPE_PREFIX, strlen(TYPE_PREFIX)) == 0)
        code = err_from_slug(type + strlen(TYPE_PREFIX));
    take_text(body, "detail", got.detail, sizeof got.detail);
    take_text(body, "origin", got.origin, sizeof got.origin);
    err_set(e, code == ERR_NONE ? ERR_PEER_PROTOCOL : code, "%s", got.detail);
    if (code == ERR_NONE) {
        char shown[64];

        err_cause(e, "unknown problem type '%s' from %s",
                  text_one_line(shown, sizeof shown, type ? type : "-"), peer);
    }
    snprintf(e->origin, sizeof e->origin, "%s", got.origin[0] ? got.origin : peer);
    take_text(json_array_get(json_object_get(body, "errors"), 0), "pointer", e->pointer,
              sizeof e->pointer);
    take_text(body, "where", e->where, sizeof e->where);
    take_numbers(body, e);
}
