#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bicctl/command.h"
#include "bicctl/context.h"
#include "common/base/json.h"

enum { PASSWORD = 640 };

static void echo(bool on)
{
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &t) < 0)
        return;
    t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

/* From --password-file, else asked for (without echo at a terminal). Never an argument. */
static int read_password(const struct options *o, char to[PASSWORD])
{
    FILE *f = o->password_file ? fopen(o->password_file, "re") : stdin;
    bool got;

    if (!f) {
        fprintf(stderr, "bicctl: %s cannot be read\n", o->password_file);
        return EXIT_USAGE;
    }
    if (f == stdin && isatty(STDIN_FILENO)) {
        fprintf(stderr, "Password: ");
        echo(false);
    }
    got = fgets(to, PASSWORD, f) != NULL;
    if (f == stdin && isatty(STDIN_FILENO)) {
        echo(true);
        fprintf(stderr, "\n");
    }
    if (f != stdin)
        fclose(f);
    to[got ? strcspn(to, "\r\n") : 0] = '\0';
    return got ? EXIT_OK : EXIT_USAGE;
}

static int login(const struct options *o, int argc, char **argv)
{
    char password[PASSWORD];
    struct client c = { 0 };
    struct answer a = { 0 };
    json_auto_t *body = json_object();
    int rc = read_password(o, password);

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
