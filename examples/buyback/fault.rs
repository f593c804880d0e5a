//! What can be wrong with an input file: the whole of it, or one line.

use scrip::base::Text;
use std::fmt;
use std::path::Path;

/// A file that cannot be used. Its text is one line that names the file.
#[derive(Debug)]
pub(crate) struct InputError {
    file: String,
    line: Option<u64>,
    what: String,
}

impl InputError {
    pub(crate) fn new(file: &str, what: impl fmt::Display) -> Self {
        Self { file: file.into(), line: None, what: what.to_string() }
    }

    pub(crate) fn at(file: &str, line: u64, what: impl fmt::Display) -> Self {
        Self { line: Some(line), ..Self::new(file, what) }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for InputError {}

/// The name of a file as it may stand in a message: on one line, whatever the name holds.
pub(crate) fn label(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What is wrong with one line. It tells what was expected and never repeats what was found:
/// where columns have slipped, any of them may hold a card's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineError {
    /// The request the line is about, where that could be read.
    pub(crate) request_id: Option<Text>,
    /// The column at fault, unless it is the line as a whole.
    pub(crate) column: Option<String>,
    /// A stable code in snake case.
    pub(crate) reason: &'static str,
    /// What should have stood there.
    pub(crate) expected: String,
}

impl LineError {
    pub(crate) fn new(column: Option<&str>, reason: &'static str, expected: impl Into<String>) -> Self {
        Self { request_id: None, column: column.map(Into::into), reason, expected: expected.into() }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column {column}: ")?;
        }
        write!(f, "{}, expected {}", self.reason, self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_the_line() {
        assert_eq!(label(Path::new("a\nb.csv")), "a\u{fffd}b.csv");
        let error = InputError::at("cards.csv", 3, "is odd");
        assert_eq!(error.to_string(), "cards.csv: line 3: is odd");
    }
}
