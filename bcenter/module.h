/*
 * module — the module in memory: what the leader decides on (docs/broker.md).
 *
 * Owner: the bCenter process. Everything in here is read and changed under module_lock() only; the
 * lock is never held over I/O. Stored facts (the first part of desktop, session, seat, operation,
 * bserver, vf) change here only after the database has taken them; observed facts come from the
 * agents. A desktop that a thread is about to write carries `busy`: nobody else decides on it
 * meanwhile.
 */
#ifndef BCENTER_MODULE_H
#define BCENTER_MODULE_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "bcenter/io_host.h"
#include "common/base/err.h"
#include "common/base/id.h"
#include "common/sync/set.h"
#include "common/wire/place.h"

enum { MODULE_SLOTS = 100, MODULE_LANES = 16, MODULE_SHARES = 64, LANE_SLOTS = 50 };
enum { MODULE_BSERVERS = 10, MODULE_DESKTOPS = 1000, SILENT_MS = 9000 };

enum observed {
    OBSERVED_UNKNOWN,
    OBSERVED_MISSING,
    OBSERVED_OFF,
    OBSERVED_RUNNING,
    OBSERVED_PAUSED,
    OBSERVED_CRASHED
};
enum agent_busy { AGENT_IDLE, AGENT_PREPARING, AGENT_STARTING, AGENT_STOPPING };
enum op_state { OP_QUEUED, OP_RUNNING, OP_SUCCEEDED, OP_FAILED, OP_CANCELLED };
enum verb {
    VERB_NONE,
    VERB_START,
    VERB_SHUTDOWN,
    VERB_STOP,
    VERB_REBOOT,
    VERB_RESET,
    VERB_REBUILD,
    VERB_DELETE,
    VERB_UNASSIGN,
    VERB_MAINTENANCE,
    VERB_RESUME,
    VERB_CONNECT
};
const char *verb_word(enum verb v);
const char *verb_action(enum verb v);  /* as the audit names it on a desktop: "desktop.start" */
enum verb verb_from(const char *word); /* VERB_NONE if not known */
const char *op_state_word(enum op_state s);
const char *observed_word(enum observed o);
enum observed observed_from(const char *word); /* OBSERVED_UNKNOWN if not known */
static inline bool op_ended(enum op_state s)
{
    return s >= OP_SUCCEEDED;
}

/* Wanted by the CCC: copies of the replica's objects. */
struct image_version {
    struct id id;
    json_t *body;
    char guest[24];
    UT_hash_handle hh;
};
struct pool {
    struct id id;
    char name[260], description[2100];
    bool floating;
    struct id image_version;
    int64_t spares_running, share; /* share: desktops wanted here */
    json_t *spec;
    int64_t memory_mib, disk_gib;
    bool needs_vf;
    struct place_share shares[MODULE_SHARES];
    int nshares;
    struct place_share base[MODULE_SHARES]; /* the shares before, while others may go by them */
    int nbase;
    int64_t share_generation, told; /* told: the CCC has been told that we go by that one */
    int64_t seats_said;             /* changes of seats that were published */
    int64_t have;                   /* publish_pool's scratch */
    struct err law; /* why the newest of its desktops could not be placed; ERR_NONE: it could */
    UT_hash_handle hh;
};
struct person {
    struct id id;
    char username[40], display_name[260], role[16], locale[24];
    bool disabled;
    char *verifier; /* NULL: not to be checked here */
    bool renewed;   /* another verifier than before: until her sessions have ended */
    struct id *groups;
    int ngroups;
    UT_hash_handle hh; /* by id */
    UT_hash_handle by_name;
};
struct holding { /* who has, or may have, something of a pool: a key of indexes */
    struct id pool, who;
};
struct entitlement {
    struct id id;
    struct holding key; /* who: a person or a group */
    UT_hash_handle hh;  /* by id */
    UT_hash_handle by_key;
};
struct node_info {
    struct id id, module;
    char kind[16], name[260];
    bool revoked;
    UT_hash_handle hh;
};
struct sister { /* a module, to tell people where to go; our own is among them */
    struct id id;
    char name[260], login[300];
    int mac_no; /* its range of MAC addresses, from the CCC; 0: not told */
    UT_hash_handle hh;
};

