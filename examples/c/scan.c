/*
 * What a text may be, from C. `make check` runs it.
 *
 *     scan CATALOGUE
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <pthread.h>

int failures, checks;

static uint8_t catalogue_toml[16384];
static size_t catalogue_len;

static scrip_catalogue *catalogue_of(const uint8_t *toml, size_t len) {
    scrip_catalogue *c = NULL;
    scrip_error err = {sizeof err, 0, 0, ""};
    scrip_status status = scrip_catalogue_new(toml, len, &c, &err);
    if (status) fprintf(stderr, "catalogue: %s\n", err.detail);
    CHECK(status == SCRIP_OK && c != NULL);
    return c;
}

static scrip_scan_hints hints_of(uint32_t source) {
    scrip_scan_hints h;
    memset(&h, 0, sizeof h);
    h.struct_size = sizeof h;
    h.source = source;
    return h;
}

static scrip_scan *scan_of(const scrip_catalogue *c, uint32_t source, const char *text, size_t len) {
    scrip_scan_hints h = hints_of(source);
    scrip_scan *s = NULL;
    CHECK(scrip_scan_new(c, &h, (const uint8_t *)text, len, NULL, 0, &s, NULL) == SCRIP_OK && s != NULL);
    return s;
}

static scrip_candidate candidate_of(const scrip_scan *s, size_t place) {
    scrip_candidate c;
    memset(&c, 0, sizeof c);
    c.struct_size = sizeof c;
    CHECK(scrip_scan_candidate(s, place, &c, NULL) == SCRIP_OK);
    return c;
}

/* Whether a text of a candidate is this one. */
static int tells(const scrip_scan *s, size_t candidate, uint32_t what, size_t place, const char *text) {
    uint8_t buffer[256];
    size_t len = 0;
    int same = scrip_scan_text(s, candidate, what, place, buffer, sizeof buffer, &len, NULL) == SCRIP_OK &&
               len == strlen(text) && !memcmp(buffer, text, len + 1);
    if (!same) fprintf(stderr, "not %s\n", text);
    memset(buffer, 0, sizeof buffer);
    return same;
}

static void a_bar_code_is_taken_apart(const scrip_catalogue *c) {
    static const char text[] = "]d2010952123454321321ABC123\x1d" "17261231";
    scrip_scan *s = scan_of(c, SCRIP_SOURCE_BARCODE, text, sizeof text - 1);
    scrip_candidate one = candidate_of(s, 0), none = one;
    CHECK(one.kind == SCRIP_KIND_GS1 && one.valid == 1 && one.likelihood == SCRIP_PROVEN);
    CHECK(one.error == 0 && one.at == -1 && one.elements == 3 && one.repairs == 0 && one.lossless == 1);
    CHECK(tells(s, 0, SCRIP_TEXT_KIND, 0, "gs1") && tells(s, 0, SCRIP_TEXT_GTIN, 0, "09521234543213"));
    CHECK(tells(s, 0, SCRIP_TEXT_AI, 1, "21") && tells(s, 0, SCRIP_REVEAL_ELEMENT, 1, "ABC123"));
    CHECK(tells(s, 0, SCRIP_TEXT_AI, 2, "17") && tells(s, 0, SCRIP_REVEAL_ELEMENT, 2, "261231"));
    CHECK(one.checks > 0 && tells(s, 0, SCRIP_TEXT_CHECK, 0, "symbology identifier"));
    CHECK(scrip_scan_candidate(s, 1, &none, NULL) == SCRIP_END && none.kind == one.kind);
    scrip_scan_free(s);
}

static void a_broken_rule_is_told_with_its_place(const scrip_catalogue *c) {
    static const char text[] = "(01)09521234543214(21)ABC123";
    scrip_scan *s = scan_of(c, SCRIP_SOURCE_TYPED, text, sizeof text - 1);
    scrip_candidate one = candidate_of(s, 0);
    uint8_t buffer[200];
    size_t len = 0;
    CHECK(one.kind == SCRIP_KIND_GS1 && one.valid == 0 && one.likelihood == SCRIP_BROKEN);
    CHECK(one.error / 1000 == 3 && one.at == 17);
    CHECK(scrip_scan_text(s, 0, SCRIP_TEXT_ERROR, 0, buffer, sizeof buffer, &len, NULL) == SCRIP_OK);
    CHECK(len > 0 && !strstr((char *)buffer, "ABC123"));
    scrip_scan_free(s);
}

