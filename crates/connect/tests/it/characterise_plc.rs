//! Measuring PLCs: snap7's server, and simulated CPUs and controllers that can do less than they say.

use crate::characterise::{kept, measure, value};
use crate::support::{House, Peer, eventually, free_port, peer_file, python};
use connect::kind::Context;
use connect::south::KINDS;
use model::config::Document;
use model::{Fault, Path};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use twin::enip::{Controller, Program, Services};
use twin::s7::{Behaviour, Conduct, Cpu, LIES, Lie, Memory, Rules};

/// A file with `count` floats from byte 0 of data block 1 on.
fn s7_file(port: u16, count: u16) -> String {
    let tags: String =
        (0..count).map(|n| format!("v{n} = {{ at = \"DB1.DBD{}\", type = \"REAL\" }}\n", n * 4)).collect();
    format!(
        "kind = \"s7\"\nhost = \"127.0.0.1\"\nport = {port}\nslot = 2\ntimeout = \"300ms\"\n[device.press]\n[device.press.tags]\n{tags}"
    )
}

async fn cpu(rules: Rules, behaviour: Behaviour) -> twin::s7::Server {
    let mut memory = Memory::default();
    memory.put(1, 0, &[0; 400]);
    let cpu = Arc::new(Cpu::new(1, memory).with(rules));
    cpu.set_behaviour(behaviour);
    twin::s7::listen(([127, 0, 0, 1], 0).into(), cpu).await.unwrap()
}

#[tokio::test]
async fn a_cpu_whose_large_answers_get_lost() {
    let rules = Rules { pdu: 480, jobs: 4, connections: 2, mute_above: Some(300), ..Rules::default() };
    let slow = Behaviour::slow(Duration::from_millis(4), Duration::from_millis(1));
    let server = cpu(rules, slow).await;
    let text = s7_file(server.address().port(), 101);
    let snapshot = measure(&text).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert_eq!(value(&snapshot, "largest PDU"), "240 bytes");
    assert_eq!(value(&snapshot, "tags refused"), "1", "the last tag lies behind the block's end");
    assert_eq!(value(&snapshot, "connections at once"), "2");
    let kept = kept(&snapshot);
    assert_eq!(kept["pdu"].as_integer(), Some(240));
    // It answers one after the other, so asking at once gains nothing.
    assert_eq!(kept["jobs"].as_integer(), Some(1), "{snapshot:#?}");
    assert!(kept["answer_ms"].as_float().unwrap() >= 4.0, "{kept}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("measured")).unwrap();
    std::fs::write(folder.path().join("measured/line-1.toml"), &snapshot.text).unwrap();
    let built = |folder: &std::path::Path, text: &str| {
        let document = Document::parse("connections/line-1.toml", text).unwrap();
        let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), folder);
        (connect::kind::find(KINDS, "s7").unwrap().build)(&document, &context).unwrap()
    };
    let with = built(folder.path(), &text);
    assert!(
        with.it.measured().ends_with("PDUs of at most 240 bytes; one request at a time"),
        "{}",
        with.it.measured()
    );
    assert_eq!(with.it.requests(0), Some(2));
    assert_eq!(built(std::path::Path::new(""), &text).it.requests(0), Some(1));
    let moved = built(folder.path(), &text.replace("slot = 2", "slot = 1"));
    assert!(moved.it.measured().contains("not used"), "{}", moved.it.measured());
    let own = built(folder.path(), &format!("pdu = 960\n{text}"));
    assert_eq!(own.it.requests(0), Some(1), "the file's own key comes first");
}

#[tokio::test]
async fn cpus_that_misbehave_are_left_alone_and_nothing_is_saved() {
    let mut conducts: Vec<Conduct> = LIES
        .into_iter()
        .filter(|lie| !lie.is_harmless() && *lie != Lie::Fragments)
        .map(Conduct::Lie)
        .collect();
    conducts.extend([Conduct::Silent, Conduct::Hangup]);
    for conduct in conducts {
        let server = cpu(Rules::default(), Behaviour::of(conduct)).await;
        let snapshot = measure(&s7_file(server.address().port(), 10)).await;
        assert!(snapshot.fault.is_some() && snapshot.text.is_empty(), "{conduct:?}: {snapshot:#?}");
        assert_eq!(snapshot.faults, 3, "{conduct:?}");
    }
    let closed = cpu(Rules { put_get: false, ..Rules::default() }, Behaviour::default()).await;
    let snapshot = measure(&s7_file(closed.address().port(), 10)).await;
    assert!(matches!(snapshot.fault, Some(Fault::Exception { .. })), "{snapshot:#?}");
    let nobody = measure(&s7_file(free_port(), 10)).await;
    assert!(matches!(nobody.fault, Some(Fault::Connect(_))), "{nobody:#?}");
}

