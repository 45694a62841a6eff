/*
 * broker_decide — what a person who asks for a pool or a desktop gets (docs/broker.md, Connect).
 * Pure on the module in memory: no I/O, no clock, nothing is changed. Lock held.
 */
#ifndef BCENTER_BROKER_DECIDE_H
#define BCENTER_BROKER_DECIDE_H

#include "bcenter/module.h"
#include "common/base/err.h"

enum { BROKER_MODULES = MODULE_SHARES };

struct broker_ask {
    struct id person, pool, desktop; /* pool or desktop */
    bool from_ccc;                   /* the CCC asks, and asks others if she is not served here */
    struct id released[BROKER_MODULES]; /* with it: those that said that they do not serve her */
    int nreleased;
    struct id turn; /* the CCC's request; "": of a CCC that does not say */
    bool again; /* all of them have: whoever has room takes her, if it gave her up to this turn */
};

enum decision {
    DECIDE_REFUSE, /* code, detail; release: her seat here is given up before it is said */
    DECIDE_WAIT, /* another thread is writing this desktop, or its host has to hear our key: soon */
    DECIDE_RESUME,   /* her live session */
    DECIDE_OPEN,     /* a new session on a desktop that is ready */
    DECIDE_START,    /* an operation: it starts, or its start is waited for */
    DECIDE_QUEUE,    /* an operation that waits until its host has I/O to give: `why` in the law's
                        words */
    DECIDE_OPERATION /* the operation that is already open for her */
};
struct decided {
    enum decision what;
    struct desktop *desktop;
    bool no_room, release;  /* release: not here, and the CCC passes her on */
    struct err why;         /* of a refusal, or of the wait */
    int64_t charge;         /* uio: what the desktop is charged with it */
    char login[128];        /* of the module that serves her; "" if not another */
    int64_t size, assigned; /* of the pool here, when it is exhausted */
};
void broker_decide(struct module *m, const struct broker_ask *ask, int64_t boot_ms,
                   struct decided *out);

/* Clean, nobody's, not being written, on a host that is in service. */
bool broker_spare(const struct desktop *d, int64_t boot_ms);

#endif
