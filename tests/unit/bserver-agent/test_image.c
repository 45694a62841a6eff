/* Which images leave a host: neither those that a disk lies on nor those that are wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/image.h"
#include "bserver-agent/program.h"
#include "common/peer/blob_sweep.h"

enum { LATER = BLOB_GRACE_MS + BLOB_SWEEP_MS };

struct answer {
    const char *names;
    bool known;
};

static bool answer(void *arg, json_t *into)
{
    const struct answer *a = arg;

    if (a->names)
        json_object_set_new(into, a->names, json_true());
    return a->known;
}

/* Arrived already, and fetched from nobody. */
static void arrived(const char *dir, const char *text, char sha256[BLOB_HEX + 1])
{
    auto_blob_store struct blob_store *s = NULL;
    struct err e = { 0 };
    char upload[128];
    int64_t size;
    FILE *f;

    assert_int_equal(blob_store_open(dir, &s, &e), 0);
    snprintf(upload, sizeof upload, "%s/upload", dir);
    f = fopen(upload, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(blob_take(s, upload, NULL, sha256, &size, &e), 0);
}

static void clean(const char *dir)
{
    const char *const argv[] = { "rm", "-rf", dir, NULL };
    const struct program p = { .argv = argv, .deadline_ms = 20000 };
    struct err e = { 0 };
    int status = -1;

    assert_int_equal(program_run(&p, &status, NULL, 0, &e), 0);
    assert_int_equal(status, 0);
}

static void images_that_nothing_needs_go(void **state)
{
    struct answer needed = { NULL, true };
    struct images_spec spec = { .needed = answer, .arg = &needed };
    char dir[64] = "/tmp/bic-image-XXXXXX", old[BLOB_HEX + 1], new[BLOB_HEX + 1], path[256];
    struct images *m;
    struct err e = { 0 };

    (void)state;
    assert_non_null(mkdtemp(dir));
    arrived(dir, "old", old);
    arrived(dir, "new", new);
    spec.dir = dir;
    assert_int_equal(images_start(&spec, &m, &e), 0);
    needed.names = old;
    needed.known = false; /* half a picture is none */
    for (int64_t now = 1; now < 5 * (int64_t)LATER; now += LATER)
        images_sweep(m, now);
    assert_true(images_path(m, new, path, sizeof path));
    needed.known = true;
    for (int64_t now = 1; now < 5 * (int64_t)LATER; now += LATER)
        images_sweep(m, now);
    assert_true(images_path(m, old, path, sizeof path)); /* a disk lies on it */
    assert_false(images_path(m, new, path, sizeof path));
    needed.names = new;
    for (int64_t now = 1; now < 5 * (int64_t)LATER; now += LATER)
        images_sweep(m, now);
    assert_false(images_path(m, old, path, sizeof path));
    images_stop(m);
    clean(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_that_nothing_needs_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
