//! Software that nobody here wrote: brokers, Python and Node libraries, the browser.

use super::{Process, free_port, listening};
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
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

    /// Starts a script of `e2e/peers` that listens on `port`, its first word, and waits until it does.
    pub fn serve(&self, script: &str, port: u16, words: &[&str]) -> Process {
        let process = self.start(script, &[&[port.to_string().as_str()], words].concat());
        listening(script, port);
        process
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

/// A program that says `ready`, and from then on answers each line with a line.
pub struct Talker {
    process: Process,
    output: BufReader<ChildStdout>,
}

impl Talker {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut talker = Self { process: Process(child), output };
        assert_eq!(talker.line(), "ready", "{command:?}");
        talker
    }

    /// One line, and its answer.
    pub fn ask(&mut self, line: &str) -> Json {
        writeln!(self.process.0.stdin.as_mut().unwrap(), "{line}").unwrap();
        let answer = self.line();
        serde_json::from_str(&answer).unwrap_or_else(|why| panic!("{line}: {answer}: {why}"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
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
        listening("mosquitto", self.port);
        true
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }
}

/// nats-server on a free port, with its own folder.
pub struct Nats {
    _dir: TempDir,
    /// Its port.
    pub port: u16,
    _process: Process,
}

impl Nats {
    /// `None` says that it was skipped. `config` is everything but the port.
    pub fn start(config: &str) -> Option<Self> {
        let program = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"]
            .into_iter()
            .find(|path| PathBuf::from(path).exists());
        let Some(program) = program else {
            println!("SKIPPED: no nats-server; `make test` installs it");
            return None;
        };
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let text = format!("listen: \"127.0.0.1:{port}\"\n{config}\n");
        std::fs::write(dir.path().join("server.conf"), text).unwrap();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.args(["-c", "server.conf"]).current_dir(dir.path()).stdout(Stdio::null()).stderr(log);
        let server = Self { port, _process: Process(command.spawn().unwrap()), _dir: dir };
        listening("nats-server", port);
        Some(server)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

/// A way between two programs that can be cut: what is under way is lost with it.
pub struct Wire {
    /// Where it begins.
    pub port: u16,
    open: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    /// To a port of this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let from = listener.local_addr().unwrap().port();
        let wire = Self { port: from, open: Arc::new(AtomicBool::new(true)), ends: Arc::default() };
        let (open, ends) = (wire.open.clone(), wire.ends.clone());
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far =
                    TcpStream::connect(("127.0.0.1", port)).ok().filter(|_| open.load(Ordering::SeqCst));
                let Some(far) = far else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                ends.lock().unwrap().extend([near, far]);
            }
        });
        wire
    }

    /// Cuts it.
    pub fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        self.ends.lock().unwrap().drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }

    /// Mends it.
    pub fn mend(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}
