/*
 * idempotency — the same Idempotency-Key with the same body within 24 h gets the same answer.
 *
 * Both calls run inside the transaction of the write, so two concurrent requests with one key end
 * as one write: the second meets the first one's row, is repeated and replays. Answers that hold a
 * secret are kept without body; their replay is CONFLICT, since the secret was shown once.
 */
#ifndef CCC_IDEMPOTENCY_H
#define CCC_IDEMPOTENCY_H

#include "common/db/db.h"
#include "common/http/http.h"

struct idempotency {
    const char *key; /* NULL: the request has none */
    char route[160], hash[65];
    bool replay; /* status, location and body below are the stored answer */
    int status;
    char location[160];
    json_t *body; /* owned */
};

/* Reads the header. INVALID_REQUEST. */
int idempotency_open(const struct request *rq, struct idempotency *i, struct err *e) MUSTCHECK;
void idempotency_close(struct idempotency *i);
/* IDEMPOTENCY_MISMATCH; CONFLICT if the answer was not kept. */
int idempotency_find(struct db *db, const struct request *rq, struct idempotency *i,
                     struct err *e) MUSTCHECK;
/* body NULL: not kept. */
int idempotency_store(struct db *db, const struct request *rq, const struct idempotency *i,
                      int status, const char *location, const json_t *body,
                      struct err *e) MUSTCHECK;

#endif
