/*
 * call_http — calls from the CCC, passed to the module that they name, with the time that is left.
 * A worker keeps one open peer per module.
 */
#ifndef XCENTER_CALL_HTTP_H
#define XCENTER_CALL_HTTP_H

#include "common/http/http.h"

extern const struct route xcenter_call_routes[];
void *xcenter_worker_start(void *app);
void xcenter_worker_stop(void *app, void *worker);

#endif
