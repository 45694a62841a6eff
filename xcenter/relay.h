/*
 * relay — the copies an xCenter holds: one of the CCC's wanted objects for the whole block, and for
 * each module one of what its bCenter observed, pushed on to the CCC with the age of its last word.
 */
#ifndef XCENTER_RELAY_H
#define XCENTER_RELAY_H

#include "common/peer/peer.h"
#include "common/sync/link.h"
#include "common/sync/set.h"

enum { RELAY_MODULES = 2 }; /* law: a block is two modules (paper 003 §3) */

struct relay;
struct relay_spec {
    const struct peer_identity *self;
    const char *const *ccc_urls;       /* NULL-ended, outlives the relay */
    void (*wanted_changed)(void *arg); /* wakes the long-polls */
    void *arg;
};

/* open, [start the listener], run … quiet, [stop the listener], close: no thread calls a listener
 * that is not there. */
int relay_open(const struct relay_spec *spec, struct relay **out, struct err *e) MUSTCHECK;
/* url: where the CCC may call this xCenter; copied. */
int relay_run(struct relay *r, const char *url, struct err *e) MUSTCHECK;
void relay_quiet(struct relay *r); /* joins the links; NULL ok */
void relay_close(struct relay *r); /* NULL ok */

struct sync_set *relay_wanted(struct relay *r);
bool relay_ready(struct relay *r); /* a complete copy of wanted is here */
/* Asks the CCC whether the copy is of the history that it has now. For a bCenter that holds another
 * one: which of the two is the newer cannot be seen from here. NOT_READY if it is not, or nobody
 * answers. */
int relay_confirm(struct relay *r, const struct id *history, int64_t deadline_ms,
                  struct err *e) MUSTCHECK;

/* Which module a bCenter's certificate speaks for. PEER_IDENTITY if none or revoked; NOT_READY
 * without a copy. */
int relay_module_of(struct relay *r, const struct id *node, struct id *module,
                    struct err *e) MUSTCHECK;
/* The set of what a module observed; made when first asked for. LAW_BLOCK beyond two. */
int relay_observed(struct relay *r, const struct id *module, struct sync_set **out,
                   struct err *e) MUSTCHECK;
/* A word of the module's bCenter arrived now, with this "about" (borrowed). EPOCH_STALE if a later
 * leader has spoken within a minute: what this one says is not taken. */
int relay_heard(struct relay *r, const struct id *module, const json_t *about,
                struct err *e) MUSTCHECK;
/* The cursor up to which the CCC has taken the module's objects in; "" before it has said so. */
void relay_passed(struct relay *r, const struct id *module, char to[SYNC_CURSOR_MAX]);
/* Where its bCenter takes calls. NOT_READY if it has not spoken to us yet: the other xCenter may
 * know. */
int relay_module_url(struct relay *r, const struct id *module, char *to, size_t size,
                     struct err *e) MUSTCHECK;
/* Size of a blob that a wanted image names; -1 if none does. */
int64_t relay_blob_size(struct relay *r, const char *sha256);
/* Adds the sha256 of every wanted image; false without a complete copy. arg is the relay. */
bool relay_blobs(void *relay, json_t *into);
json_t *relay_summary(struct relay *r);

#endif
