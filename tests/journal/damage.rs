//! Cuts and damage at every byte.

use crate::log::{Trade, open, scratch, shown, stands_at, take_over};
use crate::ram::{Image, Ram};
use scrip::engine::Recovery;
use scrip::host::{Store, StoreError};

/// A journal with a few batches, the places of their entries, and what stood on the disk before
/// and after the last one.
struct Written {
    before: Image,
    after: Image,
    batches: u64,
    /// The segment and the range of the bytes that the last batch changed.
    last: (String, usize, usize),
}

/// Batches until the last one lies in a segment with one before it.
fn written() -> Written {
    let (disk, folder, mut trade) = (Ram::default(), scratch(), Trade::default());
    let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
    let mut before = Image::new();
    for _ in 0..6 {
        before = disk.image();
        trade.run(&mut journal, epoch, 1);
    }
    let after = disk.image();
    let changed = |name: &&String| before.get(*name) != after.get(*name) && before.contains_key(*name);
    let name = after.keys().find(changed).unwrap().clone();
    let differs = |at: &usize| before[&name].get(*at) != after[&name].get(*at);
    let start = (0..after[&name].len()).find(differs).unwrap();
    let end = (0..after[&name].len()).rfind(differs).unwrap() + 1;
    assert!(start > 64, "the last batch has one before it in its segment");
    drop(journal);
    Written { before, after, batches: trade.last.0, last: (name, start, end) }
}

/// Opens what stands on a disk, with tables that are made anew.
fn reopened(image: Image) -> Result<u64, StoreError> {
    let (disk, folder) = (Ram::of(image), scratch());
    let mut journal = open(&disk, folder.path())?;
    let batches = shown(&mut journal).len() as u64;
    Ok(batches)
}

#[test]
fn a_cut_at_any_byte_of_the_last_batch_leaves_all_before_it() {
    let Written { after, batches, last: (name, start, end), .. } = written();
    for cut in start..end {
        for zeros in [false, true] {
            let mut image = after.clone();
            // The file ends there, or what was not written yet is zero as it was made.
            let file = image.get_mut(&name).unwrap();
            if zeros {
                file[cut..].fill(0)
            } else {
                file.truncate(cut)
            }
            assert_eq!(reopened(image), Ok(batches - 1), "cut at {cut} in {start}..{end}, zeros: {zeros}");
        }
    }
    assert_eq!(reopened(after), Ok(batches));
}

#[test]
fn after_a_cut_the_journal_goes_on_and_stands_as_if_nothing_had_been() {
    let Written { after, batches, last: (name, start, end), .. } = written();
    for cut in (start..end).step_by(37) {
        let mut image = after.clone();
        image.get_mut(&name).unwrap()[cut..].fill(0);
        let (disk, folder) = (Ram::of(image), scratch());
        let (mut journal, epoch, recovery) = take_over(&disk, folder.path()).unwrap();
        assert_eq!(recovery.last().unwrap().sequence, batches - 1);
        stands_at(&mut journal, batches - 1);
        let mut previous = Default::default();
        journal.frames(&mut |frame, _| previous = scrip::record::Frame::digest(frame)).unwrap();
        let mut again = Trade { last: (batches - 1, previous) };
        again.run(&mut journal, epoch, 4);
        stands_at(&mut journal, batches + 3);
        drop(journal);
        assert_eq!(reopened(disk.image()), Ok(batches + 3), "cut at {cut}");
    }
}

