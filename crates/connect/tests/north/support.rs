//! A plant without devices, a broker, and an ear at it.

use connect::kind::{Context, Models, Secrets};
use connect::north::{self, Destination, Handle, History, Place, Recorded, Status, Told};
use model::config::Document;
use model::{
    Access, Batch, Clock, Declaration, Each, Path, PointId, Position, Principal, Shape, Status as Quality,
    SystemClock, Time, Value, ValueType, WriteRule,
};
use namespace::journal::{Item, Journal, Options, RealDisk, Record};
use namespace::{Authority, Entry, Ledger, Namespace, Settings};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub use crate::broker::*;

pub const SITE: &str = "acme/leeds";

struct Allow;
impl Authority for Allow {
    fn may_write(&self, _: &Principal, _: &Path) -> Result<(), String> {
        Ok(())
    }
}

/// Everything that was written to the ledger.
#[derive(Default)]
pub struct Memory(pub Mutex<Vec<Entry>>);
impl Ledger for Memory {
    fn record(&self, entry: Entry) -> Result<(), String> {
        self.0.lock().unwrap().push(entry);
        Ok(())
    }
}

struct Known(BTreeMap<String, String>);
impl Secrets for Known {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// A namespace over a journal on disk.
pub struct Plant {
    pub namespace: Namespace,
    pub dir: TempDir,
    pub secrets: BTreeMap<String, String>,
    /// `enterprise/site`.
    pub site: String,
    /// Where destinations keep their files, if not in `dir`.
    keep: Option<PathBuf>,
}

impl Plant {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { namespace: open(dir.path()), dir, secrets: BTreeMap::new(), site: SITE.into(), keep: None }
    }

    /// In a folder that outlives it.
    pub fn at(folder: &std::path::Path) -> Self {
        let dir = tempfile::Builder::new().disable_cleanup(true).prefix("run").tempdir_in(folder).unwrap();
        let mut plant =
            Self { namespace: open(folder), dir, secrets: BTreeMap::new(), site: SITE.into(), keep: None };
        plant.keep = Some(folder.into());
        plant
    }

    /// Declares `paths` (below the site) of one device and returns their shape.
    pub fn declare(&self, device: &str, points: &[(&str, ValueType)]) -> Arc<Shape> {
        let declarations = points.iter().map(|(path, value_type)| {
            let mut point =
                Declaration::new(Path::new(&format!("{}/{path}", self.site)).unwrap(), *value_type);
            point.connection = "plc".into();
            point.device = device.into();
            if *value_type == ValueType::F64 {
                point.unit = "bar".into();
                point.range = Some((0.0, 100.0));
                point.access = Access::Write(Box::new(WriteRule {
                    min: Some(0.0),
                    max: Some(100.0),
                    ..WriteRule::default()
                }));
            }
            point
        });
        Shape::new(self.namespace.declare(declarations).unwrap())
    }

    /// The point has another place from now on.
    pub fn rename(&self, from: &str, to: &str, value_type: ValueType) {
        let path = |below: &str| Path::new(&format!("{}/{below}", self.site)).unwrap();
        let mut point = Declaration::new(path(to), value_type);
        point.was = vec![path(from)];
        self.namespace.declare([point]).unwrap();
    }

    pub fn publish(&self, shape: &Arc<Shape>, values: Vec<Value>) {
        let now = self.namespace.clock().now();
        self.namespace.publish(Batch::polled(shape.clone(), now, Each::All(Quality::GOOD), values));
    }

    pub fn quality(&self, shape: &Arc<Shape>, quality: Quality) {
        self.namespace.publish(Batch::quality(shape.clone(), self.namespace.clock().now(), quality));
    }

    pub fn build(&self, name: &str, text: &str) -> Destination {
        self.build_with(name, text, Models::default())
    }

    /// In a plant with these types and assets.
    pub fn build_with(&self, name: &str, text: &str, models: Models) -> Destination {
        let document = Document::parse(&format!("{name}.toml"), text).unwrap();
        let mut context = Context::new(name, Path::new(&self.site).unwrap(), self.dir.path());
        context.secrets = Arc::new(Known(self.secrets.clone()));
        context.models = Arc::new(models);
        north::build(&document, &context).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
    }

