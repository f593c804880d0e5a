//! Finds the paths of a file: in `use` trees, in code, and in strings that are nothing but a path
//! (as in serde's attributes); each with the module it stands in.

use crate::lex::{Kind, Token, lex};

/// A path as written, with what is needed to resolve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The segments; a use tree is written out, one path for each leaf.
    pub(crate) segments: Vec<String>,
    /// Whether it ends in `*`.
    pub(crate) glob: bool,
    /// The module it stands in, from the crate root.
    pub(crate) module: Vec<String>,
    pub(crate) line: usize,
    /// Whether it stands in code that only tests compile.
    pub(crate) test: bool,
}

/// The module of a file under `src/`, from the crate root: `src/a/mod.rs` is `a`.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = inner.split('/').map(String::from).collect();
    if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
        module.pop();
    }
    module
}

/// Whether each token stands under `#[cfg(test)]` or `#[cfg(all(test, ...))]`.
pub(crate) fn test_code(tokens: &[Token<'_>]) -> Vec<bool> {
    let mut marks = vec![false; tokens.len()];
    let at = |i: usize, text: &str| tokens.get(i).is_some_and(|token| token.is(text));
    for start in 0..tokens.len() {
        let inner = usize::from(at(start + 1, "!"));
        let attribute = at(start, "#") && at(start + inner + 1, "[") && at(start + inner + 2, "cfg");
        let name = start + inner + 4;
        let plain = at(name, "test") && at(name + 1, ")");
        let all = at(name, "all") && at(name + 1, "(") && at(name + 2, "test") && at(name + 3, ",");
        if !attribute || !(plain || all) {
            continue;
        }
        let end = if inner == 1 { tokens.len() } else { item_end(tokens, start) };
        marks[start..end].fill(true);
    }
    marks
}

const ITEMS: &[&str] = &[
    "mod",
    "fn",
    "use",
    "impl",
    "struct",
    "enum",
    "const",
    "static",
    "type",
    "trait",
    "let",
    "extern",
    "unsafe",
    "async",
    "macro_rules",
];

/// One past the last token of the item whose attributes start at `at`.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token.is("#")) {
        at = group_end(tokens, at + 1);
    }
    if tokens.get(at).is_some_and(|token| token.is("pub")) {
        at += 1;
        if tokens.get(at).is_some_and(|token| token.is("(")) {
            at = group_end(tokens, at);
        }
    }
    // A field, a variant or an arm ends at a comma, where an item may have one among its generics.
    let item = tokens.get(at).is_some_and(|token| ITEMS.iter().any(|keyword| token.is(keyword)));
    while let Some(token) = tokens.get(at) {
        match token.text {
            _ if token.kind != Kind::Punct => at += 1,
            ")" | "]" | "}" => return at,
            ";" => return at + 1,
            "," if !item => return at + 1,
            "{" => return group_end(tokens, at),
            "(" | "[" => at = group_end(tokens, at),
            _ => at += 1,
        }
    }
    at
}

/// One past the bracket that closes the one at `at`.
fn group_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if ["(", "[", "{"].iter().any(|open| token.is(open)) {
            depth += 1;
        } else if [")", "]", "}"].iter().any(|close| token.is(close)) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                break;
            }
        }
    }
    at
}

/// What is read from one file under `src/`.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) paths: Vec<Found>,
    /// Modules declared, with their line and whether only tests compile them.
    pub(crate) modules: Vec<(Vec<String>, usize, bool)>,
}

/// Reads the paths and modules of a file whose own module is `module`.
pub(crate) fn read(tokens: &[Token<'_>], test: &[bool], module: Vec<String>) -> Reading {
    let mut walk =
        Walk { tokens, test, at: 0, module, inline: Vec::new(), depth: 0, reading: Reading::default() };
    while walk.at < tokens.len() {
        walk.step();
    }
    walk.reading
}

/// Names that start a path wherever they stand before `::`.
const HEADS: &[&str] = &["crate", "super", "self", "std", "scrip"];

struct Walk<'a> {
    tokens: &'a [Token<'a>],
    test: &'a [bool],
    at: usize,
    module: Vec<String>,
    /// The brace depth at which each inline module opened.
    inline: Vec<usize>,
    depth: usize,
    reading: Reading,
}

