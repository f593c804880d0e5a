//! The frame format is frozen: a frame that was kept reads as it did when it was written, and
//! is written again with the same bytes. `docs/format.md` describes them.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use scrip::base::{BatchId, Digest, Key16, Reader, RedemptionId, Text, Wall};
use scrip::ledger::{Account, AccountKind, Posting};
use scrip::money::{Amount, Currency};
use scrip::record::{
    Change, Claim, ClaimKind, ClaimStatus, Frame, FrameError, Record, Records, SideMark, Unit,
};
use scrip::risk::{Recall, RecallKind, Sighting};

const KEPT: &[u8] = include_bytes!("frames/v1.bin");

/// Sixteen bytes that count up from `first`, so that no two fields look alike.
fn name(first: u8) -> [u8; 16] {
    std::array::from_fn(|i| first + u8::try_from(i).unwrap())
}

fn frame() -> Frame {
    Frame {
        id: BatchId { epoch: 0x0102_0304_0506_0708, sequence: 0x1112_1314_1516_1718 },
        log: 0x2122_2324,
        wall: Wall(1_764_000_000_123),
        previous: Digest(std::array::from_fn(|i| 0x80 + u8::try_from(i).unwrap())),
        units: vec![first_unit(), later_unit(), Unit::default()],
    }
}

fn first_unit() -> Unit {
    let posting = |account, minor, currency| Posting { account, amount: Amount::new(minor, currency) };
    let recent = RecallKind::Recent { within_ms: 300_000 };
    Unit {
        redemption: RedemptionId(name(0x10)),
        expected: 0,
        dormant: false,
        due: Some(Wall(-1)),
        fingerprint: vec![0x0f, 1, 2, 3],
        claims: vec![
            Claim { key: Key16(name(0x20)), kind: ClaimKind::Card, generation: 0x0a0b_0c0d },
            Claim { key: Key16(name(0x21)), kind: ClaimKind::Token, generation: 0 },
        ],
        changes: vec![],
        sightings: vec![Sighting { subject: Key16(name(0x30)), at: Wall(1_764_000_000_001), value: -10_000 }],
        recalls: vec![
            Recall { subject: Key16(name(0x30)), kind: recent },
            Recall { subject: Key16(name(0x31)), kind: RecallKind::Moments },
        ],
        postings: vec![
            posting(Account::issuer(Text::new("银行:a").unwrap()), 9_999, Currency::CNY),
            posting(Account::of(AccountKind::Float), -9_999, Currency::USD),
        ],
        sides: vec![SideMark { slot: 1, content: Some(Digest([0x51; 32])) }],
        summary: vec![0x61, 0x62],
        records: Records::from([
            Record { kind: 0x7172, version: 3, body: &[0x73; 5] },
            Record { kind: 2, version: 1, body: &[] },
        ]),
    }
}

fn later_unit() -> Unit {
    let change = |first, to| Change { key: Key16(name(first)), to };
    Unit {
        redemption: RedemptionId(name(0x11)),
        expected: 0x0000_0207,
        dormant: true,
        due: None,
        changes: vec![
            change(0x40, None),
            change(0x41, Some(ClaimStatus::Held)),
            change(0x42, Some(ClaimStatus::Quarantined)),
            change(0x43, Some(ClaimStatus::Consumed)),
        ],
        sides: vec![SideMark { slot: 255, content: None }],
        summary: vec![0x63],
        records: Records::from([Record { kind: 9, version: 255, body: &[0x74] }]),
        ..Unit::default()
    }
}