    /// With a journal of small files and a small bound.
    pub fn with_small_journal(bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = Options::new(dir.path().join("journal"));
        (options.max_bytes, options.file_bytes, options.ring_bytes) = (bytes, bytes / 6, 64 * 1024);
        options.keep_interval = Duration::from_millis(50);
        Self { namespace: open_with(options), dir, secrets: BTreeMap::new(), site: SITE.into(), keep: None }
    }

    /// Ends the journal, so that its folder can be opened again.
    pub fn close(self) {
        self.namespace.journal().clone().close().unwrap();
    }

    pub fn start(&self, name: &str, text: &str) -> Handle {
        self.run(self.build(name, text))
    }

    pub fn run(&self, destination: Destination) -> Handle {
        let folder = self.keep.as_deref().unwrap_or(self.dir.path()).join("destinations");
        let history = Arc::new(Recording(self.namespace.clone()));
        let site = Path::new(&self.site).unwrap();
        let place = Place { namespace: self.namespace.clone(), site, folder, history };
        north::run(destination, place).unwrap()
    }
}

/// History as far as the journal still has it.
struct Recording(Namespace);

impl Recording {
    fn each(&self, mut with: impl FnMut(Position, Record)) {
        let mut reader = self.0.journal().reader(Position::START);
        while let Some(item) = reader.try_next() {
            if let Item::Record { position, record } = item {
                with(position, record);
            }
        }
    }
}

impl History for Recording {
    fn samples(
        &self,
        points: &[PointId],
        from: Time,
        to: Time,
        most: usize,
    ) -> Result<Option<Vec<Recorded>>, String> {
        let mut found = Vec::new();
        self.each(|position, record| {
            let Record::Samples(batch) = record else { return };
            let inside = batch
                .rows()
                .filter(|(point, time, ..)| points.contains(point) && *time >= from && *time < to);
            found.extend(inside.map(|(point, time, status, value)| Recorded {
                point,
                time,
                received: batch.received,
                position,
                status,
                value: value.clone(),
                historical: batch.flags.historical,
            }));
        });
        Ok((found.len() <= most).then_some(found))
    }

    fn before(&self, point: PointId, time: Time) -> Result<Option<Recorded>, String> {
        let all = self.samples(&[point], Time(i64::MIN), time, usize::MAX)?.unwrap();
        Ok(all.into_iter().max_by_key(|row| (row.time, row.position)))
    }

    fn events(&self, from: Time, to: Time, most: usize) -> Result<Option<Vec<Told>>, String> {
        let mut found = Vec::new();
        self.each(|position, record| match record {
            Record::Event(event) if event.start >= from && event.start < to => found.push((position, event)),
            _ => {}
        });
        Ok((found.len() <= most).then_some(found))
    }

    fn taken(&self) -> Position {
        self.0.journal().head()
    }

    fn oldest(&self) -> Option<Time> {
        let mut oldest = None;
        self.each(|_, record| {
            if let Record::Samples(batch) = record {
                oldest = oldest.into_iter().chain(batch.rows().map(|row| row.1)).min();
            }
        });
        oldest
    }
}

fn open(dir: &std::path::Path) -> Namespace {
    open_with(Options::new(dir.join("journal")))
}

fn open_with(options: Options) -> Namespace {
    let clock: Arc<dyn Clock> = SystemClock::shared();
    let disk = Arc::new(RealDisk);
    let (journal, recovered) = Journal::open(options, disk, clock.clone()).unwrap();
    let settings = Settings {
        max_skew: Duration::from_secs(5),
        writes_on: true,
        authority: Arc::new(Allow),
        ledger: Arc::new(Memory::default()),
    };
    Namespace::open(journal, recovered, clock, settings)
}

/// Whether an event with such a title was told.
pub fn told(plant: &Plant, words: &str) -> bool {
    let journal = plant.namespace.journal();
    let mut reader = journal.reader(journal.oldest());
    while let Some(item) = reader.try_next() {
        if let Item::Record { record: Record::Event(event), .. } = item
            && event.title.contains(words)
        {
            return true;
        }
    }
    false
}

