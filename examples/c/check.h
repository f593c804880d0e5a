/* Counts what was checked and what failed. */
#ifndef CHECK_H
#define CHECK_H

#include "scrip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int failures, checks;

#define CHECK(what)                                                          \
    do {                                                                     \
        checks++;                                                            \
        if (!(what)) {                                                       \
            failures++;                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);       \
        }                                                                    \
    } while (0)

/* The bytes of a text, and how many there are. */
#define TEXT(text) (const uint8_t *)(text), strlen(text)

static inline int check_result(void) {
    fprintf(stderr, "%d checks, %d failures\n", checks, failures);
    return failures ? 1 : 0;
}

#endif
