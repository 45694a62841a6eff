/*
 * host_fixture — a host under test: its own directory, an image, a source set that plays the
 * bCenter, and waiting for what it observes. Root without the user that libvirt wants becomes
 * "nobody".
 */
#ifndef TESTS_VIRT_HOST_FIXTURE_H
#define TESTS_VIRT_HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bserver-agent/host.h"
#include "bserver-agent/program.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

enum { FX_WAIT_MS = 180000 }; /* generous: shared machines are slow at times */

struct fixture {
    char dir[64], uri[128], image[65];
    int64_t image_size, virtual_size;
    bool has_guest; /* the image boots and says ready */
    int64_t io_sample_s;
    struct io_model io_model;
    struct id bserver;
    struct host *host;
    struct sync_set *bcenter; /* wanted, as a source */
};

UNUSED static void fx_run(const char *const argv[])
{
    const struct program p = { .argv = argv, .deadline_ms = 60000 };
    struct err e = { 0 };
    int status;

    if (program_run(&p, &status, NULL, 0, &e) < 0 || status != 0)
        fail_msg("%s: %s %s", argv[0], e.detail, e.cause);
}

/* Takes the image into the store, under the agent's own path. */
UNUSED static void fx_image(struct fixture *f)
{
    const char *given = getenv("TEST_IMAGE");
    const char *from = given ? given : "var/images/tiny.qcow2";
    char store[128], copy[160];
    struct blob_store *s;
    struct err e = { 0 };

    snprintf(store, sizeof store, "%s/images", f->dir);
    snprintf(copy, sizeof copy, "%s/images/take", f->dir);
    assert_int_equal(blob_store_open(store, &s, &e), 0);
    f->has_guest = access(from, R_OK) == 0;
    if (f->has_guest)
        fx_run((const char *const[]){ "cp", from, copy, NULL });
    else
        fx_run(
            (const char *const[]){ "qemu-img", "create", "-q", "-f", "qcow2", copy, "32M", NULL });
    f->virtual_size = 32 << 20;
    if (blob_take(s, copy, NULL, f->image, &f->image_size, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
    blob_store_close(s);
}

/* Before libvirt is touched: it fixes its user at the first call. */
UNUSED static void fx_drop_root(void)
{
    struct passwd *nobody = getpwnam("nobody");

    if (geteuid() != 0 || (getpwnam("libvirt-qemu") && getgrnam("libvirt-qemu")))
        return;
    assert_non_null(nobody);
    assert_int_equal(setgroups(0, NULL), 0);
    assert_int_equal(setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid), 0);
    assert_int_equal(setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid), 0);
}

