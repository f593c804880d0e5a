//! Reads a `[sign]` table.

use super::read::{DIGITS, Known, is_token};
use super::table::Table;
use super::template::{Name, Template};
use super::terms::{Algorithm, Encoding, Place, Scheme, Sign, Signed};
use crate::codec::form::{Canonical, Keyed, Order};
use crate::codec::json;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

const ALGORITHMS: [(&str, Algorithm); 7] = [
    ("md5", Algorithm::Keyed(Keyed::Md5)),
    ("sha256", Algorithm::Keyed(Keyed::Sha256)),
    ("hmac_md5", Algorithm::Keyed(Keyed::HmacMd5)),
    ("hmac_sha256", Algorithm::Keyed(Keyed::HmacSha256)),
    ("rsa_sha256", Algorithm::Pair(Scheme::RsaSha256)),
    ("sm2", Algorithm::Pair(Scheme::Sm2)),
    ("sm2_raw", Algorithm::Pair(Scheme::Sm2Raw)),
];

/// The longest identity: SM2 writes its length in bits in two bytes.
const ID_MAX: usize = 8_191;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Sorted,
    Fixed,
    Text,
}

const OVERS: [(&str, Over); 3] = [("sorted", Over::Sorted), ("fixed", Over::Fixed), ("text", Over::Text)];

/// `request`: of what we send, where more is known than of what comes back.
pub(super) fn sign(
    mut table: Table<'_>,
    known: &Known<'_>,
    encoding: Encoding,
    request: bool,
) -> Option<Sign> {
    for name in ["algorithm", "over"] {
        if table.names().iter().all(|word| word.text != name) {
            table.missing(name);
        }
    }
    let algorithm = table.one_of("algorithm", &ALGORITHMS);
    let over = table.one_of("over", &OVERS);
    let digits = table.one_of("digits", &DIGITS).unwrap_or_default();
    let key = table.text("key").map_or("sign", |word| word.text).to_string();
    let id = id(&mut table, algorithm);
    let place = place(&mut table, encoding);
    let signed = match over {
        Some(Over::Text) => text(&mut table, known, request),
        Some(over) => fields(&mut table, known, over, request),
        None => None,
    };
    if let Some(signed) = &signed {
        bound(&table, algorithm, signed, place.as_ref());
    }
    table.finish();
    Some(Sign { algorithm: algorithm?, key, id, signed: signed?, digits, place: place? })
}

/// The identity of who signs.
fn id(table: &mut Table<'_>, algorithm: Option<Algorithm>) -> Option<String> {
    let word = table.text("id")?;
    if !matches!(algorithm, None | Some(Algorithm::Pair(Scheme::Sm2 | Scheme::Sm2Raw))) {
        table.fault_at(word.at, "id: only SM2 signs an identity");
    } else if !(1..=ID_MAX).contains(&word.text.len()) {
        table.fault_at(word.at, "id: 1 to 8,191 bytes are expected");
    }
    Some(word.text.to_string())
}

fn place(table: &mut Table<'_>, encoding: Encoding) -> Option<Place> {
    match (table.text("field"), table.text("header")) {
        (Some(field), None) => {
            let pointer = json::is_pointer(field.text) && field.text.matches('/').count() == 1;
            if encoding == Encoding::Json && !pointer {
                table.fault_at(field.at, "field: a JSON pointer to an outermost member is expected");
            }
            Some(Place::Field(field.text.to_string()))
        }
        (None, Some(header)) => {
            if !is_token(header.text) {
                table.fault_at(header.at, "header: a name in lower case is expected");
            }
            Some(Place::Header(header.text.to_string()))
        }
        _ => {
            table.fault("sign: either `field` or `header` is expected");
            None
        }
    }
}

/// What may stand around fields: nothing that is part of the message as a whole.
fn around(name: &Name, request: bool) -> bool {
    use Name::{Amount, Attempt, Currency, Key, Nonce, Param, Product, Reference, Timestamp};
    let ours = matches!(name, Reference | Product | Amount | Currency | Attempt | Name::Token);
    matches!(name, Key(_) | Param(_) | Timestamp | Nonce) || (ours && request)
}

fn template(table: &mut Table<'_>, known: &Known<'_>, name: &str, request: bool) -> Option<Template> {
    match table.text(name) {
        Some(word) => known.template(table, word, &|name| around(name, request)),
        None => Some(Template::default()),
    }
}

fn fields(table: &mut Table<'_>, known: &Known<'_>, over: Over, request: bool) -> Option<Signed> {
    let mut list = |name: &str| -> Vec<String> {
        let words = table.texts(name).unwrap_or_default();
        words.iter().map(|word| word.text.strip_prefix('/').unwrap_or(word.text).to_string()).collect()
    };
    let (named, except) = (list("fields"), list("except"));
    if (over == Over::Fixed) == named.is_empty() {
        table.fault("sign: `fields` are expected with over = \"fixed\", and only there");
    }
    if over == Over::Fixed && !except.is_empty() {
        table.fault("sign: `except` goes with over = \"sorted\"");
    }
    let order = if over == Over::Fixed { Order::Fixed(named) } else { Order::Sorted };
    let pair = table.text("pair").map(|word| word.text.to_string());
    let join = table.text("join").map_or("", |word| word.text).to_string();
    let canonical = Canonical { order, pair, join, empty: table.flag("empty") };
    let plain = request && table.flag("plain");
    let before = template(table, known, "before", request);
    let after = template(table, known, "after", request);
    Some(Signed::Fields { canonical, except, before: before?, after: after?, plain })
}

fn text(table: &mut Table<'_>, known: &Known<'_>, request: bool) -> Option<Signed> {
    let word = table.needed("text")?;
    let allowed =
        |name: &Name| around(name, request) || matches!(name, Name::Method | Name::Path | Name::Body);
    let text = known.template(table, word, &allowed)?;
    if !request && !text.has(&Name::Body) {
        table.fault_at(word.at, "text: what comes from the issuer is signed with its `{body}`");
    }
    Some(Signed::Text(text))
}

/// That a signature needs its key, and does not stand inside what it signs.
fn bound(table: &Table<'_>, algorithm: Option<Algorithm>, signed: &Signed, place: Option<&Place>) {
    let mut names = Vec::new();
    match signed {
        Signed::Fields { before, after, .. } => names.extend(before.names().chain(after.names())),
        Signed::Text(text) => names.extend(text.names()),
    }
    let keyed = names.iter().any(|name| matches!(name, Name::Key(_)));
    if let (Some(Algorithm::Keyed(digest @ (Keyed::Md5 | Keyed::Sha256))), false) = (algorithm, keyed) {
        let name = if digest == Keyed::Md5 { "MD5" } else { "SHA-256" };
        table.fault(format!("sign: {name} needs a `{{key.NAME}}` in what is signed, or anyone can sign"));
    }
    let whole = names.iter().any(|name| matches!(name, Name::Body | Name::Path));
    if whole && matches!(place, Some(Place::Field(_))) {
        table.fault("sign: a signature over `{body}` or `{path}` stands in a `header`");
    }
}
