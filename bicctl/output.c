#include "bicctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "common/base/text.h"

enum { CELL = 160, COLUMNS = 16 };

static const json_t *member(const json_t *o, const char *path)
{
    char name[64];
    const char *dot = strchr(path, '.');

    if (!dot)
        return json_object_get(o, path);
    snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
    return member(json_object_get(o, name), dot + 1);
}

/* What a person reads; control characters of other people's words never reach the terminal. */
static void cell(const json_t *v, char to[CELL])
{
    if (!v || json_is_null(v)) {
        snprintf(to, CELL, "-");
    } else if (json_is_string(v)) {
        text_cut(to, CELL, json_string_value(v));
    } else {
        char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

        text_cut(to, CELL, text ? text : "");
        free(text);
    }
    for (size_t len; *to; to += len) {
        bool control;
        uint32_t cp;

        len = text_character(to, &cp, &control);
        if (control)
            memset(to, ' ', len);
    }
}

static int width(const char *text)
{
    wchar_t wide[CELL];
    size_t n = mbstowcs(wide, text, CELL);
    int w = n == (size_t)-1 ? -1 : wcswidth(wide, n);

    return w >= 0 ? w : (int)strlen(text);
}

static void pad(const char *text, int to, int last)
{
    printf("%s", text);
    for (int w = width(text); !last && w < to + 2; w++)
        putchar(' ');
    if (last)
        putchar('\n');
}

static void heading(const char *path, char to[CELL])
{
    const char *dot = strrchr(path, '.');

    snprintf(to, CELL, "%s", dot ? dot + 1 : path);
    for (char *p = to; *p; p++)
        *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p == '_' ? ' ' : *p);
}

static void table(const json_t *items, const char *const columns[])
{
    int n = 0, widths[COLUMNS] = { 0 };
    char text[CELL];

    for (; columns[n] && n < COLUMNS; n++) {
        heading(columns[n], text);
        widths[n] = width(text);
    }
    for (size_t i = 0; i < json_array_size(items); i++)
        for (int c = 0; c < n; c++) {
            cell(member(json_array_get(items, i), columns[c]), text);
            if (width(text) > widths[c])
                widths[c] = width(text);
        }
    for (int c = 0; c < n; c++) {
        heading(columns[c], text);
        pad(text, widths[c], c == n - 1);
    }
    for (size_t i = 0; i < json_array_size(items); i++)
        for (int c = 0; c < n; c++) {
            cell(member(json_array_get(items, i), columns[c]), text);
            pad(text, widths[c], c == n - 1);
        }
}

void output_list(enum output how, const json_t *items, const char *const columns[])
{
    if (how == OUTPUT_TABLE) {
        table(items, columns);
        return;
    }
    json_dumpf(items, stdout, JSON_INDENT(1));
    putchar('\n');
}

void output_one(enum output how, const json_t *object)
{
    const char *key;
    const json_t *v;
    char text[CELL];
    int w = 0;

    if (how == OUTPUT_JSON || !json_is_object(object)) {
        json_dumpf(object, stdout, JSON_INDENT(1) | JSON_ENCODE_ANY);
        putchar('\n');
        return;
    }
    for (void *it = json_object_iter((json_t *)(size_t)object); it;
         it = json_object_iter_next((json_t *)(size_t)object, it))
        w = width(json_object_iter_key(it)) > w ? width(json_object_iter_key(it)) : w;
    for (void *it = json_object_iter((json_t *)(size_t)object); it;
         it = json_object_iter_next((json_t *)(size_t)object, it)) {
        key = json_object_iter_key(it);
        v = json_object_iter_value(it);
        pad(key, w, 0);
        cell(v, text);
        printf("%s\n", text);
    }
}
