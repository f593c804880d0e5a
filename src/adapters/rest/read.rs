//! Reads a profile file. Every fault is gathered with its place.

use super::check;
use super::table::{Fault, Faults, Table, Word};
use super::template::{Name, Template};
use super::terms::{
    Clock, Encoding, Field, Op, RestTerms, Rule, Seal, SealCipher, Section, TermsError, Time, Unit, Verdict,
};
use crate::codec::form::Digits;
use crate::codec::json;
use crate::issuer::{Decline, OpKind};
use crate::money::Currency;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use toml::de::DeTable;

/// Every fault of a profile file, in the order of their places; none if it can be used.
///
/// ```
/// let faults = scrip::adapters::rest::lint("currency = \"RMB\"\nunits = \"minor\"\n");
/// let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
/// assert!(places.contains(&(1, 12)) && places.contains(&(2, 1)));
/// ```
pub fn lint(text: &str) -> Vec<TermsError> {
    parse(text).err().unwrap_or_default()
}

impl RestTerms {
    /// Reads and checks a profile file.
    ///
    /// # Errors
    /// [`TermsError`], the first fault with its place. [`lint`] gives all.
    pub fn parse(text: &str) -> Result<Self, TermsError> {
        let first = |faults: Vec<TermsError>| faults.into_iter().next().expect("a refusal has a fault");
        parse(text).map_err(first)
    }

    /// As [`RestTerms::parse`], of a table within a greater text.
    pub(in crate::adapters) fn read(table: &DeTable<'_>, at: usize) -> Result<Self, Vec<Fault>> {
        let faults = Faults::default();
        let terms = terms(Table::new(table, at, &faults));
        let faults = faults.sorted();
        terms.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

fn parse(text: &str) -> Result<RestTerms, Vec<TermsError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let syntax = errors.iter().map(|error| Fault {
        at: error.span().map_or(0, |span| span.start),
        what: error.message().to_string(),
    });
    let mut faults: Vec<Fault> = syntax.collect();
    match RestTerms::read(table.get_ref(), 0) {
        Ok(terms) if faults.is_empty() => return Ok(terms),
        Ok(_) => {}
        Err(more) => faults.extend(more),
    }
    faults.sort_by_key(|fault| fault.at);
    Err(faults.into_iter().map(|fault| placed(text, fault)).collect())
}

fn placed(text: &str, fault: Fault) -> TermsError {
    let (line, column) = crate::base::line_column(text, fault.at);
    TermsError { line, column, what: fault.what }
}

pub(super) const ENCODINGS: [(&str, Encoding); 2] = [("form", Encoding::Form), ("json", Encoding::Json)];
const UNITS: [(&str, Unit); 3] = [("minor", Unit::Minor), ("major", Unit::Major), ("whole", Unit::Whole)];
pub(super) const DIGITS: [(&str, Digits); 3] =
    [("hex_lower", Digits::HexLower), ("hex_upper", Digits::HexUpper), ("base64", Digits::Base64)];
const CLOCKS: [(&str, Clock); 4] = [
    ("seconds", Clock::Seconds),
    ("milliseconds", Clock::Milliseconds),
    ("datetime", Clock::Datetime),
    ("compact", Clock::Compact),
];
const CIPHERS: [(&str, SealCipher); 2] = [("aes_ecb", SealCipher::AesEcb), ("aes_gcm", SealCipher::AesGcm)];

/// A year in ms: no window is wider.
pub(super) const YEAR_MS: i64 = 31_536_000_000;

/// What templates may name, besides what their place allows.
pub(super) struct Known<'a> {
    pub(super) params: &'a BTreeMap<String, String>,
    pub(super) sealed: bool,
    /// Whether there is a session, and so a token.
    pub(super) session: bool,
}

