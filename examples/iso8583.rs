//! Takes ISO 8583 messages apart and puts them together:
//! `cargo run --release --example iso8583 -- describe --encoding bcd`.

use lexopt::prelude::{Long, Short, Value, ValueExt};
use scrip::adapters::bank::{Dialect, Reading};
use scrip::codec::iso8583::{Class, Frame, Iso8583Error, Message, Mti, Spec};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Read, Write};
use std::process::ExitCode;

const HELP: &str = "\
iso8583: takes ISO 8583 messages apart and puts them together

usage: iso8583 describe --encoding ascii|bcd [options]   messages in, JSON out
       iso8583 build    --encoding ascii|bcd [options]   JSON in, messages out

  Messages stand one to a line, in hexadecimal digits, on standard input or output. `describe`
  prints one JSON object for each: {\"mti\": \"0200\", \"fields\": {\"2\": \"...\"}}, binary fields in
  hexadecimal digits; where a profile has them, \"tpdu\" and \"header\" too. `build` takes such objects.
  To a terminal `describe` prints a table instead.

  Every line is answered by a line, and the status is 0. One that cannot be read is answered with
  {\"error\": \"...\", \"field\": 2, \"at\": 10}: `at` counts bytes from 0, in `describe` those of the
  message; in `build` those of the field's text, or of the line where no field is named.

  --encoding ascii   all in ASCII, bitmaps and binary fields as hexadecimal digits
  --encoding bcd     type, numeric fields and lengths packed as UnionPay does, bitmaps and binary
                     fields as bytes
  --profile FILE     what is different in this dialect (TOML): [frame] with length, counts_itself,
                     tpdu, header; [field.N] with name, class, size, max, form, pad, fill, count;
                     mti, lengths, bitmaps. examples/data/unionpay-pos.toml is one, and
                     Spec::with_profile tells every key
  --dialect NAME     whose response codes: iso8583_1987 (of ascii), iso8583_1993, unionpay_pos
                     (of bcd), unionpay_acp
  --table, --json    the one or the other, wherever it goes
  --help             this text

The table masks card numbers, tracks, PINs and what may hold them. JSON does not, for `build` must
give back the message: do not feed it with messages of live cards.
";

/// What the command line asks for.
struct Args {
    build: bool,
    spec: Spec,
    dialect: Dialect,
    table: Option<bool>,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        // Who reads the output may stop reading.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "iso8583: {error}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let Some(args) = parse(std::env::args_os().skip(1))? else {
        io::stdout().lock().write_all(HELP.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    let table = args.table.unwrap_or_else(|| io::stdout().is_terminal()) && !args.build;
    let mut out = BufWriter::new(io::stdout().lock());
    lines(io::stdin().lock(), &mut out, |line, out| match (args.build, table) {
        (true, _) => build(&args.spec, line, out),
        (false, true) => show(&args, line, out),
        (false, false) => describe(&args.spec, line, out),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Args>, Box<dyn Error>> {
    let mut parser = lexopt::Parser::from_args(args);
    let (mut command, mut encoding, mut profile, mut dialect, mut table) = (None, None, None, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("encoding") => encoding = Some(parser.value()?.string()?),
            Long("profile") => profile = Some(parser.value()?),
            Long("dialect") => dialect = Some(parser.value()?.string()?),
            Long("table") => table = Some(true),
            Long("json") => table = Some(false),
            Long("help") | Short('h') => return Ok(None),
            Value(value) if command.is_none() => command = Some(value.string()?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    let build = match command.as_deref() {
        Some("describe") => false,
        Some("build") => true,
        _ => return Err("describe or build is expected (--help tells more)".into()),
    };
    let (spec, usual) = match encoding.as_deref() {
        Some("ascii") => (Spec::ascii(), Dialect::Iso1987),
        Some("bcd") => (Spec::bcd(), Dialect::UnionpayPos),
        _ => return Err("--encoding ascii or --encoding bcd is expected".into()),
    };
    let spec = match profile {
        None => spec,
        Some(path) => {
            let named = |error: &dyn fmt::Display| format!("{}: {error}", path.to_string_lossy());
            let text = std::fs::read_to_string(&path).map_err(|error| named(&error))?;
            spec.with_profile(&text).map_err(|error| named(&error))?
        }
    };
    let dialect = match dialect {
        None => usual,
        Some(name) => Dialect::from_name(&name).ok_or_else(|| {
            let names: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
            format!("--dialect {name} is not known: {} are", names.join(", "))
        })?,
    };
    Ok(Some(Args { build, spec, dialect, table }))
}

/// Hands every line to `each`, without its end; a mark of UTF-8 before the first is none of it.
fn lines(
    input: impl Read,
    out: &mut dyn Write,
    each: impl Fn(&[u8], &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut line, mut mark) = (Vec::new(), Some(b"\xEF\xBB\xBF"));
    loop {
        // Who asks line by line waits for each answer.
        if !input.buffer().contains(&b'\n') {
            out.flush()?;
        }
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return out.flush();
        }
        let text = mark.take().and_then(|mark| line.strip_prefix(mark)).unwrap_or(&line);
        each(text.trim_ascii_end(), out)?;
    }
}

/// Why a line gave nothing.
#[derive(Serialize)]
struct Failure {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<u8>,
    at: usize,
}

impl Failure {
    fn new(error: impl Into<String>, at: usize) -> Self {
        Self { error: error.into(), field: None, at }
    }
}

impl From<Iso8583Error> for Failure {
    fn from(error: Iso8583Error) -> Self {
        Self { error: error.to_string(), field: error.field(), at: error.at() }
    }
}

/// One message as JSON.
#[derive(Serialize)]
struct Described {
    #[serde(skip_serializing_if = "Option::is_none")]
    tpdu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    mti: String,
    fields: Fields,
}

/// Fields by number, in their order.
struct Fields(Vec<(u8, String)>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (number, value) in &self.0 {
            map.serialize_entry(&number.to_string(), value)?;
        }
        map.end()
    }
}

/// A message to be built.
struct Draft {
    tpdu: Option<Vec<u8>>,
    header: Option<Vec<u8>>,
    mti: Mti,
    /// By number; that they are texts is not sure yet.
    fields: BTreeMap<u8, Json>,
}

/// Reads a [`Draft`] that fits this frame.
struct DraftFor<'s>(&'s Frame);

impl<'de> Visitor<'de> for DraftFor<'_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `mti` and `fields`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft, A::Error> {
        let (mut tpdu, mut header, mut mti, mut fields) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let twice = match key.as_str() {
                "tpdu" => tpdu.is_some(),
                "header" => header.is_some(),
                "mti" => mti.is_some(),
                "fields" => fields.is_some(),
                _ => return Err(A::Error::custom(format!("`{key}` is not known here"))),
            };
            if twice {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            match key.as_str() {
                "tpdu" => {
                    let len = if self.0.tpdu { Frame::TPDU } else { 0 };
                    tpdu = Some(bytes_of(map.next_value()?, "tpdu", len)?);
                }
                "header" => {
                    header = Some(bytes_of(map.next_value()?, "header", usize::from(self.0.header))?);
                }
                "mti" => mti = Some(mti_of(&map.next_value::<String>()?)?),
                _ => fields = Some(map.next_value_seed(NumberedFields)?),
            }
        }
        let missing = |key: &str| A::Error::custom(format!("`{key}` is missing"));
        Ok(Draft {
            tpdu: tpdu.flatten(),
            header: header.flatten(),
            mti: mti.ok_or_else(|| missing("mti"))?,
            fields: fields.ok_or_else(|| missing("fields"))?,
        })
    }
}

fn bytes_of<E: serde::de::Error>(text: Option<String>, what: &str, len: usize) -> Result<Option<Vec<u8>>, E> {
    let Some(text) = text else { return Ok(None) };
    let bytes = unhex(text.as_bytes()).ok().filter(|bytes| bytes.len() == len);
    let expected = || match len {
        0 => format!("{what}: the profile has none"),
        _ => format!("{what}: {} hexadecimal digits are expected", 2 * len),
    };
    bytes.map(Some).ok_or_else(|| E::custom(expected()))
}

fn mti_of<E: serde::de::Error>(text: &str) -> Result<Mti, E> {
    let digits = Some(text).filter(|text| text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit()));
    let mti = digits.and_then(|digits| digits.parse().ok()).and_then(Mti::new);
    mti.ok_or_else(|| E::custom("mti: four digits are expected"))
}

/// Reads fields by their number.
struct NumberedFields;

impl<'de> DeserializeSeed<'de> for NumberedFields {
    type Value = BTreeMap<u8, Json>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NumberedFields {
    type Value = BTreeMap<u8, Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts by field number, 2 to 128")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            // Nothing but the digits: not `+3`, nor `03` beside `3`.
            let number = key.parse().ok().filter(|number: &u8| number.to_string() == key);
            let number = number.filter(|number| (2..=128).contains(number));
            let number = number.ok_or_else(|| A::Error::custom(format!("no field `{key}`: 2 to 128 are")))?;
            if fields.contains_key(&number) {
                return Err(A::Error::custom(format!("field {number} is there twice")));
            }
            fields.insert(number, map.next_value()?);
        }
        Ok(fields)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn unhex(text: &[u8]) -> Result<Vec<u8>, Failure> {
    let value = |place: usize| {
        let Some(digit) = text.get(place) else {
            return Err(Failure::new("needs an even number of hexadecimal digits", place / 2));
        };
        let value = char::from(*digit).to_digit(16);
        value.ok_or_else(|| Failure::new("needs a hexadecimal digit", place / 2))
    };
    let byte = |at: usize| Ok((value(2 * at)? * 16 + value(2 * at + 1)?) as u8);
    (0..text.len().div_ceil(2)).map(byte).collect()
}

fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn described(message: &Message<'_>) -> Described {
    Described {
        tpdu: message.tpdu().map(|tpdu| hex(&tpdu)),
        header: Some(hex(message.header())).filter(|header| !header.is_empty()),
        mti: message.mti().to_string(),
        fields: Fields(message.fields().map(|(number, value)| (number, value.to_text())).collect()),
    }
}

fn describe(spec: &Spec, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let read = unhex(line.trim_ascii_start()).and_then(|bytes| Ok(described(&spec.read(&bytes)?)));
    match read {
        Ok(described) => json(out, &described),
        Err(failure) => json(out, &failure),
    }
}

fn build(spec: &Spec, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    match built(spec, line) {
        Ok(bytes) => writeln!(out, "{}", hex(&bytes).to_ascii_lowercase()),
        Err(failure) => json(out, &failure),
    }
}

fn built(spec: &Spec, line: &[u8]) -> Result<Vec<u8>, Failure> {
    let draft = drafted(spec.frame(), line).map_err(|error| {
        let (text, at) = (error.to_string(), error.column().saturating_sub(1));
        // Lines are counted within what was read, which is one.
        Failure::new(text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what), at)
    })?;
    let mut out = Vec::new();
    let tpdu = draft.tpdu.and_then(|tpdu| tpdu.try_into().ok()).unwrap_or_default();
    let mut message = spec.write(draft.mti, &mut out).framed(tpdu, &draft.header.unwrap_or_default());
    for (number, value) in &draft.fields {
        // What stands there instead may be a card's number, and is not told.
        let text = value.as_str().ok_or_else(|| Failure {
            field: Some(*number),
            ..Failure::new(format!("field {number}: a text is expected"), 0)
        })?;
        message.text(*number, text)?;
    }
    message.finish()?;
    Ok(out)
}

fn drafted(frame: &Frame, line: &[u8]) -> Result<Draft, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    let draft = reader.deserialize_any(DraftFor(frame))?;
    reader.end()?;
    Ok(draft)
}

/// A table for people.
fn show(args: &Args, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let bytes = match unhex(line.trim_ascii_start()) {
        Ok(bytes) => bytes,
        Err(failure) => return writeln!(out, "{} (byte {})\n", failure.error, failure.at),
    };
    let message = match args.spec.read(&bytes) {
        Ok(message) => message,
        Err(error) => return writeln!(out, "{error}\n"),
    };
    writeln!(out, "{} {}", message.mti(), kind(message.mti()))?;
    if let Some(tpdu) = message.tpdu() {
        writeln!(out, "     TPDU {}", hex(&tpdu))?;
    }
    if !message.header().is_empty() {
        writeln!(out, "     header {}", hex(message.header()))?;
    }
    for (number, value) in message.fields() {
        let class = value.field().class;
        let text = masked(number, class, &value.to_text());
        writeln!(out, "{number:>4} {:<44} {:<4} {text}", value.field().name, class.name())?;
        if number == 39 {
            writeln!(out, "     = {}", meaning(args.dialect, &value.to_text()))?;
        }
    }
    writeln!(out)
}

fn kind(mti: Mti) -> &'static str {
    match mti.number() / 10 % 100 * 10 {
        100 => "authorisation request",
        110 => "authorisation answer",
        200 => "financial request",
        210 => "financial answer",
        220 => "financial advice",
        230 => "answer to a financial advice",
        400 => "reversal request",
        410 => "reversal answer",
        420 => "reversal advice",
        430 => "answer to a reversal advice",
        500 => "reconciliation request",
        510 => "reconciliation answer",
        800 => "network management request",
        810 => "network management answer",
        820 => "network management advice",
        830 => "answer to a network management advice",
        _ => "",
    }
}

