#include "common/sync/serve.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/http/metric.h"

enum { WAIT_MAX_S = 30 };

static const char *const wanted_parameters[] = { "after", "wait", NULL };

static void stamp(json_t *answer, int64_t epoch)
{
    json_put_time(answer, "time", clock_wall_ms());
    if (epoch)
        json_put_int(answer, "epoch", epoch);
}

int sync_serve_wanted(const struct request *rq, struct reply *rp, struct sync_set *set,
                      const char *scope, const char *park_key, int64_t epoch, struct err *e)
{
    json_t *page = NULL;
    int64_t wait_s;
    bool empty;

    if (http_query_only(rq, wanted_parameters, e) < 0 ||
        http_query_int(rq, "wait", 0, WAIT_MAX_S, 0, &wait_s, e) < 0 ||
        sync_set_page(set, scope, http_query(rq, "after"), &page, &empty, e) < 0)
        return -1;
    if (empty && wait_s > 0 && !rq->woken) {
        json_decref(page);
        return http_park(rp, park_key, clock_boot_ms() + wait_s * 1000);
    }
    metric_add(METRIC_SYNC_SENT, (int64_t)json_array_size(json_object_get(page, "objects")));
    stamp(page, epoch);
    return http_reply(rp, 200, page, e);
}

int sync_serve_observed(const struct request *rq, struct reply *rp, struct sync_set *set,
                        const struct sync_apply *how, int64_t epoch, struct err *e)
{
    char cursor[SYNC_CURSOR_MAX];
    bool resend = false;
    json_t *answer;

    /* Without "objects" it is the heartbeat of a tier that is not complete itself. */
    if (json_object_get(rq->body, "objects")) {
        struct err bad = { 0 };

        if (sync_set_apply(set, rq->body, how, &bad) < 0) {
            if (bad.code != ERR_SYNC_RESEND) {
                *e = bad;
                return -1;
            }
            resend = true;
        } else {
            metric_add(METRIC_SYNC_RECEIVED,
                       (int64_t)json_array_size(json_object_get(rq->body, "objects")));
        }
    }
    sync_set_cursor(set, cursor);
    answer = json_object();
    json_object_set_new(answer, "cursor", json_string(cursor));
    json_object_set_new(answer, "resend", json_boolean(resend));
    stamp(answer, epoch);
    return http_reply(rp, 200, answer, e);
}