#[test]
fn a_kept_frame_reads_as_it_was_written() {
    let read = Frame::decode(KEPT).unwrap();
    let Frame { id, log, wall, previous, units } = frame();
    assert_eq!((read.id, read.log, read.wall, read.previous), (id, log, wall, previous));
    assert_eq!(read.units.len(), units.len());
    for (read, wanted) in read.units.iter().zip(&units) {
        assert_eq!(read.redemption, wanted.redemption);
        assert_eq!((read.expected, read.dormant, read.due), (wanted.expected, wanted.dormant, wanted.due));
        assert_eq!(read.fingerprint, wanted.fingerprint);
        assert_eq!(read.claims, wanted.claims);
        assert_eq!(read.changes, wanted.changes);
        assert_eq!(read.sightings, wanted.sightings);
        assert_eq!(read.recalls, wanted.recalls);
        assert_eq!(read.postings, wanted.postings);
        assert_eq!(read.sides, wanted.sides);
        assert_eq!(read.summary, wanted.summary);
        assert_eq!(read.records, wanted.records);
    }
}

#[test]
fn a_kept_frame_is_written_again_with_the_same_bytes() {
    assert_eq!(frame().encode(), KEPT);
    assert_eq!(Frame::length(&KEPT[..16]), Ok(KEPT.len()));
    let digest = "4c7ef300f1c7d31fc36b79cf22bdf4bbeff298767a9749ffc5e142a07d8ea63f";
    assert_eq!(Frame::digest(KEPT).to_string(), digest);
}

/// The places that `docs/format.md` gives, read without the library's own decoder.
#[test]
fn the_kept_frame_lies_as_the_document_says() {
    let at = |from: usize, len: usize| &KEPT[from..from + len];
    assert_eq!(at(0, 8), b"SCRIPFRM");
    assert_eq!(at(8, 4), [1, 0, 0, 0]);
    assert_eq!(at(12, 4), u32::try_from(KEPT.len()).unwrap().to_le_bytes());
    assert_eq!(at(16, 8), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(at(24, 8), [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
    assert_eq!(at(32, 4), [0x24, 0x23, 0x22, 0x21]);
    assert_eq!(at(36, 8), 1_764_000_000_123_i64.to_le_bytes());
    assert_eq!(at(44, 32)[..3], [0x80, 0x81, 0x82]);
    assert_eq!(at(76, 4), [3, 0, 0, 0]);
    let first = usize::try_from(u32::from_le_bytes(at(80, 4).try_into().unwrap())).unwrap();
    assert_eq!(at(84, 16), name(0x10));
    assert_eq!(at(84 + first + 4, 16), name(0x11));
    let (content, sum) = KEPT.split_at(KEPT.len() - 4);
    assert_eq!(sum, castagnoli(content).to_le_bytes());
}

/// CRC-32C bit by bit (RFC 3720, appendix B.4 has test vectors), to stand beside the library's.
fn castagnoli(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[test]
fn the_checksum_is_that_of_the_standard() {
    // RFC 3720, B.4: 32 bytes of zeroes, 32 bytes of ones, 32 bytes counting up from 0.
    assert_eq!(castagnoli(&[0; 32]), 0x8a91_36aa);
    assert_eq!(castagnoli(&[255; 32]), 0x62a8_ab43);
    assert_eq!(castagnoli(&std::array::from_fn::<u8, 32, _>(|i| u8::try_from(i).unwrap())), 0x46dd_794e);
}

#[test]
fn a_leaf_of_the_audit_log_is_id_place_and_record() {
    let unit = first_unit();
    let record = unit.records.iter().next().unwrap();
    let leaf = record.leaf_bytes(RedemptionId(name(0x10)), 0x0102);
    let mut wanted = name(0x10).to_vec();
    wanted.extend([2, 1, 0, 0, 0x72, 0x71, 3, 5, 0, 0, 0, 0x73, 0x73, 0x73, 0x73, 0x73]);
    assert_eq!(leaf, wanted);
    assert_eq!(Record::decode(&mut Reader::new(&leaf[20..])), Ok(record));
}

#[test]
fn what_is_newer_or_torn_is_not_read() {
    let mut newer = KEPT.to_vec();
    newer[8] = 2;
    assert_eq!(Frame::decode(&newer), Err(FrameError::Newer(2)));
    let (have, want) = (KEPT.len() - 1, KEPT.len());
    assert_eq!(Frame::decode(&KEPT[..have]), Err(FrameError::Torn { have, want }));
}
