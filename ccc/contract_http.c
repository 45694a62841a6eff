#include "ccc/openapi.h"
#include "ccc/routes.h"

/* GET /api/v1/openapi.json: the contract that this binary was built with */
static int get_contract(const struct request *rq, struct reply *rp, struct err *e)
{
    if (http_query_only(rq, (const char *const[]){ NULL }, e) < 0)
        return -1;
    rp->status = 200;
    rp->text = openapi_json;
    rp->text_type = "application/json";
    rp->cache = "max-age=300";
    return 0;
}

const struct route contract_routes[] = {
    { "GET", "/api/v1/openapi.json", "anyone", get_contract, 0 },
    { 0 },
};
