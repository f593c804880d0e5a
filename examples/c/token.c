/*
 * Dynamic tokens from C: every reason to refuse one, and a restart that forgets nothing. `make
 * check` runs it.
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

int failures, checks;

#define NOW INT64_C(1700000010000)
#define EVER INT64_MAX

/* Of "6222021234567894", in the step of NOW, under key 1 (32 times the byte 1). */
static const char mac[] =
    "SCT1.AQAAACuqYAMAAAAAAwMDAwMDAwMQNjIyMjAyMTIzNDU2Nzg5NJLiGCFP2nrd9MtjRBXNIQF3acuPnlGh3I9sCTbljGTS";
/* The same with another nonce, signed by key 7: the first test key of RFC 8032, section 7.1. */
static const char signature[] =
    "SCT1.BwAAACuqYAMAAAAABQUFBQUFBQUQNjIyMjAyMTIzNDU2Nzg5NGPtfORj_KVQqewetK9aoFi2NDufvnGFJ778urdiRF7l"
    "_C9uFK-cvBgWiZhX1xLPGRuxUCr8pjq8GajlFeeYTAM";
static const uint8_t public_key[32] = {
    0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
static const char card[] = "6222021234567894";

static scrip_token_profile profile_of(uint32_t algorithm, uint32_t digits) {
    scrip_token_profile p;
    memset(&p, 0, sizeof p);
    p.struct_size = sizeof p;
    p.algorithm = algorithm;
    p.digits = digits;
    p.step_ms = 30000;
    p.back = 1;
    p.ahead = 1;
    return p;
}

static scrip_token *token_from(scrip_token_profile p, const uint8_t *state, size_t len) {
    uint8_t pepper[32];
    scrip_token *t = NULL;
    memset(pepper, 9, sizeof pepper);
    CHECK(scrip_token_new(&p, pepper, state, len, &t, NULL) == SCRIP_OK && t != NULL);
    return t;
}

static void add_key(scrip_token *t, uint32_t id, int byte, int64_t from, int64_t until) {
    uint8_t key[32];
    memset(key, byte, sizeof key);
    CHECK(scrip_token_add_key(t, id, key, sizeof key, from, until, NULL) == SCRIP_OK);
}

static scrip_token *hmac_token(void) {
    scrip_token *t = token_from(profile_of(SCRIP_TOKEN_HMAC_SHA256, 0), NULL, 0);
    add_key(t, 1, 1, 0, EVER);
    return t;
}

/* Verifies a signed text for the redemption that is 16 times `who`. */
static scrip_status verify(scrip_token *t, const char *text, int64_t now, int who, scrip_token_use *used) {
    uint8_t redemption[16];
    scrip_token_use own;
    memset(redemption, who, sizeof redemption);
    memset(&own, 0, sizeof own);
    if (!used) used = &own;
    used->struct_size = sizeof *used;
    return scrip_token_verify(t, TEXT(text), 0, NULL, 0, now, redemption, used, NULL);
}

static void a_token_works_once(void) {
    scrip_token *t = hmac_token();
    scrip_token_use first, again;
    memset(&first, 0, sizeof first);
    memset(&again, 0, sizeof again);
    CHECK(verify(t, mac, NOW, 1, &first) == SCRIP_OK);
    CHECK(first.spent == SCRIP_SPENT_FIRST && first.key == 1 && first.step == (uint64_t)(NOW / 30000));
    CHECK(first.subject_len == strlen(card) && !memcmp(first.subject, card, first.subject_len));
    CHECK(verify(t, mac, NOW, 2, NULL) == SCRIP_TOKEN_REPLAYED);
    CHECK(verify(t, mac, NOW, 1, &again) == SCRIP_OK && again.spent == SCRIP_SPENT_RESUMED);
    CHECK(!memcmp(again.record, first.record, sizeof first.record));
    scrip_token_free(t);
}

static void each_refusal_has_its_own_reason(void) {
    scrip_token *t = hmac_token();
    char text[sizeof mac];
    CHECK(verify(t, "SCT1.", NOW, 1, NULL) == SCRIP_TOKEN_MALFORMED);
    CHECK(verify(t, "1234567890", NOW, 1, NULL) == SCRIP_TOKEN_MALFORMED);
    memcpy(text, mac, sizeof mac);
    text[sizeof text - 3] ^= 1; /* the proof */
    CHECK(verify(t, text, NOW, 1, NULL) == SCRIP_TOKEN_PROOF);
    CHECK(verify(t, signature, NOW, 1, NULL) == SCRIP_TOKEN_UNKNOWN_KEY);
    CHECK(verify(t, mac, NOW + 60000, 1, NULL) == SCRIP_TOKEN_TOO_OLD);
    CHECK(verify(t, mac, NOW - 60000, 1, NULL) == SCRIP_TOKEN_TOO_EARLY);
    CHECK(verify(t, mac, -1, 1, NULL) == SCRIP_TOKEN_CLOCK);
    CHECK(verify(t, mac, NOW, 1, NULL) == SCRIP_OK); /* none of these was a use */
    scrip_token_free(t);

    t = token_from(profile_of(SCRIP_TOKEN_HMAC_SHA256, 0), NULL, 0);
    add_key(t, 1, 1, NOW + 60000, EVER);
    CHECK(verify(t, mac, NOW, 1, NULL) == SCRIP_TOKEN_KEY_NOT_YET);
    scrip_token_free(t);
    t = token_from(profile_of(SCRIP_TOKEN_HMAC_SHA256, 0), NULL, 0);
    add_key(t, 1, 1, 0, NOW - 60000);
    CHECK(verify(t, mac, NOW, 1, NULL) == SCRIP_TOKEN_KEY_RETIRED);
    scrip_token_free(t);

    t = token_from(profile_of(SCRIP_TOKEN_TOTP_SHA1, 6), NULL, 0);
    add_key(t, 1, 1, 0, EVER);
    CHECK(verify(t, mac, NOW, 1, NULL) == SCRIP_BAD_VALUE); /* whose code it is was not said */
    scrip_token_free(t);
}

static void a_closed_window_stays_closed_when_the_clock_goes_back(void) {
    scrip_token *t = hmac_token();
    uint8_t redemption[16] = {1};
    scrip_token_use used = {0};
    used.struct_size = sizeof used;
    add_key(t, 7, 1, 0, EVER);
    CHECK(verify(t, mac, NOW, 1, NULL) == SCRIP_OK);
    scrip_token_free(t);
    /* A code of a later step closes the steps before it. */
    t = token_from(profile_of(SCRIP_TOKEN_TOTP_SHA1, 8), NULL, 0);
    CHECK(scrip_token_add_key(t, 1, TEXT("12345678901234567890"), 0, EVER, NULL) == SCRIP_OK);
    CHECK(scrip_token_verify(t, TEXT("07081804"), 1, TEXT(card), INT64_C(1111111109000), redemption, &used,
                             NULL) == SCRIP_OK);
    CHECK(scrip_token_verify(t, TEXT("94287082"), 1, TEXT(card), 59000, redemption, &used, NULL) ==
          SCRIP_TOKEN_CLOSED);
    scrip_token_free(t);
}

static void codes_are_those_of_rfc_6238(void) {
    static const struct {
        uint32_t algorithm;
        const char *key, *code;
    } rows[] = {
        {SCRIP_TOKEN_TOTP_SHA1, "12345678901234567890", "94287082"},
        {SCRIP_TOKEN_TOTP_SHA256, "12345678901234567890123456789012", "46119246"},
        {SCRIP_TOKEN_TOTP_SHA512, "1234567890123456789012345678901234567890123456789012345678901234", "90693936"}};
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        scrip_token *t = token_from(profile_of(rows[i].algorithm, 8), NULL, 0);
        uint8_t one[16] = {1}, two[16] = {2};
        scrip_token_use used = {0};
        used.struct_size = sizeof used;
        CHECK(scrip_token_add_key(t, 5, TEXT(rows[i].key), 0, EVER, NULL) == SCRIP_OK);
        CHECK(scrip_token_verify(t, TEXT("94287083"), 5, TEXT(card), 59000, one, &used, NULL) == SCRIP_TOKEN_CODE);
        CHECK(scrip_token_verify(t, TEXT("9428708"), 5, TEXT(card), 59000, one, &used, NULL) == SCRIP_TOKEN_DIGITS);
        CHECK(scrip_token_verify(t, TEXT(rows[i].code), 6, TEXT(card), 59000, one, &used, NULL) ==
              SCRIP_TOKEN_UNKNOWN_KEY);
        CHECK(scrip_token_verify(t, TEXT(rows[i].code), 5, TEXT(card), 59000, one, &used, NULL) == SCRIP_OK);
        CHECK(used.step == 1 && used.key == 5);
        CHECK(scrip_token_verify(t, TEXT(rows[i].code), 5, TEXT(card), 59000, two, &used, NULL) ==
              SCRIP_TOKEN_REPLAYED);
        scrip_token_free(t);
    }
}

