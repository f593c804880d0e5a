//! The rules, over the tokens and paths of each file.

use crate::lex::{Kind, Token, lex};
use crate::paths::{Found, Reading, module_of, read, test_code};
use crate::{FLOAT_FILES, MAX_LINES, ROOMS, STD_ROOMS, UNSAFE_ROOM};
use std::fmt;

/// A file: its path from the package root, with `/`, and what stands in it.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.what)
    }
}

/// Everything in `sources` that breaks a rule.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut files: Vec<File<'_>> = sources.iter().map(File::new).collect();
    let test_modules: Vec<Vec<String>> = files
        .iter()
        .flat_map(|file| &file.reading.modules)
        .filter(|(.., test)| *test)
        .map(|(module, ..)| module.clone())
        .collect();
    for file in files.iter_mut().filter(|file| file.in_src()) {
        if test_modules.iter().any(|module| file.module.starts_with(module)) {
            file.test.fill(true);
            file.reading.paths.iter_mut().for_each(|path| path.test = true);
        }
    }
    files.iter().flat_map(File::findings).collect()
}

struct File<'a> {
    source: &'a Source,
    tokens: Vec<Token<'a>>,
    test: Vec<bool>,
    /// Of files under `src/` only, as are the paths.
    module: Vec<String>,
    reading: Reading,
}

impl<'a> File<'a> {
    fn new(source: &'a Source) -> Self {
        let tokens = lex(&source.text);
        let test = test_code(&tokens);
        let mut file = Self { source, tokens, test, module: Vec::new(), reading: Reading::default() };
        if file.in_src() {
            file.module = module_of(&source.path);
            file.reading = read(&file.tokens, &file.test, file.module.clone());
        }
        file
    }

    fn in_src(&self) -> bool {
        self.source.path.starts_with("src/")
    }

    fn room(&self) -> Option<&str> {
        self.module.first().map(String::as_str)
    }

    fn finding(&self, line: usize, rule: &'static str, what: impl Into<String>) -> Finding {
        Finding { path: self.source.path.clone(), line, rule, what: what.into() }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut out = Vec::new();
        self.length(&mut out);
        self.words(&mut out);
        if self.in_src() {
            self.rooms(&mut out);
            self.places(&mut out);
            self.reading.paths.iter().for_each(|path| self.path(path, &mut out));
        }
        out
    }

    fn length(&self, out: &mut Vec<Finding>) {
        let lines = self.source.text.lines().count();
        if lines > MAX_LINES {
            out.push(self.finding(lines, "length", format!("{lines} lines, at most {MAX_LINES}")));
        }
    }

    /// Words that mean that something is not done, wherever they stand, and calls that do not
    /// belong into finished code.
    fn words(&self, out: &mut Vec<Finding>) {
        // Put together from halves, or this file would be its own finding.
        let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME")];
        for (number, line) in self.source.text.lines().enumerate() {
            for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| unfinished.contains(word)) {
                out.push(self.finding(number + 1, "words", word));
            }
        }
        let unwraps_allowed = self.source.path.starts_with("tests/");
        let is = |at: usize, text: &str| self.tokens.get(at).is_some_and(|token| token.is(text));
        for (at, token) in self.tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Ident) {
            let before = |text: &str| at > 0 && is(at - 1, text);
            match token.text {
                "todo" | "unimplemented" | "dbg" if is(at + 1, "!") => {
                    out.push(self.finding(token.line, "words", format!("{}!", token.text)));
                }
                "ignore" if before("[") && at > 1 && is(at - 2, "#") => {
                    out.push(self.finding(token.line, "words", "a test that is not run"));
                }
                "unwrap" if !unwraps_allowed && !self.test[at] => {
                    let call = before(".") && is(at + 1, "(");
                    if call || before("::") {
                        out.push(self.finding(token.line, "unwrap", "say with expect why it cannot fail"));
                    }
                }
                _ => {}
            }
        }
    }

    /// Which folders are rooms.
    fn rooms(&self, out: &mut Vec<Finding>) {
        match self.room() {
            Some(room) if !self.source.path.starts_with(&format!("src/{room}/")) => {
                out.push(self.finding(1, "room", "a room is a folder, only lib.rs stands beside them"));
            }
            Some(room) if !ROOMS.contains(&room) => {
                out.push(self.finding(1, "room", format!("`{room}` is not in the list of rooms")));
            }
            Some(_) => {}
            None => {
                for (module, line, _) in self.reading.modules.iter().filter(|(module, ..)| module.len() == 1)
                {
                    if !ROOMS.contains(&module[0].as_str()) {
                        let what = format!("`{}` is not in the list of rooms", module[0]);
                        out.push(self.finding(*line, "room", what));
                    }
                }
            }
        }
    }

    /// What may stand in some rooms or files only.
    fn places(&self, out: &mut Vec<Finding>) {
        let floats = FLOAT_FILES.contains(&self.source.path.as_str());
        for (at, token) in self.tokens.iter().enumerate() {
            match (token.kind, token.text) {
                (Kind::Ident, "unsafe") if self.room() != Some(UNSAFE_ROOM) => {
                    out.push(self.finding(token.line, "unsafe", format!("only in {UNSAFE_ROOM}")));
                }
                (Kind::Float, _) | (Kind::Ident, "f32" | "f64") if !floats => {
                    out.push(self.finding(token.line, "float", format!("`{}`", token.text)));
                }
                (Kind::Ident, "path")
                    if at > 1 && self.tokens[at - 1].is("[") && self.tokens[at - 2].is("#") =>
                {
                    out.push(self.finding(token.line, "room", "a module lies where its name says"));
                }
                _ => {}
            }
        }
    }

    fn path(&self, path: &Found, out: &mut Vec<Finding>) {
        let written = || format!("`{}{}`", path.segments.join("::"), if path.glob { "::*" } else { "" });
        let mut finding = |rule, why: &str| {
            out.push(self.finding(path.line, rule, format!("{}: {why}", written())));
        };
        let supers = path.segments.iter().filter(|segment| *segment == "super").count();
        if supers > 1 {
            finding("super", "name it from the crate root");
        }
        let head = path.segments.first().map_or("", String::as_str);
        if head == "std" {
            // The crate root only declares it, for the rooms that may use it.
            let declared = self.module.is_empty() && path.segments.len() == 1;
            let allowed = self.room().is_some_and(|room| STD_ROOMS.contains(&room));
            if !declared && !allowed && !path.test {
                finding("std", "this room works without std");
            }
            return;
        }
        let mut target = match head {
            "crate" => Vec::new(),
            "self" | "super" => path.module.clone(),
            "scrip" => return finding("root", "write crate:: and the room"),
            _ => return,
        };
        for segment in &path.segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(target.pop()),
                name => target.push(name.into()),
            }
        }
        let Some(to) = target.first().filter(|name| ROOMS.contains(&name.as_str())) else {
            return finding("root", "goes through the crate root");
        };
        let Some(from) = path.module.first() else { return };
        if path.glob && to != from {
            finding("glob", "name what comes from another room");
        }
        let rank = |room: &String| ROOMS.iter().position(|name| name == room);
        if rank(to) > rank(from) && rank(from).is_some() {
            finding("order", &format!("`{from}` stands above `{to}` and may not use it"));
        }
    }
}