#[tokio::test]
async fn snap7_is_measured() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer = Peer::spawn(&python, &[&peer_file("snap7_server.py"), &port.to_string()]);
    let snapshot = measure(&s7_file(port, 100)).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    assert!(value(&snapshot, "largest PDU").ends_with(" bytes"), "{snapshot:#?}");
    assert_eq!(value(&snapshot, "connections at once"), "4 or more");
    assert!(kept(&snapshot)["answer_ms"].as_float().is_some());
}

/// A file with the tags V0 to V9 and one that is not there.
fn enip_file(port: u16, device: &str) -> String {
    let tags: String = (0..10).map(|n| format!("v{n} = {{ at = \"V{n}\" }}\n")).collect();
    format!(
        "kind = \"ethernet-ip\"\nhost = \"127.0.0.1\"\nport = {port}\ntimeout = \"500ms\"\nscan = {{ normal = \"50ms\" }}\n\
         [device.plc]\nat = \"plc\"\n{device}[device.plc.tags]\n{tags}gone = {{ at = \"Gone\" }}\n"
    )
}

async fn controller(services: Services) -> twin::enip::Server {
    let mut program = Program::new("Bottling");
    for n in 0..10 {
        program.tag("", &format!("V{n}"), wire::enip::Elementary::Dint, [0; 3]);
    }
    let controller = Controller::new(program).behaving(twin::enip::Behaviour::able(services));
    twin::enip::listen(([127, 0, 0, 1], 0).into(), Arc::new(controller)).await.unwrap()
}

#[tokio::test]
async fn controllers_are_measured_once_and_not_found_out_again_at_each_start() {
    let whole = Services::default();
    for (services, size, packets, lacks) in [
        (whole, "4002 bytes", "several", &[][..]),
        (Services { large: None, ..whole }, "500 bytes", "several", &["large"][..]),
        (Services { multiple: false, ..whole }, "4002 bytes", "1", &["packets"][..]),
        (
            Services { connected: false, multiple: false, upload: false, ..whole },
            "482 bytes",
            "1",
            &["connected", "large", "packets", "tag_list"][..],
        ),
    ] {
        let server = controller(services).await;
        let text = enip_file(server.address().port(), "");
        let snapshot = measure(&text).await;
        assert_eq!(snapshot.fault, None, "{snapshot:#?}");
        assert_eq!(value(&snapshot, "message size"), size, "{services:?}");
        assert_eq!(value(&snapshot, "tags in a message"), packets, "{services:?}");
        assert_eq!(value(&snapshot, "tags refused"), "1", "{services:?}");
        assert_eq!(value(&snapshot, "connections at once"), "4 or more");
        let device = &kept(&snapshot)["device"]["plc"];
        for key in ["connected", "large", "packets", "tag_list", "program_changes"] {
            let is = device.get(key).is_none_or(|has| has.as_bool() == Some(true));
            assert_eq!(is, !lacks.contains(&key), "{key} of {services:?}: {device}");
        }
        let before = server.device().counters.sessions.load(Relaxed);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("measured")).unwrap();
        std::fs::write(folder.path().join("measured/py.toml"), &snapshot.text).unwrap();
        let house = House::new();
        let handle = house.start_in(folder.path(), "py", &text);
        eventually("read", || house.last("plc/v9").status.is_good()).await;
        assert_eq!(server.device().counters.sessions.load(Relaxed), before + 1, "no hang-up: {services:?}");
        handle.stop().await;
    }
}

#[tokio::test]
async fn cpppo_is_measured() {
    let Some(python) = python() else { return };
    let port = free_port();
    let peer = peer_file("../../../../e2e/peers/enip_server.py");
    let _peer = Peer::spawn(&python, &[&peer, &port.to_string()]);
    let text = enip_file(port, "").replace("\"V0\"", "\"SPEED\"").replace("\"V1\"", "\"TOTAL\"");
    let text: String =
        text.lines().filter(|line| !line.contains("\"V")).map(|line| format!("{line}\n")).collect();
    let snapshot = measure(&text).await;
    assert_eq!(snapshot.fault, None, "{snapshot:#?}");
    // It hangs up when it is asked for a tag that it does not have, and for its list of tags.
    assert_eq!(value(&snapshot, "tags refused"), "1", "{snapshot:#?}");
    assert_eq!(value(&snapshot, "tag list"), "no");
    assert_eq!(kept(&snapshot)["device"]["plc"]["tag_list"].as_bool(), Some(false));
}