impl Known<'_> {
    /// A template with the names that its place allows.
    pub(super) fn template(
        &self,
        table: &Table<'_>,
        word: Word<'_>,
        allowed: &dyn Fn(&Name) -> bool,
    ) -> Option<Template> {
        let template = Template::parse(word.text).map_err(|what| table.fault_at(word.at, what)).ok()?;
        let mut sound = true;
        for name in template.names() {
            let exists = match name {
                Name::Param(param) => self.params.contains_key(param),
                Name::SealedNumber | Name::SealedSecret => self.sealed,
                Name::Token => self.session,
                _ => true,
            };
            if !exists || !allowed(name) {
                table.fault_at(word.at, format!("`{{{}}}` stands for nothing here", name.text()));
                sound = false;
            }
        }
        Some(template).filter(|_| sound)
    }

    pub(super) fn fields(
        &self,
        table: &mut Table<'_>,
        name: &str,
        encoding: Encoding,
        allowed: &dyn Fn(&Name) -> bool,
    ) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for (name, value) in table.pairs(name) {
            pointer(table, name, encoding);
            if let Some(template) = self.template(table, value, allowed) {
                fields.push((name.text.to_string(), template));
            }
        }
        fields
    }

    /// The path of a request.
    pub(super) fn path(&self, table: &mut Table<'_>) -> Option<Template> {
        let word = table.needed("path")?;
        let plain = word.text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#');
        if !word.text.starts_with('/') || !plain {
            let what = "path: `/` and visible ASCII characters without `?` and `#` are expected";
            table.fault_at(word.at, what);
        }
        self.template(table, word, &open_names)
    }

    pub(super) fn headers(&self, table: &mut Table<'_>, allowed: &dyn Fn(&Name) -> bool) -> Vec<Field> {
        let mut headers = Vec::new();
        for (name, value) in table.pairs("headers") {
            if !is_token(name.text) {
                table.fault_at(name.at, format!("`{}` is no name of a header in lower case", name.text));
            }
            if let Some(template) = self.template(table, value, allowed) {
                headers.push((name.text.to_string(), template));
            }
        }
        headers
    }
}

/// What a request may say besides the card and keys.
fn open_names(name: &Name) -> bool {
    use Name::{Amount, Attempt, Currency, Nonce, Param, Product, Reference, Timestamp};
    matches!(name, Reference | Product | Amount | Currency | Attempt | Timestamp | Nonce | Param(_))
}

fn request_names(name: &Name) -> bool {
    open_names(name) || name.is_card() || matches!(name, Name::Key(_) | Name::Token)
}

/// The lines of a request are not logged by any transport of ours; those of others are told so.
fn header_names(name: &Name) -> bool {
    open_names(name) || *name == Name::Token
}

fn answer_names(name: &Name) -> bool {
    use Name::{Amount, Currency, Generation, IssuerReference, Number, Reference};
    matches!(name, Reference | IssuerReference | Amount | Currency | Number | Generation)
        || answer_head_names(name)
}

fn answer_head_names(name: &Name) -> bool {
    matches!(name, Name::Timestamp | Name::Nonce | Name::Param(_))
}

/// A name of a header (RFC 9110, section 5.1) in lower case.
pub(super) fn is_token(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.bytes().all(plain)
}

pub(super) fn pointer(table: &Table<'_>, name: Word<'_>, encoding: Encoding) {
    let text = name.text.strip_prefix("{root}").unwrap_or(name.text);
    if encoding == Encoding::Json && !json::is_pointer(text) {
        table.fault_at(name.at, format!("`{}` is no JSON pointer", name.text));
    }
    if encoding == Encoding::Form && name.text.is_empty() {
        table.fault_at(name.at, "a field's name is expected");
    }
}

/// The whole file.
fn terms(mut table: Table<'_>) -> Option<RestTerms> {
    let currency = table.needed("currency").and_then(|word| {
        let found = word.text.parse::<Currency>();
        found.map_err(|_| table.fault_at(word.at, "currency: a code of ISO 4217 is expected")).ok()
    });
    let unit = table.one_of("unit", &UNITS).unwrap_or(Unit::Minor);
    let encoding = needed_encoding(&mut table);
    let bare = texts(&mut table, "bare");
    let time = read_time(&mut table);
    let seal = read_seal(&mut table);
    let params: BTreeMap<String, String> = table
        .pairs("params")
        .into_iter()
        .map(|(name, value)| (name.text.to_string(), value.text.to_string()))
        .collect();
    let session = table.table("session");
    let known = Known { params: &params, sealed: seal.is_some(), session: session.is_some() };
    let headers = known.headers(&mut table, &header_names);
    let sign = table.table("sign").and_then(|sign| super::read_sign::sign(sign, &known, encoding, true));
    let ops = read_ops(&mut table, &known, encoding);
    let answer = match table.table("answer") {
        Some(answer) => section(answer, &known, encoding, unit, false),
        None => {
            table.missing("answer");
            None
        }
    };
    let answers = answer.as_ref().map_or(encoding, |answer| answer.encoding);
    let session = session.map(|session| super::read_session::session(session, &known, encoding, answers));
    let callback = table.table("callback");
    let callback = callback.map(|callback| section(callback, &known, encoding, unit, true));
    let (faults, at) = (table.faults(), table.at);
    table.finish();
    let callback = match callback {
        Some(callback) => Some(callback?),
        None => None,
    };
    let session = match session {
        Some(session) => Some(session?),
        None => None,
    };
    let terms = RestTerms {
        currency: currency?,
        unit,
        encoding,
        bare,
        time,
        seal,
        params,
        headers,
        sign,
        ops,
        answer: answer?,
        callback,
        session,
    };
    check::terms(&terms, at, faults);
    Some(terms)
}

