/* Files in both directions: uploads to the spool, downloads with ranges, the pages of the portal.
 */
#include "common/http/http.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/base/log.h"
#include "tests/unit/common/client.h"

enum { SPOOL_MAX = 3 << 20 };

static struct http_server *server;
static int port;
static char dir[64], web[80], spool[80];

static int post_upload(const struct request *rq, struct reply *rp, struct err *e)
{
    char kept[160];
    struct stat st;

    if (!rq->body_file)
        return err_set(e, ERR_INVALID_REQUEST, "send a file");
    if (stat(rq->body_file, &st) < 0 || st.st_size != rq->body_size || (st.st_mode & 0777) != 0600)
        return err_set(e, ERR_STORAGE_FAILED, "not as it should be");
    snprintf(kept, sizeof kept, "%s/kept", dir);
    if (http_query(rq, "keep") && rename(rq->body_file, kept) < 0)
        return err_set(e, ERR_STORAGE_FAILED, "rename");
    return http_reply(rp, 201, json_pack("{s:I}", "size", (json_int_t)rq->body_size), e);
}

static int get_blob(const struct request *rq, struct reply *rp, struct err *e)
{
    char path[160];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", dir, rq->path_word);
    rp->file_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (rp->file_fd < 0 || fstat(rp->file_fd, &st) < 0)
        return err_set(e, ERR_NOT_FOUND, "no such blob");
    rp->file_size = st.st_size;
    rp->text_type = "application/octet-stream";
    rp->etag = 5;
    return 0;
}

static int get_blob_then_fail(const struct request *rq, struct reply *rp, struct err *e)
{
    if (get_blob(rq, rp, e) < 0)
        return -1;
    return err_set(e, ERR_NOT_READY, "changed my mind");
}

static int authenticate(const struct request *rq, struct caller *c, struct err *e)
{
    (void)e;
    if (http_header(rq, "Authorization")) {
        c->kind = CALLER_PERSON;
        snprintf(c->role, sizeof c->role, "admin");
    }
    return 0;
}

static const struct route routes[] = {
    { "POST", "/api/upload", "admin", post_upload, HTTP_BODY_FILE },
    { "GET", "/api/blob/{word}", "anyone", get_blob, 0 },
    { "GET", "/api/fail/{word}", "anyone", get_blob_then_fail, 0 },
    { 0 },
};

