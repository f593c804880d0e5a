//! A transport whose calls are carried by the host's own threads or tasks.

use super::wake::Wakeable;
use crate::base::{Mono, Now};
use crate::engine::{Call, Sent};
use crate::host::inbox::Inbox;
use crate::host::{Arrival, InboundToken, Transport};
use std::boxed::Box;
use std::sync::Arc;
use std::task::Waker;

/// Where threads and tasks put what has come in. Cheap to clone.
#[derive(Clone)]
pub struct Arrivals(Arc<Inbox>);

impl Arrivals {
    /// Brings something in; never blocks. What is inbound is kept by whoever brings it until it is
    /// acknowledged.
    pub fn bring(&self, arrival: Arrival) {
        self.0.bring(arrival);
    }

    /// The clocks that [`Call::send_by`] and [`Call::answer_by`] run on.
    pub fn now(&self) -> Now {
        self.0.now()
    }
}

type Carry = Box<dyn FnMut(Call, &Arrivals) + Send>;
type Acknowledge = Box<dyn FnMut(InboundToken, &[u8]) + Send>;

/// A transport that hands each call to a closure, which starts a thread or a task and returns. The
/// reply is brought through [`Arrivals`], by any thread. It runs on the clocks of the machine.
///
/// Whoever carries a call looks at [`Call::send_by`] again before the first byte leaves, and brings
/// [`Arrival::Lost`] with [`Sent::NotSent`] if that has passed.
pub struct Relay {
    inbox: Arc<Inbox>,
    carry: Carry,
    acknowledge: Acknowledge,
}

impl Relay {
    /// `carry` takes a call on its way and must not block; `acknowledge` is told when an inbound
    /// message need not be kept any longer.
    pub fn new(
        carry: impl FnMut(Call, &Arrivals) + Send + 'static,
        acknowledge: impl FnMut(InboundToken, &[u8]) + Send + 'static,
    ) -> Self {
        Self { inbox: Arc::new(Inbox::new()), carry: Box::new(carry), acknowledge: Box::new(acknowledge) }
    }

    /// Where arrivals are brought, also such as nobody asked for.
    pub fn arrivals(&self) -> Arrivals {
        Arrivals(Arc::clone(&self.inbox))
    }
}

impl Transport for Relay {
    fn now(&mut self) -> Now {
        self.inbox.now()
    }

    fn start(&mut self, call: Call) {
        let arrivals = self.arrivals();
        if self.inbox.now().mono > call.send_by {
            return arrivals.bring(Arrival::Lost(call.id, Sent::NotSent));
        }
        (self.carry)(call, &arrivals);
    }

    fn next(&mut self, until: Option<Mono>) -> Option<Arrival> {
        self.inbox.next(until)
    }

    fn acknowledge(&mut self, token: InboundToken, bytes: &[u8]) {
        (self.acknowledge)(token, bytes);
    }
}

impl Wakeable for Relay {
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.inbox))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{CallId, ChannelId};

    #[test]
    fn a_wait_ends_with_an_arrival_a_wake_or_its_time() {
        let mut relay = Relay::new(|_, _| (), |_, _| ());
        let (arrivals, waker) = (relay.arrivals(), relay.waker());
        assert_eq!(relay.next(Some(arrivals.now().mono.plus(5))), None);
        waker.wake_by_ref();
        assert_eq!(relay.next(None), None, "a wake is kept until somebody waits");
        let lost = Arrival::Lost(CallId { channel: ChannelId(0), number: 1 }, Sent::MaybeSent);
        let brought = lost.clone();
        let bringing = std::thread::spawn(move || arrivals.bring(brought));
        assert_eq!(relay.next(None), Some(lost));
        bringing.join().unwrap();
    }
}
