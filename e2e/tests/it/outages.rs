//! Every destination of one plant, cut off in random order and for random lengths, while the gateway is killed in between: in
//! the end each far side is asked, and has every sample that history has, in order.

use crate::database::{Database, PASSWORD, no_postgres};
use crate::harness::{
    Broker, Http, Nats, Plant, Process, Python, Random, Talker, Wire, free_port, listening, now_ms, wait_for,
};
use crate::modbus::plant_with_pymodbus;
use crate::webhook::secret;
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const COUNT: &str = "acme/leeds/packaging/line-1/filler/count";
const ROUNDS: u64 = 7;
/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(180);

/// A program with a folder of its own.
pub struct Peer {
    pub dir: TempDir,
    pub port: u16,
    _process: Process,
}

impl Peer {
    pub fn start(port: u16, dir: TempDir, command: &mut Command) -> Self {
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = command.current_dir(dir.path()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let process = Process(child);
        listening("a far side", port);
        Self { dir, port, _process: process }
    }

    /// One of the collectors in Python that the destinations' own tests have.
    fn python(python: &Python, script: &str) -> Self {
        let port = free_port();
        let (program, script) = (python.paths("").0, peer_script(script));
        Self::start(
            port,
            tempfile::tempdir().unwrap(),
            Command::new(program).arg(script).arg(port.to_string()),
        )
    }

    fn victoria() -> Self {
        let port = free_port();
        let listen = format!("-httpListenAddr=127.0.0.1:{port}");
        let words = ["-storageDataPath=data", "-search.latencyOffset=0s", "-retentionPeriod=100y", &listen];
        let mut command = Command::new("/usr/bin/victoria-metrics");
        Self::start(port, tempfile::tempdir().unwrap(), command.args(words))
    }

    /// rsyslog that writes host, application, structured data and text of each message.
    fn rsyslog() -> Self {
        let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
        let d = dir.path().display().to_string();
        let config = format!(
            "global(workDirectory=\"{d}\" maxMessageSize=\"64k\")\nmodule(load=\"imtcp\")\n\
             input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n\
             template(name=\"parts\" type=\"string\" string=\"%hostname%\\t%app-name%\\t%structured-data%\\t%msg%\\n\")\n\
             action(type=\"omfile\" file=\"{d}/messages\" template=\"parts\" asyncWriting=\"off\" flushOnTXEnd=\"on\")\n"
        );
        std::fs::write(dir.path().join("rsyslog.conf"), config).unwrap();
        let mut command = Command::new("/usr/sbin/rsyslogd");
        Self::start(port, dir, command.args(["-n", "-f", "rsyslog.conf", "-i", &format!("{d}/pid")]))
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn rows(&self, name: &str) -> Vec<Json> {
        self.lines(name).iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

fn peer_script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/connect/tests/peers").join(name)
}

/// librdkafka's mock cluster of three brokers.
pub struct Cluster(Talker);

impl Cluster {
    fn start(python: &Python) -> Self {
        let mut command = Command::new(python.paths("").0);
        command.arg(peer_script("kafka_cluster.py")).arg("3").stderr(Stdio::null());
        let mut cluster = Self(Talker::start(&mut command));
        cluster.ask(&json!({"ask": "topic", "topic": "acme.leeds", "partitions": 2}));
        cluster
    }

    pub fn ask(&mut self, ask: &Json) -> Json {
        self.0.ask(&ask.to_string())
    }

    fn all(&mut self, how: &str) {
        (1..=3).for_each(|broker| drop(self.ask(&json!({"ask": how, "broker": broker}))));
    }
}

/// All far sides, each behind a wire that can be cut.
pub struct Far {
    pub python: Python,
    pub database: Database,
    pub nats: Nats,
    _broker: Broker,
    _ear: Process,
    pub cluster: Cluster,
    pub victoria: Peer,
    pub hook: Peer,
    pub otlp: Peer,
    pub siem: Peer,
    /// In the order of [`Far::files`].
    wires: Vec<Wire>,
}

impl Far {
    /// `None` says that something is missing here.
    pub fn start(plant: &Plant) -> Option<Self> {
        for program in ["/usr/bin/victoria-metrics", "/usr/sbin/rsyslogd"] {
            if !Path::new(program).exists() {
                println!("SKIPPED: no {program}; `make test` installs it");
                return None;
            }
        }
        if no_postgres() {
            return None;
        }
        let python = Python::find()?;
        let (nats, broker) = (Nats::start("jetstream { store_dir: store }")?, Broker::start()?);
        let ear = plant.dir().join("heard").display().to_string();
        let ear = python.start("mqtt_collect.py", &[&broker.port.to_string(), &ear, "acme/#"]);
        let (hook, otlp) =
            (Peer::python(&python, "collector.py"), Peer::python(&python, "otlp_collector.py"));
        let (database, cluster) = (Database::start(), Cluster::start(&python));
        let (victoria, siem) = (Peer::victoria(), Peer::rsyslog());
        let ports = [database.port, nats.port, broker.port, victoria.port, hook.port, otlp.port, siem.port];
        let wires = ports.into_iter().map(Wire::to).collect();
        Some(Self {
            python,
            database,
            nats,
            _broker: broker,
            _ear: ear,
            cluster,
            victoria,
            hook,
            otlp,
            siem,
            wires,
        })
    }

    /// The files of the destinations.
    fn write(&mut self, plant: &Plant) {
        let port = |n: usize| self.wires[n].port;
        let bootstrap = self.cluster.ask(&json!({"ask": "bootstrap"}));
        let kafka = bootstrap.as_str().unwrap().split(',').next().unwrap().to_owned();
        let dir = plant.dir().display();
        for (name, text) in [
            (
                "database",
                format!(
                    "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{}/plant\"\npassword = {{ secret = \"db\" }}",
                    port(0)
                ),
            ),
            (
                "stream",
                format!(
                    "kind = \"nats\"\nurl = \"nats://127.0.0.1:{}\"\nstream = {{ duplicates = \"10min\" }}",
                    port(1)
                ),
            ),
            ("broker", format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"", port(2))),
            (
                "series",
                format!("kind = \"influx\"\nurl = \"http://127.0.0.1:{}\"\nbucket = \"plant\"", port(3)),
            ),
            (
                "hook",
                format!(
                    "kind = \"webhook\"\nurl = \"http://127.0.0.1:{}/all\"\nsamples = true\nevents = [\"finding\"]",
                    port(4)
                ),
            ),
            ("telemetry", format!("kind = \"otlp\"\nurl = \"http://127.0.0.1:{}\"", port(5))),
            (
                "siem",
                format!("kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{}\"\nevents = [\"fault\"]", port(6)),
            ),
            ("topic", format!("kind = \"kafka\"\nurl = \"kafka://{kafka}\"\nlinger = \"20ms\"")),
            ("archive", format!("kind = \"files\"\nfolder = \"{dir}/archive\"\nper = \"1s\"")),
            ("lake", format!("kind = \"iceberg\"\nurl = \"{dir}/tables\"\ncommit = \"500ms\"")),
        ] {
            plant.write(
                &format!("destinations/{name}.toml"),
                &format!("{text}\nselect = [\"packaging/**\"]\nstart = \"oldest\"\n"),
            );
        }
    }

    /// Positions of the counter's samples as they arrived at the far sides that tell them.
    fn arrived(&mut self, plant: &Plant) -> Vec<(&'static str, Vec<u64>)> {
        let select = format!("select seq from ironbridge.samples where path = '{COUNT}' order by seq");
        let database = self.database.sql(&select).lines().map(number).collect();
        let url = self.nats.url();
        let out = Command::new(self.python.paths("").0)
            .arg(peer_script("nats_read.py"))
            .args([&url, "ACME_LEEDS"])
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&out.stdout).into_owned();
        let subject = COUNT.replace('/', ".");
        let of_stream = |line: &str| {
            let message: Json = serde_json::from_str(line).ok()?;
            let data: Json = serde_json::from_str(message["data"].as_str()?).ok()?;
            (message["subject"] == subject.as_str()).then(|| number(data["seq"].as_str().unwrap()))
        };
        let all = self.cluster.ask(&json!({"ask": "read", "topic": "acme.leeds", "count": 1}));
        let of_topic = |message: &Json| {
            (message["key"] == COUNT).then(|| number(message["headers"]["ironbridge-seq"].as_str().unwrap()))
        };
        let posted = self.hook.rows("requests");
        let bodies = posted.iter().filter(|request| request["answer"] == 200);
        let of_hook = |body: &Json| -> Vec<u64> {
            let body: Json = serde_json::from_str(body["body"].as_str().unwrap()).unwrap();
            let samples = body["samples"].as_array().unwrap().clone();
            let mine = samples.into_iter().filter(|sample| sample["path"] == COUNT);
            mine.map(|sample| number(sample["seq"].as_str().unwrap())).collect()
        };
        let lake = format!("select seq from lake.lake where path = '{COUNT}' order by seq");
        let lake = text_of(plant, &lake);
        vec![
            ("database", database),
            ("stream", out.lines().filter_map(of_stream).collect()),
            ("topic", all.as_array().unwrap().iter().filter_map(of_topic).collect()),
            ("hook", bodies.flat_map(of_hook).collect()),
            ("archive", archived(&plant.dir().join("archive"))),
            ("lake", lake.lines().skip(1).map(number).collect()),
        ]
    }

    /// Positions as the broker's subscriber heard them, live and historical.
    fn heard(&self, plant: &Plant) -> [Vec<u64>; 2] {
        let text = std::fs::read_to_string(plant.dir().join("heard")).unwrap_or_default();
        let all: Vec<Json> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let payloads = all.iter().filter(|message| message["topic"] == COUNT && message["retain"] == false);
        let payloads: Vec<Json> =
            payloads.map(|m| serde_json::from_str(m["payload"].as_str().unwrap()).unwrap()).collect();
        [false, true].map(|historical| {
            let mine = payloads.iter().filter(|payload| (payload["historical"] == true) == historical);
            mine.map(|payload| number(payload["seq"].as_str().unwrap())).collect()
        })
    }

    /// Times in milliseconds of the counter's samples where the far side tells no position.
    fn times(&self) -> [(&'static str, BTreeSet<u64>); 2] {
        let gauges = self.otlp.rows("metrics").into_iter().filter(|row| row["name"] == "plant.count");
        let nanos = |row: Json| number(row["gauge"]["dataPoints"][0]["timeUnixNano"].as_str().unwrap());
        let query = format!("/api/v1/export?match[]={{__name__=%22samples_status%22,path=%22{COUNT}%22}}");
        let exported = Http::tcp(self.victoria.port).get(&query).body;
        let exported = String::from_utf8_lossy(&exported).into_owned();
        let series = exported.lines().filter_map(|line| serde_json::from_str::<Json>(line).ok());
        let times = series.flat_map(|one| one["timestamps"].as_array().unwrap().clone());
        [
            ("telemetry", gauges.map(|row| nanos(row) / 1_000_000).collect()),
            ("series", times.map(|time| time.as_u64().unwrap()).collect()),
        ]
    }
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

/// What a query answers as CSV; nothing while it cannot be asked.
fn text_of(plant: &Plant, sql: &str) -> String {
    let out = plant.cli(&["query", sql, "--format", "csv"]);
    if out.status.success() { String::from_utf8_lossy(&out.stdout).into_owned() } else { String::new() }
}

/// Positions of the counter in the whole files of a folder.
fn archived(folder: &Path) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "csv"));
    files.sort_by_key(|file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        number(name.rsplit('_').next().unwrap().split('-').next().unwrap())
    });
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let of = |text: String| -> Vec<u64> {
        let rows = text.lines().filter(|line| line.starts_with(&format!("{COUNT},")));
        rows.map(|row| number(row.split(',').nth(3).unwrap())).collect()
    };
    texts.flat_map(of).collect()
}

