//! What is this text? `cargo run --release --example scan -- TEXT…`
//! And this picture? `cargo run --release --features image --example scan -- --image FILE`

#[cfg(feature = "image")]
#[path = "scan/picture.rs"]
mod picture;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use scrip::card::Catalogue;
use scrip::card::scan::{Candidate, Kind, Reading, Scan, Source, scan};
use serde::Serialize;
use std::borrow::Cow;
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

const HELP: &str = "\
scan: what texts from keyboards, bar codes, QR codes and pictures may be

usage: scan [options] TEXT…
       scan [options] --json -
       scan [options] [--json -] --image FILE

  TEXT            typed, pasted or scanned; \\x1d stands for the separator FNC1, \\\\ for \\
  --json -        reads one text per line from standard input, escaped in the same way, and
                  prints one JSON object per line; `at` counts bytes of the text unescaped,
                  `product` of a payment code is its scheme
  --image FILE    a picture of a card (PNG or JPEG): its codes, and its print if the program
                  tesseract is there; with --json - one object instead of standard input.
                  Needs the feature `image`: cargo run --features image --example scan
  --barcode, --qr, --ocr
                  where the texts come from, instead of from a keyboard
  --product NAME  the product that the texts are declared as
  --issuer NAME   the issuer in whose shops they were scanned
  --catalog FILE  the products (TOML; the shipped catalogue)
  --help          this text

Numbers are shown masked and secrets not at all.
";

const SHIPPED: &str = include_str!("data/catalogue.toml");

/// What the command line asks for.
struct Args {
    texts: Vec<String>,
    json: bool,
    help: bool,
    images: Vec<OsString>,
    source: Source,
    product: Option<String>,
    issuer: Option<String>,
    catalog: Option<OsString>,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        // Who reads the output may stop reading.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "scan: {error}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let args = parse(std::env::args_os().skip(1))?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.help || (args.texts.is_empty() && args.images.is_empty() && !args.json) {
        out.write_all(HELP.as_bytes())?;
        out.flush()?;
        return Ok(ExitCode::from(if args.help { 0 } else { 2 }));
    }
    let catalogue = match &args.catalog {
        None => Catalogue::parse(SHIPPED)?,
        Some(path) => {
            let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.to_string_lossy());
            let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
            Catalogue::parse(&text).map_err(|error| named(&error))?
        }
    };
    let mut code = ExitCode::SUCCESS;
    for image in &args.images {
        if !picture::show(&args, &catalogue, image, &mut out)? {
            code = ExitCode::from(1);
        }
    }
    if args.json && args.images.is_empty() {
        json(&args, &catalogue, &mut io::stdin().lock(), &mut out)?;
    }
    for text in &args.texts {
        person(&args, &catalogue, text, &mut out)?;
    }
    out.flush()?;
    Ok(code)
}

/// Pictures are behind a feature, for what reads them is large.
#[cfg(not(feature = "image"))]
mod picture {
    use super::{Args, Catalogue, Error, Write};

    pub(crate) fn show(
        _: &Args,
        _: &Catalogue,
        _: &std::ffi::OsStr,
        _: &mut dyn Write,
    ) -> Result<bool, Box<dyn Error>> {
        Err("--image needs the feature `image`: cargo run --release --features image --example scan -- --image FILE".into())
    }
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut all = Args {
        texts: Vec::new(),
        json: false,
        help: false,
        images: Vec::new(),
        source: Source::Typed,
        product: None,
        issuer: None,
        catalog: None,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => match parser.value()?.string()?.as_str() {
                "-" => all.json = true,
                _ => return Err("--json reads standard input: write --json -".into()),
            },
            Long("image") => all.images.push(parser.value()?),
            Long("barcode") => all.source = Source::Barcode,
            Long("qr") => all.source = Source::Qr,
            Long("ocr") => all.source = Source::Ocr,
            Long("product") => all.product = Some(parser.value()?.string()?),
            Long("issuer") => all.issuer = Some(parser.value()?.string()?),
            Long("catalog") => all.catalog = Some(parser.value()?),
            Long("help") | Short('h') => all.help = true,
            Value(text) => all.texts.push(text.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(all)
}

impl Args {
    fn scan<'a>(&'a self, text: &'a str) -> Scan<'a> {
        self.hint(Scan::new(self.source, text))
    }

    /// Adds what the command line says of the text.
    fn hint<'a>(&'a self, mut scan: Scan<'a>) -> Scan<'a> {
        if let Some(product) = &self.product {
            scan = scan.declared(product);
        }
        if let Some(issuer) = &self.issuer {
            scan = scan.issuer(issuer);
        }
        scan
    }
}

/// `\x1d` as the separator and `\\` as a backslash; any other backslash stands for itself, for
/// element strings escape brackets with it.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (c, len) = match escape.as_bytes() {
            [_, b'x', b'1', b'd' | b'D', ..] => ('\u{1d}', 4),
            [_, b'\\', ..] => ('\\', 2),
            _ => ('\\', 1),
        };
        out.push(c);
        rest = &escape[len..];
    }
    out + rest
}

