/* banned — calls that are refused at compile time (forced in by the Makefile with -include). */
#ifndef COMMON_BASE_BANNED_H
#define COMMON_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Fortified headers define some of them as macros (clang), and poisoning a macro is an error. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol gets gmtime     \
    localtime
#undef alloca
#pragma GCC poison system popen alloca

#endif
