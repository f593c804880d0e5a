//! The `[keys]` table. Read without serde, whose errors would quote what they found.

use super::{ConfigError, Fault, Wrong, key_of};
use crate::base::Secret;
use crate::vault::{KeyId, KeyRing, PepperVersion};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The keys, as far as nobody has taken them yet.
#[derive(Default)]
pub(super) struct Keys {
    keys: Vec<(KeyId, Secret)>,
    peppers: Vec<(PepperVersion, Secret)>,
    channels: BTreeMap<String, (usize, Secret)>,
    /// Where the first key or pepper of the ring stands.
    at: Option<usize>,
}

const EXPECTED: &str = "key.NUMBER, pepper.NUMBER or channel.NAME = \"64 hexadecimal digits\" is expected";

impl Keys {
    pub(super) fn read(text: &str) -> Result<Self, Wrong> {
        let table = DeTable::parse(text).map_err(|error| Wrong::of(&error))?;
        let mut keys = Self::default();
        for (_, section) in table.into_inner() {
            let at = section.span().start;
            let DeValue::Table(section) = section.into_inner() else { return Err(Wrong::new(at, EXPECTED)) };
            for (kind, entries) in section {
                let at = kind.span().start;
                let DeValue::Table(entries) = entries.into_inner() else {
                    return Err(Wrong::new(at, EXPECTED));
                };
                for (name, value) in entries {
                    keys.put(kind.get_ref(), (name.span().start, name.get_ref()), &value)?;
                }
            }
        }
        Ok(keys)
    }

    fn put(
        &mut self,
        kind: &str,
        (at, name): (usize, &str),
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Wrong> {
        let DeValue::String(digits) = value.get_ref() else {
            return Err(Wrong::new(value.span().start, EXPECTED));
        };
        let expected = || Wrong::new(value.span().start, "64 lower-case hexadecimal digits are expected");
        let key = key_of(digits).ok_or_else(expected)?;
        let number = || name.parse::<u16>().map_err(|_| Wrong::new(at, "a number up to 65535 is expected"));
        if kind != "channel" {
            self.at = self.at.or(Some(at));
        }
        match kind {
            "key" => self.keys.push((KeyId(number()?), key)),
            "pepper" => self.peppers.push((PepperVersion(number()?), key)),
            "channel" => {
                self.channels.insert(name.to_string(), (at, key));
            }
            _ => return Err(Wrong::new(at, EXPECTED)),
        }
        Ok(())
    }

    /// The key of a channel whose table stands at `at`.
    pub(super) fn channel(&mut self, name: &str, at: usize) -> Result<Secret, Wrong> {
        let missing = || Wrong::new(at, format!("channel `{name}` needs channel.{name} in [keys]"));
        self.channels.remove(name).map(|(_, key)| key).ok_or_else(missing)
    }

    /// That every channel has taken its key.
    fn all_taken(&self) -> Result<(), Fault> {
        match self.channels.iter().next() {
            Some((name, (at, _))) => {
                let what = format!("no channel `{name}` asks for a key");
                Err(Fault::At(Wrong::new(*at, what)))
            }
            None => Ok(()),
        }
    }

    /// That there are no keys but those that channels have taken: the ring comes from elsewhere.
    pub(super) fn channels_only(self) -> Result<(), Fault> {
        self.all_taken()?;
        match self.at {
            Some(at) => Err(Fault::At(Wrong::new(at, "the key ring comes from elsewhere: no key or pepper"))),
            None => Ok(()),
        }
    }

    /// The ring, once every channel has taken its key.
    pub(super) fn ring(self) -> Result<KeyRing, Fault> {
        self.all_taken()?;
        KeyRing::new(self.keys, self.peppers).map_err(|error| Fault::Whole(ConfigError::Keys(error)))
    }
}