struct desktop;
struct slot {
    int lane;
    struct desktop *desktop;
};
enum vf_unclean {
    VF_UNCLEAN_NONE,
    VF_UNCLEAN_USED,
    VF_UNCLEAN_RESET,
    VF_UNCLEAN_LEFT,
    VF_UNCLEAN_UNSAID
};
enum vf_drift {
    VF_DRIFT_NONE,
    VF_DRIFT_FOREIGN,  /* a machine that is not ours uses it */
    VF_DRIFT_MISUSED,  /* one of ours, but not its owner */
    VF_DRIFT_VANISHED, /* gone while it is somebody's */
    VF_DRIFT_MAC,
    VF_DRIFT_VLAN,
    VF_DRIFT_SPOOF,
    VF_DRIFT_RESET,   /* given back; the host cannot reset it */
    VF_DRIFT_UNCLEAN, /* given back; something of its last owner is still set */
    VF_DRIFT_NEW,     /* not verified yet */
    VF_DRIFTS
};
/* What its agent said last. */
struct vf_seen {
    char mac[18];                           /* "": not known */
    int vlan, rate_mbps, spoof_check, link; /* -1: not known */
    bool used, ours;                        /* by a machine; by one of BIC's */
    struct id user, user_run;               /* which, as far as is known */
    struct id check;                        /* the question that it answers; "": none */
    bool clean;
    enum vf_unclean why;
};
struct vf {
    struct id id;
    struct bserver *bserver;
    char pf[64], address[32];
    int index, vlan;
    enum vf_state { VF_FREE, VF_ASSIGNED, VF_QUARANTINE, VF_LOST } state;
    struct desktop *desktop;
    struct id run;   /* the newest that its desktop was given */
    struct id check; /* the open question; "" in quarantine: to be read from the database */
    char mac[18];    /* of its last owner; "" when free */
    char reason[12];
    int64_t since;       /* wall clock */
    bool heard, stored;  /* the agent names it now; the database has it as it is */
    struct vf_seen seen; /* vf_ledger.h */
    UT_hash_handle hh;
};
const char *vf_state_word(enum vf_state s);

struct bserver {
    struct id id;
    char name[260];
    bool maintenance;
    bool left; /* stored: the CCC has deleted its node; its desktops are given up */
    char boot[72];
    int64_t memory_limit_mib, memory_used_mib;
    int64_t store_limit_gib, store_used_gib; /* limit -1: no store of its own */
    struct slot slots[MODULE_SLOTS];
    int nslots;
    json_t *body; /* the newest report */
    bool stored;  /* the report's facts are in the database */
    char kind[16], accelerator[16], version[40];
    int64_t cores;
    int nlanes;
    char lane_url[MODULE_LANES][300];
    bool lane_down[MODULE_LANES]; /* its network carries nothing, as the agent sees it */
    bool screen, guest_channel, qcow2, user_net;
    /* the link */
    struct sync_set *set; /* replica of what its agent observed */
    int64_t heard_ms;     /* boot clock of the last push; 0: not since our start */
    int64_t heard_wall;
    bool knows_key; /* it has our ticket key */
    struct host_io io;
    int free_vfs, candidate; /* desktop_place's scratch; candidate -1: not one of them */
    json_t *vf_refused;      /* id → why what its agent says of it is not taken; NULL: none */
    bool shown_up;           /* its desktops were last published as those of a host that answers */
    UT_hash_handle hh;
};

struct session {
    struct id id, person, run;
    int64_t seq, since;
    unsigned char resume_hash[32];
    bool screen_open, screen_seen;
    int screen_lane;     /* where it is open, or was last; -1: not known */
    int64_t stranger_at; /* boot clock since when nothing entitles its person; 0: something does */
    int64_t screen_at; /* boot clock of the last change of screen_open, or of the session's start */
};

struct operation {
    struct id id;
    enum verb verb;
    char target_kind[12];
    struct id target, asked_by, run;
    int64_t seq; /* connect: the desktop's, with her name; ended well: that of her session */
    char asked_name[72], trace[72]; /* trace: of who asked, as long as this process lives */
    enum op_state state;
    char stage[24];
    int percent;
    int64_t stage_at[6]; /* wall clock, of a connect's or start's five stages */
    json_t *error;
    int64_t waiting_ms; /* boot clock, when `waiting` was said */
    json_t *waiting; /* queued, or up and let in by nobody: the law that it waits for, a problem */
    int64_t created, started, ended, deadline; /* wall clock */
    bool cancel, wanted, stored;
    enum order_state { ORDER_NONE, ORDER_GIVEN, ORDER_DONE, ORDER_FAILED } order;
    UT_hash_handle hh;
};

struct desktop_row { /* as in the database; changed as a whole by compare-and-set on generation */
    struct id id, pool, person, overlay, run;
    struct id placement; /* why it is where it is; "": placed by an earlier version */
    char name[64], mac[18], run_boot[72];
    bool floating, user_net, deleting, destroy;
    int64_t memory_mib, store_gib, seq, generation, created, assigned;
    json_t *spec, *image;
    struct id version; /* of the image; what the hot path compares */
    bool guest_speaks; /* the image says which run it is in */
};

struct desktop {
    struct desktop_row row;
    struct bserver *bserver;
    int slot, lane;
    struct vf *vf;
    struct id used_by;       /* the person of this overlay; "" = clean */
    struct session *session; /* live */
    struct operation *op;    /* open */
    bool busy;
    bool unsure; /* what became of its last write is not known: read again before anything else */
    int64_t run_at;   /* boot clock of the newest run that we gave; 0: before our start */
    int64_t retry_at; /* boot clock: not started as a spare before */
    int failures;
    struct desktop_io io;
    /* observed */
    enum observed observed;
    struct id seen_run, last_run, seen_overlay, ready_run, error_for;
    enum agent_busy agent_busy;
    int percent;
    char error_slug[64], error_detail[256];
    int64_t as_of;
    bool seen;                         /* reported since our start */
    bool surplus, want_running, renew; /* reconcile's newest plan of its pool */
    UT_hash_handle hh;
    struct holding holding; /* as they stand in the two indexes; "" where it does not */
    struct id session_id;
    UT_hash_handle by_holding, by_session;
};

