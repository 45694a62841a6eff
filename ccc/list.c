#include "ccc/list.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "common/base/json.h"
#include "common/base/text.h"

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200, ARGS_MAX = 3 + LIST_FILTERS_MAX };

/* s as the database takes it, NULL if it is none of this kind. A time is said in UTC: RFC 3339
 * knows offsets that PostgreSQL does not. */
static const char *value_of(enum list_value kind, const char *s, char utc[CLOCK_TEXT])
{
    struct id id;
    int64_t ms;
    char *end;

    switch (kind) {
    case LIST_TEXT: return strlen(s) <= 256 && text_utf8(s, strlen(s)) ? s : NULL;
    case LIST_TIME: return clock_parse(s, &ms) ? clock_text(ms, utc) : NULL;
    case LIST_UUID: return id_parse(s, &id) ? s : NULL;
    case LIST_NUMBER: strtol(s, &end, 10); return s[0] && strlen(s) <= 9 && !*end ? s : NULL;
    }
    return NULL;
}

int list_cursor_write(char to[LIST_CURSOR_MAX], const char *word, const char *value, const char *id,
                      struct err *e)
{
    char plain[LIST_CURSOR_MAX];
    int n = snprintf(plain, sizeof plain, "%s\n%s\n%s", word, id, value);

    if (n < 0 || (size_t)n >= sizeof plain ||
        sodium_base64_ENCODED_LEN((size_t)n, sodium_base64_VARIANT_URLSAFE_NO_PADDING) >
            LIST_CURSOR_MAX)
        return err_set(e, ERR_INTERNAL, "a sort value is too long for a cursor");
    sodium_bin2base64(to, LIST_CURSOR_MAX, (const unsigned char *)plain, (size_t)n,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return 0;
}

int list_cursor_read(const char *cursor, const char *word, enum list_value value,
                     struct list_cursor *out, struct err *e)
{
    size_t n = 0;
    char *id, *end;
    const char *v = NULL;

    if (sodium_base642bin((unsigned char *)out->text, sizeof out->text - 1, cursor, strlen(cursor),
                          NULL, &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        memchr(out->text, 0, n))
        return err_set(e, ERR_INVALID_REQUEST, "this cursor is not one of ours");
    out->text[n] = '\0';
    id = strchr(out->text, '\n');
    if (id)
        *id++ = '\0';
    end = id ? strchr(id, '\n') : NULL;
    if (end) {
        *end++ = '\0';
        v = value_of(value, end, out->utc);
    }
    if (!v || strcmp(out->text, word) != 0 || !id_valid(id))
        return err_set(e, ERR_INVALID_REQUEST, "the cursor belongs to another list or order");
    out->word = out->text;
    out->id = id;
    out->value = v;
    return 0;
}

struct query {
    const struct list_sort *sort;
    bool down;
    int64_t limit;
    struct list_cursor cursor;
    char limit_text[16];
    char times[LIST_FILTERS_MAX][CLOCK_TEXT];
    const char *args[ARGS_MAX];
};

static int check_names(const struct request *rq, const struct list_spec *spec, struct err *e)
{
    const char *allowed[3 + 2 * LIST_FILTERS_MAX + 1] = { "limit", "cursor", "sort" };
    int n = 3;

    for (const struct list_filter *f = spec->filters; f && (!f->name || f->name[0]); f++)
        if (f->name)
            allowed[n++] = f->name;
    for (const char *const *o = spec->others; o && *o; o++)
        allowed[n++] = *o;
    return http_query_only(rq, allowed, e);
}

static int read_sort(const struct request *rq, const struct list_spec *spec, struct query *q,
                     struct err *e)
{
    const char *word = http_query(rq, "sort");

