/**
 * @file scrip.h
 * scrip: recovery of prepaid cards. The loop for hosts in C, and for languages that call C, and
 * beside it what needs no loop: scrip_scan_* tells what a text may be, scrip_vault_* seals secrets
 * with the caller's keys, scrip_token_* verifies dynamic tokens.
 *
 * Made from the library's sources; do not edit. docs/c.md shows how to build and use it.
 *
 * The loop. The library opens no socket or file, reads no clock, draws no random number and
 * starts no thread. scrip_engine_poll hands out what must happen next, the host does it and says
 * how it went:
 *
 *     scrip_engine_new -> scrip_engine_restore_side -> scrip_engine_restore -> scrip_engine_start
 *     scrip_engine_poll -> SCRIP_COMMIT: scrip_engine_committed or scrip_engine_commit_failed
 *                       -> SCRIP_CALL: scrip_engine_reply or scrip_engine_lost
 *                       -> SCRIP_ACK, SCRIP_EVENT, SCRIP_ERASE: nothing to answer
 *                       -> SCRIP_NONE: wait until due_ms, or for something that comes in
 *
 * Statuses. Functions that can fail return a scrip_status: 0 (SCRIP_OK) or the number of an
 * error. Their last parameter, which may be NULL, is a scrip_error of the caller's that tells
 * more. Other outputs are written on success only, where nothing else is said, and handles are
 * NULL on failure. What fails has changed nothing and consumed nothing.
 *
 * Structs begin with struct_size. Set it to sizeof before the call: a struct that is not as long
 * as in the first version is refused with SCRIP_BAD_SIZE. Structs grow at their end only, and a
 * newer library writes to an older struct what fits.
 *
 * Texts and bytes come in with their length, texts as UTF-8 without a NUL; NULL is fine where the
 * length is 0. They are copied. What goes out is borrowed as scrip_output says, static, or written
 * into a buffer of the caller's. Nothing of the library's is ever given to free(). To learn how long
 * a buffer must be, call with a capacity of 0: SCRIP_BUFFER_TOO_SMALL, and the length is there. What
 * comes out in clear, and the caller's own copies of keys, are the caller's to wipe.
 *
 * Money is in minor units (fen, cent) with the ISO 4217 numeric code; ids are 16 bytes; times are
 * in ms. There are no floating-point numbers, callbacks, globals, environment or logs.
 *
 * Threads. A const handle may be used from several threads at once, any other from one at a time.
 * Overlap gives SCRIP_BUSY and changes nothing. _free takes NULL; handles are freed in any order,
 * each once. No function may be given a handle that was freed.
 *
 * Faults. A fault within the library is caught at the entry and the call returns SCRIP_POISONED,
 * as does every later one with that handle: free it and open it again from what was written. In
 * the firmware build, which has no standard library, the program aborts instead.
 */


#ifndef SCRIP_H
#define SCRIP_H

#include <stddef.h>
#include <stdint.h>

/**
 * Version of this header and of the library's functions. It grows with every addition; a
 * library is fit for every header whose version is not above its own.
 */
#define SCRIP_ABI_VERSION 2

/**
 * Advice: the input or the set-up is wrong; the same call will fail again.
 */
#define SCRIP_ADVICE_FIX 1

/**
 * Advice: nothing happened; the same call may be made again.
 */
#define SCRIP_ADVICE_RETRY 2

/**
 * Advice: something may have happened; ask before doing anything else.
 */
#define SCRIP_ADVICE_INQUIRE 3

/**
 * Advice: do not go on with this handle.
 */
#define SCRIP_ADVICE_STOP 4

/**
 * Field: who submits; request ids are scoped by it. "local" if not set.
 */
#define SCRIP_FIELD_CALLER 1

/**
 * Field: the caller's id for the request. Needed.
 */
#define SCRIP_FIELD_REQUEST_ID 2

/**
 * Field: who sells the card. Needed.
 */
#define SCRIP_FIELD_SELLER 3

/**
 * Field: the product, by its name in the configuration. Needed.
 */
#define SCRIP_FIELD_PRODUCT 4

/**
 * Field: the card number as typed or scanned; not set where the product has none.
 */
#define SCRIP_FIELD_CARD_NUMBER 5

/**
 * Field: the card secret or PIN as typed or scanned.
 */
#define SCRIP_FIELD_CARD_SECRET 6

/**
 * Field: through which channel it came ("app", "shop", "terminal", ...).
 */
#define SCRIP_FIELD_CHANNEL 7

/**
 * Field: from which device.
 */
#define SCRIP_FIELD_DEVICE 8

/**
 * Field: from which network address.
 */
#define SCRIP_FIELD_IP 9

/**
 * Field: the dynamic token that was shown with the card, as typed or scanned; only for products
 * that have tokens. It is judged at the time of scrip_request_set_received_at. Where the card
 * number is not set, it is taken from the token.
 */
#define SCRIP_FIELD_TOKEN 10

/**
 * Nothing to do until `due_ms`, or until something comes in.
 */
#define SCRIP_NONE 0

/**
 * Make a batch durable: first put the rows in `head` where they can be erased, then append
 * `bytes` to the log, sync both, and call scrip_engine_committed; or
 * scrip_engine_commit_failed, and the same batch comes again.
 */
#define SCRIP_COMMIT 1

/**
 * Send `bytes` to `endpoint` of `channel`, and call scrip_engine_reply or scrip_engine_lost. If
 * the first byte cannot leave before `due_ms`, do not send it: it is lost, SCRIP_NOT_SENT.
 */
#define SCRIP_CALL 2

/**
 * Acknowledge the inbound message `token` with `bytes`: all it caused is durable.
 */
#define SCRIP_ACK 3

/**
 * Something to know; everything in it is durable.
 */
#define SCRIP_EVENT 4

/**
 * Erase the side rows whose names stand in `bytes`, 16 bytes each. A name that is not there
 * was erased already.
 */
#define SCRIP_ERASE 5

/**
 * A redemption has taken a step: `state`, reason in `head`, request id in `bytes`, and in
 * `amount_minor` what the seller has been paid.
 */
#define SCRIP_EVENT_MOVED 1

/**
 * The same request came before and has ended: its outcome, told as by SCRIP_EVENT_MOVED.
 */
#define SCRIP_EVENT_REPLAYED 2

/**
 * The same request came before and is under way; told as by SCRIP_EVENT_MOVED.
 */
#define SCRIP_EVENT_IN_PROGRESS 3

/**
 * The request id came before with other contents. Nothing is told of that request.
 */
#define SCRIP_EVENT_MISMATCH 4

/**
 * Another request is at this card; submit again at `due_ms` or later.
 */
#define SCRIP_EVENT_CARD_BUSY 5

/**
 * What was asked for does not fit: `code` is an error number, its text in `head`.
 */
#define SCRIP_EVENT_REFUSED 6

/**
 * Another writer owns the redemption now.
 */
#define SCRIP_EVENT_TAKEN_OVER 7

/**
 * For scrip_engine_lost: no byte was handed to the network; nothing can have happened.
 */