UNUSED static void fx_make(struct fixture *f, bool embedded)
{
    char path[160];

    memset(f, 0, sizeof *f);
    if (embedded)
        fx_drop_root();
    log_level_set(getenv("TEST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    snprintf(f->dir, sizeof f->dir, "%s/bicv-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(chmod(f->dir, 0711), 0);
    setenv("HOME", f->dir, 1);
    setenv("XDG_RUNTIME_DIR", f->dir, 1);
    f->bserver = id_new();
    if (embedded) {
        snprintf(path, sizeof path, "%s/images", f->dir);
        assert_int_equal(mkdir(path, 0711), 0);
        fx_image(f);
        snprintf(f->uri, sizeof f->uri, "qemu:///embed?root=%s/v", f->dir);
        if (getenv("TEST_URI")) /* qemu:///system of a libvirtd that is there */
            snprintf(f->uri, sizeof f->uri, "%s", getenv("TEST_URI"));
    }
    f->bcenter = sync_set_new_source();
    sync_set_ready(f->bcenter);
}

static const char *fx_kind(const struct fixture *f)
{
    if (strncmp(f->uri, "test:", 5) == 0)
        return "simulated";
    return strncmp(f->uri, "qemu:///embed", 13) == 0 ? "embedded" : "real";
}

UNUSED static void fx_open(struct fixture *f)
{
    static const char *const urls[] = { "ws://127.0.0.1:1/display", NULL };
    struct host_spec spec = { .state_dir = f->dir,
                              .uri = f->uri,
                              .kind = fx_kind(f),
                              .accelerator = "auto",
                              .bserver = f->bserver,
                              .display_urls = urls,
                              .recycle_s = 3600,
                              .io_sample_s = f->io_sample_s,
                              .io_model = f->io_model };
    struct err e = { 0 };

    if (host_open(&spec, &f->host, &e) < 0)
        fail_msg("host_open: %s %s", e.detail, e.cause);
}

/* Everything that is wanted, as the pull would bring it. */
UNUSED static void fx_sync(struct fixture *f)
{
    char cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    bool empty, more = true;

    while (more) {
        json_t *page = NULL;

        sync_set_cursor(host_wanted(f->host), cursor);
        if (sync_set_page(f->bcenter, f->bserver.s, cursor, &page, &empty, &e) < 0)
            fail_msg("page: %s %s", e.detail, e.cause);
        json_object_set_new(page, "from", json_string(cursor)); /* as the pull does */
        more = json_flag(page, "more", false);
        if (host_page(f->host, page, &e) < 0 ||
            sync_set_apply(host_wanted(f->host), page, host_apply(f->host), &e) < 0)
            fail_msg("apply: %s %s", e.detail, e.cause);
        json_decref(page);
    }
}

UNUSED static json_t *fx_desktop(const struct fixture *f, const struct id *id,
                                 const struct id *overlay, const struct id *run, const char *how)
{
    json_t *o =
        json_pack("{s:s, s:s, s:i, s:b, s:s*, s:s, s:b, s:i, s:s, s:i, s:s}", "id", id->s, "name",
                  "시험 <1> & \"2\"", "generation", 1, "deleting", 0, "run", run ? run->s : NULL,
                  "stop_how", how, "user_net", 1, "lane", 0, "guest", f->has_guest ? "bic" : "none",
                  "session_floor", 1, "mac", "52:54:00:12:34:56");

    json_object_set_new(o, "spec",
                        json_pack("{s:i, s:i, s:s, s:b, s:s, s:s, s:s}", "vcpus", 1, "memory_mib",
                                  128, "firmware", "bios", "tpm", 0, "disk_bus", "virtio",
                                  "nic_model", "virtio", "video", "vga"));
    json_object_set_new(o, "identity",
                        json_pack("{s:s, s:s, s:s}", "hostname", "probe-1", "locale", "ko_KR.UTF-8",
                                  "keyboard", "kr"));
    if (overlay)
        json_object_set_new(o, "overlay",
                            json_pack("{s:s, s:n, s:{s:s, s:I, s:I, s:s}}", "id", overlay->s,
                                      "disk_gib", "image", "sha256", f->image, "size",
                                      (json_int_t)f->image_size, "virtual_size", (json_int_t)0,
                                      "format", "qcow2"));
    return o;
}

static UNUSED void fx_put(struct fixture *f, const struct id *id, json_t *body)
{
    sync_set_put(f->bcenter, f->bserver.s, "desktop", id, body);
    fx_sync(f);
}

UNUSED static json_t *fx_seen(struct fixture *f, const char *kind, const struct id *id)
{
    return sync_set_get(host_observed(f->host), f->bserver.s, kind, id);
}

/* member = value (NULL: null) now. */
UNUSED static bool fx_is(struct fixture *f, const char *kind, const struct id *id,
                         const char *member, const char *value)
{
    json_auto_t *o = fx_seen(f, kind, id);
    const char *is = json_str(o, member);

    return o && (value ? is && strcmp(is, value) == 0 : !is);
}

/* The same, some time: a machine that is shared may be slow. Prints what was seen else. */
UNUSED static bool fx_wait(struct fixture *f, const char *kind, const struct id *id,
                           const char *member, const char *value)
{
    char *text;

    for (int64_t until = clock_boot_ms() + FX_WAIT_MS; clock_boot_ms() < until; usleep(50000))
        if (fx_is(f, kind, id, member, value))
            return true;
    json_auto_t *last = fx_seen(f, kind, id);
    text = last ? json_dumps(last, JSON_COMPACT) : NULL;
    print_error("waited for %s=%s, have %s\n", member, value ? value : "null", text ? text : "-");
    free(text);
    return false;
}

UNUSED static void fx_close(struct fixture *f)
{
    host_close(f->host);
    f->host = NULL;
}

UNUSED static void fx_remove(struct fixture *f)
{
    fx_close(f);
    sync_set_free(f->bcenter);
    fx_run((const char *const[]){ "rm", "-rf", f->dir, NULL });
}

#endif
