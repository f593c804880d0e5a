//! The seam for readers of printed text.

use super::grey::{Picture, Place};
use crate::base::{Advice, Code, block};
use core::fmt;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;
use zeroize::Zeroizing;

/// A line of printed text as a reader made it out. `Debug` does not show the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    text: Zeroizing<String>,
    confidence: u8,
    place: Place,
}

impl Line {
    /// A line with the reader's confidence in its least certain word, 0 to 100.
    pub fn new(text: String, confidence: u8, place: Place) -> Self {
        Self { text: Zeroizing::new(text), confidence: confidence.min(100), place }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The reader's confidence in the least certain word, 0 to 100. What it means is the
    /// reader's own matter.
    pub fn confidence(&self) -> u8 {
        self.confidence
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }

    pub(super) fn moved(self, place: Place) -> Self {
        Self { place, ..self }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("confidence", &self.confidence)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Why no text was read. It holds nothing of what the picture shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The program is not installed.
    #[error("no program {0:?} (Debian: tesseract-ocr)")]
    Missing(String),
    /// The operating system did not start it.
    #[error("{program:?} did not start: {reason}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// It took too long, and was ended.
    #[error("no text within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// It gave up.
    #[error("the reader of text gave up: {0}")]
    Failed(String),
    /// It wrote what is not understood.
    #[error("the reader of text answered in line {line} what is not understood")]
    Answer {
        /// The line of its answer, from 1.
        line: usize,
    },
}

impl TextError {
    /// The stable number, 17,220 to 17,239.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Missing(_) => 220,
            Self::Start { .. } => 221,
            Self::TimedOut(_) => 222,
            Self::Failed(_) => 223,
            Self::Answer { .. } => 224,
        };
        Code::new(block::HOST, case)
    }

    /// What to do about it.
    pub const fn advice(&self) -> Advice {
        match self {
            Self::Missing(_) | Self::Answer { .. } => Advice::Fix,
            Self::Start { .. } | Self::TimedOut(_) | Self::Failed(_) => Advice::Retry,
        }
    }
}

/// A reader of printed text. [`Tesseract`](super::Tesseract) is one; an engine of your own, or a
/// service, may take its place.
pub trait TextReader {
    /// The lines of a picture, which is upright and has even light and dark, within a time.
    /// What cannot be made out is left out; nothing is corrected.
    ///
    /// # Errors
    /// [`TextError`].
    fn read(&self, picture: &Picture, time: Duration) -> Result<Vec<Line>, TextError>;
}
