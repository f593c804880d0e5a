//! What the simulated issuers know of their cards. It is configuration: one wrong line refuses
//! the whole file, since half of it would silently turn good cards into unknown ones.

use crate::fault::{InputError, LineError, label};
use crate::intake::{amount, open};
use crate::sheet::{Cells, Column, Sheet};
use scrip::base::{Secret, Text};
use scrip::money::Amount;
use std::collections::HashMap;
use std::fmt;
use std::io::BufRead;
use std::path::Path;

const COLUMNS: [Column; 6] = [
    Column { name: "product", required: true },
    Column { name: "card_number", required: true },
    Column { name: "card_secret", required: true },
    Column { name: "balance", required: true },
    Column { name: "currency", required: true },
    Column { name: "status", required: true },
];

/// How a card stands at its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardStatus {
    Active,
    Inactive,
    Used,
    Expired,
    Frozen,
}

/// A card as its issuer knows it.
#[derive(PartialEq, Eq)]
pub(crate) struct IssuerCard {
    pub(crate) product: String,
    /// Empty where the product has none: the secret then is the card.
    pub(crate) number: String,
    pub(crate) secret: Secret,
    /// What is on it, 0 or more.
    pub(crate) balance: Amount,
    pub(crate) status: CardStatus,
}

/// Without the number, which is no less a secret here than in a request.
impl fmt::Debug for IssuerCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerCard({}, {:?}, {:?}, ..)", self.product, self.balance, self.status)
    }
}

/// Reads a file of issuer cards.
pub(crate) fn read(path: &Path) -> Result<Vec<IssuerCard>, InputError> {
    read_from(&label(path), open(path)?)
}

fn read_from(label: &str, reader: impl BufRead) -> Result<Vec<IssuerCard>, InputError> {
    let mut sheet = Sheet::open(label, reader, &COLUMNS)?;
    let mut cards = Vec::new();
    let mut seen = HashMap::new();
    while let Some((line, cells)) = sheet.next()? {
        let card = cells.and_then(|cells| card(&cells)).map_err(|error| refusal(label, line, &error))?;
        let identity = if card.number.is_empty() { card.secret.expose() } else { card.number.as_bytes() };
        if let Some(first) = seen.insert((card.product.clone(), identity.to_vec()), line) {
            return Err(InputError::at(label, line, format!("the card stands in line {first} already")));
        }
        cards.push(card);
    }
    Ok(cards)
}

fn refusal(label: &str, line: u64, error: &LineError) -> InputError {
    let column = error.column.as_deref().map(|column| format!("column {column}: ")).unwrap_or_default();
    InputError::at(label, line, format!("{column}expected {}", error.expected))
}

fn card(cells: &Cells<'_>) -> Result<IssuerCard, LineError> {
    let number = match cells.get("card_number") {
        "" => String::new(),
        _ => text(cells, "card_number")?,
    };
    Ok(IssuerCard {
        product: text(cells, "product")?,
        number,
        secret: Secret::from(text(cells, "card_secret")?.as_str()),
        balance: amount(cells, "balance").map_err(or_nothing)?,
        status: status(cells)?,
    })
}

/// Unlike a face, a balance may be 0.
fn or_nothing(error: LineError) -> LineError {
    match error.reason {
        "face_value_not_positive" => LineError { expected: "0 or more".into(), ..error },
        _ => error,
    }
}

fn text(cells: &Cells<'_>, column: &'static str) -> Result<String, LineError> {
    match Text::new(cells.get(column)) {
        Ok(text) => Ok(text.as_str().into()),
        Err(_) => {
            let expected = format!("1 to {} bytes without control characters", Text::MAX);
            Err(LineError::new(Some(column), "text_shape", expected))
        }
    }
}

