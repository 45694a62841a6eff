#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/http/server.h"

int http_reply(struct reply *rp, int status, json_t *body, struct err *e)
{
    if (!body)
        return err_set(e, ERR_INTERNAL, "out of memory");
    json_decref(rp->body);
    rp->status = status;
    rp->body = body;
    return 0;
}

int http_park(struct reply *rp, const char *key, int64_t until_boot_ms)
{
    rp->park_key = key;
    rp->park_until_ms = until_boot_ms;
    return 0;
}

int http_accepted(struct reply *rp, const char *operation_id, json_t *operation, struct err *e)
{
    snprintf(rp->location, sizeof rp->location, "/api/v1/operations/%s", operation_id);
    return http_reply(rp, 202, operation, e);
}

void reply_release(struct reply *rp)
{
    json_decref(rp->body);
    free(rp->text_owned);
    if (rp->file_fd >= 0)
        close(rp->file_fd);
    rp->body = NULL;
    rp->text_owned = NULL;
    rp->file_fd = -1;
}
