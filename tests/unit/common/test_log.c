#include "common/base/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/common/unit.h"

static char seen[8192];

/* Everything that write() says on stderr ends up in `seen`. */
static void capture(void (*write_some)(void))
{
    FILE *f = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t n;

    assert_non_null(f);
    fflush(stderr);
    dup2(fileno(f), STDERR_FILENO);
    write_some();
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(f);
    n = fread(seen, 1, sizeof seen - 1, f);
    seen[n] = '\0';
    fclose(f);
}

static size_t lines(void)
{
    size_t n = 0;

    for (const char *p = seen; *p; p++)
        n += *p == '\n';
    return n;
}

static void say_evil(void)
{
    log_trace_set("abc\n<0>evil");
    log_info("name=%s", "a\nb\r\x1B[31m\x7F");
    log_trace_set(NULL);
}

static void one_line_each(void **state)
{
    (void)state;
    capture(say_evil);
    assert_string_equal(seen,
                        "<6>name=\"a\\u000ab\\u000d\\u001b[31m\\u007f\" trace=\"abc <0>evil\"\n");
}

static void say_about(void)
{
    char kept[LOG_ABOUT];

    log_about_set("bs one\n<0>evil");
    log_about_get(kept);
    log_info("n=%d", 1);
    log_about_set(NULL);
    log_info("n=%d", 2);
    log_about_set(kept); /* as a thread started for it does */
    log_info("n=%d", 3);
    log_about_set("");
}

static void lines_tell_whom_they_are_about(void **state)
{
    (void)state;
    capture(say_about);
    assert_string_equal(seen, "<6>n=1 about=\"bs one <0>evil\" trace=-\n"
                              "<6>n=2 trace=-\n"
                              "<6>n=3 about=\"bs one <0>evil\" trace=-\n");
}

/* The value of the n-th field called name in the first line, as a reader of logs takes it apart. */
static const char *field(const char *name, int nth, char to[2048])
{
    const char *p = seen + 3;

    for (; *p && *p != '\n'; p += *p == ' ') {
        size_t key = strcspn(p, "= \n"), value, end;

        if (p[key] != '=') {
            p += key;
            continue;
        }
        value = end = key + 1;
        if (p[end] == '"') {
            for (end++; p[end] != '"'; end++)
                end += p[end] == '\\';
            end++;
        } else {
            end += strcspn(p + end, " \n");
        }
        if (strlen(name) == key && strncmp(p, name, key) == 0 && nth-- == 0) {
            json_t *v = json_loadb(p + value, end - value, JSON_DECODE_ANY, NULL);

            snprintf(to, 2048, "%.*s", (int)(end - value), p + value);
            if (json_is_string(v))
                snprintf(to, 2048, "%s", json_string_value(v));
            json_decref(v);
            return to;
        }
        p += end;
    }
    return NULL;
}

static const char *hostile[] = {
    "/x code=ok trace=forged",
    "\" code=ok trace=\"forged",
    "a\\\" code=ok",
    "a\\",
    "code=ok",
    "a\nb\r\n<0>code=ok",
    "C1 \xC2\x85 line \xE2\x80\xA8 paragraph \xE2\x80\xA9 right-to-left \xE2\x80\xAE",
    "\xC2\x9B[31m",
    "no\xC2\xA0"
    "break\xE3\x80\x80"
    "blank",
    "\x1B]0;title\a",
    "\xEA\xB0\x80\xEB\x82\x98",
    "%s %n",
    "",
};
static const char *now_said;

static void say_hostile(void)
{
    log_trace_set("real");
    log_info("code=%s name=%s why=\"%s\" n=%d", "refused", now_said, now_said, 7);
    log_trace_set(NULL);
}

