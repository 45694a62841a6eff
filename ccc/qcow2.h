/*
 * qcow2 — may this uploaded file become a golden image? Read here, byte by byte with bounds, before
 * any program that would follow what the file says opens it (docs/interop/qcow2.txt of QEMU is the
 * format).
 *
 * Refused (IMAGE_INVALID, with a sentence for the administrator): anything that makes QEMU open
 * another file (backing file, external data), encryption, internal snapshots, damage, features that
 * this build does not know, tables that do not lie in the file, and sizes out of bounds.
 */
#ifndef CCC_QCOW2_H
#define CCC_QCOW2_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define QCOW2_SIZE_MIN (INT64_C(1) << 20)
#define QCOW2_SIZE_MAX (INT64_C(16) << 40)

struct qcow2_info {
    int version, cluster_bits;
    int64_t virtual_size, file_size;
    bool extended_l2, zstd;
};

/* IMAGE_INVALID; STORAGE_FAILED when the file cannot be read. */
int qcow2_inspect(const char *path, struct qcow2_info *out, struct err *e) MUSTCHECK;

#endif