#define SCRIP_NOT_SENT 1

/**
 * For scrip_engine_lost: at least one byte was; anything may have happened.
 */
#define SCRIP_MAYBE_SENT 2

/**
 * For scrip_engine_refuse: a redemption elsewhere is at the card.
 */
#define SCRIP_REFUSE_HELD 1

/**
 * For scrip_engine_refuse: the card is quarantined elsewhere.
 */
#define SCRIP_REFUSE_QUARANTINED 2

/**
 * For scrip_engine_refuse: the card was redeemed elsewhere.
 */
#define SCRIP_REFUSE_CONSUMED 3

/**
 * For scrip_engine_decide: a reviewer lets it go on; the card is verified and quoted again.
 */
#define SCRIP_DECIDE_APPROVE 1

/**
 * For scrip_engine_decide: a reviewer refuses it; `more` is the reason.
 */
#define SCRIP_DECIDE_REJECT 2

/**
 * For scrip_engine_decide: an owed pay-out goes to the payee in `more`.
 */
#define SCRIP_DECIDE_PAYEE 3

/**
 * For scrip_engine_decide: a held payee may be paid.
 */
#define SCRIP_DECIDE_UNHOLD 4

/**
 * For scrip_engine_decide: the seller gave an advance back.
 */
#define SCRIP_DECIDE_RECOVERED 5

/**
 * For scrip_engine_decide: a claw-back is given up; `more` is the second who signs.
 */
#define SCRIP_DECIDE_WRITE_OFF 6

/**
 * scrip_view: `verified_minor` is known.
 */
#define SCRIP_HAS_VERIFIED 1

/**
 * scrip_view: `debited_minor` is known.
 */
#define SCRIP_HAS_DEBITED 2

/**
 * scrip_view: `payout_minor` is known.
 */
#define SCRIP_HAS_PAYOUT 4

/**
 * scrip_view: `fee_minor` is known.
 */
#define SCRIP_HAS_FEE 8

/**
 * scrip_view: `until_ms` is known.
 */
#define SCRIP_HAS_UNTIL 16

/**
 * The unit wants to hold the key. If someone else has it, refuse the unit.
 */
#define SCRIP_CLAIM_WANT 1

/**
 * The key stays held.
 */
#define SCRIP_CLAIM_HOLD 2

/**
 * The key is quarantined: the card's debit may still be on its way.
 */
#define SCRIP_CLAIM_QUARANTINE 3

/**
 * The key is consumed: for ever, or up to this generation.
 */
#define SCRIP_CLAIM_CONSUME 4

/**
 * The key is released.
 */
#define SCRIP_CLAIM_RELEASE 5

/**
 * Kind: a GS1 element string.
 */
#define SCRIP_KIND_GS1 1

/**
 * Kind: a GS1 Digital Link URI.
 */
#define SCRIP_KIND_DIGITAL_LINK 2

/**
 * Kind: a trade item number.
 */
#define SCRIP_KIND_GTIN 3

/**
 * Kind: an EMVCo code that a merchant presents.
 */
#define SCRIP_KIND_EMV_MERCHANT 4

/**
 * Kind: an EMVCo code that a consumer presents.
 */
#define SCRIP_KIND_EMV_CONSUMER 5

/**
 * Kind: a payment code.
 */
#define SCRIP_KIND_PAYMENT_CODE 6

/**
 * Kind: a card number, a card secret, or both.
 */
#define SCRIP_KIND_CARD_TEXT 7

/**
 * Kind: a dynamic token; scrip_token_verify tells whether it is genuine.
 */
#define SCRIP_KIND_TOKEN 8

/**
 * Likelihood: its form tells it apart from everything else, and every check was passed.
 */
#define SCRIP_PROVEN 1

/**
 * Likelihood: it fits the declared product.
 */
#define SCRIP_DECLARED 2

/**
 * Likelihood: a check digit was passed.
 */
#define SCRIP_CHECKED 3

/**
 * Likelihood: beginning and length fit.
 */
#define SCRIP_SHAPED 4

/**
 * Likelihood: the length fits.
 */
#define SCRIP_POSSIBLE 5

/**
 * Likelihood: a character was taken for another.
 */
#define SCRIP_REPAIRED 6

/**
 * Likelihood: a rule is broken.
 */
#define SCRIP_BROKEN 7

/**
 * Scheme of a payment code: WeChat Pay.
 */
#define SCRIP_SCHEME_WECHAT 1

/**
 * Scheme of a payment code: Alipay.
 */
#define SCRIP_SCHEME_ALIPAY 2

/**
 * Scheme of a payment code: UnionPay.
 */
#define SCRIP_SCHEME_UNIONPAY 3

/**
 * Scheme of a payment code: JD.
 */
#define SCRIP_SCHEME_JD 4

/**
 * For scrip_scan_text: the name of a product that it may be a card of; `place` below `products`,
 * the best proven first.
 */
#define SCRIP_TEXT_PRODUCT 1

/**
 * For scrip_scan_text: what makes it a card of that product: "gtin", "check_digit", "prefix",
 * "length" or "declared"; `place` as for the product.
 */
#define SCRIP_TEXT_PROOF 2

/**
 * For scrip_scan_text: the number as people may be shown it.
 */
#define SCRIP_TEXT_NUMBER_MASKED 3

/**
 * For scrip_scan_text: the trade item number, 14 digits.
 */
#define SCRIP_TEXT_GTIN 4

/**
 * For scrip_scan_text: the application identifier of an element, such as "01"; `place` below
 * `elements`.
 */
#define SCRIP_TEXT_AI 5

/**
 * For scrip_scan_text: a check that was passed, in English; `place` below `checks`.
 */
#define SCRIP_TEXT_CHECK 6

/**
 * For scrip_scan_text: what was changed to read it so, in English; `place` below `repairs`.
 */
#define SCRIP_TEXT_REPAIR 7

/**
 * For scrip_scan_text: what to know of it, in English; `place` below `notes`.
 */
#define SCRIP_TEXT_NOTE 8

/**
 * For scrip_scan_text: the rule that is broken, in English; never a part of the text.
 */
#define SCRIP_TEXT_ERROR 9

/**
 * For scrip_scan_text: the name of its kind, such as "card_text".
 */
#define SCRIP_TEXT_KIND 10

/**
 * For scrip_scan_text: the card's number or the payment code, in clear. Wipe the buffer.
 */
#define SCRIP_REVEAL_NUMBER 101

/**
 * For scrip_scan_text: the card's secret, in clear. Wipe the buffer.
 */
#define SCRIP_REVEAL_SECRET 102

/**
 * For scrip_scan_text: the data of an element, which may be a card's serial number, in clear;
 * `place` below `elements`. Wipe the buffer.
 */
#define SCRIP_REVEAL_ELEMENT 103

/**
 * Source: typed or pasted by a person.
 */
#define SCRIP_SOURCE_TYPED 1

/**
 * Source: a bar code, with or without a symbology identifier such as "]C1". The separator is
 * the byte 0x1D.
 */
