/* Blobs that nothing names go, and no others: not one that is read, fetched or wanted again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/peer/blob_sweep.h"

enum { LATER = BLOB_GRACE_MS + BLOB_SWEEP_MS };

static char dir[64], path[256];
static struct blob_store *store;
static struct blob_sweep *sweep;
static json_t *needed;

static const char *in_dir(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int setup(void **state)
{
    struct err e = { 0 };

    (void)state;
    snprintf(dir, sizeof dir, "/tmp/bic-sweep-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(blob_store_open(in_dir("store"), &store, &e), 0);
    sweep = blob_sweep_new(store);
    needed = json_object();
    return sweep ? 0 : -1;
}

static int forget(const char *name, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(name);
}

static int teardown(void **state)
{
    (void)state;
    blob_sweep_free(sweep);
    blob_store_close(store);
    json_decref(needed);
    return nftw(dir, forget, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *at, const char *text)
{
    FILE *f = fopen(at, "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make(const char *text, char sha256[BLOB_HEX + 1])
{
    struct err e = { 0 };
    int64_t size;

    write_file(in_dir("upload"), text);
    assert_int_equal(blob_take(store, in_dir("upload"), NULL, sha256, &size, &e), 0);
}

static void it_goes_after_the_grace(void **state)
{
    int64_t since = 0;

    (void)state;
    assert_false(blob_sweep_due(true, 5, 100, &since));
    assert_int_equal(since, 0);
    assert_false(blob_sweep_due(false, 10, 100, &since));
    assert_false(blob_sweep_due(false, 109, 100, &since));
    assert_true(blob_sweep_due(false, 110, 100, &since));
    assert_false(blob_sweep_due(true, 111, 100, &since)); /* wanted again: from the beginning */
    assert_false(blob_sweep_due(false, 112, 100, &since));
    assert_false(blob_sweep_due(false, 211, 100, &since));
    assert_true(blob_sweep_due(false, 212, 100, &since));
}

static void only_what_nothing_names_goes(void **state)
{
    char keep[BLOB_HEX + 1], drop[BLOB_HEX + 1];

    (void)state;
    make("keep", keep);
    make("drop", drop);
    json_object_set_new(needed, keep, json_true());
    assert_int_equal(blob_sweep_round(sweep, needed, 1000), 0);
    assert_int_equal(blob_sweep_round(sweep, needed, 999 + BLOB_GRACE_MS), 0);
    assert_true(blob_has(store, drop, NULL));
    assert_int_equal(blob_sweep_round(sweep, needed, 1000 + BLOB_GRACE_MS), 0);
    assert_false(blob_has(store, drop, NULL)); /* nobody finds it any more */
    assert_int_equal(blob_partial(store, drop), 4);
    assert_int_equal(blob_sweep_round(sweep, needed, 1000 + LATER), 1);
    assert_int_equal(blob_partial(store, drop), 0);
    assert_true(blob_has(store, keep, NULL));
    assert_int_equal(blob_sweep_round(sweep, needed, 10 * (int64_t)LATER), 0);
    assert_true(blob_has(store, keep, NULL));
}

/* Wanted again between the two rounds: the fetch goes on with a file that is whole. */
static void what_is_wanted_again_in_time_stays(void **state)
{
    char sha256[BLOB_HEX + 1];
    struct stat st;

    (void)state;
    make("again", sha256);
    blob_sweep_round(sweep, needed, 1000);
    blob_sweep_round(sweep, needed, 1000 + LATER);
    assert_false(blob_has(store, sha256, NULL));
    json_object_set_new(needed, sha256, json_true());
    assert_int_equal(blob_sweep_round(sweep, needed, 1000 + 2 * (int64_t)LATER), 0);
    assert_int_equal(blob_partial(store, sha256), 5);
    snprintf(path, sizeof path, "%s/store/partial/%s", dir, sha256);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600); /* as a fetch leaves it */
}

static void what_is_read_or_fetched_stays(void **state)
{
    char read[BLOB_HEX + 1], fetched[BLOB_HEX + 1];
    struct err e = { 0 };
    int64_t size;
    int fd, partial;

    (void)state;
    make("read", read);
    assert_int_equal(blob_open(store, read, &fd, &size, &e), 0);
    blob_hash("never came", 10, fetched);
    snprintf(path, sizeof path, "%s/store/partial/%s", dir, fetched);
    write_file(path, "half");
    partial = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(partial, LOCK_EX | LOCK_NB), 0); /* as blob_fetch does */
    for (int64_t now = 1000; now < 10 * (int64_t)LATER; now += LATER)
        assert_int_equal(blob_sweep_round(sweep, needed, now), 0);
    assert_true(blob_has(store, read, NULL));
    assert_int_equal(blob_partial(store, fetched), 4);
    close(fd);
    close(partial);
    assert_int_equal(blob_sweep_round(sweep, needed, 10 * (int64_t)LATER), 1);
    assert_int_equal(blob_sweep_round(sweep, needed, 11 * (int64_t)LATER), 1);
    assert_false(blob_has(store, read, NULL));
    assert_int_equal(blob_partial(store, fetched), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_after_the_grace),
        cmocka_unit_test_setup_teardown(only_what_nothing_names_goes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_wanted_again_in_time_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_read_or_fetched_stays, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
