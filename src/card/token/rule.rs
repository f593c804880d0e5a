//! What the catalogue says of a product's tokens: `[product.NAME.token]`.
//!
//! Shared keys never stand here, for a catalogue is no secret: the caller's key material holds
//! them under the ids that are listed. Public keys of Ed25519 may stand here.

use super::profile::{Algorithm, Profile, TokenKey, TokenKeyId, TotpHash};
use super::{TokenError, Verifier};
use crate::base::{Key16, Secret, Wall, Writer};
use crate::card::source::{Wrong, one_of, read};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Deserialize;
use toml::Spanned;
use toml::value::{Datetime, Offset};

/// A key as the catalogue lists it: when tokens are made with it, and its public half if it has
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPeriod {
    /// Its name, which signed tokens carry.
    pub id: TokenKeyId,
    /// From when on tokens are made with it.
    pub from: Wall,
    /// When that ends; this moment does not belong to the period.
    pub until: Wall,
    /// The public key of a signature; none for a shared key, or if the caller brings it.
    pub public: Option<[u8; 32]>,
}

/// What a product says of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRule {
    profile: Profile,
    keys: Vec<KeyPeriod>,
    optional: bool,
    rescan: bool,
}

impl TokenRule {
    /// What the tokens are like.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The keys they are made with, by id. Periods may overlap.
    pub fn keys(&self) -> &[KeyPeriod] {
        &self.keys
    }

    /// Whether a card may come without a token.
    pub const fn is_optional(&self) -> bool {
        self.optional
    }

    /// Whether a card must be scanned again when its token has gone stale while people looked
    /// (trace 11).
    pub const fn rescans(&self) -> bool {
        self.rescan
    }

    /// Which keys the caller must bring, for the catalogue does not hold them.
    pub fn secret_keys(&self) -> impl Iterator<Item = TokenKeyId> {
        self.keys.iter().filter(|key| key.public.is_none()).map(|key| key.id)
    }

