#include "common/base/clock.h"
#include "common/db/conn.h"

#include <poll.h>

static int listen_on(struct db *db, const char *channel, struct err *e)
{
    char sql[80];

    snprintf(sql, sizeof sql, "listen %s", channel);
    return conn_command(db, sql, conn_until(db), NULL, e);
}

int db_listen(struct db *db, const char *channel, struct err *e)
{
    size_t n = strspn(channel, "abcdefghijklmnopqrstuvwxyz_");
    int i = 0;

    if (n < 1 || n > 63 || channel[n] || db->channels == DB_CHANNELS_MAX)
        return err_set(e, ERR_INTERNAL, "not a channel to listen to");
    if (conn_ready(db, e) < 0)
        return -1;
    while (i < db->channels && strcmp(db->channel[i], channel) != 0)
        i++;
    if (i == db->channels)
        snprintf(db->channel[db->channels++], sizeof db->channel[0], "%s", channel);
    return listen_on(db, channel, e);
}

static int take(struct db *db, char channel[64], char payload[256])
{
    int n = 0;

    for (PGnotify *note = PQnotifies(db->conn); note; note = PQnotifies(db->conn)) {
        snprintf(channel, 64, "%s", note->relname);
        snprintf(payload, 256, "%s", note->extra);
        PQfreemem(note);
        n++;
    }
    return n;
}

int db_wait(struct db *db, int timeout_ms, char channel[64], char payload[256], struct err *e)
{
    int64_t until = clock_boot_ms() + timeout_ms;

    if (conn_ready(db, e) < 0)
        return -1;
    if (db->relisten) { /* what was said while there was no connection is lost: tell the caller to
                           look */
        for (int i = 0; i < db->channels; i++)
            if (listen_on(db, db->channel[i], e) < 0)
                return -1;
        db->relisten = false;
        snprintf(channel, 64, "%s", db->channels ? db->channel[0] : "");
        payload[0] = '\0';
        return 1;
    }
    for (;;) {
        int n = take(db, channel, payload);

        if (n > 0)
            return n;
        if (!conn_poll(db->conn, POLLIN, until))
            return 0;
        if (!PQconsumeInput(db->conn) || PQstatus(db->conn) == CONNECTION_BAD)
            return db_fail(db, NULL, "notify", e);
    }
}
