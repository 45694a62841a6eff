/*
 * seen — objects taken out of a set under its lock, to be read when it is released. Not thread
 * safe; the bodies are shared with the set. Only common/sync includes this.
 */
#ifndef COMMON_SYNC_SEEN_H
#define COMMON_SYNC_SEEN_H

#include "common/sync/store.h"

struct seen {
    struct sync_object o; /* its body is NULL before seen_open */
    struct body *body;
};

struct seen_list {
    struct seen *items;
    size_t n, room;
};

bool seen_add(struct seen_list *l, const struct sync_object *o, struct body *body); /* keeps body */
bool seen_entry(struct seen_list *l, const struct entry *en);
/* Makes o.body, which the list owns. False: out of memory. */
bool seen_open(struct seen *one);
void seen_close(struct seen *one); /* o.body is gone after this */
void seen_clear(struct seen_list *l);

#endif
