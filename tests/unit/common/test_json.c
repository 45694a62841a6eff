#include "common/base/json.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "tests/unit/common/unit.h"

static void refuse(const char *text, size_t n)
{
    json_t *v = NULL;
    struct err e;

    assert_err(json_read(text, n, &v, &e), &e, ERR_INVALID_REQUEST);
    assert_null(v);
}

static void refuse_text(const char *text)
{
    refuse(text, strlen(text));
}

static json_t *read_text(const char *text)
{
    struct err e = { 0 };
    json_t *v = NULL;

    assert_ok(json_read(text, strlen(text), &v, &e), &e);
    return v;
}

static void limits(void **state)
{
    char deep[2 * (JSON_DEPTH_MAX + 1) + 1];

    (void)state;
    for (int n = JSON_DEPTH_MAX; n <= JSON_DEPTH_MAX + 1; n++) {
        memset(deep, '[', (size_t)n);
        memset(deep + n, ']', (size_t)n);
        deep[2 * n] = '\0';
        if (n > JSON_DEPTH_MAX)
            refuse_text(deep);
        else
            json_decref(read_text(deep));
    }
    refuse_text("");
    refuse_text("{");
    refuse_text("{} {}");
    refuse_text("{}x");
    refuse_text("17");
    refuse_text("{\"a\":1,\"a\":2}");
    refuse_text("{\"a\":\"\\u0000\"}");
    refuse_text("{\"a\":\"\xC0\xAF\"}");
    refuse_text("{\"a\":NaN}");
    refuse_text("{\"a\":99999999999999999999}");
    refuse("{}\0", 3);
    json_decref(read_text(" {\"[[[[\":\"\\\"{{{{\"} \n"));
}

/* What could not be read is not quoted: the place of a password moves with a comma. */
static void faults_quote_nothing(void **state)
{
    static const struct {
        const char *text, *detail;
    } bad[] = {
        { "{\"password\":Geheim}", "not valid JSON: something unexpected at line 1, column 18" },
        { "{\"password\": 'Geheim'}", "not valid JSON: something unexpected at line 1, column 14" },
        { "{\n \"password\" \"Geheim\"}",
          "not valid JSON: something unexpected at line 2, column 20" },
        { "{\"Geheim\":1,\"Geheim\":2}",
          "not valid JSON: a member is there twice at line 1, column 20" },
        { "{\"a\":\"Geheim", "not valid JSON: it ends too early at line 1, column 12" },
        { "{\"a\":1}Geheim", "not valid JSON: something follows its end at line 1, column 13" },
        { "{\"a\":\"Geheim\\u0000\"}", "not valid JSON: a text holds a NUL at line 1, column 19" },
        { "{\"a\":\"Geheim\\q\"}", "not valid JSON: something unexpected at line 1, column 14" },
        { "{\"a\":99999999999999999999}",
          "not valid JSON: a number is too large at line 1, column 25" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *v = NULL;
        struct err e;

        assert_err(json_read(bad[i].text, strlen(bad[i].text), &v, &e), &e, ERR_INVALID_REQUEST);
        assert_string_equal(e.detail, bad[i].detail);
        assert_string_equal(e.cause, "");
    }
}

static const char *const colours[] = { "red", "green", NULL };

struct thing {
    const char *name, *colour;
    struct id id;
    int64_t size, rate;
    bool flag, size_given;
    json_t *list, *obj;
};

static int take(struct thing *t, const char *text, json_t **keep, struct err *e)
{
    const struct json_field fields[] = {
        { .name = "name", .kind = JSON_TEXT, .required = true, .to = &t->name, .valid = text_name },
        { .name = "colour", .kind = JSON_TEXT, .to = &t->colour, .words = colours },
        { .name = "id", .kind = JSON_UUID, .nullable = true, .to = &t->id },
        { .name = "size",
          .kind = JSON_INT,
          .to = &t->size,
          .min = 1,
          .max = 9,
          .given = &t->size_given },
        { .name = "rate", .kind = JSON_DECIMAL, .to = &t->rate, .min = 1, .max = 1000000000 },
        { .name = "flag", .kind = JSON_BOOL, .to = &t->flag },
        { .name = "list", .kind = JSON_ARR, .to = &t->list, .min = 1, .max = 2 },
        { .name = "obj", .kind = JSON_OBJ, .to = &t->obj },
        { 0 },
    };

    json_decref(*keep);
    *keep = text ? read_text(text) : NULL;
    return json_fields(*keep, fields, e);
}

static void fields_are_taken(void **state)
{
    struct thing t = { 0 };
    json_t *keep = NULL;
    struct err e = { 0 };

    (void)state;
    assert_ok(
        take(&t,
             "{\"name\":\"x\",\"colour\":\"red\",\"id\":\"886313e1-3b8a-5372-9b90-0c9aee199e5d\","
             "\"size\":9,\"flag\":true,\"list\":[1],\"obj\":{}}",
             &keep, &e),
        &e);
    assert_string_equal(t.name, "x");
    assert_string_equal(t.colour, "red");
    assert_string_equal(t.id.s, "886313e1-3b8a-5372-9b90-0c9aee199e5d");
    assert_int_equal(t.size, 9);
    assert_true(t.flag && t.size_given);
    assert_int_equal(json_array_size(t.list), 1);
    assert_non_null(t.obj);
    assert_ok(take(&t, "{\"name\":\"y\",\"id\":null}", &keep, &e), &e);
    assert_false(t.size_given);
    json_decref(keep);
}

static void fields_are_strict(void **state)
{
    static const struct {
        const char *text, *pointer;
    } bad[] = {
        { "{}", "/name" },
        { "{\"name\":null}", "/name" },
        { "{\"name\":7}", "/name" },
        { "{\"name\":\" x\"}", "/name" },
        { "{\"name\":\"x\",\"nmae\":1}", "/nmae" },
        { "{\"name\":\"x\",\"a/b~c\":1}", "/a~1b~0c" },
        { "{\"name\":\"x\",\"colour\":\"blue\"}", "/colour" },
        { "{\"name\":\"x\",\"id\":\"886313E1-3B8A-5372-9B90-0C9AEE199E5D\"}", "/id" },
        { "{\"name\":\"x\",\"size\":0}", "/size" },
        { "{\"name\":\"x\",\"size\":10}", "/size" },
        { "{\"name\":\"x\",\"size\":1.0}", "/size" },
        { "{\"name\":\"x\",\"size\":\"1\"}", "/size" },
        { "{\"name\":\"x\",\"rate\":0}", "/rate" },
        { "{\"name\":\"x\",\"rate\":0.0001}", "/rate" },
        { "{\"name\":\"x\",\"rate\":0.0015}", "/rate" },
        { "{\"name\":\"x\",\"rate\":-5}", "/rate" },
        { "{\"name\":\"x\",\"rate\":1000000.001}", "/rate" },
        { "{\"name\":\"x\",\"rate\":1e300}", "/rate" },
        { "{\"name\":\"x\",\"rate\":\"5\"}", "/rate" },
        { "{\"name\":\"x\",\"flag\":0}", "/flag" },
        { "{\"name\":\"x\",\"list\":[]}", "/list" },
        { "{\"name\":\"x\",\"list\":[1,2,3]}", "/list" },
        { "{\"name\":\"x\",\"obj\":[]}", "/obj" },
    };
    json_t *keep = NULL;
    struct thing t = { 0 };
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(take(&t, bad[i].text, &keep, &e), &e, ERR_INVALID_REQUEST);
        assert_string_equal(e.pointer, bad[i].pointer);
    }
    assert_err(take(&t, "[]", &keep, &e), &e, ERR_INVALID_REQUEST);
    assert_err(take(&t, NULL, &keep, &e), &e, ERR_INVALID_REQUEST);
}

