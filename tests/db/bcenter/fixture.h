/*
 * fixture — a bCenter without listeners on an empty database, and an agent that does at once what
 * the wanted set says. What runs is the daemon's own code; only the links are missing.
 */
#ifndef TESTS_DB_BCENTER_FIXTURE_H
#define TESTS_DB_BCENTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "bcenter/agent_observed.h"
#include "bcenter/broker.h"
#include "bcenter/leader.h"
#include "bcenter/login.h"
#include "bcenter/module_load.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "bcenter/session.h"
#include "bcenter/ticket_issue.h"
#include "bcenter/upstream.h"
#include "bcenter/wanted_intake.h"
#include "common/base/clock.h"
#include "common/base/json.h"

#define MODULE "aaaaaaaa-0000-4000-8000-000000000001"
#define OTHER_MODULE "aaaaaaaa-0000-4000-8000-000000000002"
#define POOL "bbbbbbbb-0000-4000-8000-000000000001"
#define IMAGE "cccccccc-0000-4000-8000-000000000001"
#define HOST "dddddddd-0000-4000-8000-000000000001"
#define NODE "eeeeeeee-0000-4000-8000-000000000001"

static inline void sql(const char *text)
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));
    PGresult *r = PQexec(c, text);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
}

static inline int64_t sql_number(const char *text)
{
    PGconn *c = PQconnectdb(getenv("TEST_DB"));
    PGresult *r = PQexec(c, text);
    int64_t n = -1;

    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
        n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    else
        fail_msg("%s: %s", text, PQerrorMessage(c));
    PQclear(r);
    PQfinish(c);
    return n;
}

/* Whatever else the cluster does (an autovacuum has a transaction too) holds the audit's rows back:
 * until it has ended. */
static inline void audit_settled(void)
{
    while (sql_number("select count(*) from audit "
                      "where rev >= pg_snapshot_xmin(pg_current_snapshot())") > 0)
        usleep(20000);
}

