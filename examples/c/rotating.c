/*
 * A redemption whose card comes with a dynamic token, as an app shows it: the token goes with the
 * request, and the card is scanned again when people have looked at it for too long. `make check`
 * runs it.
 *
 *     rotating CONFIG
 */
#define _POSIX_C_SOURCE 200809L

#include "world.h"

int failures, checks;

#define HOUR 3600000

/* Ed25519 with the first test key of RFC 8032, section 7.1, of which only the public half is here.
 * An issuer that knows less than the seller declares sends the card to people. */
static const char product[] =
    "\n[product.app-card]\n"
    "issuer = \"shop\"\n"
    "family = \"supermarket\"\n"
    "currencies = [\"CNY\"]\n"
    "face = { min = \"1.00\", max = \"1000.00\" }\n"
    "rate = \"0.92\"\n"
    "number = { kind = \"digits\", lengths = [16] }\n"
    "on_mismatch = \"review\"\n"
    "[product.app-card.token]\n"
    "algorithm = \"ed25519\"\n"
    "step_ms = 30_000\n"
    "keys = [{ id = 7, public = \"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\" }]\n";

/* Of the card 6222021234567894, in the step of the world's beginning. */
static const char first[] =
    "SCT1.BwAAACuqYAMAAAAABQUFBQUFBQUQNjIyMjAyMTIzNDU2Nzg5NGPtfORj_KVQqewetK9aoFi2NDufvnGFJ778urdiRF7l"
    "_C9uFK-cvBgWiZhX1xLPGRuxUCr8pjq8GajlFeeYTAM";
/* The same card, an hour later. */
static const char later[] =
    "SCT1.BwAAAKKqYAMAAAAABgYGBgYGBgYQNjIyMjAyMTIzNDU2Nzg5NIWhySndyEI4c-B4B6OrhzVO84mfsD9_wDXJEtwafPvR"
    "wFQQUOzNgF6NrltOW5hPsLEYLEobQaQsWEBO0vWhsAw";
/* Another card, an hour later: genuine all the same. */
static const char other[] =
    "SCT1.BwAAAKKqYAMAAAAABwcHBwcHBwcQNjIyMjAyMTIzNDU2Nzg5NZ66Ve1XkKtydYRZTZcOR5UO-BzoODMQ_Y-NvgOIr1JW"
    "p2qLj6J4j98tefaph2ZYmroeRIk5y791j7QEO1hAWQg";

static world template;

static world *fresh(void) {
    world *w = malloc(sizeof *w);
    if (!w) abort();
    *w = template;
    return w;
}

/* The number of the card is in the token. */
static void submit(scrip_engine *e, const char *request_id, const char *token, uint8_t id[16]) {
    scrip_request *r = scrip_request_new();
    CHECK(r != NULL);
    world_set(r, SCRIP_FIELD_REQUEST_ID, request_id);
    world_set(r, SCRIP_FIELD_SELLER, "seller-7");
    world_set(r, SCRIP_FIELD_PRODUCT, "app-card");
    if (token) world_set(r, SCRIP_FIELD_TOKEN, token);
    else world_set(r, SCRIP_FIELD_CARD_NUMBER, "6222021234567894");
    CHECK(scrip_request_set_face(r, 10000, 156, NULL) == SCRIP_OK);
    CHECK(scrip_engine_submit(e, r, id, NULL) == (token ? SCRIP_OK : SCRIP_INVALID));
    scrip_request_free(r);
}

/* Serves what is handed out at this moment and tells the last refusal, 0 if there was none. */
static scrip_status serve(world *w, scrip_engine *e) {
    scrip_status refused = 0;
    scrip_output o;
    for (o = world_poll(w, e); o.kind != SCRIP_NONE; o = world_poll(w, e)) {
        if (o.kind == SCRIP_EVENT && o.event == SCRIP_EVENT_REFUSED) refused = o.code;
        world_serve(w, e, &o);
    }
    return refused;
}

static scrip_status scan_again(world *w, scrip_engine *e, const uint8_t id[16], const char *token) {
    CHECK(scrip_engine_rescan(e, id, TEXT(token), 1700000000000 + w->now, NULL) == SCRIP_OK);
    return serve(w, e);
}