/* Somebody who is being given a desktop of a pool: on the stack of the thread that serves her. */
struct asking {
    struct holding key;
    int64_t share_generation; /* of its pool, when it began */
    struct asking *next;
};

struct seat {
    struct id id, person, pool; /* id = UUIDv5(pool, person) */
    struct id turn;             /* released: the CCC's request that alone may give her back */
    bool released;
    int64_t generation;
    UT_hash_handle hh;
};

/* Another module serves this person and pool, as the CCC has heard from it. */
struct holder {
    struct id id, module; /* id as the seat's */
    UT_hash_handle hh;
};

struct module {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct id id, node, block; /* id: "" until the CCC has said which module this node leads */
    char name[260];
    int64_t epoch;
    struct image_version *images;
    struct pool *pools;
    struct person *persons, *persons_by_name;
    struct entitlement *entitlements, *entitlements_by_key;
    struct node_info *nodes;
    struct sister *sisters;
    struct bserver *bservers;
    struct vf *vfs;
    struct desktop *desktops, *desktops_by_holding, *desktops_by_session;
    struct asking *asking;
    struct seat *seats;
    struct holder *holders;
    struct io_pool *io_pools;
    struct io_given_limit *io_given;
    unsigned char resume_key[32]; /* resume.h */
    struct operation *operations;
    int64_t held; /* deletions that wait for a person */
};

void module_init(struct module *m);
void module_release(struct module *m);
void module_lock(struct module *m);
void module_unlock(struct module *m);
/* Waits for a change, at most until the boot clock shows until_ms. Lock held. False: time is up. */
bool module_wait(struct module *m, int64_t until_ms);

/* Lock held, all of them. NULL if there is none. */
struct pool *module_pool(struct module *m, const struct id *id);
struct image_version *module_image(struct module *m, const struct id *id);
struct person *module_person(struct module *m, const struct id *id);
struct person *module_person_named(struct module *m, const char *username);
struct bserver *module_bserver(struct module *m, const struct id *id);
struct desktop *module_desktop(struct module *m, const struct id *id);
struct desktop *module_session_desktop(struct module *m, const struct id *session);
struct desktop *module_desktop_of(struct module *m, const struct id *person, const struct id *pool);
struct vf *module_vf(struct module *m, const struct id *id);
struct operation *module_operation(struct module *m, const struct id *id);
struct seat *module_seat(struct module *m, const struct id *person, const struct id *pool);
/* The module that the CCC says holds her seat; NULL: none that is known here, or it is ours. */
const struct id *module_holder(struct module *m, const struct id *person, const struct id *pool);
struct seat *module_seat_put(struct module *m, const struct id *person, const struct id *pool,
                             bool released, int64_t generation);
/* Its key is new or another one. */
void module_entitlement_set(struct module *m, struct entitlement *en, const struct holding *key);
bool module_entitled(struct module *m, const struct id *person, const struct id *pool);
bool bserver_up(const struct bserver *b, int64_t boot_ms);

struct bserver *module_bserver_add(struct module *m, const struct id *id);
/* The CCC has deleted its node, as far as is known here. */
bool module_node_gone(struct module *m, const struct id *node);
/* The bServer of an agent that calls: its certificate says that it is one, the CCC's list of nodes
 * says whose. PEER_IDENTITY if not this module's; LAW_MODULE for one more than MODULE_BSERVERS,
 * where those that were deleted do not count. */
int module_admit(struct module *m, const struct id *node, struct bserver **out,
                 struct err *e) MUSTCHECK;
/* The xCenter that asks for a person: a certificate of this installation is not enough, it must be
 * one of this block, as the CCC told, and not revoked. NOT_READY before the module knows itself. */
int module_let_call(struct module *m, const struct id *node, struct err *e) MUSTCHECK;
struct desktop *module_desktop_add(struct module *m, const struct id *id);
/* After each change of its pool, person or session. */
void module_desktop_index(struct module *m, struct desktop *d);
void module_desktop_remove(struct module *m, struct desktop *d);
struct operation *module_operation_add(struct module *m, const struct id *id);
void module_operation_remove(struct module *m, struct operation *op);

/* Copies of a row own their JSON. */
void desktop_row_copy(struct desktop_row *to, const struct desktop_row *from);
void desktop_row_release(struct desktop_row *row);
void desktop_row_set_image(struct desktop_row *row, json_t *image); /* takes a new reference */

/* Its lane shows screens. */
bool desktop_screen(const struct desktop *d);
/* Running, on the wanted overlay and run, and the guest has said so (where it can). */
bool desktop_ready(const struct desktop *d, int64_t boot_ms);
bool desktop_running(const struct desktop *d);

#endif