    /// What checks such tokens. `secrets` are the keys that the catalogue does not hold;
    /// `peppers` as for [`Verifier::with_peppers`].
    ///
    /// # Errors
    /// [`TokenError::UnknownKey`] for a key that is in neither, and as [`Verifier::with_peppers`].
    pub fn verifier(
        &self,
        secrets: &[(TokenKeyId, Secret)],
        peppers: Vec<Secret>,
    ) -> Result<Verifier, TokenError> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for KeyPeriod { id, from, until, public } in &self.keys {
            let brought = secrets.iter().find(|(brought, _)| brought == id).map(|(_, key)| key.clone());
            let material = match public {
                Some(public) => Some(Secret::new(public.to_vec())),
                None => brought,
            };
            let material = material.ok_or(TokenError::UnknownKey(*id))?;
            keys.push(TokenKey { id: *id, material, from: *from, until: *until });
        }
        Verifier::with_peppers(self.profile, keys, peppers)
    }

    /// Writes the canonical form, for the catalogue's digest: a 1 in 2 bytes with a 0 after it,
    /// which begins no product's name, then every value.
    pub(in crate::card) fn write(&self, out: &mut Writer<'_>) {
        let (algorithm, digits) = match self.profile.algorithm() {
            Algorithm::HmacSha256 => (1, 0),
            Algorithm::Ed25519 => (2, 0),
            Algorithm::Totp { hash: TotpHash::Sha1, digits } => (3, digits),
            Algorithm::Totp { hash: TotpHash::Sha256, digits } => (4, digits),
            Algorithm::Totp { hash: TotpHash::Sha512, digits } => (5, digits),
        };
        out.u16(1).u8(0).u8(algorithm).u8(digits).u32(self.profile.step_ms());
        out.u8(self.profile.back()).u8(self.profile.ahead()).bool(self.optional).bool(self.rescan);
        crate::card::write_count(out, self.keys.len());
        for key in &self.keys {
            out.u32(key.id.0).wall(key.from).wall(key.until).bool(key.public.is_some());
            out.raw(key.public.as_ref().map_or(&[][..], |public| &public[..]));
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::card) struct RawToken {
    algorithm: Spanned<String>,
    digits: Option<Spanned<u8>>,
    step_ms: Spanned<u32>,
    back: Option<Spanned<u8>>,
    ahead: Option<Spanned<u8>>,
    keys: Spanned<Vec<Spanned<RawKey>>>,
    #[serde(default)]
    optional: bool,
    rescan: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKey {
    id: Spanned<u32>,
    from: Option<Spanned<Datetime>>,
    until: Option<Spanned<Datetime>>,
    public: Option<Spanned<String>>,
}

const ALGORITHMS: [(&str, Algorithm); 5] = [
    ("hmac-sha256", Algorithm::HmacSha256),
    ("ed25519", Algorithm::Ed25519),
    ("totp-sha1", Algorithm::Totp { hash: TotpHash::Sha1, digits: 6 }),
    ("totp-sha256", Algorithm::Totp { hash: TotpHash::Sha256, digits: 6 }),
    ("totp-sha512", Algorithm::Totp { hash: TotpHash::Sha512, digits: 6 }),
];

/// More keys than this at once are no rotation any more.
const KEYS_MAX: usize = 16;

/// Reads the table.
pub(in crate::card) fn rule(raw: &Spanned<RawToken>) -> Result<TokenRule, Wrong> {
    let at = raw.span().start;
    let raw = raw.get_ref();
    let mut algorithm = one_of("token.algorithm", &raw.algorithm, &ALGORITHMS)?;
    match (&mut algorithm, &raw.digits) {
        (Algorithm::Totp { digits, .. }, Some(wanted)) => *digits = *wanted.get_ref(),
        (Algorithm::Totp { .. }, None) | (_, None) => {}
        (_, Some(digits)) => {
            return Err(Wrong::new(digits.span().start, "token.digits: only one-time codes have digits"));
        }
    }
    let skew = |steps: &Option<Spanned<u8>>| steps.as_ref().map_or(1, |steps| *steps.get_ref());
    let (back, ahead) = (skew(&raw.back), skew(&raw.ahead));
    let profile = Profile::new(algorithm, *raw.step_ms.get_ref(), back, ahead).map_err(|error| {
        let digits = raw
            .digits
            .as_ref()
            .map(Spanned::span)
            .filter(|_| Profile::STEP_MS.contains(raw.step_ms.get_ref()));
        let skew = [&raw.back, &raw.ahead].into_iter().flatten().find(|s| *s.get_ref() > Profile::MAX_SKEW);
        let span = match (Profile::STEP_MS.contains(raw.step_ms.get_ref()), skew) {
            (false, _) => raw.step_ms.span(),
            (true, Some(skew)) => skew.span(),
            (true, None) => digits.unwrap_or(at..at),
        };
        Wrong::new(span.start, format!("token: {error}"))
    })?;
    let keys = keys(&raw.keys, algorithm)?;
    Ok(TokenRule { profile, keys, optional: raw.optional, rescan: raw.rescan.unwrap_or(true) })
}

fn keys(raw: &Spanned<Vec<Spanned<RawKey>>>, algorithm: Algorithm) -> Result<Vec<KeyPeriod>, Wrong> {
    let listed = raw.get_ref();
    if listed.is_empty() || listed.len() > KEYS_MAX {
        return Err(Wrong::new(raw.span().start, format!("token.keys: expected 1 to {KEYS_MAX} keys")));
    }
    let mut all: Vec<KeyPeriod> = Vec::with_capacity(listed.len());
    for entry in listed {
        let (at, entry) = (entry.span().start, entry.get_ref());
        let id = TokenKeyId(*entry.id.get_ref());
        if all.iter().any(|key| key.id == id) {
            return Err(Wrong::new(entry.id.span().start, format!("token.keys: id {} stands twice", id.0)));
        }
        let from = entry.from.as_ref().map_or(Ok(Wall(0)), time)?;
        let until = entry.until.as_ref().map_or(Ok(Wall(i64::MAX)), time)?;
        if from >= until {
            return Err(Wrong::new(at, "token.keys: until must be after from"));
        }
        let public = match &entry.public {
            None => None,
            Some(text) if algorithm != Algorithm::Ed25519 => {
                let what = "token.keys.public: shared keys do not stand in a catalogue";
                return Err(Wrong::new(text.span().start, what));
            }
            Some(text) => Some(read("token.keys.public", text, public_key)?),
        };
        all.push(KeyPeriod { id, from, until, public });
    }
    all.sort_unstable_by_key(|key| key.id);
    Ok(all)
}

/// The 32 bytes of a public key under which signatures cannot be made without its secret.
fn public_key(text: &str) -> Result<[u8; 32], &'static str> {
    let half = |from: usize, to: usize| text.get(from..to).and_then(|half| half.parse::<Key16>().ok());
    let (first, second) =
        half(0, 32).zip(half(32, text.len())).ok_or("expected 64 lower-case hexadecimal digits")?;
    let mut bytes = [0; 32];
    let (head, tail) = bytes.split_at_mut(16);
    head.copy_from_slice(&first.0);
    tail.copy_from_slice(&second.0);
    match super::verify::point(&Secret::new(bytes.to_vec())) {
        Some(_) => Ok(bytes),
        None => Err("expected a public key of Ed25519"),
    }
}

/// A date with time and offset, in milliseconds since 1970.
fn time(value: &Spanned<Datetime>) -> Result<Wall, Wrong> {
    let wrong = || {
        let what = "token.keys: expected a time with its offset, such as 2026-01-01T00:00:00+08:00";
        Wrong::new(value.span().start, what)
    };
    let Datetime { date: Some(date), time: Some(time), offset: Some(offset) } = value.get_ref() else {
        return Err(wrong());
    };
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(*minutes),
    };
    let seconds =
        i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or(0));
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    Ok(Wall((days * 86_400 + seconds - minutes * 60) * 1_000))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that
/// the day that leap years add is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::Catalogue;
    use proptest::prelude::*;

    const PRODUCT: &str = "[product.p]\nissuer = \"x\"\nfamily = \"game\"\ncurrencies = [\"CNY\"]\n\
        face = { min = \"1\", max = \"9\" }\nrate = \"0.9\"\nnumber = { kind = \"digits\", lengths = [16] }\n\
        [product.p.token]\n";
    const HMAC: &str = "algorithm = \"hmac-sha256\"\nstep_ms = 30_000\nkeys = [{ id = 1 }]\n";
    /// RFC 8032, section 7.1, test 1.
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn parse(token: &str) -> Result<TokenRule, (usize, usize, String)> {
        match Catalogue::parse(&format!("{PRODUCT}{token}")) {
            Ok(catalogue) => Ok(catalogue.product("p").unwrap().token().unwrap().clone()),
            Err(error) => Err((error.line(), error.column(), error.what().into())),
        }
    }

    #[test]
    fn a_rule_reads_with_its_defaults() {
        let rule = parse(HMAC).unwrap();
        assert_eq!(*rule.profile(), Profile::new(Algorithm::HmacSha256, 30_000, 1, 1).unwrap());
        let open = KeyPeriod { id: TokenKeyId(1), from: Wall(0), until: Wall(i64::MAX), public: None };
        assert_eq!((rule.keys(), rule.is_optional(), rule.rescans()), (&[open][..], false, true));
        assert_eq!(rule.secret_keys().collect::<Vec<_>>(), [TokenKeyId(1)]);
        let codes = "algorithm = \"totp-sha512\"\ndigits = 8\nstep_ms = 60_000\nback = 2\nahead = 0\n\
            optional = true\nrescan = false\nkeys = [{ id = 7 }]\n";
        let rule = parse(codes).unwrap();
        let algorithm = Algorithm::Totp { hash: TotpHash::Sha512, digits: 8 };
        assert_eq!(*rule.profile(), Profile::new(algorithm, 60_000, 2, 0).unwrap());
        assert!(rule.is_optional() && !rule.rescans());
    }

    #[test]
    fn periods_are_times_with_offsets_and_may_overlap() {
        let keys = "keys = [{ id = 2, from = 2026-06-30T23:00:00+08:00 }, \
            { id = 1, from = 2026-01-01T00:00:00Z, until = 2026-07-01T00:00:00.5Z }]";
        let rule = parse(&HMAC.replace("keys = [{ id = 1 }]", keys)).unwrap();
        let times: Vec<_> = rule.keys().iter().map(|key| (key.id.0, key.from.0, key.until.0)).collect();
        assert_eq!(times, [(1, 1_767_225_600_000, 1_782_864_000_000), (2, 1_782_831_600_000, i64::MAX)]);
    }

    #[test]
    fn public_keys_stand_in_the_catalogue_and_shared_ones_do_not() {
        let ed = HMAC.replace("hmac-sha256", "ed25519");
        let rule = parse(&ed.replace("id = 1", &format!("id = 1, public = \"{PUBLIC}\""))).unwrap();
        assert_eq!(rule.secret_keys().count(), 0);
        assert!(rule.verifier(&[], [Secret::new([9; 32].into())].into()).is_ok());
        let missing = parse(&ed).unwrap().verifier(&[], [Secret::new([9; 32].into())].into()).unwrap_err();
        assert_eq!(missing, TokenError::UnknownKey(TokenKeyId(1)));
    }

    #[test]
    fn errors_name_line_column_and_what_was_expected() {
        let ed = HMAC.replace("hmac-sha256", "ed25519");
        let small = format!("01{}", "00".repeat(31));
        let cases = [
            (HMAC.replace("hmac", "hmack"), 9, 13, "token.algorithm: expected one of hmac-sha256, ed25519, "),
            (HMAC.replace("30_000", "999"), 10, 11, "token: token profile: a step lasts"),
            (format!("{HMAC}back = 11"), 12, 8, "token: token profile: at most 10 steps"),
            (format!("{HMAC}ahead = 11"), 12, 9, "token: token profile: at most 10 steps"),
            (format!("{HMAC}digits = 6"), 12, 10, "token.digits: only one-time codes"),
            (
                format!("{}digits = 9", HMAC.replace("hmac-sha256", "totp-sha1")),
                12,
                10,
                "token: token profile: codes",
            ),
            (HMAC.replace("{ id = 1 }", ""), 11, 8, "token.keys: expected 1 to 16 keys"),
            (HMAC.replace("{ id = 1 }", "{ id = 1 }, { id = 1 }"), 11, 28, "token.keys: id 1 stands twice"),
            (HMAC.replace("id = 1", "id = 1, from = 2026-01-01"), 11, 26, "token.keys: expected a time with"),
            (
                HMAC.replace("id = 1", "id = 1, from = 2026-01-01T00:00:00Z, until = 2026-01-01T00:00:00Z"),
                11,
                9,
                "token.keys: until must be after from",
            ),
            (
                HMAC.replace("id = 1", &format!("id = 1, public = \"{PUBLIC}\"")),
                11,
                28,
                "token.keys.public: shared keys do not stand",
            ),
            (ed.replace("id = 1", "id = 1, public = \"00\""), 11, 28, "token.keys.public: expected 64"),
            (
                ed.replace("id = 1", &format!("id = 1, public = \"{small}\"")),
                11,
                28,
                "token.keys.public: expected a public key",
            ),
            (format!("{HMAC}key = 1"), 12, 1, "unknown field `key`"),
            (HMAC.replace("step_ms = 30_000\n", ""), 8, 1, "missing field `step_ms`"),
        ];
        for (text, line, column, what) in cases {
            let (found_line, found_column, said) = parse(&text).unwrap_err();
            assert!(said.starts_with(what), "{said}");
            assert_eq!((found_line, found_column), (line, column), "{said}");
        }
    }

    #[test]
    fn every_value_counts_for_the_digest_of_the_catalogue() {
        let digest = |token: &str| Catalogue::parse(&format!("{PRODUCT}{token}")).unwrap().digest();
        let ed = HMAC.replace("hmac-sha256", "ed25519");
        let mut all = Vec::from([
            digest(HMAC),
            digest(&ed),
            digest(&ed.replace("id = 1", &format!("id = 1, public = \"{PUBLIC}\""))),
            digest(&HMAC.replace("30_000", "60_000")),
            digest(&format!("{HMAC}back = 2")),
            digest(&format!("{HMAC}ahead = 2")),
            digest(&format!("{HMAC}optional = true")),
            digest(&format!("{HMAC}rescan = false")),
            digest(&HMAC.replace("id = 1", "id = 2")),
            digest(&HMAC.replace("id = 1", "id = 1, from = 2026-01-01T00:00:00Z")),
            digest(&HMAC.replace("id = 1", "id = 1, until = 2026-01-01T00:00:00Z")),
            Catalogue::parse(&PRODUCT.replace("[product.p.token]\n", "")).unwrap().digest(),
        ]);
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert_eq!(digest(HMAC), digest(&format!("{HMAC}back = 1\noptional = false\nrescan = true")));
    }

    proptest! {
        #[test]
        fn days_count_up_by_one_from_date_to_date(year in 1970_i64..=9999, month in 1_i64..=12) {
            let length = match month {
                2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            let first = days_since_1970(year, month, 1);
            prop_assert_eq!(days_since_1970(next_year, next, 1) - first, length);
            prop_assert_eq!(days_since_1970(year, month, length) - first, length - 1);
            prop_assert_eq!(days_since_1970(1970, 1, 1), 0);
        }
    }
}
