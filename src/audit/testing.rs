//! What several test modules of this room share.

use super::leaf_hash;
use crate::base::Digest;
use alloc::vec::Vec;

/// The leaves of the certificate-transparency reference tests.
pub(super) fn reference_leaves() -> Vec<Digest> {
    let records: [&[u8]; 8] =
        [b"", b"\0", b"\x10", b"\x20\x21", b"\x30\x31", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    records.map(leaf_hash).into()
}

/// The roots over the first 1, 2, … 8 of the reference leaves.
pub(super) const REFERENCE_ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// `count` different leaves.
pub(super) fn numbered(count: u64) -> Vec<Digest> {
    (0..count).map(|number| leaf_hash(&number.to_le_bytes())).collect()
}
