/*
 * screen_rfb — what a browser may say to QEMU's VNC server (RFB 3.8, RFC 6143), as a filter.
 *
 * Pure: bytes in, the bytes QEMU may have out; no I/O, no allocation. It takes any cut of the
 * stream, also byte by byte, and fails (INVALID_REQUEST, for the log) at the first thing that is
 * not on the list. After a failure the filter must not be fed again.
 */
#ifndef BSERVER_AGENT_SCREEN_RFB_H
#define BSERVER_AGENT_SCREEN_RFB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum {
    SCREEN_RFB_CUT_MAX = 1 << 20, /* bytes of one ClientCutText */
    SCREEN_RFB_KEEP = 48,         /* different encodings on the allow-list, rounded up */
    /* A call gives out at most as many bytes as it got plus those held back before. */
    SCREEN_RFB_HELD = 4 + 4 * SCREEN_RFB_KEEP + 20,
};

struct screen_rfb {
    bool view_only, cut_text; /* policy, from the ticket */
    uint8_t state, have, need;
    uint8_t head[20]; /* the part of a message that is looked at before anything is let through */
    bool pass;        /* the body goes through; else it is swallowed */
    uint32_t body;    /* bytes of it still to come */
    uint16_t encodings_left;
    uint8_t kept;
    int32_t keep[SCREEN_RFB_KEEP];
};

void screen_rfb_init(struct screen_rfb *f, bool view_only, bool cut_text);
/* to has room for n + SCREEN_RFB_HELD bytes. */
int screen_rfb_feed(struct screen_rfb *f, const uint8_t *from, size_t n, uint8_t *to, size_t *out,
                    struct err *e) MUSTCHECK;

#endif
