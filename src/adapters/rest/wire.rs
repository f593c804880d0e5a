//! Messages as they travel: fields written into bodies and signed, and bodies read into fields.

use super::channel::{Channel, Values};
use super::template::Name;
use super::terms::{Encoding, Place, Sign, Signed};
use crate::codec::envelope::{self, Envelope};
use crate::codec::form;
use crate::codec::json::{self, Json};
use crate::issuer::DecodeError;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use zeroize::{Zeroize, Zeroizing};

/// A field's name as signatures use it: of a JSON pointer without its first slash.
pub(super) fn bare_name(name: &str, encoding: Encoding) -> Cow<'_, str> {
    match (encoding, name.strip_prefix('/')) {
        (Encoding::Json, Some(bare)) if !bare.contains('/') => json::unescape(bare),
        (Encoding::Json, Some(bare)) => Cow::Borrowed(bare),
        _ => Cow::Borrowed(name),
    }
}

/// A pointer with what `{root}` stands for.
pub(super) fn rooted<'a>(name: &'a str, root: &str) -> Cow<'a, str> {
    match name.strip_prefix("{root}") {
        Some(rest) => Cow::Owned(String::from(root) + rest),
        None => Cow::Borrowed(name),
    }
}

/// A field's name or pointer, and its text.
pub(super) type Filled = (String, Zeroizing<String>);

/// A message in the making.
pub(super) struct Draft<'a> {
    /// `POST` or `GET`; empty for a reply.
    pub(super) method: &'a str,
    /// The path, or the status of a reply.
    pub(super) target: String,
    pub(super) encoding: Encoding,
    pub(super) bare: &'a [String],
    pub(super) sign: Option<&'a Sign>,
    pub(super) fields: Vec<Filled>,
    /// What is signed instead of the fields, where that differs.
    pub(super) clear: Option<Vec<Filled>>,
    pub(super) headers: Vec<Filled>,
}

impl Draft<'_> {
    /// Signs and writes it: the lines and the body.
    pub(super) fn write(mut self, channel: &Channel, values: &mut Values) -> Option<(Vec<u8>, Vec<u8>)> {
        let text = |text: &str| Zeroizing::new(text.to_string());
        let at_end = self.sign.is_some_and(|sign| sign.has(&Name::Body) || sign.has(&Name::Path));
        let get = self.method == "GET";
        let encoding = if get { Encoding::Form } else { self.encoding };
        values.set(Name::Method, text(self.method));
        if let Some(sign) = self.sign.filter(|_| !at_end) {
            let fields = self.clear.as_ref().unwrap_or(&self.fields);
            let signature = channel.signature(sign, encoding, fields, values)?;
            self.place(sign, signature);
        }
        let mut body = write_fields(encoding, &self.fields, self.bare)?;
        if get {
            if !body.is_empty() {
                self.target.push('?');
                self.target.push_str(core::str::from_utf8(&body).ok()?);
            }
            body.clear();
        }
        if let Some(sign) = self.sign.filter(|_| at_end) {
            values.set(Name::Path, text(&self.target));
            values.set(Name::Body, text(core::str::from_utf8(&body).ok()?));
            let signature = channel.signature(sign, encoding, &self.fields, values)?;
            self.place(sign, signature);
        }
        let mut head = Vec::new();
        match self.method {
            "" => envelope::begin(&self.target, &mut head),
            method => envelope::begin(&(String::from(method) + " " + &self.target), &mut head),
        }
        if !get {
            let kind = match encoding {
                Encoding::Form => "application/x-www-form-urlencoded",
                Encoding::Json => "application/json",
            };
            envelope::line("content-type", kind, &mut head);
        }
        for (name, value) in &self.headers {
            envelope::line(name, value, &mut head);
        }
        Some((head, body))
    }

    fn place(&mut self, sign: &Sign, signature: String) {
        let signature = Zeroizing::new(signature);
        match &sign.place {
            Place::Field(name) => self.fields.push((name.clone(), signature)),
            Place::Header(name) => self.headers.push((name.clone(), signature)),
        }
    }
}