static void a_card_is_masked_and_comes_out_only_when_asked_for(const scrip_catalogue *c) {
    static const char text[] = "6222 0212 3456 7894, 123456";
    scrip_scan *s = scan_of(c, SCRIP_SOURCE_TYPED, text, sizeof text - 1);
    scrip_candidate one = candidate_of(s, 0);
    uint32_t what;
    CHECK(one.kind == SCRIP_KIND_CARD_TEXT && one.has_number == 1 && one.has_secret == 1);
    CHECK(one.products == 3 && one.repairs > 0 && one.lossless == 1);
    CHECK(tells(s, 0, SCRIP_TEXT_PRODUCT, 0, "bank-prepaid") && tells(s, 0, SCRIP_TEXT_PROOF, 0, "check_digit"));
    CHECK(tells(s, 0, SCRIP_TEXT_PRODUCT, 2, "walmart-gift") && tells(s, 0, SCRIP_TEXT_PROOF, 2, "length"));
    CHECK(tells(s, 0, SCRIP_TEXT_NUMBER_MASKED, 0, "************7894"));
    CHECK(tells(s, 0, SCRIP_REVEAL_NUMBER, 0, "6222021234567894"));
    CHECK(tells(s, 0, SCRIP_REVEAL_SECRET, 0, "123456"));
    for (what = SCRIP_TEXT_PRODUCT; what <= SCRIP_TEXT_KIND; what++) {
        size_t place, len;
        uint8_t buffer[256];
        for (place = 0; !scrip_scan_text(s, 0, what, place, buffer, sizeof buffer, &len, NULL); place++)
            CHECK(!strstr((char *)buffer, "123456"));
        CHECK(scrip_scan_text(s, 0, what, place, buffer, sizeof buffer, &len, NULL) == SCRIP_END);
    }
    scrip_scan_free(s);
}

static void what_cannot_be_told_apart_is_all_there(const scrip_catalogue *c) {
    scrip_scan *s = scan_of(c, SCRIP_SOURCE_QR, "6212345678901234567", 19);
    scrip_candidate first = candidate_of(s, 0), second = candidate_of(s, 1);
    CHECK(first.kind == SCRIP_KIND_PAYMENT_CODE && first.scheme == SCRIP_SCHEME_UNIONPAY);
    CHECK(second.kind == SCRIP_KIND_PAYMENT_CODE && second.scheme == SCRIP_SCHEME_JD);
    scrip_scan_free(s);
    s = scan_of(c, SCRIP_SOURCE_TYPED, "hello there", 11);
    CHECK(scrip_scan_candidate(s, 0, &first, NULL) == SCRIP_END);
    scrip_scan_free(s);
}

static void a_declaration_goes_before_a_hint(const scrip_catalogue *c) {
    static const char code[] = "]E06291041500213";
    scrip_scan_hints h = hints_of(SCRIP_SOURCE_TYPED);
    scrip_scan *s = NULL;
    scrip_candidate one;
    scrip_error err = {sizeof err, 0, 0, ""};
    strcpy(h.product, "walmart-gift");
    CHECK(scrip_scan_new(c, &h, TEXT("2326123412341234 123456"), NULL, 0, &s, NULL) == SCRIP_OK);
    one = candidate_of(s, 0);
    CHECK(one.likelihood == SCRIP_DECLARED && one.products == 1);
    CHECK(tells(s, 0, SCRIP_TEXT_PRODUCT, 0, "walmart-gift"));
    scrip_scan_free(s);
    CHECK(scrip_scan_new(c, &h, TEXT("hello there"), NULL, 0, &s, &err) == SCRIP_SCAN_NO_CARD && s == NULL);
    CHECK(!strstr(err.detail, "hello"));
    CHECK(scrip_scan_new(c, &h, TEXT("00020101021163049A2D"), NULL, 0, &s, NULL) != SCRIP_OK && s == NULL);
    strcpy(h.product, "nothing-of-the-kind");
    CHECK(scrip_scan_new(c, &h, TEXT("123456"), NULL, 0, &s, NULL) == SCRIP_SCAN_UNKNOWN_PRODUCT);
    h.product[0] = '\0';
    h.source = SCRIP_SOURCE_BARCODE;
    h.kinds = 1u << SCRIP_KIND_TOKEN;
    CHECK(scrip_scan_new(c, &h, TEXT(code), NULL, 0, &s, NULL) == SCRIP_OK);
    CHECK(scrip_scan_candidate(s, 0, &one, NULL) == SCRIP_END);
    scrip_scan_free(s);
    h.kinds = 1u << SCRIP_KIND_GTIN;
    CHECK(scrip_scan_new(c, &h, TEXT(code), NULL, 0, &s, NULL) == SCRIP_OK);
    CHECK(candidate_of(s, 0).kind == SCRIP_KIND_GTIN);
    scrip_scan_free(s);
    h = hints_of(0);
    h.symbology = SCRIP_SYMBOLOGY_UPC_E;
    CHECK(scrip_scan_new(c, &h, TEXT("04252614"), NULL, 0, &s, NULL) == SCRIP_OK);
    CHECK(candidate_of(s, 0).kind == SCRIP_KIND_GTIN && tells(s, 0, SCRIP_TEXT_GTIN, 0, "00042100005264"));
    scrip_scan_free(s);
}

