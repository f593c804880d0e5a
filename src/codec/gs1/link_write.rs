//! Element strings written as Digital Link URIs.

use super::ai::{Ai, Entry};
use super::element::{Element, ElementString};
use super::error::{Gs1Error, Gs1Fault};
use alloc::string::String;
use core::cmp::Reverse;
use core::fmt::Write as _;

impl ElementString<'_> {
    /// Writes a Digital Link URI, plain form: the first primary key in the list that leaves every
    /// other element a place, with as many of its qualifiers as fit, then the attributes, predefined
    /// lengths first. The order of the elements matters for nothing else.
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
        let (key, qualifiers) = self.path().ok_or(Gs1Error::new(0, None, Gs1Fault::NoKey))?;
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

    /// The primary key and the qualifier sequence that leave the fewest elements without a place;
    /// among equals the first key, then the sequence of which most are there, then the first.
    fn path(&self) -> Option<(Ai, &'static [Ai])> {
        let keys = self.entries().filter_map(|(element, entry)| Some((element.ai, entry.key_qualifiers()?)));
        let all = keys.enumerate().flat_map(|(place, (key, sequences))| {
            let sequences = sequences.iter().copied().chain([&[][..]]);
            sequences.map(move |qualifiers| (place, key, qualifiers))
        });
        let best = all.min_by_key(|&(place, key, qualifiers)| {
            let homeless = |(element, entry): &(Element<'_>, &Entry)| {
                !(entry.is_attribute() || element.ai == key || qualifiers.contains(&element.ai))
            };
            let there = qualifiers.iter().filter(|&&ai| self.get(ai).is_some()).count();
            (self.entries().filter(homeless).count(), place, Reverse(there))
        });
        best.map(|(_, key, qualifiers)| (key, qualifiers))
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