/* Every thousandth is taken as itself, whatever the nearest double is. */
static void decimals_are_exact(void **state)
{
    struct thing t = { 0 };
    json_t *keep = NULL;
    char text[64];
    struct err e = { 0 };

    (void)state;
    for (int64_t n = 1; n <= 1000000000; n += n < 20000 ? 1 : 999983) {
        snprintf(text, sizeof text, "{\"name\":\"x\",\"rate\":%lld.%03lld}", (long long)(n / 1000),
                 (long long)(n % 1000));
        assert_ok(take(&t, text, &keep, &e), &e);
        assert_int_equal(t.rate, n);
    }
    assert_ok(take(&t, "{\"name\":\"x\",\"rate\":1000000}", &keep, &e), &e);
    assert_int_equal(t.rate, 1000000000);
    json_decref(keep);
}

static void getters_tolerate(void **state)
{
    json_t *o = read_text("{\"s\":\"x\",\"n\":5,\"b\":true,\"null\":null}");
    struct id id = { "keep" };

    (void)state;
    assert_string_equal(json_str(o, "s"), "x");
    assert_null(json_str(o, "n"));
    assert_null(json_str(NULL, "n"));
    assert_int_equal(json_num(o, "n", 1), 5);
    assert_int_equal(json_num(o, "s", 1), 1);
    assert_true(json_flag(o, "b", false));
    assert_true(json_flag(o, "absent", true));
    assert_false(json_id(o, "s", &id));
    assert_string_equal(id.s, "keep");
    json_put_str(o, "empty", "");
    assert_true(json_is_null(json_object_get(o, "empty")));
    json_put_str(o, "cut", "ab\xE2\x82");
    assert_string_equal(json_str(o, "cut"), "ab");
    json_put_time(o, "t", 0);
    assert_true(json_is_null(json_object_get(o, "t")));
    json_put_time(o, "t", 1795222923456);
    assert_string_equal(json_str(o, "t"), "2026-11-21T01:02:03.456Z");
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),           cmocka_unit_test(faults_quote_nothing),
        cmocka_unit_test(fields_are_taken), cmocka_unit_test(fields_are_strict),
        cmocka_unit_test(getters_tolerate), cmocka_unit_test(decimals_are_exact),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
