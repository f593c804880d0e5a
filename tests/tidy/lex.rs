//! A small lexer of Rust: enough to tell code from comments and literals.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword, raw ones without `r#`.
    Ident,
    /// One character of punctuation, or `::`.
    Punct,
    /// A string of any sort; the text is what stands between the quotes.
    Str,
    /// A number with a fraction, an exponent or a float suffix.
    Float,
    /// A character, lifetime or whole number.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

impl Token<'_> {
    /// Whether this is the keyword, identifier or punctuation `text`.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Ident | Kind::Punct) && self.text == text
    }
}

/// The tokens of `source`, comments left out.
pub(crate) fn lex(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < source.len() {
        let rest = &source[at..];
        let after_dot = tokens.last().is_some_and(|token| token.is("."));
        let (len, found) = next(rest, after_dot);
        tokens.extend(found.map(|(kind, text)| Token { kind, text, line }));
        line += rest[..len].matches('\n').count();
        at += len;
    }
    tokens
}

type Found<'a> = (usize, Option<(Kind, &'a str)>);

/// The length of what `rest` starts with, and the token if it is one.
fn next(rest: &str, after_dot: bool) -> Found<'_> {
    let first = rest.chars().next().expect("there is input left");
    if first.is_whitespace() {
        return (first.len_utf8(), None);
    }
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), None);
    }
    if let Some((len, body)) = string(rest) {
        return (len, Some((Kind::Str, body)));
    }
    if let Some(len) = character(rest) {
        return (len, Some((Kind::Other, &rest[..len])));
    }
    if let Some(name) = rest.strip_prefix("r#").filter(|name| name.starts_with(starts_name)) {
        let len = name_len(name);
        return (len + 2, Some((Kind::Ident, &name[..len])));
    }
    if starts_name(first) {
        let len = name_len(rest);
        return (len, Some((Kind::Ident, &rest[..len])));
    }
    if first.is_ascii_digit() {
        let (len, float) = number(rest, after_dot);
        return (len, Some((if float { Kind::Float } else { Kind::Other }, &rest[..len])));
    }
    let len = if rest.starts_with("::") { 2 } else { first.len_utf8() };
    (len, Some((Kind::Punct, &rest[..len])))
}

fn starts_name(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn name_len(rest: &str) -> usize {
    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < rest.len() {
        if rest[at..].starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest[at..].starts_with("*/") {
            (at, depth) = (at + 2, depth - 1);
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// A string literal: its length and what stands between the quotes.
fn string(rest: &str) -> Option<(usize, &str)> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|p| {
        let after = rest.strip_prefix(p).unwrap_or_default();
        after.starts_with('"') || (p.ends_with('r') && after.trim_start_matches('#').starts_with('"'))
    })?;
    let after = &rest[prefix.len()..];
    let hashes = after.find('"')?;
    let (start, raw) = (prefix.len() + hashes + 1, prefix.ends_with('r'));
    if hashes > 0 && !after[..hashes].bytes().all(|b| b == b'#') {
        return None;
    }
    let body = &rest[start..];
    let end = if raw {
        body.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(body.len())
    } else {
        quoted(body, '"')
    };
    let len = (start + end + 1 + hashes).min(rest.len());
    Some((len, &body[..end]))
}

/// The bytes before the first `quote` that is not escaped.
fn quoted(body: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if c == quote && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    body.len()
}

/// The length of a character, byte or lifetime.
fn character(rest: &str) -> Option<usize> {
    let prefix = usize::from(rest.starts_with("b'"));
    let body = rest[prefix..].strip_prefix('\'')?;
    let mut chars = body.chars();
    let first = chars.next()?;
    if first == '\\' || chars.next() == Some('\'') {
        return Some((prefix + 2 + quoted(body, '\'')).min(rest.len()));
    }
    Some(prefix + 1 + name_len(body))
}

/// The length of a number, and whether it is a float. After a dot it is the index of a tuple.
fn number(rest: &str, after_dot: bool) -> (usize, bool) {
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(s.len());
    if after_dot {
        return (digits(rest), false);
    }
    if ["0x", "0o", "0b"].iter().any(|radix| rest.starts_with(radix)) {
        return (name_len(rest), false);
    }
    let mut len = digits(rest);
    let mut float = false;
    if let Some(part) = rest[len..].strip_prefix('.') {
        if !part.starts_with(|c: char| c == '.' || starts_name(c)) {
            float = true;
            len += 1 + digits(part);
        }
    }
    let suffix = &rest[len..len + name_len(&rest[len..])];
    len += suffix.len();
    if suffix.starts_with(['e', 'E']) {
        float = true;
        if let Some(exponent) = rest[len..].strip_prefix(['-', '+']).filter(|_| suffix.len() == 1) {
            len += 1 + name_len(exponent);
        }
    }
    (len, float || suffix.ends_with("f32") || suffix.ends_with("f64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        lex(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_are_left_out_and_nest() {
        assert_eq!(texts("a // b\n/* c /* d */ 'e */ f /// g\n//! h\nr"), ["a", "f", "r"]);
    }

    #[test]
    fn strings_of_all_sorts_are_one_token() {
        let source = r####"("a \" :: b", b"c\\", r"d\", r#"e " f"#, br##"g "# h"##, c"i", "键 //")"####;
        let found = lex(source);
        let strings: Vec<_> = found.iter().filter(|t| t.kind == Kind::Str).map(|t| t.text).collect();
        assert_eq!(strings, [r#"a \" :: b"#, r"c\\", r"d\", "e \" f", "g \"# h", "i", "键 //"]);
        assert_eq!(found.len(), 2 + 7 + 6);
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        let source = r"'a' '\'' b'\\' '键' &'a str '_ 'static '\u{7f}' '('";
        let expected =
            ["'a'", r"'\''", r"b'\\'", "'键'", "&", "'a", "str", "'_", "'static", r"'\u{7f}'", "'('"];
        assert_eq!(texts(source), expected);
    }

    #[test]
    fn floats_are_told_from_ranges_methods_and_indexes() {
        let floats = |source| lex(source).into_iter().filter(|t| t.kind == Kind::Float).count();
        for source in ["1.5", "1.", "1e9", "2.5e-3", "7E+2", "1f64", "1_0f32", "(1.)"] {
            assert_eq!(floats(source), 1, "{source}");
        }
        for source in ["1..2", "1.max(2)", "x.0.1", "0x1e5", "1_000", "0b1", "10u64", "0xf32", "1..=2"] {
            assert_eq!(floats(source), 0, "{source}");
        }
    }

    #[test]
    fn raw_names_and_lines_are_kept() {
        let found = lex("r#type\n\"x\ny\"\nrust::b");
        let seen: Vec<_> = found.iter().map(|t| (t.text, t.line)).collect();
        assert_eq!(seen, [("type", 1), ("x\ny", 2), ("rust", 4), ("::", 4), ("b", 4)]);
    }
}
