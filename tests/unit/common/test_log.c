#include "common/base/log.h"

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
    assert_string_equal(seen, "<6>name=a b  [31m  trace=abc <0>evil\n");
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
    assert_int_equal(strncmp(seen, "<6>code=name-taken where=POST /users origin=- ", 46), 0);
    assert_non_null(strstr(seen, "detail=\"the name  x y  is taken\" cause=\"unique violation\""));
    assert_non_null(strstr(seen, "\n<3>code=db-unavailable"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_each),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(threshold),
        cmocka_unit_test(errors_tell_all),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
