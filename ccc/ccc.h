/*
 * ccc — the Cloud Control Center: what should be, who may, and a mirror of what is.
 *
 * Any number of processes may run on one database; a process keeps nothing that another needs.
 */
#ifndef CCC_CCC_H
#define CCC_CCC_H

#include <pthread.h>

#include "ccc/ca.h"
#include "ccc/event.h"
#include "ccc/mark.h"
#include "common/base/password.h"
#include "common/base/throttle.h"
#include "common/daemon/daemon.h"
#include "common/daemon/node.h"
#include "common/db/db.h"
#include "common/http/http.h"
#include "common/http/token.h"
#include "common/peer/blob.h"

struct ccc_config {
    char *state_dir, *database, *owner_database, *migrations;
    char *management_listen, *management_url;
    char *public_listen, *public_url, *public_cert, *public_key, *web_root;
    char *blob_dir, *ca_dir;
    int64_t login_workers, http_workers, image_max_gib;
};

struct ccc {
    const struct ccc_config *config;
    struct node node;          /* its certificate is of its own making */
    char cookie[TOKEN_COOKIE]; /* name of the session cookie */
    bool secure;               /* the public listener speaks TLS */
    struct ca *ca;
    struct blob_store *blobs;
    struct passwords *passwords;
    struct throttle *throttle;
    struct mark *mark;
    struct event_hub *events;
    struct http_server *public, *management;
    struct ticker *housekeeping;
    struct db *house_db; /* of the housekeeping thread */
    struct db *ready_db; /* of /readyz and /summary, under ready_lock */
    pthread_mutex_t ready_lock;
};

struct ccc_lines; /* calls down: ccc/line.h */
struct ccc_worker {
    struct db *db;
    struct ccc_lines *lines;
    PGresult *route;           /* read with the session, for the handler: connection.h */
    char route_of[ID_LEN + 1]; /* the trace of the request that it belongs to */
};

/* This worker's database connection. */
static inline struct db *ccc_db(const struct request *rq)
{
    return ((struct ccc_worker *)rq->worker)->db;
}
static inline struct ccc *ccc_app(const struct request *rq)
{
    return rq->app;
}

extern const struct config_key ccc_keys[];
int ccc_start(struct daemon *d, void *config, void **app, struct err *e) MUSTCHECK;
void ccc_stop(void *app);
bool ccc_ready(void *app, char *why, size_t size);
json_t *ccc_summary(void *app);

#endif
