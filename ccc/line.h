/*
 * line — calls from the CCC to a module, through an xCenter of its block.
 *
 * Each worker keeps one peer per block, opened at the first call and again when the block's
 * addresses changed. The way to a module is read at most once a second. An xCenter that does not
 * answer in its share of the time, breaks off, or has not heard the module is passed over for the
 * other: every call has its effect once, however often it arrives. Errors: PEER_UNREACHABLE
 * (with the module's log-in address, where the person may go on without us), PEER_TIMEOUT, and the
 * problem that the module sent.
 */
#ifndef CCC_LINE_H
#define CCC_LINE_H

#include <jansson.h>

#include "common/base/id.h"
#include "common/http/http.h"

struct ccc_lines;
struct ccc_lines *line_open_all(void); /* NULL when out of memory */
void line_close_all(struct ccc_lines *l);

enum line_method { LINE_POST, LINE_DELETE, LINE_GET };
struct line_call {
    struct id module;
    enum line_method method;
    const char *path;   /* behind "/call/v1/modules/<id>" */
    const json_t *body; /* POST */
    int status;         /* of the answer */
    json_t *answer;     /* owned by the caller; NULL on 204 */
};
int line_call(const struct request *rq, struct line_call *c, struct err *e) MUSTCHECK;

#endif
