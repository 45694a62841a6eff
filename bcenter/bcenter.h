/*
 * bcenter — one process that leads a module: its parts, wired together.
 *
 * Locks, in this order: the replica set's (only inside sync_apply's hold) → module_lock → the
 * source sets' own. Database and network are used with none of them held.
 */
#ifndef BCENTER_BCENTER_H
#define BCENTER_BCENTER_H

#include <pthread.h>

#include "bcenter/call_order.h"
#include "bcenter/module.h"
#include "common/daemon/daemon.h"
#include "common/daemon/node.h"
#include "common/db/db.h"
#include "common/http/http.h"
#include "common/peer/blob.h"
#include "common/peer/blob_relay.h"
#include "common/peer/peer.h"
#include "common/sync/link.h"
#include "common/sync/set.h"
#include "common/wire/ticket.h"

#define BCENTER_VERSION "0.1"

struct bcenter_config {
    char *database, *owner_database, *migrations, *xcenter_url, *login_listen, *login_url,
        *login_cert, *login_key;
    char *web_root, *cache_dir, *state_dir, *management_listen, *management_url, *join_url;
    char *join_token_file;
    int64_t login_workers, floating_logoff_s, bulk_mib_per_s;
};

struct login_book; /* login.h */
struct upstream;   /* upstream.h */

/* A block has two; more are for the time in which one moves to another machine. */
enum { BCENTER_XCENTERS = 4 };

enum { AUDIT_ROOM = 2000 };
/* A row of the table audit, by its revision there. */
struct audit_place {
    struct id id;
    char rev[24];
    int64_t no;
};
/* The audit on its way up: a window on the table, which moves on as the CCC takes the rows in. The
 * reconcile thread's, but for what is atomic. */
struct audit_feed {
    bool open;
    struct audit_place last;             /* the newest row that was ever in `observed` */
    struct audit_place held[AUDIT_ROOM]; /* a ring: those in `observed`, oldest first */
    int first, n;
    int64_t passed; /* atomic: revision of `observed` below which the CCC has everything */
    bool full;      /* atomic: more rows wait for room */
};

struct bcenter {
    struct bcenter_config *config;
    struct node node;
    char login_url[300]; /* base of its REST: "http://…/api/v1" */
    char *management_url;
    char **xcenters;
    struct module m;
    struct sync_set *wanted;   /* replica of what the CCC wants of this module */
    struct sync_set *agents;   /* source: what the agents shall do */
    struct sync_set *observed; /* source: what the CCC shall know */
    struct ticket_key key;
    int64_t key_rev;        /* the agents' set holds our key since this revision */
    pthread_rwlock_t wires; /* those that are woken from any thread; NULL while they do not run */
    struct http_server *login, *management;
    struct ticker *reconciling;
    struct sync_push *push[BCENTER_XCENTERS]; /* one to each; NULL: there is no such xCenter */
    struct ticker *leading;
    struct ticker *telling; /* among the wires: tells the agents what is new */
    struct db *leader_db, *reconcile_db;
    int64_t led_until; /* boot clock, atomic: leadership was confirmed from before then on */
    struct login_book *book;
    struct blob_store *store;
    struct blob_relay *relay;
    struct upstream *up;
    struct audit_feed audit;
    struct call_orders calls;
    pthread_mutex_t agents_lock; /* agent_ids and what is due to them */
    struct id agent_ids[64];
    bool agent_due[64];                   /* there is something new for it */
    uint64_t agent_seen[64], agents_seen; /* when each asked last, counted in requests */
    int nagents;
    bool loaded;
    bool settled; /* atomic: memory holds all of what the replica does */
};

/* What a worker thread of the listeners owns. */
struct worker {
    struct db *db;
};
/* Its statements wait no longer than the asker does. */
static inline struct db *bcenter_db(const struct request *rq)
{
    struct db *db = ((struct worker *)rq->worker)->db;

    db_deadline(db, rq->deadline_ms);
    return db;
}

int bcenter_start(struct daemon *d, void *config, void **app, struct err *e) MUSTCHECK;
void bcenter_stop(void *app);
bool bcenter_ready(void *app, char *why, size_t size);
json_t *bcenter_summary(void *app);
void bcenter_metrics(void *app, FILE *page);

/* Wakes, callable under module_lock: reconcile, a parked request of one of the listeners, the
 * pushes upwards, what tells the agents. */
void bcenter_poke(struct bcenter *bc);
void bcenter_wake_login(struct bcenter *bc, const char *key);
void bcenter_wake_management(struct bcenter *bc, const char *key);
void bcenter_wake_push(struct bcenter *bc);
void bcenter_wake_telling(struct bcenter *bc);

extern const struct route sessions_routes[], pools_routes[], connections_routes[],
    operations_routes[];                                  /* log-in listener */
extern const struct route call_routes[], agents_routes[]; /* management listener */

#endif
