/*
 * screen_head — the one HTTP request of a display connection: the WebSocket opening handshake
 * (RFC 6455 §4.2.1), read strictly. Pure; the caller collects the bytes.
 */
#ifndef BSERVER_AGENT_SCREEN_HEAD_H
#define BSERVER_AGENT_SCREEN_HEAD_H

#include <stddef.h>

#include "common/base/err.h"
#include "common/wire/ticket.h"

enum { SCREEN_HEAD_MAX = 8192, SCREEN_KEY_LEN = 24, SCREEN_REPLY_MAX = 320 };
#define SCREEN_PATH "/display"
/* The subprotocol of a page that only asks whether this lane can be reached (docs/display.md). */
#define SCREEN_TEST_PROTOCOL "bic.lane-test.v1"

struct screen_head {
    char key[SCREEN_KEY_LEN + 1];
    char ticket[TICKET_MAX]; /* the whole subprotocol, nothing believed; "": a test of the lane */
};

/*
 * 1: complete, *used bytes of text belong to it. 0: more bytes are needed. -1: the error's status
 * is the answer (INVALID_REQUEST, NOT_FOUND, METHOD_NOT_ALLOWED, UPGRADE_REQUIRED,
 * HEADERS_TOO_LARGE, HTTP_VERSION, TICKET_REFUSED when there is neither ticket nor test). *h is
 * written only with 1.
 */
int screen_head_parse(const char *text, size_t n, struct screen_head *h, size_t *used,
                      struct err *e) MUSTCHECK;
/* "HTTP/1.1 101 …" with the accept value for key. Returns its length. */
size_t screen_head_accept(const struct screen_head *h, char to[SCREEN_REPLY_MAX]);
/* The refusal: a status and no reason. Returns its length. */
size_t screen_head_refuse(enum err_code code, char to[SCREEN_REPLY_MAX]);

#endif