#define SCRIP_SOURCE_BARCODE 2

/**
 * Source: a QR code.
 */
#define SCRIP_SOURCE_QR 3

/**
 * Source: read from a picture, so that characters may stand for others that look alike.
 */
#define SCRIP_SOURCE_OCR 4

/**
 * Symbology: EAN-8.
 */
#define SCRIP_SYMBOLOGY_EAN8 1

/**
 * Symbology: EAN-13.
 */
#define SCRIP_SYMBOLOGY_EAN13 2

/**
 * Symbology: UPC-A.
 */
#define SCRIP_SYMBOLOGY_UPC_A 3

/**
 * Symbology: UPC-E.
 */
#define SCRIP_SYMBOLOGY_UPC_E 4

/**
 * Symbology: interleaved 2 of 5.
 */
#define SCRIP_SYMBOLOGY_ITF 5

/**
 * Symbology: Code 128 or another one that carries any text.
 */
#define SCRIP_SYMBOLOGY_TEXT 6

/**
 * Symbology: a GS1 symbol.
 */
#define SCRIP_SYMBOLOGY_GS1 7

/**
 * By how many bytes a sealed secret is longer than the secret.
 */
#define SCRIP_SEALED_OVERHEAD 43

/**
 * How many bytes of randomness sealing takes.
 */
#define SCRIP_NONCE_LEN 24

/**
 * The length of a key and of a pepper.
 */
#define SCRIP_KEY_LEN 32

/**
 * Purpose: a card's secret or PIN at rest.
 */
#define SCRIP_PURPOSE_CARD 1

/**
 * Purpose: personal fields at rest.
 */
#define SCRIP_PURPOSE_PERSONAL 2

/**
 * Purpose: on the way from a terminal to the core.
 */
#define SCRIP_PURPOSE_TERMINAL_TO_CORE 3

/**
 * Purpose: on the way from the core to an issuer.
 */
#define SCRIP_PURPOSE_CORE_TO_ISSUER 4

/**
 * Purpose: on the way back from an issuer to the core.
 */
#define SCRIP_PURPOSE_ISSUER_TO_CORE 5

/**
 * Purpose: on the way back from the core to a terminal.
 */
#define SCRIP_PURPOSE_CORE_TO_TERMINAL 6

/**
 * Algorithm: signed texts with HMAC-SHA-256; a key is 32 bytes or more, shared.
 */
#define SCRIP_TOKEN_HMAC_SHA256 1

/**
 * Algorithm: signed texts with Ed25519; a key is the public key, 32 bytes.
 */
#define SCRIP_TOKEN_ED25519 2

/**
 * Algorithm: codes of RFC 6238 with HMAC-SHA-1; a key is 16 bytes or more, of one card or device.
 */
#define SCRIP_TOKEN_TOTP_SHA1 3

/**
 * Algorithm: as before, with HMAC-SHA-256.
 */
#define SCRIP_TOKEN_TOTP_SHA256 4

/**
 * Algorithm: as before, with HMAC-SHA-512.
 */
#define SCRIP_TOKEN_TOTP_SHA512 5

/**
 * The token was used for the first time: append `record` to the state before anything follows
 * from it.
 */
#define SCRIP_SPENT_FIRST 1

/**
 * The token was used by the same redemption before, which is no replay: after a crash or a
 * repeated request. Append `record` if it may not be there; twice does no harm.
 */
#define SCRIP_SPENT_RESUMED 2

/**
 * The products of a catalogue, for scrip_scan_new. It may be used from several threads at once,
 * and freed before its scans are.
 */
typedef struct scrip_catalogue scrip_catalogue;

/**
 * An engine: one per log, used from one thread at a time. Functions that take it as const may
 * run on several threads at once. Overlap is answered with SCRIP_BUSY.
 */
typedef struct scrip_engine scrip_engine;

/**
 * A request to buy a card back. It may be submitted several times and used again; its texts are
 * wiped when they are replaced, reset or freed. From one thread at a time, except that
 * scrip_engine_submit only reads it.
 */
typedef struct scrip_request scrip_request;

/**
 * What a text may be. It may be used from several threads at once, and wipes what it holds when
 * it is freed.
 */
typedef struct scrip_scan scrip_scan;

/**
 * A verifier of one token profile, with the guard against replay. One for each profile.
 */
typedef struct scrip_token scrip_token;

/**
 * A ring of keys. It may be used from several threads at once, and wipes its keys when it is
 * freed.
 */
typedef struct scrip_vault scrip_vault;

/**
 * How a call ended: SCRIP_OK, or the number of an error. Numbers are stable and never reused;
 * the thousands name the part of the library. Those that a program acts upon have a name here,
 * all others are told by scrip_error.
 */
typedef uint32_t scrip_status;

/**
 * What went wrong, in a struct of the caller's. Set struct_size to sizeof(scrip_error) before
 * the call; it may be NULL. It is written only when a call fails.
 */
typedef struct scrip_error {
    /**
     * sizeof(scrip_error), set by the caller.
     */
    uint32_t struct_size;
    /**
     * The status that was returned.
     */
    uint32_t code;
    /**
     * One of SCRIP_ADVICE_*.
     */
    uint32_t advice;
    /**
     * In English, ended by a NUL, cut if it is longer. It never holds a card or a key.
     */
    char detail[160];
} scrip_error;

/**
 * What poll hands out. Set struct_size to sizeof(scrip_output) before the call.
 *
 * `head` and `bytes` are borrowed. Those of a SCRIP_COMMIT are valid until
 * scrip_engine_committed or scrip_engine_commit_failed for its token, those of a SCRIP_CALL
 * until scrip_engine_reply or scrip_engine_lost for its token, all others until the next poll;
 * none outlives the engine. They are not ended by a NUL.
 */
