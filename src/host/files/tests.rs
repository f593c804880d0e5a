use super::*;
use crate::base::RedemptionId;
use crate::engine::CallId;
use crate::issuer::OpKind;
use zeroize::Zeroizing;

const TERMS: &str = r#"
currency = "CNY"
delimiter = "|"
digest_suffix = ".sha256"
flag_suffix = ".ok"
status = { "00" = "accepted" }
[out]
name = "OUT_{sequence:4}.txt"
row = [{ field = "reference" }, { field = "secret" }, { field = "amount" }]
[result]
name = "RES_{sequence:4}.txt"
row = [{ field = "reference" }, { field = "status" }, { field = "amount" }]
trailer = [{ text = "T" }, { field = "count" }, { field = "sum" }]
"#;

const LISTS: &str = r#"
[balances]
name = "BAL_{date}_{sequence:2}.txt"
row = [{ field = "product" }, { field = "number" }, { field = "amount" }]
trailer = [{ field = "count" }]
"#;

const CHANNEL: ChannelId = ChannelId(3);

struct Place {
    dir: tempfile::TempDir,
    terms: BatchTerms,
}

impl Place {
    fn new(change: impl Fn(String) -> String) -> Self {
        let terms = BatchTerms::parse(&change(TERMS.into())).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), terms }
    }

    fn folders(&self) -> Folders {
        let at = |name| self.dir.path().join(name);
        Folders { out: at("out"), result: at("result"), own: at("own") }
    }

    fn open(&self) -> FileDrop {
        FileDrop::open(CHANNEL, &self.terms, &self.folders()).unwrap()
    }

    fn lists(&self, folder: &str) -> Vec<String> {
        let folder = self.dir.path().join(folder);
        let mut names = names_in(&folder).unwrap();
        names.retain(|name| name != "lock" && name != "taken");
        names
    }

    fn lay(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folders().result.join(name), bytes).unwrap();
    }

    /// A result file with all that belongs beside it.
    fn arrive(&self, name: &str, bytes: &[u8]) {
        self.lay(name, bytes);
        let digest = Hasher::new().with(bytes).finish();
        self.lay(&format!("{name}.sha256"), format!("{digest}  {name}\n").as_bytes());
        self.lay(&format!("{name}.ok"), b"");
    }
}

fn call(name: &str, send_by: i64) -> Call {
    Call {
        id: CallId { channel: CHANNEL, number: 9 },
        endpoint: 0,
        kind: OpKind::Redeem,
        redemption: RedemptionId::default(),
        attempt: 1,
        send_by: Mono(send_by),
        answer_by: Mono(send_by),
        head: name.as_bytes().to_vec(),
        bytes: Zeroizing::new(b"rows\n".to_vec()),
    }
}

fn not_sent(arrival: &Option<Arrival>) -> bool {
    matches!(arrival, Some(Arrival::Lost(CallId { number: 9, .. }, Sent::NotSent)))
}

fn brought(drop: &mut FileDrop, now: i64) -> Vec<(InboundToken, Vec<u8>)> {
    let arrivals = drop.look(Mono(now)).into_iter().map(|arrival| match arrival {
        Arrival::Inbound(CHANNEL, token, bytes) => (token, bytes),
        other => panic!("{other:?}"),
    });
    arrivals.collect()
}

#[test]
fn a_file_goes_out_whole_with_its_digest_and_then_its_flag() {
    let place = Place::new(|text| text);
    let mut drop = place.open();
    assert_eq!(drop.send(&call("OUT_0001.txt", 5), &mut || Mono(5)), None);
    assert_eq!(place.lists("out"), ["OUT_0001.txt", "OUT_0001.txt.ok", "OUT_0001.txt.sha256"]);
    let said = fs::read_to_string(place.folders().out.join("OUT_0001.txt.sha256")).unwrap();
    assert_eq!(said, format!("{}  OUT_0001.txt\n", Hasher::new().with(b"rows\n").finish()));
    assert_eq!(place.lists("own/staging"), [""; 0]);
}

#[test]
fn what_is_late_or_has_no_name_of_its_own_is_not_sent_and_not_seen() {
    let place = Place::new(|text| text);
    let mut drop = place.open();
    assert!(not_sent(&drop.send(&call("OUT_0001.txt", 5), &mut || Mono(6))));
    let mut times = [Mono(5), Mono(6)].into_iter();
    let late = drop.send(&call("OUT_0001.txt", 5), &mut || times.next().unwrap());
    assert!(not_sent(&late), "late while it was written");
    for name in ["", "../x", "a/b", ".x"] {
        assert!(not_sent(&drop.send(&call(name, 5), &mut || Mono(1))), "{name}");
    }
    assert_eq!((place.lists("out"), place.lists("own/staging")), (Vec::new(), Vec::new()));
    fs::write(place.folders().out.join("OUT_0001.txt"), b"theirs").unwrap();
    assert!(not_sent(&drop.send(&call("OUT_0001.txt", 5), &mut || Mono(1))), "nothing is overwritten");
    assert_eq!(fs::read(place.folders().out.join("OUT_0001.txt")).unwrap(), b"theirs");
}

