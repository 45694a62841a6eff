/*
 * set — a versioned set of objects: what one side of a link holds of a source (design:
 * docs/sync.md).
 *
 * An object is (scope, kind, id) → revision and JSON body, or a tombstone. scope is "" (for
 * everyone below) or the id of the one module or bServer it is for. A set is either a *source* (its
 * owner calls put and del; revisions are counted here, in memory, under the lock, so none can be
 * skipped; its history is a new uuid each time the process starts) or a *replica* (apply takes
 * pages in; revisions, history and cursor are the source's own, so that a relay serves the same
 * cursors as its source). All functions are thread safe. A set keeps bodies as compact text; those
 * that are handed out are trees made for the asker.
 */
#ifndef COMMON_SYNC_SET_H
#define COMMON_SYNC_SET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { SYNC_KIND_MAX = 24, SYNC_CURSOR_MAX = 64, SYNC_PAGE_OBJECTS = 500 };

struct sync_set;

struct sync_object {
    char scope[ID_LEN + 1]; /* "" = everyone */
    char kind[SYNC_KIND_MAX];
    struct id id;
    int64_t rev;
    bool deleted;
    json_t *body; /* borrowed; NULL if deleted */
};

struct sync_set *sync_set_new_source(void); /* NULL when out of memory */
struct sync_set *sync_set_new_replica(void);
/* A replica of a source that is not trusted with our memory: once it holds more objects than this,
 * pages are refused (PEER_PROTOCOL, with the number). Set once, before use. */
void sync_set_bound(struct sync_set *s, int64_t objects);
void sync_set_free(struct sync_set *s);

/*
 * Called after every change, outside the lock, on the thread that made it, with the scope that
 * changed (NULL: several, or a page was applied). Set once, before use.
 */
void sync_set_on_change(struct sync_set *s, void (*changed)(void *arg, const char *scope),
                        void *arg);

/* Source. put steals body; equal to what is held = no new revision (returns false). */
bool sync_set_put(struct sync_set *s, const char *scope, const char *kind, const struct id *id,
                  json_t *body);
bool sync_set_del(struct sync_set *s, const char *scope, const char *kind, const struct id *id);
/* Nothing is served before the owner has said that the set holds everything: 503 not-ready. */
void sync_set_ready(struct sync_set *s);
bool sync_set_is_ready(const struct sync_set *s);
/* The epoch of the leader whose set this is: every page says it, relays keep it with the history,
 * and who is told of two histories knows which is the newer. Before ready. */
void sync_set_led(struct sync_set *s, int64_t epoch);

/* Reading. New reference or NULL. each: visits live objects of a kind (NULL: all) on a stable copy.
 */
json_t *sync_set_get(struct sync_set *s, const char *scope, const char *kind, const struct id *id);
void sync_set_each(struct sync_set *s, const char *kind,
                   void (*visit)(void *arg, const struct sync_object *o), void *arg);
int64_t sync_set_count(struct sync_set *s, const char *kind);
/* The revision of a live object; -1 if there is none. Who holds a cursor of this history above it
 * has it. */
int64_t sync_set_rev(struct sync_set *s, const char *scope, const char *kind, const struct id *id);
/* cursor is one of this set's history: *rev, up to which its holder has everything. */
bool sync_set_passed(struct sync_set *s, const char *cursor, int64_t *rev);
void sync_set_cursor(struct sync_set *s, char to[SYNC_CURSOR_MAX]); /* "" before the first page */

/*
 * Serving: the page after cursor ("" or NULL: from the beginning = snapshot) for one scope.
 * {"history","cursor","floor","head","epoch"?,"snapshot":bool,"more":bool,"count":n,"objects":[{"kind","id","rev","body"}|{…,"deleted":true}]}
 * head: the revision up to which this copy goes, so how fresh it is.
 * Other history, a cursor from the future or below the floor starts a snapshot by itself.
 * scope NULL: all scopes, each object with its "scope". NOT_READY. *empty: nothing new (for
 * parking).
 */
int sync_set_page(struct sync_set *s, const char *scope, const char *cursor, json_t **page,
                  bool *empty, struct err *e) MUSTCHECK;

/* Whether apply would take this page as what comes next; for those who store it before: they must
 * not keep what is refused. SYNC_RESEND, PEER_PROTOCOL. */
int sync_set_follows(struct sync_set *s, const json_t *page, struct err *e) MUSTCHECK;

/*
 * Replica: takes a page in. A page whose "from" is not what is held, or that is of another history
 * without being a snapshot, or that comes from a relay which is behind (in the middle of a snapshot
 * behind the one before, at its beginning behind what is held of that history): SYNC_RESEND.
 * Between the first and the last page of a snapshot the old objects stay; at the last one what was
 * not named is absent. hold (NULL ok) is asked about the absent ones (without bodies) together and
 * returns true to keep them (held objects are asked about again with the next snapshot). change
 * (NULL ok) hears every object that changed, o->deleted for those that went, outside the lock, in
 * order.
 */
struct sync_apply {
    bool (*hold)(void *arg, const struct sync_object *absent, int64_t count, int64_t held_in_all);
    void (*change)(void *arg, const struct sync_object *o);
    void *arg;
};
int sync_set_apply(struct sync_set *s, const json_t *page, const struct sync_apply *how,
                   struct err *e) MUSTCHECK;

/* Replica restored from disk: an object and, last, the cursor. */
void sync_set_restore(struct sync_set *s, const struct sync_object *o);
void sync_set_restore_cursor(struct sync_set *s, const char *cursor, int64_t floor);

#endif
