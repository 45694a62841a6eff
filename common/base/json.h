/*
 * json — jansson with the limits that text from outside gets, and strict reading of requests.
 *
 * Objects follow jansson's ownership: json_auto_t locals, json_object_set_new steals.
 */
#ifndef COMMON_BASE_JSON_H
#define COMMON_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { JSON_BODY_MAX = 1 << 20, JSON_DEPTH_MAX = 32 };

/* Parses n bytes: UTF-8, no duplicate member, depth ≤ 32, no NUL, nothing after. INVALID_REQUEST.
 */
int json_read(const char *text, size_t n, json_t **out, struct err *e) MUSTCHECK;

/*
 * A request body as a table: each member once, with its type, whether it must be there, its bounds
 * and where the value goes. Unknown members are refused, err_pointer() names the guilty one. Text
 * stays owned by the JSON value. A JSON_DECIMAL is a number with at most three decimals, written in
 * thousandths.
 */
enum json_kind { JSON_TEXT, JSON_UUID, JSON_INT, JSON_DECIMAL, JSON_BOOL, JSON_OBJ, JSON_ARR };
struct json_field {
    const char *name;
    enum json_kind kind;
    bool required, nullable;
    void *to;         /* const char **, struct id *, int64_t *, bool *, json_t ** (borrowed) */
    int64_t min, max; /* JSON_INT: bounds; JSON_DECIMAL: in thousandths; JSON_ARR: members */
    bool (*valid)(const char *); /* JSON_TEXT: a text_… check; NULL: up to 64 KiB of any text */
    const char *must;            /* JSON_TEXT: sentence said when valid() refuses */
    const char *const *words;    /* JSON_TEXT: NULL or the NULL-ended list of allowed words */
    bool *given;                 /* NULL or set to whether the member was there */
};
/* fields end with { 0 }. body NULL or not an object: INVALID_REQUEST. Nothing is written on failure
 * of a field before it. */
int json_fields(const json_t *body, const struct json_field *fields, struct err *e) MUSTCHECK;

/* Short getters for messages between tiers, where unknown and missing members are tolerated. */
const char *json_str(const json_t *o, const char *key); /* NULL if absent or not text */
int64_t json_num(const json_t *o, const char *key, int64_t fallback);
bool json_flag(const json_t *o, const char *key, bool fallback);
bool json_id(const json_t *o, const char *key, struct id *out); /* false and untouched if no UUID */
void json_put_str(json_t *o, const char *key, const char *text); /* NULL or "" becomes null */
void json_put_int(json_t *o, const char *key, int64_t value);
void json_put_bool(json_t *o, const char *key, bool value);
void json_put_time(json_t *o, const char *key, int64_t wall_ms); /* 0 becomes null */

#endif