/// One line of output.
#[derive(Serialize)]
struct Answer<'a> {
    input: Cow<'a, str>,
    candidates: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// One candidate as one product's.
#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    valid: bool,
    elements: Vec<(String, String)>,
    product: Option<String>,
    number_masked: Option<String>,
    repairs: Vec<String>,
    error: Option<String>,
    at: Option<usize>,
}

fn json(
    args: &Args,
    catalogue: &Catalogue,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), Box<dyn Error>> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        let input = String::from_utf8_lossy(&line);
        let (candidates, error) = match std::str::from_utf8(&line) {
            Err(error) => (Vec::new(), Some(format!("not UTF-8 (byte {})", error.valid_up_to()))),
            Ok(text) => match scan(&args.scan(&unescape(text)), catalogue) {
                Ok(found) => (found.iter().flat_map(shown).collect(), None),
                Err(error) => (Vec::new(), Some(error.to_string())),
            },
        };
        serde_json::to_writer(&mut *out, &Answer { input, candidates, error }).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        // Who asks line by line waits for each answer.
        out.flush()?;
    }
}

/// The candidate once for each product that it may be a card of, or once without any.
fn shown(candidate: &Candidate<'_>) -> Vec<Shown> {
    let elements = candidate.elements();
    let one = |product: Option<String>| Shown {
        kind: candidate.kind().name(),
        valid: candidate.is_valid(),
        elements: elements
            .map(|all| all.iter().map(|element| (element.ai.to_string(), element.value.into())).collect())
            .unwrap_or_default(),
        product,
        number_masked: candidate.number_masked(),
        repairs: candidate.repairs().iter().map(ToString::to_string).collect(),
        error: candidate.fault().map(ToString::to_string),
        at: candidate.at(),
    };
    match candidate.fits() {
        [] => vec![one(scheme(candidate))],
        fits => fits.iter().map(|fit| one(Some(fit.product.to_string()))).collect(),
    }
}

/// A payment code is of a scheme as a card is of a product; two schemes are two candidates.
fn scheme(candidate: &Candidate<'_>) -> Option<String> {
    match candidate.reading() {
        Reading::PaymentCode(scheme) => Some(format!("{scheme:?}").to_ascii_lowercase()),
        _ => None,
    }
}

fn person(args: &Args, catalogue: &Catalogue, text: &str, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let text = unescape(text);
    match scan(&args.scan(&text), catalogue) {
        Err(error) => writeln!(out, "{error}")?,
        Ok(found) if found.is_empty() => writeln!(out, "like nothing that is known")?,
        Ok(found) => {
            for (i, candidate) in found.iter().enumerate() {
                writeln!(out, "{}. {}", i + 1, heading(candidate))?;
                details(candidate, out)?;
            }
        }
    }
    Ok(())
}

fn heading(candidate: &Candidate<'_>) -> String {
    let kind = match candidate.kind() {
        Kind::Gs1 => "GS1 element string",
        Kind::DigitalLink => "GS1 Digital Link",
        Kind::Gtin => "trade item number",
        Kind::EmvMerchant => "EMVCo code of a merchant",
        Kind::EmvConsumer => "EMVCo code of a consumer",
        Kind::PaymentCode => "payment code",
        Kind::CardText => "card",
        Kind::Token => "dynamic token",
        _ => candidate.kind().name(),
    };
    let mut heading = String::from(kind);
    if let Reading::PaymentCode(scheme) = candidate.reading() {
        heading += &format!(" of {scheme:?}");
    }
    if let Some(gtin) = candidate.gtin() {
        heading += &format!(", GTIN {}", gtin.shortest());
    }
    if let Some(number) = candidate.number_masked() {
        heading += &format!(", number {number}");
    }
    if candidate.secret().is_some() {
        heading += ", with a secret";
    }
    if candidate.is_valid() { heading } else { heading + ", not valid" }
}

