//! Profiles: what a dialect does otherwise, from TOML.

use super::error::SpecError;
use super::field::{Class, Count, Field, Form, Pad, Size};
use super::frame::{Frame, LengthPrefix};
use super::spec::{Spec, ZERO_RIGHT, form_of, most};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use serde::Deserialize;
use toml::Spanned;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Digits {
    Ascii,
    Packed,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bits {
    Hex,
    Raw,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    mti: Option<Digits>,
    lengths: Option<Digits>,
    bitmaps: Option<Bits>,
    frame: Option<RawFrame>,
    #[serde(default)]
    field: BTreeMap<Spanned<String>, Spanned<RawField>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFrame {
    length: Option<LengthPrefix>,
    #[serde(default)]
    counts_itself: bool,
    #[serde(default)]
    tpdu: bool,
    #[serde(default)]
    header: Option<Spanned<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawForm {
    Text,
    Packed,
    Raw,
    Hex,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Left,
    Right,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    name: Option<String>,
    class: Option<Class>,
    size: Option<Size>,
    max: Option<u16>,
    form: Option<RawForm>,
    pad: Option<Side>,
    fill: Option<Spanned<String>>,
    count: Option<Count>,
}

/// What is wrong at a byte of the text.
struct Wrong(usize, String);

impl Spec {
    /// This format with what a profile says otherwise. Every key may be left out:
    ///
    /// ```toml
    /// mti = "packed"          # or "ascii"
    /// lengths = "packed"      # of variable fields; or "ascii"
    /// bitmaps = "raw"         # or "hex"
    ///
    /// [frame]
    /// length = "binary2"      # or none, binary4, ascii2, ascii4
    /// counts_itself = false   # whether the length counts itself
    /// tpdu = true             # 5 bytes after the length
    /// header = 6              # bytes before the type, at most 64
    ///
    /// [field.60]
    /// name = "Batch and terminal"
    /// class = "n"             # n, a, an, ans, z, b, x+n
    /// size = "lllvar"         # fixed, llvar, lllvar
    /// max = 13                # digits or characters; bytes of a binary field
    /// form = "packed"         # text, packed, raw, hex; without it, as the class is in this format
    /// pad = "left"            # the side where an odd number of packed digits is filled up
    /// fill = "F"              # and with what, 0 to F
    /// count = "units"         # what the length counts: digits, or "bytes" on the wire
    /// ```
    ///
    /// # Errors
    /// [`SpecError`] with line and column: unknown keys and values, fields other than 2 to 128,
    /// forms that a class does not have.
    ///
    /// ```
    /// use scrip::codec::iso8583::Spec;
    /// let error = Spec::bcd().with_profile("[field.23]\npad = \"up\"").unwrap_err();
    /// assert_eq!((error.line, error.column), (2, 7));
    /// ```
    pub fn with_profile(&self, text: &str) -> Result<Self, SpecError> {
        let raw: RawProfile = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            placed(text, Wrong(at, error.message().to_string()))
        })?;
        self.changed(raw).map_err(|wrong| placed(text, wrong))
    }

    fn changed(&self, raw: RawProfile) -> Result<Self, Wrong> {
        let mut spec = self.clone();
        let packed = |digits: Option<Digits>, before| digits.map_or(before, |d| d == Digits::Packed);
        spec.packed_mti = packed(raw.mti, spec.packed_mti);
        spec.packed_lengths = packed(raw.lengths, spec.packed_lengths);
        spec.raw_bitmap = raw.bitmaps.map_or(spec.raw_bitmap, |bits| bits == Bits::Raw);
        if let Some(frame) = raw.frame {
            let header = frame.header.as_ref().map_or(0, |header| *header.get_ref());
            if let Some(header) = frame.header.filter(|header| *header.get_ref() > 64) {
                return Err(Wrong(header.span().start, "a header of at most 64 bytes is expected".into()));
            }
            let length = frame.length.unwrap_or(LengthPrefix::None);
            spec.frame = Frame { length, counts_itself: frame.counts_itself, tpdu: frame.tpdu, header };
        }
        for (number, raw) in raw.field {
            let at = number.span().start;
            // Nothing but the digits: `03` beside `3` would be the same field twice.
            let place = number.get_ref().parse::<usize>().ok().filter(|n| n.to_string() == *number.get_ref());
            let place = place.and_then(|number| number.checked_sub(2));
            let field = place.and_then(|place| spec.fields.get_mut(place));
            let field = field.ok_or_else(|| Wrong(at, "a field from 2 to 128 is expected".into()))?;
            change(field, raw.into_inner(), self.packed_lengths)?;
            if let Some(what) = problem(field, spec.packed_lengths) {
                return Err(Wrong(at, format!("field {}: {what}", number.get_ref())));
            }
        }
        Ok(spec)
    }
}

fn change(field: &mut Field, raw: RawField, packed: bool) -> Result<(), Wrong> {
    if let Some(name) = raw.name {
        field.name = Cow::Owned(name);
    }
    if let Some(class) = raw.class.filter(|class| *class != field.class) {
        field.class = class;
        field.form = form_of(class, packed);
        field.pad = ZERO_RIGHT;
    }
    field.size = raw.size.unwrap_or(field.size);
    field.max = raw.max.unwrap_or(field.max.min(most(field.size)));
    field.form = raw.form.map_or(field.form, |form| match form {
        RawForm::Text => Form::Text,
        RawForm::Packed => Form::Packed,
        RawForm::Raw => Form::Raw,
        RawForm::Hex => Form::Hex,
    });
    field.count = raw.count.unwrap_or(field.count);
    let left = raw.pad.map_or(field.pad.left, |side| side == Side::Left);
    let nibble = match raw.fill {
        None => field.pad.nibble,
        Some(fill) => {
            let value = u8::from_str_radix(fill.get_ref(), 16).ok();
            let value = value.filter(|_| fill.get_ref().len() == 1);
            value.ok_or_else(|| Wrong(fill.span().start, "a digit from 0 to F is expected".into()))?
        }
    };
    field.pad = Pad { left, nibble };
    Ok(())
}

fn problem(field: &Field, packed_lengths: bool) -> Option<&'static str> {
    let binary = field.class == Class::B;
    let fits = match field.form {
        Form::Raw | Form::Hex => binary,
        Form::Packed => matches!(field.class, Class::N | Class::Z | Class::Xn),
        Form::Text => !binary,
    };
    // A length in packed digits has one digit more than its name says.
    let most = match field.size {
        Size::Llvar => 99,
        Size::Lllvar if packed_lengths => 9_999,
        Size::Fixed | Size::Lllvar => 999,
    };
    let told = match (field.form, field.count) {
        (Form::Hex, Count::Units) if field.size != Size::Fixed => field.max.saturating_mul(2),
        _ => field.max,
    };
    if !fits {
        Some("the class has no such form: n, z and x+n are text or packed, b is raw or hex, the others text")
    } else if field.class == Class::Xn && (field.size != Size::Fixed || field.max < 2) {
        Some("x+n is fixed and holds a sign and digits")
    } else if field.max == 0 || told > most {
        Some("max is at least 1 and fits into the length's digits")
    } else {
        None
    }
}

fn placed(text: &str, Wrong(at, what): Wrong) -> SpecError {
    let (line, column) = crate::base::line_column(text, at);
    SpecError { line, column, what }
}
