#include "ccc/wanted_block.h"

#include <string.h>

#include "common/base/id.h"
#include "sql/ccc/node.h"

enum { SCOPES_MAX = 512, TRIES = 3 };

static int scopes_of(struct db *db, const char *block_id, char to[SCOPES_MAX], struct err *e)
{
    auto_result PGresult *modules = NULL;
    size_t at;

    if (db_run(db, &Q_node_block_modules, DB_ARGS(block_id), &modules, e) < 0)
        return -1;
    at = (size_t)snprintf(to, SCOPES_MAX, "{\"\"");
    for (int i = 0; i < db_rows(modules) && at + ID_LEN + 3 < SCOPES_MAX; i++)
        at += (size_t)snprintf(to + at, SCOPES_MAX - at, ",%s", db_text(modules, i, "id"));
    snprintf(to + at, SCOPES_MAX - at, "}");
    return 0;
}

/*
 * A module that came between the two questions has objects below the page's cursor that the page
 * does not have: they would be skipped for ever. So the page counts only if the modules are the
 * same after it.
 */
int wanted_block_page(struct db *db, const char *block_id, const char *cursor, json_t **page,
                      bool *empty, struct err *e)
{
    char scopes[SCOPES_MAX], after[SCOPES_MAX];

    if (scopes_of(db, block_id, after, e) < 0)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        json_t *read;

        memcpy(scopes, after, sizeof scopes);
        if (wanted_page(db, scopes, cursor, &read, empty, e) < 0)
            return -1;
        if (scopes_of(db, block_id, after, e) < 0) {
            json_decref(read);
            return -1;
        }
        if (strcmp(scopes, after) == 0) {
            *page = read;
            return 0;
        }
        json_decref(read);
    }
    return err_set(e, ERR_TX_CONFLICT, "the block's modules are changing");
}
