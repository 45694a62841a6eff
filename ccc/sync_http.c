#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "ccc/mirror.h"
#include "ccc/routes.h"
#include "ccc/wanted_block.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/http/metric.h"
#include "sql/ccc/node.h"

enum { WAIT_MAX_S = 30 };

/* The block of the calling xCenter. */
static int block_of(const struct request *rq, char to[ID_LEN + 1], struct err *e)
{
    auto_result PGresult *node = NULL;

    if (db_run(ccc_db(rq), &Q_node_caller, DB_ARGS(rq->caller.id.s), &node, e) < 0)
        return -1;
    if (db_rows(node) == 0 || strcmp(db_text(node, 0, "kind"), "xcenter") != 0)
        return err_set(e, ERR_PEER_IDENTITY, "this node is not an xCenter of this installation");
    snprintf(to, ID_LEN + 1, "%s", db_text(node, 0, "block_id"));
    return 0;
}

/* GET /sync/v1/wanted?after=&wait= */
static int get_wanted(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const parameters[] = { "after", "wait", NULL };
    char block[ID_LEN + 1];
    json_t *page;
    int64_t wait_s;
    bool empty;

    if (http_query_only(rq, parameters, e) < 0 ||
        http_query_int(rq, "wait", 0, WAIT_MAX_S, 0, &wait_s, e) < 0 ||
        block_of(rq, block, e) < 0 ||
        db_run(ccc_db(rq), &Q_node_hear, DB_ARGS(rq->caller.id.s, ""), NULL, e) < 0 ||
        wanted_block_page(ccc_db(rq), block, http_query(rq, "after"), &page, &empty, e) < 0)
        return -1;
    if (empty && wait_s > 0 && !rq->woken) {
        json_decref(page);
        return http_park(rp, WANTED_KEY, clock_boot_ms() + wait_s * 1000);
    }
    if (mark_raise(ccc_app(rq)->mark, json_str(page, "cursor"), e) < 0) {
        json_decref(page);
        return -1;
    }
    metric_add(METRIC_SYNC_SENT, (int64_t)json_array_size(json_object_get(page, "objects")));
    json_put_time(page, "time", clock_wall_ms());
    return http_reply(rp, 200, page, e);
}

/* POST /sync/v1/observed */
static int post_observed(const struct request *rq, struct reply *rp, struct err *e)
{
    const char *url = json_str(json_object_get(rq->body, "about"), "url");
    char cursor[SYNC_CURSOR_MAX];
    bool resend;
    json_t *answer;

    if (!url || strlen(url) > 2048)
        url = "";
    if (mirror_take(ccc_db(rq), &rq->caller.id, rq->body, cursor, &resend, e) < 0 ||
        db_run(ccc_db(rq), &Q_node_hear, DB_ARGS(rq->caller.id.s, url), NULL, e) < 0)
        return -1;
    answer = json_object();
    json_object_set_new(answer, "cursor", json_string(cursor));
    json_put_bool(answer, "resend", resend);
    json_put_time(answer, "time", clock_wall_ms());
    return http_reply(rp, 200, answer, e);
}

const struct route sync_routes[] = {
    { "GET", "/sync/v1/wanted", "node:xcenter", get_wanted, HTTP_NO_TRACE_LOG },
    { "POST", "/sync/v1/observed", "node:xcenter", post_observed, HTTP_LARGE | HTTP_NO_TRACE_LOG },
    { 0 },
};
