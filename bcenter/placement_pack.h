/*
 * placement_pack — the inputs of one placement as bytes, to be kept with the choice and replayed:
 * the same functions on the same inputs give the same host and lane (design: explain).
 *
 * Pure. At most PLACEMENT_INPUTS bytes, big endian; the first byte is the version: 2; 1, from
 * before the I/O law, is still read. A version that is not known is refused, never guessed at.
 */
#ifndef BCENTER_PLACEMENT_PACK_H
#define BCENTER_PLACEMENT_PACK_H

#include "bcenter/placement.h"

enum { PLACEMENT_INPUTS = 1024 };

/* Bytes written. n is at most PLACEMENT_HOSTS. Numbers past their field's room are cut to it. */
size_t placement_pack(const struct candidate *c, int n, const struct demand *d,
                      unsigned char to[PLACEMENT_INPUTS]);
/* Candidates written. INTERNAL when the bytes are not what placement_pack wrote. */
int placement_unpack(const unsigned char *from, size_t size, struct candidate c[PLACEMENT_HOSTS],
                     struct demand *d, struct err *e) MUSTCHECK;

#endif
