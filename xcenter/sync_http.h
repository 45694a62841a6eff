/* sync_http — the upper end of the bCenters' links, and blobs for them. */
#ifndef XCENTER_SYNC_HTTP_H
#define XCENTER_SYNC_HTTP_H

#include "common/http/http.h"

#define XCENTER_WANTED_KEY "wanted" /* what long-polls are parked on */

extern const struct route xcenter_sync_routes[];

#endif
