//! Checkpoints: what a log was at some time, as text to be kept elsewhere.

use super::{AuditError, verify_consistency};
use crate::base::{Digest, Text};
use alloc::format;
use alloc::string::String;
use base64ct::{Base64, Encoding};

/// A log's name, size and root, in the text form of c2sp.org/tlog-checkpoint.
///
/// Kept outside the reach of the log's writer, it shows a changed or restored log: see
/// [`verify_growth`](Self::verify_growth).
///
/// The form is the note text without extension lines. Signature lines (c2sp.org/signed-note)
/// are neither written nor read here: whoever holds a signing key appends them, and cuts them
/// off with the empty line before them when reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, best a URL without scheme, such as `example.com/till-7`.
    pub origin: Text,
    /// How many records the log had.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

impl Checkpoint {
    /// The three lines: origin, size in decimal, root in base64 (RFC 4648, section 4).
    pub fn to_text(&self) -> String {
        let mut buffer = [0; 44];
        let root = Base64::encode(&self.root.0, &mut buffer).expect("32 bytes are 44 digits in base64");
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// Reads [`to_text`](Self::to_text) back. There is one text for one checkpoint: leading
    /// zeroes, other line ends and further lines are refused.
    ///
    /// # Errors
    /// [`AuditError::Checkpoint`] with the line.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let mut rest = text;
        let origin = Text::new(line(&mut rest, 1)?).map_err(|_| at(1, "not the name of a log"))?;
        let size = parse_size(line(&mut rest, 2)?).ok_or(at(2, "not a size"))?;
        let root = parse_root(line(&mut rest, 3)?).ok_or(at(3, "not a root of 32 bytes in base64"))?;
        if !rest.is_empty() {
            return Err(at(4, "extension and signature lines are not read"));
        }
        Ok(Self { origin, size, root })
    }

    /// Checks that `newer` is the same log grown, by a proof from
    /// [`consistency_proof`](super::consistency_proof) of both sizes.
    ///
    /// # Errors
    /// [`AuditError::OtherLog`] if the origins differ, and those of
    /// [`verify_consistency`]: [`AuditError::Shrunk`] is what a restored backup looks like.
    pub fn verify_growth(&self, newer: &Self, proof: &[Digest]) -> Result<(), AuditError> {
        if self.origin != newer.origin {
            return Err(AuditError::OtherLog);
        }
        verify_consistency(self.size, &self.root, newer.size, &newer.root, proof)
    }
}

/// Takes the next line off, which must end with a newline.
fn line<'a>(rest: &mut &'a str, number: usize) -> Result<&'a str, AuditError> {
    let (line, after) = rest.split_once('\n').ok_or(at(number, "the line is missing or does not end"))?;
    *rest = after;
    Ok(line)
}

fn parse_size(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

fn parse_root(text: &str) -> Option<Digest> {
    let mut root = [0; 32];
    let decoded = Base64::decode(text, &mut root).ok()?.len();
    (decoded == root.len()).then_some(Digest(root))
}

fn at(line: usize, what: &'static str) -> AuditError {
    AuditError::Checkpoint { line, what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::testing::numbered;
    use crate::audit::{Log, consistency_proof};
    use proptest::prelude::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    /// The body of the example in c2sp.org/tlog-checkpoint.
    const EXAMPLE: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn reads_and_writes_the_published_example() {
        let read = Checkpoint::parse(EXAMPLE).unwrap();
        assert_eq!((&*read.origin, read.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(read.root.0[..4], [0x0a, 0xc5, 0x18, 0x6a]);
        assert_eq!(read.to_text(), EXAMPLE);
    }

    #[test]
    fn anything_else_is_refused_with_its_line() {
        let cases = [
            (1, ""),
            (1, "till"),
            (1, "\n1\nROOT\n"),
            (1, "a\r\n1\nROOT\n"),
            (2, "a\n"),
            (2, "a\n\nROOT\n"),
            (2, "a\n01\nROOT\n"),
            (2, "a\n+1\nROOT\n"),
            (2, "a\n-1\nROOT\n"),
            (2, "a\n1 \nROOT\n"),
            (2, "a\n1\r\nROOT\n"),
            (2, "a\n18446744073709551616\nROOT\n"),
            (3, "a\n1\nROOT"),
            (3, "a\n1\n\n"),
            (3, "a\n1\nAAAAROOT\n"),
            (4, "a\n1\nROOT\n\n"),
            (4, "a\n1\nROOT\nmore\n"),
        ];
        for (line, text) in cases {
            assert_eq!(refused_line(&text.replace("ROOT", ROOT)), line, "{text:?}");
        }
        // Cut at either end, of the URL alphabet, and with a bit set that no digest has.
        for root in [&ROOT[..43], &ROOT[4..], &ROOT.replace('/', "_"), &ROOT.replace("2I=", "2J=")] {
            assert_eq!(refused_line(&format!("a\n1\n{root}\n")), 3, "{root:?}");
        }
    }

    fn refused_line(text: &str) -> usize {
        match Checkpoint::parse(text) {
            Err(AuditError::Checkpoint { line, .. }) => line,
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    #[test]
    fn growth_is_shown_and_a_restored_backup_is_seen() {
        let leaves = numbered(20);
        let mut log = Log::new();
        let name = |text| Text::new(text).unwrap();
        let points: alloc::vec::Vec<_> = leaves
            .iter()
            .map(|leaf| {
                log.append(*leaf);
                log.checkpoint(name("example.com/till-7"))
            })
            .collect();
        let (old, new) = (&points[6], &points[19]);
        let proof = consistency_proof(&mut leaves.as_slice(), 7, 20).unwrap();
        assert_eq!(old.verify_growth(new, &proof), Ok(()));
        assert_eq!(new.verify_growth(old, &proof), Err(AuditError::Shrunk { old: 20, new: 7 }));
        let foreign = log.checkpoint(name("example.com/till-8"));
        assert_eq!(old.verify_growth(&foreign, &proof), Err(AuditError::OtherLog));
    }

    proptest! {
        #[test]
        fn a_checkpoint_reads_back(origin in "[a-z./0-9卡]{1,30}", size in any::<u64>(), root in any::<[u8; 32]>()) {
            let point = Checkpoint { origin: Text::new(&origin).unwrap(), size, root: Digest(root) };
            prop_assert_eq!(Checkpoint::parse(&point.to_text()), Ok(point));
        }

        #[test]
        fn what_is_read_is_written_the_same(text in "[ab]{0,2}\n?[0-9]{0,3}\n[A-D/+=]{40,44}=\n?") {
            if let Ok(point) = Checkpoint::parse(&text) {
                prop_assert_eq!(point.to_text(), text);
            }
        }
    }
}