typedef struct scrip_output {
    /**
     * sizeof(scrip_output), set by the caller.
     */
    uint32_t struct_size;
    /**
     * SCRIP_NONE, SCRIP_COMMIT, SCRIP_CALL, SCRIP_ACK, SCRIP_EVENT or SCRIP_ERASE. Newer
     * libraries may add kinds: pass over what is not known.
     */
    uint32_t kind;
    /**
     * Names a SCRIP_COMMIT or SCRIP_CALL in the answer, or the inbound message of a SCRIP_ACK.
     */
    uint64_t token;
    /**
     * On the monotonic clock: when to poll again (SCRIP_NONE; INT64_MAX for never), the last
     * moment to send (SCRIP_CALL), when to submit again (SCRIP_EVENT_CARD_BUSY).
     */
    int64_t due_ms;
    /**
     * SCRIP_CALL: until when the answer is waited for. It is welcome later all the same.
     */
    int64_t answer_by_ms;
    /**
     * Whose it is (SCRIP_CALL, SCRIP_EVENT).
     */
    uint8_t redemption[16];
    /**
     * SCRIP_CALL: to which issuer or rail; see scrip_engine_channel_name.
     */
    uint32_t channel;
    /**
     * SCRIP_CALL: which of the channel's endpoints, counted from 0 as the configuration lists
     * them.
     */
    uint32_t endpoint;
    /**
     * SCRIP_CALL: balance 1, PIN check 2, redeem 3, query 4, reverse 5, receipt 6, pay 7,
     * pay query 8.
     */
    uint32_t operation;
    /**
     * SCRIP_CALL: 1 for the first sending, then counting up.
     */
    uint32_t attempt;
    /**
     * SCRIP_EVENT: one of SCRIP_EVENT_*. Pass over what is not known.
     */
    uint32_t event;
    /**
     * SCRIP_EVENT: where the redemption stands; see scrip_state_name.
     */
    uint32_t state;
    /**
     * SCRIP_EVENT_REFUSED: the number of the error.
     */
    uint32_t code;
    /**
     * SCRIP_EVENT: ISO 4217 numeric code of `amount_minor`.
     */
    uint32_t currency;
    /**
     * SCRIP_EVENT: what the seller has been paid, in minor units; 0 before.
     */
    int64_t amount_minor;
    /**
     * SCRIP_COMMIT: rows to put, NULL if there are none. SCRIP_CALL: where within the channel
     * (a path, a file name). SCRIP_EVENT: the reason, a stable code in snake case.
     */
    const uint8_t *head;
    /**
     * SCRIP_COMMIT: the frame to append. SCRIP_CALL: what to send; it may hold a card.
     * SCRIP_ACK: the acknowledgement. SCRIP_EVENT: the request id. SCRIP_ERASE: names of rows.
     */
    const uint8_t *bytes;
    /**
     * The length of `head`.
     */
    size_t head_len;
    /**
     * The length of `bytes`.
     */
    size_t bytes_len;
} scrip_output;

/**
 * What one unit of a batch does with one key. Set struct_size to sizeof(scrip_claim) before the
 * call.
 */
typedef struct scrip_claim {
    /**
     * sizeof(scrip_claim), set by the caller.
     */
    uint32_t struct_size;
    /**
     * The unit's number within the batch, from 0, as scrip_engine_refuse takes it.
     */
    uint32_t unit;
    /**
     * One of SCRIP_CLAIM_*.
     */
    uint32_t what;
    /**
     * SCRIP_CLAIM_WANT: 0 for a card that can be used once for ever; for a reloadable card the
     * reload count. A consumed key may be had again for a later generation only.
     */
    uint32_t generation;
    /**
     * Whose unit it is.
     */
    uint8_t redemption[16];
    /**
     * The key: a keyed digest that does not tell the card.
     */
    uint8_t key[16];
} scrip_claim;

/**
 * How a redemption stands, as far as it is durable. Set struct_size to sizeof(scrip_view)
 * before the call. Texts are UTF-8, ended by a NUL.
 */
typedef struct scrip_view {
    /**
     * sizeof(scrip_view), set by the caller.
     */
    uint32_t struct_size;
    /**
     * Where it stands; see scrip_state_name.
     */
    uint32_t state;
    /**
     * Sum of SCRIP_HAS_*: which of the values below are known. The others are 0.
     */
    uint32_t has;
    /**
     * ISO 4217 numeric code of all amounts.
     */
    uint32_t currency;
    /**
     * Since when it stands there, in ms since 1970.
     */
    int64_t since_ms;
    /**
     * Until when the card is frozen, in ms since 1970.
     */
    int64_t until_ms;
    /**
     * The face value as declared, in minor units, as all amounts.
     */
    int64_t face_minor;
    /**
     * What the issuer has confirmed.
     */
    int64_t verified_minor;
    /**
     * What the issuer has debited.
     */
    int64_t debited_minor;
    /**
     * What the seller has been paid.
     */
    int64_t payout_minor;
    /**
     * The service fee.
     */
    int64_t fee_minor;
    /**
     * Why, as a stable code in snake case; empty without a reason.
     */
    char reason[132];
    /**
     * The caller's id for the request.
     */
    char request_id[132];
    /**
     * Who sells.
     */
    char seller[132];
    /**
     * The product.
     */
    char product[132];
} scrip_view;

/**
 * What is known of a text before it is scanned. Set struct_size to sizeof(scrip_scan_hints) and
 * all else to 0, then what is known.
 */
typedef struct scrip_scan_hints {
    /**
     * sizeof(scrip_scan_hints), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SCRIP_SOURCE_*; 0 for typed.
     */
    uint32_t source;
    /**
     * What the reader says it read, one of SCRIP_SYMBOLOGY_*; 0 if it does not say.
     */
    uint32_t symbology;
    /**
     * The kinds that are of use, each as `1 << SCRIP_KIND_*`; 0 for all of them.
     */
    uint32_t kinds;
    /**
     * The product that the text is declared as, by its name in the catalogue; empty if none is.
     * A text that is proven to be something else is then an error.
     */
    char product[132];
    /**
     * In whose shops it was scanned, by the issuer's name in the catalogue; empty if unknown.
     */
    char issuer[132];
} scrip_scan_hints;

/**
 * What a text may be. Set struct_size to sizeof(scrip_candidate) before the call. Its texts are
 * scrip_scan_text's to tell.
 */
typedef struct scrip_candidate {
    /**
     * sizeof(scrip_candidate), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SCRIP_KIND_*. Pass over what is not known.
     */
    uint32_t kind;
    /**
     * 1 if every rule of its kind holds, else 0.
     */
    uint32_t valid;
    /**
     * SCRIP_PROVEN to SCRIP_BROKEN; candidates come in this order.
     */
    uint32_t likelihood;
    /**
     * SCRIP_KIND_PAYMENT_CODE: one of SCRIP_SCHEME_*, else 0.
     */
    uint32_t scheme;
    /**
     * 1 if it has a number, else 0.
     */
    uint32_t has_number;
    /**
     * 1 if it has a secret, else 0.
     */
    uint32_t has_secret;
    /**
     * The number of the rule that is broken; 0 if none is.
     */
    uint32_t error;
    /**
     * How many products it may be a card of.
     */
    uint32_t products;
    /**
     * How many elements an element string or a Digital Link has.
     */
    uint32_t elements;
    /**
     * How many checks were passed.
     */
    uint32_t checks;
    /**
     * How many things were changed to read it so.
     */
    uint32_t repairs;
    /**
     * 1 if none of these changes loses anything, whatever was meant; 0 if a person must agree.
     */
    uint32_t lossless;
    /**
     * How many things there are to know of it.
     */
    uint32_t notes;
    /**
     * At which byte of the text the broken rule shows, a symbology identifier counted; -1 if it
     * shows at no one place. In coded data it is where the character stands in which the byte
     * begins.
     */
    int64_t at;
} scrip_candidate;

/**
 * The place that a secret is sealed for: it opens only where all of this is the same again. Set
 * struct_size to sizeof(scrip_place) and all else to 0, then what holds.
 */
