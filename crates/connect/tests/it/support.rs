//! A namespace to read into, and peers as separate processes.

use connect::discover::{Ask, Desk, Found, ScanState, Snapshot};
use connect::inbox::Inbox;
use connect::kind::{self, Context, Secrets};
use connect::south::{self, Handle, PROBES, Wheel};
use journal::{Journal, Options, RealDisk};
use model::config::Document;
use model::time::Clock;
use model::{Command, Fault, Last, Outcome, Path, Principal, Role, SystemClock, Value};
use namespace::{Authority, Entry, Ledger, Namespace, Settings};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use transport::TlsServer;
use transport::tls::ClientAuthority;

/// Longest wait for anything in these tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

struct Everybody;
impl Authority for Everybody {
    fn may_write(&self, _: &Principal, _: &Path) -> Result<(), String> {
        Ok(())
    }
}

struct Nowhere;
impl Ledger for Nowhere {
    fn record(&self, _: Entry) -> Result<(), String> {
        Ok(())
    }
}

/// A secret store, and the doors of connections that take posts.
#[derive(Default)]
pub struct Held {
    secrets: Mutex<BTreeMap<String, String>>,
    pub inbox: Arc<Inbox>,
    data: Option<PathBuf>,
    /// What others see of this gateway, and its key (PEM).
    certificate: Option<(String, String)>,
}

impl Held {
    /// With a certificate of this gateway and its key (PEM).
    pub fn with_certificate(chain: String, key: String) -> Self {
        Self { certificate: Some((chain, key)), ..Self::default() }
    }

    pub fn set(&self, name: &str, secret: &str) {
        self.secrets.lock().unwrap().insert(name.into(), secret.into());
    }
}

impl Secrets for Held {
    fn secret(&self, name: &str) -> Option<String> {
        self.secrets.lock().unwrap().get(name).cloned()
    }

    fn data(&self) -> Option<PathBuf> {
        self.data.clone()
    }

    fn listener(&self, clients: &ClientAuthority) -> Result<TlsServer, Fault> {
        let (chain, key) = self.certificate.as_ref().expect("a certificate");
        TlsServer::from_pem(chain.as_bytes(), key.as_bytes(), clients)
    }

    fn inbox(&self) -> Arc<Inbox> {
        self.inbox.clone()
    }
}

pub struct House {
    pub namespace: Namespace,
    pub wheel: Arc<Wheel>,
    dir: tempfile::TempDir,
}

impl House {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = SystemClock::shared();
        let disk = Arc::new(RealDisk);
        let (journal, recovered) =
            Journal::open(Options::new(dir.path().join("journal")), disk, clock.clone()).unwrap();
        let settings = Settings {
            max_skew: Duration::from_secs(5),
            writes_on: true,
            authority: Arc::new(Everybody),
            ledger: Arc::new(Nowhere),
        };
        Self {
            namespace: Namespace::open(journal, recovered, clock, settings),
            wheel: Arc::new(Wheel::new()),
            dir,
        }
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.namespace.clock()
    }

    /// Builds a connection from its file and starts it.
    pub fn start(&self, name: &str, text: &str) -> Handle {
        self.start_with(name, text, &[])
    }

    /// The same with a secret store that holds these.
    pub fn start_with(&self, name: &str, text: &str, secrets: &[(&str, &str)]) -> Handle {
        self.start_keeping(name, text, secrets).0
    }

    /// The same, and that store.
    pub fn start_keeping(&self, name: &str, text: &str, secrets: &[(&str, &str)]) -> (Handle, Arc<Held>) {
        let held = Arc::new(Held { data: Some(self.data()), ..Held::default() });
        secrets.iter().for_each(|(name, secret)| held.set(name, secret));
        (self.start_held(name, text, held.clone()), held)
    }

    /// The same with a store of one's own.
    pub fn start_held(&self, name: &str, text: &str, held: Arc<Held>) -> Handle {
        self.start_from(std::path::Path::new(""), name, text, held)
    }

    /// Starts it as a file of a plant folder.
    pub fn start_in(&self, folder: &std::path::Path, name: &str, text: &str) -> Handle {
        self.start_from(folder, name, text, Arc::new(Held { data: Some(self.data()), ..Held::default() }))
    }

    fn start_from(&self, folder: &std::path::Path, name: &str, text: &str, held: Arc<Held>) -> Handle {
        let document = Document::parse(&format!("connections/{name}.toml"), text).unwrap();
        let kind = document.root.get("kind").and_then(|node| node.as_text()).unwrap();
        let kind = kind::find(south::KINDS, kind).unwrap();
        let mut context = Context::new(name, Path::new("acme/leeds").unwrap(), folder);
        context.secrets = held;
        let built = (kind.build)(&document, &context).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        south::run(name, kind.name, built, &self.namespace, &self.wheel).unwrap()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn last(&self, path: &str) -> Last {
        let id =
            self.namespace.find(&format!("acme/leeds/{path}")).unwrap_or_else(|| panic!("no point {path}"));
        self.namespace.last(id).unwrap()
    }

    pub async fn write(&self, path: &str, value: Value) -> Outcome {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let command = Command {
            id: format!("test-{number}"),
            path: Path::new(&format!("acme/leeds/{path}")).unwrap(),
            value,
            expires: self.clock().now().after(Duration::from_secs(30)),
            reason: "test".into(),
        };
        let anna = Principal { name: "user:anna".into(), role: Role::Operator, prefix: None };
        self.namespace.command(&anna, command).await
    }
}

