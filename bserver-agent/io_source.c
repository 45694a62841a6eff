#include "bserver-agent/io_source.h"

#include <stdlib.h>
#include <string.h>

struct io_counters *io_reading_add(struct io_reading *r, const struct id *desktop,
                                   const struct id *run)
{
    struct io_counters *c;

    if (r->n == r->room) {
        int room = r->room ? 2 * r->room : 64;
        struct io_counters *more = realloc(r->all, (size_t)room * sizeof *more);

        if (!more)
            return NULL;
        r->all = more;
        r->room = room;
    }
    c = &r->all[r->n++];
    memset(c, 0, sizeof *c);
    c->desktop = *desktop;
    c->run = *run;
    return c;
}

static int by_desktop(const void *a, const void *b)
{
    const struct io_counters *x = a, *y = b;

    return strcmp(x->desktop.s, y->desktop.s);
}

void io_reading_sort(struct io_reading *r)
{
    if (r->n > 1)
        qsort(r->all, (size_t)r->n, sizeof *r->all, by_desktop);
}

struct io_counters *io_reading_find(const struct io_reading *r, const struct id *desktop)
{
    struct io_counters key = { .desktop = *desktop };

    return r->n ? bsearch(&key, r->all, (size_t)r->n, sizeof *r->all, by_desktop) : NULL;
}

void io_reading_free(struct io_reading *r)
{
    free(r->all);
    memset(r, 0, sizeof *r);
}

uint64_t io_fold(uint64_t so_far, const char *text)
{
    uint64_t h = so_far ? so_far : 0xcbf29ce484222325;

    for (const char *c = text; *c; c++)
        h = (h ^ (unsigned char)*c) * 0x100000001b3;
    return (h ^ 0xff) * 0x100000001b3; /* "a" "bc" is not "ab" "c" */
}
