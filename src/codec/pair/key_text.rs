//! Keys as texts: PEM (RFC 7468), Base64, hexadecimal digits, and DER as it is.

use super::der::SEQUENCE;
use super::{KeyPlace, KeySide, PairError};
use crate::codec::form::Digits;
use alloc::string::String;
use alloc::vec::Vec;
use base64ct::{Base64, Base64Unpadded, Encoding as _};
use zeroize::Zeroizing;

/// OpenSSL 3 writes `SM2 PRIVATE KEY` where others write `EC PRIVATE KEY`.
const PRIVATE: [&str; 4] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "SM2 PRIVATE KEY"];
const PUBLIC: [&str; 3] = ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"];

/// More than any key of any size has, with what may stand around it.
const MOST: usize = 65_536;

/// What a key's text stands for.
pub(super) struct KeyBytes {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Whether it was given in hexadecimal digits: only those may stand for a number or a point alone,
    /// or a cut file could pass for one.
    #[cfg_attr(not(feature = "sm2"), expect(dead_code, reason = "RSA has no key of one number"))]
    pub(super) digits: bool,
}

/// The bytes that a key's text stands for.
pub(super) fn read(text: &[u8], side: KeySide) -> Result<KeyBytes, PairError> {
    let fault = |line, what| PairError { side, place: KeyPlace::Line(line), what };
    if text.len() > MOST {
        return Err(fault(1, "at most 65,536 bytes are expected"));
    }
    if is_der(text) {
        return Ok(KeyBytes { bytes: Zeroizing::new(text.to_vec()), digits: false });
    }
    let text = core::str::from_utf8(text).map_err(|error| {
        let before = text.get(..error.valid_up_to()).unwrap_or_default();
        fault(1 + before.iter().filter(|&&byte| byte == b'\n').count(), "a text or DER is expected")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = || text.lines().map(str::trim).enumerate().map(|(place, line)| (place + 1, line));
    if text.trim().is_empty() {
        return Err(fault(1, "a key is expected, and there is nothing"));
    }
    if lines().any(|(_, line)| line.starts_with("-----")) {
        return Ok(KeyBytes { bytes: pem(lines(), side)?, digits: false });
    }
    bare(lines(), text.len(), side)
}

/// Whether it is DER rather than a text: no text of digits has such a length in its second byte.
fn is_der(bytes: &[u8]) -> bool {
    match bytes {
        [SEQUENCE, 0x80..=255, ..] => true,
        [SEQUENCE, len, rest @ ..] => usize::from(*len) == rest.len(),
        _ => false,
    }
}

/// The first block with a label that fits.
fn pem<'a>(
    mut lines: impl Iterator<Item = (usize, &'a str)>,
    side: KeySide,
) -> Result<Zeroizing<Vec<u8>>, PairError> {
    let fault = |line, what| PairError { side, place: KeyPlace::Line(line), what };
    let mut other = None;
    while let Some((at, line)) = lines.next() {
        if !line.starts_with("-----") {
            continue;
        }
        let label = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        let label = label.ok_or(fault(at, "a line `-----BEGIN ...-----` is expected"))?;
        let mut inside = Vec::new();
        let last = loop {
            let ended = "the key's line `-----END ...-----` is missing";
            let (here, line) = lines.next().ok_or(fault(at, ended))?;
            if let Some(rest) = line.strip_prefix("-----") {
                let end = rest.strip_prefix("END ").and_then(|rest| rest.strip_suffix("-----"));
                if end != Some(label) {
                    return Err(fault(here, "the end of the block that was begun is expected"));
                }
                break here;
            }
            inside.push((here, line));
        };
        let wanted = if side == KeySide::Private { &PRIVATE[..] } else { &PUBLIC };
        if wanted.contains(&label) {
            if let Some((here, _)) = inside.iter().find(|(_, line)| line.contains(':')) {
                return Err(fault(*here, ENCIPHERED));
            }
            let len = inside.iter().map(|(_, line)| line.len()).sum();
            return base64(&inside, len, last, side);
        }
        other = other.or(Some(fault(at, unfit(label, side))));
    }
    Err(other.unwrap_or(fault(1, "a line `-----BEGIN ...-----` is expected")))
}

const ENCIPHERED: &str =
    "the key is enciphered under a password: give it deciphered (`openssl pkey` does it)";

/// Why a block is not the one.
fn unfit(label: &str, side: KeySide) -> &'static str {
    match side {
        KeySide::Private if label == "ENCRYPTED PRIVATE KEY" => ENCIPHERED,
        KeySide::Private if PUBLIC.contains(&label) => "this is a public key: our private one is expected",
        KeySide::Private => "a block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY is expected",
        KeySide::Public if label.ends_with("PRIVATE KEY") => {
            "this is a private key: the public one of the other end is expected"
        }
        KeySide::Public => "a block PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE is expected",
    }
}

/// Digits on one line or several.
fn bare<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
    len: usize,
    side: KeySide,
) -> Result<KeyBytes, PairError> {
    let lines: Vec<_> = lines.filter(|(_, line)| !line.is_empty()).collect();
    let hexadecimal = |(_, line): &(usize, &str)| line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let last = lines.last().map_or(1, |(at, _)| *at);
    if !lines.iter().all(hexadecimal) {
        return Ok(KeyBytes { bytes: base64(&lines, len, last, side)?, digits: false });
    }
    let bytes = Digits::HexLower.read(&joined(&lines, len)).map(Zeroizing::new);
    let what = "an even number of hexadecimal digits is expected";
    bytes.map(|bytes| KeyBytes { bytes, digits: true }).ok_or(PairError {
        side,
        place: KeyPlace::Line(last),
        what,
    })
}

