#include "ccc/join_http.h"

#include <string.h>

#include "ccc/ccc.h"
#include "ccc/node.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/peer/join.h"

static const char *const kinds[] = { "ccc", "xcenter", "bcenter", "bserver", NULL };

/* Signed, written down, answered: in this order, so that no certificate is at large that we do not
 * know of. */
static int give(const struct request *rq, const struct node_grant *node, const char *csr,
                const char *addresses, struct reply *rp, struct err *e)
{
    struct ccc *ccc = ccc_app(rq);
    struct ca_issued issued = { 0 };
    json_t *body;
    int rc;

    if (ca_issue(ccc->ca, csr, node->kind, &node->id, addresses, &issued, e) < 0)
        return -1;
    rc = node_joined(ccc_db(rq), &node->id, issued.serial, issued.not_after_ms, e);
    if (rc == 0) {
        body = json_pack("{s:s, s:s, s:s}", "certificate", issued.pem, "ca",
                         ca_certificate(ccc->ca), "node_id", node->id.s);
        rc = http_reply(rp, 201, body, e);
        log_notice("a certificate was issued kind=%s node=%s serial=%s remote=%s", node->kind,
                   node->id.s, issued.serial, rq->remote);
    }
    ca_issued_free(&issued);
    return rc;
}

/* POST /join/v1/certificates {token, csr, kind, addresses} -> 201 {certificate, ca, node_id} */
static int post_certificate(const struct request *rq, struct reply *rp, struct err *e)
{
    const char *token = NULL, *csr = NULL, *kind = NULL, *addresses = "";
    const struct json_field fields[] = {
        { .name = "token", .kind = JSON_TEXT, .required = true, .to = &token },
        { .name = "csr", .kind = JSON_TEXT, .required = true, .to = &csr },
        { .name = "kind", .kind = JSON_TEXT, .required = true, .to = &kind, .words = kinds },
        { .name = "addresses", .kind = JSON_TEXT, .to = &addresses },
        { 0 },
    };
    struct node_grant node = { 0 };
    struct join_token t;
    char key[CA_FINGERPRINT];

    /* The request is checked as a whole before the token is touched. */
    if (json_fields(rq->body, fields, e) < 0 || join_token_parse(token, &t, e) < 0 ||
        ca_csr_key(csr, key, e) < 0 || ca_addresses_check(addresses, e) < 0)
        return -1;
    if (node_token_take(ccc_db(rq), &(struct node_ask){ t.id, t.secret, key, kind }, &node, e) < 0)
        return -1;
    return give(rq, &node, csr, addresses, rp, e);
}

const struct route join_routes[] = {
    { "POST", "/join/v1/certificates", "anyone", post_certificate, HTTP_JSON },
    { 0 },
};
