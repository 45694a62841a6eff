/*
 * desktop_name — names of new desktops, unique over the installation without asking anybody: the
 * pool's words, then letters that no other module has, then a number that is unique in this module
 * ("console-k1"). Pure. Names that were given stay.
 *
 * The letters are the shortest beginning, of at least one letter, of a word made from the module's
 * id that no other module's word begins with. Letters once used by a module are never another's
 * while it is there: a newcomer with the same beginning knows the elder and takes one letter more.
 */
#ifndef BCENTER_DESKTOP_NAME_H
#define BCENTER_DESKTOP_NAME_H

#include "common/base/id.h"

enum { DESKTOP_NAME = 64, DESKTOP_CODE = 13 };

/* others may name the module itself. */
void desktop_code(const struct id *module, const struct id *others, int n, char to[DESKTOP_CODE]);
/* "Office 2026", "k", 1 → "office-2026-k1"; words without a letter that a host name may have →
 * "desktop-k1". */
void desktop_name(const char *pool, const char *code, int number, char to[DESKTOP_NAME]);

#endif