static void signatures_are_verified_and_keys_take_over(void) {
    scrip_token *t = token_from(profile_of(SCRIP_TOKEN_ED25519, 0), NULL, 0);
    uint8_t weak[32] = {1};
    CHECK(verify(t, signature, NOW, 1, NULL) == SCRIP_TOKEN_UNKNOWN_KEY);
    CHECK(scrip_token_add_key(t, 1, weak, sizeof weak, 0, EVER, NULL) == SCRIP_TOKEN_KEY);
    CHECK(scrip_token_add_key(t, 7, public_key, sizeof public_key, 0, EVER, NULL) == SCRIP_OK);
    CHECK(scrip_token_add_key(t, 7, public_key, sizeof public_key, 0, EVER, NULL) == SCRIP_TOKEN_DUPLICATE_KEY);
    CHECK(verify(t, signature, NOW, 1, NULL) == SCRIP_OK);
    CHECK(scrip_token_add_key(t, 8, public_key, sizeof public_key, NOW, EVER, NULL) == SCRIP_OK);
    CHECK(verify(t, signature, NOW, 2, NULL) == SCRIP_TOKEN_REPLAYED); /* a new key forgets nothing */
    CHECK(scrip_token_add_key(t, 9, public_key, 31, 0, EVER, NULL) == SCRIP_TOKEN_KEY);
    CHECK(scrip_token_add_key(t, 9, public_key, 32, NOW, NOW, NULL) == SCRIP_TOKEN_KEY);
    scrip_token_free(t);
}

