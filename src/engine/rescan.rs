//! Cards that are scanned again, because their token has gone stale while people looked.

use super::Engine;
use super::live::{Live, Told};
use super::output::{Event, Heard};
use crate::base::{RedemptionId, Secret, Wall};
use crate::card::token::TokenError;
use crate::flow::{FlowError, Input};

/// A token that was scanned again, not checked yet.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) token: Secret,
    pub(super) received_at: Option<Wall>,
}

impl Engine {
    /// The token that was scanned again is another redemption's: the step that used it does not
    /// stand, and this one waits on as the records have it.
    pub(super) fn token_replayed(&mut self, id: RedemptionId) {
        let live = self.live.get_mut(&id);
        let (inbox, ask) = live.map(|live| (core::mem::take(&mut live.inbox), live.ask)).unzip();
        self.forget(id);
        let error = TokenError::Replayed;
        self.event(Event::Refused { redemption: id, error: Some(error.into()) });
        self.heard(id, ask.flatten(), Heard::Refused(error.into()));
        self.tell(id, Told::of(Input::Note(error.reason())));
        inbox.into_iter().flatten().for_each(|told| self.tell(id, told));
    }

    /// Checks a token that was scanned again; what is refused is noted, and whoever asked hears it.
    pub(super) fn scanned(
        &mut self,
        live: &Live,
        scan: &Scan,
        ask: &mut Option<u64>,
    ) -> Result<Input, FlowError> {
        let not_now = FlowError::NotNow(live.r.state);
        let product = self.setup.product_at(live.places).filter(|_| live.r.wants_token);
        let (product, card) = product.zip(live.card.as_ref()).ok_or(not_now)?;
        let at = scan.received_at.unwrap_or(self.now.wall);
        match self.setup.check_token(product, card, &scan.token, at) {
            Ok(used) => Ok(Input::Scanned(used)),
            Err(error) => {
                self.event(Event::Refused { redemption: live.r.id, error: Some(error.into()) });
                self.heard(live.r.id, ask.take(), Heard::Refused(error.into()));
                Ok(Input::Note(error.reason()))
            }
        }
    }
}
