//! Reads a TOML table entry by entry and gathers every fault with its place, instead of stopping
//! at the first.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong at a byte of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::adapters) struct Fault {
    pub(in crate::adapters) at: usize,
    pub(in crate::adapters) what: String,
}

/// All that was found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, at: usize, what: impl fmt::Display) {
        self.0.borrow_mut().push(Fault { at, what: format!("{what}") });
    }

    /// In the order of their places.
    pub(super) fn sorted(&self) -> Vec<Fault> {
        let mut all = self.0.borrow().clone();
        all.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        all.dedup();
        all
    }
}

/// A text with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) at: usize,
    pub(super) text: &'a str,
}

type Entry<'a> = (Word<'a>, &'a Spanned<DeValue<'a>>, bool);

/// A table whose entries are taken one after the other; what is left at the end is not known.
pub(super) struct Table<'a> {
    /// Where it stands.
    pub(super) at: usize,
    entries: Vec<Entry<'a>>,
    faults: &'a Faults,
}

impl<'a> Table<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, at: usize, faults: &'a Faults) -> Self {
        let word = |name: &'a Spanned<_>| {
            let text: &alloc::borrow::Cow<'a, str> = name.get_ref();
            Word { at: name.span().start, text: text.as_ref() }
        };
        let entries = table.iter().map(|(name, value)| (word(name), value, false)).collect();
        Self { at, entries, faults }
    }

    /// All that was found so far.
    pub(super) fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Adds a fault of the table as a whole.
    pub(super) fn fault(&self, what: impl fmt::Display) {
        self.faults.add(self.at, what);
    }

    /// Adds a fault at a place.
    pub(super) fn fault_at(&self, at: usize, what: impl fmt::Display) {
        self.faults.add(at, what);
    }

    fn take(&mut self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let entry = self.entries.iter_mut().find(|(word, ..)| word.text == name)?;
        entry.2 = true;
        Some(entry.1)
    }

    /// The fault that `name` is not there.
    pub(super) fn missing(&self, name: &str) {
        self.fault(format!("`{name}` is expected"));
    }

    fn wrong<T>(&self, name: &str, at: usize, kind: &str) -> Option<T> {
        self.fault_at(at, format!("{name}: {kind} is expected"));
        None
    }

    /// A string.
    pub(super) fn text(&mut self, name: &str) -> Option<Word<'a>> {
        let value = self.take(name)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Word { at: value.span().start, text: text.as_ref() }),
            _ => self.wrong(name, value.span().start, "a string"),
        }
    }

    /// A string that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Option<Word<'a>> {
        if !self.entries.iter().any(|(word, ..)| word.text == name) {
            self.missing(name);
        }
        self.text(name)
    }

    /// One of these names, with what it stands for.
    pub(super) fn one_of<T: Copy>(&mut self, name: &str, all: &[(&str, T)]) -> Option<T> {
        let word = self.text(name)?;
        let found = all.iter().find(|(known, _)| *known == word.text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|(known, _)| *known).collect();
            self.fault_at(word.at, format!("{name}: `{}` is not one of {}", word.text, names.join(", ")));
        }
        found
    }

    /// `true` or `false`; false if it is not there.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        let Some(value) = self.take(name) else { return false };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            _ => self.wrong(name, value.span().start, "true or false").unwrap_or_default(),
        }
    }

    /// A whole number within `range`.
    pub(super) fn number(&mut self, name: &str, range: core::ops::RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(name)?;
        let number = match value.get_ref() {
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let kind = || format!("a whole number from {} to {}", range.start(), range.end());
        match number.filter(|number| range.contains(number)) {
            None => self.wrong(name, value.span().start, &kind()),
            number => number,
        }
    }

    /// A string or a list of strings; nothing if it is not there.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<Word<'a>>> {
        let value = self.take(name)?;
        self.words(name, value)
    }

    fn words(&self, name: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Vec<Word<'a>>> {
        let word = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::String(text) => Some(Word { at: value.span().start, text: text.as_ref() }),
            _ => None,
        };
        let words = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(word).collect(),
            _ => word(value).map(|word| [word].to_vec()),
        };
        match words {
            None => self.wrong(name, value.span().start, "a string or a list of strings"),
            words => words,
        }
    }

    /// A table.
    pub(super) fn table(&mut self, name: &str) -> Option<Self> {
        let value = self.take(name)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(table, value.span().start, self.faults)),
            _ => self.wrong(name, value.span().start, "a table"),
        }
    }

    /// A list of tables.
    pub(super) fn tables(&mut self, name: &str) -> Vec<Self> {
        let Some(value) = self.take(name) else { return Vec::new() };
        let table = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(table) => Some(Self::new(table, value.span().start, self.faults)),
            _ => None,
        };
        let tables = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(table).collect(),
            _ => None,
        };
        match tables {
            None => self.wrong(name, value.span().start, "a list of tables").unwrap_or_default(),
            Some(tables) => tables,
        }
    }

    /// A table whose entries are strings: names and values.
    pub(super) fn pairs(&mut self, name: &str) -> Vec<(Word<'a>, Word<'a>)> {
        let Some(mut table) = self.table(name) else { return Vec::new() };
        let names: Vec<_> = table.names();
        names.into_iter().filter_map(|name| Some((name, table.text(name.text)?))).collect()
    }

    /// A table whose entries are strings or lists of strings.
    pub(super) fn lists(&mut self, name: &str) -> Vec<(Word<'a>, Vec<Word<'a>>)> {
        let Some(mut table) = self.table(name) else { return Vec::new() };
        let names: Vec<_> = table.names();
        names.into_iter().filter_map(|name| Some((name, table.texts(name.text)?))).collect()
    }

    /// The names in it.
    pub(super) fn names(&self) -> Vec<Word<'a>> {
        self.entries.iter().map(|(word, ..)| *word).collect()
    }

    /// Tells what nobody has asked for.
    pub(super) fn finish(self) {
        for (word, _, taken) in &self.entries {
            if !taken {
                self.fault_at(word.at, format!("`{}` is not known here", word.text));
            }
        }
    }
}
