/* routes — every route table of the CCC; ccc.c hangs them on the two listeners. */
#ifndef CCC_ROUTES_H
#define CCC_ROUTES_H

#include "common/http/http.h"

/* public listener */
extern const struct route session_routes[];
extern const struct route person_routes[];
extern const struct route group_routes[];
extern const struct route image_routes[];
extern const struct route spec_routes[];
extern const struct route pool_routes[];
extern const struct route entitlement_routes[];
extern const struct route tree_routes[];
extern const struct route placement_routes[];
extern const struct route node_routes[];
extern const struct route desktop_routes[];
extern const struct route desktop_bulk_routes[];
extern const struct route filter_routes[];
extern const struct route pool_preview_routes[];
extern const struct route operation_routes[];
extern const struct route connection_routes[];
extern const struct route event_routes[];
extern const struct route audit_routes[];
extern const struct route ca_routes[];
extern const struct route contract_routes[];
/* management listener */
extern const struct route sync_routes[];

/* Both ends of every body check: members that are only validated are read into this. */
union routes_sink {
    const char *text;
    struct id id;
    int64_t number;
    bool flag;
    json_t *value;
};

#endif
