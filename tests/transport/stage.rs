//! A transport with one channel, and calls for it.

use scrip::base::{Mono, RedemptionId};
use scrip::engine::{Call, CallId, ChannelId};
use scrip::host::transport::{ChannelTerms, Wire, WireOptions};
use scrip::host::{Arrival, Transport};
use scrip::issuer::OpKind;

/// A transport whose only channel is this.
pub(crate) fn wire(terms: ChannelTerms) -> Wire {
    Wire::open(WireOptions { channels: vec![terms], ..WireOptions::default() }).unwrap()
}

/// The usual terms for one site.
pub(crate) fn terms(endpoint: &str) -> ChannelTerms {
    ChannelTerms::new(vec![endpoint.to_string()])
}

/// A call that may be sent for two seconds and is answered within three.
pub(crate) fn call(wire: &mut Wire, number: u64, bytes: &[u8]) -> Call {
    let now = wire.now().mono;
    Call {
        id: id(number),
        endpoint: 0,
        kind: OpKind::Redeem,
        redemption: RedemptionId([7; 16]),
        attempt: 1,
        send_by: now.plus(2_000),
        answer_by: now.plus(3_000),
        head: Vec::new(),
        bytes: bytes.to_vec().into(),
    }
}

pub(crate) fn id(number: u64) -> CallId {
    CallId { channel: ChannelId(0), number }
}

/// The next arrival, within ten seconds.
pub(crate) fn next(wire: &mut Wire) -> Arrival {
    let until = wire.now().mono.plus(10_000);
    wire.next(Some(until)).expect("something arrives within ten seconds")
}

/// Makes a call and waits for what comes of it.
pub(crate) fn ask(wire: &mut Wire, number: u64, bytes: &[u8]) -> Arrival {
    let call = call(wire, number, bytes);
    wire.start(call);
    next(wire)
}

/// That nothing more arrives for so long.
pub(crate) fn nothing_for(wire: &mut Wire, ms: i64) {
    let until: Mono = wire.now().mono.plus(ms);
    assert_eq!(wire.next(Some(until)), None);
}

pub(crate) fn reply(number: u64, bytes: &[u8]) -> Arrival {
    Arrival::Reply(id(number), bytes.to_vec())
}
