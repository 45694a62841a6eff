/* A request body from outside: json_read, then a table with a field of each kind. */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/json.h"
#include "common/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void take(const json_t *body)
{
    static const char *const words[] = { "start", "stop", NULL };
    const char *name = NULL, *verb = NULL, *note = NULL;
    struct id id = { "" };
    int64_t size = 0;
    bool flag = false, given = false;
    json_t *list = NULL, *object = NULL;
    const struct json_field fields[] = {
        { .name = "name", .kind = JSON_TEXT, .required = true, .to = &name, .valid = text_name },
        { .name = "note", .kind = JSON_TEXT, .nullable = true, .to = &note, .valid = text_note },
        { .name = "verb", .kind = JSON_TEXT, .to = &verb, .words = words },
        { .name = "id", .kind = JSON_UUID, .to = &id },
        { .name = "size", .kind = JSON_INT, .to = &size, .min = -7, .max = 7, .given = &given },
        { .name = "flag", .kind = JSON_BOOL, .to = &flag },
        { .name = "list", .kind = JSON_ARR, .to = &list, .max = 3 },
        { .name = "object", .kind = JSON_OBJ, .to = &object },
        { 0 },
    };
    struct err e = { 0 };

    if (json_fields(body, fields, &e) < 0) {
        if (e.code != ERR_INVALID_REQUEST)
            abort();
        return;
    }
    if (!name || !text_name(name) || size < -7 || size > 7 ||
        (given && !json_object_get(body, "size")))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    json_t *body = NULL;
    struct err e = { 0 };

    if (json_read((const char *)data, n, &body, &e) < 0) {
        if (body || e.code != ERR_INVALID_REQUEST)
            abort();
        return 0;
    }
    take(body);
    json_decref(body);
    return 0;
}
