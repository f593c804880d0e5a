//! The claims of a batch, for hosts that share a claim store with others.

use crate::record::{ClaimStatus, Unit};

/// The unit wants to hold the key. If someone else has it, refuse the unit.
pub const SCRIP_CLAIM_WANT: u32 = 1;
/// The key stays held.
pub const SCRIP_CLAIM_HOLD: u32 = 2;
/// The key is quarantined: the card's debit may still be on its way.
pub const SCRIP_CLAIM_QUARANTINE: u32 = 3;
/// The key is consumed: for ever, or up to this generation.
pub const SCRIP_CLAIM_CONSUME: u32 = 4;
/// The key is released.
pub const SCRIP_CLAIM_RELEASE: u32 = 5;

/// What one unit of a batch does with one key. Set struct_size to sizeof(scrip_claim) before the
/// call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScripClaim {
    /// sizeof(scrip_claim), set by the caller.
    pub struct_size: u32,
    /// The unit's number within the batch, from 0, as scrip_engine_refuse takes it.
    pub unit: u32,
    /// One of SCRIP_CLAIM_*.
    pub what: u32,
    /// SCRIP_CLAIM_WANT: 0 for a card that can be used once for ever; for a reloadable card the
    /// reload count. A consumed key may be had again for a later generation only.
    pub generation: u32,
    /// Whose unit it is.
    pub redemption: [u8; 16],
    /// The key: a keyed digest that does not tell the card.
    pub key: [u8; 16],
}

/// The claim at a place, over all units: of each unit first what it wants, then what it changes.
pub(super) fn claim_at(units: &[Unit], place: usize) -> Option<ScripClaim> {
    let of_unit = |(number, unit): (u32, &Unit)| {
        let claim = ScripClaim {
            struct_size: 0,
            unit: number,
            what: SCRIP_CLAIM_WANT,
            generation: 0,
            redemption: unit.redemption.0,
            key: [0; 16],
        };
        let wants = unit.claims.clone().into_iter().map(move |wanted| ScripClaim {
            generation: wanted.generation,
            key: wanted.key.0,
            ..claim
        });
        let changes = unit.changes.clone().into_iter().map(move |change| {
            let what = match change.to {
                Some(ClaimStatus::Held) => SCRIP_CLAIM_HOLD,
                Some(ClaimStatus::Quarantined) => SCRIP_CLAIM_QUARANTINE,
                Some(ClaimStatus::Consumed) => SCRIP_CLAIM_CONSUME,
                None => SCRIP_CLAIM_RELEASE,
            };
            ScripClaim { what, key: change.key.0, ..claim }
        });
        wants.chain(changes)
    };
    (0_u32..).zip(units).flat_map(of_unit).nth(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Key16, RedemptionId};
    use crate::record::{Change, Claim, ClaimKind};
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn claims_and_changes_are_told_unit_by_unit() {
        let wanted = Claim { key: Key16([1; 16]), kind: ClaimKind::Card, generation: 3 };
        let change = |n, to| Change { key: Key16([n; 16]), to };
        let units = [
            Unit { claims: vec![wanted], changes: vec![change(2, None)], ..Unit::default() },
            Unit::default(),
            Unit {
                redemption: RedemptionId([9; 16]),
                changes: vec![
                    change(3, Some(ClaimStatus::Consumed)),
                    change(4, Some(ClaimStatus::Held)),
                    change(5, Some(ClaimStatus::Quarantined)),
                ],
                ..Unit::default()
            },
        ];
        let told: Vec<_> = (0..)
            .map_while(|place| claim_at(&units, place))
            .map(|claim| (claim.unit, claim.what, claim.generation, claim.redemption[0], claim.key[0]))
            .collect();
        let expected = [
            (0, SCRIP_CLAIM_WANT, 3, 0, 1),
            (0, SCRIP_CLAIM_RELEASE, 0, 0, 2),
            (2, SCRIP_CLAIM_CONSUME, 0, 9, 3),
            (2, SCRIP_CLAIM_HOLD, 0, 9, 4),
            (2, SCRIP_CLAIM_QUARANTINE, 0, 9, 5),
        ];
        assert_eq!(told, expected);
    }
}
