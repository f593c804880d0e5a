//! Debian's `tesseract` as a child process.

use super::grey::{Picture, Place};
use super::text::{Line, TextError, TextReader};
use std::ffi::OsString;
use std::format;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::string::String;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::Vec;
use zeroize::Zeroizing;

/// The longest answer, in bytes: a page of small print has a tenth of it.
const MOST_ANSWER: u64 = 4 << 20;

/// The longest complaint that is kept, in bytes.
const MOST_COMPLAINT: u64 = 2_048;

/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Tesseract 4 or 5, as Debian's package `tesseract-ocr` brings it. The program is started for
/// each picture, without a shell; it gets the picture on its standard input and answers on its
/// standard output, so that no file holds either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tesseract {
    program: OsString,
    languages: String,
}

impl Default for Tesseract {
    /// `tesseract` from the path, with English: its digits are the same in every language.
    fn default() -> Self {
        Self { program: OsString::from("tesseract"), languages: String::from("eng") }
    }
}

impl Tesseract {
    /// Another program file.
    #[must_use]
    pub fn program(self, program: impl Into<OsString>) -> Self {
        Self { program: program.into(), ..self }
    }

    /// Other languages, as Tesseract names them: `chi_sim+eng` reads Chinese labels too and
    /// needs the package `tesseract-ocr-chi-sim`.
    #[must_use]
    pub fn languages(self, languages: &str) -> Self {
        Self { languages: String::from(languages), ..self }
    }

    fn start(&self) -> Result<Child, TextError> {
        let mut command = Command::new(&self.program);
        command.args(["stdin", "stdout", "-l", &self.languages, "--dpi", "300"]);
        // Lines wherever they are; numbers are in no dictionary.
        command.args(["--psm", "11", "-c", "load_system_dawg=0", "-c", "load_freq_dawg=0"]);
        command.args(["-c", "tessedit_create_tsv=1"]);
        // The caller says what may run beside what.
        command.env("OMP_THREAD_LIMIT", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| {
            let program = self.program.to_string_lossy().into_owned();
            match error.kind() {
                ErrorKind::NotFound => TextError::Missing(program),
                _ => TextError::Start { program, reason: format!("{error}") },
            }
        })
    }
}

impl TextReader for Tesseract {
    fn read(&self, picture: &Picture, time: Duration) -> Result<Vec<Line>, TextError> {
        let until = Instant::now() + time;
        let mut child = self.start()?;
        // These end with the pipes. They are not waited for: if the program left children of its
        // own behind, the pipes may live on.
        if let Some(mut stdin) = child.stdin.take() {
            let file = portable_grey_map(picture);
            // A program that ends before it has read everything says why on its own.
            thread::spawn(move || stdin.write_all(&file));
        }
        let answer = child.stdout.take().map(|stdout| gather(stdout, MOST_ANSWER));
        let complaint = child.stderr.take().map(|stderr| gather(stderr, MOST_COMPLAINT));
        let late = || TextError::TimedOut(time);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < until => thread::sleep(LOOK),
                waited => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(waited
                        .err()
                        .map_or_else(late, |error| TextError::Failed(format!("{error}"))));
                }
            }
        };
        let left = || until.saturating_duration_since(Instant::now()).max(LOOK);
        let gathered = |pipe: Option<Receiver<Zeroizing<Vec<u8>>>>| pipe?.recv_timeout(left()).ok();
        if !status.success() {
            let said = gathered(complaint).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(TextError::Failed(format!("{status}: {said}")));
        }
        parse(&String::from_utf8_lossy(&gathered(answer).ok_or_else(late)?))
    }
}

/// Reads a pipe to its end or its bound, beside what else is going on.
fn gather(pipe: impl Read + Send + 'static, most: u64) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut all = Zeroizing::new(Vec::new());
        // What came before an error is all there is.
        let _ = pipe.take(most).read_to_end(&mut all);
        sender.send(all)
    });
    receiver
}

/// The picture as a file of the simplest kind that there is (PGM).
fn portable_grey_map(picture: &Picture) -> Zeroizing<Vec<u8>> {
    let header = format!("P5\n{} {}\n255\n", picture.width(), picture.height());
    let mut file = Zeroizing::new(Vec::with_capacity(header.len() + picture.shades().len()));
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(picture.shades());
    file
}

/// A word of the answer: one row of the table at level 5.
struct Word<'a> {
    /// Block, paragraph and line.
    line: [&'a str; 3],
    place: Place,
    confidence: u8,
    text: &'a str,
}

