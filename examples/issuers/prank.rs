//! What comes to the asker's door beside the issuers' own callbacks.

/// One thing that is done with a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prank {
    /// Before it comes one with another digit.
    Forged,
    /// Before it comes one that nobody can read.
    Garbled,
    /// It comes again although it was acknowledged.
    Twice,
}

const TABLE: [(Prank, &str); 3] = [
    (Prank::Forged, "callback_forged"),
    (Prank::Garbled, "callback_garbled"),
    (Prank::Twice, "callback_twice"),
];

impl Prank {
    pub(crate) fn name(self) -> &'static str {
        TABLE.iter().find(|(prank, _)| *prank == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, known)| *known == name).map(|(prank, _)| *prank)
    }

    /// What it makes of a body that is to be refused; `None` for one that stays what it is. `place`
    /// says which of its digits is another.
    pub(crate) fn spoil(self, body: &[u8], place: usize) -> Option<Vec<u8>> {
        let mut spoilt = body.to_vec();
        match self {
            Self::Forged => {
                let digits = spoilt.iter().filter(|byte| byte.is_ascii_digit()).count();
                let mut all = spoilt.iter_mut().filter(|byte| byte.is_ascii_digit());
                let digit = all.nth(place % digits.max(1))?;
                *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
                Some(spoilt)
            }
            Self::Garbled => {
                spoilt.truncate(body.len() / 2);
                spoilt.extend_from_slice(b"\xff\x00%%");
                Some(spoilt)
            }
            Self::Twice => None,
        }
    }
}
