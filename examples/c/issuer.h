/*
 * The other end of the line: an issuer and a pay-out rail that say yes to everything, in the
 * words of the `plain` adapter. What they were asked to move stands in their own book, so that
 * anyone can count it.
 */
#ifndef ISSUER_H
#define ISSUER_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Answers the lines of one call into `out` and writes every redeem and pay to `book` (which may
 * be NULL). Returns the length of the answer, 0 if it cannot say anything.
 */
static size_t issuer_answer(const uint8_t *call, size_t len, FILE *book, char *out, size_t capacity) {
    size_t at = 0, used = 0;
    while (at < len) {
        const uint8_t *end = memchr(call + at, '\n', len - at);
        char line[512], ref[41], op[21], currency[4];
        size_t line_len = end ? (size_t)(end - (call + at)) : len - at;
        int64_t minor;
        int written;
        if (line_len >= sizeof line) return 0;
        memcpy(line, call + at, line_len);
        line[line_len] = '\0';
        at += line_len + 1;
        if (sscanf(line, "%40s %20s %*s %" SCNd64 " %3s", ref, op, &minor, currency) != 4) return 0;
        if (!strcmp(op, "query") || !strcmp(op, "pay_query"))
            written = snprintf(out + used, capacity - used, "%s %s not_found\n", ref, op);
        else if (!strcmp(op, "reverse"))
            written = snprintf(out + used, capacity - used, "%s %s reversed\n", ref, op);
        else
            written = snprintf(out + used, capacity - used, "%s %s accepted S-%.8s %" PRId64 " %s\n",
                               ref, op, ref, minor, currency);
        if (written < 0 || (size_t)written >= capacity - used) return 0;
        used += (size_t)written;
        if (book && (!strcmp(op, "redeem") || !strcmp(op, "pay")))
            fprintf(book, "%s %s %" PRId64 " %s\n", op, ref, minor, currency);
    }
    return used;
}

#endif
