#include "ccc/desktop_filter.h"

#include "ccc/desktop_actions.h"
#include "common/base/json.h"
#include "common/base/text.h"

static bool part_ok(const char *s)
{
    return s[0] && text_chars(s) <= 64;
}

int desktop_filter_read(const json_t *body, const char *at, struct desktop_filter *out,
                        struct err *e)
{
    struct desktop_filter f = { 0 };
    const struct json_field fields[] = {
        { "state", JSON_TEXT, .to = &f.state, .words = desktop_states },
        { "q", JSON_TEXT, .to = &f.q, .valid = part_ok, .must = "must be 1 to 64 characters" },
        { "pool_id", JSON_UUID, .to = &f.pool },
        { "person_id", JSON_UUID, .to = &f.person },
        { "bserver_id", JSON_UUID, .to = &f.bserver },
        { "module_id", JSON_UUID, .to = &f.module },
        { 0 },
    };
    struct err inner = { 0 };

    if (json_object_size(body) == 0) {
        err_set(e, ERR_INVALID_REQUEST, "a filter needs at least one member");
        return err_pointer(e, "%s", at);
    }
    if (json_fields(body, fields, &inner) < 0) {
        err_set(e, inner.code, "%s", inner.detail);
        return err_pointer(e, "%s%s", at, inner.pointer);
    }
    *out = f;
    return 0;
}