typedef struct scrip_place {
    /**
     * sizeof(scrip_place), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SCRIP_PURPOSE_*: what it is for and which way it goes.
     */
    uint32_t purpose;
    /**
     * Whose it is.
     */
    uint8_t redemption[16];
    /**
     * How many bytes of `bound` count.
     */
    uint32_t bound_len;
    /**
     * What else it must not be parted from, such as the card's key or the name of a field. It
     * is not secret and does not stand in what is sealed.
     */
    uint8_t bound[128];
} scrip_place;

/**
 * What an issuer's tokens are like. Set struct_size to sizeof(scrip_token_profile) and all else
 * to 0, then what holds.
 */
typedef struct scrip_token_profile {
    /**
     * sizeof(scrip_token_profile), set by the caller.
     */
    uint32_t struct_size;
    /**
     * One of SCRIP_TOKEN_HMAC_SHA256 to SCRIP_TOKEN_TOTP_SHA512.
     */
    uint32_t algorithm;
    /**
     * How many digits a code has, 6 to 8; 0 for signed texts.
     */
    uint32_t digits;
    /**
     * How long a step lasts: 1,000 to 86,400,000 ms.
     */
    uint32_t step_ms;
    /**
     * How many steps after its own a token is accepted, up to 10.
     */
    uint32_t back;
    /**
     * How many steps before its own a token is accepted, up to 10.
     */
    uint32_t ahead;
    /**
     * How many uses may be remembered at once, about 100 bytes each; 0 for 1,000,000. Beyond that
     * tokens are refused, never forgotten.
     */
    uint32_t max_uses;
} scrip_token_profile;

/**
 * A token that was genuine, fresh and not used before. Set struct_size to
 * sizeof(scrip_token_use) before the call. Wipe it once it was used: `subject` may be a card's
 * number.
 */
typedef struct scrip_token_use {
    /**
     * sizeof(scrip_token_use), set by the caller.
     */
    uint32_t struct_size;
    /**
     * SCRIP_SPENT_FIRST or SCRIP_SPENT_RESUMED.
     */
    uint32_t spent;
    /**
     * The id of the key it was made with.
     */
    uint32_t key;
    /**
     * How many bytes of `subject` count.
     */
    uint32_t subject_len;
    /**
     * Its time step.
     */
    uint64_t step;
    /**
     * What to append to the state. It does not tell the token.
     */
    uint8_t record[40];
    /**
     * What the token stands for.
     */
    uint8_t subject[64];
} scrip_token_use;

/**
 * Done.
 */
#define SCRIP_OK 0

/**
 * scrip_engine_restore: the bytes end within a frame. Everything before it was taken; see there.
 */
#define SCRIP_TORN 12001

/**
 * A frame cannot be read or does not follow the one before it. Do not write to this log.
 */
#define SCRIP_DAMAGED 15001

/**
 * A field of the request is wrong; `detail` begins with a stable code in snake case.
 */
#define SCRIP_INVALID 15005

/**
 * A field of the request is right and the product does not take it; `detail` as above.
 */
#define SCRIP_REFUSED 15006

/**
 * Too much is in flight: submit again later.
 */
#define SCRIP_FULL 15007

/**
 * The writer epoch is not above that of the log's last batch.
 */
#define SCRIP_EPOCH 15012

/**
 * A pointer is NULL that must not be.
 */
#define SCRIP_NULL 19001

/**
 * The handle is in use by another thread; nothing happened.
 */
#define SCRIP_BUSY 19002

/**
 * A fault of the library was caught. The handle takes nothing but being freed; open it again
 * from what was written.
 */
#define SCRIP_POISONED 19003

/**
 * The buffer is too small; the needed length was written.
 */
#define SCRIP_BUFFER_TOO_SMALL 19004

/**
 * A text is not UTF-8.
 */
#define SCRIP_BAD_UTF8 19005

/**
 * A number is none of its list's.
 */
#define SCRIP_BAD_ENUM 19006

/**
 * `struct_size` was not set, or is smaller than that of the struct's first version.
 */
#define SCRIP_BAD_SIZE 19007

/**
 * A length, number or text is out of range.
 */
#define SCRIP_BAD_VALUE 19008

/**
 * Not now: the engine is not started yet, or it is already.
 */
#define SCRIP_WRONG_PHASE 19009

/**
 * There is no such token, or it is answered already.
 */
#define SCRIP_NO_SUCH_TOKEN 19010

/**
 * There is no such redemption.
 */
#define SCRIP_NO_SUCH_REDEMPTION 19011

/**
 * There is nothing at this place: the list has ended.
 */
#define SCRIP_END 19012

/**
 * Bytes that are no message of the channel's protocol. Do not acknowledge them.
 */
#define SCRIP_NOT_A_MESSAGE 19013

/**
 * Side rows that are not as they were handed out; none of them was taken.
 */
#define SCRIP_BAD_ROW 19014

/**
 * A catalogue that cannot be read; `detail` tells the line and the column.
 */
#define SCRIP_BAD_CATALOGUE 5001

/**
 * scrip_scan_new: nothing but white space.
 */
#define SCRIP_SCAN_EMPTY 5100

/**
 * scrip_scan_new: a text is longer than 8,191 bytes.
 */
#define SCRIP_SCAN_TOO_LONG 5101

/**
 * scrip_scan_new: the declared product is not in the catalogue.
 */
#define SCRIP_SCAN_UNKNOWN_PRODUCT 5102

/**
 * scrip_scan_new: what was scanned is proven to be something else than the declared product.
 */
#define SCRIP_SCAN_CONTRADICTION 5103

/**
 * scrip_scan_new: what was scanned is no card of the declared product.
 */
#define SCRIP_SCAN_NO_CARD 5104

/**
 * scrip_scan_new: neither of two symbols holds a trade item number.
 */
#define SCRIP_SCAN_NO_GTIN 5105

/**
 * scrip_vault_open: bytes that cannot be a sealed secret.
 */
#define SCRIP_VAULT_MALFORMED 4001

/**
 * scrip_vault_open: sealed with a key that the vault does not hold.
 */
#define SCRIP_VAULT_UNKNOWN_KEY 4002

/**
 * scrip_vault_open: changed, or sealed for another place or direction, or with another key of
 * the same id. More is not told.
 */
#define SCRIP_VAULT_UNOPENED 4003

/**
 * Token: not a token's text.
 */
#define SCRIP_TOKEN_MALFORMED 5200

/**
 * Token: a profile that no token can meet.
 */
#define SCRIP_TOKEN_PROFILE 5201

/**
 * Token: a key that the algorithm cannot use, or whose period is empty.
 */
#define SCRIP_TOKEN_KEY 5202

/**
 * Token: there is a key of this id already.
 */
#define SCRIP_TOKEN_DUPLICATE_KEY 5203

/**
 * Token: the profile's algorithm has tokens of the other kind, signed texts or one-time codes.
 */
#define SCRIP_TOKEN_OTHER_KIND 5205

/**
 * Token refused: made with a key that is not held.
 */
#define SCRIP_TOKEN_UNKNOWN_KEY 5206

/**
 * Token refused: signature or MAC do not fit.
 */
#define SCRIP_TOKEN_PROOF 5207

/**
 * Token refused: not as many digits as codes have.
 */
