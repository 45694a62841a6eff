/*
 * store — objects by (scope, kind, id), kept in the order of their revisions. Not thread safe: the
 * sync_set that owns it holds the lock. Only common/sync includes this.
 */
#ifndef COMMON_SYNC_STORE_H
#define COMMON_SYNC_STORE_H

#include <uthash.h>

#include "common/sync/body.h"
#include "common/sync/set.h"

enum { STORE_TOMBSTONES_MAX = 10000 };

/* Compared as bytes: what follows a text's end is zero. */
struct entry_key {
    char scope[ID_LEN + 1], kind[SYNC_KIND_MAX];
    struct id id;
};

struct entry {
    struct entry_key key;
    int64_t rev;
    struct body *body;         /* owned; NULL = tombstone */
    bool held;                 /* absent from the last snapshot, kept until a person confirms */
    struct entry *prev, *next; /* by rev, oldest first */
    UT_hash_handle hh;
};

struct store {
    struct entry *by_key, *head, *tail;
    int64_t live, tombstones;
};

struct entry *store_find(struct store *st, const char *scope, const char *kind,
                         const struct id *id);
/* Makes or replaces; steals body (NULL: tombstone); moves to the end of the order. NULL: out of
 * memory. Of o only scope, kind, id and rev count. */
struct entry *store_put(struct store *st, const struct sync_object *o, struct body *body);
/* The same at the front, as revision 0 and held: every snapshot read from here names it too. */
struct entry *store_hold(struct store *st, const struct sync_object *o, struct body *body);
void store_drop(struct store *st, struct entry *en); /* forgets it altogether */
void store_clear(struct store *st);
int64_t store_count(const struct store *st, const char *scope,
                    const char *kind);                          /* live ones; NULL: any */
bool store_in_scope(const struct entry *en, const char *scope); /* scope NULL: all */
/* Without the body. */
void store_view(const struct entry *en, struct sync_object *o);

#endif
