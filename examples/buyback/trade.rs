//! The lines of the file as requests, and what became of them.

use crate::fault::{InputError, LineError};
use crate::intake::{Intake, Row};
use crate::progress::Progress;
use crate::report::{Outcome, State};
use crate::stages::Stages;
use scrip::base::{RedemptionId, Wall};
use scrip::engine::{Request, SubmitError};
use scrip::flow::Summary;
use scrip::host::{self, Source};
use scrip::money::Amount;
use std::collections::HashMap;
use std::io::BufRead;
use std::time::{Duration, Instant};

/// Everything that is known of a run's lines.
pub(crate) struct Trade<R> {
    intake: Intake<R>,
    /// Each product's issuer.
    issuers: HashMap<String, String>,
    progress: Progress,
    /// One outcome per line, in the order of the file.
    pub(crate) outcomes: Vec<Outcome>,
    /// The outcome that each request, by its place among the requests, belongs to.
    places: Vec<usize>,
    /// The outcomes that show a redemption: the request's own and its resends.
    shown: HashMap<RedemptionId, Vec<usize>>,
    pub(crate) stages: Stages,
    /// What ended the reading of the file, if anything did.
    pub(crate) fault: Option<InputError>,
    settled: u64,
    /// How many requests come a second, since when, and how many have come.
    rate: Option<(u32, Instant, u32)>,
}

impl<R: BufRead> Trade<R> {
    /// Requests come so many a second, and not as fast as they are taken.
    pub(crate) fn at_rate(mut self, rate: Option<u32>) -> Self {
        self.rate = rate.map(|rate| (rate, Instant::now(), 0));
        self
    }

    pub(crate) fn new(intake: Intake<R>, issuers: HashMap<String, String>, progress: Progress) -> Self {
        Self {
            intake,
            issuers,
            progress,
            outcomes: Vec::new(),
            places: Vec::new(),
            shown: HashMap::new(),
            stages: Stages::default(),
            fault: None,
            settled: 0,
            rate: None,
        }
    }

    fn done(&mut self) {
        self.settled += 1;
        self.progress.update(self.settled);
    }
}

impl<R: BufRead> Source for Trade<R> {
    fn due_in_ms(&mut self) -> i64 {
        let Some((rate, since, come)) = self.rate else { return 0 };
        let due = Duration::from_secs(1) * come / rate;
        i64::try_from(due.saturating_sub(since.elapsed()).as_millis()).unwrap_or(0)
    }

    fn next(&mut self) -> Option<Request> {
        if let Some((_, _, come)) = &mut self.rate {
            *come += 1;
        }
        loop {
            let line = match self.intake.next()? {
                Ok(line) => line,
                Err(fault) => {
                    self.fault = Some(fault);
                    return None;
                }
            };
            match line.parsed {
                Ok(row) => {
                    self.places.push(self.outcomes.len());
                    let issuer = self.issuers.get(row.product.as_str()).cloned();
                    self.outcomes.push(Outcome { issuer, ..named(line.number, &row) });
                    return Some(request(&row));
                }
                Err(error) => {
                    self.outcomes.push(Outcome::malformed(line.number, error));
                    self.done();
                }
            }
        }
    }

    fn settled(&mut self, place: u64, id: Option<RedemptionId>, result: Result<host::Outcome, SubmitError>) {
        let at = self.places[usize::try_from(place).expect("a file has fewer lines than memory has bytes")];
        let outcome = &mut self.outcomes[at];
        outcome.redemption_id = id.map(|id| id.to_string());
        match result {
            Ok(settled) => {
                outcome.state = state(settled.state());
                match (settled.summary(), id) {
                    (Some(summary), Some(id)) => {
                        show(outcome, summary);
                        self.shown.entry(id).or_default().push(at);
                    }
                    _ => outcome.reason = Some(settled.state().into()),
                }
            }
            Err(error) => refused(outcome, error),
        }
        self.done();
    }

    fn moved(&mut self, id: RedemptionId, summary: &Summary) {
        self.stages.moved(id, summary);
        for &at in self.shown.get(&id).map_or(&[][..], Vec::as_slice) {
            let outcome = &mut self.outcomes[at];
            outcome.state = state(summary.public_state());
            show(outcome, summary);
        }
    }
}

fn request(row: &Row) -> Request {
    let text = |secret: &scrip::base::Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let mut request = Request::new(&row.request_id, &row.seller_id, &row.product)
        .secret(&text(&row.card_secret))
        .face(row.face)
        .received_at(Wall(row.received_at_ms));
    if let Some(number) = &row.card_number {
        request = request.number(&text(number));
    }
    if let Some(channel) = &row.channel {
        request = request.channel(channel);
    }
    if let Some(device) = &row.device_id {
        request = request.device(device);
    }
    if let Some(ip) = &row.ip {
        request = request.ip(&ip.to_string());
    }
    if let Some(place) = &row.place {
        request = request.place(place.lat_micro, place.lon_micro);
    }
    request
}

/// What the line itself says; its state is filled in when it is settled.
fn named(line: u64, row: &Row) -> Outcome {
    Outcome {
        request_id: Some(row.request_id.as_str().into()),
        face_minor: Some(row.face.minor()),
        payout_minor: Some(0),
        fee_minor: Some(0),
        currency: Some(row.face.currency()),
        ..Outcome::new(line, State::Suspended)
    }
}

fn show(outcome: &mut Outcome, summary: &Summary) {
    outcome.reason = summary.reason.as_ref().map(|reason| reason.as_str().into());
    outcome.issuer = Some(summary.issuer.as_str().into());
    outcome.verified_minor = summary.verified.map(Amount::minor);
    outcome.verified_age_ms = summary.verified_age_ms;
    outcome.payout_minor = Some(summary.payout.map_or(0, Amount::minor));
    outcome.fee_minor = Some(summary.fee.map_or(0, Amount::minor));
}

/// A request that the engine does not take: wrong as it stands, or not what the product takes.
fn refused(outcome: &mut Outcome, error: SubmitError) {
    match error {
        SubmitError::Invalid { field, reason, what } => {
            let error = LineError::new(Some(field), reason, what);
            let request_id = outcome.request_id.take();
            *outcome = Outcome { request_id, ..Outcome::malformed(outcome.line, error) };
        }
        SubmitError::Refused { reason, .. } => {
            outcome.state = State::Declined;
            outcome.reason = Some(reason.into());
        }
        SubmitError::Busy | SubmitError::Vault(_) => {
            let vault = matches!(error, SubmitError::Vault(_));
            outcome.state = State::CardBusy;
            outcome.reason = Some(if vault { "vault" } else { "busy" }.into());
        }
    }
}

fn state(name: &str) -> State {
    State::ALL.into_iter().find(|state| state.name() == name).unwrap_or(State::Suspended)
}
