/* placement_http — why a desktop is on its bServer, as its module tells it. */
#include <string.h>

#include "ccc/ccc.h"
#include "ccc/line.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "sql/ccc/placement.h"

/* GET /placements/{id} */
static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;
    char path[64];
    struct line_call call = { .method = LINE_GET, .path = path };

    if (db_run(ccc_db(rq), &Q_placement_module, DB_ARGS(rq->path_id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0 || !id_parse(db_text(r, 0, "module_id"), &call.module))
        return err_set(e, ERR_NOT_FOUND, "there is no such placement of a desktop that is there");
    snprintf(path, sizeof path, "/placements/%s", rq->path_id.s);
    if (line_call(rq, &call, e) < 0)
        return -1;
    if (!json_is_array(json_object_get(call.answer, "candidates"))) {
        json_decref(call.answer);
        return err_set(e, ERR_PEER_PROTOCOL, "the module answered unintelligibly");
    }
    return http_reply(rp, 200, call.answer, e);
}

const struct route placement_routes[] = {
    { "GET", "/api/v1/placements/{id}", "admin", get_one, 0 },
    { 0 },
};
