/*
 * operation — an order that the CCC gives and owns: what is to happen to which desktop or bServer,
 * until when. Whether it can be done is the module's to say, what came of it is observed; the view
 * api_operation shows both together.
 */
#ifndef CCC_OPERATION_H
#define CCC_OPERATION_H

#include <jansson.h>

#include "common/db/db.h"
#include "common/http/http.h"

enum { OPERATION_S = 300 }; /* deadline of an order */

struct operation_order {
    const struct request *rq;
    const char *verb;
    const char *target_kind; /* "desktop", "bserver" */
    struct id module;
    char target_name[260];
    bool done; /* there is nothing to do: the order is born succeeded */
};

/* Inside a transaction: writes the order with its audit row, or finds the same one still open. *id
 * gets which. */
int operation_give(struct db *db, const struct operation_order *o, struct id *id,
                   struct err *e) MUSTCHECK;

/* The operation as its people see it. NOT_FOUND. */
int operation_read(struct db *db, const struct id *id, json_t **body, struct err *e) MUSTCHECK;

/* The key under which requests wait for an operation: "operation:<id>". */
enum { OPERATION_KEY = 48 };
void operation_key(const char *id, char to[OPERATION_KEY]);

/* Orders past their deadline end; ended ones are withdrawn after an hour. */
int operation_tidy(struct db *db, struct err *e) MUSTCHECK;

#endif