/// All lines after another. As long at once as it will be, so that no copy is left behind.
fn joined(lines: &[(usize, &str)], len: usize) -> Zeroizing<String> {
    let mut all = Zeroizing::new(String::with_capacity(len));
    lines.iter().for_each(|(_, line)| all.push_str(line));
    all
}

/// `last`: the line at which something is missing, if it is.
fn base64(
    lines: &[(usize, &str)],
    len: usize,
    last: usize,
    side: KeySide,
) -> Result<Zeroizing<Vec<u8>>, PairError> {
    let fault = |line, what| PairError { side, place: KeyPlace::Line(line), what };
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if let Some((at, _)) = lines.iter().find(|(_, line)| !line.bytes().all(digit)) {
        return Err(fault(*at, "Base64 is expected"));
    }
    let all = joined(lines, len);
    let bytes = Base64::decode_vec(&all).or_else(|_| Base64Unpadded::decode_vec(&all));
    bytes.map(Zeroizing::new).map_err(|_| fault(last, "whole Base64 is expected up to here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn refused(text: &str, side: KeySide) -> (usize, &'static str) {
        let error = read(text.as_bytes(), side).err().unwrap();
        match error.place {
            KeyPlace::Line(line) => (line, error.what),
            KeyPlace::Byte(_) => panic!("{error}"),
        }
    }

    #[test]
    fn a_key_is_read_from_each_kind_of_text() {
        let read = |text: &str| read(text.as_bytes(), KeySide::Private).unwrap().bytes.to_vec();
        for text in [
            "0a0B0c",
            " 0a0B\n0c\n\n",
            "-----BEGIN PRIVATE KEY-----\nCgsM\n-----END PRIVATE KEY-----",
            "\u{feff}of 2026\r\n-----BEGIN PRIVATE KEY-----\r\nCg\r\nsM\r\n-----END PRIVATE KEY-----\r\n",
            "-----BEGIN EC PARAMETERS-----\nAAAA\n-----END EC PARAMETERS-----\n\
             -----BEGIN EC PRIVATE KEY-----\nCgsM\n-----END EC PRIVATE KEY-----",
            "CgsM",
        ] {
            assert_eq!(read(text), [10, 11, 12], "{text}");
        }
        assert_eq!(read("Cgs="), [10, 11]);
        assert_eq!(read("Cgs"), [10, 11]);
        assert_eq!(read("0\u{1}!"), b"0\x01!");
    }

    #[test]
    fn other_texts_are_refused_at_their_line() {
        use KeySide::{Private, Public};
        let block = |label: &str| format!("-----BEGIN {label}-----\nCgsM\n-----END {label}-----\n");
        let cases = [
            (" \n".into(), Private, 1, "there is nothing"),
            ("CgsM\nCg?M".into(), Private, 2, "Base64"),
            ("CgsM\nCgs=\nCgsM".into(), Private, 3, "whole Base64"),
            ("0a0b0".into(), Private, 1, "even number"),
            ("text\n-----".into(), Private, 2, "BEGIN"),
            ("-----BEGIN PRIVATE KEY----\nCgsM".into(), Private, 1, "BEGIN"),
            ("-----END PRIVATE KEY-----".into(), Private, 1, "BEGIN"),
            ("\n-----BEGIN PRIVATE KEY-----\nCgsM".into(), Private, 2, "is missing"),
            (
                "-----BEGIN PRIVATE KEY-----\nCgsM\n-----END PUBLIC KEY-----".into(),
                Private,
                3,
                "end of the block",
            ),
            ("-----BEGIN PRIVATE KEY-----\nCgs\n\n-----END PRIVATE KEY-----".into(), Private, 0, ""),
            (block("PUBLIC KEY"), Private, 1, "this is a public key"),
            (block("ENCRYPTED PRIVATE KEY"), Private, 1, "password"),
            (block("PRIVATE KEY").replace("Cgs", "Proc-Type: 4\nCgs"), Private, 2, "password"),
            (block("DH PARAMETERS"), Private, 1, "a block PRIVATE KEY"),
            (block("EC PRIVATE KEY"), Public, 1, "this is a private key"),
            (block("X509 CRL"), Public, 1, "a block PUBLIC KEY"),
        ];
        for (text, side, line, what) in cases {
            if line == 0 {
                assert!(read(text.as_bytes(), side).is_ok());
                continue;
            }
            let (at, told) = refused(&text, side);
            assert!(at == line && told.contains(what), "{text}: line {at}: {told}");
        }
        let place = read(b"\n\n\xff", Private).err().unwrap().place;
        assert_eq!(place, KeyPlace::Line(3));
        assert!(read(&[b'A'; MOST + 1], Public).is_err());
    }
}
