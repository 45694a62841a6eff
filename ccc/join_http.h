/*
 * join_http — POST /join/v1/certificates on the CCC's management listener (common/peer/join.h is
 * the other end). Needs of struct ccc (ccc/ccc.h): `struct ca *ca`, and ccc_db(rq), this worker's
 * database. The token is the authority, so the permission is "anyone"; refusals take the same time
 * as grants.
 */
#ifndef CCC_JOIN_HTTP_H
#define CCC_JOIN_HTTP_H

#include "common/http/http.h"

extern const struct route join_routes[];

#endif
