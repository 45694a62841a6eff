/*
 * blob_relay — a tier in the middle of bulk: serves blobs from its own disk cache and brings those
 * that it lacks from the tier above, once, however many ask.
 *
 * A first question for a blob that is not here answers 503 not-ready with Retry-After and starts
 * the fetch on the relay's one thread; askers come again. At most 16 fetches wait; more are
 * OVERLOADED.
 */
#ifndef COMMON_PEER_BLOB_RELAY_H
#define COMMON_PEER_BLOB_RELAY_H

#include "common/http/http.h"
#include "common/peer/blob.h"

struct blob_relay;
struct blob_relay_spec {
    struct blob_store *store; /* outlives the relay */
    const struct peer_identity *self;
    const char *const *urls; /* the tier above; NULL-ended, outlives the relay */
    const char *kind;
    int64_t bytes_per_s; /* 0: as fast as it goes */
    /* Adds a member for each sha256 that something names; false: not known now, nothing goes. NULL:
     * blobs stay for ever. On the relay's thread, every minute (blob_sweep.h). */
    bool (*needed)(void *arg, json_t *into);
    void *arg;
};

int blob_relay_start(const struct blob_relay_spec *spec, struct blob_relay **out,
                     struct err *e) MUSTCHECK;
void blob_relay_stop(struct blob_relay *r); /* ends a running fetch; NULL ok */

/* Fills the reply with the blob's file. size: as the wanted object that names the blob says. */
int blob_relay_serve(struct blob_relay *r, const char *sha256, int64_t size, struct reply *rp,
                     struct err *e) MUSTCHECK;

#endif