/// Positions and times in milliseconds of the counter's samples in history.
fn history(plant: &Plant) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let to = now_ms() as u64 + 60_000;
    let range = format!("/api/range?path={COUNT}&from=0&to={to}&limit=5000");
    let answer = plant.local().get(&range).ok();
    let column = |name: &str| answer[name].as_array().unwrap().clone();
    let seqs = column("seq").iter().map(|seq| number(seq.as_str().unwrap())).collect();
    (seqs, column("time").iter().map(|time| time.as_f64().unwrap() as u64).collect())
}

/// Waits until the counter has grown by so much.
fn counted(plant: &Plant, by: u64) {
    let now = || {
        let answer = plant.local().post("/api/latest", &json!({"paths": [COUNT]})).ok();
        answer["values"][0]["value"].as_u64()
    };
    let from = wait_for("the counter", LIMIT, now);
    wait_for("the counter to go on", LIMIT, || now().filter(|now| *now >= from + by));
}

/// What is seen for the first time comes in order.
fn in_order(name: &str, arrived: &[u64]) {
    let mut seen = HashSet::new();
    let first: Vec<u64> = arrived.iter().copied().filter(|seq| seen.insert(*seq)).collect();
    assert!(first.is_sorted(), "{name}: not in order: {first:?}");
}

