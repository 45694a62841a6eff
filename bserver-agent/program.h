/*
 * program — runs another program once: argv (never a shell), empty environment but PATH, limits, a
 * deadline; killed and reaped when it passes.
 */
#ifndef BSERVER_AGENT_PROGRAM_H
#define BSERVER_AGENT_PROGRAM_H

#include <stdint.h>

#include "common/base/err.h"

struct program {
    const char *const *argv; /* argv[0] is looked up in PATH */
    int deadline_ms;
    int64_t memory_max; /* address space in bytes; 0 = no limit */
    int cpu_max_s;      /* 0 = no limit */
    int input;          /* its standard input; 0 = nothing */
};

/*
 * *status: exit status, or 128 + signal. said (NULL ok) gets the first bytes of its standard error.
 * DEADLINE, INTERNAL (could not be started).
 */
int program_run(const struct program *p, int *status, char *said, size_t size,
                struct err *e) MUSTCHECK;

#endif
