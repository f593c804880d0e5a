/*
 * A world for tests: a clock that jumps, storage in memory, and an issuer and a rail that
 * remember what they did. The tests drop the engine at any point and open it again from here.
 */
#ifndef WORLD_H
#define WORLD_H

#include "check.h"

#include <inttypes.h>

enum { LOG_MAX = 1 << 17, ROWS_MAX = 128, ROW_MAX = 512, NAME = 16 };

typedef struct row {
    uint8_t bytes[ROW_MAX]; /* a list of one: count, name, length, content */
    size_t len;
} row;

typedef struct world {
    uint8_t log[LOG_MAX];
    size_t log_len;
    row rows[ROWS_MAX];
    uint64_t epoch;
    int64_t now;
    int redeemed, paid;        /* what the issuer and the rail remember */
    int redeems, pays;         /* how often they moved money */
    uint8_t config[16384];
    size_t config_len;
} world;

static inline uint32_t world_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void world_put_rows(world *w, const uint8_t *head, size_t len) {
    size_t at = 4, i;
    while (at < len) {
        size_t size = NAME + 4 + world_u32(head + at + NAME);
        for (i = 0; i < ROWS_MAX && w->rows[i].len; i++) continue;
        CHECK(i < ROWS_MAX && size + 4 <= ROW_MAX);
        if (i == ROWS_MAX || size + 4 > ROW_MAX) return;
        memcpy(w->rows[i].bytes, "\1\0\0\0", 4);
        memcpy(w->rows[i].bytes + 4, head + at, size);
        w->rows[i].len = size + 4;
        at += size;
    }
}

static inline void world_erase(world *w, const uint8_t *names, size_t len) {
    size_t at, i;
    for (at = 0; at < len; at += NAME)
        for (i = 0; i < ROWS_MAX; i++)
            if (w->rows[i].len && !memcmp(w->rows[i].bytes + 4, names + at, NAME)) w->rows[i].len = 0;
}

static inline int world_rows(const world *w) {
    int i, count = 0;
    for (i = 0; i < ROWS_MAX; i++) count += w->rows[i].len > 0;
    return count;
}

/* Answers one call; money moves once per reference, however often it is asked for. */
static inline size_t world_answer(world *w, const scrip_output *o, char *out, size_t capacity) {
    char line[512], ref[41], op[21], currency[4];
    int64_t minor;
    int written, known = 1;
    size_t len = o->bytes_len < sizeof line - 1 ? o->bytes_len : sizeof line - 1;
    memcpy(line, o->bytes, len);
    line[len] = '\0';
    if (sscanf(line, "%40s %20s %*s %" SCNd64 " %3s", ref, op, &minor, currency) != 4) return 0;
    if (!strcmp(op, "redeem") && !w->redeemed++) w->redeems++;
    if (!strcmp(op, "pay") && !w->paid++) w->pays++;
    if (!strcmp(op, "query")) known = w->redeemed;
    if (!strcmp(op, "pay_query")) known = w->paid;
    if (known)
        written = snprintf(out, capacity, "%s %s accepted S-1 %" PRId64 " %s\n", ref, op, minor, currency);
    else
        written = snprintf(out, capacity, "%s %s not_found\n", ref, op);
    return written > 0 && (size_t)written < capacity ? (size_t)written : 0;
}

static inline scrip_engine *world_new(const world *w) {
    scrip_engine *e = NULL;
    scrip_error err = {sizeof err, 0, 0, ""};
    scrip_status status = scrip_engine_new(w->config, w->config_len, &e, &err);
    if (status) fprintf(stderr, "configuration: %s\n", err.detail);
    CHECK(status == SCRIP_OK && e != NULL);
    return e;
}

static inline scrip_engine *world_restored(const world *w) {
    scrip_engine *e = world_new(w);
    size_t i, consumed = 0;
    for (i = 0; i < ROWS_MAX; i++)
        if (w->rows[i].len)
            CHECK(scrip_engine_restore_side(e, w->rows[i].bytes, w->rows[i].len, NULL) == SCRIP_OK);
    CHECK(scrip_engine_restore(e, w->log, w->log_len, &consumed, NULL) == SCRIP_OK);
    CHECK(consumed == w->log_len);
    return e;
}

static inline void world_start(world *w, scrip_engine *e) {
    uint8_t seed[32];
    uint64_t keep = 0;
    memset(seed, (int)(w->epoch + 7), sizeof seed);
    CHECK(scrip_engine_start(e, ++w->epoch, seed, &keep, NULL) == SCRIP_OK);
    CHECK(keep == w->log_len);
}