/// Waits until `condition` holds; panics with `what` after [`PATIENCE`].
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A peer in a process of its own, steered by lines. Killed when dropped.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub fn spawn(program: &str, arguments: &[&str]) -> Self {
        Self::spawn_with(program, arguments, &[])
    }

    pub fn spawn_with(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = std::process::Command::new(program)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, input, output };
        assert_eq!(peer.line(), "ready", "{program} did not start");
        peer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
        self.line()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python with the peers; `None` says loudly that the test is skipped.
pub fn python() -> Option<String> {
    let python = std::env::var("IRONBRIDGE_PEERS_PYTHON").ok();
    if python.is_none() {
        eprintln!(
            "SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has pymodbus 3.16 (pip install pymodbus==3.16.*)"
        );
    }
    python
}

/// Node and the folder with its peers; `None` says loudly that the test is skipped.
pub fn node() -> Option<(String, String)> {
    let modules = std::env::var("IRONBRIDGE_PEERS_NODE_DIR").ok().map(|dir| format!("{dir}/node_modules"));
    let modules = modules.filter(|dir| std::path::Path::new(dir).join("node-opcua-server").exists());
    if modules.is_none() {
        eprintln!(
            "SKIPPED: set IRONBRIDGE_PEERS_NODE_DIR to a folder with e2e/peers' packages installed (npm ci)"
        );
    }
    Some(("node".to_owned(), modules?))
}

/// A free port on loopback.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Path of a file of the peers.
pub fn peer_file(name: &str) -> String {
    format!("{}/tests/peers/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A serial line as two device files, ours and the peer's. Two pseudo terminals, joined by this process.
pub fn serial_line() -> (String, String) {
    let (ours, theirs) = (transport::PseudoLine::open().unwrap(), transport::PseudoLine::open().unwrap());
    let paths = (ours.path.clone(), theirs.path.clone());
    tokio::spawn(join(ours, theirs));
    paths
}

/// Takes both whole: their far ends must stay open.
async fn join(mut ours: transport::PseudoLine, mut theirs: transport::PseudoLine) {
    let _ = tokio::io::copy_bidirectional(&mut ours.near, &mut theirs.near).await;
    drop((ours, theirs));
}

/// To look for a protocol at one port of this machine.
pub fn ask_for(protocol: &str, port: u16) -> Ask {
    Ask {
        targets: vec!["127.0.0.1".into()],
        protocols: vec![protocol.into()],
        ports: BTreeMap::from([(protocol.into(), vec![port])]),
        timeout: Duration::from_secs(2),
        pause: Duration::from_millis(1),
        ..Ask::default()
    }
}

/// Plans, says yes, waits for the end: what came of it, and how many packets it might have sent.
pub async fn scan(ask: Ask) -> (Snapshot, u64) {
    let desk = Desk::new(PROBES, SystemClock::shared());
    let plan = desk.plan(&ask, &[]).await.unwrap();
    let most = plan.packets_most();
    let scan = desk.begin(plan, most, "test").unwrap();
    desk.run(&scan).await;
    let snapshot = scan.snapshot();
    assert_eq!(snapshot.state, ScanState::Done);
    assert!(snapshot.packets_sent <= most, "{} of {most} packets", snapshot.packets_sent);
    (snapshot, most)
}

/// What discovery finds of a protocol at one port of this machine.
pub async fn discovered(protocol: &str, port: u16) -> Vec<Found> {
    scan(ask_for(protocol, port)).await.0.found
}
