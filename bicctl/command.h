/* command — bicctl's verbs. Each gets the words after its own name and returns an exit status. */
#ifndef BICCTL_COMMAND_H
#define BICCTL_COMMAND_H

#include <stdbool.h>

#include "bicctl/client.h"
#include "bicctl/output.h"

struct options {
    enum output output;
    int wait_s; /* 0: do not wait */
    bool dry_run;
    const char *ca, *file, *filter, *parent, *password_file;
};

struct command {
    const char *name, *arguments, *help;
    int least, most; /* number of words; most -1 = any */
    int (*run)(const struct options *o, int argc, char **argv);
};

extern const struct command session_commands[], object_commands[], desktop_commands[];

#endif