fn status(cells: &Cells<'_>) -> Result<CardStatus, LineError> {
    match cells.get("status") {
        "active" => Ok(CardStatus::Active),
        "inactive" => Ok(CardStatus::Inactive),
        "used" => Ok(CardStatus::Used),
        "expired" => Ok(CardStatus::Expired),
        "frozen" => Ok(CardStatus::Frozen),
        _ => {
            let expected = "active, inactive, used, expired or frozen";
            Err(LineError::new(Some("status"), "status_unknown", expected))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrip::money::Currency;

    const HEADER: &str = "product,card_number,card_secret,balance,currency,status\n";

    fn cards(lines: &str) -> Result<Vec<IssuerCard>, String> {
        read_from("i.csv", format!("{HEADER}{lines}").as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn cards_are_read_with_and_without_a_number() {
        let found =
            cards("fuel-card,1000112233445566778,918273,0,CNY,used\njd-ecard,,ABCD,100.5,CNY,active\n")
                .unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((&*found[0].number, found[0].status), ("1000112233445566778", CardStatus::Used));
        assert_eq!(found[0].balance, Amount::zero(Currency::CNY));
        assert_eq!((&*found[1].number, &*found[1].product), ("", "jd-ecard"));
        assert_eq!((found[1].balance.minor(), found[1].status), (10_050, CardStatus::Active));
        assert_eq!(found[1].secret, Secret::from("ABCD"));
        assert!(!format!("{found:?}").contains("1000112233445566778"));
        assert_eq!(cards(""), Ok(vec![]));
    }

    #[test]
    fn one_wrong_line_refuses_the_file_and_is_named() {
        let good = "p,1,s,5,CNY,active\n";
        for (line, told) in [
            ("p,2,s,5,CNY,gone", "column status: expected active, inactive, used, expired or frozen"),
            ("p,2,s,-5,CNY,active", "column balance: expected 0 or more"),
            ("p,2,s,,CNY,active", "column balance: expected a value"),
            ("p,2,s,5,RMB,active", "column currency: expected an ISO 4217 code in capitals, such as CNY"),
            (",2,s,5,CNY,active", "column product: expected 1 to 128 bytes without control characters"),
            ("p,2,,5,CNY,active", "column card_secret: expected 1 to 128 bytes without control characters"),
            ("p,2,s,5,CNY", "expected 6 fields as in the header, found 5"),
            ("p,1,t,9,CNY,used", "the card stands in line 2 already"),
        ] {
            assert_eq!(cards(&format!("{good}{line}\n")), Err(format!("i.csv: line 3: {told}")));
        }
        let error = read_from("i.csv", &b"product,card_number\n"[..]).unwrap_err().to_string();
        assert!(error.starts_with("i.csv: line 1: the header lacks column `card_secret`"), "{error}");
    }

    #[test]
    fn the_shipped_files_fit_together() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
        let bare = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap().replace('-', "");
        let known: HashMap<_, _> = read(&data.join("issuer-cards.csv"))
            .unwrap()
            .into_iter()
            .map(|card| ((card.product.clone(), card.number.clone(), bare(&card.secret)), card))
            .collect();
        let expected = std::fs::read_to_string(data.join("expected.csv")).unwrap();
        let mut lines = crate::intake::Intake::open(&data.join("cards.csv")).unwrap().map(Result::unwrap);
        let (mut retired, mut only_the_catalogue_sees) = (0, vec![]);
        for expected in expected.lines().skip(1) {
            let [number, id, state] = expected.split(',').collect::<Vec<_>>().try_into().unwrap();
            let line = lines.next().expect("a line for each that is expected");
            assert_eq!(line.number.to_string(), number);
            let Ok(row) = line.parsed else {
                assert_eq!(state, "invalid", "line {number}");
                continue;
            };
            assert_eq!(row.request_id.as_str(), id);
            let card_number = row.card_number.as_ref().map(bare).unwrap_or_default();
            let card = known.get(&(row.product.as_str().into(), card_number, bare(&row.card_secret)));
            let active = card.is_some_and(|card| card.status == CardStatus::Active);
            match state {
                "retired" => retired += 1,
                "invalid" => only_the_catalogue_sees.push(row.request_id.as_str().to_owned()),
                _ => {}
            }
            assert!(state != "retired" || active, "line {number}: paid for a card that is not good");
            assert!(state != "declined" || !active, "line {number}: declined a card that is good");
        }
        assert!(lines.next().is_none());
        assert_eq!(retired, 925);
        assert_eq!(only_the_catalogue_sees, ["R-0302-0510", "R-0302-0555", "R-0302-0790"]);
    }
}