fn details(candidate: &Candidate<'_>, out: &mut dyn Write) -> io::Result<()> {
    if let Some(fault) = candidate.fault() {
        writeln!(out, "   wrong: {fault}")?;
    }
    for element in candidate.elements().into_iter().flat_map(|elements| elements.iter()) {
        let title = element.ai.entry().map_or("", |entry| entry.title());
        writeln!(out, "   ({}) {}  {title}", element.ai, element.value)?;
    }
    for fit in candidate.fits() {
        let why = match fit.proof {
            scrip::card::scan::Proof::Gtin => "by its trade item number",
            scrip::card::scan::Proof::CheckDigit => "by check digit, length and characters",
            scrip::card::scan::Proof::Prefix => "by beginning or characters, and length",
            scrip::card::scan::Proof::Length => "by its length only",
            _ => "as declared",
        };
        writeln!(out, "   may be {}: {why}", fit.product)?;
    }
    let checks: Vec<String> = candidate.checks().iter().map(ToString::to_string).collect();
    if !checks.is_empty() {
        writeln!(out, "   checked: {}", checks.join(", "))?;
    }
    for repair in candidate.repairs() {
        writeln!(out, "   changed: {repair}")?;
    }
    for note in candidate.notes() {
        writeln!(out, "   note: {note}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    fn answers(input: &[u8]) -> Vec<Json> {
        let args = parse([OsString::from("--json"), OsString::from("-")]).unwrap();
        let mut out = Vec::new();
        json(&args, &Catalogue::parse(SHIPPED).unwrap(), &mut &input[..], &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_line_gets_an_object_whatever_it_is() {
        let found = answers(b"(01)09521234543213(21)A\n\n\xff\xfe\n(01)09521234543214\r\nhello there");
        assert_eq!(found.len(), 5);
        assert_eq!(found[0]["input"], "(01)09521234543213(21)A");
        assert_eq!(
            found[0]["candidates"],
            serde_json::json!([{
                "kind": "gs1", "valid": true, "elements": [["01", "09521234543213"], ["21", "A"]],
                "product": null, "number_masked": null, "repairs": [], "error": null, "at": null,
            }])
        );
        assert_eq!(
            (&found[1]["error"], &found[2]["error"]),
            (&"nothing was scanned".into(), &"not UTF-8 (byte 0)".into())
        );
        let broken = &found[3]["candidates"][0];
        assert_eq!(
            (&broken["kind"], &broken["valid"], &broken["at"]),
            (&"gs1".into(), &false.into(), &17.into())
        );
        assert_eq!(found[4]["candidates"], serde_json::json!([]));
    }

    #[test]
    fn the_separator_is_escaped_and_brackets_keep_their_own_escape() {
        assert_eq!(unescape(r"]C121A\x1d10B\x1D"), "]C121A\u{1d}10B\u{1d}");
        assert_eq!(unescape(r"(10)A\(B\\x1d\"), r"(10)A\(B\x1d\");
        let found = answers(b"]C1010952123454321321ABC\\x1d10B\n");
        let elements = serde_json::json!([["01", "09521234543213"], ["21", "ABC"], ["10", "B"]]);
        assert_eq!(found[0]["candidates"][0]["elements"], elements);
    }

    #[test]
    fn the_schemes_of_a_payment_code_are_told_apart() {
        let found = answers(b"6212345678901234567\n");
        let products: Vec<_> =
            found[0]["candidates"].as_array().unwrap().iter().map(|c| &c["product"]).collect();
        assert_eq!(products, ["unionpay", "jd", "walmart-gift"]);
    }

    #[test]
    fn a_number_is_shown_masked_once_for_each_product() {
        let found = answers(b"6222021234567894,123456\n");
        let products: Vec<_> =
            found[0]["candidates"].as_array().unwrap().iter().map(|c| &c["product"]).collect();
        assert_eq!(products[0], "bank-prepaid");
        assert!(products.contains(&&"walmart-gift".into()));
        assert_eq!(found[0]["candidates"][0]["number_masked"], "************7894");
    }
}
