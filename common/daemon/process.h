/* process — the one daemon of this process, as its management routes see it. Only common/daemon/.
 */
#ifndef COMMON_DAEMON_PROCESS_H
#define COMMON_DAEMON_PROCESS_H

#include "common/daemon/daemon.h"

struct daemon {
    const struct daemon_spec *spec;
    void *config, *app;
    json_t *published; /* what the ready file will say */
};

/* The daemon whose start() has returned; NULL before that and while it stops. Released by
 * process_leave. */
const struct daemon *process_enter(void);
void process_leave(void);

#endif