/// A batch that is followed by another one cannot have been torn.
#[test]
fn damage_before_the_last_batch_is_refused_with_its_place() {
    let Written { before, batches, .. } = written();
    let mut seen = 0;
    for (name, file) in &before {
        let end = file.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for at in 0..end {
            let mut image = before.clone();
            image.get_mut(name).unwrap()[at] ^= 0x40;
            match reopened(image) {
                Err(StoreError::Corrupt(text)) => assert!(text.contains(name.as_str()), "{at}: {text}"),
                Err(StoreError::Newer { .. }) => {}
                // What is cut is the last batch, where the damage looks like a torn write; or the
                // content of a side row, which tells of itself when it is asked for.
                Ok(left) => {
                    seen += 1;
                    assert!(left + 2 >= batches, "{name}, byte {at}: {left} of {} batches", batches - 1);
                }
                Err(other) => panic!("{name}, byte {at}: {other:?}"),
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn a_takeover_behind_it_makes_the_last_batch_safe_from_being_cut() {
    let Written { after, last: (name, start, end), .. } = written();
    let (disk, folder) = (Ram::of(after), scratch());
    drop(take_over(&disk, folder.path()).unwrap());
    let image = disk.image();
    let secret = crate::log::sealed(6);
    let content = image[&name].windows(secret.len()).position(|bytes| bytes == secret).unwrap();
    for at in (start..end).filter(|at| !(content..content + secret.len()).contains(at)) {
        let mut image = image.clone();
        image.get_mut(&name).unwrap()[at] ^= 1;
        let refused = reopened(image);
        assert!(
            matches!(&refused, Err(StoreError::Corrupt(text)) if text.contains(&name)),
            "{at}: {refused:?}"
        );
    }
}

/// The head of the last segment is no torn write while there are whole batches behind it.
#[test]
fn damage_to_the_head_of_a_segment_is_refused() {
    let Written { after, last: (name, ..), .. } = written();
    for (at, wipe) in (0..64).map(|at| (at, false)).chain([(0, true)]) {
        let mut image = after.clone();
        let file = image.get_mut(&name).unwrap();
        if wipe {
            file[..64].fill(0)
        } else {
            file[at] ^= 1
        }
        match reopened(image) {
            Err(StoreError::Corrupt(text)) => assert!(text.contains(&name), "{at}: {text}"),
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

/// A segment whose very first write was torn is made zeros again.
#[test]
fn a_torn_beginning_of_a_segment_leaves_nothing_behind() {
    let Written { after, batches, .. } = written();
    let name = format!("segment-{:08}", after.len() + 1);
    let mut image = after.clone();
    // The first sector did not reach the disk, and others did.
    image.insert(name.clone(), [[0; 512], [7; 512], [0; 512]].concat());
    let (disk, folder) = (Ram::of(image), scratch());
    let mut journal = open(&disk, folder.path()).unwrap();
    assert_eq!(shown(&mut journal).len() as u64, batches);
    assert!(disk.image()[&name].iter().all(|byte| *byte == 0));
}

#[test]
fn tables_that_are_ahead_of_the_journal_are_told() {
    let Written { before, after, batches, .. } = written();
    let folder = scratch();
    drop(open(&Ram::of(after), folder.path()).unwrap());
    let refused = open(&Ram::of(before), folder.path()).map(drop);
    let told = |text: &str| text.contains(&format!("batch {batches} was taken"));
    assert!(matches!(&refused, Err(StoreError::Corrupt(text)) if told(text)), "{refused:?}");
}

#[test]
fn tables_that_are_behind_catch_up_from_wherever_they_are() {
    let (disk, mut trade) = (Ram::default(), Trade::default());
    let folder = scratch();
    let (mut journal, epoch, _) = take_over(&disk, folder.path()).unwrap();
    let mut copies = Vec::new();
    for n in 1..=12 {
        trade.run(&mut journal, epoch, 1);
        journal.settle().unwrap();
        let copy = scratch();
        scrip::host::Journal::backup(folder.path(), copy.path().join("copy")).ok();
        for file in ["tables.db", "tables.db-wal"] {
            let _ = std::fs::copy(folder.path().join(file), copy.path().join(file));
        }
        copies.push((n, copy));
    }
    let last = trade.run(&mut journal, epoch, 1);
    let image = disk.image();
    drop(journal);
    for (n, copy) in &copies {
        let disk = Ram::of(image.clone());
        let mut journal = open(&disk, copy.path()).unwrap();
        stands_at(&mut journal, 13);
        // The answers to the last batch are those that it had.
        let mut again = last.clone();
        again.clear();
        journal.commit(&mut again).unwrap();
        assert_eq!(again.verdicts(), last.verdicts(), "tables of batch {n}");
        journal.recover(&mut Recovery::new()).unwrap();
    }
}

#[test]
fn a_segment_that_is_missing_is_named() {
    let Written { mut after, .. } = written();
    after.remove("segment-00000002").unwrap();
    let refused = reopened(after);
    assert_eq!(refused, Err(StoreError::Corrupt("segment-00000002 is missing".into())));
}
