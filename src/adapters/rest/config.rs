//! Terms as a set-up gives them: a whole profile, or the name of one that comes with the library
//! and values for its parameters.

use super::profiles::profile;
use super::table::{Fault, Faults, Table};
use super::{RestTerms, shipped_by};
use alloc::format;
use alloc::vec::Vec;
use toml::de::DeTable;

/// The terms of an issuer whose adapter is `adapter`, from its table `terms` at byte `at`.
pub(in crate::adapters) fn configured(
    adapter: &str,
    table: Option<&DeTable<'_>>,
    at: usize,
) -> Result<RestTerms, Vec<Fault>> {
    let empty = DeTable::new();
    let table = table.unwrap_or(&empty);
    let named = table.iter().any(|(name, _)| name.get_ref() == "profile");
    let terms = match shipped_by(adapter) {
        None if !named => RestTerms::read(table, at)?,
        own => shipped(own, table, at)?,
    };
    let missing = |name: &str| Fault { at, what: format!("terms: params.{name} needs a value") };
    let faults: Vec<Fault> = terms.missing_params().map(missing).collect();
    if faults.is_empty() { Ok(terms) } else { Err(faults) }
}

/// A profile of ours with parameters.
fn shipped(own: Option<&str>, table: &DeTable<'_>, at: usize) -> Result<RestTerms, Vec<Fault>> {
    let faults = Faults::default();
    let mut table = Table::new(table, at, &faults);
    let text = match own {
        Some(name) => profile(name),
        None => table.text("profile").and_then(|word| {
            let text = profile(word.text);
            if text.is_none() {
                faults.add(word.at, format!("profile: `{}` does not come with the library", word.text));
            }
            text
        }),
    };
    let params = table.pairs("params");
    table.finish();
    let terms = text.map(|text| RestTerms::parse(text).expect("what is shipped is tested"));
    let mut terms = terms.ok_or_else(|| faults.sorted())?;
    for (name, value) in params {
        match terms.clone().with_params([(name.text, value.text)]) {
            Some(with) => terms = with,
            None => faults.add(name.at, format!("params: the profile has no `{}`", name.text)),
        }
    }
    let faults = faults.sorted();
    if faults.is_empty() { Ok(terms) } else { Err(faults) }
}