#[test]
fn a_crash_at_any_step_leaves_the_file_whole_or_unseen() {
    use Step as S;
    for (step, seen) in
        [(S::Written, false), (S::Marked, false), (S::Visible, true), (S::Digested, true), (S::Flagged, true)]
    {
        let place = Place::new(|text| text);
        let mut drop = place.open();
        drop.halt = Some(step);
        let mut visible = false;
        let stopped = drop.put_out("OUT_0001.txt", b"rows\n", &mut || true, &mut visible);
        assert!(stopped.is_err() && visible == seen, "{step:?}");
        let flagged = place.lists("out").contains(&"OUT_0001.txt.ok".to_string());
        assert_eq!(flagged, step == S::Flagged, "the flag comes last");
        std::mem::drop(drop);
        let mut drop = place.open();
        let expected: &[&str] =
            if seen { &["OUT_0001.txt", "OUT_0001.txt.ok", "OUT_0001.txt.sha256"] } else { &[] };
        assert_eq!(place.lists("out"), expected, "{step:?}");
        assert!(place.lists("own/staging").iter().all(|name| !name.ends_with(".open")), "{step:?}");
        // Whoever is told that it was not sent may send it again.
        assert_eq!(drop.send(&call("OUT_0001.txt", 5), &mut || Mono(1)).is_some(), seen, "{step:?}");
    }
}

#[test]
fn a_failure_after_the_name_was_given_is_made_up_for_and_never_told_as_not_sent() {
    let place = Place::new(|text| text);
    let mut drop = place.open();
    drop.halt = Some(Step::Visible);
    assert_eq!(drop.send(&call("OUT_0001.txt", 5), &mut || Mono(1)), None);
    assert!(drop.trouble().is_some());
    drop.halt = None;
    assert_eq!(brought(&mut drop, 1), []);
    assert_eq!(place.lists("out").len(), 3);
}

#[test]
fn one_process_at_a_time_has_the_folders_open() {
    let place = Place::new(|text| text);
    let drop = place.open();
    let second = FileDrop::open(CHANNEL, &place.terms, &place.folders()).unwrap_err();
    assert!(matches!(second, FilesError::Locked(_)));
    std::mem::drop(drop);
    place.open();
}

#[test]
fn a_result_file_is_brought_when_it_is_complete_and_again_until_it_is_acknowledged() {
    let place = Place::new(|text| text);
    let mut drop = place.open().look_every(10);
    place.lay("RES_0001.txt", b"half");
    place.lay("other.txt", b"theirs");
    assert_eq!(brought(&mut drop, 0), []);
    place.arrive("RES_0001.txt", b"whole");
    assert_eq!(brought(&mut drop, 5), [], "it is not time to look yet");
    let arrived = brought(&mut drop, 10);
    let [(token, bytes)] = arrived.as_slice() else { panic!("{arrived:?}") };
    assert!(bytes.starts_with(b"RES_0001.txt\ndigest: ") && bytes.ends_with(b"\n\nwhole"));
    assert_eq!(brought(&mut drop, 20), []);
    assert_eq!(brought(&mut drop, 10 + AGAIN_MS), arrived, "the same again");
    std::mem::drop(drop);
    let mut drop = place.open();
    let again = brought(&mut drop, 0);
    assert_eq!(again[0].1, *bytes, "and after a restart");
    drop.taken(again[0].0);
    drop.taken(*token);
    assert_eq!(place.lists("result"), ["other.txt"]);
    assert_eq!(place.lists("own/archive"), ["RES_0001.txt", "RES_0001.txt.ok", "RES_0001.txt.sha256"]);
}