impl<'a> Walk<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).filter(|token| token.kind != Kind::Str).map_or("", |token| token.text)
    }

    fn step(&mut self) {
        let token = self.tokens[self.at];
        if token.kind == Kind::Str {
            self.string(token);
            self.at += 1;
            return;
        }
        match token.text {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.inline.last() == Some(&self.depth) {
                    self.inline.pop();
                    self.module.pop();
                }
            }
            "mod" if self.tokens.get(self.at + 1).is_some_and(|name| name.kind == Kind::Ident) => {
                return self.declaration(token);
            }
            // `use<'a>` in a bound captures lifetimes and names no path.
            "use" if self.text(self.at + 1) != "<" => {
                self.at += 1;
                return self.use_tree(&[]);
            }
            "extern" if self.text(self.at + 1) == "crate" => {
                let name = self.text(self.at + 2);
                self.found(&[if name == "self" { "crate" } else { name }], false, self.at);
                self.at += 2;
            }
            head if HEADS.contains(&head) && self.text(self.at + 1) == "::" => return self.path(),
            _ => {}
        }
        self.at += 1;
    }

    /// `mod name;` or `mod name {`.
    fn declaration(&mut self, token: Token<'_>) {
        let name = self.text(self.at + 1);
        let mut module = self.module.clone();
        module.push(name.into());
        self.reading.modules.push((module, token.line, self.test[self.at]));
        if self.text(self.at + 2) == "{" {
            self.inline.push(self.depth);
            self.module.push(name.into());
        }
        self.at += 2;
    }

    fn path(&mut self) {
        let start = self.at;
        let mut segments = vec![self.text(start)];
        self.at += 1;
        while self.text(self.at) == "::"
            && self.tokens.get(self.at + 1).is_some_and(|segment| segment.kind == Kind::Ident)
        {
            segments.push(self.text(self.at + 1));
            self.at += 2;
        }
        self.found(&segments, false, start);
    }

    fn use_tree(&mut self, prefix: &[&'a str]) {
        let mut segments = prefix.to_vec();
        while let Some(token) = self.tokens.get(self.at) {
            self.at += 1;
            match token.text {
                "::" | "$" => {}
                "*" => return self.found(&segments, true, self.at - 1),
                "{" => {
                    while !matches!(self.text(self.at), "}" | ";" | "") {
                        self.use_tree(&segments);
                        self.at += usize::from(self.text(self.at) == ",");
                    }
                    self.at += 1;
                    return;
                }
                name if token.kind == Kind::Ident => {
                    if name != "self" || segments.is_empty() {
                        segments.push(name);
                    }
                    if self.text(self.at) != "::" {
                        self.found(&segments, false, self.at - 1);
                        self.at += if self.text(self.at) == "as" { 2 } else { 0 };
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// A string that is nothing but a path.
    fn string(&mut self, token: Token<'_>) {
        let inner = lex(token.text);
        let path = inner.iter().enumerate().all(|(i, part)| (part.kind == Kind::Ident) == (i % 2 == 0))
            && inner.iter().skip(1).step_by(2).all(|part| part.is("::"));
        if path && inner.len() > 2 && HEADS.contains(&inner[0].text) {
            let segments: Vec<&str> = inner.iter().step_by(2).map(|part| part.text).collect();
            self.found(&segments, false, self.at);
        }
    }

    fn found(&mut self, segments: &[&str], glob: bool, at: usize) {
        self.reading.paths.push(Found {
            segments: segments.iter().map(ToString::to_string).collect(),
            glob,
            module: self.module.clone(),
            line: self.tokens[at].line,
            test: self.test[at],
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(source: &str) -> Vec<String> {
        let tokens = lex(source);
        let reading = read(&tokens, &test_code(&tokens), vec!["a".into()]);
        let shown = |p: &Found| format!("{}{}", p.segments.join("::"), if p.glob { "::*" } else { "" });
        reading.paths.iter().map(shown).collect()
    }

    #[test]
    fn use_trees_are_written_out() {
        assert_eq!(
            paths("use crate::{a::X, b::{self, c as d, e::*}}; pub use super::f; use {crate::g, std::h,};"),
            ["crate::a::X", "crate::b", "crate::b::c", "crate::b::e::*", "super::f", "crate::g", "std::h"]
        );
    }

    #[test]
    fn paths_in_code_macros_and_attributes_are_found() {
        let source = r#"
            pub(crate) fn f(x: &crate::a::X) -> impl Sized + use<'_> { <super::Y as ::std::T>::m(self.z) }
            macro_rules! m { () => { $crate::b::c!() } }
            #[serde(with = "crate::d::e")] struct S { s: &'static str = "see crate::z::y for more" }
            pub(in crate::g) extern crate std;
        "#;
        assert_eq!(
            paths(source),
            ["crate::a::X", "super::Y", "std::T", "crate::b::c", "crate::d::e", "crate::g", "std"]
        );
    }

    #[test]
    fn inline_modules_are_part_of_the_place() {
        let tokens = lex("mod b { mod c { use super::X; } fn f() { super::y() } } use super::Z; mod d;");
        let reading = read(&tokens, &test_code(&tokens), vec!["a".into()]);
        let places: Vec<_> = reading.paths.iter().map(|path| path.module.join("::")).collect();
        assert_eq!(places, ["a::b::c", "a::b", "a"]);
        let modules: Vec<_> = reading.modules.iter().map(|(module, ..)| module.join("::")).collect();
        assert_eq!(modules, ["a::b", "a::b::c", "a::d"]);
    }

    #[test]
    fn files_are_modules() {
        for (path, module) in [("src/lib.rs", ""), ("src/a/mod.rs", "a"), ("src/a/b.rs", "a::b")] {
            assert_eq!(module_of(path).join("::"), module, "{path}");
        }
    }

    #[test]
    fn test_code_ends_with_its_item() {
        let marked = |source| {
            let tokens = lex(source);
            let marks = test_code(&tokens);
            let kept: Vec<_> =
                tokens.iter().zip(marks).filter(|(_, test)| !test).map(|(t, _)| t.text).collect();
            kept.join(" ")
        };
        assert_eq!(marked("#[cfg(test)] #[x] pub(crate) mod t { a { } [b;] } c"), "c");
        assert_eq!(marked("#[cfg(all(test, feature = \"std\"))] use a::b; c"), "c");
        assert_eq!(marked("#[cfg(test)] fn f<A, B>(a: [u8; 3]) { x } c"), "c");
        assert_eq!(marked("{ #[cfg(test)] a: B, c } d"), "{ c } d");
        assert_eq!(marked("{ #[cfg(test)] a } d"), "{ } d");
        assert_eq!(marked("#![cfg(test)] fn a() {} c"), "");
        assert_eq!(marked("#[cfg(not(test))] a"), "# [ cfg ( not ( test ) ) ] a");
    }
}
