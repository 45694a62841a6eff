#include "common/base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"

enum { TEXT_MAX = 64 * 1024 };

/* Depth and NUL are checked on the text, before anything is built from it. */
static bool shallow(const char *s, size_t n)
{
    int depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < n; i++) {
        if (quoted) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                quoted = false;
        } else if (s[i] == '"') {
            quoted = true;
        } else if (s[i] == '{' || s[i] == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if (s[i] == '}' || s[i] == ']') {
            depth--;
        }
    }
    return true;
}

/* jansson's own words quote the text that it could not read, which may be a password. */
static const char *reason(enum json_error_code code)
{
    switch (code) {
    case json_error_premature_end_of_input: return "it ends too early";
    case json_error_end_of_input_expected: return "something follows its end";
    case json_error_duplicate_key: return "a member is there twice";
    case json_error_null_character:
    case json_error_null_byte_in_key: return "a text holds a NUL";
    case json_error_numeric_overflow: return "a number is too large";
    case json_error_out_of_memory: return "out of memory";
    case json_error_stack_overflow: return "it is nested too deep";
    default: return "something unexpected";
    }
}

int json_read(const char *text, size_t n, json_t **out, struct err *e)
{
    json_error_t bad;
    json_t *v;

    if (!text_utf8(text, n))
        return err_set(e, ERR_INVALID_REQUEST, "the body is not UTF-8");
    if (!shallow(text, n))
        return err_set(e, ERR_INVALID_REQUEST, "the body is nested deeper than %d", JSON_DEPTH_MAX);
    v = json_loadb(text, n, JSON_REJECT_DUPLICATES, &bad);
    if (!v)
        return err_set(e, ERR_INVALID_REQUEST, "not valid JSON: %s at line %d, column %d",
                       reason(json_error_code(&bad)), bad.line, bad.column);
    *out = v;
    return 0;
}

