//! What the parts of a profile must be to one another.

use super::table::{Faults, Table, Word};
use super::template::Name;
use super::terms::{Encoding, Field, Op, Place, RestTerms, Section, Sign, Signed, Verdict};
use crate::codec::form::Order;
use crate::issuer::OpKind;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// One operation.
pub(super) fn op(kind: OpKind, op: &Op, table: &Table<'_>, encoding: Encoding) {
    let has = |wanted: &dyn Fn(&Name) -> bool| {
        let fields = op.fields.iter().chain(&op.inner).map(|(_, template)| template);
        fields.chain([&op.path]).any(|template| template.names().any(wanted))
    };
    let by_card = matches!(kind, OpKind::Balance | OpKind::PinCheck | OpKind::Redeem);
    if by_card && !has(&Name::is_card) {
        table.fault(format!("{}: the card is expected in a field", kind.name()));
    }
    if !matches!(kind, OpKind::Balance | OpKind::PinCheck) && !has(&|name| *name == Name::Reference) {
        table.fault(format!("{}: `{{reference}}` is expected in the path or a field", kind.name()));
    }
    let carried = has(&|name| matches!(name, Name::Inner | Name::InnerBase64));
    if carried == op.inner.is_empty() {
        let what = "the inner fields are expected with a field that holds `{inner}`, and only then";
        table.fault(format!("{}: {what}", kind.name()));
    }
    let pointers = if op.get || encoding == Encoding::Form { &[][..] } else { &op.fields };
    for part in [pointers, &op.inner] {
        if let Some((inside, outside)) = nested(part) {
            table.fault(format!("`{inside}` stands inside of `{outside}`, which is a value"));
        }
    }
}

/// A member that would stand inside another one, which is no object.
fn nested(fields: &[Field]) -> Option<(&str, &str)> {
    let pairs = fields.iter().flat_map(|inner| fields.iter().map(move |outer| (inner, outer)));
    let mut inside = pairs.filter(|((inner, _), (outer, _))| {
        inner.strip_prefix(outer.as_str()).is_some_and(|rest| rest.starts_with('/'))
    });
    inside.next().map(|((inner, _), (outer, _))| (inner.as_str(), outer.as_str()))
}

/// The operations that a rule names.
pub(super) fn ops(table: &Table<'_>, words: &[Word<'_>], verdict: Verdict) -> Vec<OpKind> {
    let mut kinds = Vec::new();
    for word in words {
        let Some(kind) = super::read::kind_of(table, *word) else { continue };
        if !verdict.sensible().contains(&kind) {
            table.fault_at(word.at, format!("ops: this outcome says nothing about a {}", kind.name()));
        }
        kinds.push(kind);
    }
    kinds
}

/// What comes from the issuer.
pub(super) fn section(made: &Section, table: &Table<'_>, callback: bool, signs: bool, sign_at: usize) {
    if callback && !signs {
        table.fault("callback: `sign` is expected, or anyone can call");
    }
    if callback && !made.tells(&Name::Reference) {
        table.fault("callback: `{reference}` is expected in a field");
    }
    if callback && !(made.path.starts_with('/') && made.path.bytes().all(|byte| byte.is_ascii_graphic())) {
        table.fault("callback: path begins with `/`");
    }
    let yes = made.rules.iter().any(|rule| matches!(rule.verdict, Verdict::Accepted | Verdict::Partial));
    if yes && !made.tells(&Name::Amount) && !made.assume_amount {
        table.fault("an accepted answer needs its `{amount}` in a field, or assume_amount = true");
    }
    if yes && !made.tells(&Name::IssuerReference) {
        table.fault("an accepted answer needs the `{issuer_reference}` in a field");
    }
    if made.rules.iter().any(|rule| rule.verdict == Verdict::Duplicate) && !made.tells(&Name::IssuerReference)
    {
        table.fault("a duplicate needs the `{issuer_reference}` in a field");
    }
    if made.window_ms > 0 && !made.tells(&Name::Timestamp) {
        table.fault("window_ms needs the `{timestamp}` in a field or header");
    }
    if let Some(sign) = &made.sign {
        for name in unsigned(made, sign) {
            table.fault_at(sign_at, format!("sign: `{name}` is read and not signed"));
        }
    }
}

/// What is read from an answer although its signature does not cover it.
fn unsigned<'a>(made: &'a Section, sign: &'a Sign) -> Vec<&'a String> {
    let Signed::Fields { canonical, except, .. } = &sign.signed else { return Vec::new() };
    let covered = |name: &str| {
        let bare = name.strip_prefix('/').unwrap_or(name);
        match &canonical.order {
            Order::Fixed(fields) => fields.iter().any(|field| field == bare),
            // Of JSON, only what stands outermost is sorted.
            Order::Sorted => {
                let outermost = made.encoding == Encoding::Form || !bare.contains(['/', '{']);
                outermost && !except.iter().any(|field| field == bare)
            }
        }
    };
    let conditions = made.rules.iter().flat_map(|rule| rule.when.iter().map(|(name, _)| name));
    let mut names: Vec<_> = made.fields.iter().map(|(name, _)| name).chain(conditions).collect();
    names.retain(|name| !covered(name));
    names.sort_unstable();
    names.dedup();
    names
}

/// The whole.
pub(super) fn terms(terms: &RestTerms, at: usize, faults: &Faults) {
    if !terms.ops.contains_key(&OpKind::Redeem) && !terms.ops.is_empty() {
        faults.add(at, "op.redeem is expected");
    }
    let timed = |(_, template): &Field| template.has(&Name::Timestamp);
    let stamped = terms.headers.iter().any(timed)
        || terms.ops.values().all(|op| op.fields.iter().chain(&op.inner).any(timed));
    if terms.time.window_ms > 0 && !stamped {
        faults.add(at, "time.window_ms needs the `{timestamp}` in a header or in a field of every operation");
    }
    let carries = |(_, template): &Field| template.has(&Name::Token);
    let carried = terms.headers.iter().any(carries)
        || terms.ops.values().all(|op| op.fields.iter().chain(&op.inner).any(carries));
    if terms.session.is_some() && !carried {
        faults.add(at, "session: its `{token}` is expected in a header or in a field of every operation");
    }
    let Some(sign) = &terms.sign else { return };
    // What a field of the request may not be called.
    if let Place::Field(place) = &sign.place {
        let taken = |op: &Op| op.fields.iter().any(|(name, _)| name == place);
        if terms.ops.values().any(taken) {
            faults.add(at, format!("sign: `{place}` is a field already"));
        }
    }
    let Signed::Fields { canonical, .. } = &sign.signed else { return };
    let deep = |op: &Op| op.fields.iter().any(|(name, _)| name.matches('/').count() > 1);
    if canonical.order == Order::Sorted && terms.encoding == Encoding::Json && terms.ops.values().any(deep) {
        faults.add(at, "sign: over = \"sorted\" signs outermost members, and a field lies deeper");
    }
}