#define SCRIP_TOKEN_DIGITS 5208

/**
 * Token refused: the code is wrong or no longer valid.
 */
#define SCRIP_TOKEN_CODE 5209

/**
 * Token: the clock stands before 1970.
 */
#define SCRIP_TOKEN_CLOCK 5210

/**
 * Token refused: its step is over.
 */
#define SCRIP_TOKEN_TOO_OLD 5211

/**
 * Token refused: its step has not begun.
 */
#define SCRIP_TOKEN_TOO_EARLY 5212

/**
 * Token refused: the key's period begins later.
 */
#define SCRIP_TOKEN_KEY_NOT_YET 5213

/**
 * Token refused: the key's period has ended.
 */
#define SCRIP_TOKEN_KEY_RETIRED 5214

/**
 * Token refused: used before, by another redemption.
 */
#define SCRIP_TOKEN_REPLAYED 5215

/**
 * Token refused: its window is closed, so that it may have been used.
 */
#define SCRIP_TOKEN_CLOSED 5216

/**
 * Token refused: as many uses are remembered as may be; come again later.
 */
#define SCRIP_TOKEN_FULL 5217

/**
 * Token: the state is not as it was exported.
 */
#define SCRIP_TOKEN_STATE 5218

/**
 * Token: the state is of a profile with other steps.
 */
#define SCRIP_TOKEN_OTHER_PROFILE 5219

/**
 * Token refused: genuine, of another product.
 */
#define SCRIP_TOKEN_OTHER_PRODUCT 5220

/**
 * Token refused: genuine, and it stands for another card.
 */
#define SCRIP_TOKEN_OTHER_CARD 5221

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The ABI version of the library that is linked: compare it with SCRIP_ABI_VERSION.
 */
uint32_t scrip_abi_version(void);

/**
 * The name of a state in snake case, such as "retired"; NULL for a number that is none. It is
 * static: never free it.
 */
const char *scrip_state_name(uint32_t state);

/**
 * Whether a redemption in this state has ended: 1 or 0. Late answers may move it on all the
 * same.
 */
uint32_t scrip_state_is_end(uint32_t state);

/**
 * An empty request, to be freed with scrip_request_free; NULL only if something went wrong.
 */
struct scrip_request *scrip_request_new(void);

/**
 * Frees a request and wipes it; NULL is fine.
 */
void scrip_request_free(struct scrip_request *request);

/**
 * Sets one of SCRIP_FIELD_* to UTF-8 text; a length of 0 takes it out again. The text is
 * copied. Its contents are checked when the request is submitted.
 */
scrip_status scrip_request_set_text(struct scrip_request *request,
                                    uint32_t field,
                                    const uint8_t *text_utf8,
                                    size_t text_len,
                                    struct scrip_error *error);

/**
 * Sets the declared face value: minor units (fen, cent) and the ISO 4217 numeric currency code.
 */
scrip_status scrip_request_set_face(struct scrip_request *request,
                                    int64_t minor,
                                    uint32_t currency,
                                    struct scrip_error *error);

/**
 * Sets when the caller received it, in ms since 1970; if not set, the engine's clock says so.
 */
scrip_status scrip_request_set_received_at(struct scrip_request *request,
                                           int64_t wall_ms,
                                           struct scrip_error *error);

/**
 * Sets the place, in millionths of a degree: latitude to 90,000,000, longitude to 180,000,000,
 * both also below zero.
 */
scrip_status scrip_request_set_place(struct scrip_request *request,
                                     int32_t latitude,
                                     int32_t longitude,
                                     struct scrip_error *error);

/**
 * Sets which loading of a reloadable card it is, from 1; 0 for all other cards.
 */
scrip_status scrip_request_set_generation(struct scrip_request *request,
                                          uint32_t generation,
                                          struct scrip_error *error);

/**
 * Empties a request and wipes what it held.
 */
scrip_status scrip_request_reset(struct scrip_request *request, struct scrip_error *error);

/**
 * Makes an engine from its configuration, one TOML text (see docs/c.md). The text holds keys:
 * wipe it afterwards. Next come scrip_engine_restore_side, scrip_engine_restore and
 * scrip_engine_start.
 *
 * `engine` receives the handle, NULL on failure; free it with scrip_engine_free.
 */
scrip_status scrip_engine_new(const uint8_t *config_toml,
                              size_t config_len,
                              struct scrip_engine **engine,
                              struct scrip_error *error);

/**
 * Frees an engine and all it lent; NULL is fine, and so is any moment: what is not durable yet
 * is taken up again from the log. An engine that another thread is inside of is not freed.
 */
void scrip_engine_free(struct scrip_engine *engine);

/**
 * Takes side rows back, in the form in which a SCRIP_COMMIT handed them out in `head`: one such
 * list or several one after the other. All side rows come before the first frame. A redemption
 * whose row is missing cannot be sent to its issuer any more: it ends as declined, or is owed,
 * as far as it had come.
 */
scrip_status scrip_engine_restore_side(struct scrip_engine *engine,
                                       const uint8_t *rows,
                                       size_t rows_len,
                                       struct scrip_error *error);

/**
 * Only for a claim store that is shared with others: says, before the frame is restored, that
 * scrip_engine_refuse had been called for a unit of it. Call it once per refused unit of the
 * next frame.
 */
scrip_status scrip_engine_restore_refused(struct scrip_engine *engine,
                                          uint32_t unit,
                                          uint32_t why,
                                          const uint8_t *holder,
                                          struct scrip_error *error);

/**
 * Takes the next frames of the log, in the order in which they were appended. `consumed`
 * receives how many bytes at the start of `frames` were whole frames, also when the call fails.
 *
 * SCRIP_TORN says that a frame begins behind them that is not whole. If there is more of the
 * log, call again from there with more bytes; at the log's end cut it off there: what was torn
 * was never acknowledged. SCRIP_DAMAGED says that the log itself is damaged, for whole frames
 * follow or a frame does not continue the chain: such an engine does not start.
 */
scrip_status scrip_engine_restore(struct scrip_engine *engine,
                                  const uint8_t *frames,
                                  size_t frames_len,
                                  size_t *consumed,
                                  struct scrip_error *error);

/**
 * Starts the engine: a new writer of the log.
 *
 * `epoch` is a counter that the host keeps and raises before every start; it must be above that
 * of every earlier writer. `seed` is 32 bytes from the system's or the board's random generator,
 * fresh at every start and wiped afterwards. `keep` receives the length of the log that the
 * engine continues, in bytes: cut off what lies behind. It may be NULL.
 */
scrip_status scrip_engine_start(struct scrip_engine *engine,
                                uint64_t epoch,
                                const uint8_t *seed,
                                uint64_t *keep,
                                struct scrip_error *error);

/**
 * Takes a request. What becomes of it is told by events; nothing is promised before. `id`
 * receives the 16 bytes that name its redemption for ever: the same caller and request id have
 * the same one.
 */
scrip_status scrip_engine_submit(struct scrip_engine *engine,
                                 const struct scrip_request *request,
                                 uint8_t *id,
                                 struct scrip_error *error);