/// Takes the table apart: `level page block paragraph line word left top width height conf text`.
fn parse(table: &str) -> Result<Vec<Line>, TextError> {
    let mut lines = Vec::new();
    let mut words: Vec<Word<'_>> = Vec::new();
    for (at, row) in table.lines().enumerate().skip(1) {
        let columns: Vec<&str> = row.splitn(12, '\t').collect();
        let not_understood = TextError::Answer { line: at + 1 };
        match (columns.first().copied(), columns.len()) {
            (Some("5"), 12) => {}
            (Some("1" | "2" | "3" | "4"), 11 | 12) => continue,
            _ => return Err(not_understood),
        }
        let Some(word) = word(&columns) else { return Err(not_understood) };
        if word.text.trim().is_empty() {
            continue;
        }
        if words.first().is_some_and(|first| first.line != word.line) {
            lines.extend(line(&words));
            words.clear();
        }
        words.push(word);
    }
    lines.extend(line(&words));
    Ok(lines)
}

fn word<'a>(columns: &[&'a str]) -> Option<Word<'a>> {
    let number = |at: usize| columns.get(at)?.parse::<u32>().ok();
    let (left, top) = (number(6)?, number(7)?);
    let place =
        Place { left, top, right: left.checked_add(number(8)?)?, bottom: top.checked_add(number(9)?)? };
    let whole = columns.get(10)?.split('.').next()?;
    Some(Word {
        line: [columns.get(2)?, columns.get(3)?, columns.get(4)?],
        place,
        // A word of whose certainty nothing is said has -1.
        confidence: whole.parse::<i32>().ok()?.clamp(0, 100).try_into().ok()?,
        text: columns.get(11)?,
    })
}

fn line(words: &[Word<'_>]) -> Option<Line> {
    let mut place = words.first()?.place;
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word.text.trim());
        place.left = place.left.min(word.place.left);
        place.top = place.top.min(word.place.top);
        place.right = place.right.max(word.place.right);
        place.bottom = place.bottom.max(word.place.bottom);
    }
    let confidence = words.iter().map(|word| word.confidence).min()?;
    Some(Line::new(text, confidence, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n";

    #[test]
    fn words_of_a_line_are_joined_and_the_least_certain_counts() {
        let table = format!(
            "{HEAD}1\t1\t0\t0\t0\t0\t0\t0\t900\t500\t-1\t\n4\t1\t1\t1\t1\t0\t10\t20\t300\t30\t-1\t\n\
             5\t1\t1\t1\t1\t1\t10\t20\t90\t30\t96.51\t6222\n5\t1\t1\t1\t1\t2\t120\t18\t90\t30\t81.0\t0212\n\
             5\t1\t1\t1\t2\t1\t10\t60\t90\t30\t-1\tx\n5\t1\t1\t1\t2\t2\t10\t60\t90\t30\t90\t \n"
        );
        let lines = parse(&table).unwrap();
        let place = Place { left: 10, top: 18, right: 210, bottom: 50 };
        assert_eq!(lines[0], Line::new("6222 0212".into(), 81, place));
        assert_eq!((lines[1].text(), lines[1].confidence(), lines.len()), ("x", 0, 2));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_line() {
        for row in [
            "5\t1\t1",
            "x",
            "5\t1\t1\t1\t1\t1\t-3\t20\t90\t30\t96\tA",
            "5\t1\t1\t1\t1\t1\t4294967295\t2\t9\t3\t9\tA",
        ] {
            assert_eq!(parse(&format!("{HEAD}{row}\n")), Err(TextError::Answer { line: 2 }), "{row}");
        }
    }

    fn blank() -> Picture {
        Picture::white(40, 30)
    }

    #[test]
    fn a_missing_program_is_named() {
        let missing =
            Tesseract::default().program("/no/such/tesseract").read(&blank(), Duration::from_secs(1));
        assert_eq!(missing, Err(TextError::Missing("/no/such/tesseract".into())));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let begun = Instant::now();
        let slow = Script::new("#!/bin/sh\nexec sleep 60\n");
        let limit = Duration::from_millis(300);
        assert_eq!(slow.read(limit), Err(TextError::TimedOut(limit)));
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_gives_up_says_why() {
        let poor = Script::new("#!/bin/sh\necho >&2\necho 'no data for eng' >&2\nexit 3\n");
        let error = poor.read(Duration::from_secs(20)).unwrap_err();
        assert_eq!(error, TextError::Failed("exit status: 3: no data for eng".into()));
        let babble = Script::new("#!/bin/sh\necho head\necho babble\n");
        assert_eq!(babble.read(Duration::from_secs(20)), Err(TextError::Answer { line: 2 }));
    }

    #[cfg(unix)]
    struct Script(tempfile::TempDir);

    #[cfg(unix)]
    impl Script {
        fn new(text: &str) -> Self {
            use std::os::unix::fs::PermissionsExt;
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("reader");
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
            Self(dir)
        }

        /// Another test that starts a program at the wrong moment keeps the file open for writing.
        fn read(&self, time: Duration) -> Result<Vec<Line>, TextError> {
            let reader = Tesseract::default().program(self.0.path().join("reader"));
            let mut tries = (0..100).map(|_| reader.read(&blank(), time));
            tries.find(|read| !matches!(read, Err(TextError::Start { .. }))).unwrap()
        }
    }
}
