/*
 * Sealing from C: what opens, and what does not. `make check` runs it.
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <pthread.h>

int failures, checks;

enum { ROOM = 256 };

/* A vault whose key n is 32 times the byte n, and whose pepper 1 is 32 times the byte 9. */
static scrip_vault *vault_of(uint32_t first, uint32_t last) {
    uint32_t ids[4], pepper_id = 1, id;
    uint8_t keys[4 * SCRIP_KEY_LEN], pepper[SCRIP_KEY_LEN];
    size_t count = 0;
    scrip_vault *v = NULL;
    memset(pepper, 9, sizeof pepper);
    for (id = first; id <= last; id++, count++) {
        ids[count] = id;
        memset(keys + count * SCRIP_KEY_LEN, (int)id, SCRIP_KEY_LEN);
    }
    CHECK(scrip_vault_new(ids, keys, count, &pepper_id, pepper, 1, &v, NULL) == SCRIP_OK && v != NULL);
    return v;
}

static scrip_place place_of(uint32_t purpose) {
    scrip_place p;
    memset(&p, 0, sizeof p);
    p.struct_size = sizeof p;
    p.purpose = purpose;
    memset(p.redemption, 5, sizeof p.redemption);
    p.bound_len = 8;
    memcpy(p.bound, "card key", 8);
    return p;
}

/* What tests draw: never the same twice. Programs take them from the system. */
static const uint8_t *nonce(void) {
    static uint8_t bytes[SCRIP_NONCE_LEN] = {1};
    size_t i;
    for (i = 0; i < sizeof bytes && !++bytes[i]; i++) continue;
    return bytes;
}

static size_t seal(const scrip_vault *v, const scrip_place *p, const char *secret, uint8_t sealed[ROOM]) {
    size_t len = 0;
    CHECK(scrip_vault_seal(v, p, TEXT(secret), nonce(), sealed, ROOM, &len, NULL) == SCRIP_OK);
    CHECK(len == strlen(secret) + SCRIP_SEALED_OVERHEAD);
    return len;
}

static scrip_status opens(const scrip_vault *v, const scrip_place *p, const uint8_t *sealed, size_t len,
                          const char *secret) {
    uint8_t buffer[ROOM];
    size_t got = 0;
    scrip_status status;
    memset(buffer, 0xee, sizeof buffer);
    status = scrip_vault_open(v, p, sealed, len, buffer, sizeof buffer, &got, NULL);
    if (status)
        CHECK(got == 0 && buffer[0] == 0xee);
    else
        CHECK(got == strlen(secret) && !memcmp(buffer, secret, got) && buffer[got] == 0xee);
    memset(buffer, 0, sizeof buffer);
    return status;
}

static void what_is_sealed_opens_in_its_place_only(void) {
    scrip_vault *v = vault_of(1, 2);
    scrip_place here = place_of(SCRIP_PURPOSE_CARD), other;
    uint8_t sealed[ROOM];
    size_t len = seal(v, &here, "739164", sealed);
    uint32_t purpose;
    CHECK(opens(v, &here, sealed, len, "739164") == SCRIP_OK);
    for (purpose = SCRIP_PURPOSE_PERSONAL; purpose <= SCRIP_PURPOSE_CORE_TO_TERMINAL; purpose++) {
        other = place_of(purpose);
        CHECK(opens(v, &other, sealed, len, "") == SCRIP_VAULT_UNOPENED);
    }
    other = here;
    other.redemption[15] ^= 1;
    CHECK(opens(v, &other, sealed, len, "") == SCRIP_VAULT_UNOPENED);
    other = here;
    other.bound[7] ^= 1;
    CHECK(opens(v, &other, sealed, len, "") == SCRIP_VAULT_UNOPENED);
    other = here;
    other.bound_len = 7;
    CHECK(opens(v, &other, sealed, len, "") == SCRIP_VAULT_UNOPENED);
    other.bound[7] = 0; /* what does not count does not count */
    other.bound_len = 0;
    len = seal(v, &other, "", sealed);
    memset(other.bound, 0xee, sizeof other.bound);
    CHECK(opens(v, &other, sealed, len, "") == SCRIP_OK);
    scrip_vault_free(v);
}

static void an_answer_cannot_be_a_request_that_comes_back(void) {
    scrip_vault *v = vault_of(1, 1);
    scrip_place out = place_of(SCRIP_PURPOSE_CORE_TO_ISSUER), in = place_of(SCRIP_PURPOSE_ISSUER_TO_CORE);
    uint8_t sealed[ROOM];
    size_t len = seal(v, &out, "739164", sealed);
    CHECK(opens(v, &in, sealed, len, "") == SCRIP_VAULT_UNOPENED);
    scrip_vault_free(v);
}

