/*
 * What a C caller can get wrong, and what the library promises then. `make check` runs it.
 *
 *     tests CONFIG
 */
#define _POSIX_C_SOURCE 200809L

#include "world.h"

#include <pthread.h>

int failures, checks;

static world template;

static world *fresh(void) {
    world *w = malloc(sizeof *w);
    if (!w) abort();
    *w = template;
    return w;
}

static void every_null_is_told(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    scrip_request *r = world_request("R-1", 10000);
    uint8_t id[16] = {0}, byte = 0;
    uint64_t number;
    int64_t time;
    size_t len;
    scrip_output o = {0};
    scrip_view v = {0};
    scrip_claim c = {0};
    scrip_error err = {sizeof err, 0, 0, ""};
    o.struct_size = sizeof o;
    v.struct_size = sizeof v;
    c.struct_size = sizeof c;

    CHECK(scrip_engine_poll(NULL, 0, 0, &o, &err) == SCRIP_NULL);
    CHECK(err.code == SCRIP_NULL && err.advice == SCRIP_ADVICE_FIX && !strcmp(err.detail, "engine is NULL"));
    CHECK(scrip_engine_new(w->config, w->config_len, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_restore_side(NULL, NULL, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_restore_refused(NULL, 0, SCRIP_REFUSE_HELD, id, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_restore(NULL, NULL, 0, &len, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_start(NULL, 1, id, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_submit(NULL, r, id, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_submit(e, NULL, id, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_submit(e, r, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_poll(e, 0, 0, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_committed(NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_commit_failed(NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_claim(NULL, 1, 0, &c, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_claim(e, 1, 0, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_refuse(NULL, 1, 0, SCRIP_REFUSE_HELD, id, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_refuse(e, 1, 0, SCRIP_REFUSE_HELD, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_reply(NULL, 1, &byte, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_reply(e, 1, NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_lost(NULL, 1, SCRIP_NOT_SENT, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_inbound(NULL, 0, &byte, 1, &number, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_inbound(e, 0, &byte, 1, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_decide(NULL, id, SCRIP_DECIDE_APPROVE, &byte, 1, NULL, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_decide(e, NULL, SCRIP_DECIDE_APPROVE, &byte, 1, NULL, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_decide(e, id, SCRIP_DECIDE_APPROVE, NULL, 1, NULL, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_answer(e, NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_cancel(e, NULL, &byte, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_rescan(NULL, id, &byte, 1, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_rescan(e, NULL, &byte, 1, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_rescan(e, id, NULL, 1, 0, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_view(NULL, id, &v, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_view(e, NULL, &v, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_view(e, id, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_wake_at(NULL, &time, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_wake_at(e, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_audit_root(e, NULL, &number, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_audit_root(e, &byte, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_channel_name(e, 0, NULL, 1, &len, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_channel_name(e, 0, &byte, 1, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_request_set_text(NULL, SCRIP_FIELD_IP, &byte, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_request_set_text(r, SCRIP_FIELD_IP, NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_request_set_face(NULL, 1, 156, NULL) == SCRIP_NULL);
    CHECK(scrip_request_set_received_at(NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_request_set_place(NULL, 1, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_request_set_generation(NULL, 1, NULL) == SCRIP_NULL);
    CHECK(scrip_request_reset(NULL, NULL) == SCRIP_NULL);
    scrip_request_free(NULL);
    scrip_engine_free(NULL);
    scrip_request_free(r);
    scrip_engine_free(e);
    free(w);
}

static void wrong_values_are_told(void) {
    static const char unfinished[] = "[product.x]\nissuer = 7\n";
    world *w = fresh();
    scrip_engine *e = world_open(w), *none = e;
    scrip_request *r = world_request("R-1", 10000);
    uint8_t id[16] = {0}, bad[2] = {'a', 0xff}, small[3];
    uint64_t token;
    size_t len = 0;
    scrip_error err = {sizeof err, 0, 0, ""};

    CHECK(scrip_request_set_text(r, SCRIP_FIELD_SELLER, bad, 2, &err) == SCRIP_BAD_UTF8);
    CHECK(!strcmp(err.detail, "text is not UTF-8 at byte 1"));
    CHECK(scrip_request_set_text(r, 0, bad, 1, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_request_set_text(r, 11, bad, 1, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_request_set_face(r, 1, 65536 + 156, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_request_set_place(r, 90000001, 0, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_request_set_place(r, 0, INT32_MIN, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_request_set_text(r, SCRIP_FIELD_SELLER, bad, (size_t)-1, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_engine_new(bad, 2, &none, NULL) == SCRIP_BAD_UTF8 && none == NULL);
    CHECK(scrip_engine_new((const uint8_t *)unfinished, sizeof unfinished - 1, &none, &err) != SCRIP_OK);
    CHECK(strstr(err.detail, "line 2, column 10") != NULL && none == NULL);
    CHECK(scrip_engine_answer(e, id, 2, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_engine_rescan(e, id, bad, 2, 0, NULL) == SCRIP_BAD_UTF8);
    CHECK(scrip_engine_decide(e, id, 99, bad, 1, NULL, 0, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_engine_decide(e, id, SCRIP_DECIDE_REJECT, bad, 1, NULL, 0, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_engine_inbound(e, 99, bad, 1, &token, NULL) != SCRIP_OK);
    CHECK(scrip_engine_inbound(e, 0, bad, 1, &token, NULL) == SCRIP_NOT_A_MESSAGE);
    CHECK(scrip_engine_channel_name(e, 0, small, sizeof small, &len, NULL) == SCRIP_BUFFER_TOO_SMALL);
    CHECK(len == strlen("shop"));
    CHECK(scrip_engine_channel_name(e, 2, small, sizeof small, &len, NULL) != SCRIP_OK);
    CHECK(scrip_state_name(99) == NULL && scrip_abi_version() == SCRIP_ABI_VERSION);
    world_set(r, SCRIP_FIELD_CARD_SECRET, "12");
    CHECK(scrip_engine_submit(e, r, id, &err) == SCRIP_INVALID);
    CHECK(strstr(err.detail, "card_secret") != NULL && strstr(err.detail, "\"12\"") == NULL);
    world_set(r, SCRIP_FIELD_CARD_SECRET, "739164");
    CHECK(scrip_request_set_face(r, 10000000, 156, NULL) == SCRIP_OK);
    CHECK(scrip_engine_submit(e, r, id, NULL) == SCRIP_REFUSED);
    scrip_engine_free(e);
    scrip_request_free(r);
    free(w);
}

static void too_small_a_struct_is_refused(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    struct {
        scrip_output o;
        uint8_t more[8];
    } later;
    scrip_error err = {8, 77, 0, "kept"};
    scrip_view v = {0};
    uint8_t id[16];
    world_submit(e, "R-1", 10000, id);
    memset(&later, 0xee, sizeof later);
    later.o.struct_size = sizeof later.o - 1;
    CHECK(scrip_engine_poll(e, 0, 0, &later.o, NULL) == SCRIP_BAD_SIZE);
    CHECK(later.o.kind == 0xeeeeeeee);
    later.o.struct_size = sizeof later; /* a newer header: only what is known here is written */
    CHECK(scrip_engine_poll(e, 0, 0, &later.o, NULL) == SCRIP_OK);
    CHECK(later.o.kind == SCRIP_COMMIT && later.more[0] == 0xee && later.o.struct_size == sizeof later);
    CHECK(scrip_engine_view(e, id, &v, NULL) == SCRIP_BAD_SIZE);
    CHECK(scrip_engine_committed(e, later.o.token, &err) == SCRIP_BAD_SIZE);
    CHECK(err.code == 77 && !strcmp(err.detail, "kept"));
    CHECK(scrip_engine_committed(e, later.o.token, NULL) == SCRIP_OK);
    scrip_engine_free(e);
    free(w);
}

static void a_failed_call_consumes_no_output(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16], frame[4096];
    scrip_output o, again;
    size_t len;
    int i;
    world_submit(e, "R-1", 10000, id);
    for (i = 0; i < 3; i++) CHECK(scrip_engine_poll(e, 0, 0, NULL, NULL) == SCRIP_NULL);
    o = world_until(w, e, SCRIP_COMMIT);
    len = o.bytes_len < sizeof frame ? o.bytes_len : sizeof frame;
    memcpy(frame, o.bytes, len);
    CHECK(scrip_engine_committed(e, o.token + 1, NULL) == SCRIP_NO_SUCH_TOKEN);
    CHECK(o.bytes_len == len && !memcmp(frame, o.bytes, len)); /* still lent */
    again = world_poll(w, e);
    CHECK(again.kind == SCRIP_NONE); /* one batch is on its way at a time */
    CHECK(scrip_engine_commit_failed(e, o.token, NULL) == SCRIP_OK);
    CHECK(scrip_engine_commit_failed(e, o.token, NULL) == SCRIP_NO_SUCH_TOKEN);
    again = world_until(w, e, SCRIP_COMMIT);
    CHECK(again.token == o.token && again.bytes_len == len && !memcmp(frame, again.bytes, len));
    CHECK(scrip_engine_committed(e, again.token, NULL) == SCRIP_OK);
    CHECK(scrip_engine_committed(e, again.token, NULL) == SCRIP_NO_SUCH_TOKEN);
    scrip_engine_free(e);
    free(w);
}

static void nothing_is_durable_before_it_is_said_to_be(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    scrip_view v = {0};
    scrip_output o;
    uint8_t id[16];
    v.struct_size = sizeof v;
    world_submit(e, "R-1", 10000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    CHECK(scrip_engine_view(e, id, &v, NULL) == SCRIP_NO_SUCH_REDEMPTION);
    world_serve(w, e, &o);
    CHECK(world_is(e, id, "claimed"));
    scrip_engine_free(e);
    free(w);
}

static void the_phases_are_kept_apart(void) {
    world *w = fresh();
    scrip_engine *e = world_new(w);
    scrip_request *r = world_request("R-1", 10000);
    scrip_output o = {0};
    uint8_t id[16], seed[32] = {1};
    size_t consumed;
    int64_t wake;
    o.struct_size = sizeof o;
    CHECK(scrip_engine_poll(e, 0, 0, &o, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_submit(e, r, id, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_committed(e, 1, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_wake_at(e, &wake, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_start(e, 0, seed, NULL, NULL) == SCRIP_EPOCH);
    CHECK(scrip_engine_start(e, 5, NULL, NULL, NULL) == SCRIP_NULL);
    CHECK(scrip_engine_start(e, 5, seed, NULL, NULL) == SCRIP_OK);
    CHECK(scrip_engine_start(e, 6, seed, NULL, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_restore(e, seed, 1, &consumed, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_restore_side(e, seed, 1, NULL) == SCRIP_WRONG_PHASE);
    CHECK(scrip_engine_wake_at(e, &wake, NULL) == SCRIP_OK && wake == INT64_MAX);
    scrip_request_free(r); /* children and parents go in any order */
    scrip_engine_free(e);

    w->epoch = 8; /* the log knows a writer of epoch 9: nobody below may follow */
    e = world_open(w);
    world_submit(e, "R-1", 10000, id);
    world_run(w, e, -1);
    scrip_engine_free(e);
    e = world_restored(w);
    CHECK(scrip_engine_start(e, 9, seed, NULL, NULL) == SCRIP_EPOCH);
    CHECK(scrip_engine_start(e, 10, seed, NULL, NULL) == SCRIP_OK);
    scrip_engine_free(e);
    free(w);
}

static void tokens_are_what_they_were_given_for(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16];
    char answer[512];
    size_t len;
    scrip_output commit, call;
    world_submit(e, "R-1", 10000, id);
    commit = world_until(w, e, SCRIP_COMMIT);
    CHECK(scrip_engine_reply(e, commit.token, NULL, 0, NULL) == SCRIP_NO_SUCH_TOKEN);
    world_serve(w, e, &commit);
    call = world_until(w, e, SCRIP_CALL);
    CHECK(call.operation == 1 && call.channel == 0 && call.endpoint == 0 && call.attempt == 1);
    CHECK(!memcmp(call.redemption, id, sizeof id));
    CHECK(scrip_engine_committed(e, call.token, NULL) == SCRIP_NO_SUCH_TOKEN);
    CHECK(scrip_engine_lost(e, call.token + 1, SCRIP_NOT_SENT, NULL) == SCRIP_NO_SUCH_TOKEN);
    CHECK(scrip_engine_lost(e, call.token, 0, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_engine_lost(e, 0, SCRIP_NOT_SENT, NULL) == SCRIP_NO_SUCH_TOKEN);
    len = world_answer(w, &call, answer, sizeof answer);
    CHECK(scrip_engine_reply(e, call.token, (const uint8_t *)answer, len, NULL) == SCRIP_OK);
    CHECK(scrip_engine_reply(e, call.token, (const uint8_t *)answer, len, NULL) == SCRIP_OK); /* doubled */
    CHECK(scrip_engine_lost(e, call.token, SCRIP_MAYBE_SENT, NULL) == SCRIP_OK);              /* and late */
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1 && w->pays == 1);
    scrip_engine_free(e);
    free(w);
}

static void a_crash_after_any_output_loses_and_doubles_nothing(void) {
    int steps, all = 1;
    for (steps = 0; steps <= all; steps++) {
        world *w = fresh();
        scrip_engine *e = world_open(w);
        uint8_t id[16], again[16];
        world_submit(e, "R-1", 10000, id);
        all = steps == 0 ? 99 : all;
        if (world_run(w, e, steps) < steps) all = steps - 1;
        if (steps % 2) world_poll(w, e); /* and one more that the host has not even looked at */
        scrip_engine_free(e);
        e = world_open(w);
        world_submit(e, "R-1", 10000, again);
        CHECK(!memcmp(id, again, sizeof id));
        world_run(w, e, -1);
        CHECK(world_is(e, id, "retired"));
        CHECK(world_view(e, id).payout_minor == 9200 && world_view(e, id).has & SCRIP_HAS_PAYOUT);
        CHECK(w->redeems == 1 && w->pays == 1);
        CHECK(world_rows(w) == 0); /* the sealed card is erased */
        scrip_engine_free(e);
        free(w);
    }
    CHECK(all > 10);
}

static void a_call_that_was_never_served_is_asked_about(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16];
    scrip_output o;
    world_submit(e, "R-1", 10000, id);
    do {
        o = world_poll(w, e);
        if (o.kind == SCRIP_CALL && o.operation == 3) break;
        world_serve(w, e, &o);
    } while (o.kind != SCRIP_NONE);
    CHECK(o.kind == SCRIP_CALL);
    CHECK(scrip_engine_lost(e, o.token, SCRIP_MAYBE_SENT, NULL) == SCRIP_OK);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    CHECK(world_is(e, id, "unknown") && w->redeems == 0);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1 && w->pays == 1);
    scrip_engine_free(e);
    free(w);
}

static void a_torn_tail_is_cut_and_a_damaged_log_is_not_written_to(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16], seed[32] = {1};
    size_t cut, consumed, last = 0;
    world_submit(e, "R-1", 10000, id);
    world_run(w, e, -1);
    scrip_engine_free(e);
    for (cut = 0; cut <= w->log_len; cut += 7) {
        scrip_status status;
        uint64_t keep = 99;
        consumed = 99;
        e = world_new(w);
        status = scrip_engine_restore(e, w->log, cut, &consumed, NULL);
        CHECK(status == (consumed == cut ? SCRIP_OK : SCRIP_TORN));
        CHECK(consumed <= cut && consumed >= last);
        last = consumed;
        CHECK(scrip_engine_restore(e, w->log + consumed, w->log_len - consumed, &consumed, NULL) == SCRIP_OK);
        CHECK(scrip_engine_start(e, 50, seed, &keep, NULL) == SCRIP_OK && keep == w->log_len);
        CHECK(world_is(e, id, "retired"));
        scrip_engine_free(e);
    }
    w->log[w->log_len - 1] ^= 1; /* the last frame has its length and not its content */
    e = world_new(w);
    CHECK(scrip_engine_restore(e, w->log, w->log_len, &consumed, NULL) == SCRIP_TORN);
    CHECK(scrip_engine_start(e, 50, seed, NULL, NULL) == SCRIP_OK);
    scrip_engine_free(e);
    w->log[100] ^= 1; /* the first one, with whole frames behind it */
    w->log[w->log_len - 1] ^= 1;
    e = world_new(w);
    CHECK(scrip_engine_restore(e, w->log, w->log_len, &consumed, NULL) == SCRIP_DAMAGED && consumed == 0);
    CHECK(scrip_engine_start(e, 50, seed, NULL, NULL) == SCRIP_DAMAGED);
    scrip_engine_free(e);
    free(w);
}

static void a_frame_that_was_appended_twice_is_taken_once(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16];
    scrip_output o;
    world_submit(e, "R-1", 10000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    world_keep(w, &o);
    CHECK(scrip_engine_commit_failed(e, o.token, NULL) == SCRIP_OK);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    scrip_engine_free(e);
    e = world_open(w);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1);
    CHECK(world_rows(w) == 0 || world_rows(w) == 1);
    scrip_engine_free(e);
    free(w);
}

static void a_lost_row_ends_the_redemption_and_opens_the_engine(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16];
    scrip_output o;
    int i;
    world_submit(e, "R-1", 10000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    CHECK(world_rows(w) == 1);
    scrip_engine_free(e);
    for (i = 0; i < ROWS_MAX; i++) w->rows[i].len = 0;
    e = world_open(w);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "declined") && w->redeems == 0);
    scrip_engine_free(e);
    free(w);
}

static void a_changed_row_is_told_and_passed_over(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16];
    scrip_output o;
    world_submit(e, "R-1", 10000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    scrip_engine_free(e);
    w->rows[0].bytes[w->rows[0].len - 1] ^= 1;
    e = world_new(w);
    CHECK(scrip_engine_restore_side(e, w->rows[0].bytes, w->rows[0].len, NULL) == SCRIP_BAD_ROW);
    CHECK(scrip_engine_restore_side(e, w->rows[0].bytes, 9, NULL) == SCRIP_BAD_ROW);
    scrip_engine_free(e);
    free(w);
}

static void repeats_are_answered_and_the_second_card_is_turned_away(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16], other[16];
    scrip_output o;
    world_submit(e, "R-1", 10000, id);
    world_run(w, e, -1);
    world_submit(e, "R-1", 10000, other);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    CHECK(world_rows(w) == 1); /* the repeat's sealed card, which nobody needs */
    o = world_poll(w, e);
    CHECK(o.kind == SCRIP_ERASE);
    world_serve(w, e, &o);
    CHECK(world_rows(w) == 0);
    o = world_until(w, e, SCRIP_EVENT);
    CHECK(o.event == SCRIP_EVENT_REPLAYED && o.amount_minor == 9200 && o.currency == 156);
    CHECK(o.bytes_len == 3 && !memcmp(o.bytes, "R-1", 3) && !memcmp(id, other, sizeof id));
    world_submit(e, "R-1", 20000, other);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    world_serve(w, e, &(scrip_output){0});
    do o = world_poll(w, e);
    while (o.kind == SCRIP_ERASE);
    CHECK(o.kind == SCRIP_EVENT && o.event == SCRIP_EVENT_MISMATCH);
    world_submit(e, "R-2", 10000, other);
    world_run(w, e, -1);
    CHECK(world_is(e, other, "declined") || world_is(e, other, "frozen"));
    CHECK(w->redeems == 1 && w->pays == 1);
    scrip_engine_free(e);
    free(w);
}

static void a_repeat_in_the_same_batch_takes_nothing_from_the_first(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16];
    scrip_output o;
    world_submit(e, "R-1", 10000, id);
    world_submit(e, "R-1", 20000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    CHECK(world_rows(w) == 2);
    o = world_poll(w, e);
    CHECK(o.kind == SCRIP_ERASE && o.bytes_len == NAME);
    world_serve(w, e, &o);
    scrip_engine_free(e);
    e = world_open(w);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "retired") && w->redeems == 1);
    scrip_engine_free(e);
    free(w);
}

static void people_are_answered(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    const uint8_t *who = (const uint8_t *)"anna";
    uint8_t id[16] = {9};
    scrip_output o;
    CHECK(scrip_engine_cancel(e, id, who, 4, NULL) == SCRIP_OK);
    o = world_until(w, e, SCRIP_EVENT);
    CHECK(o.event == SCRIP_EVENT_REFUSED && o.code == SCRIP_NO_SUCH_REDEMPTION);
    world_submit(e, "R-1", 10000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    world_serve(w, e, &o);
    CHECK(scrip_engine_decide(e, id, SCRIP_DECIDE_APPROVE, who, 4, NULL, 0, NULL) == SCRIP_OK);
    CHECK(scrip_engine_cancel(e, id, who, 4, NULL) == SCRIP_OK);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "cancelled") && w->redeems == 0);
    scrip_engine_free(e);
    free(w);
}

static void another_nodes_claim_refuses_one_unit(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    uint8_t id[16], holder[16] = {7}, root[32], restored[32], seed[32] = {3};
    uint64_t records, restored_records;
    uint32_t unit;
    size_t consumed;
    scrip_claim c = {0};
    scrip_output o;
    c.struct_size = sizeof c;
    world_submit(e, "R-1", 10000, id);
    o = world_until(w, e, SCRIP_COMMIT);
    CHECK(scrip_engine_claim(e, o.token, 0, &c, NULL) == SCRIP_OK);
    unit = c.unit; /* the count of sealed messages comes before it */
    CHECK(c.what == SCRIP_CLAIM_WANT && unit == 1 && !memcmp(c.redemption, id, sizeof id));
    CHECK(scrip_engine_claim(e, o.token, 1, &c, NULL) == SCRIP_END);
    CHECK(scrip_engine_claim(e, 5, 0, &c, NULL) == SCRIP_NO_SUCH_TOKEN);
    CHECK(scrip_engine_refuse(e, o.token, unit, 4, holder, NULL) == SCRIP_BAD_ENUM);
    CHECK(scrip_engine_refuse(e, o.token, unit + 1, SCRIP_REFUSE_CONSUMED, holder, NULL) == SCRIP_BAD_VALUE);
    CHECK(scrip_engine_refuse(e, o.token, unit, SCRIP_REFUSE_CONSUMED, holder, NULL) == SCRIP_OK);
    world_serve(w, e, &o);
    world_run(w, e, -1);
    CHECK(world_is(e, id, "declined") && !strcmp(world_view(e, id).reason, "already_sold"));
    CHECK(w->redeems == 0 && world_rows(w) == 0);
    CHECK(scrip_engine_audit_root(e, root, &records, NULL) == SCRIP_OK && records > 0);
    scrip_engine_free(e);
    e = world_new(w);
    CHECK(scrip_engine_restore_refused(e, unit, SCRIP_REFUSE_CONSUMED, holder, NULL) == SCRIP_OK);
    CHECK(scrip_engine_restore(e, w->log, w->log_len, &consumed, NULL) == SCRIP_OK);
    CHECK(scrip_engine_audit_root(e, restored, &restored_records, NULL) == SCRIP_OK);
    CHECK(records == restored_records && !memcmp(root, restored, sizeof root));
    CHECK(scrip_engine_start(e, ++w->epoch, seed, NULL, NULL) == SCRIP_OK);
    CHECK(world_is(e, id, "declined"));
    scrip_engine_free(e);
    free(w);
}

static void too_much_in_flight_is_told(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    scrip_status status = SCRIP_OK;
    int i;
    for (i = 0; i < 65; i++) {
        char name[24];
        uint8_t id[16];
        scrip_request *r;
        snprintf(name, sizeof name, "R-%d", i);
        r = world_request(name, 10000);
        snprintf(name, sizeof name, "23260000%08d", i);
        world_set(r, SCRIP_FIELD_CARD_NUMBER, name);
        status = scrip_engine_submit(e, r, id, NULL);
        CHECK(status == (i < 64 ? SCRIP_OK : SCRIP_FULL));
        scrip_request_free(r);
    }
    world_run(w, e, 40);
    scrip_engine_free(e); /* with calls lent and a batch on its way */
    free(w);
}

typedef struct shared {
    scrip_engine *e;
    int strange;
} shared;

static void *look(void *argument) {
    shared *s = argument;
    int i;
    for (i = 0; i < 500; i++) {
        uint8_t root[32];
        uint64_t records;
        int64_t wake;
        scrip_output o = {0};
        scrip_status a, b, c;
        o.struct_size = sizeof o;
        a = scrip_engine_audit_root(s->e, root, &records, NULL);
        b = scrip_engine_wake_at(s->e, &wake, NULL);
        c = scrip_engine_poll(s->e, i, i, &o, NULL);
        s->strange += (a != SCRIP_OK && a != SCRIP_BUSY) + (b != SCRIP_OK && b != SCRIP_BUSY) +
                      (c != SCRIP_OK && c != SCRIP_BUSY);
    }
    return NULL;
}

static void overlapping_use_is_busy_and_nothing_else(void) {
    world *w = fresh();
    scrip_engine *e = world_open(w);
    pthread_t threads[4];
    shared each[4];
    int i;
    for (i = 0; i < 4; i++) {
        each[i].e = e;
        each[i].strange = 0;
        CHECK(!pthread_create(&threads[i], NULL, look, &each[i]));
    }
    for (i = 0; i < 4; i++) {
        CHECK(!pthread_join(threads[i], NULL));
        CHECK(each[i].strange == 0);
    }
    CHECK(world_poll(w, e).kind == SCRIP_NONE);
    scrip_engine_free(e);
    free(w);
}

int main(int argc, char **argv) {
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) {
        fprintf(stderr, "usage: tests CONFIG\n");
        return 2;
    }
    template.config_len = fread(template.config, 1, sizeof template.config, f);
    fclose(f);
    every_null_is_told();
    wrong_values_are_told();
    too_small_a_struct_is_refused();
    a_failed_call_consumes_no_output();
    nothing_is_durable_before_it_is_said_to_be();
    the_phases_are_kept_apart();
    tokens_are_what_they_were_given_for();
    a_crash_after_any_output_loses_and_doubles_nothing();
    a_call_that_was_never_served_is_asked_about();
    a_torn_tail_is_cut_and_a_damaged_log_is_not_written_to();
    a_frame_that_was_appended_twice_is_taken_once();
    a_lost_row_ends_the_redemption_and_opens_the_engine();
    a_changed_row_is_told_and_passed_over();
    repeats_are_answered_and_the_second_card_is_turned_away();
    a_repeat_in_the_same_batch_takes_nothing_from_the_first();
    people_are_answered();
    another_nodes_claim_refuses_one_unit();
    too_much_in_flight_is_told();
    overlapping_use_is_busy_and_nothing_else();
    return check_result();
}
