//! What every destination says that it sends, held against what its far side has: databases, brokers, collectors and files, each
//! read with its own tools by what the contract of the API says and nothing else.

use crate::database::PASSWORD;
use crate::harness::{Http, Plant, Python, free_port, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use crate::outages::{Far, Peer};
use crate::webhook::secret;
use serde_json::{Map, Value as Json, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(240);
const LEVEL: &str = "acme/leeds/packaging/line-1/filler/level";
/// What the renderer writes for all that carry messages, and what of it is seen: Sparkplug's metrics are read without their
/// properties, where their quality stands.
const SHAPES: [(&str, &[&str]); 7] = [
    ("json", &["sample", "bad", "text", "event"]),
    ("flat-json", &["samples", "bad", "text", "event"]),
    ("nested-json", &["samples", "bad", "event"]),
    ("sparkplug", &["samples", "text", "event"]),
    ("avro", &["sample", "bad", "text", "event"]),
    ("protobuf", &["sample", "bad", "text", "event"]),
    ("template", &["sample", "bad", "text", "event"]),
];

/// Samples, and every field of the line protocol.
const FIELDS: [&str; 10] =
    ["sample", "bad", "text", "value", "value_int", "value_text", "good", "status", "quality", "seq"];

/// One destination: its file, how its far side is read, and what must have been seen there.
struct Case {
    name: String,
    file: String,
    far: Json,
    must: Vec<&'static str>,
}

fn case(name: &str, file: String, far: Json, must: &[&'static str]) -> Case {
    Case { name: name.into(), file, far, must: must.to_vec() }
}

/// Databases and files.
fn tables(plant: &Plant, far: &Far) -> Vec<Case> {
    let (dir, port) = (plant.dir().display(), far.database.port);
    let mut all = vec![case(
        "database",
        format!(
            "kind = \"postgres\"\nurl = \"postgres://ironbridge@127.0.0.1:{port}/plant\"\npassword = {{ secret = \"db\" }}\nevents = [\"fault\"]"
        ),
        json!({"far": "postgres", "dsn": format!("host=127.0.0.1 port={port} user=ironbridge password={PASSWORD} dbname=plant")}),
        &["sample", "bad", "text", "event"],
    )];
    for format in ["csv", "parquet"] {
        let file =
            format!("kind = \"files\"\nfolder = \"{dir}/{format}\"\nformat = \"{format}\"\nper = \"1s\"");
        let read = json!({"far": format, "folder": format!("{dir}/{format}")});
        all.push(case(format, file, read, &["sample", "bad", "text"]));
    }
    let lake = far.python.paths("").0.ancestors().nth(3).map(|peers| peers.join("lake/bin/python"));
    let Some(lake) = lake.filter(|lake| lake.exists()) else {
        println!("SKIPPED, the Iceberg table: no pyiceberg; `make test` installs it");
        return all;
    };
    let file =
        format!("kind = \"iceberg\"\nurl = \"{dir}/tables\"\ncommit = \"500ms\"\nevents = [\"fault\"]");
    let read = json!({"far": "iceberg", "python": lake, "folder": format!("{dir}/tables")});
    all.push(case("lake", file, read, &["sample", "bad", "text", "event"]));
    all
}

/// InfluxDB with a database and a user.
fn influxdb() -> Option<Peer> {
    const PROGRAM: &str = "/usr/bin/influxd";
    if !Path::new(PROGRAM).exists() {
        println!("SKIPPED, InfluxDB: no {PROGRAM}; `make test` installs it");
        return None;
    }
    let (port, dir) = (free_port(), tempfile::tempdir().unwrap());
    let config = format!(
        "reporting-disabled = true\nbind-address = \"127.0.0.1:{}\"\n[meta]\ndir = \"meta\"\n[data]\ndir = \"data\"\nwal-dir = \"wal\"\n\
         [monitor]\nstore-enabled = false\n[http]\nbind-address = \"127.0.0.1:{port}\"\nauth-enabled = true\n",
        free_port()
    );
    std::fs::write(dir.path().join("influxdb.conf"), config).unwrap();
    let peer = Peer::start(port, dir, Command::new(PROGRAM).args(["-config", "influxdb.conf"]));
    let ask = |query: &str| {
        let query = query.replace(' ', "%20");
        Http::tcp(port).send("POST", &format!("/query?u=me&p={PASSWORD}&q={query}"), None).unwrap().ok()
    };
    ask(&format!("create user me with password '{PASSWORD}' with all privileges"));
    ask("create database plant");
    Some(peer)
}

/// Whatever is posted, and syslog.
fn collectors(far: &Far) -> Vec<Case> {
    let http = |port: u16| format!("http://127.0.0.1:{port}");
    let requests = far.hook.dir.path().join("requests");
    let influx = |url: String| format!("kind = \"influx\"\nurl = \"{url}\"\nbucket = \"plant\"");
    let mut all = vec![
        case(
            "series",
            influx(http(far.victoria.port)),
            json!({"far": "victoria", "url": http(far.victoria.port)}),
            &["value", "value_int", "good", "status", "bad"],
        ),
        case(
            "lines",
            influx(http(far.hook.port)),
            json!({"far": "lines", "requests": requests, "path": "/api/v2/write"}),
            &FIELDS,
        ),
        case(
            "telemetry",
            format!("kind = \"otlp\"\nurl = \"{}\"\nevents = [\"fault\"]", http(far.otlp.port)),
            json!({"far": "otlp", "folder": far.otlp.dir.path()}),
            &["sample", "bad", "sample that is text", "event"],
        ),
    ];
    for format in ["text", "cef", "ocsf"] {
        let port = far.siem.port;
        let file = format!(
            "kind = \"syslog\"\nurl = \"tcp://127.0.0.1:{port}\"\nformat = \"{format}\"\nhostname = \"siem-{format}\"\nevents = [\"fault\"]"
        );
        let read = json!({"far": "syslog", "messages": far.siem.dir.path().join("messages")});
        all.push(case(&format!("siem-{format}"), file, read, &["event"]));
    }
    for (format, more, must) in [
        ("json", "samples = true", &["sample", "bad", "text", "event"][..]),
        ("ocsf", "", &["event"][..]),
        ("template", "payload = '{\"text\":\"{severity}: {title}\",\"id\":\"{id}\"}'", &["event"][..]),
    ] {
        let path = format!("/hook-{format}");
        let file = format!(
            "kind = \"webhook\"\nurl = \"{}{path}\"\nformat = \"{format}\"\n{more}\nevents = [\"fault\"]",
            http(far.hook.port)
        );
        let read = json!({"far": "posted", "requests": requests, "path": path});
        all.push(case(&format!("hook-{format}"), file, read, must));
    }
    all
}

/// Every shape of a message, at brokers that keep bytes.
fn messages(far: &mut Far) -> Vec<Case> {
    let bootstrap = far.cluster.ask(&json!({"ask": "bootstrap"}));
    let broker = bootstrap.as_str().unwrap().split(',').next().unwrap().to_owned();
    let mut all = Vec::new();
    for (shape, must) in SHAPES {
        let payload = if shape == "template" {
            "payload = '{\"tag\":\"{below}\",\"v\":{value},\"ok\":\"{quality}\",\"seq\":{seq}}'"
        } else {
            ""
        };
        let file = |kind: &str, url: &str, more: &str| {
            format!(
                "kind = \"{kind}\"\nurl = \"{url}\"\nformat = \"{shape}\"\n{payload}\n{more}\nevents = [\"fault\"]"
            )
        };
        let name = format!("kafka-{shape}");
        let more =
            format!("topic = \"{name}.{{site}}\"\nevents_topic = \"{name}.events\"\nlinger = \"20ms\"");
        let text = file("kafka", &format!("kafka://{broker}"), &more);
        all.push(case(&name, text, json!({"far": "kafka", "bootstrap": bootstrap}), must));
        let name = format!("nats-{shape}");
        let place = if must[0] == "samples" { "connection" } else { "path" };
        let more = format!(
            "subject = \"{name}.{{{place}}}\"\nevents_subject = \"{name}-events\"\nstream = {{ name = \"{name}\" }}"
        );
        let read = json!({"far": "nats", "url": far.nats.url(), "stream": name});
        all.push(case(&name, file("nats", &far.nats.url(), &more), read, must));
    }
    all
}

/// The device goes and comes back: Bad samples, and a fault that is over.
fn disturb(plant: &Plant, server: &mut crate::harness::Process, port: u16) {
    latest(plant, LEVEL, |level| level["good"] == true);
    server.kill();
    latest(plant, LEVEL, |level| level["quality"] == "BadCommunicationError");
    *server = Python::find().unwrap().start("modbus_server.py", &[&port.to_string()]);
    latest(plant, LEVEL, |level| level["good"] == true);
}

/// One look at every far side: what was seen of each. Whatever does not keep its contract fails at once.
fn look(plant: &Plant, far: &Far, cases: &[Case]) -> Json {
    let mut plan = Map::new();
    for case in cases {
        let contract = plant.local().get(&format!("/api/destinations/{}/schema", case.name)).ok();
        let mut far = case.far.clone();
        far["contract"] = contract;
        plan.insert(case.name.clone(), far);
    }
    plant.write("plan.json", &Json::Object(plan).to_string());
    let out = far.python.run("contract_far.py", &[plant.dir().join("plan.json").to_str().unwrap()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn every_far_side_has_what_the_contract_says() {
    let Some((mut plant, mut server, port)) = plant_with_pymodbus("") else { return };
    let Some(mut far) = Far::start(&plant) else { return };
    let connection = plant.dir().join("connections/line-1.toml");
    let tags = std::fs::read_to_string(&connection).unwrap();
    let text = "label = { at = \"holding 120\", type = \"text\", length = 4, scan = \"fast\" }\n";
    std::fs::write(&connection, tags + text).unwrap();
    plant.start();
    secret(&plant, "db", PASSWORD);
    let influxdb = influxdb();
    let mut cases = tables(&plant, &far);
    if let Some(influxdb) = &influxdb {
        let url = format!("http://127.0.0.1:{}", influxdb.port);
        let file = format!(
            "kind = \"influx\"\nurl = \"{url}\"\ndatabase = \"plant\"\nuser = \"me\"\npassword = {{ secret = \"db\" }}"
        );
        let read = json!({"far": "influxdb", "url": format!("{url}/query?db=plant&u=me&p={PASSWORD}")});
        cases.push(case("influxdb", file, read, &[&FIELDS[..], &["path", "unit"]].concat()));
    }
    cases.extend(collectors(&far));
    cases.extend(messages(&mut far));
    for case in &cases {
        let file = format!("{}\nselect = [\"packaging/**\"]\nstart = \"oldest\"\n", case.file);
        plant.write(&format!("destinations/{}.toml", case.name), &file);
    }
    plant.say(&["apply", "."]);
    disturb(&plant, &mut server, port);
    let mut missing = Vec::new();
    let mut last = Json::Null;
    let all = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait_for("everything at every far side", LIMIT, || {
            last = look(&plant, &far, &cases);
            let of = |case: &Case| {
                let lacks =
                    case.must.iter().filter(|word| last[&case.name][**word].as_u64().unwrap_or(0) == 0);
                lacks.map(|word| format!("{}: {word}", case.name)).collect::<Vec<_>>()
            };
            missing = cases.iter().flat_map(of).collect();
            missing.is_empty().then_some(())
        })
    }));
    assert!(all.is_ok(), "missing: {missing:?}\nseen: {last}");
    plant.stop();
}
