//! Texts with names in braces, such as `&key={key.sign}`, filled on one end and read back on the
//! other. `{{` and `}}` are the braces themselves.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// What may stand in braces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    /// Our reference.
    Reference,
    /// The product as the contract names it.
    Product,
    /// The amount in the profile's unit.
    Amount,
    /// The currency's three letters.
    Currency,
    /// The number of the sending.
    Attempt,
    /// The time, as `[time]` says.
    Timestamp,
    /// 32 random hexadecimal digits.
    Nonce,
    /// The card's number.
    Number,
    /// The card's secret.
    Secret,
    /// The number, sealed.
    SealedNumber,
    /// The secret, sealed.
    SealedSecret,
    /// The JSON text of the inner fields.
    Inner,
    /// The same in Base64.
    InnerBase64,
    /// Of a request or callback: `POST`.
    Method,
    /// Of a request or callback: its path with what follows `?`.
    Path,
    /// The body as it is sent.
    Body,
    /// The issuer's own reference.
    IssuerReference,
    /// The reload count.
    Generation,
    /// The token of the session.
    Token,
    /// A value of `[params]`.
    Param(String),
    /// A key.
    Key(String),
}

const PLAIN: [(&str, Name); 19] = [
    ("reference", Name::Reference),
    ("product", Name::Product),
    ("amount", Name::Amount),
    ("currency", Name::Currency),
    ("attempt", Name::Attempt),
    ("timestamp", Name::Timestamp),
    ("nonce", Name::Nonce),
    ("number", Name::Number),
    ("secret", Name::Secret),
    ("sealed_number", Name::SealedNumber),
    ("sealed_secret", Name::SealedSecret),
    ("inner", Name::Inner),
    ("inner_base64", Name::InnerBase64),
    ("method", Name::Method),
    ("path", Name::Path),
    ("body", Name::Body),
    ("issuer_reference", Name::IssuerReference),
    ("generation", Name::Generation),
    ("token", Name::Token),
];

impl Name {
    fn read(text: &str) -> Option<Self> {
        if let Some(param) = text.strip_prefix("param.") {
            return Some(Self::Param(param.to_string()));
        }
        if let Some(key) = text.strip_prefix("key.") {
            return Some(Self::Key(key.to_string()));
        }
        PLAIN.into_iter().find(|(name, _)| *name == text).map(|(_, name)| name)
    }

    /// As it stands in braces.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Param(param) => format!("param.{param}"),
            Self::Key(key) => format!("key.{key}"),
            plain => PLAIN.iter().find(|(_, name)| name == plain).map_or("", |(text, _)| text).to_string(),
        }
    }

    /// Whether it shows the card, sealed or not.
    pub(super) fn is_card(&self) -> bool {
        matches!(self, Self::Number | Self::Secret | Self::SealedNumber | Self::SealedSecret)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(Name),
}

/// A text with names in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
                plain.extend(brace.chars().take(1));
                rest = after;
                continue;
            }
            let inner = brace.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let Some((name, after)) = inner else {
                return Err("a name in braces is expected; a brace itself is written twice".to_string());
            };
            let found = Name::read(name).ok_or_else(|| format!("`{{{name}}}` stands for nothing"))?;
            if !plain.is_empty() {
                parts.push(Part::Text(core::mem::take(&mut plain)));
            }
            parts.push(Part::Name(found));
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self(parts))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name),
            Part::Text(_) => None,
        })
    }

    pub(super) fn has(&self, wanted: &Name) -> bool {
        self.names().any(|name| name == wanted)
    }

    /// With what each name stands for; `None` if one stands for nothing now.
    pub(super) fn fill<'a>(
        &'a self,
        value: &dyn Fn(&'a Name) -> Option<&'a str>,
    ) -> Option<Zeroizing<String>> {
        let piece = |part: &'a Part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Name(name) => value(name),
        };
        let pieces: Vec<&str> = self.0.iter().map(piece).collect::<Option<_>>()?;
        // Exactly as long as it will be, so that no copy is left behind.
        let mut out = Zeroizing::new(String::with_capacity(pieces.iter().map(|piece| piece.len()).sum()));
        pieces.iter().for_each(|piece| out.push_str(piece));
        Some(out)
    }

    /// Reads back what was filled in: `known` tells what a name must stand for, `found` is handed
    /// the others and says whether they fit. Between two names there must be a text to part them.
    pub(super) fn read<'a>(
        &'a self,
        text: &str,
        known: &dyn Fn(&Name) -> Option<&'a str>,
        found: &mut dyn FnMut(&Name, &str) -> bool,
    ) -> bool {
        let mut rest = text;
        let mut open: Option<&Name> = None;
        for part in &self.0 {
            let fixed = match part {
                Part::Text(text) => Some(text.as_str()),
                Part::Name(name) => known(name),
            };
            match (fixed, part, open) {
                (Some(fixed), _, None) => match rest.strip_prefix(fixed) {
                    Some(after) => rest = after,
                    None => return false,
                },
                (Some(fixed), _, Some(name)) => match rest.split_once(fixed) {
                    Some((value, after)) if found(name, value) => (rest, open) = (after, None),
                    _ => return false,
                },
                (None, Part::Name(name), None) => open = Some(name),
                (None, ..) => return false,
            }
        }
        match open {
            Some(name) => found(name, rest),
            None => rest.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{", "}", "{x", "a}b", "{nothing}", "{param}"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        let braces = Template::parse("{{{nonce}}}").unwrap();
        assert_eq!(braces.fill(&|_| Some("7")).unwrap().as_str(), "{7}");
        assert_eq!(braces.fill(&|_| None), None);
        for (text, name) in PLAIN {
            assert_eq!(Name::read(text).map(|name| name.text()), Some(name.text()));
        }
    }

    proptest! {
        #[test]
        fn what_is_filled_reads_back(reference in "[0-9a-f]{1,9}", amount in "[0-9.]{1,6}", app in "[a-z]{1,4}") {
            let template = Template::parse("R{reference}/{param.app}={amount}").unwrap();
            let of = |name: &Name| match name {
                Name::Reference => Some(reference.as_str()),
                Name::Amount => Some(amount.as_str()),
                _ => Some(app.as_str()),
            };
            let filled = template.fill(&of).unwrap();
            let mut heard = Vec::new();
            let known = |name: &Name| matches!(name, Name::Param(_)).then_some(app.as_str());
            let fits = template.read(&filled, &known, &mut |name, value| {
                heard.push((name.clone(), value.to_string()));
                true
            });
            prop_assert!(fits);
            prop_assert_eq!(heard, [(Name::Reference, reference.clone()), (Name::Amount, amount.clone())]);
            prop_assert!(!template.read(&filled[1..], &known, &mut |_, _| true));
        }
    }
}
