/*
 * audit — who did what, written in the transaction that does it, so that neither is without the
 * other.
 */
#ifndef CCC_AUDIT_H
#define CCC_AUDIT_H

#include "common/db/db.h"
#include "common/http/http.h"

struct audit_entry {
    const char *action;      /* "spec.create" */
    const char *target_kind; /* NULL ok, as the two below */
    const char *target_id, *target_name;
    const char *result; /* NULL = "ok", else a slug */
    const char *detail;
    const struct id *actor; /* NULL = the caller of the request */
    const char *actor_name;
};
int audit_add(struct db *db, const struct request *rq, const struct audit_entry *a,
              struct err *e) MUSTCHECK;

#endif
