//! Reads a `[session]` table.

use super::read::{ENCODINGS, Known, YEAR_MS, conditions, pointer};
use super::table::{Table, Word};
use super::template::Name;
use super::terms::{Condition, Encoding, Opened, Session};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A token is used for an hour where nothing else is known.
const HOUR_MS: i64 = 3_600_000;
/// Another token is asked for a minute ahead.
const MINUTE_MS: i64 = 60_000;

/// What the message that opens a session may say: nothing in it is about a redemption.
fn open_names(name: &Name) -> bool {
    matches!(name, Name::Timestamp | Name::Nonce | Name::Param(_))
}

/// `answers`: how answers to questions are written, for the token is refused in one.
pub(super) fn session(
    mut table: Table<'_>,
    known: &Known<'_>,
    encoding: Encoding,
    answers: Encoding,
) -> Option<Session> {
    let encoding = table.one_of("encoding", &ENCODINGS).unwrap_or(encoding);
    let path = known.path(&mut table);
    let headers = known.headers(&mut table, &open_names);
    let with_keys = |name: &Name| open_names(name) || matches!(name, Name::Key(_));
    let fields = known.fields(&mut table, "fields", encoding, &with_keys);
    let signed = table.flag("signed");
    if !signed
        && !fields.iter().any(|(_, template)| template.names().any(|name| matches!(name, Name::Key(_))))
    {
        table.fault("session: a `{key.NAME}` in a field or signed = true is expected, or anyone can sign in");
    }
    let lifetime_ms = table.number("lifetime_ms", 1_000..=YEAR_MS).unwrap_or(HOUR_MS);
    let refresh_ms = table.number("refresh_ms", 0..=YEAR_MS).unwrap_or(MINUTE_MS.min(lifetime_ms / 2));
    if refresh_ms >= lifetime_ms {
        table.fault("session: refresh_ms below lifetime_ms is expected, or no token is ever used");
    }
    let nothing_done = table.flag("nothing_done");
    let answer = match table.table("answer") {
        Some(answer) => opened(answer, encoding),
        None => {
            table.missing("answer");
            None
        }
    };
    let expired = table.tables("expired").into_iter();
    let expired: Vec<_> = expired.map(|one| expiry(one, answers)).collect();
    if nothing_done && expired.is_empty() {
        table.fault("session: nothing_done goes with [[session.expired]]");
    }
    table.finish();
    let (path, answer) = (path?, answer?);
    Some(Session {
        path,
        encoding,
        headers,
        fields,
        signed,
        lifetime_ms,
        refresh_ms,
        answer,
        expired,
        nothing_done,
    })
}

fn opened(mut table: Table<'_>, encoding: Encoding) -> Option<Opened> {
    let encoding = table.one_of("encoding", &ENCODINGS).unwrap_or(encoding);
    let place = |table: &Table<'_>, word: Option<Word<'_>>| {
        let word = word?;
        pointer(table, word, encoding);
        Some(word.text.to_string())
    };
    let token = table.needed("token");
    let token = place(&table, token);
    let lifetime = table.text("lifetime");
    let lifetime = place(&table, lifetime);
    let condition = Condition { http: statuses(&mut table, "200"), when: conditions(&mut table, encoding) };
    table.finish();
    Some(Opened { encoding, condition, token: token?, lifetime })
}

fn expiry(mut table: Table<'_>, encoding: Encoding) -> Condition {
    let condition = Condition { http: statuses(&mut table, "401"), when: conditions(&mut table, encoding) };
    table.finish();
    condition
}

fn statuses(table: &mut Table<'_>, usual: &str) -> Vec<String> {
    let Some(words) = table.texts("http") else { return [usual.to_string()].into() };
    for word in words.iter().filter(|word| word.text.len() != 3 || word.text.parse::<u16>().is_err()) {
        table.fault_at(word.at, "http: a status of three digits is expected");
    }
    words.into_iter().map(|word| word.text.to_string()).collect()
}
