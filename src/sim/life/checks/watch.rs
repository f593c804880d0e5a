//! What is kept outside of all nodes, to look at them from there.

use super::{ensure, root_of};
use crate::audit::{self, AuditError};
use crate::base::{Digest, RedemptionId};
use crate::engine::{Call, CallId, Sent};
use crate::issuer::OpKind;
use crate::sim::life::node::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::String;

/// What is kept outside.
#[derive(Default)]
pub(in crate::sim::life) struct Watch {
    /// The latest audit checkpoint of each log: how many records, and the root.
    held: BTreeMap<u32, (u64, Digest)>,
    /// Where debits were sent that may have arrived, by call.
    sites: BTreeMap<RedemptionId, BTreeMap<u64, u32>>,
    /// Where the latest debit was sent.
    latest: BTreeMap<RedemptionId, u32>,
    corrected: BTreeSet<RedemptionId>,
    /// The logs that were put back and not opened since.
    put_back: BTreeSet<u32>,
    /// Whether the store was ever put back: what it has forgotten cannot be asked for.
    pub(in crate::sim::life) forgot: bool,
}

/// The issuers that debit once more what comes once more.
pub(super) const DEBITS_AGAIN: [&str; 2] = ["undo", "bare"];

impl Watch {
    /// A checkpoint goes to somebody outside.
    pub(super) fn hold(&mut self, node: &Node) {
        self.held.insert(node.log, node.engine.audit());
    }

    /// A call leaves: a debit is repeated at the site only that may have got it. Whether it goes to
    /// another one than before.
    pub(super) fn leaves(&mut self, call: &Call, issuer: &str) -> Result<bool, String> {
        if call.kind != OpKind::Redeem || super::BY_FILE.contains(&issuer) {
            return Ok(false);
        }
        let sites = self.sites.entry(call.redemption).or_default();
        let other = sites.values().find(|site| **site != call.endpoint).copied();
        sites.insert(call.id.number, call.endpoint);
        ensure(other.is_none(), || {
            format!("a debit that may have reached site {other:?} is sent to site {}", call.endpoint)
        })?;
        let before = self.latest.insert(call.redemption, call.endpoint);
        Ok(before.is_some_and(|before| before != call.endpoint))
    }

    /// Whether a debit was sent before that may have arrived.
    pub(in crate::sim::life) fn may_have_arrived(&self, redemption: RedemptionId) -> bool {
        self.sites.get(&redemption).is_some_and(|sites| !sites.is_empty())
    }

    /// The network says that a call is lost.
    pub(in crate::sim::life) fn lost(&mut self, id: CallId, sent: Sent) {
        if sent == Sent::NotSent {
            for sites in self.sites.values_mut() {
                sites.remove(&id.number);
            }
        }
    }

    pub(in crate::sim::life) fn corrected(&mut self, id: RedemptionId) {
        self.corrected.insert(id);
    }

    pub(in crate::sim::life) fn is_corrected(&self, id: RedemptionId) -> bool {
        self.corrected.contains(&id)
    }

    /// The store was put back, and its logs have so many records now.
    pub(super) fn restored(&mut self, len: &dyn Fn(u32) -> u64) {
        let shorter = self.held.iter().filter(|(log, (size, _))| len(**log) < *size);
        self.put_back = shorter.map(|(log, _)| *log).collect();
        self.forgot = true;
        self.sites.clear();
    }

    /// A log was opened: it continues what was held outside, unless it was put back, and then the
    /// checkpoint shows that.
    pub(super) fn recovered(&mut self, log: u32, leaves: &[Digest]) -> Result<(), String> {
        let Some((size, root)) = self.held.get(&log).copied() else { return Ok(()) };
        let len = leaves.len() as u64;
        let grown = if len < size {
            Err(AuditError::Shrunk { old: size, new: len })
        } else {
            let proof = audit::consistency_proof(&mut &*leaves, size, len);
            let own = root_of(leaves);
            proof.and_then(|proof| audit::verify_consistency(size, &root, len, &own, &proof))
        };
        let put_back = self.put_back.remove(&log);
        if put_back {
            self.held.remove(&log);
        }
        match grown {
            Err(error) => ensure(put_back, || format!("log {log} does not continue its checkpoint: {error}")),
            Ok(()) => {
                ensure(!put_back, || format!("log {log} was put back, and its checkpoint does not show it"))
            }
        }
    }
}
