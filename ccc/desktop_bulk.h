/*
 * desktop_bulk — one action for many desktops: what would become of each, and one operation with a
 * child for each. An item is decided by the same functions as a single action (desktop_actions.h):
 * done already counts as done, what is refused is a child that failed with the reason, and an order
 * that is open already is waited for.
 */
#ifndef CCC_DESKTOP_BULK_H
#define CCC_DESKTOP_BULK_H

#include <jansson.h>

#include "ccc/desktop_actions.h"
#include "ccc/desktop_filter.h"
#include "common/db/db.h"
#include "common/http/http.h"

enum { DESKTOP_BULK_MAX = 2000 };

struct desktop_bulk {
    const struct request *rq;
    enum desktop_action action;
    const json_t *ids; /* of UUIDs, checked; NULL: filter says which */
    struct desktop_filter filter;
    int will, already, refused; /* out: of desktop_bulk_decide */
    json_t *items;              /* out, owned: in the order that was asked for */
};

/* Each a UUID, none twice. INVALID_REQUEST with the pointer. */
int desktop_bulk_check(const json_t *ids, struct err *e) MUSTCHECK;

/* What would happen now: items of {id, target_id, target_name, module_id, outcome: will, open,
 * already or refused, slug}. INVALID_REQUEST if the filter finds more than DESKTOP_BULK_MAX, or
 * none. Run again, it begins anew. */
int desktop_bulk_decide(struct db *db, struct desktop_bulk *b, struct err *e) MUSTCHECK;
/* Inside the same transaction: parent, children, audit. */
int desktop_bulk_give(struct db *db, const struct desktop_bulk *b, const struct id *id,
                      struct err *e) MUSTCHECK;
void desktop_bulk_close(struct desktop_bulk *b);

#endif
