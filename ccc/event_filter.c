#include <string.h>

#include "ccc/event_stream.h"

static const char *const person_kinds[] = { "desktop", "operation", "connection" };
static const char *const all_kinds[] = { "desktop", "operation",   "connection", "pool", "bserver",
                                         "vf",      "module",      "block",      "node", "user",
                                         "group",   "entitlement", "image",      "spec" };

/* Her pools follow from these; group: its members, too. */
static const char *const pool_kinds[] = { "pool", "entitlement", "image", "group" };

static bool among(const char *const *kinds, size_t n, const char *kind)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

static bool own_kind(const char *kind)
{
    return among(person_kinds, sizeof person_kinds / sizeof *person_kinds, kind);
}

static bool pool_kind(const char *kind)
{
    return among(pool_kinds, sizeof pool_kinds / sizeof *pool_kinds, kind);
}

/* What this row is to the stream: NULL = nothing. *with_id: may its id be told? */
static const char *seen_as(bool admin, const struct id *person, const struct event_row *row,
                           bool *with_id)
{
    *with_id = true;
    if (strcmp(row->kind, "session") == 0)
        return NULL; /* between the database and event.c */
    if (admin)
        return row->kind;
    if (own_kind(row->kind))
        return id_eq(&row->person, person) ? row->kind : NULL;
    /* Which pools she has may have changed: she reads her short list again. */
    *with_id = false;
    return pool_kind(row->kind) ? "pool" : NULL;
}

static json_t *entry_for(json_t *list, const char *kind)
{
    json_t *o;
    size_t i;

    json_array_foreach(list, i, o)
    {
        if (strcmp(json_string_value(json_object_get(o, "kind")), kind) == 0)
            return o;
    }
    o = json_object();
    json_object_set_new(o, "kind", json_string(kind));
    json_object_set_new(o, "ids", json_array());
    json_array_append_new(list, o);
    return o;
}

static bool holds(const json_t *ids, const char *id)
{
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0)
            return true;
    return false;
}

/* More than the page can use one by one: it reads the list again. */
static void add_id(json_t *entry, const char *id)
{
    json_t *ids = json_object_get(entry, "ids");

    if (!ids || holds(ids, id))
        return;
    if (!id || json_array_size(ids) == EVENT_IDS_MAX)
        json_object_del(entry, "ids");
    else
        json_array_append_new(ids, json_string(id));
}

json_t *event_for(bool admin, const struct id *person, const struct event_row *rows, size_t n,
                  bool overflow)
{
    json_t *list = json_array();

    for (size_t i = 0; overflow && i < sizeof all_kinds / sizeof *all_kinds; i++)
        if (admin || own_kind(all_kinds[i]) || strcmp(all_kinds[i], "pool") == 0)
            json_object_del(entry_for(list, all_kinds[i]), "ids");
    for (size_t i = 0; !overflow && i < n; i++) {
        bool with_id;
        const char *kind = seen_as(admin, person, &rows[i], &with_id);
        json_t *entry = kind ? entry_for(list, kind) : NULL;

        if (entry && with_id && id_set(&rows[i].id))
            add_id(entry, rows[i].id.s);
        else if (entry)
            json_object_del(entry, "ids");
    }
    return list;
}
