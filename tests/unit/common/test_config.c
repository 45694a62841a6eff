#include "common/daemon/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/common/unit.h"

struct values {
    char *name, *secret, *state_dir;
    int64_t size;
    bool flag;
};

static const struct config_key keys[] = {
    { "name", CONFIG_TEXT, NULL, 0, 8, offsetof(struct values, name), "What it is called." },
    { "secret", CONFIG_SECRET, "", 0, 0, offsetof(struct values, secret), "Not shown." },
    { "state_dir", CONFIG_TEXT, "/nowhere", 0, 0, offsetof(struct values, state_dir), "Where." },
    { "size", CONFIG_INT, "5", 1, 9, offsetof(struct values, size), "How many." },
    { "flag", CONFIG_BOOL, "no", 0, 0, offsetof(struct values, flag), "Whether." },
    { 0 },
};

static void accepts(void **state)
{
    struct values v = { 0 };
    struct config c = { .keys = keys, .values = &v };
    struct err e = { 0 };

    (void)state;
    assert_ok(config_parse(&c,
                           "# comment\n; another\n\nname = a=b #c\nsize=9\nflag = yes\n"
                           "log_level = debug\nready_file = /x\n",
                           &e),
              &e);
    assert_string_equal(v.name, "a=b #c");
    assert_int_equal(v.size, 9);
    assert_true(v.flag);
    assert_string_equal(v.state_dir, "/nowhere");
    assert_string_equal(config_text(&c, "log_level"), "debug");
    assert_string_equal(config_text(&c, "ready_file"), "/x");
    assert_string_equal(config_text(&c, "state_dir"), "/nowhere");
    assert_null(config_text(&c, "size"));
    assert_null(config_text(&c, "none"));
    config_release(&c);
    assert_null(v.name);
}

static void refuses(void **state)
{
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "", "name must be given" },
        { "size = 5\n", "name must be given" },
        { "name = x\nnmae = y\n", "line 2: unknown key 'nmae'" },
        { "name = x\nname = y\n", "line 2: name is given twice" },
        { "name = x\nready_file = y\nready_file = z\n", "line 3: ready_file is given twice" },
        { "name = 123456789\n", "line 1: name must be text of at most 8 bytes" },
        { "name = \xC0\xAF\n", "line 1: name must be text of at most 8 bytes" },
        { "name = x\n\nsize = 0\n", "line 3: size must be a whole number from 1 to 9" },
        { "name = x\nsize = 10\n", "line 2: size must be a whole number from 1 to 9" },
        { "name = x\nsize = 5k\n", "line 2: size must be a whole number from 1 to 9" },
        { "name = x\nsize = \n", "line 2: size must be a whole number from 1 to 9" },
        { "name = x\nsize = 99999999999999999999\n",
          "line 2: size must be a whole number from 1 to 9" },
        { "name = x\nflag = maybe\n", "line 2: flag must be yes or no" },
        { "[part]\nname = x\n", "line 2: there are no sections" },
        { "name = x\nnonsense\n", "line 2: not a  key = value  line" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct values v = { 0 };
        struct config c = { .keys = keys, .values = &v };
        struct err e;

        assert_err(config_parse(&c, bad[i].text, &e), &e, ERR_INVALID_REQUEST);
        assert_string_equal(e.detail, bad[i].says);
        config_release(&c);
    }
}

static void files(void **state)
{
    struct values v = { 0 };
    struct config c = { .keys = keys, .values = &v };
    char path[] = "/tmp/config-XXXXXX";
    int fd = mkstemp(path);
    struct err e = { 0 };

    (void)state;
    assert_int_equal(write(fd, "name = \"x\"\n", 11), 11);
    assert_ok(config_read(&c, path, &e), &e);
    assert_string_equal(v.name, "\"x\"");
    config_release(&c);
    assert_int_equal(pwrite(fd, "\0", 1, 3), 1);
    assert_err(config_read(&c, path, &e), &e, ERR_INVALID_REQUEST);
    config_release(&c);
    assert_int_equal(ftruncate(fd, 300000), 0);
    assert_err(config_read(&c, path, &e), &e, ERR_INVALID_REQUEST);
    close(fd);
    unlink(path);
    assert_err(config_read(&c, path, &e), &e, ERR_INVALID_REQUEST);
    config_release(&c);
}

static void prints_no_secret(void **state)
{
    struct values v = { 0 };
    struct config c = { .keys = keys, .values = &v };
    char *page = NULL;
    size_t size;
    FILE *f = open_memstream(&page, &size);
    struct err e = { 0 };

    (void)state;
    assert_ok(config_parse(&c, "name = x\nsecret = hush\n", &e), &e);
    config_print(&c, f);
    fclose(f);
    assert_null(strstr(page, "hush"));
    assert_non_null(strstr(page, "# What it is called.\nname = x\n"));
    assert_non_null(strstr(page, "size = 5\n"));
    assert_non_null(strstr(page, "flag = no\n"));
    free(page);
    config_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(files),
        cmocka_unit_test(prints_no_secret),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
