#include "ccc/blob_http.h"

#include "ccc/ccc.h"
#include "ccc/node.h"

/* GET /blobs/v1/{sha256}: the xCenters, and nobody else, fetch images here. */
static int get_blob(const struct request *rq, struct reply *rp, struct err *e)
{
    if (node_known(ccc_db(rq), &rq->caller.id, e) < 0 ||
        blob_open(ccc_app(rq)->blobs, rq->path_word, &rp->file_fd, &rp->file_size, e) < 0)
        return -1;
    rp->status = 200;
    rp->text_type = "application/octet-stream";
    rp->cache = "private, max-age=31536000, immutable";
    return 0;
}

const struct route blob_routes[] = {
    { "GET", "/blobs/v1/{word}", "node:xcenter", get_blob, HTTP_NO_TRACE_LOG },
    { 0 },
};
