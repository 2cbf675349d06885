//! A broker of our own: mosquitto on a free loopback port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Polls until `found` gives something; panics with `what` at the deadline.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the broker is installed; says so if not.
pub fn no_mosquitto() -> bool {
    let missing =
        Command::new("mosquitto").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err();
    if missing {
        eprintln!("SKIPPED: mosquitto is not installed (apt-get install mosquitto mosquitto-clients)");
    }
    missing
}

/// Sends a signal to a process that this test started.
pub fn signal(pid: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

/// A free loopback port.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A broker of our own; ended with the value.
pub struct Broker {
    pub port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// With sessions that survive a restart and no sign-in; `more` are further lines of its configuration.
    pub fn start(more: &str) -> Self {
        Self::start_with(|_| format!("allow_anonymous true\n{more}\n"))
    }

    /// On a given port.
    pub fn start_at(port: u16, more: &str) -> Self {
        Self::start_on(port, |_| format!("allow_anonymous true\n{more}\n"))
    }

    /// `more` gets the broker's folder and gives further lines.
    pub fn start_with(more: impl Fn(&std::path::Path) -> String) -> Self {
        Self::start_on(free_port(), more)
    }

    fn start_on(port: u16, more: impl Fn(&std::path::Path) -> String) -> Self {
        let mut broker = Self { port, dir: tempfile::tempdir().unwrap(), child: None };
        let dir = broker.dir.path();
        let base = "persistence true\nautosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\nlog_type error\n";
        let user =
            if std::env::var("USER").as_deref() == Ok("root") || rootless() { "user root\n" } else { "" };
        let config = format!(
            "{base}{user}persistence_location {}/\nlistener {} 127.0.0.1\n{}",
            dir.display(),
            broker.port,
            more(dir)
        );
        std::fs::write(dir.join("mosquitto.conf"), config).unwrap();
        broker.up();
        broker
    }

    pub fn dir(&self) -> PathBuf {
        self.dir.path().into()
    }

    /// Starts it again on the same port.
    pub fn up(&mut self) {
        assert!(self.child.is_none());
        let log = std::fs::File::create(self.dir.path().join("log")).unwrap();
        let mut command = Command::new("mosquitto");
        command
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        self.child = Some(command.spawn().unwrap());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        wait_for("the broker to listen", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "mosquitto ended: {}", log());
            TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok()
        });
    }

    /// Stops or continues it.
    pub fn signal(&self, which: &str) {
        signal(self.child.as_ref().unwrap().id(), which);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn rootless() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
