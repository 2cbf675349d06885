//! The proof that nothing is lost: destinations and the gateway itself are killed in random order and for random
//! lengths while numbers come; in the end the far sides are asked.
//!
//! The gateway runs as a process of its own (this test binary, once more), so that `kill -9` is one.

use crate::broker::free_port;
use crate::database::*;
use crate::kafka::{self, Cluster};
use crate::nats::{Server, read};
use crate::support::*;
use model::{Value, ValueType};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where the gateway's process finds its folder.
const FOLDER: &str = "IRONBRIDGE_OUTAGE_FOLDER";

/// Not a test: the gateway. It counts on from where its journal ends, until it is killed.
#[test]
fn gateway() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let runtime = multi();
    let _guard = runtime.enter();
    let mut plant = Plant::at(folder);
    plant.secrets = BTreeMap::from([("db".into(), PASSWORD.into()), ("lake".into(), "secret".into())]);
    let shape = plant.declare("filler", &[("line/filler/n", ValueType::I64)]);
    let last = plant.namespace.last(shape.points()[0]).and_then(|last| last.value.as_i64());
    let mut next = last.map_or(0, |last| last + 1);
    let file = |name| Some((name, std::fs::read_to_string(folder.join(format!("{name}.toml"))).ok()?));
    let files = ["hq", "stream", "lake", "folder", "archive"].into_iter().filter_map(file);
    let _handles: Vec<_> = files.map(|(name, text)| plant.start(name, &text)).collect();
    let say = |name: &str, number: i64| {
        std::fs::write(folder.join("new"), number.to_string()).unwrap();
        std::fs::rename(folder.join("new"), folder.join(name)).unwrap();
    };
    while !folder.join("stop").exists() {
        for _ in 0..20 {
            plant.publish(&shape, vec![Value::I64(next)]);
            next += 1;
        }
        say("published", next);
        let now = plant.namespace.clock().monotonic();
        wait_for("some milliseconds", || {
            (plant.namespace.clock().monotonic() - now >= std::time::Duration::from_millis(5)).then_some(())
        });
    }
    plant.namespace.journal().flush().unwrap();
    say("final", next);
    // Until it is killed; what waits is delivered meanwhile.
    loop {
        std::thread::park();
    }
}

