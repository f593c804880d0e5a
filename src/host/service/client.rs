//! What callers hold.

use super::events::Events;
use super::health::{Health, Readiness};
use super::promise::{Promise, promise};
use super::shared::{Input, Shared};
use super::{Ask, ServiceError, figures};
use crate::base::{RedemptionId, Secret, Text, Wall};
use crate::engine::Request;
use crate::flow::{Finding, Summary, Verdict};
use crate::host::Outcome;
use std::boxed::Box;
use std::sync::Arc;

/// A handle on a service, for any thread or task; cheap to clone.
///
/// Every call takes effect when it is made, not when its [`Promise`] is first awaited, and nothing
/// calls it off: a promise that is dropped is a result that nobody hears. Whoever lost one asks
/// again with the same request id and is told how the redemption stands.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Shared>);

impl Client {
    /// Buys one card back: tells the outcome once that has ended or waits for people. That may
    /// take as long as the issuer does; a caller with less time stops waiting and asks again later.
    ///
    /// # Errors
    /// [`ServiceError`]; with [`Busy`](ServiceError::Busy), [`Draining`](ServiceError::Draining)
    /// and [`Submit`](ServiceError::Submit) nothing was done.
    pub fn redeem(&self, request: Request) -> Promise<Outcome> {
        let (teller, promise) = promise();
        match self.0.ask(|| Input::Redeem(Box::new(request), teller)) {
            Ok(()) => promise,
            Err(error) => {
                let busy = matches!(error, ServiceError::Busy { .. });
                figures::turned_away(if busy { "busy" } else { "closed" });
                Promise::ready(Err(error))
            }
        }
    }

    /// A decision by people; tells how the redemption stands once it is durable.
    ///
    /// # Errors
    /// [`ServiceError`]; [`Refused`](ServiceError::Refused) if it does not fit,
    /// [`NotKnown`](ServiceError::NotKnown) if there is no such redemption.
    pub fn decide(&self, id: RedemptionId, verdict: Verdict) -> Promise<Summary> {
        self.ask(id, Ask::Decide(verdict))
    }

    /// The seller's answer to a challenge.
    ///
    /// # Errors
    /// As [`Client::decide`].
    pub fn answer(&self, id: RedemptionId, passed: bool) -> Promise<Summary> {
        self.decide(id, Verdict::Challenge { passed })
    }

    /// Calls a redemption off; possible before redeeming only.
    ///
    /// # Errors
    /// As [`Client::decide`].
    pub fn cancel(&self, id: RedemptionId, by: Text) -> Promise<Summary> {
        self.decide(id, Verdict::Cancel { by })
    }

    /// Ends a suspense on evidence; two people sign.
    ///
    /// # Errors
    /// As [`Client::decide`].
    pub fn resolve(&self, id: RedemptionId, by: Text, second: Text, finding: Finding) -> Promise<Summary> {
        self.decide(id, Verdict::Resolve { by, second, finding })
    }

    /// The card of a redemption was scanned again, as
    /// [`Summary::wants_scan`](crate::flow::Summary::wants_scan) asks.
    ///
    /// # Errors
    /// As [`Client::decide`]; [`Refused`](ServiceError::Refused) says what is wrong with the token.
    pub fn rescan(&self, id: RedemptionId, token: &str, received_at: Option<Wall>) -> Promise<Summary> {
        self.ask(id, Ask::Rescan(Secret::from(token), received_at))
    }

    /// Erases the personal fields of a redemption; the records and their proofs stay.
    ///
    /// # Errors
    /// As [`Client::decide`].
    pub fn erase(&self, id: RedemptionId) -> Promise<Summary> {
        self.ask(id, Ask::Erase)
    }

    /// Seals what is kept of a redemption with the current key.
    /// [`sealed_before`](crate::host::sealed_before) tells where that is due.
    ///
    /// # Errors
    /// As [`Client::decide`].
    pub fn reseal(&self, id: RedemptionId) -> Promise<Summary> {
        self.ask(id, Ask::Reseal)
    }

    fn ask(&self, id: RedemptionId, ask: Ask) -> Promise<Summary> {
        let (teller, promise) = promise();
        match self.0.ask(|| Input::Ask(id, ask, teller)) {
            Ok(()) => promise,
            Err(error) => Promise::ready(Err(error)),
        }
    }

    /// Every event from now on. At most `most` are kept for a subscriber that is slow.
    pub fn events(&self, most: usize) -> Events {
        self.0.listeners.subscribe(most)
    }

    /// Whether the service lives.
    pub fn health(&self) -> Health {
        self.0.health()
    }

    /// Whether the service should be given requests now.
    pub fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}
