#include "common/daemon/config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/text.h"

enum { TEXT_MAX = 4096, KEYS_MAX = 128, FILE_MAX = 256 * 1024 };

struct reading {
    struct config *c;
    struct err *e;
    bool given[KEYS_MAX], ready_given, level_given;
};

static void *member(const struct config *c, const struct config_key *k)
{
    return (char *)c->values + k->offset;
}

static const struct config_key *find(const struct config *c, const char *name, size_t *index)
{
    for (size_t i = 0; c->keys[i].name; i++)
        if (strcmp(c->keys[i].name, name) == 0) {
            *index = i;
            return &c->keys[i];
        }
    return NULL;
}

static int set_text(char **to, const char *value, struct err *e)
{
    char *copy = strdup(value);

    if (!copy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    free(*to);
    *to = copy;
    return 0;
}

static int set_int(const struct config_key *k, void *to, const char *value, struct err *e)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(value, &end, 10);
    if (errno || end == value || *end || v < k->min || v > k->max)
        return err_set(e, ERR_INVALID_REQUEST, "%s must be a whole number from %lld to %lld",
                       k->name, (long long)k->min, (long long)k->max);
    *(int64_t *)to = v;
    return 0;
}

static int set_bool(const struct config_key *k, void *to, const char *value, struct err *e)
{
    bool yes = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;

    if (!yes && strcmp(value, "no") != 0 && strcmp(value, "false") != 0)
        return err_set(e, ERR_INVALID_REQUEST, "%s must be yes or no", k->name);
    *(bool *)to = yes;
    return 0;
}

static int set(const struct config *c, const struct config_key *k, const char *value, struct err *e)
{
    size_t most = k->max > 0 ? (size_t)k->max : TEXT_MAX;

    if (k->type == CONFIG_INT)
        return set_int(k, member(c, k), value, e);
    if (k->type == CONFIG_BOOL)
        return set_bool(k, member(c, k), value, e);
    if (strlen(value) > most || !text_utf8(value, strlen(value)))
        return err_set(e, ERR_INVALID_REQUEST, "%s must be text of at most %zu bytes", k->name,
                       most);
    return set_text(member(c, k), value, e);
}

static int set_common(struct reading *r, const char *name, const char *value, bool *known)
{
    bool *given = strcmp(name, "ready_file") == 0  ? &r->ready_given
                  : strcmp(name, "log_level") == 0 ? &r->level_given
                                                   : NULL;

    *known = given != NULL;
    if (!given)
        return 0;
    if (*given)
        return err_set(r->e, ERR_INVALID_REQUEST, "%s is given twice", name);
    *given = true;
    return set_text(given == &r->ready_given ? &r->c->ready_file : &r->c->log_level, value, r->e);
}

/* inih's callback: 1 = fine, 0 = the line is wrong and parsing stops there. */
static int on_line(void *user, const char *section, const char *name, const char *value)
{
    struct reading *r = user;
    size_t i = 0;
    const struct config_key *k = find(r->c, name, &i);
    bool known = false;

    if (section[0])
        return err_set(r->e, ERR_INVALID_REQUEST, "there are no sections"), 0;
    if (!k)
        return set_common(r, name, value, &known) == 0 &&
               (known || err_set(r->e, ERR_INVALID_REQUEST, "unknown key '%s'", name) == 0);
    if (r->given[i])
        return err_set(r->e, ERR_INVALID_REQUEST, "%s is given twice", name), 0;
    r->given[i] = true;
    return set(r->c, k, value, r->e) == 0;
}

static int take_fallbacks(struct reading *r)
{
    for (size_t i = 0; r->c->keys[i].name; i++) {
        const struct config_key *k = &r->c->keys[i];

        if (r->given[i])
            continue;
        if (!k->fallback)
            return err_set(r->e, ERR_INVALID_REQUEST, "%s must be given", k->name);
        if (set(r->c, k, k->fallback, r->e) < 0)
            return -1;
    }
    return 0;
}

int config_parse(struct config *c, const char *text, struct err *e)
{
    struct reading r = { .c = c, .e = e };
    struct err at = { 0 };
    size_t keys = 0;
    int line;

    while (c->keys[keys].name)
        keys++;
    if (keys > KEYS_MAX)
        return err_set(e, ERR_INTERNAL, "more than %d keys", KEYS_MAX);
    r.e = &at;
    line = ini_parse_string(text, on_line, &r);
    if (line != 0) {
        char detail[sizeof at.detail];

        text_one_line(detail, sizeof detail, at.code ? at.detail : "not a \"key = value\" line");
        return err_set(e, ERR_INVALID_REQUEST, "line %d: %s", line, detail);
    }
    r.e = e;
    return take_fallbacks(&r);
}

static void close_file(FILE *f)
{
    fclose(f);
}
DEFINE_AUTO(auto_file, FILE *, close_file)
#define auto_file AUTO(auto_file)
DEFINE_AUTO(auto_text, char *, free)
#define auto_text AUTO(auto_text)

int config_read(struct config *c, const char *path, struct err *e)
{
    auto_file FILE *f = fopen(path, "re");
    auto_text char *text = malloc(FILE_MAX + 1);
    size_t n;

    if (!f)
        return err_set(e, ERR_INVALID_REQUEST, "%s: %s", path, strerror(errno));
    if (!text)
        return err_set(e, ERR_INTERNAL, "out of memory");
    n = fread(text, 1, FILE_MAX + 1, f);
    if (ferror(f) || n > FILE_MAX || memchr(text, '\0', n))
        return err_set(e, ERR_INVALID_REQUEST, "%s: not a text file of at most %d bytes", path,
                       FILE_MAX);
    text[n] = '\0';
    return config_parse(c, text, e);
}

void config_release(struct config *c)
{
    for (const struct config_key *k = c->keys; c->values && k->name; k++)
        if (k->type == CONFIG_TEXT || k->type == CONFIG_SECRET) {
            char **text = member(c, k);

            if (*text && k->type == CONFIG_SECRET)
                explicit_bzero(*text, strlen(*text));
            free(*text);
            *text = NULL;
        }
    free(c->ready_file);
    free(c->log_level);
    c->ready_file = c->log_level = NULL;
}

void config_print(const struct config *c, FILE *to)
{
    for (const struct config_key *k = c->keys; k->name; k++) {
        fprintf(to, "# %s\n%s = ", k->help ? k->help : "", k->name);
        switch (k->type) {
        case CONFIG_TEXT: fprintf(to, "%s\n", *(char **)member(c, k)); break;
        case CONFIG_INT: fprintf(to, "%" PRId64 "\n", *(int64_t *)member(c, k)); break;
        case CONFIG_BOOL: fprintf(to, "%s\n", *(bool *)member(c, k) ? "yes" : "no"); break;
        case CONFIG_SECRET: fprintf(to, "…\n"); break;
        }
    }
}

const char *config_text(const struct config *c, const char *name)
{
    size_t i;
    const struct config_key *k = find(c, name, &i);

    if (k)
        return k->type == CONFIG_TEXT ? *(char **)member(c, k) : NULL;
    return strcmp(name, "ready_file") == 0  ? c->ready_file
           : strcmp(name, "log_level") == 0 ? c->log_level
                                            : NULL;
}
