#include "common/sync/body.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct body {
    atomic_int owners;
    size_t size;
    char text[];
};

struct body *body_new(const json_t *tree)
{
    size_t size = json_dumpb(tree, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
    struct body *b = size ? malloc(sizeof *b + size) : NULL;

    if (!b)
        return NULL;
    atomic_init(&b->owners, 1);
    b->size = json_dumpb(tree, b->text, size, JSON_COMPACT | JSON_SORT_KEYS);
    if (b->size == size)
        return b;
    free(b);
    return NULL;
}

struct body *body_keep(struct body *b)
{
    if (b)
        atomic_fetch_add(&b->owners, 1);
    return b;
}

void body_drop(struct body *b)
{
    if (b && atomic_fetch_sub(&b->owners, 1) == 1)
        free(b);
}

bool body_same(const struct body *a, const struct body *b)
{
    if (!a || !b)
        return a == b;
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

json_t *body_tree(const struct body *b)
{
    return json_loadb(b->text, b->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}