/**
 * Moves time, works off what came in, and hands out the next thing to do. Call it until it
 * hands out SCRIP_NONE, and again when something came in or at `due_ms`.
 *
 * `mono_ms` is a clock that never goes back while the program runs, from any origin; `wall_ms`
 * is the time in ms since 1970. A call that fails consumes nothing: the same output comes again.
 */
scrip_status scrip_engine_poll(struct scrip_engine *engine,
                               int64_t mono_ms,
                               int64_t wall_ms,
                               struct scrip_output *output,
                               struct scrip_error *error);

/**
 * The batch is durable: its frame and its side rows are written and synced.
 */
scrip_status scrip_engine_committed(struct scrip_engine *engine,
                                    uint64_t token,
                                    struct scrip_error *error);

/**
 * The batch is not durable, or that is not known: the next poll hands the same one out again.
 * If it is appended a second time right behind the first, restoring takes it once; half a frame
 * must be cut off before.
 */
scrip_status scrip_engine_commit_failed(struct scrip_engine *engine,
                                        uint64_t token,
                                        struct scrip_error *error);

/**
 * Only for a claim store that is shared with others: what the batch `token` does with which
 * key, by its place in a list from 0; SCRIP_END behind the last one.
 */
scrip_status scrip_engine_claim(const struct scrip_engine *engine,
                                uint64_t token,
                                size_t place,
                                struct scrip_claim *claim,
                                struct scrip_error *error);

/**
 * Only for a claim store that is shared with others: refuses one unit of the batch `token`,
 * before scrip_engine_committed. It harms no other unit. `why` is one of SCRIP_REFUSE_*,
 * `holder` the 16 bytes of the redemption that has the card. Keep what was refused beside the
 * frame: scrip_engine_restore_refused needs it.
 */
scrip_status scrip_engine_refuse(struct scrip_engine *engine,
                                 uint64_t token,
                                 uint32_t unit,
                                 uint32_t why,
                                 const uint8_t *holder,
                                 struct scrip_error *error);

/**
 * The reply to the call `token`, in time or late, once or several times. The call's bytes are
 * given back with the first answer.
 */
scrip_status scrip_engine_reply(struct scrip_engine *engine,
                                uint64_t token,
                                const uint8_t *reply,
                                size_t reply_len,
                                struct scrip_error *error);

/**
 * The call `token` brings no reply. `sent` is SCRIP_NOT_SENT only if no byte of it was handed to
 * the network, else SCRIP_MAYBE_SENT. Every call needs an answer of one kind or the other: until
 * then its bytes stay in memory.
 */
scrip_status scrip_engine_lost(struct scrip_engine *engine,
                               uint64_t token,
                               uint32_t sent,
                               struct scrip_error *error);

/**
 * A message from `channel` that nobody asked for: a callback or a file. `token` receives its
 * name; a SCRIP_ACK with it says when everything it caused is durable. Keep it until then, and
 * bring it again after a restart.
 */
scrip_status scrip_engine_inbound(struct scrip_engine *engine,
                                  uint32_t channel,
                                  const uint8_t *message,
                                  size_t message_len,
                                  uint64_t *token,
                                  struct scrip_error *error);

/**
 * A decision by people: one of SCRIP_DECIDE_*, who decides, and `more` where the decision asks
 * for it (NULL and 0 otherwise). SCRIP_EVENT_REFUSED tells later if it does not fit.
 */
scrip_status scrip_engine_decide(struct scrip_engine *engine,
                                 const uint8_t *id,
                                 uint32_t decision,
                                 const uint8_t *by_utf8,
                                 size_t by_len,
                                 const uint8_t *more_utf8,
                                 size_t more_len,
                                 struct scrip_error *error);

/**
 * The seller's answer to a challenge: `passed` is 1 or 0.
 */
scrip_status scrip_engine_answer(struct scrip_engine *engine,
                                 const uint8_t *id,
                                 uint32_t passed,
                                 struct scrip_error *error);

/**
 * The card of a redemption was scanned again. That is asked for where a redemption stands at
 * "challenged" with the reason "token_stale": people looked at it until its token was too old.
 * `received_at_ms` is when it was scanned, in ms since 1970; 0 for the engine's clock.
 * SCRIP_EVENT_REFUSED tells later if the token is refused, with SCRIP_TOKEN_* in `code`, or if
 * none was asked for; the seller may try again until the question expires.
 */
scrip_status scrip_engine_rescan(struct scrip_engine *engine,
                                 const uint8_t *id,
                                 const uint8_t *token_utf8,
                                 size_t token_len,
                                 int64_t received_at_ms,
                                 struct scrip_error *error);

/**
 * Calls a redemption off, which is possible before redeeming only; SCRIP_EVENT_REFUSED tells
 * later if it was too late.
 */
scrip_status scrip_engine_cancel(struct scrip_engine *engine,
                                 const uint8_t *id,
                                 const uint8_t *by_utf8,
                                 size_t by_len,
                                 struct scrip_error *error);

/**
 * How a redemption stands, as far as it is durable. Also before the start, once restored.
 */
scrip_status scrip_engine_view(const struct scrip_engine *engine,
                               const uint8_t *id,
                               struct scrip_view *view,
                               struct scrip_error *error);

/**
 * When poll has something to do although nothing comes in, on the monotonic clock; INT64_MAX
 * for never.
 */
scrip_status scrip_engine_wake_at(const struct scrip_engine *engine,
                                  int64_t *wake_ms,
                                  struct scrip_error *error);

/**
 * The audit log as of the last durable batch: its Merkle root (RFC 6962, SHA-256) into 32 bytes,
 * and how many records it holds. Also before the start, once restored.
 */
scrip_status scrip_engine_audit_root(const struct scrip_engine *engine,
                                     uint8_t *root,
                                     uint64_t *records,
                                     struct scrip_error *error);

/**
 * The name of a channel, as the configuration has it, ended by a NUL. Channels are numbered from
 * 0: the issuers by name, then the rails by name. `len` receives the length without the NUL,
 * also when the buffer is too small.
 */
scrip_status scrip_engine_channel_name(const struct scrip_engine *engine,
                                       uint32_t channel,
                                       uint8_t *buffer,
                                       size_t capacity,
                                       size_t *len,
                                       struct scrip_error *error);

/**
 * Reads a catalogue: the `[product.NAME]` tables of the configuration, as one TOML text. Other
 * tables are an error.
 *
 * `catalogue` receives the handle, NULL on failure; free it with scrip_catalogue_free.
 */
scrip_status scrip_catalogue_new(const uint8_t *catalogue_toml,
                                 size_t catalogue_len,
                                 struct scrip_catalogue **catalogue,
                                 struct scrip_error *error);

/**
 * Frees a catalogue; NULL is fine.
 */
void scrip_catalogue_free(struct scrip_catalogue *catalogue);

