/* bcenter — the module's connection broker and controller. */
#include "bcenter/bcenter.h"

#define KEY(member) offsetof(struct bcenter_config, member)

static const struct config_key keys[] = {
    { "database", CONFIG_SECRET, NULL, 0, 0, KEY(database),
      "PostgreSQL conninfo of the module's database, as role module." },
    { "owner_database", CONFIG_SECRET, "", 0, 0, KEY(owner_database),
      "Conninfo of the schema's owner; --migrate only." },
    { "migrations", CONFIG_TEXT, "sql/module/migrations", 0, 0, KEY(migrations),
      "Directory of the migrations." },
    { "xcenter_url", CONFIG_TEXT, NULL, 0, 0, KEY(xcenter_url),
      "Management addresses of the block's xCenters." },
    { "login_listen", CONFIG_TEXT, "127.0.0.1:0", 0, 0, KEY(login_listen),
      "Address of the log-in listener." },
    { "login_url", CONFIG_TEXT, "", 0, 0, KEY(login_url),
      "What browsers shall call it, without /api/v1." },
    { "login_cert", CONFIG_TEXT, "", 0, 0, KEY(login_cert),
      "Its certificate; empty: plain, loopback only." },
    { "login_key", CONFIG_TEXT, "", 0, 0, KEY(login_key), "Its private key." },
    { "web_root", CONFIG_TEXT, "", 0, 0, KEY(web_root), "Directory of the portal; empty: none." },
    { "cache_dir", CONFIG_TEXT, NULL, 0, 0, KEY(cache_dir),
      "Images on their way to the bServers." },
    { "bulk_mib_per_s", CONFIG_INT, "4", 0, 10240, KEY(bulk_mib_per_s),
      "Most MiB a second at which images come from the xCenter; 0 = no limit." },
    { "login_workers", CONFIG_INT, "2", 1, 64, KEY(login_workers),
      "Password hashes at once, 19 MiB each." },
    { "floating_logoff_s", CONFIG_INT, "600", 5, 86400, KEY(floating_logoff_s),
      "Seconds after the screen closed until a floating desktop's session ends." },
    NODE_KEYS(struct bcenter_config),
    NODE_JOIN_KEYS(struct bcenter_config),
    { 0 },
};

static int migrate(void *config, const char *argument)
{
    const struct bcenter_config *c = config;
    auto_db struct db *db = NULL;
    struct err e = { 0 };

    (void)argument;
    if (db_open(c->owner_database[0] ? c->owner_database : c->database, &db, &e) < 0 ||
        db_migrate(db, c->migrations, &e) < 0) {
        fprintf(stderr, "bcenter: %s (%s)\n", e.detail, e.cause);
        return 1;
    }
    return 0;
}

static const struct daemon_command commands[] = {
    { "migrate", NULL, migrate, "Brings the module's database to this version's schema and ends." },
    { 0 },
};

int main(int argc, char **argv)
{
    static const struct daemon_spec spec = {
        .name = "bcenter",
        .keys = keys,
        .commands = commands,
        .config_size = sizeof(struct bcenter_config),
        .start = bcenter_start,
        .stop = bcenter_stop,
        .ready = bcenter_ready,
        .summary = bcenter_summary,
        .metrics = bcenter_metrics,
    };

    return daemon_main(argc, argv, &spec);
}
