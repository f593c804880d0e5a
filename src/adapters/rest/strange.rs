//! Answers that no rule of the profile names: signed, complete and as agreed, but for one status or
//! one code. For conformance suites: whatever our end makes of them, it must not be an outcome.

use super::server::{NO_WORDS, Server};
use super::terms::{Condition, Rule, Section, Verdict};
use crate::adapters::AdapterError;
use crate::adapters::served::Asked;
use crate::base::{Text, Wall};
use crate::issuer::{Accepted, OpKind, Outcome};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Statuses of HTTP and beyond, of which a profile names a few.
const STATUSES: [&str; 17] = [
    "100", "201", "202", "204", "302", "400", "401", "403", "404", "409", "418", "429", "500", "502", "503",
    "504", "999",
];

/// What is strange about one answer.
enum Oddity {
    Status(&'static str),
    /// The place of a condition, and what its field says instead.
    Code(usize, String),
}

impl Server {
    /// Writes a reply that is as agreed but for one thing: the status, or the value of one field
    /// that rules go by, is one that the profile names nowhere. `number` counts them from 0.
    ///
    /// # Errors
    /// [`AdapterError::Rest`] if there are not so many, or the operation does not exist.
    pub fn strange(
        &self,
        asked: &Asked,
        number: u32,
        now: Wall,
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, AdapterError> {
        let op = self.0.terms.op(asked.kind).ok_or(NO_WORDS)?;
        let (section, kind) = (&self.0.terms.answer, self.0.terms.asked_as(asked.kind));
        let expired: Vec<_> = self.0.terms.session.iter().flat_map(|session| &session.expired).collect();
        let (rule, odd) = oddity(section, Some(kind), &expired, number).ok_or(NO_WORDS)?;
        let status = match odd {
            Oddity::Status(status) => status.to_string(),
            Oddity::Code(..) => rule.http.first().ok_or(NO_WORDS)?.clone(),
        };
        let values = self.told(section, asked, &yes(asked), (now, nonce)).ok_or(NO_WORDS)?;
        self.message(section, &bent(rule, odd), ("", status), &op.root, values).ok_or(NO_WORDS)
    }

    /// Writes a callback in which one field that rules go by has a value that the profile names
    /// nowhere. `number` counts them from 0.
    ///
    /// # Errors
    /// [`AdapterError::Rest`] if there are not so many, or the profile has no callbacks.
    pub fn strange_callback(
        &self,
        asked: &Asked,
        number: u32,
        now: Wall,
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, AdapterError> {
        let section = self.0.terms.callback.as_ref().ok_or(NO_WORDS)?;
        let (rule, odd) = oddity(section, None, &[], number).ok_or(NO_WORDS)?;
        let values = self.told(section, asked, &yes(asked), (now, nonce)).ok_or(NO_WORDS)?;
        let target = ("POST", section.path.clone());
        self.message(section, &bent(rule, odd), target, "", values).ok_or(NO_WORDS)
    }
}

/// All that an answer can tell stands in a yes.
fn yes(asked: &Asked) -> Outcome {
    let reference = Text::new("I-900001").expect("a short text");
    Outcome::Accepted(Accepted::new(reference, asked.amount))
}

/// The rule that is bent, and how. `kind` is the question, of a reply.
fn oddity<'a>(
    section: &'a Section,
    kind: Option<OpKind>,
    expired: &[&Condition],
    number: u32,
) -> Option<(&'a Rule, Oddity)> {
    let rules = || section.rules.iter().filter(move |rule| kind.is_none_or(|kind| rule.ops.contains(&kind)));
    // A rule that makes nothing of a status leaves it strange.
    let names = |rule: &Rule, status: &str| {
        rule.verdict != Verdict::Unsure && rule.http.iter().any(|http| http == status)
    };
    let expiry = |status: &str| {
        expired.iter().any(|one| one.when.is_empty() && one.http.iter().any(|http| http == status))
    };
    let strange = |status: &&str| !expiry(status) && !rules().any(|rule| names(rule, status));
    let statuses = STATUSES.into_iter().filter(|_| kind.is_some()).filter(strange);
    let by_status: Vec<_> = statuses.collect();
    let odd = rules().flat_map(|rule| {
        let codes = rule.when.iter().enumerate().flat_map(|(place, (name, told))| {
            let codes = strange_codes(section, name, told.first());
            codes.into_iter().map(move |code| Oddity::Code(place, code))
        });
        let statuses = by_status.clone().into_iter().map(Oddity::Status);
        codes.chain(statuses).map(move |odd| (rule, odd))
    });
    odd.into_iter().nth(usize::try_from(number).ok()?)
}

/// Values that no rule names for this field: near to one that it knows, and far from all.
fn strange_codes(section: &Section, name: &str, known: Option<&String>) -> Vec<String> {
    let known = known.map_or("", String::as_str);
    let mut codes = [format!("{known}9"), "-7".into(), "900001".into()].to_vec();
    if !section.bare.iter().any(|bare| bare == name) {
        codes.extend([format!("{known} "), known.to_lowercase(), known.to_uppercase(), "Q7".into()]);
        codes.push(String::new());
    }
    let named = |code: &String| {
        let told = section.rules.iter().flat_map(|rule| &rule.when).filter(|(other, _)| other == name);
        told.into_iter().any(|(_, values)| values.contains(code))
    };
    codes.retain(|code| !named(code));
    codes
}

fn bent(rule: &Rule, odd: Oddity) -> Rule {
    let mut rule = rule.clone();
    if let Oddity::Code(place, code) = odd {
        if let Some((_, told)) = rule.when.get_mut(place) {
            *told = [code].to_vec();
        }
    }
    rule
}