fn needed_encoding(table: &mut Table<'_>) -> Encoding {
    if table.names().iter().all(|name| name.text != "encoding") {
        table.missing("encoding");
    }
    table.one_of("encoding", &ENCODINGS).unwrap_or(Encoding::Json)
}

fn texts(table: &mut Table<'_>, name: &str) -> Vec<String> {
    let words = table.texts(name).unwrap_or_default();
    words.into_iter().map(|word| word.text.to_string()).collect()
}

fn read_time(table: &mut Table<'_>) -> Time {
    let usual = Time { clock: Clock::Seconds, utc_offset_min: 480, window_ms: 0 };
    let Some(mut time) = table.table("time") else { return usual };
    let clock = time.one_of("format", &CLOCKS).unwrap_or(usual.clock);
    let offset = time.number("utc_offset_min", -720..=840);
    let window_ms = time.number("window_ms", 0..=YEAR_MS).unwrap_or(0);
    time.finish();
    let offset = offset.and_then(|minutes| i32::try_from(minutes).ok());
    Time { clock, utc_offset_min: offset.unwrap_or(usual.utc_offset_min), window_ms }
}

fn read_seal(table: &mut Table<'_>) -> Option<Seal> {
    let mut seal = table.table("seal")?;
    if seal.names().iter().all(|name| name.text != "cipher") {
        seal.missing("cipher");
    }
    let cipher = seal.one_of("cipher", &CIPHERS);
    let key = seal.text("key").map_or("seal", |word| word.text).to_string();
    let digits = seal.one_of("digits", &DIGITS).unwrap_or_default();
    seal.finish();
    // A wrong cipher is a fault already; its names still stand for something.
    Some(Seal { cipher: cipher.unwrap_or(SealCipher::AesGcm), key, digits })
}

pub(super) fn kind_of(table: &Table<'_>, word: Word<'_>) -> Option<OpKind> {
    let kind = OpKind::from_name(word.text);
    let kind = kind.filter(|kind| !matches!(kind, OpKind::Pay | OpKind::PayQuery | OpKind::SignIn));
    if kind.is_none() {
        table.fault_at(word.at, format!("`{}` is no operation", word.text));
    }
    kind
}

fn read_ops(table: &mut Table<'_>, known: &Known<'_>, encoding: Encoding) -> BTreeMap<OpKind, Op> {
    let with_inner = |name: &Name| request_names(name) || matches!(name, Name::Inner | Name::InnerBase64);
    let common = known.fields(table, "fields", encoding, &with_inner);
    let inner = known.fields(table, "inner", Encoding::Json, &request_names);
    let mut ops = BTreeMap::new();
    let Some(mut all) = table.table("op") else {
        table.missing("op");
        return ops;
    };
    for name in all.names() {
        let (Some(kind), Some(mut op)) = (kind_of(&all, name), all.table(name.text)) else { continue };
        let get = op.one_of("method", &[("GET", true), ("POST", false)]).unwrap_or(false);
        let allowed = |name: &Name| if get { open_names(name) } else { with_inner(name) };
        let path = known.path(&mut op);
        let root = op.text("root");
        if let Some(root) = root.filter(|root| !json::is_pointer(root.text)) {
            op.fault_at(root.at, "root: a JSON pointer is expected");
        }
        // The fields of a query string are named, whatever the body would be.
        let form = if get { Encoding::Form } else { encoding };
        let own = known.fields(&mut op, "fields", form, &allowed);
        let fields = over(&common, own);
        let inner = over(&inner, known.fields(&mut op, "inner", Encoding::Json, &request_names));
        let made = Op {
            get,
            path: path.unwrap_or_default(),
            root: root.map_or("", |root| root.text).to_string(),
            fields,
            inner,
        };
        check::op(kind, &made, &op, encoding);
        op.finish();
        ops.insert(kind, made);
    }
    ops
}

/// The common fields with those of the operation in their place.
fn over(common: &[Field], own: Vec<Field>) -> Vec<Field> {
    let mut fields: Vec<Field> = common.to_vec();
    fields.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    fields.extend(own);
    fields
}

