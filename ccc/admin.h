/* admin — the commands that are run instead of serving; results are exit statuses. */
#ifndef CCC_ADMIN_H
#define CCC_ADMIN_H

/* --make-admin NAME: refused when there is an administrator already. */
int admin_make(void *config, const char *name);
/*
 * --make-certificate DIR:NAME,…: DIR/server.key and DIR/server.crt of the installation's CA, for a
 * listener that browsers see (log-in, display) and that has no certificate of its owner's. Kept if
 * they are there and good.
 */
int admin_certificate(void *config, const char *argument);
/* --migrate: with owner_database if it is set; the argument is not looked at. */
int admin_migrate(void *config, const char *argument);

#endif