static void two_symbols_are_one_card(void) {
    static const char toml[] =
        "[product.gift]\nissuer = \"shop\"\nfamily = \"supermarket\"\ncurrencies = [\"CNY\"]\n"
        "face = { min = \"1\", max = \"100\" }\nrate = \"0.9\"\n"
        "number = { kind = \"digits\", lengths = [16] }\nsecret = { kind = \"digits\", lengths = [6] }\n"
        "symbol = { gtin = [\"042100005264\"] }\n";
    scrip_catalogue *c = catalogue_of((const uint8_t *)toml, sizeof toml - 1);
    scrip_scan_hints h = hints_of(SCRIP_SOURCE_BARCODE);
    scrip_scan *s = NULL;
    CHECK(scrip_scan_new(c, &h, TEXT("2326123412341234"), TEXT("042100005264"), &s, NULL) == SCRIP_OK);
    scrip_catalogue_free(c); /* candidates outlive their catalogue */
    CHECK(tells(s, 0, SCRIP_TEXT_PRODUCT, 0, "gift") && tells(s, 0, SCRIP_TEXT_PROOF, 0, "gtin"));
    CHECK(tells(s, 0, SCRIP_REVEAL_NUMBER, 0, "2326123412341234"));
    scrip_scan_free(s);
}

