/*
 * image — the golden images on this host: a blob store, filled in the background from the tier
 * above.
 *
 * One thread, one download at a time, those that desktops wait for before those that are only
 * announced. Every ten minutes it looks for images that nothing needs any more and lets them go
 * (common/peer/blob_sweep.h). Thread safe.
 */
#ifndef BSERVER_AGENT_IMAGE_H
#define BSERVER_AGENT_IMAGE_H

#include <jansson.h>

#include "common/base/id.h"
#include "common/peer/blob.h"

struct images;

struct images_spec {
    const char *dir;                  /* of the blob store */
    const struct peer_identity *self; /* NULL: nothing can be fetched (tests) */
    const char *const *urls;          /* of the tier above, NULL-ended; outlives it */
    const char *kind;                 /* "bcenter" */
    int64_t bytes_per_s;              /* 0: as fast as it goes */
    /* Adds a member for each sha256 that a disk or anything wanted names; false: not known now,
     * nothing goes. NULL: images stay for ever. */
    bool (*needed)(void *arg, json_t *into);
    void (*changed)(void *arg); /* an image has arrived, or a percent has changed */
    void *arg;
};

int images_start(const struct images_spec *spec, struct images **out, struct err *e) MUSTCHECK;
void images_stop(struct images *m); /* interrupts a download; NULL ok */

/* Announced (wanted object "image"), or urgently needed by a desktop. */
void images_want(struct images *m, const char *sha256, int64_t size, bool urgent);
/* Path of a complete image; false if it is not here. */
bool images_path(struct images *m, const char *sha256, char *path, size_t size);
/* One look for what nothing needs; the fetching thread's, tests call it before that begins. */
void images_sweep(struct images *m, int64_t now);
/* 0-100; does not block. */
int images_percent(struct images *m, const char *sha256);

#endif