pub fn start(folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.args(["--exact", "outage::gateway", "--nocapture"]).env(FOLDER, folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub fn end(mut gateway: Child) {
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

pub fn number(folder: &Path, name: &str) -> Option<i64> {
    std::fs::read_to_string(folder.join(name)).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_whatever_is_killed_whenever() {
    if no_postgres() {
        return;
    }
    let Some(mut server) = Server::start() else { return };
    let mut database = Database::start();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    write_files(folder, database.port, &server.url());
    let mut random = random();
    let mut gateway = start(folder);
    let mut kills = 0;
    for _ in 0..12 {
        // So long does this stretch last: until so many more numbers were published.
        let target = number(folder, "published").unwrap_or(0) + 100 + i64::try_from(random(900)).unwrap();
        wait_for("numbers", || number(folder, "published").filter(|n| *n >= target));
        match random(5) {
            0 | 1 => {
                end(gateway);
                kills += 1;
                gateway = start(folder);
            }
            2 => {
                database.kill();
                if random(2) == 0 {
                    end(gateway);
                    gateway = start(folder);
                }
                let target = number(folder, "published").unwrap_or(0) + i64::try_from(random(1_500)).unwrap();
                wait_for("numbers in the outage", || number(folder, "published").filter(|n| *n >= target));
                database.up();
            }
            3 => {
                server.kill();
                let target = number(folder, "published").unwrap_or(0) + i64::try_from(random(1_500)).unwrap();
                wait_for("numbers in the outage", || number(folder, "published").filter(|n| *n >= target));
                server.up();
            }
            _ => {
                database.kill();
                server.kill();
                end(gateway);
                kills += 1;
                gateway = start(folder);
                database.up();
                server.up();
            }
        }
    }
    std::fs::write(folder.join("stop"), "").unwrap();
    let published = wait_for("the last number", || number(folder, "final"));
    database_has_all(&database, published);
    let Some(all) = wait_for("all numbers in the stream", || {
        let all = read(&server.url(), "ACME_LEEDS", &[]);
        let enough =
            all.as_ref().is_none_or(|all| distinct_numbers(all).len() >= usize::try_from(published).unwrap());
        enough.then_some(all)
    }) else {
        end(gateway);
        return;
    };
    files_have_all(&folder.join("archive"), published);
    let mut ids = HashSet::new();
    let twice = all.iter().filter(|message| !ids.insert(message["id"].as_str().unwrap())).count();
    assert_eq!(twice, 0, "what was sent again was left out by the stream");
    in_order(&all);
    eprintln!("{published} numbers, {kills} kills of the gateway at least, {} messages", all.len());
    end(gateway);
}

/// The same with Kafka: brokers come and go, and the gateway is killed meanwhile.
#[test]
fn kafka_has_all_numbers_in_order_whatever_is_killed() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.topic("acme.leeds", 3);
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let file = kafka::config(&cluster.url(), "start = \"oldest\"");
    std::fs::write(folder.join("stream.toml"), file).unwrap();
    let mut random = random();
    let mut gateway = start(folder);
    let mut kills = 0;
    let more = |least: i64, by: u64| {
        let target = number(folder, "published").unwrap_or(0) + least + i64::try_from(by).unwrap();
        wait_for("numbers", || number(folder, "published").filter(|n| *n >= target));
    };
    for round in 0..8 {
        more(100, random(500));
        match round % 4 {
            0 => {
                let broker = 1 + random(3);
                cluster.ask(serde_json::json!({"ask": "down", "broker": broker}));
                more(100, random(500));
                cluster.ask(serde_json::json!({"ask": "up", "broker": broker}));
            }
            1 => {
                cluster.all("down");
                end(gateway);
                gateway = start(folder);
                kills += 1;
                more(100, random(500));
                cluster.all("up");
            }
            _ => {
                end(gateway);
                gateway = start(folder);
                kills += 1;
            }
        }
    }
    std::fs::write(folder.join("stop"), "").unwrap();
    let published = wait_for("the last number", || number(folder, "final"));
    let all = wait_for("all numbers in the topic", || {
        let all = cluster.read("acme.leeds", usize::try_from(published).unwrap());
        let distinct: HashSet<i64> = kafka::numbers(&all).0.into_iter().collect();
        (distinct.len() >= usize::try_from(published).unwrap()).then_some(all)
    });
    end(gateway);
    // What comes again is known by its key; without it, each run of the gateway counts on.
    let mut keys = HashSet::new();
    let key = |message: &Json| {
        let headers = &message["headers"];
        format!("{} {}", headers["ironbridge-time"], headers["ironbridge-seq"])
    };
    let once: Vec<&Json> = all.iter().filter(|message| keys.insert(key(message))).collect();
    let run = |message: &Json| message["headers"]["ironbridge-seq"].as_str()?.parse::<u64>().ok();
    let value =
        |message: &Json| message["data"]["value"].as_i64().filter(|_| message["data"]["quality"] == "Good");
    let mut last: HashMap<u64, i64> = HashMap::new();
    for (seq, value) in once.iter().filter_map(|message| Some((run(message)?, value(message)?))) {
        if let Some(before) = last.insert(seq >> 44, value) {
            assert_eq!(value, before + 1, "run {}", seq >> 44);
        }
    }
    eprintln!(
        "{published} numbers, {kills} kills of the gateway, {} messages came again",
        all.len() - once.len()
    );
}

/// The files of both destinations.
fn write_files(folder: &Path, database: u16, stream: &str) {
    let hq = format!(
        "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{}/plant\"\npassword = {{ secret = \"db\" }}\nstart = \"oldest\"\n",
        database
    );
    let stream = format!(
        "kind = \"nats\"\nurl = \"{}\"\nstart = \"oldest\"\nstream = {{ duplicates = \"10min\" }}\n",
        stream
    );
    let archive = format!(
        "kind = \"files\"\nfolder = \"{}\"\nper = \"1s\"\nstart = \"oldest\"\n",
        folder.join("archive").display()
    );
    std::fs::write(folder.join("archive.toml"), archive).unwrap();
    std::fs::write(folder.join("hq.toml"), hq).unwrap();
    std::fs::write(folder.join("stream.toml"), stream).unwrap();
}

/// Numbers below a bound, from a seed that is told.
pub fn random() -> impl FnMut(u64) -> u64 {
    let seed = std::env::var("IRONBRIDGE_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut state: u64 = seed.unwrap_or_else(|| u64::from(free_port()));
    eprintln!("IRONBRIDGE_SEED={state} repeats this order");
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

fn database_has_all(database: &Database, published: i64) {
    let distinct = "select count(distinct value_int) from ironbridge.samples where good";
    wait_for("all numbers in the database", || (database.count(distinct) >= published).then_some(()));
    assert_eq!(
        database.sql("select count(*) from (select value_int - lag(value_int) over (partition by seq >> 44 order by seq) as step from ironbridge.samples where good) s where step <> 1"),
        "0",
        "in order within each run of the gateway"
    );
    assert_eq!(
        database.sql("select min(value_int), max(value_int) from ironbridge.samples where good"),
        format!("0|{}", published - 1)
    );
}

/// All numbers stand in whole files, each once, in order within each run of the gateway.
fn files_have_all(folder: &Path, published: i64) {
    let rows = wait_for("all numbers in files", || {
        let rows = crate::files::numbers(folder);
        let distinct: HashSet<i64> = rows.iter().map(|(_, number)| *number).collect();
        (distinct.len() >= usize::try_from(published).unwrap()).then_some(rows)
    });
    let once: HashSet<u64> = rows.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(once.len(), rows.len(), "no row stands in the files twice");
    let mut last: HashMap<u64, i64> = HashMap::new();
    for (seq, number) in rows {
        if let Some(before) = last.insert(seq >> 44, number) {
            assert_eq!(number, before + 1, "run {}", seq >> 44);
        }
    }
}

fn good(message: &Json) -> Option<(u64, i64)> {
    let data: Json = serde_json::from_str(message["data"].as_str()?).ok()?;
    (data["quality"] == "Good").then_some((data["seq"].as_str()?.parse().ok()?, data["value"].as_i64()?))
}

fn distinct_numbers(all: &[Json]) -> HashSet<i64> {
    all.iter().filter_map(good).map(|(_, value)| value).collect()
}

/// In the order of the stream, each run of the gateway counts on.
fn in_order(all: &[Json]) {
    let mut last: HashMap<u64, i64> = HashMap::new();
    for (seq, value) in all.iter().filter_map(good) {
        if let Some(before) = last.insert(seq >> 44, value) {
            assert_eq!(value, before + 1, "run {}", seq >> 44);
        }
    }
}
