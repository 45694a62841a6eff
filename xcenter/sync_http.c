#include "xcenter/sync_http.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/sync/serve.h"
#include "xcenter/xcenter.h"

enum { CONFIRM_MS = 4000 };

/* A snapshot for somebody who holds another history: ours may be the one that is no more. */
static bool doubtful(const struct request *rq, const json_t *page, struct id *ours)
{
    const char *after = http_query(rq, "after");

    return after && after[0] && json_flag(page, "snapshot", false) &&
           json_id(page, "history", ours) && strncmp(after, ours->s, ID_LEN) != 0;
}

/* GET /sync/v1/wanted — one module's part of what the CCC wants */
static int get_wanted(const struct request *rq, struct reply *rp, struct err *e)
{
    struct xcenter *x = rq->app;
    struct id module, ours;

    if (relay_module_of(x->relay, &rq->caller.id, &module, e) < 0 ||
        sync_serve_wanted(rq, rp, relay_wanted(x->relay), module.s, XCENTER_WANTED_KEY, 0, e) < 0)
        return -1;
    if (!doubtful(rq, rp->body, &ours) ||
        relay_confirm(x->relay, &ours, clock_boot_ms() + CONFIRM_MS, e) == 0)
        return 0;
    json_decref(rp->body);
    rp->body = NULL;
    return -1;
}

/* POST /sync/v1/observed — what a module's bCenter saw */
static int post_observed(const struct request *rq, struct reply *rp, struct err *e)
{
    struct xcenter *x = rq->app;
    const json_t *about = json_object_get(rq->body, "about");
    char passed[SYNC_CURSOR_MAX];
    struct sync_set *observed;
    struct id module, source;

    if (relay_module_of(x->relay, &rq->caller.id, &module, e) < 0)
        return -1;
    if (!json_id(about, "source", &source) || !id_eq(&source, &module))
        return err_set(e, ERR_PEER_IDENTITY, "this node may not speak for that module");
    if (relay_observed(x->relay, &module, &observed, e) < 0)
        return -1;
    if (relay_heard(x->relay, &module, about, e) < 0 ||
        sync_serve_observed(rq, rp, observed, NULL, 0, e) < 0)
        return -1;
    relay_passed(x->relay, &module, passed);
    json_put_str(rp->body, "passed", passed);
    return 0;
}

/* GET /blobs/v1/{sha256} */
static int get_blob(const struct request *rq, struct reply *rp, struct err *e)
{
    struct xcenter *x = rq->app;
    struct id module;
    int64_t size;

    if (!text_hex(rq->path_word, BLOB_HEX))
        return err_set(e, ERR_NOT_FOUND, "a blob is named by 64 hexadecimal digits");
    if (relay_module_of(x->relay, &rq->caller.id, &module, e) < 0)
        return -1;
    size = relay_blob_size(x->relay, rq->path_word);
    if (size < 0)
        return err_set(e, ERR_NOT_FOUND, "no image of this block has this content");
    return blob_relay_serve(x->blob_relay, rq->path_word, size, rp, e);
}

const struct route xcenter_sync_routes[] = {
    { "GET", "/sync/v1/wanted", "node:bcenter", get_wanted, HTTP_NO_TRACE_LOG },
    { "POST", "/sync/v1/observed", "node:bcenter", post_observed, HTTP_LARGE | HTTP_NO_TRACE_LOG },
    { "GET", "/blobs/v1/{word}", "node:bcenter", get_blob, HTTP_NO_TRACE_LOG },
    { 0 },
};
