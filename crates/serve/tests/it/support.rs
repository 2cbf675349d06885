//! A small plant with history, users and points that can be written; and peers as separate processes.

use access::Access;
use model::{
    Access as May, Batch, Clock, Declaration, Each, Outcome, Path, PointId, Principal, Role, Shape, Status,
    SystemClock, Time, Value, ValueType, WriteRule,
};
use namespace::journal::{Journal, Options as JournalOptions, RealDisk};
use namespace::{Namespace, Settings};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use zeroize::Zeroizing;

/// Longest wait for anything in these tests.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Plant {
    pub namespace: Namespace,
    pub store: Store,
    pub access: Access,
    pub dir: tempfile::TempDir,
}

/// A point below `acme/leeds`.
pub fn point(path: &str, value_type: ValueType) -> Declaration {
    let path = Path::new(&format!("acme/leeds/{path}")).unwrap();
    serde_json::from_value(serde_json::json!({ "path": path, "value_type": value_type })).unwrap()
}

impl Plant {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = SystemClock::shared();
        let access = Access::open(&dir.path().join("access"), clock.clone()).unwrap();
        let options = JournalOptions::new(dir.path().join("journal"));
        let (journal, recovered) = Journal::open(options, Arc::new(RealDisk), clock.clone()).unwrap();
        let store =
            Store::open(dir.path().join("history"), &journal, clock.clone(), store::Options::default())
                .unwrap();
        let settings = Settings {
            max_skew: Duration::from_secs(5),
            writes_on: true,
            authority: Arc::new(access.clone()),
            ledger: Arc::new(access.clone()),
        };
        let namespace = Namespace::open(journal, recovered, clock, settings);
        Self { namespace, store, access, dir }
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        self.namespace.clock().clone()
    }

    pub fn declare(&self, points: Vec<Declaration>) -> Vec<PointId> {
        self.namespace.declare(points).unwrap()
    }

    pub fn publish(&self, point: PointId, value: impl Into<Value>, status: Status) {
        self.publish_at(point, self.clock().now(), value, status);
    }

    pub fn publish_at(&self, point: PointId, at: Time, value: impl Into<Value>, status: Status) {
        let shape = Shape::new(vec![point]);
        let mut batch = Batch::polled(shape, at, Each::All(status), vec![value.into()]);
        batch.flags.historical = self.clock().now().since(at) > Duration::from_secs(60);
        batch.source = Some(Each::All(at));
        self.namespace.publish(batch);
    }

    /// Takes every write and shows it.
    pub fn confirming(&self, points: &[PointId]) {
        let mut queue = self.namespace.own(points);
        let namespace = self.namespace.clone();
        tokio::spawn(async move {
            while let Some(order) = queue.next().await {
                let (value, now) = (order.command.value.clone(), namespace.clock().now());
                let id = namespace.find(order.command.path.as_str()).unwrap();
                let shape = Shape::new(vec![id]);
                namespace.publish(Batch::polled(shape, now, Each::All(Status::GOOD), vec![value.clone()]));
                let _ = order.respond.send(Outcome::Confirmed { readback: value });
            }
        });
    }

    /// The first administrator, `anna`, and a viewer, `vera`, both with passwords.
    pub async fn people(&self) {
        let password = |text: &str| Zeroizing::new(text.to_owned());
        let token = self.access.setup_token().unwrap().unwrap();
        self.access.setup(&token, "anna", password("swordfish-and-chips"), "test").await.unwrap();
        let admin = Principal { name: "user:anna".into(), role: Role::Administrator, prefix: None };
        let (_, link) = self.access.create_user(&admin, "vera", Role::Viewer).unwrap();
        let signed = self.access.sign_in_with_link(&link, "test").await.unwrap();
        self.access
            .change_password(&signed.cookie, password(""), password("only-looking-around"), "test")
            .await
            .unwrap();
    }
}

pub fn writable(declaration: Declaration) -> Declaration {
    let rule = WriteRule { min: Some(0.0), max: Some(600.0), ..WriteRule::default() };
    Declaration { access: May::Write(Box::new(rule)), ..declaration }
}

/// Waits until `condition` holds; panics with `what` after [`PATIENCE`].
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {} s for {what}", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A peer in a process of its own, steered by lines. Killed when dropped.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    pub fn spawn(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
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

    /// One line, and its answer.
    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
        self.line()
    }

    /// The same, as JSON.
    pub fn json(&mut self, line: &str) -> serde_json::Value {
        let answer = self.ask(line);
        serde_json::from_str(&answer).unwrap_or_else(|why| panic!("{line}: {answer}: {why}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Path of a file of the peers.
pub fn peer_file(name: &str) -> String {
    format!("{}/tests/peers/{name}", env!("CARGO_MANIFEST_DIR"))
}
