//! A bank over TCP: ISO 8583 as UnionPay's terminals speak it, several requests at once on a line.
//! Its books live in memory only.

use crate::office::spawn;
use crate::trouble::Trouble;
use scrip::adapters::bank::{BankTerms, PinFormat, SoftCrypto, X919};
use scrip::base::Secret;
use scrip::codec::iso8583::{Frame, Spec};
use scrip::sim::SimBank;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

/// From a request to its answer (SPEC row E1).
const FASTEST_MS: u64 = 500;
const SLOWEST_MS: u64 = 1_200;

/// What every connection shares.
pub(crate) struct Desk {
    bank: Mutex<SimBank>,
    spec: Spec,
    troubles: Vec<(Trouble, u64)>,
    /// What the next request's latency and trouble are drawn from (SplitMix64).
    dice: Mutex<u64>,
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
    pub(crate) fn new(seed: u64, troubles: Vec<(Trouble, u64)>) -> io::Result<Arc<Self>> {
        let spec = Spec::bcd().framed(Frame::UNIONPAY_POS);
        let crypto = SoftCrypto::new(&Secret::new(vec![0x5A; 16]), Box::new(X919), PinFormat::Iso0);
        let crypto = crypto.ok_or_else(|| io::Error::other("the bank's master key is none"))?;
        let mut bank = SimBank::new(spec.clone(), terms(), crypto);
        for card in 0..99 {
            bank = bank.card(&(6_222_021_234_567_894_u64 + card * 10).to_string(), "739164", 500_000);
        }
        Ok(Arc::new(Self { bank: Mutex::new(bank), spec, troubles, dice: Mutex::new(seed) }))
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
        let bank = self.bank.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = bank.debits().iter().filter(|debit| !debit.reversed);
        let (count, minor) = standing.fold((0, 0), |(count, minor), debit| (count + 1, minor + debit.minor));
        format!(
            "{{\"debits\":{count},\"debited_minor\":{minor},\"reversed\":{},\"sign_ins\":{}}}",
            bank.debits().len() - count,
            bank.sign_ins()
        )
    }

    fn roll(&self, below: u64) -> u64 {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
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
        let trouble = troubles.find(|(_, share)| self.roll(1_000_000) < *share).map(|(trouble, _)| *trouble);
        let wait = |ms| sleep(Duration::from_millis(ms));
        wait(FASTEST_MS + self.roll(SLOWEST_MS - FASTEST_MS));
        if trouble == Some(Trouble::ResetBefore) {
            return back.shutdown(Shutdown::Both);
        }
        if trouble.is_some_and(|trouble| !trouble.does()) {
            return Ok(());
        }
        let answer = self.bank.lock().unwrap_or_else(PoisonError::into_inner).serve(asked);
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
