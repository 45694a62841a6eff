/* pack_state — the inside of pack, shared by its files and nobody else. */
#ifndef BSERVER_AGENT_PACK_STATE_H
#define BSERVER_AGENT_PACK_STATE_H

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "bserver-agent/agent.h"
#include "bserver-agent/pack.h"
#include "common/base/log.h"
#include "common/daemon/part.h"
#include "common/http/http.h"

enum { PACK_FILE = LOG_ABOUT, PACK_OPENERS = 16, PACK_LOOK_MS = 1000 };

enum slot_state { SLOT_WAITING, SLOT_OPENING, SLOT_OPEN, SLOT_FAILED };

/* What a file was when it was read: another means that it is to be read again. */
struct stamp {
    ino_t inode;
    off_t size;
    struct timespec changed;
};

/* One configuration file of the directory. state, part, agent, error, next_ms: the pack's lock;
 * while it is opening, its thread alone makes the agent. The rest: the ticker's. */
struct slot {
    struct slot *next;
    struct pack *pack;
    char file[PACK_FILE]; /* without the directory and ".conf" */
    struct stamp read, seen;
    bool there; /* in the newest listing */
    enum slot_state state;
    pthread_t opener;
    bool has_opener;
    struct part *part;
    struct agent *agent;
    struct err error;
    int fails;
    int64_t next_ms; /* clock_boot_ms */
};

struct pack {
    const struct agent_config *config;
    struct agent_place place;
    struct agent *only; /* the one agent without key hosts */
    bool blind;         /* the directory could not be read; the ticker's */
    pthread_mutex_t listen_lock;
    struct http_server *server;
    char *url, self[64], *cert, *key, *ca; /* of the listener */
    pthread_mutex_t lock;                  /* what follows, and what the slots say */
    struct ticker *ticker;
    struct slot
        *slots; /* made and forgotten by the ticker alone, who reads the list without lock */
};

/* pack_slots.c: one look at the directory, with what follows from it. */
void pack_look(struct pack *p);
/* Whether a configured host has screens. Reads the files. */
bool pack_has_screens(struct pack *p);
void pack_close_slots(struct pack *p);

#endif
