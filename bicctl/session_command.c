#include <stdlib.h>
#include <string.h>

#include "bicctl/command.h"
#include "bicctl/context.h"
#include "bicctl/password.h"
#include "common/base/json.h"

static int login(const struct options *o, int argc, char **argv)
{
    char password[PASSWORD_MAX];
    struct client c = { 0 };
    struct answer a = { 0 };
    json_auto_t *body = json_object();
    int rc = password_read(o->password_file, "Password: ", password);

    (void)argc;
    if (rc != EXIT_OK)
        return rc;
    if (asprintf(&c.api, "%s%s", argv[0], strstr(argv[0], "/api/v1") ? "" : "/api/v1") < 0)
        return EXIT_FAILED;
    c.ca = o->ca ? realpath(o->ca, NULL) : NULL;
    json_put_str(body, "username", argv[1]);
    json_put_str(body, "password", password);
    explicit_bzero(password, sizeof password);
    rc = client_call(&c, "POST", "/sessions", body, NULL, &a);
    if (rc == EXIT_OK) {
        c.token = json_str(a.body, "token") ? strdup(json_str(a.body, "token")) : NULL;
        rc = context_save(&c);
    }
    answer_release(&a);
    client_release(&c);
    return rc;
}

static int logout(const struct options *o, int argc, char **argv)
{
    struct client c = { 0 };
    struct answer a = { 0 };
    int rc = context_load(&c);

    (void)o;
    (void)argc;
    (void)argv;
    if (rc != EXIT_OK)
        return rc;
    rc = client_call(&c, "DELETE", "/sessions/current", NULL, NULL, &a);
    answer_release(&a);
    client_release(&c);
    return context_forget() == EXIT_OK ? rc : EXIT_FAILED;
}

static int me(const struct options *o, int argc, char **argv)
{
    struct client c = { 0 };
    struct answer a = { 0 };
    int rc = context_load(&c);

    (void)argc;
    (void)argv;
    if (rc == EXIT_OK)
        rc = client_call(&c, "GET", "/me", NULL, NULL, &a);
    if (rc == EXIT_OK)
        output_one(o->output, a.body);
    answer_release(&a);
    client_release(&c);
    return rc;
}

const struct command session_commands[] = {
    { "login", "URL USERNAME", "signs in; the password is asked for or read from --password-file",
      2, 2, login },
    { "logout", "", "ends the session and forgets it", 0, 0, logout },
    { "me", "", "who is signed in", 0, 0, me },
    { 0 },
};