static void changed_bytes_do_not_open(void) {
    scrip_vault *v = vault_of(1, 2);
    scrip_place here = place_of(SCRIP_PURPOSE_CARD);
    uint8_t sealed[ROOM];
    size_t len = seal(v, &here, "739164", sealed), i;
    for (i = 0; i < len; i++) {
        scrip_status status;
        sealed[i] ^= 0x40;
        status = opens(v, &here, sealed, len, "");
        CHECK(status == (i == 0 ? SCRIP_VAULT_MALFORMED : i < 3 ? SCRIP_VAULT_UNKNOWN_KEY : SCRIP_VAULT_UNOPENED));
        sealed[i] ^= 0x40;
        CHECK(opens(v, &here, sealed, i, "") != SCRIP_OK);
    }
    sealed[len] = 0;
    CHECK(opens(v, &here, sealed, len + 1, "") == SCRIP_VAULT_UNOPENED);
    CHECK(opens(v, &here, sealed, len, "739164") == SCRIP_OK);
    scrip_vault_free(v);
}

static void keys_rotate(void) {
    scrip_vault *old = vault_of(1, 1), *both = vault_of(1, 2), *new = vault_of(2, 2);
    scrip_place here = place_of(SCRIP_PURPOSE_PERSONAL);
    uint8_t first[ROOM], second[ROOM];
    size_t first_len = seal(old, &here, "739164", first), second_len = 0;
    CHECK(opens(new, &here, first, first_len, "") == SCRIP_VAULT_UNKNOWN_KEY);
    CHECK(scrip_vault_reseal(both, &here, first, first_len, nonce(), second, ROOM, &second_len, NULL) == SCRIP_OK);
    CHECK(opens(new, &here, second, second_len, "739164") == SCRIP_OK);
    CHECK(opens(old, &here, second, second_len, "") == SCRIP_VAULT_UNKNOWN_KEY);
    CHECK(scrip_vault_reseal(new, &here, first, first_len, nonce(), second, ROOM, &second_len, NULL) ==
          SCRIP_VAULT_UNKNOWN_KEY);
    scrip_vault_free(old);
    scrip_vault_free(both);
    scrip_vault_free(new);
}

/* The form is durable: what an older library sealed opens. */
static void older_bytes_open(void) {
    static const uint8_t sealed[] = {
        0x01, 0x01, 0x00, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
        0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0xee, 0x30, 0xc6, 0x23, 0xdd,
        0xd9, 0xfd, 0xe4, 0x54, 0xfd, 0x72, 0xb2, 0x83, 0x74, 0x3c, 0x48, 0x8b, 0x5f, 0x73, 0x4c};
    scrip_vault *v = vault_of(1, 2);
    scrip_place here = place_of(SCRIP_PURPOSE_CARD);
    uint8_t buffer[ROOM];
    size_t len = 0;
    CHECK(scrip_vault_open(v, &here, sealed, sizeof sealed, buffer, sizeof buffer, &len, NULL) == SCRIP_OK);
    CHECK(len == sizeof sealed - SCRIP_SEALED_OVERHEAD);
    scrip_vault_free(v);
}

