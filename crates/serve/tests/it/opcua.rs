//! The OPC UA server against asyncua and node-opcua.

use crate::support::{Peer, Plant, eventually, peer_file, point, writable};
use model::{Declaration, PointId, Status, Time, Value, ValueType};
use opcua::crypto::{CertificateStore, X509, X509Data};
use serde_json::{Value as Json, json};
use serve::opcua::{AssetOf, Model, Options, Policy, Rooms, Server, TypeMember};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

mod events;
mod limits;

const URI: &str = "urn:test:ironbridge";
const SPEED: &str = "ns=2;s=acme/leeds/filler/speed";
const TARGET: &str = "ns=2;s=acme/leeds/filler/target";

struct Rig {
    plant: Plant,
    server: Server,
    ids: Vec<PointId>,
}

fn model() -> Model {
    let member = TypeMember { name: "speed".into(), value_type: ValueType::F64, unit: "/min".into() };
    let filler = AssetOf { kind: "Filler".into(), name: "The filler".into() };
    Model {
        types: BTreeMap::from([("Filler".to_owned(), vec![member])]),
        assets: BTreeMap::from([("acme/leeds/filler".to_owned(), filler)]),
    }
}

fn points() -> Vec<Declaration> {
    vec![
        Declaration {
            unit: "/min".into(),
            range: Some((0.0, 600.0)),
            ..point("filler/speed", ValueType::F64)
        },
        writable(point("filler/target", ValueType::F64)),
        Declaration {
            states: BTreeMap::from([(0, "Idle".to_owned()), (1, "Execute".to_owned())]),
            ..point("filler/state", ValueType::I64)
        },
        Declaration { name: "Stapel".into(), ..point("filler/batch", ValueType::Text) },
        point("boiler/pressure", ValueType::F64),
    ]
}

/// vera signs in with this certificate, too, once there is one.
const VERAS: &str = "vera.der";

fn people(folder: &std::path::Path) -> BTreeMap<String, String> {
    let certificate = fs::read(folder.join(VERAS)).ok().and_then(|der| X509::from_der(&der).ok());
    certificate.map(|one| (one.thumbprint().as_hex_string(), "vera".to_owned())).into_iter().collect()
}

/// A certificate and its key, as files.
fn issue(name: &str, uri: &str, certificate: &std::path::Path, key: &std::path::Path) {
    let data = X509Data {
        key_size: 2048,
        common_name: name.into(),
        organization: name.into(),
        organizational_unit: String::new(),
        country: String::new(),
        state: String::new(),
        alt_host_names: X509Data::alt_host_names(uri, None, false, true, false),
        certificate_duration_days: 30,
    };
    CertificateStore::create_certificate_and_key(&data, false, certificate, key).unwrap();
}

impl Rig {
    async fn new(policies: &[Policy], more: Vec<Declaration>) -> Self {
        Self::on(Plant::new(), policies, more).await
    }

    async fn on(plant: Plant, policies: &[Policy], more: Vec<Declaration>) -> Self {
        plant.people().await;
        let ids = plant.declare(points().into_iter().chain(more).collect());
        plant.confirming(&ids[1..2]);
        let own = plant.dir.path().join("own");
        let (certificate, key) = (own.join("cert.der"), own.join("key.pem"));
        fs::create_dir_all(&own).unwrap();
        issue("Ironbridge", URI, &certificate, &key);
        let options = Options {
            listen: ([127, 0, 0, 1], 0).into(),
            host: "127.0.0.1".into(),
            policies: policies.to_vec(),
            certificate,
            key,
            uri: URI.into(),
            clients: plant.dir.path().join("clients"),
            site: "acme/leeds".into(),
            people: people(plant.dir.path()),
            sessions: 10,
            items: 20_000,
            model: Arc::new(|| Arc::new(model())),
        };
        let rooms = Rooms {
            namespace: plant.namespace.clone(),
            store: plant.store.clone(),
            access: plant.access.clone(),
        };
        let server = Server::start(options, rooms).await.unwrap();
        Self { plant, server, ids }
    }

    fn url(&self) -> String {
        format!("opc.tcp://{}", self.server.address())
    }

    fn asyncua(&self) -> Option<Peer> {
        let Ok(python) = std::env::var("IRONBRIDGE_PEERS_PYTHON") else {
            eprintln!("SKIPPED: set IRONBRIDGE_PEERS_PYTHON to a Python that has asyncua");
            return None;
        };
        let folder = self.plant.dir.path().join("asyncua").display().to_string();
        Some(Peer::spawn(&python, &[&peer_file("asyncua_client.py"), &self.url(), &folder], &[]))
    }

