//! What a picture shows.

use super::{Args, Shown, details, heading, shown};
use scrip::card::Catalogue;
use scrip::host::picture::{Camera, Found, Origin, Place, Seen, Tesseract};
use serde::Serialize;
use std::error::Error;
use std::ffi::OsStr;
use std::io::{self, Write};

/// What a picture shows, for machines.
#[derive(Serialize)]
struct Answer {
    input: String,
    candidates: Vec<Seeing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_error: Option<String>,
}

/// A candidate and where it stands: left, top, right, bottom in pixels.
#[derive(Serialize)]
struct Seeing {
    #[serde(flatten)]
    shown: Shown,
    origin: String,
    place: [u32; 4],
}

/// Shows one picture; false if it cannot be read.
pub(crate) fn show(
    args: &Args,
    catalogue: &Catalogue,
    path: &OsStr,
    out: &mut dyn Write,
) -> Result<bool, Box<dyn Error>> {
    let name = path.to_string_lossy();
    let camera = Camera::new().text(Tesseract::default());
    let seen = std::fs::read(path).map_err(|error| error.to_string());
    let seen = seen.and_then(|file| camera.read(&file).map_err(|error| error.to_string()));
    let found = match &seen {
        Err(error) => Err(error.clone()),
        Ok(seen) => seen.candidates(|scan| args.hint(scan), catalogue).map_err(|error| error.to_string()),
    };
    let text_error = seen.as_ref().ok().and_then(Seen::text_error).map(ToString::to_string);
    if args.json {
        let seeing = |found: &Found<'_>| {
            let Place { left, top, right, bottom } = found.place();
            let one = |shown| Seeing { shown, origin: origin(found), place: [left, top, right, bottom] };
            shown(found.candidate()).into_iter().map(one).collect::<Vec<_>>()
        };
        let (candidates, error) = match &found {
            Ok(all) => (all.iter().flat_map(seeing).collect(), None),
            Err(error) => (Vec::new(), Some(error.clone())),
        };
        let answer = Answer { input: name.into_owned(), candidates, error, text_error };
        serde_json::to_writer(&mut *out, &answer).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        return Ok(found.is_ok());
    }
    match &found {
        Err(error) => writeln!(out, "{name}: {error}")?,
        Ok(all) if all.is_empty() => writeln!(out, "{name}: nothing that is known")?,
        Ok(all) => {
            for (i, found) in all.iter().enumerate() {
                writeln!(out, "{}. {}", i + 1, heading(found.candidate()))?;
                let Place { left, top, right, bottom } = found.place();
                writeln!(out, "   read from: {}, pixels {left},{top} to {right},{bottom}", origin(found))?;
                details(found.candidate(), out)?;
            }
        }
    }
    if let Some(error) = text_error {
        writeln!(out, "print was not read: {error}")?;
    }
    Ok(found.is_ok())
}

fn origin(found: &Found<'_>) -> String {
    match found.origin() {
        Origin::Symbol(symbol) => symbol.kind().name().into(),
        Origin::Symbols(a, b) => format!("{} and {}", a.kind().name(), b.kind().name()),
        Origin::Line(line) => format!("print (confidence {})", line.confidence()),
        Origin::Lines(lines) => format!("{} lines of print", lines.len()),
        _ => "the picture".into(),
    }
}