static void put_file(const char *base, const char *name, const char *text)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", base, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_site(void)
{
    char path[200], target[200];

    snprintf(dir, sizeof dir, "/tmp/http-file-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(web, sizeof web, "%s/web", dir);
    snprintf(spool, sizeof spool, "%s/spool", dir);
    snprintf(path, sizeof path, "%s/assets", web);
    assert_int_equal(mkdir(web, 0700) | mkdir(spool, 0700) | mkdir(path, 0700), 0);
    put_file(dir, "secret", "secret");
    put_file(dir, "blob", "0123456789");
    put_file(dir, "empty", "");
    put_file(web, "index.html", "<p>portal</p>");
    put_file(web, "client.html", "<p>client</p>");
    put_file(web, "docs.html", "<p>docs</p>");
    put_file(web, ".hidden", "secret");
    put_file(path, "app-1.js", "let a = 1;");
    put_file(path, "app-1.js.gz", "gzipped");
    put_file(path, "app-1.js.br", "brotlied");
    snprintf(path, sizeof path, "%s/link", web);
    snprintf(target, sizeof target, "%s/secret", dir);
    assert_int_equal(symlink(target, path), 0);
    snprintf(path, sizeof path, "%s/up", web);
    assert_int_equal(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/fifo", web);
    assert_int_equal(mkfifo(path, 0600), 0);
}

static int setup(void **state)
{
    static const struct route *const tables[] = { routes, NULL };
    struct http_spec s = { .self = "ccc/test",
                           .address = "127.0.0.1:0",
                           .routes = tables,
                           .authenticate = authenticate,
                           .static_root = web,
                           .spool_dir = spool,
                           .spool_max = SPOOL_MAX,
                           .public_prefix = "/api/" };
    struct err e = { 0 };

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    curl_global_init(CURL_GLOBAL_ALL);
    make_site();
    put_file(spool, "upload-fresh", "of another process");
    put_file(spool, "upload-stale", "left behind");
    char path[200];
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

    snprintf(path, sizeof path, "%s/upload-stale", spool);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_ok(http_start(&s, &server, &e), &e);
    port = http_port(server);
    return 0;
}

static void clear(const char *of)
{
    DIR *d = opendir(of);
    struct dirent *entry;

    while ((entry = readdir(d)))
        unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
    rmdir(of);
}

static int teardown(void **state)
{
    char path[200];

    (void)state;
    http_stop(server);
    snprintf(path, sizeof path, "%s/assets", web);
    clear(path);
    clear(web);
    clear(spool);
    clear(dir);
    curl_global_cleanup();
    return 0;
}

static int files_in(const char *of)
{
    DIR *d = opendir(of);
    struct dirent *entry;
    int n = 0;

    while ((entry = readdir(d)))
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void page_is(const char *path, const char *accept, long status, const char *text)
{
    struct answer a = CALL(port, .path = path, .headers = { accept ? accept : "X: y" });

    if (a.status != status || (text && (!a.body || strcmp(a.body, text) != 0)))
        fail_msg("%s: %ld %s, wanted %ld %s", path, a.status, a.body ? a.body : "", status, text);
    answer_free(&a);
}

static void pages(void **state)
{
    (void)state;
    page_is("/", NULL, 200, "<p>portal</p>");
    page_is("/index.html", NULL, 200, "<p>portal</p>");
    page_is("/desktops/17", NULL, 200, "<p>portal</p>");
    page_is("/docs", NULL, 200, "<p>docs</p>");
    page_is("/client", NULL, 200, "<p>client</p>");
    page_is("/assets/app-1.js", NULL, 200, "let a = 1;");
    page_is("/assets/app-1.js", "Accept-Encoding: gzip", 200, "gzipped");
    page_is("/assets/app-1.js", "Accept-Encoding: gzip, deflate, br", 200, "brotlied");
    page_is("/assets/app-1.js", "Accept-Encoding: br;q=0, gzip;q=0.5", 200, "gzipped");
    page_is("/assets/app-1.js", "Accept-Encoding: x-br, gz", 200, "let a = 1;");
    page_is("/assets/none.js", NULL, 404, NULL);
    page_is("/api/none", NULL, 404, NULL);
    struct answer a = CALL(port, .path = "/", .method = "POST", .body = "{}");

    assert_int_equal(a.status, 405);
    assert_string_equal(answer_header(&a, "Allow"), "GET, HEAD");
    answer_free(&a);
}

static void page_headers(void **state)
{
    char etag[128], if_none[160];
    struct answer a = CALL(port, .path = "/assets/app-1.js", .headers = { "Accept-Encoding: br" });

    (void)state;
    assert_string_equal(answer_header(&a, "Cache-Control"), "public, max-age=31536000, immutable");
    assert_string_equal(answer_header(&a, "Content-Type"), "text/javascript; charset=utf-8");
    assert_string_equal(answer_header(&a, "Content-Encoding"), "br");
    assert_string_equal(answer_header(&a, "Vary"), "Accept-Encoding");
    answer_free(&a);
    a = CALL(port, .path = "/");
    assert_string_equal(answer_header(&a, "Cache-Control"), "no-cache");
    assert_string_equal(answer_header(&a, "Content-Security-Policy"),
                        "default-src 'self'; script-src 'self'; style-src 'self'; "
                        "img-src 'self' data: blob:; connect-src 'self' http: https: ws: wss:; "
                        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
                        "form-action 'self'");
    snprintf(etag, sizeof etag, "%s", answer_header(&a, "ETag"));
    assert_int_equal(etag[0], '"');
    answer_free(&a);
    snprintf(if_none, sizeof if_none, "If-None-Match: %s", etag);
    a = CALL(port, .path = "/", .headers = { if_none });
    assert_int_equal(a.status, 304);
    assert_int_equal(a.n, 0);
    assert_string_equal(answer_header(&a, "ETag"), etag);
    answer_free(&a);
}

static void nothing_outside(void **state)
{
    static const char *const tries[] = {
        "/../secret",
        "/assets/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/assets/..%5c..",
        "/up/secret",
        "/link",
        "/.hidden",
        "/./index.html",
        "//secret.txt",
        "/assets//app-1.js",
        "/fifo.x",
        "/up/secret.txt",
        "/%2e/x.js",
        "/assets/",
    };

    (void)state;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        struct answer a = CALL(port, .path = tries[i]);

        assert_true(a.status == 404 || a.status == 400 ||
                    (a.status == 200 && strcmp(a.body, "<p>portal</p>") == 0));
        answer_free(&a);
    }
    page_is("/link", NULL, 200, "<p>portal</p>"); /* as any unknown address */
    page_is("/fifo", NULL, 200, "<p>portal</p>");
}

static void range_is(const char *range, long status, const char *text, const char *content_range)
{
    struct answer a = CALL(port, .path = "/api/blob/blob", .headers = { range });

    if (a.status != status || (text && (!a.body || strcmp(a.body, text) != 0)))
        fail_msg("%s: %ld %s, wanted %ld %s", range, a.status, a.body ? a.body : "", status, text);
    assert_string_equal(answer_header(&a, "Content-Range"), content_range);
    answer_free(&a);
}

static void ranges(void **state)
{
    (void)state;
    range_is("Range: bytes=0-3", 206, "0123", "bytes 0-3/10");
    range_is("Range: bytes=4-", 206, "456789", "bytes 4-9/10");
    range_is("Range: bytes=-3", 206, "789", "bytes 7-9/10");
    range_is("Range: bytes=-30", 206, "0123456789", "bytes 0-9/10");
    range_is("Range: bytes=8-99999999999999999999", 206, "89", "bytes 8-9/10");
    range_is("Range: bytes=10-", 416, NULL, "bytes */10");
    range_is("Range: bytes=-0", 416, NULL, "bytes */10");
    range_is("Range: bytes=0-1,3-4", 200, "0123456789", "");
    range_is("Range: bytes=5-2", 200, "0123456789", "");
    range_is("Range: lines=1-2", 200, "0123456789", "");
    struct answer a =
        CALL(port, .path = "/api/blob/blob", .headers = { "Range: bytes=0-3", "If-Range: \"5\"" });

    assert_int_equal(a.status, 206);
    answer_free(&a);
    a = CALL(port, .path = "/api/blob/blob", .headers = { "Range: bytes=0-3", "If-Range: \"4\"" });
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = CALL(port, .path = "/api/blob/empty");
    assert_int_equal(a.status, 200);
    assert_int_equal(a.n, 0);
    answer_free(&a);
    a = CALL(port, .path = "/api/fail/blob");
    assert_int_equal(a.status, 503);
    answer_free(&a);
}

static struct answer upload(size_t n, const char *path, const char *extra, const char *auth)
{
    char *big = malloc(n + 1);
    struct answer a;

    memset(big, 'z', n);
    big[n] = '\0';
    a = CALL(port, .path = path, .body = big, .body_n = n, .type = "application/octet-stream",
             .headers = { extra, auth ? auth : "X: y" });
    free(big);
    return a;
}

static void uploads(void **state)
{
    const char *const admin = "Authorization: Bearer root", *const ask = "Expect: 100-continue";
    struct answer a = upload(SPOOL_MAX, "/api/upload", ask, admin);

    (void)state;
    assert_int_equal(a.status, 201);
    assert_int_equal(json_num(a.json, "size", 0), SPOOL_MAX);
    answer_free(&a);
    a = upload(SPOOL_MAX / 2, "/api/upload", "Transfer-Encoding: chunked", admin);
    assert_int_equal(a.status, 201);
    answer_free(&a);
    a = upload(SPOOL_MAX + 1, "/api/upload", ask, admin);
    assert_int_equal(a.status, 413);
    answer_free(&a);
    a = upload(SPOOL_MAX + 1, "/api/upload", "Transfer-Encoding: chunked", admin);
    assert_int_equal(a.status, 413);
    answer_free(&a);
    a = upload(SPOOL_MAX, "/api/upload", ask, NULL);
    assert_int_equal(a.status, 401);
    answer_free(&a);
    a = upload(100, "/api/upload", "X-A: b", NULL);
    assert_int_equal(a.status, 401);
    answer_free(&a);
    a = CALL(port, .path = "/api/upload", .body = "{}", .headers = { admin });
    assert_int_equal(a.status, 415);
    answer_free(&a);
    a = CALL(port, .path = "/api/upload", .method = "POST", .headers = { admin });
    assert_int_equal(a.status, 400);
    answer_free(&a);
    a = upload(1000, "/api/upload?keep=1", ask, admin);
    assert_int_equal(a.status, 201);
    answer_free(&a);
    assert_int_equal(files_in(spool), 1); /* the one of "another process" */
    char path[200];
    struct stat st;

    snprintf(path, sizeof path, "%s/kept", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 1000);
}

static void broken_uploads_leave_nothing(void **state)
{
    int s = client_connect(port);

    (void)state;
    client_send(s, "POST /api/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer root\r\n"
                   "Content-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\nsome");
    for (int i = 0; i < 12000 && files_in(spool) < 2; i++)
        usleep(5000);
    assert_int_equal(files_in(spool), 2);
    close(s);
    for (int i = 0; i < 12000 && files_in(spool) > 1; i++)
        usleep(5000);
    assert_int_equal(files_in(spool), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),           cmocka_unit_test(page_headers),
        cmocka_unit_test(nothing_outside), cmocka_unit_test(ranges),
        cmocka_unit_test(uploads),         cmocka_unit_test(broken_uploads_leave_nothing),
    };

    return cmocka_run_group_tests_name("http_file", tests, setup, teardown);
}
