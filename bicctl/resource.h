/* resource — the kinds of things bicctl knows: where they are, what is shown, how a name is found.
 */
#ifndef BICCTL_RESOURCE_H
#define BICCTL_RESOURCE_H

#include "bicctl/client.h"

enum { RESOURCE_COLUMNS = 11 };
/* Beside its list. */
enum { RESOURCE_GET = 1, RESOURCE_CREATE = 2, RESOURCE_DELETE = 4, RESOURCE_CHANGE = 8 };

struct resource {
    const char *word;                          /* "desktops" */
    const char *one;                           /* "desktop" */
    const char *path;                          /* "/desktops" */
    const char *name;                          /* member that people call it by; NULL: only ids */
    unsigned can;                              /* RESOURCE_… */
    const char *columns[RESOURCE_COLUMNS + 1]; /* members shown in a table, NULL-ended */
};

extern const struct resource resources[];               /* ends with { 0 } */
const struct resource *resource_find(const char *word); /* singular or plural; NULL */

/* The id of the thing with this id or name. EXIT_NOT_FOUND, EXIT_CONFLICT (several of that name).
 */
int resource_id(const struct client *c, const struct resource *r, const char *word,
                char id[37]) MUSTCHECK;
/* All pages of a list; query "" or "state=running&…". */
int resource_list(const struct client *c, const struct resource *r, const char *query,
                  json_t **items) MUSTCHECK;

#endif
