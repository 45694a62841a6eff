/*
 * mirror_row — an observed object as a row: the typed columns checked one by one, so that a bad one
 * is refused before the database would refuse the whole page. Pure.
 */
#ifndef CCC_MIRROR_ROW_H
#define CCC_MIRROR_ROW_H

#include <jansson.h>
#include <stdbool.h>

enum mirror_kind {
    MIRROR_BSERVER,
    MIRROR_VF,
    MIRROR_DESKTOP,
    MIRROR_OPERATION,
    MIRROR_SEAT,
    MIRROR_POOL_IO,
    MIRROR_SHARE,
    MIRROR_POOL,
    MIRROR_AUDIT,
    MIRROR_KINDS
};

bool mirror_kind_of(const char *word, enum mirror_kind *out);
/* A new object with the columns of the kind's table, or NULL if a member is wrong. */
json_t *mirror_row(enum mirror_kind kind, const char *id, const json_t *body);

#endif
