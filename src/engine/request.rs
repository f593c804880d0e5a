//! A request: here is a card.

use crate::base::{RedemptionId, Secret, Text, Wall, digest};
use crate::money::Amount;
use crate::vault::VaultError;
use alloc::string::{String, ToString};

/// A request to buy a card back. Fields are checked when it is submitted.
#[derive(Clone, Debug)]
pub struct Request {
    pub(super) caller: String,
    pub(super) request_id: String,
    pub(super) seller: String,
    pub(super) product: String,
    pub(super) number: Option<Secret>,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
    pub(super) face: Option<Amount>,
    pub(super) received_at: Option<Wall>,
    pub(super) channel: Option<String>,
    pub(super) device: Option<String>,
    pub(super) ip: Option<String>,
    pub(super) place: Option<(i32, i32)>,
    pub(super) generation: u32,
}

impl Request {
    /// A request with the caller's id for it, who sells, and the product.
    pub fn new(request_id: &str, seller: &str, product: &str) -> Self {
        Self {
            caller: "local".to_string(),
            request_id: request_id.to_string(),
            seller: seller.to_string(),
            product: product.to_string(),
            number: None,
            secret: Secret::default(),
            token: None,
            face: None,
            received_at: None,
            channel: None,
            device: None,
            ip: None,
            place: None,
            generation: 0,
        }
    }

    /// The redemption that it names: derived from caller and request id, the same for ever.
    pub fn redemption(&self) -> RedemptionId {
        RedemptionId(
            digest("scrip redemption v1", &[self.caller.as_bytes(), self.request_id.as_bytes()]).head16(),
        )
    }

    /// Who submits it: request ids are scoped by caller. `local` if not said.
    #[must_use]
    pub fn caller(mut self, caller: &str) -> Self {
        self.caller = caller.to_string();
        self
    }

    /// The card number, as typed; left out where the product has none.
    #[must_use]
    pub fn number(mut self, number: &str) -> Self {
        self.number = Some(number.into());
        self
    }

    /// The card secret, as typed.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = secret.into();
        self
    }

    /// The dynamic token (动态码) that was shown with the card, as scanned or typed. Its freshness is
    /// judged at the time of [`received_at`](Self::received_at), which a host that keeps requests
    /// waiting should therefore set. Where the number of the card is not given, it is taken from
    /// the token. A resend may bring another token, and gets the answer of the first; a request
    /// whose token was refused is over, and another scan is another request.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(Secret::from(token)).filter(|token| !token.is_empty());
        self
    }

    /// The face value as declared.
    #[must_use]
    pub const fn face(mut self, face: Amount) -> Self {
        self.face = Some(face);
        self
    }

    /// When the caller received it; the engine's clock if not said.
    #[must_use]
    pub const fn received_at(mut self, at: Wall) -> Self {
        self.received_at = Some(at);
        self
    }

    /// Through which channel it came (`app`, `shop`, `terminal`, ...).
    #[must_use]
    pub fn channel(mut self, channel: &str) -> Self {
        self.channel = Some(channel.to_string());
        self
    }

    /// From which device.
    #[must_use]
    pub fn device(mut self, device: &str) -> Self {
        self.device = Some(device.to_string());
        self
    }

    /// From which address.
    #[must_use]
    pub fn ip(mut self, ip: &str) -> Self {
        self.ip = Some(ip.to_string());
        self
    }

    /// From where, in millionths of a degree of latitude and longitude.
    #[must_use]
    pub const fn place(mut self, latitude: i32, longitude: i32) -> Self {
        self.place = Some((latitude, longitude));
        self
    }

    /// For a reloadable card: which loading of it this is, from 1.
    #[must_use]
    pub const fn generation(mut self, generation: u32) -> Self {
        self.generation = generation;
        self
    }
}

/// A request that is not taken. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// A field is wrong.
    #[error("{field}: {what}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// A stable code in snake case.
        reason: &'static str,
        /// What was expected; never the value.
        what: String,
    },
    /// A field is right and the product does not take it.
    #[error("{field}: {what}")]
    Refused {
        /// Which field.
        field: &'static str,
        /// A stable code in snake case.
        reason: &'static str,
        /// What the product takes.
        what: String,
    },
    /// The vault does not seal: its key is spent, or the key's holder cannot be reached.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Too much is in flight: submit again later.
    #[error("too much is in flight")]
    Busy,
}

impl SubmitError {
    /// The stable number.
    pub const fn code(&self) -> crate::base::Code {
        let case = match self {
            Self::Invalid { .. } => 5,
            Self::Refused { .. } => 6,
            Self::Busy => 7,
            Self::Vault(error) => return error.code(),
        };
        crate::base::Code::new(crate::base::block::ENGINE, case)
    }

    /// What to do about it.
    pub const fn advice(&self) -> crate::base::Advice {
        match self {
            Self::Busy => crate::base::Advice::Retry,
            Self::Vault(error) => error.advice(),
            _ => crate::base::Advice::Fix,
        }
    }
}

pub(super) fn text(field: &'static str, reason: &'static str, value: &str) -> Result<Text, SubmitError> {
    Text::new(value).map_err(|error| SubmitError::Invalid { field, reason, what: error.to_string() })
}

pub(super) fn text_opt(
    field: &'static str,
    reason: &'static str,
    value: Option<&String>,
) -> Result<Option<Text>, SubmitError> {
    value.map(|value| text(field, reason, value)).transpose()
}