/* Whatever somebody puts in a value, the line has the same fields, and the value is what it was. */
static void values_forge_nothing(void **state)
{
    static const char *const others[][2] = {
        { "code", "refused" },
        { "n", "7" },
        { "trace", "real" },
    };
    char value[2048];

    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        now_said = hostile[i];
        capture(say_hostile);
        assert_int_equal(lines(), 1);
        assert_string_equal(field("name", 0, value), hostile[i]);
        assert_string_equal(field("why", 0, value), hostile[i]);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
            assert_string_equal(field(others[k][0], 0, value), others[k][1]);
            assert_null(field(others[k][0], 1, value));
        }
        for (const char *p = seen; *p; p++)
            assert_false((unsigned char)*p < 0x20 && *p != '\n');
        assert_null(strstr(seen, "\xC2\x9B"));
        assert_null(strstr(seen, "\xC2\x85"));
        assert_null(strstr(seen, "\xE2\x80\xA8"));
        assert_null(strstr(seen, "\xE2\x80\xA9"));
    }
}

/* A long value is cut, in quotes or not, and hides nothing of what follows. */
static void long_values_hide_nothing(void **state)
{
    char text[3000], value[2048];

    (void)state;
    now_said = text;
    for (size_t fill = 0; fill < 3; fill++) {
        memset(text, "x \n"[fill], sizeof text - 1);
        text[sizeof text - 1] = '\0';
        capture(say_hostile);
        assert_int_equal(lines(), 1);
        assert_string_equal(field("code", 0, value), "refused");
        assert_true(strlen(field("name", 0, value)) > 50);
        assert_string_equal(field("trace", 0, value), "real");
        assert_null(field("trace", 1, value));
    }
}

static void say_numbers(void)
{
    log_info("a=%d b=%u c=%lld d=0x%x e=%ld f=100%% g=%llu h=\"%s\"", -1, 4000000000U, -5LL, 255U,
             6L, 18446744073709551615ULL, "x");
}

static void numbers(void **state)
{
    (void)state;
    capture(say_numbers);
    assert_string_equal(seen, "<6>a=-1 b=4000000000 c=-5 d=0xff e=6 f=100% "
                              "g=18446744073709551615 h=\"x\" trace=-\n");
}

static void say_long(void)
{
    char text[5000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_warn("%s", text);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    capture(say_long);
    assert_int_equal(lines(), 1);
    assert_true(strlen(seen) < 1100);
    assert_non_null(strstr(seen, " trace=-\n"));
}

static void say_levels(void)
{
    log_level_set(LOG_LEVEL_NOTICE);
    log_debug("d");
    log_info("i");
    log_notice("n");
    log_error("e");
    log_level_set(LOG_LEVEL_INFO);
}

static void threshold(void **state)
{
    enum log_level l;

    (void)state;
    capture(say_levels);
    assert_string_equal(seen, "<5>n trace=-\n<3>e trace=-\n");
    assert_true(log_level_from("warn", &l));
    assert_int_equal(l, LOG_LEVEL_WARN);
    assert_false(log_level_from("loud", &l));
}

static void say_err(void)
{
    struct err e = { 0 };

    err_set(&e, ERR_NAME_TAKEN, "the name \"x\ny\" is taken");
    err_cause(&e, "unique\nviolation");
    log_err("POST /users", &e);
    e = (struct err){ 0 };
    err_set(&e, ERR_DB_UNAVAILABLE, "gone");
    log_err("task", &e);
}

static void errors_tell_all(void **state)
{
    (void)state;
    capture(say_err);
    assert_int_equal(lines(), 2);
    assert_int_equal(strncmp(seen, "<6>code=name-taken where=\"POST /users\" origin=- ", 48), 0);
    assert_non_null(strstr(seen, "detail=\"the name \\\"x\\u000ay\\\" is taken\" "
                                 "cause=\"unique\\u000aviolation\""));
    assert_non_null(strstr(seen, "\n<3>code=db-unavailable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_each),
        cmocka_unit_test(lines_tell_whom_they_are_about),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(values_forge_nothing),
        cmocka_unit_test(long_values_hide_nothing),
        cmocka_unit_test(numbers),
        cmocka_unit_test(threshold),
        cmocka_unit_test(errors_tell_all),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
