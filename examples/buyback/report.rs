//! `outcomes.jsonl`: what became of each line of the input.

use crate::args::Args;
use crate::atomic::AtomicFile;
use crate::fault::{InputError, LineError, label};
use scrip::money::Currency;
use serde::{Serialize, Serializer};
use std::io::{self, Write};
use std::path::{self, Path};

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Retired,
    Declined,
    InReview,
    Frozen,
    Blocked,
    AlreadySold,
    CardBusy,
    Mismatch,
    Suspended,
    Invalid,
}

impl State {
    pub(crate) const ALL: [Self; 10] = [
        Self::Retired,
        Self::Declined,
        Self::InReview,
        Self::Frozen,
        Self::Blocked,
        Self::AlreadySold,
        Self::CardBusy,
        Self::Mismatch,
        Self::Suspended,
        Self::Invalid,
    ];

    /// Whether the line stands for the redemption of its id: a mismatch is another request, and
    /// one whose card is busy has none.
    pub(crate) fn shows_redemption(self) -> bool {
        !matches!(self, Self::Mismatch | Self::CardBusy | Self::Invalid)
    }

    /// The name as it stands in the outputs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Retired => "retired",
            Self::Declined => "declined",
            Self::InReview => "in_review",
            Self::Frozen => "frozen",
            Self::Blocked => "blocked",
            Self::AlreadySold => "already_sold",
            Self::CardBusy => "card_busy",
            Self::Mismatch => "mismatch",
            Self::Suspended => "suspended",
            Self::Invalid => "invalid",
        }
    }
}

/// One object of `outcomes.jsonl`; its fields are the keys, in this order. What is not known is
/// `null`. Amounts are whole minor units of `currency`. There is no time in it, so that a run
/// that was killed and started again writes the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Outcome {
    /// The number of the line in the file; the header is line 1.
    pub(crate) line: u64,
    pub(crate) request_id: Option<String>,
    pub(crate) redemption_id: Option<String>,
    pub(crate) state: State,
    /// A stable code in snake case.
    pub(crate) reason: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) face_minor: Option<i64>,
    pub(crate) verified_minor: Option<i64>,
    /// How old the issuer's word was by which the card was verified, where that came from a snapshot
    /// (快照): there is no such key elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified_age_ms: Option<i64>,
    pub(crate) payout_minor: Option<i64>,
    pub(crate) fee_minor: Option<i64>,
    #[serde(serialize_with = "code")]
    pub(crate) currency: Option<Currency>,
    /// `column` and `expected`, for lines of state `invalid` only.
    #[serde(flatten)]
    pub(crate) invalid: Option<Invalid>,
}

/// Where a malformed line is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Invalid {
    /// `null` if it is the line as a whole.
    pub(crate) column: Option<String>,
    pub(crate) expected: String,
}

fn code<S: Serializer>(currency: &Option<Currency>, to: S) -> Result<S::Ok, S::Error> {
    currency.map(Currency::alpha).serialize(to)
}

impl Outcome {
    /// An outcome of which nothing but its line and state is known yet.
    pub(crate) fn new(line: u64, state: State) -> Self {
        Self {
            line,
            request_id: None,
            redemption_id: None,
            state,
            reason: None,
            issuer: None,
            face_minor: None,
            verified_minor: None,
            verified_age_ms: None,
            payout_minor: None,
            fee_minor: None,
            currency: None,
            invalid: None,
        }
    }

    /// The outcome of a malformed line.
    pub(crate) fn malformed(line: u64, error: LineError) -> Self {
        Self {
            request_id: error.request_id.map(|id| id.as_str().into()),
            reason: Some(error.reason.into()),
            invalid: Some(Invalid { column: error.column, expected: error.expected }),
            ..Self::new(line, State::Invalid)
        }
    }
}

/// What a run writes into the output folder.
const FILES: [&str; 2] = ["outcomes.jsonl", "summary.json"];

/// Checks that no report would be written over a file that is read or kept.
pub(crate) fn spares(args: &Args) -> Result<(), InputError> {
    let db = (Some(&args.db), "the database");
    let read = [
        (Some(&args.cards), "the file of cards"),
        (args.issuer_cards.as_ref(), "--issuer-cards"),
        (args.policy.as_ref(), "--policy"),
        (args.catalog.as_ref(), "--catalog"),
    ];
    for (path, what) in read.into_iter().chain([db]).filter_map(|(path, what)| Some((path?, what))) {
        for report in FILES.map(|name| args.out.join(name)) {
            if same(path, &report) {
                let what =
                    format!("is {what}, and the report would be written over it: choose another --out");
                return Err(InputError::new(&label(&report), what));
            }
        }
    }
    Ok(())
}