/// A body of these fields; `None` if one that is to stand bare is no number, true or false.
pub(super) fn write_fields(encoding: Encoding, fields: &[Filled], bare: &[String]) -> Option<Vec<u8>> {
    // More than it can become, so that no copy of the card is left behind.
    let room = |(name, value): &Filled| 6 * (name.len() + value.len()) + 16;
    let mut body = Vec::with_capacity(fields.iter().map(room).sum::<usize>() + 16);
    if encoding == Encoding::Form {
        fields.iter().for_each(|(name, value)| form::write(name, value, &mut body));
        return Some(body);
    }
    let path = |name: &str| -> Vec<String> {
        name.split('/').skip(1).map(|part| json::unescape(part).into_owned()).collect()
    };
    let mut members: Vec<(Vec<String>, &str, bool)> = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        let unquoted = bare.contains(name);
        if unquoted && !matches!(Json::read(value.as_bytes()), Ok(Json::Number(_) | Json::Bool(_))) {
            return None;
        }
        members.push((path(name), value.as_str(), unquoted));
    }
    members.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let members: Vec<_> =
        members.iter().map(|(path, value, bare)| (path.as_slice(), *value, *bare)).collect();
    json::write_object(&members, &mut body);
    Some(body)
}

/// The fields of a message that came in.
pub(super) enum Fields<'a> {
    Form(BTreeMap<String, String>),
    Json(Json<'a>),
}

impl Drop for Fields<'_> {
    /// A form may hold a card; JSON borrows from the message.
    fn drop(&mut self) {
        if let Self::Form(fields) = self {
            fields.values_mut().for_each(Zeroize::zeroize);
        }
    }
}

fn text_of<'a>(json: &'a Json<'_>) -> Option<&'a str> {
    match json {
        Json::Bool(true) => Some("true"),
        Json::Bool(false) => Some("false"),
        other => other.as_text(),
    }
}

impl<'a> Fields<'a> {
    /// Reads a body that starts at byte `at` of the message.
    pub(super) fn read(encoding: Encoding, body: &'a [u8], at: usize) -> Result<Self, DecodeError> {
        match encoding {
            Encoding::Form => form::read(body)
                .map(Self::Form)
                .map_err(|error| DecodeError { at: at + error.at, what: error.what }),
            Encoding::Json => Json::read(body)
                .map(Self::Json)
                .map_err(|error| DecodeError { at: at + error.at, what: error.what }),
        }
    }

    /// The text of a field.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match self {
            Self::Form(fields) => fields.get(name).map(String::as_str),
            Self::Json(json) => json.at(name).and_then(text_of),
        }
    }

    /// The text of a field by the name that signatures use.
    pub(super) fn bare_value(&self, name: &str) -> Option<&str> {
        match self {
            Self::Form(_) => self.value(name),
            Self::Json(_) => self.value(&(String::from("/") + name)),
        }
    }

    /// All that can be sorted and signed: of JSON, what stands outermost and has a text.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Form(fields) => {
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
            }
            Self::Json(Json::Object(members)) => {
                members.iter().filter_map(|(name, value)| Some((&**name, text_of(value)?))).collect()
            }
            Self::Json(_) => Vec::new(),
        }
    }
}

/// A message that came in, taken apart.
pub(super) struct Incoming<'a> {
    pub(super) envelope: Envelope<'a>,
    pub(super) fields: Fields<'a>,
    /// The byte at which its fields start.
    pub(super) at: usize,
}

impl<'a> Incoming<'a> {
    pub(super) fn read(bytes: &'a [u8], encoding: Encoding) -> Result<Self, DecodeError> {
        let envelope = open(bytes)?;
        let at = bytes.len() - envelope.body.len();
        let fields = Fields::read(encoding, envelope.body, at)?;
        Ok(Self { envelope, fields, at })
    }

    /// The signature as it stands in the message.
    pub(super) fn given(&self, sign: &Sign) -> Option<&str> {
        match &sign.place {
            Place::Field(name) => self.fields.value(name),
            Place::Header(name) => self.envelope.get(name),
        }
    }

    /// Whether it is signed as agreed. `values` are what was read of it.
    pub(super) fn is_signed(&self, channel: &Channel, sign: &Sign, values: &mut Values) -> bool {
        let Some(given) = self.given(sign) else { return false };
        if let Signed::Text(_) = &sign.signed {
            let Ok(body) = core::str::from_utf8(self.envelope.body) else { return false };
            let (method, path) = self.envelope.first.split_once(' ').unwrap_or(("", self.envelope.first));
            let parts = [(Name::Body, body), (Name::Method, method), (Name::Path, path)];
            for (name, text) in parts {
                values.set(name, Zeroizing::new(text.to_string()));
            }
        }
        channel.verify(sign, given, &self.fields, values)
    }
}

/// The envelope of a message that came in.
pub(super) fn open(bytes: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    Envelope::read(bytes).map_err(|error| DecodeError { at: error.at, what: error.what })
}
