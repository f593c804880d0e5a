//! Private PostgreSQL servers in temporary folders, from the programs of Debian's package
//! `postgresql`, on a loopback port that is nobody else's.

#[path = "../wire/port.rs"]
mod port;

use port::free_port;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The folder of the server's programs, if they are installed.
pub(crate) fn programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&on_path).find(|folder| folder.join("initdb").is_file());
    // Debian keeps one folder per version.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").is_file());
    let found = debian.max().or(on_path);
    if found.is_none() {
        eprintln!(
            "SKIPPED: PostgreSQL's server programs are not installed (Debian: postgresql, postgresql-client)"
        );
    }
    found
}

/// The user that the server runs as: it refuses to run as root.
fn owner() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let id = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(str::parse::<u32>);
        Some((fields.next()?.ok()?, fields.next()?.ok()?))
    };
    let root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if root { id("postgres").or_else(|| id("nobody")) } else { None }
}

/// A server with its folder, which goes with it.
pub(crate) struct Server {
    bin: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

impl Server {
    /// An empty cluster; it does not run yet.
    pub(crate) fn new(settings: &str) -> Option<Self> {
        Self::with(settings, "16")
    }

    /// As [`Server::new`], with segments of so many MiB of the write-ahead log: the last one is written
    /// anew when a standby is promoted.
    pub(crate) fn with(settings: &str, segment: &str) -> Option<Self> {
        let server = Self::bare()?;
        let data = server.data();
        let made = server.run(
            "initdb",
            &[
                "--wal-segsize".as_ref(),
                segment.as_ref(),
                "-D".as_ref(),
                data.as_os_str(),
                "-U".as_ref(),
                "scrip".as_ref(),
                "--auth=trust".as_ref(),
                "-N".as_ref(),
                "-E".as_ref(),
                "UTF8".as_ref(),
                "--locale=C".as_ref(),
            ],
        );
        assert!(made, "initdb failed");
        server.set(settings);
        Some(server)
    }

    /// A standby of `primary`, which runs, on the port given; it does not run yet.
    pub(crate) fn standby_of(primary: &Self, name: &str, settings: &str, port: Option<u16>) -> Option<Self> {
        let mut server = Self::bare()?;
        server.port = port.unwrap_or(server.port);
        let source = format!("host=127.0.0.1 port={} user=scrip application_name={name}", primary.port);
        let data = server.data();
        let made = server.run(
            "pg_basebackup",
            &[
                "-D".as_ref(),
                data.as_os_str(),
                "-d".as_ref(),
                source.as_ref(),
                "-R".as_ref(),
                "-c".as_ref(),
                "fast".as_ref(),
            ],
        );
        assert!(made, "pg_basebackup failed");
        server.set(settings);
        Some(server)
    }

    fn bare() -> Option<Self> {
        let bin = programs()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some((user, group)) = owner() {
            chown(folder.path(), Some(user), Some(group)).expect("root gives folders away");
        }
        let port = free_port().port();
        Some(Self { bin, folder, port, child: None })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Appends to the settings, which count at the next start or reload.
    pub(crate) fn set(&self, settings: &str) {
        let path = self.data().join("postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(path).expect("a cluster has its settings");
        let folder = self.folder.path().display();
        let own = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{folder}'\n{settings}\n",
            self.port
        );
        file.write_all(own.as_bytes()).expect("settings can be written");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.stdin(Stdio::null()).stdout(Stdio::null()).current_dir(self.folder.path());
        if let Some((user, group)) = owner() {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&self, program: &str, args: &[&std::ffi::OsStr]) -> bool {
        let log = self.folder.path().join("commands.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log can be written");
        self.command(program).args(args).stderr(log).status().expect("the program starts").success()
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn start(&mut self) {
        let log = self.folder.path().join("server.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log can be written");
        let mut command = self.command("postgres");
        self.child = Some(command.arg("-D").arg(self.data()).stderr(log).spawn().expect("the server starts"));
        let start = Instant::now();
        while self.try_psql("SELECT 1").is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not come up: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Stops it as a crash does: nothing is carried over, and the next start replays the log.
    pub(crate) fn crash(&mut self) {
        self.control(&["stop", "-m", "immediate", "-w"]);
        if let Some(mut child) = self.child.take() {
            child.wait().expect("it was started here");
        }
    }

    /// Kills all its processes outright, as when the machine goes.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let mut all = vec![child.id().to_string()];
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            // The parent is the second field after the name, which stands in brackets.
            let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            if parent == Some(all[0].as_str()) {
                all.extend(process.file_name().into_string());
            }
        }
        Command::new("kill").arg("-9").args(&all).status().expect("its own processes can be killed");
        child.wait().expect("it was started here");
    }

    /// Gives a file to the user that the server runs as, and to nobody else.
    pub(crate) fn own(&self, path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is there");
        if let Some((user, group)) = owner() {
            chown(path, Some(user), Some(group)).expect("root gives files away");
        }
    }

    pub(crate) fn control(&self, args: &[&str]) -> bool {
        let data: OsString = self.data().into();
        let mut all: Vec<&std::ffi::OsStr> = vec!["-D".as_ref(), &data];
        all.extend(args.iter().map(|arg| -> &std::ffi::OsStr { arg.as_ref() }));
        self.run("pg_ctl", &all)
    }

    /// The server's first process, while it runs.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://scrip@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What `psql` says, with `|` between columns.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.try_psql(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) fn try_psql(&self, sql: &str) -> Result<String, String> {
        let mut command = Command::new("psql");
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &self.url(), "-c", sql]).stdin(Stdio::null());
        let out = command.output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.crash();
        }
    }
}
