#include "ccc/admin.h"
#include "ccc/ccc.h"

int main(int argc, char **argv)
{
    static const struct daemon_command commands[] = {
        { "make-admin", "NAME", admin_make,
          "Makes the first administrator; the password comes on stdin." },
        { "make-certificate", "DIR:NAME,…", admin_certificate,
          "Makes DIR/server.crt and its key for a listener that browsers see." },
        { "migrate", NULL, admin_migrate,
          "Brings the database to this version's schema and ends." },
        { 0 },
    };
    static const struct daemon_spec spec = {
        .name = "ccc",
        .keys = ccc_keys,
        .commands = commands,
        .config_size = sizeof(struct ccc_config),
        .start = ccc_start,
        .stop = ccc_stop,
        .ready = ccc_ready,
        .summary = ccc_summary,
    };

    return daemon_main(argc, argv, &spec);
}
