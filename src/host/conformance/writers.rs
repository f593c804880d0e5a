//! The same batch twice, writers that were overtaken, and checkpoints.

use super::trial::{Trial, claim, unit};
use crate::base::Wall;
use crate::engine::{RecoverError, Recovery};
use crate::host::{Store, StoreError};
use crate::record::{Batch, Frame, Refusal, Unit};
use crate::risk::{Recall, RecallKind, Sighting};
use std::vec;
use std::vec::Vec;

pub(super) fn check<S: Store>(trial: &mut Trial<'_, S>) {
    the_last_batch_again_gets_the_same_answers(trial);
    what_does_not_follow_is_not_taken(trial);
    an_overtaken_writer_is_fenced_off(trial);
    recovery_starts_at_the_checkpoint(trial);
}

fn the_last_batch_again_gets_the_same_answers<S: Store>(trial: &mut Trial<'_, S>) {
    let (key, subject, first, loser) = (trial.key(), trial.key(), trial.id(), trial.id());
    let with = |id| Unit {
        claims: vec![claim(key, 0)],
        sightings: vec![Sighting { subject, at: Wall(1), value: 1 }],
        recalls: vec![
            Recall { subject, kind: RecallKind::Recent { within_ms: 5 } },
            Recall { subject, kind: RecallKind::Moments },
        ],
        ..unit(id, 0)
    };
    let batch = trial.batch(vec![with(first), with(loser)], vec![]);
    let batch = trial.take(batch);
    assert!(batch.verdicts()[1].refusal.is_some(), "the key is taken");
    trial.again(&batch);
    trial.agree();
    // As after a crash between the commit and its answer.
    trial.reopen();
    trial.again(&batch);
    trial.agree();
}

type Spoil = fn(&mut Frame);

fn what_does_not_follow_is_not_taken<S: Store>(trial: &mut Trial<'_, S>) {
    let (taken, next) = (trial.id(), trial.id());
    trial.stands(unit(taken, 0));
    let spoil: [(Spoil, &str); 4] = [
        (|frame| frame.id.sequence += 1, "a batch that leaves a gap"),
        (|frame| frame.id.sequence -= 1, "another batch under the number of the last"),
        (|frame| frame.id.sequence = 1, "a batch from long ago"),
        (|frame| frame.previous.0[0] ^= 1, "a batch with another predecessor"),
    ];
    for (spoil, what) in spoil {
        let mut frame = trial.batch(vec![unit(next, 0)], vec![]).frame().clone();
        spoil(&mut frame);
        let refused = trial.store().commit(&mut Batch::new(frame, vec![]));
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{what}: {refused:?}");
        trial.reopen();
    }
    assert_eq!(trial.store().load(next), Ok(None), "nothing of them stands");
}

fn an_overtaken_writer_is_fenced_off<S: Store>(trial: &mut Trial<'_, S>) {
    let (id, late) = (trial.id(), trial.id());
    trial.stands(unit(id, 0));
    let own = trial.epoch;
    let mut old = trial.batch(vec![unit(late, 0)], vec![]);
    trial.reopen();
    let current = trial.epoch;
    let fenced = trial.store().commit(&mut old);
    assert_eq!(fenced, Err(StoreError::Fenced { own, current }), "a batch of an earlier epoch");
    trial.reopen();
    assert_eq!(trial.store().load(late), Ok(None), "nothing of it stands");
    trial.stands(unit(id, 1));
    let epoch = trial.epoch;
    let stale = trial.commit(vec![unit(id, 1)]);
    let wanted = Refusal::Stale { records: 2, epoch };
    assert_eq!(stale[0].refusal, Some(wanted), "a stale unit learns which epoch wrote last");
}

fn recovery_starts_at_the_checkpoint<S: Store>(trial: &mut Trial<'_, S>) {
    // Were the frames up to the checkpoint shown, they would not continue it.
    trial.checkpoint();
    trial.reopen();
    let ids: Vec<_> = (0..2).map(|_| trial.id()).collect();
    ids.iter().for_each(|id| trial.stands(unit(*id, 0)));
    trial.reopen();
    let (last, _) = trial.reference.last().expect("batches were taken");
    trial.store().checkpoint(last, &[255]).expect("a store does not look into a checkpoint");
    trial.reopen_without_recovery();
    let recovered = trial.store().recover(&mut Recovery::new());
    let unreadable = matches!(recovered, Err(StoreError::Recover(RecoverError::Checkpoint { .. })));
    assert!(unreadable, "recovery is shown the latest checkpoint, which is unreadable here: {recovered:?}");
    trial.checkpoint();
    trial.reopen();
}