/// Cuts some, mends the others; kills the gateway in between.
fn disturb(plant: &mut Plant, far: &mut Far, random: &mut Random) {
    let mut cuts = Vec::new();
    for n in 0..=far.wires.len() {
        if random.below(2) == 0 {
            cuts.push(n);
            far.wires.get(n).map_or_else(|| far.cluster.all("down"), Wire::cut);
        }
    }
    counted(plant, 10 + random.below(40));
    let killed = random.below(2) == 0;
    if killed {
        plant.kill();
        plant.start();
        counted(plant, 5 + random.below(30));
    }
    println!("cut off: {cuts:?}, killed: {killed}");
    for n in cuts {
        far.wires.get(n).map_or_else(|| far.cluster.all("up"), Wire::mend);
    }
    counted(plant, random.below(60));
}

/// Every fault of history stands in the collector's file.
fn faults_arrived(plant: &Plant, far: &Far) {
    let faults = "select id, min(title), min(severity) from events where kind = 'fault' group by id";
    let mut missing = Vec::new();
    wait_for("every fault at the collector", LIMIT, || {
        let told = far.siem.lines("messages");
        let rows = text_of(plant, faults);
        let is_told = |row: &str| told.iter().any(|line| line.contains(row.split(',').next().unwrap()));
        let now: Vec<String> = rows.lines().skip(1).filter(|row| !is_told(row)).map(str::to_owned).collect();
        if now != missing {
            println!("not at the collector: {now:#?}");
            missing = now;
        }
        (missing.is_empty() && rows.lines().count() > 3).then_some(())
    });
}