static inline void fresh_schema(void)
{
    auto_db struct db *db = NULL;
    struct err e = { 0 };
    char dir[512];

    sql("set client_min_messages = warning; drop schema public cascade; create schema public");
    snprintf(dir, sizeof dir, "%s/module/migrations", getenv("TEST_SQL"));
    if (db_open(getenv("TEST_DB"), &db, &e) < 0 || db_migrate(db, dir, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
}

static inline struct id id_of(const char *text)
{
    struct id id = { "" };

    assert_true(id_parse(text, &id));
    return id;
}

static inline struct id numbered(const char *prefix, int n)
{
    char text[ID_LEN + 1];

    snprintf(text, sizeof text, "%s-0000-4000-8000-%012d", prefix, n);
    return id_of(text);
}

/* An object of the CCC, as its JSON text. */
static inline void wanted(struct bcenter *bc, const char *kind, struct id id, const char *fmt, ...)
    PRINTF(4, 5);
static inline void wanted(struct bcenter *bc, const char *kind, struct id id, const char *fmt, ...)
{
    struct sync_object o = { .id = id };
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(o.kind, sizeof o.kind, "%s", kind);
    o.body = json_loads(text, 0, NULL);
    assert_non_null(o.body);
    wanted_intake(bc, &o);
    json_decref(o.body);
}

static inline void unwanted(struct bcenter *bc, const char *kind, struct id id)
{
    struct sync_object o = { .id = id, .deleted = true };

    snprintf(o.kind, sizeof o.kind, "%s", kind);
    wanted_intake(bc, &o);
}

static inline struct id person_no(int n)
{
    return numbered("ffffffff", n);
}

static inline void want_pool(struct bcenter *bc, const char *kind, int size, int spares,
                             const char *image)
{
    wanted(bc, "image_version", id_of(image),
           "{\"id\":\"%s\",\"sha256\":\"%064d\",\"size\":1000,\"virtual_size\":1073741824,"
           "\"format\":\"qcow2\","
           "\"guest\":\"bic\",\"image_name\":\"tiny\"}",
           image, 7);
    wanted(bc, "pool", id_of(POOL),
           "{\"id\":\"" POOL "\",\"name\":\"Office "
           "2026\",\"description\":\"\",\"kind\":\"%s\",\"image_version_id\":\"%s\","
           "\"spec\":{\"name\":\"s\",\"vcpus\":1,\"memory_mib\":256,\"disk_gib\":null,\"needs_vf\":"
           "false},"
           "\"spares_running\":%d,\"shares\":[{\"module_id\":\"" MODULE "\",\"size\":%d}]}",
           kind, image, spares, size);
}

static inline void want_people(struct bcenter *bc, int n)
{
    for (int i = 1; i <= n; i++) {
        struct id p = person_no(i);

        wanted(bc, "person", p,
               "{\"id\":\"%s\",\"username\":\"p%d\",\"display_name\":\"P\",\"role\":\"user\","
               "\"disabled\":false,\"groups\":[]}",
               p.s, i);
        wanted(bc, "entitlement", numbered("99999999", i),
               "{\"pool_id\":\"" POOL "\",\"person_id\":\"%s\"}", p.s);
    }
}

/* ---- the agent ---- */

static inline void heard(struct bcenter *bc, const char *host, const char *boot, int cores)
{
    struct agent_source from = { bc, id_of(host) };
    struct sync_object o = { .kind = "bserver", .id = id_of(host) };
    struct bserver *b;
    char text[1024];

    module_lock(&bc->m);
    b = module_bserver_add(&bc->m, &o.id);
    module_unlock(&bc->m);
    snprintf(text, sizeof text,
             "{\"kind\":\"embedded\",\"boot\":\"%s\",\"agent_version\":\"t\",\"cores\":%d,"
             "\"threads\":%d,\"memory_mib\":65536,"
             "\"accelerator\":\"tcg\",\"capabilities\":{\"screen\":true,\"guest_channel\":true,"
             "\"formats\":[\"qcow2\"]},"
             "\"lanes\":[{\"no\":0,\"url\":\"ws://localhost:1/"
             "display\"}],\"storage\":{\"store\":\"local\",\"size_gib\":500,"
             "\"free_gib\":400},\"drift\":[]}",
             boot, cores, cores);
    o.body = json_loads(text, 0, NULL);
    agent_observed(&from, &o);
    json_decref(o.body);
    module_lock(&bc->m);
    b->heard_ms = clock_boot_ms();
    b->heard_wall = clock_wall_ms();
    b->knows_key = true;
    module_unlock(&bc->m);
}

struct obey {
    struct bcenter *bc;
    int64_t done;
};

/* One desktop of the wanted set, as a quick and faithful agent would report it. */
static inline void obey_desktop(void *arg, const struct sync_object *want)
{
    struct obey *ob = arg;
    struct agent_source from = { ob->bc, { "" } };
    struct sync_object o = { .kind = "desktop", .id = want->id };
    bool deleting = json_flag(want->body, "deleting", false);
    const char *run = json_str(want->body, "run");

    from.bserver = id_of(want->scope);
    o.body = json_object();
    json_put_str(o.body, "state", deleting ? "missing" : run ? "running" : "off");
    json_put_str(o.body, "run", run);
    json_put_str(o.body, "ready_run", run);
    json_put_str(o.body, "overlay",
                 deleting ? NULL : json_str(json_object_get(want->body, "overlay"), "id"));
    agent_observed(&from, &o);
    json_decref(o.body);
    ob->done++;
}

static inline void obey(struct bcenter *bc)
{
    struct obey ob = { .bc = bc };

    sync_set_each(bc->agents, "desktop", obey_desktop, &ob);
    module_lock(&bc->m);
    for (struct bserver *b = bc->m.bservers; b; b = b->hh.next)
        if (b->heard_ms)
            b->heard_ms = clock_boot_ms();
    module_unlock(&bc->m);
}

/* Until nothing moves any more. */
static inline void settle(struct bcenter *bc)
{
    for (int i = 0; i < 6; i++) {
        reconcile_tick(bc);
        obey(bc);
    }
}

/* ---- life ---- */

static inline struct bcenter *fixture_start(void)
{
    static struct bcenter_config config;
    struct bcenter *bc = calloc(1, sizeof *bc);
    struct err e = { 0 };

    config = (struct bcenter_config){ .database = getenv("TEST_DB"),
                                      .floating_logoff_s = 600,
                                      .login_workers = 2 };
    bc->config = &config;
    bc->node.id = id_of(NODE);
    module_init(&bc->m);
    pthread_rwlock_init(&bc->wires, NULL);
    pthread_mutex_init(&bc->agents_lock, NULL);
    bc->wanted = sync_set_new_replica();
    bc->agents = sync_set_new_source();
    bc->observed = sync_set_new_source();
    if (sodium_init() < 0 || db_open(config.database, &bc->leader_db, &e) < 0 ||
        db_open(config.database, &bc->reconcile_db, &e) < 0 ||
        leader_take(bc, bc->leader_db, &e) < 0 || module_load(bc, bc->reconcile_db, &e) < 0 ||
        ticket_issue_start(bc, bc->reconcile_db, &e) < 0 ||
        login_open(bc, bc->reconcile_db, &e) < 0)
        fail_msg("%s %s", e.detail, e.cause);
    bc->loaded = bc->settled = true;
    bc->led_until = clock_boot_ms() + 3600000;
    module_lock(&bc->m);
    publish_all(bc);
    module_unlock(&bc->m);
    wanted(bc, "node", bc->node.id,
           "{\"id\":\"" NODE "\",\"kind\":\"bcenter\",\"name\":\"b\",\"module_id\":\"" MODULE
           "\"}");
    wanted(bc, "node", id_of(HOST),
           "{\"id\":\"" HOST "\",\"kind\":\"bserver\",\"name\":\"h1\",\"module_id\":\"" MODULE
           "\"}");
    return bc;
}

static inline void fixture_stop(struct bcenter *bc)
{
    login_close(bc);
    db_close(bc->leader_db);
    db_close(bc->reconcile_db);
    module_release(&bc->m);
    sync_set_free(bc->wanted);
    sync_set_free(bc->agents);
    sync_set_free(bc->observed);
    pthread_rwlock_destroy(&bc->wires);
    pthread_mutex_destroy(&bc->agents_lock);
    free(bc);
}

static inline int ask_as(struct bcenter *bc, struct db *db, int person, bool from_ccc,
                         struct connection *c, struct err *e)
{
    struct connect a = { .deadline_ms = clock_boot_ms() + 4000, .trace = "t" };

    a.ask.person = person_no(person);
    a.ask.pool = id_of(POOL);
    a.ask.from_ccc = from_ccc;
    snprintf(a.actor_name, sizeof a.actor_name, "p%d", person);
    return broker_connect(bc, db, &a, c, e);
}

/* At the log-in listener. */
static inline int ask(struct bcenter *bc, struct db *db, int person, struct connection *c,
                      struct err *e)
{
    return ask_as(bc, db, person, false, c, e);
}

/* A fresh module with one bServer, one pool and people entitled to it, at rest. */
static inline struct bcenter *with_pool(const char *kind, int size, int spares, int people)
{
    struct bcenter *bc;

    fresh_schema();
    bc = fixture_start();
    want_pool(bc, kind, size, spares, IMAGE);
    want_people(bc, people);
    heard(bc, HOST, "boot-1", 8);
    settle(bc);
    return bc;
}

static inline int ticket(struct bcenter *bc, struct db *db, const struct id *session,
                         const char *secret, struct err *e)
{
    struct connection c;

    *e = (struct err){ 0 };
    return session_ticket(bc, db, &(struct session_resume){ *session, secret }, &c, e);
}

#endif
