/* A problem document of a peer: decoded, encoded again, decoded again: the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/http/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = { 0 }, once = { 0 }, twice = { 0 };
    json_t *body = NULL, *again;

    if (json_read((const char *)data, n, &body, &e) < 0)
        return 0;
    problem_decode(body, "peer/p1", &once);
    json_decref(body);
    if (once.code == ERR_NONE || !once.origin[0])
        abort();
    again = problem_encode(&once, "trace");
    problem_decode(again, "peer/p2", &twice);
    json_decref(again);
    if (once.code != twice.code || strcmp(once.detail, twice.detail) != 0 ||
        strcmp(once.origin, twice.origin) != 0 || strcmp(once.where, twice.where) != 0 ||
        strcmp(once.pointer, twice.pointer) != 0 || once.numbers != twice.numbers)
        abort();
    return 0;
}
