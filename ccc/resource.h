/*
 * resource — what the objects of the catalogue have in common: read one, create, change with
 * If-Match, delete with If-Match, refused while something uses it; each with its audit row in the
 * same SERIALIZABLE transaction. A kind of object is a table of statements and at most three hooks.
 *
 * Errors: NOT_FOUND, STALE_GENERATION, IF_MATCH_REQUIRED, NAME_TAKEN, IN_USE, those of
 * idempotency.h, and what the hooks say.
 */
#ifndef CCC_RESOURCE_H
#define CCC_RESOURCE_H

#include "common/db/db.h"
#include "common/http/http.h"

struct resource;
struct resource_write {
    const struct request *rq;
    const struct resource *of;
    const json_t *body; /* validated by the handler */
    const char *extra;  /* NULL or one more parameter of add and change (a verifier) */
    struct id id;       /* create: chosen before, so that a repeat is the same object */
    bool secret;        /* the answer is not kept for Idempotency-Key */
};

struct resource {
    const char *kind; /* "spec": target of the audit, first part of its actions */
    const char *path; /* "/api/v1/specs": for Location */
    /* get(id) → id, name, generation, body; add(id, body[, extra]); change(id, generation, patch[,
     * extra]); remove(id, generation); uses(id) → what, a row if it is in use */
    const struct db_stmt *get, *add, *change, *remove, *uses;
    const char *taken; /* pointer of what must be unique: "/name" */
    /* Inside the transaction; also for a delete, with body NULL. */
    int (*before)(struct db *db, const struct resource_write *w, struct err *e);
    int (*after)(struct db *db, const struct resource_write *w, struct err *e);
    void (*dress)(const struct request *rq, json_t *item);
};

int resource_reply(const struct request *rq, struct reply *rp, const struct resource *of,
                   const struct id *id, struct err *e) MUSTCHECK;
int resource_create(struct resource_write *w, struct reply *rp, struct err *e) MUSTCHECK;
int resource_change(struct resource_write *w, struct reply *rp, struct err *e) MUSTCHECK;
int resource_remove(const struct request *rq, struct reply *rp, const struct resource *of,
                    const struct id *id, struct err *e) MUSTCHECK;

/* For a missing thing that the body names: PRECONDITION with the pointer. */
int resource_missing(const char *pointer, struct err *e) MUSTCHECK;

#endif