fn section(
    mut table: Table<'_>,
    known: &Known<'_>,
    encoding: Encoding,
    unit: Unit,
    callback: bool,
) -> Option<Section> {
    let encoding = table.one_of("encoding", &ENCODINGS).unwrap_or(encoding);
    let unit = table.one_of("unit", &UNITS).unwrap_or(unit);
    let path = if callback { table.text("path") } else { None };
    let ack = if callback { table.text("ack") } else { None };
    let assume_amount = !callback && table.flag("assume_amount");
    let fields = known.fields(&mut table, "fields", encoding, &answer_names);
    let headers = known.headers(&mut table, &answer_head_names);
    let bare = texts(&mut table, "bare");
    let window_ms = table.number("window_ms", 0..=YEAR_MS).unwrap_or(0);
    let sign = table.table("sign");
    let (signs, sign_at) = (sign.is_some(), sign.as_ref().map_or(table.at, |sign| sign.at));
    let sign = sign.and_then(|sign| super::read_sign::sign(sign, known, encoding, false));
    let rules = table.tables("rule");
    if rules.is_empty() {
        table.fault("a `rule` is expected: without one every answer is unknown");
    }
    let rules: Vec<_> = rules.into_iter().filter_map(|rule| read_rule(rule, encoding, callback)).collect();
    let made = Section {
        path: path.map_or("/callback", |path| path.text).to_string(),
        encoding,
        unit,
        fields,
        headers,
        bare,
        window_ms,
        assume_amount,
        sign,
        ack: ack.map_or("ok", |ack| ack.text).to_string(),
        rules,
    };
    check::section(&made, &table, callback, signs, sign_at);
    table.finish();
    Some(made)
}

/// The fields that an answer is recognised by, each with its values.
pub(super) fn conditions(table: &mut Table<'_>, encoding: Encoding) -> Vec<(String, Vec<String>)> {
    let mut when = Vec::new();
    for (name, values) in table.lists("when") {
        pointer(table, name, encoding);
        if values.is_empty() {
            table.fault_at(name.at, "when: a value is expected");
        }
        when.push((name.text.to_string(), values.iter().map(|word| word.text.to_string()).collect()));
    }
    when
}

fn read_rule(mut table: Table<'_>, encoding: Encoding, callback: bool) -> Option<Rule> {
    let when = conditions(&mut table, encoding);
    if when.is_empty() {
        table.fault("a rule needs a field to go by in `when`");
    }
    let http = if callback { None } else { table.texts("http") };
    let ops = if callback { None } else { table.texts("ops") };
    let outcome = table.needed("outcome");
    let reason = table.text("reason");
    let verdict = outcome.and_then(|outcome| verdict(&table, outcome, reason));
    for word in http.iter().flatten() {
        let status = word.text.parse::<u16>().ok().filter(|_| word.text.len() == 3);
        match (status, verdict) {
            (None, _) => table.fault_at(word.at, "http: a status of three digits is expected"),
            (Some(500..), Some(verdict)) if !matches!(verdict, Verdict::Pending | Verdict::Unsure) => {
                table.fault_at(word.at, "http: a server's error says nothing; only pending or unsure");
            }
            _ => {}
        }
    }
    let ops = match (ops, verdict) {
        (Some(ops), Some(verdict)) => check::ops(&table, &ops, verdict),
        (_, Some(verdict)) if !callback => verdict.usual().to_vec(),
        _ => Vec::new(),
    };
    if let (true, Some(verdict), Some(word)) = (callback, verdict, outcome) {
        if !verdict.sensible().contains(&OpKind::Query) && verdict != Verdict::Unsure {
            table.fault_at(word.at, format!("`{}` is nothing that a callback says", word.text));
        }
    }
    table.finish();
    let http = http.map(|http| http.into_iter().map(|word| word.text.to_string()).collect());
    Some(Rule { when, http: http.unwrap_or_else(|| ["200".to_string()].into()), ops, verdict: verdict? })
}

fn verdict(table: &Table<'_>, outcome: Word<'_>, reason: Option<Word<'_>>) -> Option<Verdict> {
    if (outcome.text == "declined") != reason.is_some() {
        table.fault_at(outcome.at, "`reason` is expected with outcome = \"declined\", and only there");
    }
    Some(match outcome.text {
        "accepted" => Verdict::Accepted,
        "partial" => Verdict::Partial,
        "pending" => Verdict::Pending,
        "declined" => {
            let reason = reason?;
            let decline = Decline::from_reason(reason.text);
            if decline.is_none() {
                table.fault_at(reason.at, format!("`{}` is no reason of a decline", reason.text));
            }
            Verdict::Declined(decline?)
        }
        "not_found" => Verdict::NotFound,
        "duplicate" => Verdict::Duplicate,
        "reversed" => Verdict::Reversed,
        "reversal_unconfirmed" => Verdict::ReversalUnconfirmed,
        "reversal_refused" => Verdict::ReversalRefused,
        "unsure" => Verdict::Unsure,
        other => {
            table.fault_at(outcome.at, format!("`{other}` is no outcome"));
            return None;
        }
    })
}
