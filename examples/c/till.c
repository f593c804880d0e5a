/*
 * A till: takes one card through the loop and shows what became of it. Started again with the
 * same storage, it answers the same request with the same outcome, and no money moves.
 *
 *     till CONFIG STORAGE-PREFIX
 */
#define _POSIX_C_SOURCE 200809L

#include "issuer.h"
#include "scrip.h"
#include "storage.h"

#include <time.h>

static int64_t now_ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fail(const char *what, const scrip_error *err) {
    fprintf(stderr, "till: %s: %s (%u)\n", what, err->detail, err->code);
    return 1;
}

static size_t read_file(const char *path, uint8_t *buffer, size_t capacity) {
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(buffer, 1, capacity, f) : 0;
    if (f) fclose(f);
    return len;
}

static scrip_status set(scrip_request *r, uint32_t field, const char *text, scrip_error *err) {
    return scrip_request_set_text(r, field, (const uint8_t *)text, strlen(text), err);
}

/* The request. At a real till it comes from the keys and the scanner. */
static scrip_status fill_in(scrip_request *r, scrip_error *err) {
    scrip_status status = set(r, SCRIP_FIELD_REQUEST_ID, "R-1001", err);
    if (!status) status = set(r, SCRIP_FIELD_SELLER, "seller-7", err);
    if (!status) status = set(r, SCRIP_FIELD_PRODUCT, "gift-card", err);
    if (!status) status = set(r, SCRIP_FIELD_CARD_NUMBER, "2326 0000 1234 5678", err);
    if (!status) status = set(r, SCRIP_FIELD_CARD_SECRET, "739164", err);
    if (!status) status = set(r, SCRIP_FIELD_DEVICE, "till-3", err);
    if (!status) status = scrip_request_set_face(r, 10000, 156, err);
    return status;
}

/* Does what one output asks for. Returns 1 once the redemption has ended, -1 on failure. */
static int serve(scrip_engine *e, const storage *s, FILE *book, const scrip_output *o,
                 scrip_error *err) {
    char answer[1024];
    size_t len;
    switch (o->kind) {
    case SCRIP_COMMIT:
        if (storage_put_rows(s, o->head, o->head_len) || storage_append(s, o->bytes, o->bytes_len)) {
            /* It comes again with the next poll; a till whose disk is full gives up. */
            scrip_engine_commit_failed(e, o->token, err);
            return -1;
        }
        return scrip_engine_committed(e, o->token, err) ? -1 : 0;
    case SCRIP_CALL:
        len = issuer_answer(o->bytes, o->bytes_len, book, answer, sizeof answer);
        if (len == 0) return scrip_engine_lost(e, o->token, SCRIP_NOT_SENT, err) ? -1 : 0;
        return scrip_engine_reply(e, o->token, (const uint8_t *)answer, len, err) ? -1 : 0;
    case SCRIP_EVENT:
        fprintf(stderr, "till: event %u, %s\n", o->event, scrip_state_name(o->state));
        return o->event == SCRIP_EVENT_MISMATCH || scrip_state_is_end(o->state) ? 1 : 0;
    case SCRIP_ERASE:
        return storage_erase(s, o->bytes, o->bytes_len);
    default:
        return 0;
    }
}

/* Turns the loop until the redemption has ended and nothing is left to do. */
static int run(scrip_engine *e, const storage *s, FILE *book, scrip_error *err) {
    int ended = 0;
    for (;;) {
        scrip_output o = {0};
        int result;
        o.struct_size = sizeof o;
        if (scrip_engine_poll(e, now_ms(CLOCK_MONOTONIC), now_ms(CLOCK_REALTIME), &o, err)) return -1;
        if (o.kind == SCRIP_NONE) {
            struct timespec nap = {0, 10 * 1000000};
            if (ended) return 0;
            nanosleep(&nap, NULL); /* a real till waits for the network or until o.due_ms */
            continue;
        }
        result = serve(e, s, book, &o, err);
        if (result < 0) return -1;
        ended |= result;
    }
}

static int show(const scrip_engine *e, const uint8_t id[16], scrip_error *err) {
    scrip_view v = {0};
    uint8_t root[32];
    uint64_t records;
    size_t i;
    v.struct_size = sizeof v;
    if (scrip_engine_view(e, id, &v, err)) return fail("view", err);
    if (scrip_engine_audit_root(e, root, &records, err)) return fail("audit", err);
    printf("%s: %s%s%s\n", v.request_id, scrip_state_name(v.state), v.reason[0] ? ", " : "", v.reason);
    printf("face %" PRId64 ", debited %" PRId64 ", paid %" PRId64 ", fee %" PRId64 " (minor units of %u)\n",
           v.face_minor, v.debited_minor, v.payout_minor, v.fee_minor, v.currency);
    printf("audit root ");
    for (i = 0; i < sizeof root; i++) printf("%02x", root[i]);
    printf(" over %" PRIu64 " records\n", records);
    return 0;
}

static int till(const char *config, const char *prefix, storage *s, scrip_engine **e, scrip_request *r) {
    static uint8_t text[16384];
    scrip_error err = {sizeof err, 0, 0, ""};
    uint8_t seed[32], id[16];
    char path[256];
    FILE *book;
    int result;
    size_t len = read_file(config, text, sizeof text);
    scrip_status status = scrip_engine_new(text, len, e, &err);
    memset(text, 0, sizeof text);
    if (status) return fail("configuration", &err);
    if (read_file("/dev/urandom", seed, sizeof seed) != sizeof seed) return fail("seed", &err);
    status = storage_start(s, *e, seed, &err);
    memset(seed, 0, sizeof seed);
    if (status) return fail("start", &err);
    if (fill_in(r, &err) || scrip_engine_submit(*e, r, id, &err)) return fail("request", &err);
    scrip_request_reset(r, NULL);
    snprintf(path, sizeof path, "%s.book", prefix);
    book = fopen(path, "a");
    result = run(*e, s, book, &err);
    if (book) fclose(book);
    return result ? fail("run", &err) : show(*e, id, &err);
}

int main(int argc, char **argv) {
    storage s = {-1, -1};
    scrip_engine *e = NULL;
    scrip_request *r = scrip_request_new();
    int result;
    if (argc != 3 || scrip_abi_version() < SCRIP_ABI_VERSION) {
        fprintf(stderr, "usage: till CONFIG STORAGE-PREFIX\n");
        scrip_request_free(r);
        return 2;
    }
    if (storage_open(&s, argv[2])) {
        perror(argv[2]);
        scrip_request_free(r);
        return 1;
    }
    result = till(argv[1], argv[2], &s, &e, r);
    scrip_engine_free(e);
    scrip_request_free(r);
    storage_close(&s);
    return result;
}
