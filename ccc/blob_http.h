/*
 * blob_http — GET /blobs/v1/{word} on the CCC's management listener, ranges honoured by the server.
 * Needs of struct ccc (ccc/ccc.h): `struct blob_store *blobs`. Only tiers below ask: xcenter,
 * bcenter, bserver.
 */
#ifndef CCC_BLOB_HTTP_H
#define CCC_BLOB_HTTP_H

#include "common/http/http.h"

extern const struct route blob_routes[];

#endif
