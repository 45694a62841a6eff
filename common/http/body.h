/*
 * body — what a client sends after its head: collected in memory (JSON) or in a spool file.
 *
 * A plain value inside an exchange. Fed on the event thread, taken apart on a worker.
 */
#ifndef COMMON_HTTP_BODY_H
#define COMMON_HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

struct http_body {
    int64_t limit, size;
    char *text; /* JSON: size bytes */
    size_t room;
    char *file; /* HTTP_BODY_FILE: path, removed by body_release unless renamed away */
    int fd;
};

void body_init(struct http_body *b, int64_t limit); /* in memory */
int body_spool(struct http_body *b, const char *dir, int64_t limit, struct err *e) MUSTCHECK;
/* BODY_TOO_LARGE, INSUFFICIENT_STORAGE, STORAGE_FAILED. */
int body_feed(struct http_body *b, const char *data, size_t n, struct err *e) MUSTCHECK;
int body_finish(struct http_body *b, struct err *e) MUSTCHECK; /* closes the file */
void body_release(struct http_body *b);

/* Removes what a process that died left in dir; files of living processes are locked and stay. */
void body_sweep(const char *dir);

#endif
