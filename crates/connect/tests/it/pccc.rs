//! PCCC against the simulated SLC 500 and PLC-5, and against libplctag's server and pycomm3's and nodepccc's clients.

use crate::support::{House, Peer, eventually, free_port, node, peer_file, python};
use model::{Outcome, Status, Value};
use serde_json::{Value as Json, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use twin::enip::{Behaviour, Conduct, Controller, DataFiles, Lie, Server, listen};
use wire::enip::pccc::{Family, FileKind};

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn files(family: Family) -> DataFiles {
    let files = DataFiles::new(family)
        .with(FileKind::Bit, 3, 4)
        .with(FileKind::Timer, 4, 4)
        .with(FileKind::Counter, 5, 2)
        .with(FileKind::Integer, 7, 50)
        .with(FileKind::Float, 8, 4)
        .with(FileKind::Text, 9, 2)
        .with(FileKind::Integer, 10, 2)
        .with(FileKind::Status, 2, 40)
        .protecting(10);
    match family {
        Family::Slc => {
            files.with(FileKind::Long, 11, 2).slot(FileKind::Input, 1, 3).slot(FileKind::Output, 2, 1)
        }
        Family::Plc5 => files.with(FileKind::Input, 1, 16).with(FileKind::Output, 0, 16),
    }
}

async fn controller(files: DataFiles) -> Server {
    listen(HERE, Arc::new(Controller::with_files(files))).await.unwrap()
}

fn connection(port: u16, more: &str, tags: &str) -> String {
    format!(
        "kind = \"pccc\"\nhost = \"127.0.0.1\"\nport = {port}\nscan = {{ normal = \"50ms\" }}\ntimeout = \"400ms\"\nrecheck = \"1s\"\n\
         {more}\n[device.plc]\nat = \"plc\"\n[device.plc.tags]\n{tags}"
    )
}

async fn becomes(house: &House, tag: &str, value: Value) {
    eventually(&format!("{tag} to be {value:?}"), || {
        let last = house.last(&format!("plc/{tag}"));
        last.status.is_good() && last.value == value
    })
    .await;
}

/// Address, bytes in the controller, the same as our value, the value we write, the same as bytes.
type Case = (&'static str, Vec<u8>, Value, Value, Vec<u8>);

fn cases(family: Family) -> Vec<Case> {
    let float = |value: f32| {
        let [a, b, c, d] = value.to_le_bytes();
        if family == Family::Slc { vec![a, b, c, d] } else { vec![c, d, a, b] }
    };
    let word = |word: u16| word.to_le_bytes().to_vec();
    let text = |letters: &[u8; 4]| [&[4, 0][..], letters, &[0; 78]].concat();
    let mut cases = vec![
        ("N7:0", word(0xFFFE), Value::I64(-2), Value::I64(-32_768), word(0x8000)),
        ("N7:49", word(7), Value::I64(7), Value::I64(8), word(8)),
        ("B3:1", word(0x8001), Value::U64(0x8001), Value::U64(3), word(3)),
        ("B3:2/4", word(0xF0F0), Value::Bool(true), Value::Bool(false), word(0xF0E0)),
        ("T4:1.ACC", word(12_345), Value::I64(12_345), Value::I64(0), word(0)),
        ("T4:2/DN", word(1 << 13), Value::Bool(true), Value::Bool(false), word(0)),
        ("C5:1.PRE", word(100), Value::I64(100), Value::I64(200), word(200)),
        ("F8:3", float(1.5), Value::F64(1.5), Value::F64(-0.25), float(-0.25)),
        ("ST9:1", text(b"eLde"), Value::from("Leed"), Value::from("York"), text(b"oYkr")),
        ("S:1/15", word(0x8000), Value::Bool(true), Value::Bool(false), word(0)),
    ];
    match family {
        Family::Slc => cases.extend([
            ("L11:1", vec![0, 0, 0, 0x80], Value::I64(i32::MIN.into()), Value::I64(5), vec![5, 0, 0, 0]),
            ("I:1.2/3", word(8), Value::Bool(true), Value::Bool(false), word(0)),
            ("O:2", word(9), Value::U64(9), Value::U64(10), word(10)),
        ]),
        Family::Plc5 => {
            cases.push(("I:017/10", word(1 << 8), Value::Bool(true), Value::Bool(false), word(0)));
        }
    }
    cases
}

#[tokio::test]
async fn every_kind_of_file_is_read_and_written() {
    for (family, processor) in [(Family::Slc, "slc"), (Family::Plc5, "plc-5")] {
        let server = controller(files(family)).await;
        let data = server.device().files().unwrap();
        let mut tags = String::new();
        for (index, (at, bytes, ..)) in cases(family).into_iter().enumerate() {
            assert!(data.set(at.split('/').next().unwrap(), &bytes) || data.set(at, &bytes), "{at}");
            tags += &format!("t{index} = {{ at = \"{at}\", write = {{}} }}\n");
        }
        let more = format!("processor = \"{processor}\"");
        let house = House::new();
        let _handle = house.start("plc", &connection(server.address().port(), &more, &tags));
        for (index, (.., value, _, _)) in cases(family).into_iter().enumerate() {
            becomes(&house, &format!("t{index}"), value).await;
        }
        for (index, (at, _, _, value, bytes)) in cases(family).into_iter().enumerate() {
            let outcome = house.write(&format!("plc/t{index}"), value.clone()).await;
            assert_eq!(outcome, Outcome::Confirmed { readback: value }, "{at}");
            let word = at.split('/').next().unwrap();
            assert_eq!(data.get(word).or_else(|| data.get(at)).unwrap(), bytes, "{at}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_spoils_no_other_and_comes_back() {
    let server = controller(files(Family::Slc)).await;
    let data = server.device().files().unwrap();
    let tags: String = (40..60).map(|n| format!("n{n} = {{ at = \"N7:{n}\" }}\n")).collect();
    let tags = tags
        + "none = { at = \"N20:0\" }\nother = { at = \"F7:0\" }\nfixed = { at = \"N10:0\", write = {} }\n";
    let house = House::new();
    let handle = house.start("slc", &connection(server.address().port(), "", &tags));
    assert!(data.set("N7:49", &[9, 0]));
    becomes(&house, "n49", Value::I64(9)).await;
    for tag in ["n50", "n59", "none", "other"] {
        let what = format!("{tag} to be set aside");
        eventually(&what, || house.last(&format!("plc/{tag}")).status == Status::BAD_CONFIGURATION_ERROR)
            .await;
    }
    for tag in (40..50).map(|n| format!("n{n}")).chain(["fixed".into()]) {
        eventually(&tag, || house.last(&format!("plc/{tag}")).status.is_good()).await;
    }
    let reasons: Vec<String> =
        handle.status().devices[0].quarantined.iter().map(|q| q.reason.clone()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("nothing at this address")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("the data file is shorter")), "{reasons:?}");
    // A write that the controller refuses is refused here, in its words.
    match house.write("plc/fixed", Value::I64(1)).await {
        Outcome::Failed { why } => assert!(why.contains("the file is protected"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_bit_is_written_with_a_mask_or_not_at_all() {
    let server = controller(files(Family::Slc).without_masks()).await;
    let house = House::new();
    let tags = "bit = { at = \"B3:0/4\", write = {} }\n";
    let _handle = house.start("slc", &connection(server.address().port(), "", tags));
    becomes(&house, "bit", Value::Bool(false)).await;
    match house.write("plc/bit", Value::Bool(true)).await {
        Outcome::Failed { why } => assert!(why.contains("does not know a write with a mask"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(server.device().files().unwrap().get("B3:0").unwrap(), [0, 0]);
}

#[tokio::test]
async fn lies_and_silence_are_never_values() {
    let server = controller(files(Family::Slc)).await;
    assert!(server.device().files().unwrap().set("N7:0", &[7, 0]));
    let house = House::new();
    let _handle = house.start("slc", &connection(server.address().port(), "", "n = { at = \"N7:0\" }\n"));
    for lie in [Lie::Context, Lie::Short] {
        becomes(&house, "n", Value::I64(7)).await;
        let before = server.device().counters.messages.load(Relaxed);
        let behaviour = Behaviour { conduct: Conduct::Lie(lie), one_in: 2, ..Behaviour::default() };
        server.device().set_behaviour(behaviour);
        eventually("lies", || server.device().counters.messages.load(Relaxed) > before + 6).await;
        let last = house.last("plc/n");
        assert!(!last.status.is_good() || last.value == Value::I64(7), "{lie:?} {last:?}");
        server.device().set_behaviour(Behaviour::default());
    }
    becomes(&house, "n", Value::I64(7)).await;
}

#[tokio::test]
async fn a_controller_without_data_files_says_which_kind_to_take() {
    let server = listen(HERE, Arc::new(Controller::new(twin::enip::Program::new("Logix")))).await.unwrap();
    let house = House::new();
    let handle = house.start("slc", &connection(server.address().port(), "", "n = { at = \"N7:0\" }\n"));
    eventually("words", || {
        let status = handle.status();
        status.devices.iter().flat_map(|device| &device.quarantined).any(|q| q.reason.contains("ethernet-ip"))
    })
    .await;
}

/// libplctag's server, which `make test` compiles; `None` says loudly that the test is skipped.
pub fn ab_server(arguments: &[&str]) -> Option<(Killed, u16)> {
    let peers = std::env::var("IRONBRIDGE_PEERS_NODE_DIR").ok();
    let program = peers.map(|node| std::path::Path::new(&node).with_file_name("ab_server"));
    let Some(program) = program.filter(|program| program.exists()) else {
        eprintln!(
            "SKIPPED: compile libplctag's server with e2e/peers/ab-server/build.sh beside the Node peers"
        );
        return None;
    };
    let port = free_port();
    let child = std::process::Command::new(program)
        .args(arguments)
        .arg(format!("--port={port}"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    Some((Killed(child), port))
}

/// Killed when dropped.
pub struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn libplctags_controllers_both_ways() {
    for (plc, processor, more) in [
        ("SLC500", "slc", &["--tag=F8[10]", "--tag=ST18[2]", "--tag=L19[10]"][..]),
        ("Micrologix", "slc", &["--tag=F8[10]", "--tag=ST18[2]", "--tag=L19[10]"][..]),
        // It counts the floats of a PLC-5 twice: words only.
        ("PLC/5", "plc-5", &[][..]),
    ] {
        let plc = format!("--plc={plc}");
        let arguments: Vec<&str> =
            [plc.as_str(), "--tag=N7[100]"].into_iter().chain(more.iter().copied()).collect();
        let Some((_server, port)) = ab_server(&arguments) else { return };
        let mut values = vec![("n0", "N7:0", Value::I64(-7)), ("n99", "N7:99", Value::I64(32_767))];
        if !more.is_empty() {
            values.extend([
                ("f9", "F8:9", Value::F64(-0.25)),
                ("st1", "ST18:1", Value::from("Ironbridge")),
                ("l9", "L19:9", Value::I64(i32::MIN.into())),
            ]);
        }
        let mut tags = "beyond = { at = \"N7:100\" }\nnone = { at = \"N30:0\" }\n".to_owned();
        for (tag, at, _) in &values {
            tags += &format!("{tag} = {{ at = \"{at}\", write = {{}} }}\n");
        }
        let house = House::new();
        let text = connection(port, &format!("processor = \"{processor}\""), &tags);
        let _handle = house.start("plctag", &text);
        for (tag, _, value) in values {
            eventually(tag, || house.last(&format!("plc/{tag}")).status.is_good()).await;
            let outcome = house.write(&format!("plc/{tag}"), value.clone()).await;
            assert_eq!(outcome, Outcome::Confirmed { readback: value.clone() }, "{plc} {tag}");
            becomes(&house, tag, value).await;
        }
        for tag in ["beyond", "none"] {
            eventually(tag, || house.last(&format!("plc/{tag}")).status == Status::BAD_CONFIGURATION_ERROR)
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pycomm3_reads_and_writes_the_simulated_controller() {
    let Some(python) = python() else { return };
    let server = controller(files(Family::Slc)).await;
    let data = server.device().files().unwrap();
    assert!(data.set("N7:3", &(-5i16).to_le_bytes()) && data.set("F8:1", &1.5f32.to_le_bytes()));
    assert!(data.set("T4:1.ACC", &77i16.to_le_bytes()) && data.set("B3:2", &[0x10, 0]));
    let port = server.address().port().to_string();
    let mut peer = Peer::spawn(&python, &[&peer_file("pycomm3_slc.py"), &port]);
    for (at, value) in
        [("N7:3", json!(-5)), ("F8:1", json!(1.5)), ("T4:1.ACC", json!(77)), ("B3:2/4", json!(true))]
    {
        let answer: Json = serde_json::from_str(&peer.ask(&json!(["read", at]).to_string())).unwrap();
        assert_eq!(answer, json!({"value": value, "error": null}), "{at}");
    }
    let answer: Json = serde_json::from_str(&peer.ask(r#"["write", "N7:4", 4711]"#)).unwrap();
    assert_eq!(answer["error"], Json::Null);
    assert_eq!(data.get("N7:4").unwrap(), 4_711i16.to_le_bytes());
    let answer: Json = serde_json::from_str(&peer.ask(r#"["read", "N99:0"]"#)).unwrap();
    assert_ne!(answer["error"], Json::Null, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodepccc_reads_and_writes_the_simulated_controller() {
    let Some((node, modules)) = node() else { return };
    let server = controller(files(Family::Slc)).await;
    let data = server.device().files().unwrap();
    assert!(data.set("N7:3", &(-5i16).to_le_bytes()) && data.set("B3:2", &[0x11, 0]));
    let port = server.address().port().to_string();
    let mut peer = Peer::spawn_with(&node, &[&peer_file("nodepccc.js"), &port], &[("NODE_PATH", &modules)]);
    let answer = peer.ask(r#"{"read": ["N7:3", "F8:1"]}"#);
    assert_eq!(
        serde_json::from_str::<Json>(&answer).unwrap(),
        json!({"bad": false, "values": {"N7:3": -5, "F8:1": 0}})
    );
    // A bit by a mask, its neighbour as it was.
    let answer = peer.ask(r#"{"write": ["B3:2/4", false]}"#);
    assert_eq!(serde_json::from_str::<Json>(&answer).unwrap(), json!({"bad": false}));
    assert_eq!(data.get("B3:2").unwrap(), [1, 0]);
}