static void wrong_calls_are_told(const scrip_catalogue *c) {
    static const char unfinished[] = "[product.x]\nissuer = 7\n";
    static char longer[9000];
    scrip_catalogue *none = (scrip_catalogue *)c;
    scrip_scan_hints h = hints_of(99);
    scrip_scan *s = NULL;
    scrip_candidate one = {0};
    scrip_error err = {sizeof err, 0, 0, ""};
    uint8_t bad[2] = {'a', 0xff}, small[4];
    size_t len = 0;
    CHECK(scrip_catalogue_new(TEXT(unfinished), &none, &err) == SCRIP_BAD_CATALOGUE && none == NULL);
    CHECK(strstr(err.detail, "line 2, column 10") != NULL && err.advice == SCRIP_ADVICE_FIX);
    CHECK(scrip_catalogue_new(NULL, 5, &none, NULL) == SCRIP_NULL);
    CHECK(scrip_catalogue_new(bad, 2, &none, NULL) == SCRIP_BAD_UTF8);
    CHECK(scrip_catalogue_new(TEXT(unfinished), NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_new(NULL, NULL, TEXT("1"), NULL, 0, &s, NULL) == SCRIP_NULL && s == NULL);
    CHECK(scrip_scan_new(c, NULL, NULL, 1, NULL, 0, &s, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_new(c, NULL, TEXT("1"), NULL, 1, &s, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_new(c, NULL, TEXT("1"), NULL, 0, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_new(c, NULL, bad, 2, NULL, 0, &s, &err) == SCRIP_BAD_UTF8);
    CHECK(!strcmp(err.detail, "text is not UTF-8 at byte 1"));
    CHECK(scrip_scan_new(c, NULL, TEXT(" \t"), NULL, 0, &s, NULL) == SCRIP_SCAN_EMPTY);
    CHECK(scrip_scan_new(c, NULL, NULL, 0, NULL, 0, &s, NULL) == SCRIP_SCAN_EMPTY);
    memset(longer, '1', sizeof longer);
    CHECK(scrip_scan_new(c, NULL, (uint8_t *)longer, sizeof longer, NULL, 0, &s, NULL) == SCRIP_SCAN_TOO_LONG);
    CHECK(scrip_scan_new(c, NULL, TEXT("123456"), TEXT("654321"), &s, NULL) == SCRIP_SCAN_NO_GTIN);
    CHECK(scrip_scan_new(c, &h, TEXT("1"), NULL, 0, &s, NULL) == SCRIP_BAD_ENUM);
    h = hints_of(0);
    h.symbology = 8;
    CHECK(scrip_scan_new(c, &h, TEXT("1"), NULL, 0, &s, NULL) == SCRIP_BAD_ENUM);
    h = hints_of(0);
    h.kinds = 1;
    CHECK(scrip_scan_new(c, &h, TEXT("1"), NULL, 0, &s, NULL) == SCRIP_BAD_ENUM);
    h = hints_of(0);
    memset(h.product, 'x', sizeof h.product);
    CHECK(scrip_scan_new(c, &h, TEXT("1"), NULL, 0, &s, NULL) == SCRIP_BAD_VALUE);
    h = hints_of(0);
    h.struct_size = sizeof h - 1;
    CHECK(scrip_scan_new(c, &h, TEXT("1"), NULL, 0, &s, NULL) == SCRIP_BAD_SIZE && s == NULL);
    s = scan_of(c, SCRIP_SOURCE_TYPED, "6222021234567894", 16);
    CHECK(scrip_scan_candidate(NULL, 0, &one, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_candidate(s, 0, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_candidate(s, 0, &one, NULL) == SCRIP_BAD_SIZE);
    CHECK(scrip_scan_text(NULL, 0, SCRIP_TEXT_KIND, 0, small, 4, &len, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_text(s, 0, SCRIP_TEXT_KIND, 0, NULL, 4, &len, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_text(s, 0, SCRIP_TEXT_KIND, 0, small, 4, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_scan_text(s, 0, 0, 0, small, 4, &len, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_scan_text(s, 99, SCRIP_TEXT_KIND, 0, small, 4, &len, NULL) == SCRIP_END);
    CHECK(scrip_scan_text(s, 0, SCRIP_REVEAL_NUMBER, 1, small, 4, &len, NULL) == SCRIP_END);
    CHECK(scrip_scan_text(s, 0, SCRIP_REVEAL_NUMBER, 0, small, 4, &len, NULL) == SCRIP_BUFFER_TOO_SMALL);
    CHECK(len == 16);
    scrip_scan_free(s);
    scrip_scan_free(NULL);
    scrip_catalogue_free(NULL);
}

static void *scan_often(void *argument) {
    const scrip_catalogue *c = argument;
    int i;
    for (i = 0; i < 200; i++) {
        scrip_scan *s = NULL;
        if (scrip_scan_new(c, NULL, TEXT("6222 0212 3456 7894, 123456"), NULL, 0, &s, NULL)) return argument;
        scrip_scan_free(s);
    }
    return NULL;
}

static void one_catalogue_serves_many_threads(scrip_catalogue *c) {
    pthread_t threads[4];
    int i;
    for (i = 0; i < 4; i++) CHECK(!pthread_create(&threads[i], NULL, scan_often, c));
    for (i = 0; i < 4; i++) {
        void *strange = c;
        CHECK(!pthread_join(threads[i], &strange) && strange == NULL);
    }
}

int main(int argc, char **argv) {
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    scrip_catalogue *c;
    if (!f) {
        fprintf(stderr, "usage: scan CATALOGUE\n");
        return 2;
    }
    catalogue_len = fread(catalogue_toml, 1, sizeof catalogue_toml, f);
    fclose(f);
    c = catalogue_of(catalogue_toml, catalogue_len);
    a_bar_code_is_taken_apart(c);
    a_broken_rule_is_told_with_its_place(c);
    a_card_is_masked_and_comes_out_only_when_asked_for(c);
    what_cannot_be_told_apart_is_all_there(c);
    a_declaration_goes_before_a_hint(c);
    two_symbols_are_one_card();
    wrong_calls_are_told(c);
    one_catalogue_serves_many_threads(c);
    scrip_catalogue_free(c);
    return check_result();
}