fn meaning(dialect: Dialect, code: &str) -> String {
    let Some(response) = dialect.response(code) else {
        return format!("not of {}: outcome unknown", dialect.name());
    };
    let follows = match response.reading {
        Reading::Approved => "approved".into(),
        Reading::Partial => "approved in part".into(),
        Reading::Pending => "the answer will come".into(),
        Reading::Declined(decline) => format!("declined: {}", decline.reason()),
        Reading::Ours(advice) => format!("refused for our configuration: {advice}"),
        Reading::Duplicate => "done before: query the original".into(),
        Reading::NotFound => "no such transaction".into(),
        Reading::Unsure => "outcome unknown".into(),
    };
    format!("{} ({}; {follows})", response.meaning, dialect.name())
}

/// Six digits and four of a card number; nothing of what may hold more than that.
fn masked(number: u8, class: Class, text: &str) -> String {
    match number {
        2 | 34 if text.len() > 10 => {
            format!("{}{}{}", &text[..6], "*".repeat(text.len() - 10), &text[text.len() - 4..])
        }
        2 | 14 | 34..=36 | 45 | 52 | 102 | 103 => "*".repeat(text.len()),
        // Chip data hold the number and the track; the private fields may hold anything.
        48 | 55 | 57..=63 | 120..=127 if class == Class::B => format!("({} bytes)", text.len() / 2),
        46..=48 | 55..=63 | 105..=127 => format!("({} characters)", text.len()),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn args(line: &str) -> Args {
        parse(line.split(' ').map(OsString::from)).unwrap().unwrap()
    }

    fn output(line: &str, input: &str) -> String {
        let args = args(line);
        let mut out = Vec::new();
        let each = |line: &[u8], out: &mut dyn Write| match (args.build, args.table) {
            (true, _) => build(&args.spec, line, out),
            (_, Some(true)) => show(&args, line, out),
            _ => describe(&args.spec, line, out),
        };
        lines(input.as_bytes(), &mut out, each).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn answers(line: &str, input: &str) -> Vec<Json> {
        output(line, input).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    const BCD: &str = "021040000000020010001962220212345678941230353531350123456789ABCDEF";

    #[test]
    fn what_is_described_is_built_again() {
        let bcd = "02104000000002001000196222021234567894123035350123456789ABCDEF";
        let seen = output("describe --encoding bcd", &format!("{bcd}\n"));
        let expected = json!({"mti": "0210", "fields": {
            "2": "6222021234567894123", "39": "55", "52": "0123456789ABCDEF"}});
        assert_eq!(serde_json::from_str::<Json>(&seen).unwrap(), expected);
        assert!(seen.find("\"2\"") < seen.find("\"39\""), "in the order of the fields: {seen}");
        assert_eq!(output("build --encoding bcd", &seen), format!("{}\n", bcd.to_ascii_lowercase()));
        let ascii = output("build --encoding ascii", &seen);
        let again = output("describe --encoding ascii", &ascii);
        assert_eq!(again, seen);
    }

    #[test]
    fn every_line_gets_an_object_whatever_it_is() {
        let found = answers("describe --encoding bcd", &format!("\n02\nXY\n{BCD}\n020\n"));
        assert_eq!(found.len(), 5);
        let places: Vec<_> = found.iter().map(|answer| answer["at"].as_u64().unwrap()).collect();
        assert_eq!(places, [0, 1, 0, 31, 1]);
        assert!(found.iter().all(|answer| answer["error"].is_string()));
        let wrong = [
            r#"{"mti":"200","fields":{}}"#,
            r#"{"mti":"0200","fields":{"1":""}}"#,
            r#"{"mti":"0200","fields":{"3":"000000","3":"000000"}}"#,
            r#"{"mti":"0200","fields":{"3":"00000X"}}"#,
            r#"{"mti":"0200","field":{}}"#,
            "{",
        ];
        let found = answers("build --encoding ascii", &wrong.join("\n"));
        assert_eq!(found.len(), wrong.len());
        assert!(found.iter().all(|answer| answer["error"].is_string() && answer["at"].is_u64()));
        assert_eq!((&found[3]["field"], &found[3]["at"]), (&json!(3), &json!(5)));
    }

    #[test]
    fn what_is_no_message_is_refused_at_its_place_and_in_words_of_the_message() {
        let wrong = [
            (r#"["6000010002",null,"0200",{"2":"1"}]"#, 0),
            (r#"{"mti":"0200","fields":{"+3":"000000"}}"#, 27),
            (r#"{"mti":"0200","fields":{"03":"000000"}}"#, 27),
            (r#"{"mti":"0200","fields":{"3":"000000","3":"000000"}}"#, 39),
            (r#"{"mti":"+200","fields":{}}"#, 12),
            (r#"  {"mti":"0200","mti":"0210","fields":{}}"#, 20),
            (r#"{"mti":"0200","fields":{},"x":1}"#, 28),
            (r#"{"mti":"0200","fields":{"2":6222021234567894}}"#, 0),
            (r#"{"mti":"0200","fields":{},"tpdu":"6000010002"}"#, 45),
            (r#"{"mti":"0200","fields":{}} {}"#, 27),
            ("", 0),
        ];
        let lines: Vec<_> = wrong.iter().map(|(line, _)| *line).collect();
        let found = answers("build --encoding bcd", &(lines.join("\n") + "\n"));
        assert_eq!(found.len(), wrong.len());
        for ((line, at), answer) in wrong.iter().zip(&found) {
            let error = answer["error"].as_str().unwrap();
            assert_eq!(answer["at"], *at, "{line}: {error}");
            assert!(
                !error.contains("6222021234567894") && !error.contains("line 1") && !error.contains("struct"),
                "{line}: {error}"
            );
        }
    }

    #[test]
    fn a_mark_of_utf_8_and_the_ends_of_other_systems_lines_are_no_part_of_a_message() {
        let message = "02104000000002001000196222021234567894123035350123456789ABCDEF";
        let lines = format!("\u{feff}{message}\r\n\u{feff}{message}\r\n  {message}");
        let found = answers("describe --encoding bcd", &lines);
        assert_eq!((found.len(), &found[0]["mti"]), (3, &json!("0210")));
        assert_eq!((&found[1]["at"], &found[2]["mti"]), (&json!(0), &json!("0210")));
    }

    #[test]
    fn people_see_names_and_meanings_and_no_card() {
        let bcd = "02104000000002001000196222021234567894123035350123456789ABCDEF";
        let shown = output("describe --encoding bcd --table", bcd);
        assert!(shown.contains("0210 financial answer") && shown.contains("622202*********4123"), "{shown}");
        assert!(shown.contains("incorrect PIN (unionpay_pos; declined: wrong_secret)"), "{shown}");
        assert!(!shown.contains("6222021234567894123") && !shown.contains("0123456789ABCDEF"));
        let acp = output("describe --encoding bcd --table --dialect unionpay_acp", bcd);
        assert!(acp.contains("not of unionpay_acp: outcome unknown"), "{acp}");
    }

    #[test]
    fn a_frame_is_carried_both_ways() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[frame]\nlength = \"binary2\"\ntpdu = true\nheader = 6\n").unwrap();
        let options = format!("--encoding bcd --profile {}", file.path().display());
        let message = "00186000010002613100000000080000200000000000000000 01".replace(' ', "");
        let seen = output(&format!("describe {options}"), &message);
        assert!(seen.contains(r#""tpdu":"6000010002","header":"613100000000""#), "{seen}");
        assert_eq!(output(&format!("build {options}"), &seen), format!("{message}\n"));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for line in [
            "",
            "describe",
            "describe --encoding x",
            "tell --encoding bcd",
            "build --encoding bcd --dialect x",
        ] {
            let args = line.split(' ').filter(|word| !word.is_empty()).map(OsString::from);
            assert!(parse(args).is_err(), "{line}");
        }
        assert!(parse([OsString::from("--help")]).unwrap().is_none());
    }
}
