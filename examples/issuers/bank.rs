//! A bank over TCP: ISO 8583 as UnionPay's terminals speak it, several requests at once on a line.
//!
//! Its book is what it was asked, in order: asked the same again it does the same, and stands where it
//! stood. Lines are sealed requests, in hexadecimal digits; one that was cut is one that was not done.

use crate::dice::Dice;
use crate::office::spawn;
use crate::trouble::Trouble;
use scrip::adapters::bank::{BankTerms, PinFormat, SoftCrypto, X919};
use scrip::base::{RedemptionId, Secret};
use scrip::codec::iso8583::{Frame, Spec};
use scrip::sim::SimBank;
use scrip::vault::{Context, KeyId, KeyRing, PepperVersion, Purpose, tag};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

/// From a request to its answer (SPEC row E1).
const FASTEST_MS: u64 = 500;
const SLOWEST_MS: u64 = 1_200;

/// What every connection shares.
pub(crate) struct Desk {
    bank: Mutex<Books>,
    spec: Spec,
    troubles: Vec<(Trouble, u64)>,
    /// What the next request's latency and trouble are drawn from.
    dice: Dice,
}

/// The bank, and the file in which it can be read what it was asked.
struct Books {
    bank: SimBank,
    file: File,
    seals: Seals,
    /// How many lines it has.
    lines: u64,
}

impl Books {
    /// Lets the bank do what it did before.
    fn open(mut bank: SimBank, seals: Seals, path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let (mut good, mut lines) = (0, 0);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let whole = line.strip_suffix(b"\n");
            let digits = whole.and_then(|line| std::str::from_utf8(line).ok());
            let Some(asked) = digits.and_then(|digits| seals.open(lines, digits)) else {
                break;
            };
            bank.serve(asked.expose());
            good += line.len();
            lines += 1;
        }
        if text[good..].contains(&b'\n') {
            return Err(io::Error::other(format!(
                "{}: not a bank's book from byte {good} on",
                path.display()
            )));
        }
        file.set_len(good as u64)?;
        Ok(Self { bank, file, seals, lines })
    }

    /// Does what is asked, once it can be read that it was.
    fn serve(&mut self, asked: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let (len, line) = (self.file.metadata()?.len(), self.seals.seal(self.lines, asked)?);
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // Half a line must not stand before the next one.
            self.file.set_len(len)?;
            return Err(error);
        }
        self.lines += 1;
        Ok(self.bank.serve(asked))
    }
}

/// Requests tell cards and PINs: in the book each is sealed, for its place there alone.
struct Seals {
    key: Secret,
    ring: KeyRing,
}

impl Seals {
    /// Under keys that are derived from the bank's.
    fn new(master: &Secret) -> io::Result<Self> {
        let derived =
            |name: &str| Secret::new(tag(master, "scrip sim bank book v1", &[name.as_bytes()]).to_vec());
        let keys = [(KeyId(1), derived("key"))].into();
        let ring = KeyRing::new(keys, [(PepperVersion(1), derived("pepper"))].into());
        Ok(Self { key: derived("nonce"), ring: ring.map_err(io::Error::other)? })
    }

    fn seal(&self, line: u64, asked: &[u8]) -> io::Result<String> {
        let place = line.to_be_bytes();
        let nonce = tag(&self.key, "scrip sim bank book nonce v1", &[&place, asked]);
        let nonce = *nonce.first_chunk().expect("a tag has 32 bytes");
        let sealed = self.ring.seal(&in_book(&place), asked, nonce).map_err(io::Error::other)?;
        let digits: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{digits}\n"))
    }

    fn open(&self, line: u64, digits: &str) -> Option<Secret> {
        let pairs =
            (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
        let sealed = pairs.collect::<Option<Vec<u8>>>()?;
        self.ring.open(&in_book(&line.to_be_bytes()), &sealed).ok()
    }
}

fn in_book(place: &[u8; 8]) -> Context<'_> {
    Context { purpose: Purpose::Card, redemption: RedemptionId::default(), bound: place }
}

/// The terms of the bank; its cards are 6222021234567894 and the 98 after it in steps of 10, with PIN
/// 739164 and 5,000.00 each.
fn terms() -> BankTerms {
    BankTerms {
        terminal: "TERM0001".into(),
        merchant: "MERCHANT0000001".into(),
        acquirer: Some("48021000".into()),
        query_code: Some("380000".into()),
        ..BankTerms::default()
    }
}