#[test]
fn bytes_that_were_acknowledged_are_not_brought_again_under_any_name() {
    let place = Place::new(|text| text);
    let mut drop = place.open().look_every(1);
    place.arrive("RES_0001.txt", b"whole");
    let token = brought(&mut drop, 0)[0].0;
    drop.taken(token);
    for (now, name) in [(1, "RES_0001.txt"), (2, "RES_0002.txt")] {
        place.arrive(name, b"whole");
        assert_eq!(brought(&mut drop, now), [], "{name}");
    }
    std::mem::drop(drop);
    // The process ended between remembering and moving; another line was cut by the crash.
    let taken = place.folders().own.join("taken");
    let mut text = fs::read_to_string(&taken).unwrap();
    text.push_str("0123");
    fs::write(&taken, text).unwrap();
    place.arrive("RES_0003.txt", b"whole");
    let mut drop = place.open().look_every(1);
    assert_eq!(brought(&mut drop, 0), []);
    place.arrive("RES_0004.txt", b"another");
    let token = brought(&mut drop, 1)[0].0;
    drop.taken(token);
    std::mem::drop(drop);
    place.arrive("RES_0005.txt", b"another");
    assert_eq!(brought(&mut place.open(), 0), []);
    assert_eq!(place.lists("result"), [""; 0]);
}

#[test]
fn a_file_that_is_refused_is_put_aside() {
    let place = Place::new(|text| text);
    let mut drop = place.open().look_every(1);
    place.arrive("RES_0001.txt", b"bad");
    let token = brought(&mut drop, 0)[0].0;
    drop.refused(token);
    assert_eq!(place.lists("own/refused"), ["RES_0001.txt", "RES_0001.txt.ok", "RES_0001.txt.sha256"]);
    place.arrive("RES_0001.txt", b"good");
    assert_eq!(brought(&mut drop, 1).len(), 1);
}

#[test]
fn without_digest_and_flag_a_file_is_brought_once_it_has_stopped_growing() {
    let place = Place::new(|text| text.replace("digest_suffix", "#").replace("flag_suffix", "#"));
    let mut drop = place.open().look_every(1);
    for (now, bytes) in [(0, "a"), (1, "ab")] {
        place.lay("RES_0001.txt", bytes.as_bytes());
        assert_eq!(brought(&mut drop, now), []);
    }
    assert_eq!(brought(&mut drop, 2).len(), 1);
}

#[test]
fn it_stands_alone_as_a_transport() {
    let place = Place::new(|text| text);
    let mut drop = place.open().look_every(1);
    let late = drop.now().mono.plus(-1);
    drop.start(Call { send_by: late, ..call("OUT_0001.txt", 0) });
    assert!(not_sent(&drop.next(None)));
    place.arrive("RES_0001.txt", b"whole");
    let Some(Arrival::Inbound(_, token, _)) = drop.next(None) else { panic!("a file is there") };
    drop.acknowledge(token, b"");
    let soon = drop.now().mono.plus(5);
    assert_eq!(drop.next(Some(soon)), None);
}

#[test]
fn files_of_balances_are_taken_like_results_and_the_latest_come_again_when_the_folders_are_opened() {
    let place = Place::new(|text| text + LISTS);
    let mut drop = place.open().look_every(1);
    let name = |day: u8| format!("BAL_202611{day:02}_01.txt");
    let mut now = 0;
    for day in 1..=12 {
        place.arrive(&name(day), format!("day {day}").as_bytes());
        let came = brought(&mut drop, now);
        assert!(came.len() == 1 && came[0].1.starts_with(name(day).as_bytes()), "{came:?}");
        drop.taken(came[0].0);
        now += 1;
    }
    // One that nobody could read.
    place.arrive("BAL_20261113_01.txt", b"bad");
    let token = brought(&mut drop, now)[0].0;
    drop.refused(token);
    // The same name with other bytes: the archive has both.
    place.arrive(&name(12), b"corrected");
    let token = brought(&mut drop, now + 1)[0].0;
    drop.taken(token);
    assert_eq!(place.lists("result"), [""; 0]);
    let archived = place.lists("own/archive");
    std::mem::drop(drop);
    // One of them was cleared away, one was changed.
    fs::remove_file(place.folders().own.join("archive").join(name(7))).unwrap();
    fs::write(place.folders().own.join("archive").join(name(8)), b"changed").unwrap();
    let mut drop = place.open().look_every(1);
    let again = brought(&mut drop, 0);
    let ends = |place: usize| again[place].1.split(|byte| *byte == b'\n').next_back().unwrap().to_vec();
    let expected = ["day 6", "day 9", "day 10", "day 11", "day 12", "corrected"].map(str::as_bytes);
    assert_eq!((0..again.len()).map(ends).collect::<Vec<_>>(), expected, "the oldest first");
    assert_eq!(brought(&mut drop, 1), [], "once");
    for (token, _) in again {
        drop.taken(token);
    }
    assert_eq!(place.lists("own/archive").len(), archived.len() - 1, "they stay where they lie");
    // A new one of a name that was brought again comes as ever.
    place.arrive(&name(9), b"new");
    assert_eq!(brought(&mut drop, 2).len(), 1);
}
