//! What goes wrong with result files.

/// One thing that goes wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Its end is missing; the whole one comes later.
    Truncated,
    /// What lies beside it is another file's digest; a good one comes later.
    WrongDigest,
    /// The same bytes come again once they were taken.
    Resent,
    /// Its rows come again in a file of another name and number.
    Repeated,
    /// Its rows stand in another order than those of the file that they answer.
    Reordered,
    /// Half of its rows come later.
    Partial,
    /// Before it come a file about redemptions of others, and one that is none of the protocol.
    Foreign,
    /// It comes after it was waited for.
    Late,
    /// It does not come; who asks again gets an answer.
    Never,
}

const TABLE: [(Mishap, &str); 9] = [
    (Mishap::Truncated, "file_truncated"),
    (Mishap::WrongDigest, "file_wrong_digest"),
    (Mishap::Resent, "file_resent"),
    (Mishap::Repeated, "file_repeated"),
    (Mishap::Reordered, "file_reordered"),
    (Mishap::Partial, "file_partial"),
    (Mishap::Foreign, "file_foreign"),
    (Mishap::Late, "file_late"),
    (Mishap::Never, "file_never"),
];

impl Mishap {
    pub(crate) fn name(self) -> &'static str {
        TABLE.iter().find(|(mishap, _)| *mishap == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(_, known)| *known == name).map(|(mishap, _)| *mishap)
    }

    /// What it makes of a file's rows.
    pub(crate) fn spoil(self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Truncated => body[..body.len() * 2 / 3].to_vec(),
            Self::Reordered => {
                let mut lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
                // Between the header and the trailer.
                let last = lines.len().saturating_sub(1);
                if let Some(rows) = lines.get_mut(1..last) {
                    rows.reverse();
                }
                lines.concat()
            }
            _ => body.to_vec(),
        }
    }
}
