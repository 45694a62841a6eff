#include "ccc/blob_http.h"

#include <string.h>

#include "ccc/ccc.h"

/* GET /blobs/v1/{sha256}: the tiers below, and nobody else, fetch images. */
static int get_blob(const struct request *rq, struct reply *rp, struct err *e)
{
    const char *kind = rq->caller.name;

    if (strcmp(kind, "xcenter") != 0 && strcmp(kind, "bcenter") != 0 &&
        strcmp(kind, "bserver") != 0)
        return err_set(e, ERR_PEER_IDENTITY, "a %s does not fetch images", kind);
    if (blob_open(ccc_app(rq)->blobs, rq->path_word, &rp->file_fd, &rp->file_size, e) < 0)
        return -1;
    rp->status = 200;
    rp->text_type = "application/octet-stream";
    rp->cache = "private, max-age=31536000, immutable";
    return 0;
}

const struct route blob_routes[] = {
    { "GET", "/blobs/v1/{word}", "node:any", get_blob, HTTP_NO_TRACE_LOG },
    { 0 },
};
