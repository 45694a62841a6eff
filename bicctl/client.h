/*
 * client — bicctl's side of REST: one request at a time over libcurl, JSON in and out.
 *
 * A problem+json answer becomes a struct problem, which main turns into words and an exit status.
 */
#ifndef BICCTL_CLIENT_H
#define BICCTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "common/base/attr.h"

/* Exit statuses, part of the interface of scripts. */
enum exit_status {
    EXIT_OK = 0,
    EXIT_USAGE = 1,
    EXIT_NOT_FOUND = 2,
    EXIT_CONFLICT = 3,
    EXIT_PARTIAL = 4,
    EXIT_DENIED = 5,
    EXIT_TIMEOUT = 6,
    EXIT_FAILED = 7,
};

struct client {
    char *api;   /* "http://localhost:8080/api/v1" */
    char *token; /* NULL before log-in */
    char *ca;    /* NULL: the system's */
};

struct answer {
    int status;    /* HTTP; 0 = nobody answered */
    json_t *body;  /* owned; NULL if there was none */
    char etag[32]; /* "" or the value of ETag */
    char location[256];
};
void answer_release(struct answer *a);

/*
 * body NULL: none; if_match NULL: none. Returns EXIT_OK with *a filled on a 2xx, else prints the
 * problem to stderr and returns its exit status; *a is released by the caller in both cases.
 */
int client_call(const struct client *c, const char *method, const char *path, const json_t *body,
                const char *if_match, struct answer *a) MUSTCHECK;
/* POST of a file as it is (an image). */
int client_upload(const struct client *c, const char *path, const char *file,
                  struct answer *a) MUSTCHECK;

#endif
