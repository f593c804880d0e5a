//! Element strings written as Digital Link URIs.

use super::ai::Ai;
use super::element::ElementString;
use super::error::{Gs1Error, Gs1Fault};
use alloc::string::String;
use core::fmt::Write as _;

impl ElementString<'_> {
    /// Writes a Digital Link URI, plain form: the first primary key in the list with as many of
    /// its qualifiers as fit, then the attributes, predefined lengths first.
    ///
    /// `stem` is scheme and domain, with or without a path, such as
    /// [`DigitalLink::CANONICAL_STEM`](super::DigitalLink::CANONICAL_STEM).
    ///
    /// # Errors
    /// [`Gs1Fault::NoKey`] without a primary key, [`Gs1Fault::NotAttribute`] for an element that
    /// has no place in such a URI.
    ///
    /// ```
    /// use scrip::codec::gs1::{DigitalLink, ElementString};
    /// let elements = ElementString::parse("(01)09521234543213(17)261231(10)ABC/1")?;
    /// let uri = elements.to_digital_link(DigitalLink::CANONICAL_STEM)?;
    /// assert_eq!(uri, "https://id.gs1.org/01/09521234543213/10/ABC%2F1?17=261231");
    /// # Ok::<(), scrip::codec::gs1::Gs1Error>(())
    /// ```
    pub fn to_digital_link(&self, stem: &str) -> Result<String, Gs1Error> {
        let key = self.entries().find_map(|(element, entry)| Some((element.ai, entry.key_qualifiers()?)));
        let (key, sequences) = key.ok_or(Gs1Error::new(0, None, Gs1Fault::NoKey))?;
        let qualifiers = self.best(sequences);
        let mut out = String::from(stem.strip_suffix('/').unwrap_or(stem));
        let mut in_path = |ai: Ai| {
            if let Some(value) = self.get(ai) {
                write!(out, "/{ai}/").expect("a string takes every write");
                escape(value, false, &mut out);
            }
        };
        in_path(key);
        qualifiers.iter().for_each(|&ai| in_path(ai));
        let mut mark = '?';
        for predefined in [true, false] {
            for (i, (element, entry)) in self.entries().enumerate() {
                let written = element.ai == key
                    || qualifiers.contains(&element.ai)
                    || self.iter().take(i).any(|earlier| earlier.ai == element.ai);
                if written || entry.is_predefined() != predefined {
                    continue;
                }
                if !entry.is_attribute() {
                    return Err(Gs1Error::new(element.at, Some(element.ai), Gs1Fault::NotAttribute));
                }
                write!(out, "{mark}{}=", element.ai).expect("a string takes every write");
                escape(element.value, true, &mut out);
                mark = '&';
            }
        }
        Ok(out)
    }

    /// The sequence of which most qualifiers are there; among equals the first.
    fn best(&self, sequences: &'static [&'static [Ai]]) -> &'static [Ai] {
        let mut best: (usize, &[Ai]) = (0, &[]);
        for sequence in sequences {
            let there = sequence.iter().filter(|&&ai| self.get(ai).is_some()).count();
            if there > best.0 {
                best = (there, sequence);
            }
        }
        best.1
    }
}

/// Writes what RFC 3986 leaves unreserved as it is and the rest percent-encoded.
fn escape(value: &str, query: bool, out: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' if query => out.push('+'),
            _ => write!(out, "%{byte:02X}").expect("a string takes every write"),
        }
    }
}
