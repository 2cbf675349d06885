//! Software that nobody here wrote: brokers, Python and Node libraries, the browser.

use super::{Process, free_port, wait_for};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Python with the peers' libraries. `None` says that it was skipped.
pub struct Python(PathBuf);

impl Python {
    /// From `IRONBRIDGE_PEERS_PYTHON`, which `make test` sets.
    pub fn find() -> Option<Self> {
        let found =
            std::env::var_os("IRONBRIDGE_PEERS_PYTHON").map(PathBuf::from).filter(|path| path.exists());
        if found.is_none() {
            println!(
                "SKIPPED: IRONBRIDGE_PEERS_PYTHON is not set; `make test` installs the peers and sets it"
            );
        }
        found.map(Self)
    }

    /// Runs a script of `e2e/peers` to its end.
    pub fn run(&self, script: &str, words: &[&str]) -> Output {
        self.command(script, words).output().unwrap()
    }

    /// Starts a script of `e2e/peers`.
    pub fn start(&self, script: &str, words: &[&str]) -> Process {
        Process(self.command(script, words).stdout(Stdio::inherit()).spawn().unwrap())
    }

    /// The program, and a script of `e2e/peers`; an absolute path stays as it is.
    pub fn paths(&self, script: &str) -> (PathBuf, PathBuf) {
        (self.0.clone(), PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(script))
    }

    /// Starts a script of `e2e/peers` in a network namespace.
    pub fn start_in(&self, namespace: &str, script: &str, words: &[&str]) -> Process {
        let mut command = Command::new("ip");
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
        command.args(["netns", "exec", namespace]).arg(&self.0).arg(script).args(words);
        Process(command.stdout(Stdio::inherit()).spawn().unwrap())
    }

    fn command(&self, script: &str, words: &[&str]) -> Command {
        let (program, script) = self.paths(script);
        let mut command = Command::new(program);
        command.arg(script).args(words);
        command
    }
}

/// Folder with `node_modules` of the peers.
pub fn node_dir() -> Option<PathBuf> {
    let found = std::env::var_os("IRONBRIDGE_PEERS_NODE_DIR").map(PathBuf::from).filter(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: IRONBRIDGE_PEERS_NODE_DIR is not set; `make test` installs the peers and sets it");
    }
    found
}

/// The browser.
pub fn chromium() -> Option<PathBuf> {
    let given = std::env::var_os("IRONBRIDGE_CHROMIUM").map(PathBuf::from);
    let found = given.or_else(|| Some(PathBuf::from("/usr/bin/chromium"))).filter(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: no chromium; `make test` installs it");
    }
    found
}

/// mosquitto on a free port, with its own folder.
pub struct Broker {
    dir: TempDir,
    /// Its port.
    pub port: u16,
    process: Option<Process>,
}

impl Broker {
    /// Starts it; `None` says that it was skipped.
    pub fn start() -> Option<Self> {
        let mut broker = Self { dir: tempfile::tempdir().unwrap(), port: free_port(), process: None };
        broker.resume().then_some(broker)
    }

    /// Starts it (again) on the same port; false if it is not installed.
    pub fn resume(&mut self) -> bool {
        let config = self.dir.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 1000000\n",
            self.port
        );
        std::fs::write(&config, text).unwrap();
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
            .into_iter()
            .find(|path| PathBuf::from(path).exists());
        let Some(program) = program else {
            println!("SKIPPED: no mosquitto; `make test` installs it");
            return false;
        };
        let child = Command::new(program)
            .arg("-c")
            .arg(config)
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(Process(child));
        wait_for("mosquitto", Duration::from_secs(10), || TcpStream::connect(("127.0.0.1", self.port)).ok());
        true
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }
}