/**
 * Tells what a text may be: typed text, the data of a bar or QR code, or what was read from a
 * picture. Nothing is corrected: each candidate tells what was changed to read it so.
 *
 * `hints` may be NULL for typed text. `second` is the data of a second symbol on the same card,
 * in any order with the first; NULL and 0 if there is none. `scan` receives the candidates, NULL
 * on failure; free them with scrip_scan_free.
 */
scrip_status scrip_scan_new(const struct scrip_catalogue *catalogue,
                            const struct scrip_scan_hints *hints,
                            const uint8_t *text_utf8,
                            size_t text_len,
                            const uint8_t *second_utf8,
                            size_t second_len,
                            struct scrip_scan **scan,
                            struct scrip_error *error);

/**
 * Frees candidates and wipes what they hold; NULL is fine.
 */
void scrip_scan_free(struct scrip_scan *scan);

/**
 * A candidate, by its place from 0, the likeliest first; SCRIP_END behind the last one, which is
 * at once for a text that is like nothing known.
 */
scrip_status scrip_scan_candidate(const struct scrip_scan *scan,
                                  size_t place,
                                  struct scrip_candidate *candidate,
                                  struct scrip_error *error);

/**
 * A text of the candidate in place `candidate`, ended by a NUL: one of SCRIP_TEXT_*, or one of
 * SCRIP_REVEAL_*, the only way in which a card comes out; wipe the buffer then. `place` counts
 * from 0 where there are several and is 0 elsewhere. SCRIP_END if there is no such text. `len`
 * receives the length without the NUL, also when the buffer is too small.
 */
scrip_status scrip_scan_text(const struct scrip_scan *scan,
                             size_t candidate,
                             uint32_t what,
                             size_t place,
                             uint8_t *buffer,
                             size_t capacity,
                             size_t *len,
                             struct scrip_error *error);

/**
 * Makes a vault from keys that seal and peppers that name cards, each SCRIP_KEY_LEN bytes, one
 * behind the other, with ids from 1 to 65535, in any order. The highest id is current: it seals,
 * all others only open. To rotate, make a vault with one more key, and scrip_vault_reseal what is
 * still kept. The keys are copied: wipe yours.
 *
 * `vault` receives the handle, NULL on failure; free it with scrip_vault_free.
 */
scrip_status scrip_vault_new(const uint32_t *key_ids,
                             const uint8_t *keys,
                             size_t key_count,
                             const uint32_t *pepper_ids,
                             const uint8_t *peppers,
                             size_t pepper_count,
                             struct scrip_vault **vault,
                             struct scrip_error *error);

/**
 * Frees a vault and wipes its keys; NULL is fine.
 */
void scrip_vault_free(struct scrip_vault *vault);

/**
 * Seals a secret for a place with the current key. `nonce` is SCRIP_NONCE_LEN bytes from the
 * system's or the board's random generator, never used before. `len` receives the length, which
 * is SCRIP_SEALED_OVERHEAD above that of the secret, also when the buffer is too small.
 */
scrip_status scrip_vault_seal(const struct scrip_vault *vault,
                              const struct scrip_place *place,
                              const uint8_t *secret,
                              size_t secret_len,
                              const uint8_t *nonce,
                              uint8_t *buffer,
                              size_t capacity,
                              size_t *len,
                              struct scrip_error *error);

/**
 * Opens what was sealed for the same place. The buffer receives the secret in clear: wipe it as
 * soon as it was used. `len` receives its length, also when the buffer is too small.
 */
scrip_status scrip_vault_open(const struct scrip_vault *vault,
                              const struct scrip_place *place,
                              const uint8_t *sealed,
                              size_t sealed_len,
                              uint8_t *buffer,
                              size_t capacity,
                              size_t *len,
                              struct scrip_error *error);

/**
 * Opens what was sealed with any key of the vault, and seals it again for the same place with
 * the current one. The secret does not come out. `nonce` and `len` are as for scrip_vault_seal.
 */
scrip_status scrip_vault_reseal(const struct scrip_vault *vault,
                                const struct scrip_place *place,
                                const uint8_t *sealed,
                                size_t sealed_len,
                                const uint8_t *nonce,
                                uint8_t *buffer,
                                size_t capacity,
                                size_t *len,
                                struct scrip_error *error);

/**
 * The key that names a card without telling it, 16 bytes, under the current pepper: `scheme` is
 * the product's identity scheme in the catalogue and `identity` the card's number, normalised. To
 * bind what is sealed to the card, put it into `bound` of scrip_place.
 */
scrip_status scrip_vault_card_key(const struct scrip_vault *vault,
                                  const uint8_t *scheme_utf8,
                                  size_t scheme_len,
                                  const uint8_t *identity,
                                  size_t identity_len,
                                  uint8_t *key,
                                  struct scrip_error *error);

/**
 * Makes a verifier without keys; scrip_token_add_key adds them.
 *
 * `pepper` is 32 secret bytes that stay the same as long as uses are remembered. `state` is what
 * scrip_token_export wrote, followed by the records that were appended since, 40 bytes each; NULL
 * and 0 at the very first start. What is less than a record at its end was cut off by a crash:
 * leave it out. `token` receives the handle, NULL on failure; free it with scrip_token_free.
 */
scrip_status scrip_token_new(const struct scrip_token_profile *profile,
                             const uint8_t *pepper,
                             const uint8_t *state,
                             size_t state_len,
                             struct scrip_token **token,
                             struct scrip_error *error);

/**
 * Frees a verifier and wipes its keys; NULL is fine.
 */
void scrip_token_free(struct scrip_token *token);

/**
 * Adds a key and the period in which tokens are made with it, in ms since 1970: from `from_ms`
 * on, until before `until_ms`. Periods may overlap, so that one key takes over from another. The
 * key is copied: wipe yours.
 */
scrip_status scrip_token_add_key(struct scrip_token *token,
                                 uint32_t id,
                                 const uint8_t *key,
                                 size_t key_len,
                                 int64_t from_ms,
                                 int64_t until_ms,
                                 struct scrip_error *error);

/**
 * Verifies a token on the caller's clock, in ms since 1970, and uses it for a redemption of 16
 * bytes. Each refusal has its own status, SCRIP_TOKEN_*. Nothing may follow from the token before
 * its `record` is durable: see scrip_token_use.
 *
 * A signed text tells its key and its subject: `key` and `subject_len` are 0 then. For a one-time
 * code they say whose it is: the id of its key, and 1 to 64 bytes such as the card's number.
 */
scrip_status scrip_token_verify(struct scrip_token *token,
                                const uint8_t *text_utf8,
                                size_t text_len,
                                uint32_t key,
                                const uint8_t *subject,
                                size_t subject_len,
                                int64_t now_ms,
                                const uint8_t *redemption,
                                struct scrip_token_use *used,
                                struct scrip_error *error);

/**
 * Writes the guard's state, to be kept in place of the one before and of what was appended to
 * that. `len` receives its length, also when the buffer is too small.
 */
scrip_status scrip_token_export(const struct scrip_token *token,
                                uint8_t *buffer,
                                size_t capacity,
                                size_t *len,
                                struct scrip_error *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SCRIP_H */