static void a_card_has_a_key_of_its_own(void) {
    scrip_vault *v = vault_of(1, 1);
    uint8_t a[16], b[16], c[16];
    memset(a, 0, sizeof a);
    CHECK(scrip_vault_card_key(v, TEXT("jd"), TEXT("1234"), a, NULL) == SCRIP_OK);
    CHECK(scrip_vault_card_key(v, TEXT("jd"), TEXT("1234"), b, NULL) == SCRIP_OK && !memcmp(a, b, 16));
    CHECK(scrip_vault_card_key(v, TEXT("jd1"), TEXT("234"), c, NULL) == SCRIP_OK && memcmp(a, c, 16));
    CHECK(scrip_vault_card_key(v, TEXT("jd"), TEXT("1234"), NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_card_key(v, NULL, 2, TEXT("1234"), a, NULL) == SCRIP_NULL);
    scrip_vault_free(v);
}

static void a_small_buffer_is_told_what_it_needs(void) {
    scrip_vault *v = vault_of(1, 1);
    scrip_place here = place_of(SCRIP_PURPOSE_CARD);
    uint8_t sealed[ROOM], buffer[6] = {0};
    size_t len = seal(v, &here, "739164", sealed), need = 0;
    CHECK(scrip_vault_seal(v, &here, TEXT("739164"), nonce(), NULL, 0, &need, NULL) == SCRIP_BUFFER_TOO_SMALL);
    CHECK(need == 6 + SCRIP_SEALED_OVERHEAD);
    CHECK(scrip_vault_open(v, &here, sealed, len, buffer, 5, &need, NULL) == SCRIP_BUFFER_TOO_SMALL);
    CHECK(need == 6 && buffer[0] == 0);
    CHECK(scrip_vault_open(v, &here, sealed, len, buffer, 6, &need, NULL) == SCRIP_OK);
    CHECK(!memcmp(buffer, "739164", 6)); /* bytes are not ended by a NUL */
    memset(buffer, 0, sizeof buffer);
    scrip_vault_free(v);
}

static void wrong_calls_are_told(void) {
    static const uint8_t zeros[SCRIP_NONCE_LEN];
    scrip_vault *v = vault_of(1, 1), *none = v;
    scrip_place here = place_of(SCRIP_PURPOSE_CARD), bad = here;
    scrip_error err = {sizeof err, 0, 0, ""};
    uint32_t ids[2] = {1, 1}, zero = 0, high = 65536;
    uint8_t keys[2 * SCRIP_KEY_LEN] = {7}, sealed[ROOM];
    size_t len = seal(v, &here, "1", sealed), n = 0;
    CHECK(scrip_vault_new(ids, keys, 2, ids, keys, 1, &none, &err) == 4007 && none == NULL);
    CHECK(!strcmp(err.detail, "KeyId(1) is given twice"));
    CHECK(scrip_vault_new(ids, keys, 0, ids, keys, 1, &none, NULL) == 4009);
    CHECK(scrip_vault_new(ids, keys, 1, NULL, NULL, 0, &none, NULL) == 4010);
    CHECK(scrip_vault_new(&zero, keys, 1, ids, keys, 1, &none, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_vault_new(&high, keys, 1, ids, keys, 1, &none, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_vault_new(ids, keys, (size_t)-1, ids, keys, 1, &none, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_vault_new(NULL, keys, 1, ids, keys, 1, &none, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_new(ids, NULL, 1, ids, keys, 1, &none, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_new(ids, keys, 1, ids, keys, 1, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_seal(NULL, &here, TEXT("1"), nonce(), sealed, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_seal(v, NULL, TEXT("1"), nonce(), sealed, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_seal(v, &here, NULL, 1, nonce(), sealed, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_seal(v, &here, TEXT("1"), NULL, sealed, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_seal(v, &here, TEXT("1"), zeros, sealed, ROOM, &n, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_vault_seal(v, &here, TEXT("1"), nonce(), NULL, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_seal(v, &here, TEXT("1"), nonce(), sealed, ROOM, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_open(NULL, &here, sealed, len, sealed, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_open(v, NULL, sealed, len, sealed, ROOM, &n, NULL) == SCRIP_NULL);
    CHECK(scrip_vault_reseal(v, &here, sealed, len, NULL, sealed, ROOM, &n, NULL) == SCRIP_NULL);
    bad.purpose = 7;
    CHECK(scrip_vault_open(v, &bad, sealed, len, sealed, ROOM, &n, NULL) == SCRIP_BAD_ENUM);
    bad = here;
    bad.bound_len = sizeof bad.bound + 1;
    CHECK(scrip_vault_open(v, &bad, sealed, len, sealed, ROOM, &n, NULL) == SCRIP_BAD_VALUE);
    bad = here;
    bad.struct_size = 0;
    CHECK(scrip_vault_open(v, &bad, sealed, len, sealed, ROOM, &n, NULL) == SCRIP_BAD_SIZE);
    scrip_vault_free(v);
    scrip_vault_free(NULL);
}

static void *open_often(void *argument) {
    const scrip_vault *v = argument;
    scrip_place here = place_of(SCRIP_PURPOSE_CARD);
    uint8_t sealed[ROOM], plain[ROOM], once[SCRIP_NONCE_LEN] = {7};
    size_t len = 0, n = 0;
    int i;
    for (i = 0; i < 500; i++) {
        once[1] = (uint8_t)i;
        if (scrip_vault_seal(v, &here, TEXT("739164"), once, sealed, ROOM, &len, NULL)) return argument;
        if (scrip_vault_open(v, &here, sealed, len, plain, ROOM, &n, NULL) || n != 6) return argument;
    }
    return NULL;
}

static void one_vault_serves_many_threads(void) {
    scrip_vault *v = vault_of(1, 2);
    pthread_t threads[4];
    int i;
    for (i = 0; i < 4; i++) CHECK(!pthread_create(&threads[i], NULL, open_often, v));
    for (i = 0; i < 4; i++) {
        void *strange = v;
        CHECK(!pthread_join(threads[i], &strange) && strange == NULL);
    }
    scrip_vault_free(v);
}

int main(void) {
    what_is_sealed_opens_in_its_place_only();
    an_answer_cannot_be_a_request_that_comes_back();
    changed_bytes_do_not_open();
    keys_rotate();
    older_bytes_open();
    a_card_has_a_key_of_its_own();
    a_small_buffer_is_told_what_it_needs();
    wrong_calls_are_told();
    one_vault_serves_many_threads();
    return check_result();
}
