/*
 * desktop_filter — which desktops are meant: the filters of the list, as a JSON object in a body
 * (orders for many, saved filters). At least one member: nobody means all desktops by leaving
 * something out.
 */
#ifndef CCC_DESKTOP_FILTER_H
#define CCC_DESKTOP_FILTER_H

#include <jansson.h>

#include "common/base/err.h"
#include "common/base/id.h"

struct desktop_filter {
    const char *state, *q;                   /* NULL: any; borrowed from the JSON value */
    struct id pool, person, bserver, module; /* "": any */
};

/* INVALID_REQUEST with a pointer below `at`. */
int desktop_filter_read(const json_t *body, const char *at, struct desktop_filter *out,
                        struct err *e) MUSTCHECK;

#endif