/// Whether two paths name one file, which may not be there yet.
fn same(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        let path = path::absolute(path).unwrap_or_else(|_| path.into());
        let dir = path.parent().and_then(|dir| dir.canonicalize().ok());
        match (dir, path.file_name()) {
            (Some(dir), Some(name)) => dir.join(name),
            _ => path,
        }
    };
    place(a) == place(b) || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Writes `outcomes.jsonl`. It appears under its name once [`OutcomesFile::finish`] has run.
pub(crate) struct OutcomesFile {
    file: AtomicFile,
    last_line: u64,
}

impl OutcomesFile {
    /// Starts the file in `dir`.
    pub(crate) fn create(dir: &Path) -> io::Result<Self> {
        Ok(Self { file: AtomicFile::create(dir, "outcomes.jsonl")?, last_line: 0 })
    }

    /// Adds the next outcome.
    ///
    /// # Panics
    /// If its line does not come after the one before: the file is in input order.
    pub(crate) fn write(&mut self, outcome: &Outcome) -> io::Result<()> {
        assert!(outcome.line > self.last_line, "line {} after line {}", outcome.line, self.last_line);
        self.last_line = outcome.line;
        serde_json::to_writer(&mut self.file, outcome)?;
        self.file.write_all(b"\n")
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.file.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip::base::Text;

    fn malformed(line: u64) -> Outcome {
        let error = LineError::new(None, "field_count", "13 fields as in the header, found 12");
        Outcome::malformed(line, error)
    }

    #[test]
    fn keys_stand_in_a_fixed_order_and_unknown_values_are_null() {
        let retired = Outcome {
            request_id: Some("R-1".into()),
            redemption_id: Some("00ff".into()),
            issuer: Some("walmart".into()),
            face_minor: Some(10_000),
            verified_minor: Some(10_000),
            payout_minor: Some(9_200),
            fee_minor: Some(100),
            currency: Some(Currency::CNY),
            ..Outcome::new(2, State::Retired)
        };
        let error = LineError {
            request_id: Text::new("R-\"2\"").ok(),
            ..LineError::new(Some("face_value"), "face_value_shape", "digits")
        };
        let dir = tempfile::tempdir().unwrap();
        let mut file = OutcomesFile::create(dir.path()).unwrap();
        file.write(&retired).unwrap();
        file.write(&Outcome::malformed(3, error)).unwrap();
        let aged = Outcome { line: 4, verified_age_ms: Some(3_600_000), ..retired };
        file.write(&aged).unwrap();
        file.write(&malformed(5)).unwrap();
        file.finish().unwrap();
        let expected = concat!(
            r#"{"line":2,"request_id":"R-1","redemption_id":"00ff","state":"retired","reason":null,"#,
            r#""issuer":"walmart","face_minor":10000,"verified_minor":10000,"payout_minor":9200,"#,
            r#""fee_minor":100,"currency":"CNY"}"#,
            "\n",
            r#"{"line":3,"request_id":"R-\"2\"","redemption_id":null,"state":"invalid","#,
            r#""reason":"face_value_shape","issuer":null,"face_minor":null,"verified_minor":null,"#,
            r#""payout_minor":null,"fee_minor":null,"currency":null,"column":"face_value","expected":"digits"}"#,
            "\n",
            r#"{"line":4,"request_id":"R-1","redemption_id":"00ff","state":"retired","reason":null,"#,
            r#""issuer":"walmart","face_minor":10000,"verified_minor":10000,"verified_age_ms":3600000,"#,
            r#""payout_minor":9200,"fee_minor":100,"currency":"CNY"}"#,
            "\n",
            r#"{"line":5,"request_id":null,"redemption_id":null,"state":"invalid","#,
            r#""reason":"field_count","issuer":null,"face_minor":null,"verified_minor":null,"#,
            r#""payout_minor":null,"fee_minor":null,"currency":null,"column":null,"#,
            r#""expected":"13 fields as in the header, found 12"}"#,
            "\n",
        );
        assert_eq!(std::fs::read_to_string(dir.path().join("outcomes.jsonl")).unwrap(), expected);
    }

    #[test]
    #[should_panic(expected = "line 2 after line 2")]
    fn outcomes_out_of_order_are_a_fault_of_the_program() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = OutcomesFile::create(dir.path()).unwrap();
        file.write(&malformed(2)).unwrap();
        let _ = file.write(&malformed(2));
    }

    #[test]
    fn a_state_has_one_name_everywhere() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