static const struct json_field *field_named(const struct json_field *f, const char *name)
{
    for (; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static int wrong(const struct json_field *f, const char *must, struct err *e)
{
    err_set(e, ERR_INVALID_REQUEST, "%s %s", f->name, must);
    return err_pointer(e, "/%s", f->name);
}

static bool one_of(const char *const *words, const char *s)
{
    for (; *words; words++)
        if (strcmp(*words, s) == 0)
            return true;
    return false;
}

static int take_text(const struct json_field *f, const json_t *v, struct err *e)
{
    const char *s = json_string_value(v);

    if (!s)
        return wrong(f, "must be text", e);
    if (json_string_length(v) > TEXT_MAX || strlen(s) != json_string_length(v))
        return wrong(f, "is too long or holds a NUL", e);
    if (f->kind == JSON_UUID)
        return id_parse(s, f->to) ? 0 : wrong(f, "must be a lower-case UUID", e);
    if (f->words && !one_of(f->words, s))
        return wrong(f, f->must ? f->must : "is not one of the allowed words", e);
    if (f->valid && !f->valid(s))
        return wrong(f, f->must ? f->must : "is not allowed", e);
    *(const char **)f->to = s;
    return 0;
}

static int take_int(const struct json_field *f, const json_t *v, struct err *e)
{
    char must[96];

    snprintf(must, sizeof must, "must be a whole number from %lld to %lld", (long long)f->min,
             (long long)f->max);
    if (!json_is_integer(v) || json_integer_value(v) < f->min || json_integer_value(v) > f->max)
        return wrong(f, must, e);
    *(int64_t *)f->to = json_integer_value(v);
    return 0;
}

/* Thousandths of a number with at most three decimals: the number nearest to what they write. */
static bool thousandths(const json_t *v, int64_t *out)
{
    double x = json_number_value(v);
    char text[40];

    if (!json_is_number(v) || x < -1e12 || x > 1e12)
        return false;
    snprintf(text, sizeof text, "%.3f", x);
    if (strtod(text, NULL) != x)
        return false;
    *out = llround(x * 1000);
    return true;
}

static int take_decimal(const struct json_field *f, const json_t *v, struct err *e)
{
    char must[96];
    int64_t n;

    snprintf(must, sizeof must, "must be a number from %g to %.15g with at most three decimals",
             (double)f->min / 1000, (double)f->max / 1000);
    if (!thousandths(v, &n) || n < f->min || n > f->max)
        return wrong(f, must, e);
    *(int64_t *)f->to = n;
    return 0;
}

static int take(const struct json_field *f, json_t *v, struct err *e)
{
    switch (f->kind) {
    case JSON_TEXT:
    case JSON_UUID: return take_text(f, v, e);
    case JSON_INT: return take_int(f, v, e);
    case JSON_DECIMAL: return take_decimal(f, v, e);
    case JSON_BOOL:
        if (!json_is_boolean(v))
            return wrong(f, "must be true or false", e);
        *(bool *)f->to = json_is_true(v);
        return 0;
    case JSON_OBJ:
        if (!json_is_object(v))
            return wrong(f, "must be an object", e);
        *(json_t **)f->to = v;
        return 0;
    case JSON_ARR:
        if (!json_is_array(v) || (int64_t)json_array_size(v) < f->min ||
            (int64_t)json_array_size(v) > f->max)
            return wrong(f, "must be a list within its bounds", e);
        *(json_t **)f->to = v;
        return 0;
    }
    return wrong(f, "is of no known kind", e);
}

/* One token of a JSON pointer: "~" and "/" are escaped (RFC 6901 §3). */
static void pointer_token(char *to, size_t size, const char *name)
{
    size_t n = 0;

    for (; *name && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            to[n++] = '~';
            to[n++] = *name == '~' ? '0' : '1';
        } else {
            to[n++] = *name;
        }
    }
    to[n] = '\0';
}

static int known_only(const json_t *body, const struct json_field *fields, struct err *e)
{
    const char *key;
    json_t *v;
    void *o = (void *)(uintptr_t)body; /* jansson's iteration takes a non-const object */

    json_object_foreach((json_t *)o, key, v)
    {
        if (!field_named(fields, key)) {
            char shown[64], token[80];

            text_one_line(shown, sizeof shown, key);
            pointer_token(token, sizeof token, shown);
            err_set(e, ERR_INVALID_REQUEST, "unknown member '%s'", shown);
            return err_pointer(e, "/%s", token);
        }
    }
    return 0;
}

int json_fields(const json_t *body, const struct json_field *fields, struct err *e)
{
    if (!json_is_object(body))
        return err_set(e, ERR_INVALID_REQUEST, "the body must be a JSON object");
    if (known_only(body, fields, e) < 0)
        return -1;
    for (const struct json_field *f = fields; f->name; f++) {
        json_t *v = json_object_get(body, f->name);

        if (f->given)
            *f->given = v != NULL;
        if (!v) {
            if (f->required)
                return wrong(f, "is missing", e);
            continue;
        }
        if (json_is_null(v)) {
            if (!f->nullable)
                return wrong(f, "must not be null", e);
            continue;
        }
        if (take(f, v, e) < 0)
            return -1;
    }
    return 0;
}

const char *json_str(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

int64_t json_num(const json_t *o, const char *key, int64_t fallback)
{
    const json_t *v = json_object_get(o, key);

    return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool json_flag(const json_t *o, const char *key, bool fallback)
{
    const json_t *v = json_object_get(o, key);

    return json_is_boolean(v) ? json_is_true(v) : fallback;
}

bool json_id(const json_t *o, const char *key, struct id *out)
{
    return id_parse(json_str(o, key), out);
}

void json_put_str(json_t *o, const char *key, const char *text)
{
    json_t *v = text && text[0] ? json_stringn(text, text_utf8_prefix(text, strlen(text))) : NULL;

    json_object_set_new(o, key, v ? v : json_null());
}

void json_put_int(json_t *o, const char *key, int64_t value)
{
    json_object_set_new(o, key, json_integer(value));
}

void json_put_bool(json_t *o, const char *key, bool value)
{
    json_object_set_new(o, key, json_boolean(value));
}

void json_put_time(json_t *o, const char *key, int64_t wall_ms)
{
    char text[CLOCK_TEXT];

    json_object_set_new(o, key, wall_ms ? json_string(clock_text(wall_ms, text)) : json_null());
}
