/* bicctl — BIC from the command line: the portal's REST, a table of commands, exit statuses for
 * scripts. */
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "bicctl/command.h"

enum { WAIT_DEFAULT_S = 60 };

static const struct command *const tables[] = { session_commands, object_commands,
                                                desktop_commands };

static void usage(FILE *to)
{
    fprintf(to, "usage: bicctl [options] COMMAND …\n\n");
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct command *c = tables[t]; c->name; c++)
            fprintf(to, "  %-17s %-32s %s\n", c->name, c->arguments, c->help);
    fprintf(to, "\n  -o, --output table|json   how to print (table)\n"
                "  -w, --wait[=SECONDS]      wait for operations to end (60)\n"
                "  -f, --file FILE           members of a new thing, as JSON\n"
                "      --filter k=v,…        what to list, or the desktops that are meant\n"
                "      --dry-run             says what would happen to desktops, does nothing\n"
                "      --parent NAME|ID      block of a bCenter, module of a bServer\n"
                "      --password-file FILE  instead of asking (login, create user)\n"
                "      --ca FILE             CA of the installation (PEM), kept with the log-in\n\n"
                "exit status: 0 done, 1 usage, 2 not found, 3 conflict, 4 partly done, 5 denied, 6 "
                "time-out, 7 failed\n");
}

static int parse_wait(const char *text, int *seconds)
{
    char *end;
    long n = text ? strtol(text, &end, 10) : WAIT_DEFAULT_S;

    if (text && (*text == '\0' || (*end && strcmp(end, "s") != 0)))
        return -1;
    *seconds = (int)n;
    return n >= 1 && n <= 86400 ? 0 : -1;
}

static int parse(int argc, char **argv, struct options *o)
{
    enum { FILTER = 256, PARENT, PASSWORD_FILE, CA, DRY_RUN };
    static const struct option known[] = {
        { "output", required_argument, NULL, 'o' },
        { "wait", optional_argument, NULL, 'w' },
        { "file", required_argument, NULL, 'f' },
        { "filter", required_argument, NULL, FILTER },
        { "dry-run", no_argument, NULL, DRY_RUN },
        { "parent", required_argument, NULL, PARENT },
        { "ca", required_argument, NULL, CA },
        { "password-file", required_argument, NULL, PASSWORD_FILE },
        { "help", no_argument, NULL, 'h' },
        { 0 },
    };

    for (int c; (c = getopt_long(argc, argv, "o:w::f:h", known, NULL)) != -1;) {
        switch (c) {
        case 'o':
            if (strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)
                return -1;
            o->output = strcmp(optarg, "json") == 0 ? OUTPUT_JSON : OUTPUT_TABLE;
            break;
        case 'w':
            if (parse_wait(optarg, &o->wait_s) < 0)
                return -1;
            break;
        case 'f': o->file = optarg; break;
        case FILTER: o->filter = optarg; break;
        case DRY_RUN: o->dry_run = true; break;
        case PARENT: o->parent = optarg; break;
        case PASSWORD_FILE: o->password_file = optarg; break;
        case CA: o->ca = optarg; break;
        case 'h': usage(stdout); exit(EXIT_OK);
        default: return -1;
        }
    }
    return optind < argc ? 0 : -1;
}

static const struct command *find(const char *name)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct command *c = tables[t]; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

int main(int argc, char **argv)
{
    struct options o = { 0 };
    const struct command *c;
    int words, rc;

    setlocale(LC_ALL, "");
    if (parse(argc, argv, &o) < 0) {
        usage(stderr);
        return EXIT_USAGE;
    }
    c = find(argv[optind]);
    words = argc - optind - 1;
    if (!c || words < c->least || (c->most >= 0 && words > c->most)) {
        fprintf(stderr,
                c ? "usage: bicctl %s %s\n" : "bicctl: no command '%s'; see bicctl --help\n",
                argv[optind], c ? c->arguments : "");
        return EXIT_USAGE;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rc = c->run(&o, words, argv + optind + 1);
    curl_global_cleanup();
    return rc;
}
