/*
 * screen — the display listener: from a browser's WebSocket to QEMU's VNC socket (docs/display.md).
 *
 * Owner: the agent; one struct screen for all lanes, so that nonces, sequence numbers and "one
 * socket per session, the newest wins" hold across them. It owns its threads and sockets. What it
 * needs from the agent comes through struct screen_host, whose functions are thread safe, may be
 * called from any of its threads, never call back into screen_…, and (except open_graphics) do not
 * block. The functions below may be called from any thread and never wait for a slow client or for
 * QEMU.
 */
#ifndef BSERVER_AGENT_SCREEN_H
#define BSERVER_AGENT_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"
#include "common/wire/ticket.h"

struct screen;

struct screen_host {
    void *arg;
    /*
     * A connected socket to the desktop's graphics, if this very run is running now (VM_STATE
     * otherwise, VM_MISSING, VIRT_UNAVAILABLE, DEADLINE). May take up to 5 s. The caller owns *fd.
     */
    int (*open_graphics)(void *arg, const struct id *desktop, const struct id *run, int *fd,
                         struct err *e);
    /* The bCenter's wall clock; false while the offset is unknown. */
    bool (*now_ms)(void *arg, int64_t *bcenter_wall_ms);
    /* The key of this kid, as published by the bCenter and not expired. TICKET_REFUSED if unknown.
     */
    int (*public_key)(void *arg, const struct id *kid, unsigned char key[TICKET_PUBLIC],
                      struct err *e);
    /* The run that runs (*run "" = none) and the lowest sequence number that is still good. false:
     * no such desktop here. */
    bool (*desktop)(void *arg, const struct id *desktop, struct id *run, int64_t *floor_seq);
    /* For the report. opened once a relay runs, closed once for each opened, with all bytes sent.
     */
    void (*opened)(void *arg, const struct id *session, const struct id *desktop, int64_t seq,
                   int lane);
    void (*closed)(void *arg, const struct id *session, const struct id *desktop, int64_t seq,
                   int64_t bytes_out);
};

struct screen_spec {
    const char *const *listen;      /* "127.0.0.1:0", NULL-ended, one a lane; copied */
    const char *cert_pem, *key_pem; /* paths; NULL or "": plain, on loopback only */
    struct id bserver;              /* tickets must name it */
    const struct screen_host *host; /* outlives the screen */
};

/* INVALID_REQUEST (address, certificate; plain off loopback), INTERNAL (socket). */
int screen_start(const struct screen_spec *spec, struct screen **out, struct err *e) MUSTCHECK;
int screen_port(const struct screen *s, int lane);     /* lane 0 … n-1; -1 if there is none */
bool screen_lane_up(const struct screen *s, int lane); /* lane_link.h; false if there is none */
/*
 * The bCenter's word on a desktop: nothing below seq is good any more, and at seq only live_session
 * (NULL or "": none) is. Closes with 4001 what does not fit. A screen above seq is younger than
 * this word and stays. May be repeated at will.
 */
void screen_session_floor(struct screen *s, const struct id *desktop, int64_t seq,
                          const struct id *live_session);
/* The desktop's run ended: closes its screens with 4003. */
void screen_desktop_stopped(struct screen *s, const struct id *desktop);
int screen_count(const struct screen *s); /* relays open now */
/* Since the start, of all screens that were admitted: segments with data that were sent, and those
 * of them that TCP sent again (TCP_INFO). */
void screen_segments(struct screen *s, uint64_t *sent, uint64_t *resent);
/* Certificate renewed: reads the paths again for new connections. */
int screen_reload_tls(struct screen *s, struct err *e) MUSTCHECK;
void screen_stop(struct screen *s); /* closes with 1001, joins; NULL ok */

#endif
