#include "ccc/ca.h"
#include "ccc/ccc.h"
#include "ccc/routes.h"

/* GET /api/v1/ca.crt: what a browser has to trust where the owner gave no certificates of his own
 */
static int get_ca(const struct request *rq, struct reply *rp, struct err *e)
{
    const struct ccc *c = rq->app;

    if (http_query_only(rq, (const char *const[]){ NULL }, e) < 0)
        return -1;
    rp->status = 200;
    rp->text = ca_certificate(c->ca);
    rp->text_type = "application/x-x509-ca-cert";
    rp->cache = "max-age=300";
    return 0;
}

const struct route ca_routes[] = {
    { "GET", "/api/v1/ca.crt", "anyone", get_ca, 0 },
    { 0 },
};