/// A runtime of two threads.
pub fn multi() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// An authority, a server certificate for 127.0.0.1 and a client certificate, as PEM files.
pub fn certificates(dir: &std::path::Path) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Plant authority");
    let authority = params.self_signed(&key).unwrap();
    std::fs::write(dir.join("ca.pem"), authority.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for (name, host) in [("server", "127.0.0.1"), ("client", "gateway")] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
        let file = dir.join(format!("{name}.key"));
        std::fs::write(&file, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
}

/// Waits until the status is as `fits` wants it.
pub fn wait_status(handle: &Handle, what: &str, fits: impl Fn(&Status) -> bool) -> Status {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = handle.status();
        if fits(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}: {status:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One message as `mosquitto_sub` saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub topic: String,
    pub retained: bool,
    pub payload: String,
}

impl Heard {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|why| panic!("{why}: {}", self.payload))
    }
}

/// `mosquitto_sub` with a session of its own: what is published while it is away waits for it.
pub struct Ear {
    child: Child,
    heard: Receiver<Heard>,
    pub all: Vec<Heard>,
}

impl Ear {
    pub fn listen(broker: &Broker, filter: &str, more: &[&str]) -> Self {
        Self::listen_as(broker, "ear", filter, more)
    }

    /// Payloads in hexadecimal with `hex`.
    pub fn listen_as(broker: &Broker, id: &str, filter: &str, more: &[&str]) -> Self {
        let hex = more.contains(&"--hex");
        let mut command = Command::new("mosquitto_sub");
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &broker.port.to_string(),
            "-t",
            filter,
            "-i",
            id,
            "-c",
            "-q",
            "1",
        ]);
        command.args(["-F", if hex { "%r %t %x" } else { "%r %t %p" }]);
        command.args(more.iter().filter(|arg| **arg != "--hex"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, heard) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let mut parts = line.splitn(3, ' ');
                let (Some(retained), Some(topic), Some(payload)) = (parts.next(), parts.next(), parts.next())
                else {
                    continue;
                };
                let heard = Heard { topic: topic.into(), retained: retained == "1", payload: payload.into() };
                if send.send(heard).is_err() {
                    break;
                }
            }
        });
        let mut ear = Self { child, heard, all: Vec::new() };
        ear.wake(broker, filter, more);
        ear
    }

    /// The subscription stands when a message of ours comes back.
    fn wake(&mut self, broker: &Broker, filter: &str, more: &[&str]) {
        let topic = filter.replace("/#", "/hello").replace(['#', '+'], "hello");
        let login: Vec<&str> = more.iter().copied().filter(|arg| *arg != "--hex").collect();
        wait_for("the subscription to stand", || {
            shout(broker, &topic, "hello", &login);
            let deadline = Instant::now() + Duration::from_millis(500);
            while Instant::now() < deadline {
                match self.heard.recv_timeout(Duration::from_millis(50)) {
                    Ok(heard) if is_hello(&heard) => return Some(()),
                    Ok(heard) => self.all.push(heard),
                    Err(_) => {}
                }
            }
            None
        });
    }

    /// Collects until `enough` of all that was heard.
    pub fn until(&mut self, what: &str, enough: impl Fn(&[Heard]) -> bool) -> &[Heard] {
        let deadline = Instant::now() + PATIENCE;
        while !enough(&self.all) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(left) {
                Ok(heard) if is_hello(&heard) => {}
                Ok(heard) => self.all.push(heard),
                Err(why) => panic!(
                    "waited in vain for {what} ({why}); heard {} messages: {:#?}",
                    self.all.len(),
                    tail(&self.all)
                ),
            }
        }
        &self.all
    }
}

fn is_hello(heard: &Heard) -> bool {
    heard.payload == "hello" || heard.payload == "68656c6c6f"
}

fn tail(all: &[Heard]) -> &[Heard] {
    all.get(all.len().saturating_sub(10)..).unwrap_or_default()
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `mosquitto_pub` with QoS 1.
pub fn shout(broker: &Broker, topic: &str, payload: &str, more: &[&str]) {
    let port = broker.port.to_string();
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-m", payload, "-q", "1"])
        .args(more)
        .stderr(Stdio::null())
        .status();
    assert!(status.is_ok());
}
