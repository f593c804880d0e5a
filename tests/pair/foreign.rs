//! OpenSSL's command line signs what is verified here, and verifies what is signed here.

use crate::{key, secret};
use scrip::codec::form::Signer;
use scrip::codec::pair::{RsaSigner, Sm2Signer, Sm2Terms};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The texts: of no, of few and of many bytes.
fn texts() -> [Vec<u8>; 4] {
    [Vec::new(), b"a=1&b=2".to_vec(), "订单号=7".into(), (0..4_000_u32).map(|n| (n % 251) as u8).collect()]
}

/// Runs `openssl` in a folder; `None` if it is not installed.
fn openssl(at: &Path, arguments: &[&str]) -> Option<bool> {
    let mut command = Command::new("openssl");
    let Ok(output) = command.args(arguments).current_dir(at).output() else {
        eprintln!("SKIPPED: openssl is not installed (Debian: openssl)");
        return None;
    };
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || told.to_lowercase().contains("verif"), "{arguments:?}: {told}");
    Some(output.status.success())
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    fn openssl(&self, line: &str) -> Option<bool> {
        openssl(self.0.path(), &line.split(' ').collect::<Vec<_>>())
    }

    /// Each signs for the other, and neither takes a changed signature.
    fn crossed(&self, signer: &dyn Signer, sign: &str, verify: &str) -> Option<()> {
        for text in texts() {
            self.write("text", &text);
            assert!(self.openssl(&format!("{sign} -out theirs text"))?);
            let theirs = self.read("theirs");
            assert!(signer.verify(&text, &theirs), "{} bytes", text.len());
            assert!(!signer.verify(&[&text[..], b"!"].concat(), &theirs));
            let mut ours = signer.sign(&text).unwrap();
            self.write("ours", &ours);
            assert!(self.openssl(&format!("{verify} -signature ours text"))?);
            let last = ours.len() - 1;
            ours[last] ^= 1;
            self.write("ours", &ours);
            assert!(!self.openssl(&format!("{verify} -signature ours text"))?);
        }
        Some(())
    }
}

#[test]
fn rsa_agrees_with_openssl() {
    let folder = Folder::new();
    for bits in [2_048, 3_072, 4_096] {
        let made = format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out key.pem");
        if folder.openssl(&made).is_none() {
            return;
        }
        folder.openssl("pkey -in key.pem -pubout -out public.pem").unwrap();
        let private = scrip::base::Secret::new(folder.read("key.pem"));
        let signer = RsaSigner::signing(&private).unwrap().and_verifying(&folder.read("public.pem")).unwrap();
        folder.crossed(&signer, "dgst -sha256 -sign key.pem", "dgst -sha256 -verify public.pem").unwrap();
    }
}

#[test]
fn sm2_agrees_with_openssl() {
    let folder = Folder::new();
    folder.write("key.pem", key!("sm2").as_bytes());
    folder.write("public.pem", key!("sm2-public").as_bytes());
    for id in ["1234567812345678", "merchant77"] {
        let terms = || Sm2Terms { id: id.into(), ..Sm2Terms::default() };
        let signer = Sm2Signer::signing(&secret(key!("sm2")), terms()).unwrap();
        let signer = signer.and_verifying(key!("sm2-public").as_bytes(), terms()).unwrap();
        let id = format!("-sigopt distid:{id}");
        let (sign, verify) =
            (format!("dgst -sm3 {id} -sign key.pem"), format!("dgst -sm3 {id} -verify public.pem"));
        if folder.crossed(&signer, &sign, &verify).is_none() {
            return;
        }
    }
}
