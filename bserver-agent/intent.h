/*
 * intent — what this agent has set out to do: state.json, on disk before the effect.
 *
 * {"v":1,"epoch":n,"desktops":{ID:{"run","state","how","slug","detail","used":[…]}},
 *  "orders":{ID:{"desktop","state","slug","detail"}}}
 *
 * A run id is *used* from the moment the intent to start it is on disk, and no used id is ever
 * started again. Writing is whole file, fsync, rename, fsync of the directory; callers that come
 * together share one write. Thread safe.
 *
 * When the file is lost (unreadable, or absent although desktops had disks here) nobody knows which
 * runs were started. Then the first run that is wanted of a desktop that has a disk, and that is
 * not seen running, counts as used: at worst a start that never happened is reported as ended, and
 * the bCenter asks again with another run id. A desktop without a disk cannot have run.
 */
#ifndef BSERVER_AGENT_INTENT_H
#define BSERVER_AGENT_INTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { INTENT_USED = 8 };
enum intent_state { INTENT_NONE, INTENT_STARTING, INTENT_RUNNING, INTENT_ENDED };
enum intent_order_state {
    INTENT_ORDER_NONE,
    INTENT_ORDER_BEGUN,
    INTENT_ORDER_DONE,
    INTENT_ORDER_FAILED,
    INTENT_ORDER_UNKNOWN
};

struct intent_run {
    struct id run; /* the newest used one; "" = none */
    enum intent_state state;
    bool crashed;       /* ended: by a crash */
    enum err_code code; /* ended: why it could not be started or was lost; ERR_NONE */
    char detail[160];
};

struct intent;

/* desktops_known: disks of desktops are there, so that an absent file is a lost one.
 * STORAGE_FAILED. */
int intent_open(const char *state_dir, bool desktops_known, struct intent **out,
                struct err *e) MUSTCHECK;
void intent_close(struct intent *t);
bool intent_lost(const struct intent *t); /* was lost when opened */

int64_t intent_epoch(struct intent *t);
/* Remembers the highest epoch on disk. EPOCH_STALE if it is lower than what was obeyed. */
int intent_obey(struct intent *t, int64_t epoch, struct err *e) MUSTCHECK;

void intent_run(struct intent *t, const struct id *desktop, struct intent_run *out);
bool intent_used(struct intent *t, const struct id *desktop, const struct id *run);
/* Any run known of it? (false after loss: its first wanted run is suspect) */
bool intent_knows(struct intent *t, const struct id *desktop);
/* On disk when it returns 0. */
int intent_set_run(struct intent *t, const struct id *desktop, const struct intent_run *run,
                   struct err *e) MUSTCHECK;
int intent_forget(struct intent *t, const struct id *desktop, struct err *e) MUSTCHECK;

enum intent_order_state intent_order(struct intent *t, const struct id *order, enum err_code *code,
                                     char detail[160]);
int intent_set_order(struct intent *t, const struct id *order, const struct id *desktop,
                     enum intent_order_state state, const struct err *why, struct err *e) MUSTCHECK;
/* Orders of the desktop that keep does not name are forgotten (with the next write). */
void intent_keep_orders(struct intent *t, const struct id *desktop, const struct id *keep, int n);

#endif