impl Desk {
    /// A bank with all its cards.
    pub(crate) fn new(seed: u64, troubles: Vec<(Trouble, u64)>, dir: &Path) -> io::Result<Arc<Self>> {
        let spec = Spec::bcd().framed(Frame::UNIONPAY_POS);
        let master = Secret::new(vec![0x5A; 16]);
        let crypto = SoftCrypto::new(&master, Box::new(X919), PinFormat::Iso0);
        let crypto = crypto.ok_or_else(|| io::Error::other("the bank's master key is none"))?;
        let mut bank = SimBank::new(spec.clone(), terms(), crypto);
        for card in 0..99 {
            bank = bank.card(&(6_222_021_234_567_894_u64 + card * 10).to_string(), "739164", 500_000);
        }
        std::fs::create_dir_all(dir)?;
        let bank = Mutex::new(Books::open(bank, Seals::new(&master)?, &dir.join("bank-iso8583.ledger"))?);
        Ok(Arc::new(Self { bank, spec, troubles, dice: Dice::new(seed) }))
    }

    /// Serves the bank for ever.
    pub(crate) fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        for stream in listener.incoming() {
            let (desk, stream) = (Arc::clone(&self), stream?);
            spawn(move || drop(desk.line(stream)))?;
        }
        Ok(())
    }

    /// What stands debited and how often a terminal has signed in, for the report.
    pub(crate) fn report(&self) -> String {
        let bank = &self.bank.lock().unwrap_or_else(PoisonError::into_inner).bank;
        let standing = bank.debits().iter().filter(|debit| !debit.reversed);
        let (count, minor) = standing.fold((0, 0), |(count, minor), debit| (count + 1, minor + debit.minor));
        format!(
            "{{\"debits\":{count},\"debited_minor\":{minor},\"reversed\":{},\"sign_ins\":{}}}",
            bank.debits().len() - count,
            bank.sign_ins()
        )
    }

    /// One line: each request is answered when its time has come, whatever came before it.
    fn line(self: Arc<Self>, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut input = Vec::new();
        let mut chunk = [0; 4_096];
        loop {
            let count = stream.read(&mut chunk)?;
            if count == 0 {
                return Ok(());
            }
            input.extend_from_slice(&chunk[..count]);
            while let Some(len) = self.spec.frame().whole_len(&input).map_err(io::Error::other)? {
                if len > input.len() {
                    break;
                }
                let asked: Vec<u8> = input.drain(..len).collect();
                let (desk, back) = (Arc::clone(&self), stream.try_clone()?);
                spawn(move || drop(desk.one(&asked, back)))?;
            }
        }
    }

    fn one(&self, asked: &[u8], mut back: TcpStream) -> io::Result<()> {
        let mut troubles = self.troubles.iter();
        let trouble =
            troubles.find(|(_, share)| self.dice.roll(1_000_000) < *share).map(|(trouble, _)| *trouble);
        let wait = |ms| sleep(Duration::from_millis(ms));
        wait(FASTEST_MS + self.dice.roll(SLOWEST_MS - FASTEST_MS));
        if trouble == Some(Trouble::ResetBefore) {
            return back.shutdown(Shutdown::Both);
        }
        if trouble.is_some_and(|trouble| !trouble.does()) {
            return Ok(());
        }
        let answer = self.bank.lock().unwrap_or_else(PoisonError::into_inner).serve(asked)?;
        let Some(mut answer) = answer else { return back.shutdown(Shutdown::Both) };
        match trouble {
            Some(Trouble::ResetAfter) => return back.shutdown(Shutdown::Both),
            Some(Trouble::LostAnswer | Trouble::LateRequest) => return Ok(()),
            Some(Trouble::LateAnswer | Trouble::Slow) => wait(5_000),
            Some(Trouble::DoubleAnswer) => back.write_all(&answer)?,
            Some(Trouble::WrongSignature) => {
                if let Some(byte) = answer.last_mut() {
                    *byte ^= 1;
                }
            }
            Some(Trouble::Garbage | Trouble::Page5xx) => answer = b"\xff\xff\xff\xff no message".to_vec(),
            Some(Trouble::HalfClosed) => {
                back.write_all(&answer[..answer.len() / 2])?;
                return back.shutdown(Shutdown::Write);
            }
            _ => {}
        }
        back.write_all(&answer)
    }
}