static void a_restart_forgets_nothing(void) {
    scrip_token_profile p = profile_of(SCRIP_TOKEN_HMAC_SHA256, 0), other = p;
    scrip_token *t = hmac_token(), *again = NULL;
    uint8_t log[4096], pepper[32];
    scrip_token_use used;
    size_t len = 0, cut;
    memset(pepper, 9, sizeof pepper);
    memset(&used, 0, sizeof used);
    CHECK(scrip_token_export(t, NULL, 0, &len, NULL) == SCRIP_BUFFER_TOO_SMALL && len == 17);
    CHECK(scrip_token_export(t, log, sizeof log, &len, NULL) == SCRIP_OK);
    CHECK(verify(t, mac, NOW, 1, &used) == SCRIP_OK);
    memcpy(log + len, used.record, sizeof used.record);
    len += sizeof used.record;
    memcpy(log + len, used.record, sizeof used.record); /* twice does no harm */
    len += sizeof used.record;
    scrip_token_free(t);

    for (cut = 1; cut < len; cut++) {
        scrip_status status = scrip_token_new(&p, pepper, log, cut, &again, NULL);
        CHECK((cut < 17 || (cut - 17) % 40) ? status == SCRIP_TOKEN_STATE && !again : status == SCRIP_OK);
        scrip_token_free(again);
    }
    t = token_from(p, log, len);
    add_key(t, 1, 1, 0, EVER);
    CHECK(verify(t, mac, NOW, 2, NULL) == SCRIP_TOKEN_REPLAYED);
    CHECK(verify(t, mac, NOW, 1, &used) == SCRIP_OK && used.spent == SCRIP_SPENT_RESUMED);
    CHECK(scrip_token_export(t, log, sizeof log, &len, NULL) == SCRIP_OK && len == 17 + 40);
    scrip_token_free(t);
    t = token_from(p, log, len); /* what was appended is now in the state itself */
    add_key(t, 1, 1, 0, EVER);
    CHECK(verify(t, mac, NOW, 2, NULL) == SCRIP_TOKEN_REPLAYED);
    scrip_token_free(t);
    other.step_ms = 60000;
    CHECK(scrip_token_new(&other, pepper, log, len, &again, NULL) == SCRIP_TOKEN_OTHER_PROFILE && !again);
}

static void what_does_not_fit_is_refused_and_not_forgotten(void) {
    scrip_token_profile p = profile_of(SCRIP_TOKEN_HMAC_SHA256, 0);
    uint8_t log[4096];
    size_t len = 0;
    scrip_token_use used;
    scrip_token *t;
    uint8_t redemption[16] = {1};
    memset(&used, 0, sizeof used);
    used.struct_size = sizeof used;
    p.algorithm = SCRIP_TOKEN_TOTP_SHA1;
    p.digits = 8;
    p.max_uses = 1;
    t = token_from(p, NULL, 0);
    CHECK(scrip_token_add_key(t, 1, TEXT("12345678901234567890"), 0, EVER, NULL) == SCRIP_OK);
    CHECK(scrip_token_verify(t, TEXT("94287082"), 1, TEXT("a"), 59000, redemption, &used, NULL) == SCRIP_OK);
    CHECK(scrip_token_verify(t, TEXT("94287082"), 1, TEXT("b"), 59000, redemption, &used, NULL) ==
          SCRIP_TOKEN_FULL);
    CHECK(scrip_token_verify(t, TEXT("94287082"), 1, TEXT("a"), 59000, redemption, &used, NULL) == SCRIP_OK);
    CHECK(scrip_token_export(t, log, sizeof log, &len, NULL) == SCRIP_OK && len == 17 + 40);
    scrip_token_free(t);
}

