//! Commitments: a record shows later that a secret was this one, without holding it.

use super::ct_eq;
use crate::base::{Digest, digest};

/// The commitment to `secret` under `salt`: SHA-256 over a domain, the salt and the secret,
/// each with its length.
///
/// The salt is 32 fresh random bytes and is as sensitive as the secret: a PIN of six digits is
/// found from salt and commitment by trying a million. Keep it in the erasable side row beside
/// the sealed secret and let the record hold the commitment alone; with the row erased, the
/// commitment tells nothing.
pub fn commitment(salt: &[u8; 32], secret: &[u8]) -> Digest {
    digest("scrip commitment v1", &[salt, secret])
}

/// Whether `committed` is the [`commitment`] to this secret, in constant time.
pub fn commitment_matches(salt: &[u8; 32], secret: &[u8], committed: &Digest) -> bool {
    ct_eq(&commitment(salt, secret).0, &committed.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_fits_its_salt_and_secret_only() {
        let committed = commitment(&[1; 32], b"123456");
        assert!(commitment_matches(&[1; 32], b"123456", &committed));
        assert!(!commitment_matches(&[2; 32], b"123456", &committed));
        assert!(!commitment_matches(&[1; 32], b"123457", &committed));
        assert!(!commitment_matches(&[1; 32], b"12345", &committed));
    }
}
