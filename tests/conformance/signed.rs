//! The other end of signed JSON.

use scrip::adapters::signed_json::{Server, SignedJson};
use scrip::issuer::{Answer, Issuer, Message};
use scrip::sim::kit::{CardText, FarEnd, Heard, Said, Says};
use scrip::vault::tag;

pub(crate) fn issuer() -> Box<dyn Issuer> {
    Box::new(SignedJson::new(crate::profile("signed_json", crate::RECOGNISES), crate::key()).unwrap())
}

pub(crate) struct End(Server);

/// A payload signed by hand, as the protocol's description says.
fn signed(payload: &str) -> Vec<u8> {
    let sig = tag(&crate::key(), "scrip signed json answer v1", &[payload.as_bytes()]);
    let sig: String = sig.iter().map(|byte| format!("{byte:02x}")).collect();
    let payload = payload.replace('"', "\\\"");
    format!("{{\"payload\":\"{payload}\",\"sig\":\"{sig}\"}}").into_bytes()
}

impl End {
    pub(crate) fn new() -> Self {
        Self(Server::new(crate::key()).unwrap())
    }
}

impl FarEnd for End {
    fn signs(&self) -> bool {
        true
    }

    fn read(&mut self, request: &Message, card: CardText) -> Option<Vec<Heard>> {
        let fits = |open: &scrip::adapters::signed_json::OpenCard| {
            open.secret.expose() == card.data().secret
                && open.number.as_ref().map(|number| number.expose()) == card.data().number
        };
        let heard = self.0.read(&request.body).ok()?.into_iter().map(|asked| Heard {
            kind: asked.kind,
            reference: Some(asked.reference),
            key: asked.reference.to_string(),
            amount: Some(asked.amount),
            card_fits: asked.card.as_ref().is_none_or(fits),
        });
        Some(heard.collect())
    }

    fn write(&mut self, _request: &Message, said: &[Said]) -> Option<Vec<u8>> {
        if let [Said { says: Says::Strange(number), kind, reference, .. }] = said {
            let words = match number % 2 {
                0 => format!("\"status\":\"status_{number}\""),
                _ => format!("\"status\":\"declined\",\"reason\":\"reason_{number}\""),
            };
            let line = format!("{{\"ref\":\"{reference}\",\"op\":\"{}\",{words}}}", kind.name());
            return Some(signed(&format!("{{\"v\":1,\"answers\":[{line}]}}")));
        }
        let answer = |said: &Said| {
            let outcome = said.outcome(Some(self.0.card_tag(said.card.data())))?;
            Some((said.reference, Answer { kind: said.kind, outcome, by_file: false }))
        };
        let answers: Option<Vec<_>> = said.iter().map(answer).collect();
        Some(self.0.answer(&answers?))
    }
}
