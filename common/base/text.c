#include "common/base/text.h"

#include <string.h>

/* Decodes one code point; returns its length, 0 if the bytes are not UTF-8 (RFC 3629). */
static size_t decode(const unsigned char *s, size_t n, uint32_t *cp)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t len = s[0] < 0x80       ? 1
                 : s[0] >> 5 == 6  ? 2
                 : s[0] >> 4 == 14 ? 3
                 : s[0] >> 3 == 30 ? 4
                                   : 0;

    if (len == 0 || len > n)
        return 0;
    *cp = len == 1 ? s[0] : s[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        *cp = *cp << 6 | (s[i] & 0x3FU);
    }
    if (*cp < least[len] || *cp > 0x10FFFF || (*cp >= 0xD800 && *cp <= 0xDFFF))
        return 0;
    return len;
}

static bool control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029 ||
           (cp >= 0x200E && cp <= 0x200F) || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

static bool blank(uint32_t cp)
{
    return cp == ' ' || cp == 0xA0 || cp == 0x3000;
}

size_t text_utf8_prefix(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t done = 0;
    uint32_t cp;

    while (done < n) {
        size_t len = decode(p + done, n - done, &cp);

        if (len == 0 || cp == 0)
            break;
        done += len;
    }
    return done;
}

bool text_utf8(const char *s, size_t n)
{
    return text_utf8_prefix(s, n) == n;
}

size_t text_chars(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* Between least and most characters, none of them control (newline and tab if multi). */
static bool plain(const char *s, size_t least, size_t most, bool multi)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t left = s ? strlen(s) : 0, count = 0;
    uint32_t cp;

    while (left > 0) {
        size_t len = decode(p, left, &cp);

        if (len == 0 || ++count > most)
            return false;
        if (control(cp) && !(multi && (cp == '\n' || cp == '\t')))
            return false;
        p += len;
        left -= len;
    }
    return s && count >= least;
}

bool text_name(const char *s)
{
    uint32_t first, last = 0;
    const unsigned char *p = (const unsigned char *)s;

    if (!plain(s, 1, TEXT_NAME_MAX, false))
        return false;
    decode(p, strlen(s), &first);
    for (size_t left = strlen(s), len; left > 0; left -= len, p += len)
        len = decode(p, left, &last);
    return !blank(first) && !blank(last);
}

bool text_note(const char *s)
{
    return plain(s, 0, TEXT_NOTE_MAX, true);
}

bool text_password(const char *s)
{
    return plain(s, 8, 128, false);
}

bool text_username(const char *s)
{
    size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") : 0;

    return n >= 1 && n <= 32 && s[n] == '\0' && !strchr("._-", s[0]);
}

bool text_hex(const char *s, size_t n)
{
    return s && strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

bool text_hostname(const char *s)
{
    size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;

    return n >= 1 && n <= 63 && s[n] == '\0' && s[0] != '-' && s[n - 1] != '-';
}

size_t text_character(const char *s, uint32_t *cp, bool *is_control)
{
    size_t len = decode((const unsigned char *)s, strnlen(s, 4), cp);

    if (len == 0)
        *cp = 0xFFFD;
    *is_control = control(*cp);
    return len ? len : 1;
}

size_t text_whole(const char *s, size_t n)
{
    for (size_t i = 1; i <= 3 && i <= n; i++) {
        unsigned char c = (unsigned char)s[n - i];

        if (c >> 6 != 2)
            return c >= 0xC0 && i < (c < 0xE0 ? 2U : c < 0xF0 ? 3U : 4U) ? n - i : n;
    }
    return n;
}

const char *text_cut(char *to, size_t size, const char *from)
{
    size_t n = strnlen(from, size);

    if (n >= size)
        n = text_whole(from, size - 1);
    memcpy(to, from, n);
    to[n] = '\0';
    return to;
}

const char *text_one_line(char *to, size_t size, const char *from)
{
    size_t n = 0, len;

    for (; *from; from += len) {
        uint32_t cp;
        bool is_control, is_blank;

        len = text_character(from, &cp, &is_control);
        is_blank = is_control || cp == '"' || (cp == 0xFFFD && len == 1);
        if (n + (is_blank ? 1 : len) >= size)
            break;
        if (is_blank)
            to[n++] = ' ';
        else
            memcpy(to + n, from, len);
        n += is_blank ? 0 : len;
    }
    to[n] = '\0';
    return to;
}
