//! Keys follow one another with an overlap: in it tokens of both are genuine, and a token that was
//! used under the one is used under both.

use crate::stage::token::{rotating, signed, token_of};
use crate::stage::{Stage, gift, request};
use ed25519_dalek::SigningKey;
use scrip::base::Wall;
use scrip::flow::State;

/// 2026-06-30T16:00:00Z and a day later.
const FROM: Wall = Wall(1_782_835_200_000);
const UNTIL: Wall = Wall(FROM.0 + 86_400_000);

const PERIODS: &str = "{ id = 1, until = 2026-07-02T00:00:00+08:00 }, \
    { id = 2, from = 2026-07-01T00:00:00+08:00 }";

fn outcome(stage: &mut Stage, key: u32, card: u32, at: Wall) -> (State, String) {
    let n = card * 10 + key;
    let id = stage.sell(&request("gift", n, card).token(&token_of(key, card, at)).received_at(at));
    (stage.state(id), stage.reason(id))
}

#[test]
fn in_the_overlap_tokens_of_both_keys_are_taken() {
    let mut stage = Stage::with(|plan| rotating(plan, "gift", &[1, 2], PERIODS));
    let good = (State::Retired, String::new());
    let no = |reason: &str| (State::Declined, reason.to_string());
    let hour = 3_600_000;
    assert_eq!(outcome(&mut stage, 1, 1, FROM.plus(-hour)), good);
    assert_eq!(outcome(&mut stage, 2, 2, FROM.plus(-hour)), no("token_key_not_yet"));
    assert_eq!(outcome(&mut stage, 1, 3, FROM.plus(hour)), good);
    assert_eq!(outcome(&mut stage, 2, 4, FROM.plus(hour)), good);
    assert_eq!(outcome(&mut stage, 1, 5, UNTIL), no("token_key_retired"));
    assert_eq!(outcome(&mut stage, 2, 6, UNTIL), good);
}

#[test]
fn an_old_key_is_left_out_and_its_tokens_are_unknown() {
    let mut stage = Stage::with(|plan| rotating(plan, "gift", &[1, 2], PERIODS));
    stage.plan.catalogue =
        stage.plan.catalogue.replace("{ id = 1, until = 2026-07-02T00:00:00+08:00 }, ", "");
    stage.plan.tokens.retain(|secret| secret.id.0 == 2);
    stage.crash();
    let (state, reason) = outcome(&mut stage, 1, 1, UNTIL);
    assert_eq!((state, reason.as_str()), (State::Declined, "token_unknown_key"));
}

#[test]
fn public_keys_stand_in_the_catalogue() {
    let secret = SigningKey::from_bytes(&[5; 32]);
    let public: String = secret.verifying_key().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[], &format!("{{ id = 8, public = \"{public}\" }}"));
        plan.catalogue = plan.catalogue.replace("hmac-sha256", "ed25519");
    });
    let id = stage.sell(&gift(1).token(&signed(8, &secret, 1, stage.now.wall)));
    assert_eq!(stage.state(id), State::Retired);
    let other = SigningKey::from_bytes(&[6; 32]);
    let id = stage.submit(&gift(2).token(&signed(8, &other, 2, stage.now.wall)));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "token_forged"));
}