    q->sort = spec->sorts;
    q->down = spec->newest_first;
    if (!word)
        return 0;
    q->down = word[0] == '-';
    for (q->sort = spec->sorts; q->sort->word; q->sort++)
        if (strcmp(q->sort->word, word + q->down) == 0)
            return 0;
    return err_set(e, ERR_INVALID_REQUEST, "this list cannot be sorted by that");
}

static bool among(const char *const *words, const char *s)
{
    for (; *words; words++)
        if (strcmp(*words, s) == 0)
            return true;
    return false;
}

static int read_filters(const struct request *rq, const struct list_spec *spec,
                        const char *const given[], struct query *q, struct err *e)
{
    const struct list_filter *f = spec->filters;

    for (int i = 0; f && (!f->name || f->name[0]); f++, i++) {
        const char *said = f->name ? http_query(rq, f->name) : NULL;
        const char *v = said ? value_of(f->value, said, q->times[i]) : NULL;

        if (said && (!v || (f->words && !among(f->words, v))))
            return err_set(e, ERR_INVALID_REQUEST, "query parameter %s has no such value", f->name);
        q->args[3 + i] = given && given[i] ? given[i] : v;
    }
    return 0;
}

static int read_query(const struct request *rq, const struct list_spec *spec,
                      const char *const given[], struct query *q, struct err *e)
{
    const char *cursor = http_query(rq, "cursor");
    char word[48];

    if (check_names(rq, spec, e) < 0 ||
        http_query_int(rq, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &q->limit, e) < 0 ||
        read_sort(rq, spec, q, e) < 0 || read_filters(rq, spec, given, q, e) < 0)
        return -1;
    snprintf(q->limit_text, sizeof q->limit_text, "%d", (int)q->limit + 1);
    q->args[0] = q->limit_text;
    if (!cursor)
        return 0;
    snprintf(word, sizeof word, "%s%s", q->down ? "-" : "", q->sort->word);
    if (list_cursor_read(cursor, word, q->sort->value, &q->cursor, e) < 0)
        return -1;
    q->args[1] = q->cursor.value;
    q->args[2] = q->cursor.id;
    return 0;
}

int list_body(const PGresult *r, int row, json_t **out, struct err *e)
{
    const char *text = db_text(r, row, "body");
    json_t *o = text ? json_loads(text, 0, NULL) : NULL;

    if (!o)
        return err_set(e, ERR_INTERNAL, "a stored object cannot be read");
    *out = o;
    return 0;
}

static int add_items(const struct request *rq, const struct list_spec *spec, const PGresult *r,
                     int n, json_t *items, struct err *e)
{
    for (int i = 0; i < n; i++) {
        json_t *item;

        if (list_body(r, i, &item, e) < 0)
            return -1;
        if (spec->dress)
            spec->dress(rq, item);
        json_array_append_new(items, item);
    }
    return 0;
}

/* How many there are, where that is cheap to know: null where not. The next pages say nothing. */
static int add_total(const struct request *rq, const struct list_spec *spec, const struct query *q,
                     json_t *body, struct err *e)
{
    auto_result PGresult *r = NULL;
    int64_t n;

    if (!spec->total || q->args[1])
        return 0;
    if (db_run(ccc_db(rq), spec->total, q->args + 3, &r, e) < 0)
        return -1;
    n = db_int(r, 0, "total", -1);
    json_object_set_new(body, "total", n < 0 ? json_null() : json_integer(n));
    return 0;
}

int list_reply(const struct request *rq, struct reply *rp, const struct list_spec *spec,
               const char *const given[], struct err *e)
{
    struct query q = { 0 };
    char next[LIST_CURSOR_MAX] = "", word[48];
    json_auto_t *body = json_object();
    json_t *items = json_array();
    auto_result PGresult *r = NULL;
    int n;

    json_object_set_new(body, "items", items);
    if (read_query(rq, spec, given, &q, e) < 0 ||
        db_run(ccc_db(rq), q.down ? q.sort->down : q.sort->up, q.args, &r, e) < 0)
        return -1;
    n = db_rows(r) > q.limit ? (int)q.limit : db_rows(r);
    if (add_items(rq, spec, r, n, items, e) < 0)
        return -1;
    snprintf(word, sizeof word, "%s%s", q.down ? "-" : "", q.sort->word);
    if (db_rows(r) > n &&
        list_cursor_write(next, word, db_text(r, n - 1, "sort"), db_text(r, n - 1, "id"), e) < 0)
        return -1;
    json_put_str(body, "next", next);
    if (add_total(rq, spec, &q, body, e) < 0)
        return -1;
    json_put_time(body, "as_of", clock_wall_ms());
    return http_reply(rp, 200, MOVE(body), e);
}
