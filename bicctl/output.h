/* output — JSON for scripts, aligned columns for eyes (wide characters take two columns). */
#ifndef BICCTL_OUTPUT_H
#define BICCTL_OUTPUT_H

#include <jansson.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON };

/* columns: "a.b" reads member b of member a. */
void output_list(enum output how, const json_t *items, const char *const columns[]);
void output_one(enum output how, const json_t *object);

#endif
