/*
 * text — what strings that people give may look like. Everything typed by a person passes here
 * once, at the border, before it reaches SQL, XML, a path or a log line.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_NAME_MAX = 64, TEXT_NOTE_MAX = 512 };

bool text_utf8(const char *s, size_t n); /* valid UTF-8: no surrogate, no overlong, no NUL */
size_t text_utf8_prefix(const char *s, size_t n); /* bytes at the start that are valid */
/* The character at s (not its end), U+FFFD for a byte that is none; returns its length. *control:
 * it moves the cursor, ends a line or turns the direction of what follows. */
size_t text_character(const char *s, uint32_t *cp, bool *control);
bool text_name(const char *s);          /* 1-64 characters, no control, no blank at the ends */
bool text_note(const char *s);          /* 0-512 characters, newline and tab allowed */
bool text_username(const char *s);      /* [a-z0-9][a-z0-9._-]{0,31} */
bool text_password(const char *s);      /* 8-128 characters, no control */
bool text_hex(const char *s, size_t n); /* exactly n lower-case hexadecimal digits */
bool text_hostname(const char *s);      /* one RFC 1123 label, lower case */
size_t text_chars(const char *s);       /* code points */

/* n, less the bytes of a character that begins in s[0..n) and does not end there: where to cut. */
size_t text_whole(const char *s, size_t n);
/* Copies of from what fits into to[size], whole characters only. Returns to. */
const char *text_cut(char *to, size_t size, const char *from);
/* The same where from is not to span lines: control characters, quotes and what is not UTF-8 become
 * blanks. */
const char *text_one_line(char *to, size_t size, const char *from);

#endif
