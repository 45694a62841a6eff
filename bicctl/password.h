/*
 * password — from a file, or asked for. Never an argument: every user of the machine sees those.
 */
#ifndef BICCTL_PASSWORD_H
#define BICCTL_PASSWORD_H

#include "common/base/attr.h"

enum { PASSWORD_MAX = 640 };

/*
 * The first line of file; file NULL: of standard input, at a terminal after the question and
 * without echo. EXIT_USAGE and a sentence if there is none.
 */
int password_read(const char *file, const char *question, char to[PASSWORD_MAX]) MUSTCHECK;
/* One that is to be set: a person at a terminal types it twice. */
int password_read_new(const char *file, char to[PASSWORD_MAX]) MUSTCHECK;

#endif
