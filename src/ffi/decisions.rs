//! Decisions by people, as numbers and texts.

use super::engine::{
    SCRIP_DECIDE_APPROVE, SCRIP_DECIDE_PAYEE, SCRIP_DECIDE_RECOVERED, SCRIP_DECIDE_REJECT,
    SCRIP_DECIDE_UNHOLD, SCRIP_DECIDE_WRITE_OFF,
};
use super::status::FfiError;
use crate::base::Text;
use crate::flow::Verdict;

/// The decision of this number, by `by`, with `more`: a reason, a payee or the second signer.
pub(super) fn verdict(number: u32, by: &str, more: &str) -> Result<Verdict, FfiError> {
    let by = || short("by", by);
    Ok(match number {
        SCRIP_DECIDE_APPROVE => Verdict::Approve { by: by()? },
        SCRIP_DECIDE_REJECT => Verdict::Reject { by: by()?, reason: short("more (a reason)", more)? },
        SCRIP_DECIDE_PAYEE => Verdict::Payee { payee: short("more (a payee)", more)? },
        SCRIP_DECIDE_UNHOLD => Verdict::Unhold { by: by()? },
        SCRIP_DECIDE_RECOVERED => Verdict::Recovered { by: by()? },
        SCRIP_DECIDE_WRITE_OFF => {
            Verdict::WriteOff { by: by()?, second: short("more (the second signer)", more)? }
        }
        value => return Err(FfiError::BadEnum { what: "verdict", value }),
    })
}

pub(super) fn short(what: &'static str, text: &str) -> Result<Text, FfiError> {
    let expected = "1 to 128 bytes of text without control characters";
    Text::new(text).map_err(|_| FfiError::BadValue { what, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_asks_for_its_texts() {
        for number in SCRIP_DECIDE_APPROVE..=SCRIP_DECIDE_WRITE_OFF {
            assert!(verdict(number, "anna", "ben").is_ok(), "{number}");
            assert!(verdict(number, "", "").is_err(), "{number}");
        }
        assert_eq!(verdict(7, "anna", ""), Err(FfiError::BadEnum { what: "verdict", value: 7 }));
    }
}
