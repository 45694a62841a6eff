/*
 * mirror — what the modules observed, taken in from the pushes of their xCenters.
 *
 * The module's cursor row is locked while a page is applied, in one transaction with the page. Two
 * xCenters of a block push the same set with the same revisions; a page that overlaps what is held
 * is taken without what is older, a page after a gap is answered with what is held. A snapshot
 * marks what it names; at its end the rest goes. Of two histories the newer leader's is held
 * (mirror_decide.c). An object whose known member has a wrong type is
 * refused and counted alone.
 */
#ifndef CCC_MIRROR_H
#define CCC_MIRROR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/id.h"
#include "common/db/db.h"
#include "common/sync/set.h"

/* What is held of a module, and a page's head: the inputs of the decision. */
struct mirror_held {
    struct id history; /* "" = nothing yet */
    int64_t rev, round;
    struct id snap_history; /* "" = no snapshot runs */
    int64_t snap_rev, snap_seen;
    int64_t snap_head; /* how far the freshest sender of it was; -1: not said */
    struct id snap_node;
    bool snap_fresh; /* its last page came within 10 s */
    int64_t epoch;   /* of the leader whose set is held or, with a snapshot, is being taken; 0: not
                        said */
    bool led_fresh;  /* a leader of this or a later epoch was heard within a minute */
};
struct mirror_page {
    struct id history, from_history; /* from "" or rubbish: unset */
    int64_t from_rev, rev, floor, count, head;
    int64_t epoch, leader; /* whose set it is; whom its relay heard last */
    bool leader_fresh;     /* … and hears now */
    bool snapshot, more;
    struct id node; /* who sends */
};
enum mirror_verdict {
    MIRROR_RESEND,  /* not taken; answer what is held */
    MIRROR_BEGIN,   /* the first page of a snapshot */
    MIRROR_GO_ON,   /* the next page of the snapshot */
    MIRROR_NEWER,   /* changes, overlapping what is held or following it */
    MIRROR_NOTHING, /* behind what is held, or being taken: nothing to take, nothing to say */
};
/* Pure. *go_on: with MIRROR_RESEND, answer the snapshot's cursor instead of the held one. */
enum mirror_verdict mirror_decide(const struct mirror_held *held, const struct mirror_page *page,
                                  bool *go_on);

/* -1 and INVALID_REQUEST if the body is not a page; true in *heartbeat if it is one. */
int mirror_read(const json_t *body, struct mirror_page *out, bool *heartbeat,
                struct err *e) MUSTCHECK;

/*
 * Takes a push in. cursor gets what is held afterwards ("" = nothing). PEER_IDENTITY if the node
 * may not speak for the module that "about" names.
 */
int mirror_take(struct db *db, const struct id *node, const json_t *body,
                char cursor[SYNC_CURSOR_MAX], bool *resend, struct err *e) MUSTCHECK;

/* An operation that a call has just answered with: shown before the mirror tells of it. */
int mirror_foresee(struct db *db, const struct id *module, const json_t *operation,
                   struct err *e) MUSTCHECK;

#endif
