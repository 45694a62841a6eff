/* unit — what every cmocka test of this directory includes. */
#ifndef TESTS_UNIT_COMMON_UNIT_H
#define TESTS_UNIT_COMMON_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/err.h"

/* Fails with what e says, so that a red test tells why. */
#define assert_ok(call, e)                                                                         \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s (%s)", err_slug((e)->code), (e)->detail, (e)->cause);                 \
    } while (0)

#define assert_err(call, e, want)                                                                  \
    do {                                                                                           \
        *(e) = (struct err){ 0 };                                                                  \
        assert_int_equal(call, -1);                                                                \
        assert_string_equal(err_slug((e)->code), err_slug(want));                                  \
    } while (0)

#endif
