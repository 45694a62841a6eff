/* problem — struct err as application/problem+json (RFC 9457), and back in the tier above. */
#ifndef COMMON_HTTP_PROBLEM_H
#define COMMON_HTTP_PROBLEM_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/http/http.h"

#define PROBLEM_TYPE "application/problem+json"

json_t *problem_encode(const struct err *e, const char *trace_id);
/* Unknown slugs become PEER_PROTOCOL with their words kept; origin falls back to peer. */
void problem_decode(const json_t *body, const char *peer, struct err *e);

/* GET /problems/{word}: a readable page for each slug. http_start adds it to every listener. */
extern const struct route problem_routes[];

#endif