static void wrong_calls_are_told(void) {
    scrip_token_profile p = profile_of(SCRIP_TOKEN_HMAC_SHA256, 0), bad = p;
    scrip_token *t = hmac_token(), *none = t;
    scrip_token_use used = {0};
    scrip_error err = {sizeof err, 0, 0, ""};
    uint8_t pepper[32] = {9}, redemption[16] = {1}, small[4];
    size_t len = 0;
    CHECK(scrip_token_new(NULL, pepper, NULL, 0, &none, NULL) == SCRIP_NULL && none == NULL);
    CHECK(scrip_token_new(&p, NULL, NULL, 0, &none, NULL) == SCRIP_NULL);
    CHECK(scrip_token_new(&p, pepper, NULL, 17, &none, NULL) == SCRIP_NULL);
    CHECK(scrip_token_new(&p, pepper, NULL, 0, NULL, NULL) == SCRIP_NULL);
    bad.digits = 6;
    CHECK(scrip_token_new(&bad, pepper, NULL, 0, &none, NULL) == SCRIP_TOKEN_PROFILE);
    bad = p;
    bad.algorithm = 6;
    bad.digits = 6;
    CHECK(scrip_token_new(&bad, pepper, NULL, 0, &none, &err) == SCRIP_BAD_ENUM);
    CHECK(!strcmp(err.detail, "algorithm: 6 is not in the list"));
    bad = p;
    bad.back = 11;
    CHECK(scrip_token_new(&bad, pepper, NULL, 0, &none, NULL) == SCRIP_TOKEN_PROFILE);
    bad.back = 256 + 1;
    CHECK(scrip_token_new(&bad, pepper, NULL, 0, &none, NULL) == SCRIP_TOKEN_PROFILE);
    bad = p;
    bad.struct_size--;
    CHECK(scrip_token_new(&bad, pepper, NULL, 0, &none, NULL) == SCRIP_BAD_SIZE && none == NULL);
    CHECK(scrip_token_add_key(NULL, 2, pepper, 32, 0, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_token_add_key(t, 2, NULL, 32, 0, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_token_verify(NULL, TEXT(mac), 0, NULL, 0, NOW, redemption, &used, NULL) == SCRIP_NULL);
    CHECK(scrip_token_verify(t, TEXT(mac), 0, NULL, 0, NOW, redemption, &used, NULL) == SCRIP_BAD_SIZE);
    used.struct_size = sizeof used;
    CHECK(scrip_token_verify(t, NULL, 9, 0, NULL, 0, NOW, redemption, &used, NULL) == SCRIP_NULL);
    CHECK(scrip_token_verify(t, TEXT(mac), 0, NULL, 0, NOW, NULL, &used, NULL) == SCRIP_NULL);
    CHECK(scrip_token_verify(t, TEXT(mac), 0, NULL, 0, NOW, redemption, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_token_verify(t, TEXT(mac), 1, NULL, 0, NOW, redemption, &used, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_token_verify(t, TEXT(mac), 0, TEXT(card), NOW, redemption, &used, NULL) == SCRIP_BAD_VALUE);
    CHECK(used.spent == 0); /* nothing was written, and nothing was used: */
    CHECK(scrip_token_verify(t, TEXT(mac), 0, NULL, 0, NOW, redemption, &used, NULL) == SCRIP_OK);
    CHECK(used.spent == SCRIP_SPENT_FIRST);
    CHECK(scrip_token_export(NULL, small, 4, &len, NULL) == SCRIP_NULL);
    CHECK(scrip_token_export(t, small, 4, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_token_export(t, small, 4, &len, NULL) == SCRIP_BUFFER_TOO_SMALL && len == 57);
    scrip_token_free(t);
    scrip_token_free(NULL);
}

int main(void) {
    a_token_works_once();
    each_refusal_has_its_own_reason();
    a_closed_window_stays_closed_when_the_clock_goes_back();
    codes_are_those_of_rfc_6238();
    signatures_are_verified_and_keys_take_over();
    a_restart_forgets_nothing();
    what_does_not_fit_is_refused_and_not_forgotten();
    wrong_calls_are_told();
    return check_result();
}