    /// node-opcua as a client that is trusted and signed in.
    fn node_opcua(&self) -> Option<Peer> {
        let modules = std::env::var("IRONBRIDGE_PEERS_NODE_DIR").map(|dir| format!("{dir}/node_modules"));
        let Ok(modules) = modules else {
            eprintln!(
                "SKIPPED: set IRONBRIDGE_PEERS_NODE_DIR to a folder with e2e/peers' packages installed (npm ci)"
            );
            return None;
        };
        let folder = self.plant.dir.path().join("node").display().to_string();
        let file = peer_file("node_opcua_client.cjs");
        let arguments = [file.as_str(), &self.url(), &folder, "anna", "swordfish-and-chips"];
        let mut peer = Peer::spawn("node", &arguments, &[("NODE_PATH", &modules)]);
        let refused = peer.ask("connect");
        assert!(refused.starts_with("error"), "{refused}");
        self.trust_who_waits();
        assert_eq!(peer.ask("connect"), "ok");
        Some(peer)
    }

    fn list(&self, which: &str) -> Vec<PathBuf> {
        let folder = self.plant.dir.path().join("clients").join(which);
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    /// What a person does: moves the certificate that waits to the trusted ones.
    fn trust_who_waits(&self) {
        for path in self.list("rejected") {
            let name = path.file_name().unwrap();
            fs::rename(&path, self.plant.dir.path().join("clients/trusted").join(name)).unwrap();
        }
    }

    /// A client that is trusted and signed in.
    fn signed_in(&self, user: &str, password: &str) -> Option<Peer> {
        let mut peer = self.asyncua()?;
        let connect = format!("connect {user} {password} Basic256Sha256");
        assert!(peer.json(&connect)["error"].is_string(), "an unknown client is refused");
        self.trust_who_waits();
        assert_eq!(peer.json(&connect), "ok");
        Some(peer)
    }
}

const ALL: [Policy; 3] = [Policy::Aes256Sha256RsaPss, Policy::Aes128Sha256RsaOaep, Policy::Basic256Sha256];

fn names(references: &Json) -> Vec<String> {
    let all = references.as_array().unwrap_or_else(|| panic!("{references}"));
    all.iter().filter(|r| r[3] == true).map(|r| r[0].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_trusted_and_known_gets_in() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.asyncua() else { return };
    let endpoints = peer.json("endpoints");
    let expected: Vec<Json> = ["Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss", "Basic256Sha256"]
        .map(|policy| json!([policy, "SignAndEncrypt", ["UserName"]]))
        .into();
    assert_eq!(endpoints, json!(expected), "nothing in the clear, nobody anonymous");
    let refused = peer.json("connect anna swordfish-and-chips Basic256Sha256");
    assert!(refused["error"].is_string(), "{refused}");
    assert_eq!((rig.list("rejected").len(), rig.list("trusted").len()), (1, 0));
    rig.trust_who_waits();
    for (user, password) in [("anna", "wrong"), ("nobody", "swordfish-and-chips"), ("-", "-")] {
        let refused = peer.json(&format!("connect {user} {password} Basic256Sha256"));
        assert!(refused["error"].is_string(), "{user}: {refused}");
    }
    assert!(peer.json("connect anna swordfish-and-chips none")["error"].is_string());
    for policy in ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"] {
        assert_eq!(peer.json(&format!("connect anna swordfish-and-chips {policy}")), "ok", "{policy}");
        assert_eq!(peer.json("leave"), "ok");
    }
    assert!(rig.server.status().counters.contains(&("refused_sign_in", 2)), "{:?}", rig.server.status());
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_in_with_a_certificate() {
    let plant = Plant::new();
    let file = |name: &str| plant.dir.path().join(name);
    let (certificate, key) = (file(VERAS), file("vera.pem"));
    issue("vera", "urn:test:vera", &certificate, &key);
    issue("mallory", "urn:test:mallory", &file("mallory.der"), &file("mallory.pem"));
    let mallory = (file("mallory.der"), file("mallory.pem"));
    let rig = Rig::on(plant, &ALL, Vec::new()).await;
    let Some(mut peer) = rig.asyncua() else { return };
    let connect = |(certificate, key): (&PathBuf, &PathBuf)| {
        format!("connect {} {} Basic256Sha256", certificate.display(), key.display())
    };
    assert!(peer.json(&connect((&certificate, &key)))["error"].is_string(), "an unknown client is refused");
    rig.trust_who_waits();
    assert_eq!(peer.json(&connect((&certificate, &key))), "ok");
    assert_eq!(peer.json(&format!("read {TARGET} UserAccessLevel"))[0], 5, "vera looks, and does not write");
    assert_eq!(peer.json("leave"), "ok");
    let refused = peer.json(&connect((&mallory.0, &mallory.1)));
    assert!(refused["error"].as_str().unwrap().contains("BadUserAccessDenied"), "{refused}");
    let refused = peer.json(&connect((&certificate, &mallory.1)));
    assert!(refused["error"].is_string(), "her certificate without her key: {refused}");
    assert!(rig.server.status().counters.contains(&("refused_sign_in", 1)), "{:?}", rig.server.status());
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_clear_only_when_asked_for_by_name() {
    let rig = Rig::new(&[Policy::None], Vec::new()).await;
    let Some(mut peer) = rig.asyncua() else { return };
    assert_eq!(peer.json("endpoints"), json!([["None", "None_", ["UserName"]]]));
    assert!(peer.json("connect anna wrong none")["error"].is_string());
    assert_eq!(peer.json("connect anna swordfish-and-chips none"), "ok");
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plant_is_an_address_space() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    assert!(names(&peer.json("browse i=85")).contains(&"acme".to_owned()));
    assert_eq!(names(&peer.json("browse ns=2;s=acme/leeds")), ["FolderType", "boiler", "filler"]);
    let filler = peer.json("browse ns=2;s=acme/leeds/filler");
    assert_eq!(names(&filler), ["Filler", "batch", "speed", "state", "target"]);
    assert_eq!(filler[0][2], "ns=2;s=type:Filler");
    assert_eq!(peer.json("path acme leeds filler speed"), SPEED);
    let speed = names(&peer.json(&format!("browse {SPEED}")));
    assert_eq!(speed, ["AnalogItemType", "EngineeringUnits", "EURange"]);
    assert!(names(&peer.json("browse i=58")).contains(&"Filler".to_owned()), "a type among the types");
    assert_eq!(names(&peer.json("browse ns=2;s=type:Filler")), ["speed"]);
    for (node, attribute, expected) in [
        (SPEED, "DisplayName", json!("speed")),
        ("ns=2;s=acme/leeds/filler", "DisplayName", json!("The filler")),
        ("ns=2;s=acme/leeds/filler/batch", "DisplayName", json!("Stapel")),
        ("ns=2;s=acme/leeds/filler/speed:EURange", "Value", json!([0.0, 600.0])),
        ("ns=2;s=acme/leeds/filler/speed:EngineeringUnits", "Value", json!("/min")),
        ("ns=2;s=acme/leeds/filler/state:EnumValues", "Value", json!([[0, "Idle"], [1, "Execute"]])),
        (SPEED, "AccessLevel", json!(5)),
        (TARGET, "UserAccessLevel", json!(7)),
        (SPEED, "DataType", json!("i=11")),
    ] {
        assert_eq!(peer.json(&format!("read {node} {attribute}"))[0], expected, "{node} {attribute}");
    }
    // A new point is there at once.
    rig.plant.declare(points().into_iter().chain([point("filler/new", ValueType::Bool)]).collect());
    assert!(names(&peer.json("browse ns=2;s=acme/leeds/filler")).contains(&"new".to_owned()));
    assert_eq!(peer.json("read ns=2;s=acme/leeds/nowhere Value")[1], 0x8034_0000_u32, "BadNodeIdUnknown");
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_is_told_with_its_quality() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    assert_eq!(peer.json(&format!("read {SPEED} Value"))[1], Status::BAD_WAITING_FOR_INITIAL_DATA.0);
    rig.plant.publish(rig.ids[0], 1.0, Status::GOOD);
    assert_eq!(peer.json(&format!("read {SPEED} Value"))[0], 1.0);
    peer.json(&format!("watch 200 100 {SPEED}"));
    let mut seen: Vec<(Json, Json)> = Vec::new();
    let mut gather = |peer: &mut Peer| {
        let new = peer.json("seen");
        seen.extend(new.as_array().unwrap().iter().map(|one| (one[1].clone(), one[2].clone())));
        seen.clone()
    };
    eventually("the first value", || gather(&mut peer).contains(&(json!(1.0), json!(0)))).await;
    for number in 2..=50 {
        rig.plant.publish(rig.ids[0], f64::from(number), Status::GOOD);
    }
    rig.plant.publish(rig.ids[0], Value::None, Status::BAD_COMMUNICATION_ERROR);
    rig.plant.publish(rig.ids[0], 50.0, Status::GOOD);
    rig.plant.publish(rig.ids[0], 50.0, Status::UNCERTAIN_SENSOR_NOT_ACCURATE);
    let last = (json!(50.0), json!(Status::UNCERTAIN_SENSOR_NOT_ACCURATE.0));
    eventually("the last sample", || gather(&mut peer).last() == Some(&last)).await;
    let seen = gather(&mut peer);
    let numbers: Vec<f64> =
        seen.iter().filter(|(_, status)| *status == 0).filter_map(|(v, _)| v.as_f64()).collect();
    assert!((1..=50).all(|number| numbers.contains(&f64::from(number))), "{numbers:?}");
    assert!(seen.contains(&(Json::Null, json!(Status::BAD_COMMUNICATION_ERROR.0))), "{seen:?}");
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_the_one_way() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    assert_eq!(peer.json(&format!("write {TARGET} Double 420.5")), "ok");
    assert_eq!(rig.plant.namespace.last(rig.ids[1]).unwrap().value, Value::F64(420.5));
    let commands = rig.plant.namespace.commands(10, |_| true);
    assert_eq!((commands.len(), commands[0].who.as_str()), (1, "user:anna"));
    for (node, kind, value, why) in [
        (TARGET, "Double", "9000", "BadOutOfRange"),
        (TARGET, "String", "\"x\"", "BadTypeMismatch"),
        (SPEED, "Double", "1", "BadNotWritable"),
        ("ns=2;s=acme/leeds/nowhere", "Double", "1", "BadNodeIdUnknown"),
    ] {
        let answer = peer.json(&format!("write {node} {kind} {value}"));
        assert!(answer["error"].as_str().is_some_and(|text| text.contains(why)), "{node}: {answer}");
    }
    let code = peer.json(&format!("why {TARGET} Double 9000"));
    assert!(code[0] == "BadOutOfRange" && code[1].as_str().unwrap().contains("9000"), "{code}");
    rig.plant.namespace.set_writes(false);
    let code = peer.json(&format!("why {TARGET} Double 1"));
    assert!(code[0] == "BadUserAccessDenied" && code[1].as_str().unwrap().contains("READ-ONLY"), "{code}");
    assert!(
        peer.json(&format!("write {TARGET} Double 1"))["error"]
            .as_str()
            .unwrap()
            .contains("BadUserAccessDenied")
    );
    rig.plant.namespace.set_writes(true);
    assert_eq!(peer.json("leave"), "ok");
    assert_eq!(peer.json("connect vera only-looking-around Basic256Sha256"), "ok");
    assert_eq!(peer.json(&format!("read {TARGET} UserAccessLevel"))[0], 5);
    assert!(
        peer.json(&format!("write {TARGET} Double 1"))["error"]
            .as_str()
            .unwrap()
            .contains("BadUserAccessDenied")
    );
    assert_eq!(rig.plant.namespace.last(rig.ids[1]).unwrap().value, Value::F64(420.5));
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_read_page_by_page_and_as_aggregates() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let begin = 1_700_000_000_i64;
    let at = |second: i64| Time((begin + second) * 1_000_000_000);
    for second in 0..12_000 {
        let status = if second == 5 { Status::BAD_SENSOR_FAILURE } else { Status::GOOD };
        rig.plant.publish_at(rig.ids[0], at(second), second as f64, status);
    }
    eventually("history to have it", || {
        rig.plant.store.extent(rig.ids[0]).unwrap().is_some_and(|(_, last)| last == at(11_999))
    })
    .await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    let (from, until) = (begin, begin + 12_000);
    // More than one answer takes: asyncua goes on by itself.
    let all = peer.json(&format!("history {SPEED} {from} {until} 0"));
    assert_eq!(all.as_array().map(Vec::len), Some(12_000), "{}", all["error"]);
    assert_eq!((&all[0], &all[11_999][0]), (&json!([0.0, 0, begin as f64]), &json!(11_999.0)));
    assert_eq!((&all[5][0], &all[5][1]), (&Json::Null, &json!(Status::BAD_SENSOR_FAILURE.0)));
    let back = peer.json(&format!("history {SPEED} {} {} 3", from + 10, from));
    assert_eq!(back.as_array().unwrap().iter().map(|v| v[0].clone()).collect::<Vec<_>>(), [10.0, 9.0, 8.0]);
    let first = peer.json(&format!("history {SPEED} {} - 2", from + 100));
    assert_eq!((&first[0][0], &first[1][0]), (&json!(100.0), &json!(101.0)));
    for (kind, expected) in [
        ("Average", [4.444_444_444_444_445, 14.5]),
        ("Minimum", [0.0, 10.0]),
        ("Maximum", [9.0, 19.0]),
        ("Count", [9.0, 10.0]),
        // Bad time is bridged in the one, and does not count in the other.
        ("TimeAverage", [4.4, 14.5]),
        ("TimeAverage2", [4.444_444_444_444_445, 14.5]),
        ("PercentGood", [90.0, 100.0]),
        ("DurationBad", [1.0, 0.0]),
        ("Interpolative", [0.0, 10.0]),
        ("Total", [44.0, 145.0]),
        ("Delta", [9.0, 9.0]),
        ("NumberOfTransitions", [8.0, 10.0]),
        ("VariancePopulation", [9.135_802_469_135_8, 8.25]),
    ] {
        let answer = peer.json(&format!("aggregate {SPEED} {kind} {from} {} 10000", from + 20));
        let values: Vec<f64> = answer
            .as_array()
            .unwrap_or_else(|| panic!("{kind}: {answer}"))
            .iter()
            .map(|value| value[0].as_f64().unwrap())
            .collect();
        let near = values.len() == 2 && values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(near, "{kind}: {values:?}, expected {expected:?}");
    }
    let refused = peer.json(&format!("aggregate {SPEED} WorstQuality {from} {} 10000", from + 20));
    assert!(refused["error"].as_str().unwrap().contains("BadAggregateNotSupported"), "{refused}");
    at_chosen_times(&mut peer, begin);
    if let Some(mut node) = rig.node_opcua() {
        let found = node.json(&format!("average {SPEED} {}000 {}000 10000", from, from + 20));
        assert_eq!(found, json!([4.444_444_444_444_445, 14.5]));
    }
    rig.server.stop().await;
}

fn at_chosen_times(peer: &mut Peer, begin: i64) {
    // At chosen times: a sample, between two, at a bad one, behind one, before all.
    let times = format!("{}.0 {}.5 {}.0 {}.5 {}", begin + 3, begin + 3, begin + 5, begin + 5, begin - 1);
    let interpolated = json!(Status(0x402).0);
    let held = peer.json(&format!("at {SPEED} false {times}"));
    assert_eq!((&held[0][0], &held[0][1]), (&json!(3.0), &json!(0)), "{held}");
    assert_eq!(
        (&held[1][0], &held[1][1], &held[1][2]),
        (&json!(3.0), &interpolated, &json!(begin as f64 + 3.5))
    );
    assert_eq!((&held[2][0], &held[2][1]), (&Json::Null, &json!(Status::BAD_SENSOR_FAILURE.0)));
    assert_eq!((&held[3][0], &held[3][1]), (&json!(4.0), &json!(0x40A4_0402)), "a bad one is passed over");
    assert_eq!((&held[4][0], &held[4][1]), (&Json::Null, &json!(Status::BAD_NO_DATA.0)));
    let simple = peer.json(&format!("at {SPEED} true {}.5", begin + 5));
    assert_eq!((&simple[0][0], &simple[0][1]), (&Json::Null, &json!(Status::BAD_NO_DATA.0)), "{simple}");
}

#[tokio::test(flavor = "multi_thread")]
async fn node_opcua_watches_ten_thousand_items() {
    const MANY: usize = 10_000;
    let more = (0..MANY).map(|number| point(&format!("many/n{number}"), ValueType::F64)).collect();
    let rig = Rig::new(&ALL, more).await;
    let Some(mut peer) = rig.node_opcua() else { return };
    assert_eq!(peer.ask(&format!("items {MANY} 250 acme/leeds/many")), "ok");
    eventually("a first value of each", || peer.json("values")[1] == MANY).await;
    assert_eq!(rig.server.status().watched, MANY);
    let ids = rig.ids[5..].to_vec();
    let shape = model::Shape::new(ids);
    for round in 1..=5_i32 {
        let values = (0..MANY).map(|number| Value::F64((number as i32 * 10 + round).into())).collect();
        let now = rig.plant.clock().now();
        let good = model::Each::All(Status::GOOD);
        rig.plant.namespace.publish(model::Batch::polled(shape.clone(), now, good, values));
    }
    // One value that says that none is there yet, and five.
    eventually("every sample", || peer.json("values")[0] == 6 * MANY).await;
    assert_eq!(peer.json("values"), json!([6 * MANY, MANY, MANY]));
    assert_eq!(peer.json("last 9999"), 99_995.0);
    assert_eq!(peer.ask("leave"), "ok");
    eventually("nobody to watch", || rig.server.status().watched == 0).await;
    rig.server.stop().await;
}
