//! The main job as a user runs it: the built example, in a folder of its own.

use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

pub(crate) const CARDS: &str = "examples/data/cards.csv";
pub(crate) const ISSUER_CARDS: &str = "examples/data/issuer-cards.csv";

/// The main job, freshly built.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| example("buyback"))
}

/// An example, freshly built: `cargo test` builds its unit tests, but not the program itself.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let [profile_dir, target_dir] = [2, 3].map(|up| test.ancestors().nth(up).unwrap());
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    // What cargo says of this crate to its tests is no news to a build script, which would run again.
    for (name, _) in std::env::vars_os() {
        let of_the_crate = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(of_the_crate) {
            build.env_remove(name);
        }
    }
    build.args(["build", "--quiet", "--example", name, "--profile", profile]);
    if cfg!(feature = "postgres") {
        build.args(["--features", "postgres"]);
    }
    let built = build
        .arg("--target-dir")
        .arg(target_dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, it runs this test");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    profile_dir.join("examples").join(name)
}

/// What a run left in the terminal.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let done = command.stdin(Stdio::null()).output().unwrap();
    Ran {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A folder with everything that a run reads and leaves.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The job over `cards`, with database and outputs in this folder.
    pub(crate) fn command(&self, cards: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program());
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg(cards);
        command.arg("--out").arg(self.path("out")).arg("--db").arg(self.path("db/scrip.db"));
        command
    }

    pub(crate) fn outcomes(&self) -> Vec<u8> {
        std::fs::read(self.path("out/outcomes.jsonl")).unwrap()
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.path("out/summary.json")).unwrap()).unwrap()
    }

    /// Every file here but the keys, with its content.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut files, mut dirs) = (Vec::new(), vec![self.0.path().to_path_buf()]);
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    dirs.push(entry);
                } else if entry.extension() != Some(OsStr::new("keys")) {
                    let content = std::fs::read(&entry).unwrap();
                    files.push((entry, content));
                }
            }
        }
        files
    }
}

/// The numbers and secrets of the shipped files, as they stand there and without separators,
/// that are long enough not to occur by chance.
pub(crate) fn shipped_secrets() -> BTreeSet<Vec<u8>> {
    let mut secrets = BTreeSet::new();
    for (file, columns) in [(CARDS, [3, 4]), (ISSUER_CARDS, [1, 2])] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            for cell in columns.into_iter().filter_map(|column| cells.get(column)) {
                secrets.insert(cell.as_bytes().to_vec());
                secrets.insert(cell.replace(['-', ' '], "").into_bytes());
            }
        }
    }
    secrets.retain(|secret| secret.len() >= 10);
    assert!(secrets.len() > 1_000, "the shipped files hold {} secrets", secrets.len());
    secrets
}

/// Asserts that no secret stands in `content` in the clear.
pub(crate) fn assert_none_within(secrets: &BTreeSet<Vec<u8>>, name: &str, content: &[u8]) {
    let lengths: BTreeSet<usize> = secrets.iter().map(Vec::len).collect();
    // A secret is letters and digits, with hyphens or blanks at most: only runs of those matter.
    let apart = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b' '));
    for run in content.split(apart) {
        for length in lengths.range(..=run.len()) {
            for window in run.windows(*length) {
                assert!(!secrets.contains(window), "{name} holds {}", String::from_utf8_lossy(window));
            }
        }
    }
}
