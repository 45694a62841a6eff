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
    char first[2048];
    size_t size = json_dumpb(tree, first, sizeof first, JSON_COMPACT);
    struct body *b = size ? malloc(sizeof *b + size) : NULL;

    if (!b)
        return NULL;
    atomic_init(&b->owners, 1);
    b->size = size;
    if (size <= sizeof first)
        memcpy(b->text, first, size);
    else if (json_dumpb(tree, b->text, size, JSON_COMPACT) != size) {
        free(b);
        return NULL;
    }
    return b;
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

/* Almost always the texts decide. Two that are of one length and differ may be one value with its
 * members in another order. */
bool body_same(const struct body *a, const struct body *b)
{
    json_auto_t *x = NULL, *y = NULL;

    if (!a || !b)
        return a == b;
    if (a->size != b->size)
        return false;
    if (memcmp(a->text, b->text, a->size) == 0)
        return true;
    x = body_tree(a);
    y = body_tree(b);
    return x && y && json_equal(x, y);
}

json_t *body_tree(const struct body *b)
{
    return json_loadb(b->text, b->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}
