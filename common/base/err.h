/*
 * err — what went wrong, told once.
 *
 * Every function that can fail returns 0 or -1 and takes a struct err * as its last argument. It
 * fills the object only when it returns -1. The first error stays. An err lives on the caller's
 * stack, needs no free and never allocates, so it also works when memory is gone.
 */
#ifndef COMMON_BASE_ERR_H
#define COMMON_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

enum err_code {
    ERR_NONE,
#define E(name, status, slug, title, retryable) ERR_##name,
#include "common/base/errors.def"
#undef E
    ERR_COUNT
};

enum { ERR_NUMBERS = 6 };

struct err {
    enum err_code code;
    char detail[256]; /* for the client: one sentence, no secret, no SQL, no path */
    char cause[256];  /* for our log only: SQLSTATE, libvirt domain/code, errno */
    char pointer[96]; /* JSON pointer into the request body, "" if it is not about one member */
    char origin[64];  /* tier and instance that saw it first, e.g. "bserver/b7" */
    char where[128];  /* "" or the URL at which it would succeed (seat-elsewhere) */
    struct {
        char name[24];
        int64_t value;
    } number[ERR_NUMBERS]; /* the figures behind a refusal, for the client */
    int numbers;
    const char *file; /* where err_set() was called in this process */
    int line;
};

/* Always returns -1, so that a failing function can end in `return err_set(…)`. */
#define err_set(e, code, ...) err_set_at((e), (code), __FILE__, __LINE__, __VA_ARGS__)
int err_set_at(struct err *e, enum err_code code, const char *file, int line, const char *fmt, ...)
    PRINTF(5, 6);

/* "field /spec/vcpus": where in the request body the fault lies (RFC 6901); the first stays. */
int err_pointer(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Adds the log-only cause to an error that is already set; the first stays. Returns -1. */
int err_cause(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Adds a named figure ("size", 40); names are [a-z_]{1,23}, more than ERR_NUMBERS are dropped. */
int err_number(struct err *e, const char *name, int64_t value);

/* The URL that would serve the asker, if it fits; the first stays. Returns -1. */
int err_where(struct err *e, const char *url);

int err_status(enum err_code code);
const char *err_slug(enum err_code code);
const char *err_title(enum err_code code);
bool err_retryable(enum err_code code);
enum err_code err_from_slug(const char *slug); /* ERR_NONE if this build does not know it */

#endif