/* The issuer knows of less than was declared, and a person approves an hour later. */
static scrip_engine *approved_late(world *w, uint8_t id[16]) {
    scrip_engine *e = world_open(w);
    scrip_output o;
    char answer[256];
    int len;
    submit(e, "R-1", first, id);
    do {
        o = world_poll(w, e);
        if (o.kind != SCRIP_CALL) world_serve(w, e, &o);
    } while (o.kind != SCRIP_CALL && o.kind != SCRIP_NONE);
    CHECK(o.kind == SCRIP_CALL && o.operation == 1);
    len = snprintf(answer, sizeof answer, "%.32s balance accepted S-1 9500 CNY\n", (const char *)o.bytes);
    CHECK(scrip_engine_reply(e, o.token, (const uint8_t *)answer, (size_t)len, NULL) == SCRIP_OK);
    CHECK(serve(w, e) == 0 && world_is(e, id, "in_review"));
    w->now = HOUR;
    CHECK(scrip_engine_decide(e, id, SCRIP_DECIDE_APPROVE, TEXT("anna"), NULL, 0, NULL) == SCRIP_OK);
    CHECK(serve(w, e) == 0);
    CHECK(world_is(e, id, "challenged") && !strcmp(world_view(e, id).reason, "token_stale"));
    return e;
}

static void a_token_comes_with_the_request_and_works_once(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16], again[16];
    submit(e, "R-0", NULL, id); /* such cards come with one */
    submit(e, "R-1", first, id);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1 && w->pays == 1);
    w->now = 0;
    submit(e, "R-2", first, again);
    world_run(w, e, -1);
    CHECK(world_is(e, again, "declined") && !strcmp(world_view(e, again).reason, "token_replayed"));
    submit(e, "R-3", later, again);
    world_run(w, e, -1);
    CHECK(!strcmp(world_view(e, again).reason, "token_too_early") && w->redeems == 1);
    scrip_engine_free(e);
    free(w);
}

static void after_a_late_approval_the_card_is_scanned_again(void) {
    world *w = fresh();
    uint8_t id[16];
    scrip_engine *e = approved_late(w, id);
    CHECK(scan_again(w, e, id, first) == SCRIP_TOKEN_TOO_OLD);
    CHECK(scan_again(w, e, id, other) == SCRIP_TOKEN_OTHER_CARD);
    CHECK(scan_again(w, e, id, "SCT1.") == SCRIP_TOKEN_MALFORMED);
    CHECK(scan_again(w, e, id, "") == SCRIP_TOKEN_MALFORMED);
    CHECK(world_is(e, id, "challenged") && w->redeems == 0);
    CHECK(scan_again(w, e, id, later) == 0);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1 && w->pays == 1);
    CHECK(scan_again(w, e, id, later) != 0); /* nobody asks any more */
    scrip_engine_free(e);
    free(w);
}

static void a_crash_after_the_second_scan_loses_nothing(void) {
    world *w = fresh();
    uint8_t id[16];
    scrip_engine *e = approved_late(w, id);
    scrip_output o;
    scrip_engine_free(e);
    e = world_open(w);
    CHECK(serve(w, e) == 0 && world_is(e, id, "challenged"));
    CHECK(scrip_engine_rescan(e, id, TEXT(later), 0, NULL) == SCRIP_OK); /* by the engine's clock */
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    scrip_engine_free(e);
    e = world_open(w);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1 && w->pays == 1);
    scrip_engine_free(e);
    free(w);
}

static void a_scan_that_nobody_asked_for_changes_nothing(void) {
    world *w = fresh();
    scrip_engine *e = world_new(w);
    uint8_t id[16] = {9};
    CHECK(scrip_engine_rescan(e, id, TEXT(first), 0, NULL) == SCRIP_WRONG_PHASE);
    world_start(w, e);
    CHECK(scan_again(w, e, id, first) == SCRIP_NO_SUCH_REDEMPTION);
    scrip_engine_free(e);
    free(w);
}

int main(int argc, char **argv) {
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    size_t room = sizeof template.config;
    if (!f) {
        fprintf(stderr, "usage: rotating CONFIG\n");
        return 2;
    }
    template.config_len = fread(template.config, 1, room - sizeof product, f);
    fclose(f);
    memcpy(template.config + template.config_len, product, sizeof product - 1);
    template.config_len += sizeof product - 1;
    a_token_comes_with_the_request_and_works_once();
    after_a_late_approval_the_card_is_scanned_again();
    a_crash_after_the_second_scan_loses_nothing();
    a_scan_that_nobody_asked_for_changes_nothing();
    return check_result();
}
