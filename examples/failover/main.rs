//! Two nodes over a PostgreSQL primary with a synchronous standby, on loopback: a node is killed under
//! load and the other goes on with what it had; then the primary is killed and the standby promoted,
//! again and again, with a plain client beside. At the end the issuers' books are compared.
//!
//! `cargo run --release --example failover --features postgres -- [ROUNDS]` (20), with Debian's
//! `postgresql` installed. `examples/failover.sh` installs it and does the rest.

mod desk;
mod line;
mod node;
mod parts;
mod plain;
#[path = "../../tests/postgres/server.rs"]
#[allow(dead_code, reason = "shared with a test")]
mod server;

use parts::Way;
use plain::Plain;
use scrip::sim::Oracle;
use server::Server;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A standby that is promoted goes on in a new file of the log, into which it copies the last one; and
/// it writes each page whole when it first changes after that.
const SEGMENT: &str = "1";
const SETTINGS: &str = "max_connections = 60
shared_buffers = 128MB
wal_retrieve_retry_interval = 5ms
wal_compression = lz4
max_wal_size = 1GB
wal_keep_size = 256MB
log_min_messages = warning
hot_standby = on";
/// How long there is load before something is killed, and after.
const LOAD: Duration = Duration::from_millis(1_500);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["node", log, database, port] => match (log.parse(), port.parse()) {
            (Ok(log), Ok(port)) => node::run(log, database, port),
            _ => Err("numbers".into()),
        },
        [] => conduct(20),
        [rounds] => rounds.parse().map_err(Into::into).and_then(conduct),
        _ => Err("usage: failover [ROUNDS]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failover: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A node's process, and what it has told.
struct Node {
    child: Child,
    /// When commits of its returned, in microseconds, and how many redemptions it had retired by then.
    told: Arc<Mutex<Vec<(u128, u64)>>>,
    /// How it got over the losses of its primary.
    ways: Arc<Mutex<Vec<Way>>>,
}

impl Node {
    fn start(log: u32, database: &str, desk: u16) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["node", &log.to_string(), database, &desk.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let told = Arc::new(Mutex::new(Vec::new()));
        let ways = Arc::new(Mutex::new(Vec::new()));
        let (teller, way_teller) = (told.clone(), ways.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(std::result::Result::ok) {
                if let Some(way) = Way::read(&line) {
                    way_teller.lock().unwrap_or_else(PoisonError::into_inner).push(way);
                }
                let Some((at, retired)) = line.split_once(' ') else { continue };
                let (Ok(at), Ok(retired)) = (at.parse(), retired.parse()) else { continue };
                teller.lock().unwrap_or_else(PoisonError::into_inner).push((at, retired));
            }
        });
        Ok(Self { child, told, ways })
    }

    fn told(&self) -> Vec<(u128, u64)> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long after `from` the next commit of its returned.
    fn first_after(&self, from: u128) -> Option<Duration> {
        let first = self.told().iter().map(|(at, _)| *at).find(|at| *at > from)?;
        Some(Duration::from_micros(u64::try_from(first - from).ok()?))
    }

    /// How it got over a kill: what it has told first of what it noticed after `before`.
    fn way_after(&self, before: u128) -> Option<Way> {
        let ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.iter().find(|way| way.lost() > before).cloned()
    }

    fn finish(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a node ended with {status}").into()) }
    }
}

fn conduct(rounds: usize) -> Result<()> {
    let Some(mut primary) = Server::with(SETTINGS, SEGMENT) else {
        return Err("PostgreSQL is not installed".into());
    };
    primary.start();
    let folder = tempfile::tempdir()?;
    let desk = desk::open(folder.path())?;
    let mut standby = join(&primary, None)?;
    let database = format!(
        "postgres://scrip@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        primary.port, standby.port
    );
    let nodes = [Node::start(1, &database, desk)?, Node::start(2, &database, desk)?];
    let [mut first, second] = nodes;
    wait(|| first.told().len() > 20 && second.told().len() > 20, "the nodes do not begin")?;
    std::thread::sleep(LOAD);
    kill_a_node(&primary, &mut first, &second)?;
    // The node comes back under another number: its requests have names of their own.
    let third = Node::start(3, &database, desk)?;
    wait(|| third.told().len() > 20, "the new node does not begin")?;
    let plain = Plain::start([primary.port, standby.port]);
    let mut seen = Seen::default();
    for round in 1..=rounds {
        std::thread::sleep(LOAD);
        let promoter = plain::Promoter::to(standby.port)?;
        let before = node::now_micros();
        primary.kill();
        let killed = node::now_micros();
        promoter.promote()?;
        seen.kill(round, (before, killed), [&second, &third], &plain)?;
        let port = primary.port;
        primary = standby;
        standby = join(&primary, Some(port))?;
    }
    std::thread::sleep(LOAD);
    plain.finish(&primary)?;
    second.finish()?;
    third.finish()?;
    seen.report();
    compare(&primary, folder.path())
}

/// What the kills of primaries led to.
#[derive(Default)]
struct Seen {
    nodes: Vec<Duration>,
    plain: Vec<Duration>,
    /// How long the killing itself took, which is not counted.
    kills: Vec<Duration>,
    ways: Vec<(u128, Way)>,
}

