#include "bicctl/password.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bicctl/client.h"

static void echo(bool on)
{
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &t) < 0)
        return;
    t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

static bool asked(const char *file)
{
    return !file && isatty(STDIN_FILENO);
}

int password_read(const char *file, const char *question, char to[PASSWORD_MAX])
{
    FILE *f = file ? fopen(file, "re") : stdin;
    bool got;

    if (!f) {
        fprintf(stderr, "bicctl: %s cannot be read\n", file);
        return EXIT_USAGE;
    }
    if (asked(file)) {
        fprintf(stderr, "%s", question);
        echo(false);
    }
    got = fgets(to, PASSWORD_MAX, f) != NULL;
    if (asked(file)) {
        echo(true);
        fprintf(stderr, "\n");
    }
    if (f != stdin)
        fclose(f);
    to[got ? strcspn(to, "\r\n") : 0] = '\0';
    if (got)
        return EXIT_OK;
    fprintf(stderr, "bicctl: no password: it is asked for, or read from --password-file\n");
    return EXIT_USAGE;
}

int password_read_new(const char *file, char to[PASSWORD_MAX])
{
    char again[PASSWORD_MAX];
    int rc = password_read(file, "New password: ", to);

    if (rc != EXIT_OK || !asked(file))
        return rc;
    rc = password_read(file, "The same again: ", again);
    if (rc == EXIT_OK && strcmp(to, again) != 0) {
        fprintf(stderr, "bicctl: these are two passwords\n");
        rc = EXIT_USAGE;
    }
    explicit_bzero(again, sizeof again);
    return rc;
}
