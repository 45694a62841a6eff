/*
 * disk — the desktops' overlays on this host: DIR/disks/<desktop>/<overlay>.qcow2, and the recycle
 * bin DIR/bin/<when>.<desktop>.<n>/ where deleted and replaced ones wait until they are purged.
 *
 * An overlay appears whole or not at all (made under another name, synced, renamed). A desktop has
 * at most one. Thread safe for different desktops; one desktop's calls are serialised by its
 * machine.
 */
#ifndef BSERVER_AGENT_DISK_H
#define BSERVER_AGENT_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { DISK_PATH = 512 };

struct disk_store;

struct disk_order {
    struct id desktop, overlay;
    const char *image, *format; /* path of what it lies on, and its format */
    int64_t bytes;              /* size of the new disk; 0 = as large as the image */
};

/* dir is made if need be; absolute. STORAGE_FAILED. */
int disk_store_open(const char *dir, int64_t recycle_s, struct disk_store **out,
                    struct err *e) MUSTCHECK;
void disk_store_close(struct disk_store *s); /* NULL ok */

/* Path without its end: + ".qcow2", ".nvram". */
void disk_path(const struct disk_store *s, const struct id *desktop, const struct id *overlay,
               const char *end, char to[DISK_PATH]);
/* The overlay that the desktop has; false if none. */
bool disk_find(const struct disk_store *s, const struct id *desktop, struct id *overlay);
/* Has any desktop ever had a disk here? (the bin counts) */
bool disk_any(const struct disk_store *s);

/* What the desktop had before goes to the bin. STORAGE_FAILED, INSUFFICIENT_STORAGE, DEADLINE. */
int disk_make(struct disk_store *s, const struct disk_order *o, struct err *e) MUSTCHECK;
/* 0 also when there is nothing. */
int disk_recycle(struct disk_store *s, const struct id *desktop, struct err *e) MUSTCHECK;
/* Deletes what has been in the bin for recycle_s, at most a few a call. Returns how many. */
int disk_purge(struct disk_store *s, int64_t wall_ms);

/* What every disk that is here lies on, the recycle bin's and those being made included. Fails when
 * one cannot be read: then nobody knows. STORAGE_FAILED. */
int disk_backings(const struct disk_store *s, void (*visit)(void *arg, const char *path), void *arg,
                  struct err *e) MUSTCHECK;

int disk_space(const struct disk_store *s, int64_t *bytes, int64_t *bytes_free,
               struct err *e) MUSTCHECK;

#endif
