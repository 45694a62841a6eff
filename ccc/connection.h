/*
 * connection — a person asks for a desktop: is she entitled, which module serves her, and what does
 * that module say.
 *
 * The module is asked through its xCenter. One that has no room and has released her seat is passed
 * by, in the order of the rendezvous; when none serves her, those that gave her up earlier are
 * asked once more. Nothing is guessed while a module does not answer. Errors: NOT_ENTITLED,
 * POOL_EXHAUSTED and the laws, PEER_UNREACHABLE with the address where she may go on, TX_CONFLICT.
 */
#ifndef CCC_CONNECTION_H
#define CCC_CONNECTION_H

#include <jansson.h>

#include "common/base/id.h"
#include "common/db/db.h"
#include "common/http/http.h"

struct connection_order {
    const struct request *rq;
    struct id pool, desktop; /* exactly one set by the asker; the pool is filled in */
    struct id module;        /* out: who answered */
    int status;              /* 201: answer is a Connection; 202: an Operation */
    json_t *answer;          /* owned by the caller */
};
int connection_open(struct connection_order *c, struct err *e) MUSTCHECK;
/*
 * The connection that the caller's succeeded connect led to, with a fresh ticket. Writes nothing,
 * here and there, and waits for nothing. Errors: SESSION_ENDED, and why it is not known now.
 */
int connection_result(const struct request *rq, const struct id *module, const struct id *operation,
                      json_t **out, struct err *e) MUSTCHECK;

/*
 * What a connect must know is read in one go with who asks: session.c looks whether it is one
 * (wanted: c is filled in), reads (the columns of session_find and more; no row: not signed in)
 * and leaves the rest for connection_open, which reads for itself if nothing was left.
 */
bool connection_wanted(const struct request *rq, struct connection_order *c);
int connection_read(const struct connection_order *c, const char *session, PGresult **out,
                    struct err *e) MUSTCHECK;
void connection_leave(const struct request *rq, PGresult *read); /* owned by the worker now */

#endif
