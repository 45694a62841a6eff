/*
 * list — what all lists of the REST contract have in common: limit, cursor, sort, filters.
 *
 * Each order is a statement of its own with the parameters limit, after, after_id and then one for
 * each filter in the order of the table, and the columns id, sort, body. A cursor is the sort value
 * and id of the last item, so pages are found by key, never by counting. Errors: INVALID_REQUEST
 * for unknown query parameters and values, and the database's.
 */
#ifndef CCC_LIST_H
#define CCC_LIST_H

#include "common/base/clock.h"
#include "common/db/db.h"
#include "common/http/http.h"

enum { LIST_FILTERS_MAX = 8 };
enum list_value { LIST_TEXT, LIST_TIME, LIST_NUMBER, LIST_UUID };

struct list_sort {
    const char *word; /* "name"; "-name" is downwards */
    enum list_value value;
    const struct db_stmt *up, *down;
};
struct list_filter {
    const char *name; /* query parameter; NULL: only the handler gives it */
    enum list_value value;
    const char *const *words; /* NULL or the allowed ones */
};
struct list_spec {
    const struct list_sort *sorts;     /* ends with { 0 }; the first is the default */
    bool newest_first;                 /* the default is downwards */
    const struct list_filter *filters; /* NULL or ends with LIST_END */
    const char *const *others;         /* NULL or more query parameters that the handler reads */
    const struct db_stmt *total;       /* NULL or (each filter) → total, said in the first page */
    void (*dress)(const struct request *rq,
                  json_t *item); /* NULL ok: last touches for this caller */
};
/* clang-format off */
#define LIST_END { .name = "" }
/* clang-format on */

/* given: NULL or one value for each filter that the handler fixes (NULL: the query's). */
int list_reply(const struct request *rq, struct reply *rp, const struct list_spec *spec,
               const char *const given[], struct err *e) MUSTCHECK;

/* The body column of a row as JSON; INTERNAL if the database holds rubbish. */
int list_body(const PGresult *r, int row, json_t **out, struct err *e) MUSTCHECK;

/* Cursor text, for the unit test: base64url of value, id and sort word. */
enum { LIST_CURSOR_MAX = 512 };
int list_cursor_write(char to[LIST_CURSOR_MAX], const char *word, const char *value, const char *id,
                      struct err *e) MUSTCHECK;
struct list_cursor {
    char text[LIST_CURSOR_MAX];
    char utc[CLOCK_TEXT];
    const char *word, *id, *value; /* into text or utc */
};
int list_cursor_read(const char *cursor, const char *word, enum list_value value,
                     struct list_cursor *out, struct err *e) MUSTCHECK;

#endif