#[test]
fn every_destination_has_everything_after_outages_and_kills() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let Some(mut far) = Far::start(&plant) else { return };
    plant.start();
    secret(&plant, "db", PASSWORD);
    far.write(&plant);
    plant.say(&["apply", "."]);
    let mut random = Random::seeded();
    counted(&plant, 20);
    for _ in 0..ROUNDS {
        disturb(&mut plant, &mut far, &mut random);
    }
    let (seqs, times) = history(&plant);
    assert!(seqs.len() > 50, "{seqs:?}");
    for (name, has) in wait_for("every sample everywhere", LIMIT, || {
        let arrived = far.arrived(&plant);
        let all = |has: &[u64]| seqs.iter().all(|seq| has.contains(seq));
        arrived.iter().all(|(_, has)| all(has)).then_some(arrived)
    }) {
        in_order(name, &has);
        let once: HashSet<&u64> = has.iter().collect();
        let exact = ["database", "stream", "archive", "lake"].contains(&name);
        assert!(!exact || once.len() == has.len(), "{name} has something twice");
        println!("{name}: {} samples, {} of them more than once", once.len(), has.len() - once.len());
    }
    let heard = wait_for("every sample at the broker's subscriber", LIMIT, || {
        let heard = far.heard(&plant);
        seqs.iter().all(|seq| heard.iter().any(|one| one.contains(seq))).then_some(heard)
    });
    in_order("broker, live", &heard[0]);
    in_order("broker, historical", &heard[1]);
    wait_for("every sample where positions are not told", LIMIT, || {
        far.times().iter().all(|(_, has)| times.is_subset(has)).then_some(())
    });
    faults_arrived(&plant, &far);
    plant.stop();
}