impl Seen {
    /// Waits until all write again. The primary was killed from `before` to `killed`.
    fn kill(
        &mut self,
        round: usize,
        (before, killed): (u128, u128),
        nodes: [&Node; 2],
        plain: &Plain,
    ) -> Result<()> {
        let told = |node: &&Node| node.first_after(killed).is_some() && node.way_after(before).is_some();
        wait(|| nodes.iter().all(told) && plain.first_after(killed).is_some(), "nobody writes")?;
        let [a, b] = nodes.map(|node| node.first_after(killed).unwrap_or_default());
        let beside = plain.first_after(killed).unwrap_or_default();
        println!(
            "round {round:2}: first write after {} and {} (nodes), {} (plain client)",
            ms(a),
            ms(b),
            ms(beside)
        );
        self.nodes.extend([a, b]);
        self.plain.push(beside);
        self.kills.push(Duration::from_micros(u64::try_from(killed - before)?));
        self.ways.extend(nodes.into_iter().filter_map(|node| Some((killed, node.way_after(before)?))));
        Ok(())
    }

    fn report(&mut self) {
        report("nodes: from the kill to the first write", &mut self.nodes);
        report("plain client: from the kill to the first write", &mut self.plain);
        report("the killing, before that", &mut self.kills);
        parts::report(&self.ways);
    }
}

/// Adds a standby, and makes commits wait for it.
fn join(primary: &Server, port: Option<u16>) -> Result<Server> {
    let standby =
        Server::standby_of(primary, "standby", &format!("{SETTINGS}\nsynchronous_standby_names = ''"), port);
    let mut standby = standby.ok_or("PostgreSQL is not installed")?;
    standby.start();
    primary.set("synchronous_standby_names = '*'");
    primary.control(&["reload"]);
    let is_synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    wait(|| primary.psql(is_synchronous) == "1", "the standby does not catch up")?;
    Ok(standby)
}

fn wait(mut until: impl FnMut() -> bool, else_say: &str) -> Result<()> {
    let start = Instant::now();
    while !until() {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(else_say.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Kills one node and tells from then on how the other goes on with its redemptions.
fn kill_a_node(primary: &Server, first: &mut Node, second: &Node) -> Result<()> {
    let epoch = primary.psql("SELECT epoch FROM scrip.logs WHERE log = 1");
    let before = second.told().last().map_or(0, |(_, retired)| *retired);
    first.child.kill()?;
    let killed = Instant::now();
    first.child.wait()?;
    let left = format!(
        "SELECT string_agg(quote_literal(id::text), ',') FROM scrip.redemptions
        WHERE due_ms IS NOT NULL AND epoch = {epoch}"
    );
    let left = primary.psql(&left);
    let count = left.split(',').filter(|id| !id.is_empty()).count();
    let open = |also: &str| {
        primary.psql(&format!("SELECT count(*) FROM scrip.redemptions WHERE id IN ({left}) AND {also}"))
    };
    if count == 0 {
        return Err("the node had nothing in memory".into());
    }
    wait(|| open(&format!("epoch = {epoch}")) != count.to_string(), "nobody takes over")?;
    let taken = killed.elapsed();
    wait(|| open("due_ms IS NOT NULL") == "0", "what was taken over does not end")?;
    let ended = killed.elapsed();
    let strange = open("split_part(shown, chr(31), 1) <> 'retired'");
    let after = second.told().last().map_or(0, |(_, retired)| *retired);
    println!(
        "a node killed with {count} redemptions in memory (lease {} ms, grace {} ms): taken over after {}, \
         all ended after {}, {strange} of them otherwise than paid and retired; meanwhile the other retired {} of its own",
        node::LEASE_MS,
        node::GRACE_MS,
        ms(taken),
        ms(ended),
        after - before
    );
    Ok(())
}

fn ms(duration: Duration) -> String {
    format!("{}.{} ms", duration.as_millis(), duration.as_micros() / 100 % 10)
}

fn report(what: &str, took: &mut [Duration]) {
    took.sort_unstable();
    if let (Some(middle), Some(max)) = (took.get(took.len() / 2), took.last()) {
        println!("{what}, of {}: p50 {}, max {}", took.len(), ms(*middle), ms(*max));
    }
}

/// The database and the issuers' own books must say the same.
fn compare(primary: &Server, folder: &Path) -> Result<()> {
    let oracle = Oracle::read(folder)?;
    let ended = primary.psql(
        "SELECT count(*), coalesce(sum(face_minor), 0), coalesce(sum(payout_minor), 0)
        FROM scrip.show_redemptions WHERE state = 'retired'",
    );
    let other = primary.psql(
        "SELECT state, count(*) FROM scrip.show_redemptions
        WHERE state IS NOT NULL AND state <> 'retired' GROUP BY state",
    );
    let debited: i128 = oracle.debit_totals().values().sum();
    let paid: i128 = oracle.payout_totals().values().sum();
    let books = format!("{}|{debited}|{paid}", oracle.debits().len());
    println!("database: retired|face|paid = {ended}; issuers: debits|debited|paid = {books}");
    let balance = primary.psql("SELECT currency, sum(balance_minor) FROM scrip.accounts GROUP BY currency");
    let wrong = [
        (ended != books).then(|| "they differ".to_string()),
        (!other.is_empty()).then(|| format!("not retired: {other}")),
        (!oracle.twice().is_empty()).then(|| format!("twice: {:?}", oracle.twice())),
        (!oracle.unbacked().is_empty() || !oracle.unpaid().is_empty())
            .then(|| "debits and pay-outs do not match".into()),
        balance
            .lines()
            .any(|line| !line.ends_with("|0"))
            .then(|| format!("the books do not balance: {balance}")),
    ];
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    if wrong.is_empty() {
        println!("nothing lost, nothing doubled, the books balance");
        Ok(())
    } else {
        Err(wrong.join("; ").into())
    }
}
