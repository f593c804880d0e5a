//! Trace 16: the host's buffer is too small, the output is consumed, the commit is lost.

use crate::stage::{MINUTE, Stage, gift};
use scrip::base::Now;
use scrip::engine::{Misuse, Output};
use scrip::flow::State;
use scrip::host::Store;
use scrip::issuer::OpKind;
use scrip::record::Batch;

fn next_batch(stage: &mut Stage) -> Batch {
    let (batch, asked) = batch_and_calls(stage);
    assert_eq!(asked, [], "nothing leaves before");
    batch
}

/// The next batch, and what is asked before it is handed out.
fn batch_and_calls(stage: &mut Stage) -> (Batch, Vec<OpKind>) {
    let mut asked = Vec::new();
    loop {
        match stage.engine.poll(stage.now) {
            Some(Output::Commit(batch)) => return (batch, asked),
            Some(Output::Event(_)) => {}
            Some(Output::Call(call)) => asked.push(call.kind),
            other => panic!("a batch is expected: {other:?}"),
        }
    }
}

#[test]
fn a_commit_that_failed_is_offered_again_unchanged_and_nothing_leaves_before() {
    let mut stage = Stage::new();
    let id = stage.engine.submit(&gift(1)).unwrap();
    let first = next_batch(&mut stage);
    assert!(stage.engine.poll(stage.now).is_none(), "everything waits for the batch");
    let (name, bytes) = (first.id(), first.bytes().to_vec());
    stage.engine.commit_failed(first).unwrap();
    for _ in 0..3 {
        let again = next_batch(&mut stage);
        assert_eq!((again.id(), again.bytes()), (name, &bytes[..]));
        stage.engine.commit_failed(again).unwrap();
    }
    stage.settle();
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_commit_whose_end_is_uncertain_is_made_once() {
    let mut stage = Stage::new();
    let id = stage.engine.submit(&gift(1)).unwrap();
    let mut batch = next_batch(&mut stage);
    stage.store.commit(&mut batch).unwrap();
    batch.clear();
    stage.engine.commit_failed(batch).unwrap();
    stage.settle();
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_batch_is_answered_once() {
    let mut stage = Stage::new();
    stage.engine.submit(&gift(1)).unwrap();
    let batch = next_batch(&mut stage);
    let copy = batch.clone();
    stage.engine.commit_failed(batch).unwrap();
    assert_eq!(stage.engine.commit_failed(copy.clone()), Err(Misuse::NoSuchBatch));
    assert_eq!(stage.engine.committed(copy), Err(Misuse::NoSuchBatch), "the one handed out again counts");
    stage.settle();
}

#[test]
fn requests_that_come_while_a_batch_is_on_its_way_share_the_next() {
    let mut stage = Stage::new();
    stage.engine.submit(&gift(1)).unwrap();
    let first = next_batch(&mut stage);
    for n in 2..20 {
        stage.engine.submit(&gift(n)).unwrap();
    }
    assert!(stage.engine.poll(stage.now).is_none());
    stage.engine.commit_failed(first).unwrap();
    let mut first = next_batch(&mut stage);
    stage.store.commit(&mut first).unwrap();
    stage.engine.committed(first).unwrap();
    let (mut second, asked) = batch_and_calls(&mut stage);
    assert_eq!(asked, [OpKind::Balance]);
    assert_eq!(second.units().len(), 18, "what the first one is asked meanwhile is written later");
    stage.store.commit(&mut second).unwrap();
    stage.engine.committed(second).unwrap();
    stage.settle();
}

#[test]
fn an_order_that_took_too_long_to_become_durable_is_made_again_before_anything_leaves() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    let question = stage.sent(OpKind::Balance);
    stage.answers(&question, question.reference(), stage.yes(&question));
    let mut order = next_batch(&mut stage);
    stage.store.commit(&mut order).unwrap();
    // The process lay still while the batch was synced.
    let written = stage.now.wall;
    stage.now = Now { mono: stage.now.mono.plus(10 * MINUTE), wall: written.plus(10 * MINUTE) };
    stage.engine.committed(order).unwrap();
    stage.settle();
    let redeem = stage.sent(OpKind::Redeem);
    let sent = stage.durable(id).redeem.unwrap();
    assert_eq!((redeem.attempt, sent.attempt), (2, 2), "the first one never left");
    assert_eq!(sent.last_at, written.plus(10 * MINUTE), "its time is that of the one that left");
    stage.reply(&redeem, stage.yes(&redeem));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}
