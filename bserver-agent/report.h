/*
 * report — the observed set: what this agent tells the bCenter (docs/sync.md, agent → bCenter).
 *
 * An object gets a new revision only when what it says has changed; as_of is the time of that
 * change, freshness is the heartbeat's business. Thread safe.
 */
#ifndef BSERVER_AGENT_REPORT_H
#define BSERVER_AGENT_REPORT_H

#include "bserver-agent/inventory.h"
#include "bserver-agent/io_sample.h"
#include "bserver-agent/reconcile.h"
#include "common/sync/set.h"

struct report;

/* set: a source; scope is the bServer's id and the only one used. */
int report_open(struct sync_set *set, const struct id *bserver, struct report **out,
                struct err *e) MUSTCHECK;
void report_close(struct report *p); /* NULL ok; the set stays */

/* Pure: the desktop's body without as_of. New reference. */
json_t *report_desktop_body(const struct machine_view *v);
void report_desktop(struct report *p, const struct machine_view *v);
void report_gone(struct report *p, const struct id *desktop);

/* Results of the orders that the desktop's wanted object names; others are forgotten. */
void report_orders(struct report *p, struct intent *intents, const struct wanted *w);

/* What counts a host's requests. */
struct report_io {
    const char *source;
    const struct io_model *model; /* NULL: no model */
    bool vf_counters;
};

/* The bServer itself (steals drift) and its virtual functions. */
struct report_host {
    const struct hypervisor_abilities *can;
    const struct inventory *inventory;
    const char *version;
    const char *const *lanes; /* display URLs ("" = none there), NULL-ended */
    const bool *lane_up;      /* their networks carry something */
    int64_t size_gib, free_gib, memory_reserve_mib;
    struct report_io io;
    json_t *drift;
};
void report_host(struct report *p, const struct report_host *h);
void report_vfs(struct report *p, const struct inventory *inventory);

/* The newest sample of the host's I/O: a new state each time. Gone when there is none any more. */
void report_sample(struct report *p, const char *source, const struct io_sample *s);
void report_no_sample(struct report *p);

/* Screens: live until one minute after they closed. */
void report_screen_opened(struct report *p, const struct id *session, const struct id *desktop,
                          int64_t seq, int lane);
void report_screen_closed(struct report *p, const struct id *session, const struct id *desktop,
                          int64_t seq, int64_t bytes_out);
void report_screens_forget(struct report *p, int64_t now_boot_ms);

#endif