static inline scrip_engine *world_open(world *w) {
    scrip_engine *e = world_restored(w);
    world_start(w, e);
    return e;
}

static inline scrip_output world_poll(world *w, scrip_engine *e) {
    scrip_output o;
    memset(&o, 0, sizeof o);
    o.struct_size = sizeof o;
    CHECK(scrip_engine_poll(e, w->now, 1700000000000 + w->now, &o, NULL) == SCRIP_OK);
    return o;
}

/* Polls until something other than events and acknowledgements is handed out. */
static inline scrip_output world_until(world *w, scrip_engine *e, uint32_t kind) {
    scrip_output o = world_poll(w, e);
    int i;
    for (i = 0; i < 100 && o.kind != kind && o.kind != SCRIP_NONE; i++) o = world_poll(w, e);
    CHECK(o.kind == kind);
    return o;
}

static inline void world_keep(world *w, const scrip_output *o) {
    world_put_rows(w, o->head, o->head_len);
    CHECK(w->log_len + o->bytes_len <= LOG_MAX);
    memcpy(w->log + w->log_len, o->bytes, o->bytes_len);
    w->log_len += o->bytes_len;
}

/* Does what an output asks for. */
static inline void world_serve(world *w, scrip_engine *e, const scrip_output *o) {
    char answer[512];
    size_t len;
    switch (o->kind) {
    case SCRIP_COMMIT:
        world_keep(w, o);
        CHECK(scrip_engine_committed(e, o->token, NULL) == SCRIP_OK);
        break;
    case SCRIP_CALL:
        CHECK(w->now <= o->due_ms && o->due_ms <= o->answer_by_ms);
        len = world_answer(w, o, answer, sizeof answer);
        CHECK(scrip_engine_reply(e, o->token, (const uint8_t *)answer, len, NULL) == SCRIP_OK);
        break;
    case SCRIP_ERASE: world_erase(w, o->bytes, o->bytes_len); break;
    default: break;
    }
}

/* Serves `steps` outputs, or, with -1, all of them until nothing is due any more. Returns how
 * many there were. */
static inline int world_run(world *w, scrip_engine *e, int steps) {
    int served = 0, idle = 0;
    while (served != steps && idle < 200) {
        scrip_output o = world_poll(w, e);
        if (o.kind == SCRIP_NONE) {
            if (o.due_ms == INT64_MAX) return served;
            w->now = o.due_ms > w->now ? o.due_ms : w->now + 1;
            idle++;
            continue;
        }
        idle = 0;
        world_serve(w, e, &o);
        served++;
    }
    CHECK(idle < 200);
    return served;
}

static inline void world_set(scrip_request *r, uint32_t field, const char *text) {
    CHECK(scrip_request_set_text(r, field, (const uint8_t *)text, strlen(text), NULL) == SCRIP_OK);
}

static inline scrip_request *world_request(const char *request_id, int64_t face) {
    scrip_request *r = scrip_request_new();
    CHECK(r != NULL);
    world_set(r, SCRIP_FIELD_REQUEST_ID, request_id);
    world_set(r, SCRIP_FIELD_SELLER, "seller-7");
    world_set(r, SCRIP_FIELD_PRODUCT, "gift-card");
    world_set(r, SCRIP_FIELD_CARD_NUMBER, "2326000012345678");
    world_set(r, SCRIP_FIELD_CARD_SECRET, "739164");
    CHECK(scrip_request_set_face(r, face, 156, NULL) == SCRIP_OK);
    return r;
}

static inline void world_submit(scrip_engine *e, const char *request_id, int64_t face, uint8_t id[16]) {
    scrip_request *r = world_request(request_id, face);
    CHECK(scrip_engine_submit(e, r, id, NULL) == SCRIP_OK);
    scrip_request_free(r);
}

static inline scrip_view world_view(const scrip_engine *e, const uint8_t id[16]) {
    scrip_view v;
    memset(&v, 0, sizeof v);
    v.struct_size = sizeof v;
    CHECK(scrip_engine_view(e, id, &v, NULL) == SCRIP_OK);
    return v;
}

static inline int world_is(const scrip_engine *e, const uint8_t id[16], const char *state) {
    scrip_view v = world_view(e, id);
    const char *name = scrip_state_name(v.state);
    if (!name || strcmp(name, state)) fprintf(stderr, "is %s (%s)\n", name ? name : "?", v.reason);
    return name && !strcmp(name, state);
}

#endif
