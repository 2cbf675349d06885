//! EtherNet/IP against the simulated Logix controller, sound and otherwise, and against cpppo.

use crate::support::{House, Peer, eventually, free_port, peer_file, python};
use connect::kind::Context;
use connect::south::BROWSERS;
use connect::south::budget::Budget;
use connect::south::ethernet_ip::{Type, list_tags};
use connect::south::status::Quarantined;
use connect::south::status::State;
use model::config::Document;
use model::{Outcome, Path, Status, Value, ValueType};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use transport::Target;
use twin::enip::{Behaviour, Conduct, Controller, Lie, Program, Server, Services, listen};
use wire::enip::Elementary::{self, Bool, Dint, Dword, Int, Lint, Lreal, Real, Sint, Udint, Uint, Usint};
use wire::enip::Status as CipStatus;

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Tag, type, bytes in the controller, the same as our value, the value we write, the same as bytes.
type Number = (&'static str, Elementary, Vec<u8>, Value, Value, Vec<u8>);

fn numbers() -> Vec<Number> {
    fn le(value: impl Into<i128>, size: usize) -> Vec<u8> {
        value.into().to_le_bytes()[..size].to_vec()
    }
    vec![
        ("Sint1", Sint, le(-100, 1), Value::I64(-100), Value::I64(-2), le(-2, 1)),
        ("Usint1", Usint, le(200, 1), Value::U64(200), Value::U64(3), le(3, 1)),
        ("Int1", Int, le(-12_345, 2), Value::I64(-12_345), Value::I64(-2), le(-2, 2)),
        ("Uint1", Uint, le(54_321, 2), Value::U64(54_321), Value::U64(9), le(9, 2)),
        ("Dint1", Dint, le(-1_234_567_890, 4), Value::I64(-1_234_567_890), Value::I64(7), le(7, 4)),
        (
            "Udint1",
            Udint,
            le(3_123_456_789u32, 4),
            Value::U64(3_123_456_789),
            Value::U64(66_051),
            le(66_051, 4),
        ),
        ("Lint1", Lint, le(i64::MIN, 8), Value::I64(i64::MIN), Value::I64(-3), le(-3, 8)),
        (
            "Real1",
            Real,
            1.5f32.to_le_bytes().to_vec(),
            Value::F64(1.5),
            Value::F64(-0.25),
            (-0.25f32).to_le_bytes().to_vec(),
        ),
        (
            "Lreal1",
            Lreal,
            2.5f64.to_le_bytes().to_vec(),
            Value::F64(2.5),
            Value::F64(0.1),
            0.1f64.to_le_bytes().to_vec(),
        ),
        ("Bool1", Bool, vec![1], Value::Bool(true), Value::Bool(false), vec![0]),
    ]
}

/// Everything that tags can be.
fn program() -> Program {
    let mut program = Program::new("Bottling");
    let motor = program.structure(
        "Motor",
        &[("Amps", Real.into(), 0), ("Hours", Dint.into(), 0), ("Flags", Dword.into(), 2)],
    );
    let line = program.structure(
        "Line",
        &[
            ("Running", Bool.into(), 0),
            ("Fault", Bool.into(), 0),
            ("Motor", motor, 0),
            ("Batch", Program::string(), 0),
        ],
    );
    for (tag, kind, bytes, ..) in numbers() {
        program.tag("", tag, kind, [0; 3]);
        program.set(tag, &bytes).unwrap();
    }
    program.tag("", "Line1", line, [0; 3]);
    program.tag("", "Lines", line, [3, 0, 0]);
    program.tag("", "Counts", Dint, [50, 0, 0]);
    program.tag("", "Grid", Int, [3, 4, 0]);
    program.tag("", "Flags", Dword, [2, 0, 0]);
    program.tag("", "Name", Program::string(), [0; 3]);
    program.tag("", "Fixed", Dint, [0; 3]);
    program.read_only("Fixed");
    program.tag("Main", "Count", Dint, [0; 3]);
    for (tag, data) in [
        ("Counts[7]", 77i32.to_le_bytes().as_slice()),
        ("Grid[2,1]", &21i16.to_le_bytes()),
        ("Flags[1]", &(1u32 << 8).to_le_bytes()),
        ("Line1.Fault", &[1]),
        ("Line1.Motor.Amps", &7.25f32.to_le_bytes()),
        ("Line1.Motor.Flags", &4u32.to_le_bytes()),
        ("Lines[2].Motor.Hours", &99i32.to_le_bytes()),
        ("Program:Main.Count", &4_711i32.to_le_bytes()),
    ] {
        program.set(tag, data).unwrap();
    }
    program.set_text("Name", "Leeds").unwrap();
    program.set_text("Line1.Batch", "B-0007").unwrap();
    program
}

async fn controller(program: Program) -> Server {
    listen(HERE, Arc::new(Controller::new(program))).await.unwrap()
}

fn connection(port: u16, device: &str, tags: &str) -> String {
    format!(
        "kind = \"ethernet-ip\"\nhost = \"127.0.0.1\"\nport = {port}\nscan = {{ normal = \"50ms\" }}\ntimeout = \"400ms\"\nrecheck = \"1s\"\n\
         [device.plc]\nat = \"plc\"\n{device}\n[device.plc.tags]\n{tags}"
    )
}

fn good(house: &House, tag: &str, value: &Value) -> bool {
    let last = house.last(&format!("plc/{tag}"));
    last.status.is_good() && last.value == *value
}

async fn becomes(house: &House, tag: &str, value: Value) {
    let what = format!("{tag} to be {value:?}");
    eventually(&what, || good(house, tag, &value)).await;
}

async fn set_aside(house: &House, tag: &str) {
    eventually(tag, || house.last(&format!("plc/{tag}")).status == Status::BAD_CONFIGURATION_ERROR).await;
}

/// Each write is confirmed and stands in the controller, or is refused in words.
async fn writes(house: &House, server: &Server) {
    for (tag, _, _, _, value, bytes) in numbers() {
        let outcome = house.write(&format!("plc/{tag}"), value.clone()).await;
        assert!(matches!(outcome, Outcome::Confirmed { .. }), "{tag} {outcome:?}");
        assert_eq!(server.device().get(tag).unwrap(), bytes, "{tag}");
    }
    for (tag, value, at, bytes) in [
        ("flag", Value::Bool(false), "Flags[1]", 0u32.to_le_bytes().to_vec()),
        ("bit", Value::Bool(false), "Program:Main.Count", 4_710i32.to_le_bytes().to_vec()),
        ("fault", Value::Bool(false), "Line1.Fault", vec![0]),
        ("amps", Value::F64(8.5), "Line1.Motor.Amps", 8.5f32.to_le_bytes().to_vec()),
    ] {
        let outcome = house.write(&format!("plc/{tag}"), value.clone()).await;
        assert_eq!(outcome, Outcome::Confirmed { readback: value }, "{tag}");
        assert_eq!(server.device().get(at).unwrap(), bytes, "{tag}");
    }
    assert_eq!(
        house.write("plc/name", Value::from("Iron")).await,
        Outcome::Confirmed { readback: Value::from("Iron") }
    );
    let refused = house.write("plc/fixed", Value::I64(1)).await;
    assert!(
        matches!(&refused, Outcome::Failed { why } if why.contains("privilege violation")),
        "{refused:?}"
    );
    let long = house.write("plc/name", Value::from("x".repeat(99).as_str())).await;
    assert!(matches!(&long, Outcome::Rejected { why } if why.contains("at most 84")), "{long:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_both_ways() {
    let server = controller(program()).await;
    let mut tags: String =
        numbers().iter().map(|(tag, ..)| format!("{tag} = {{ at = \"{tag}\", write = {{}} }}\n")).collect();
    tags += r#"
element = { at = "Counts[7]" }
grid = { at = "Grid[2,1]" }
flag = { at = "Flags[40]", write = {} }
inner_flag = { at = "Line1.Motor.Flags[2]" }
bit = { at = "Program:Main.Count.0", write = {} }
count = { at = "program:main.COUNT", type = "i32" }
fault = { at = "Line1.Fault", type = "bool", write = {} }
amps = { at = "Line1.Motor.Amps", unit = "A", write = { min = 0, max = 10 } }
hours = { at = "Lines[2].Motor.Hours", scale = 0.1, unit = "h" }
name = { at = "Name", type = "text", write = {} }
batch = { at = "Line1.Batch" }
fixed = { at = "Fixed", write = {} }
"#;
    let house = House::new();
    let handle = house.start("cip", &connection(server.address().port(), "", &tags));
    for (tag, _, _, value, ..) in numbers() {
        becomes(&house, tag, value).await;
    }
    for (tag, value) in [
        ("element", Value::I64(77)),
        ("grid", Value::I64(21)),
        ("flag", Value::Bool(true)),
        ("inner_flag", Value::Bool(true)),
        ("bit", Value::Bool(true)),
        ("count", Value::I64(4_711)),
        ("fault", Value::Bool(true)),
        ("amps", Value::F64(7.25)),
        ("hours", Value::F64(9.9)),
        ("name", Value::from("Leeds")),
        ("batch", Value::from("B-0007")),
    ] {
        becomes(&house, tag, value).await;
    }
    // The controller told what they are.
    let declared = |tag: &str| {
        let id = house.namespace.find(&format!("acme/leeds/plc/{tag}")).unwrap();
        house.namespace.meta(id).unwrap().value_type
    };
    assert_eq!((declared("Dint1"), declared("Usint1")), (ValueType::I64, ValueType::U64));
    assert_eq!((declared("batch"), declared("flag")), (ValueType::Text, ValueType::Bool));

    writes(&house, &server).await;
    let status = handle.status();
    assert_eq!(status.faults.bad_frames + status.faults.desync + status.faults.timeouts, 0, "{status:?}");
    assert_eq!(server.device().counters.opened.load(Relaxed), 1, "one connection");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_tag_spoils_no_other() {
    let server = controller(program()).await;
    let tags = r#"
good = { at = "Dint1" }
missing = { at = "NoSuchTag" }
outside = { at = "Counts[50]" }
structure = { at = "Line1" }
array = { at = "Counts" }
other_type = { at = "Real1", type = "i32" }
no_bit = { at = "Real1.3" }
member = { at = "Line1.NoSuchMember" }
also_good = { at = "Counts[49]" }
"#;
    let house = House::new();
    let handle = house.start("cip", &connection(server.address().port(), "", tags));
    becomes(&house, "good", Value::I64(-1_234_567_890)).await;
    becomes(&house, "also_good", Value::I64(0)).await;
    for tag in ["missing", "outside", "structure", "array", "other_type", "no_bit", "member"] {
        set_aside(&house, tag).await;
    }
    let quarantined = handle.status().devices[0].quarantined.clone();
    let why = |address: &str| {
        let named = |q: &&Quarantined| q.address.split(' ').next() == Some(address);
        quarantined.iter().find(named).unwrap().reason.clone()
    };
    for (address, words) in [
        ("NoSuchTag", "no such tag"),
        ("Counts[50]", "outside the array"),
        ("Line1", "name one of its members, e.g. Line1.Running"),
        ("Counts", "name one of its elements, e.g. Counts[0]"),
        ("Real1", "the file says i32: write type = \"f32\""),
        ("Real1.3", "no bits"),
        ("Line1.NoSuchMember", "no such tag"),
    ] {
        assert!(why(address).contains(words), "{address}: {}", why(address));
    }
    // A tag that comes into being is found by itself.
    server.device().edit(|program| {
        program.tag("", "NoSuchTag", Dint, [0; 3]);
        program.set("NoSuchTag", &5i32.to_le_bytes()).unwrap();
    });
    becomes(&house, "missing", Value::I64(5)).await;
    assert_eq!(handle.status().faults.reconnects, 0);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_is_noticed_and_everything_is_learned_anew() {
    let server = controller(program()).await;
    let house = House::new();
    let tags = "a = { at = \"Dint1\" }\nb = { at = \"Line1.Motor.Amps\" }\nc = { at = \"New.X\" }\n";
    let handle = house.start("cip", &connection(server.address().port(), "", tags));
    becomes(&house, "b", Value::F64(7.25)).await;
    set_aside(&house, "c").await;
    let uploads = server.device().counters.uploads.load(Relaxed);
    server.device().set_busy(true);
    eventually("points to be bad while the program is loaded", || house.last("plc/a").status.is_bad()).await;
    assert_ne!(house.last("plc/a").status, Status::BAD_CONFIGURATION_ERROR, "nothing is set aside meanwhile");
    let mut next = Program::new("Bottling 2");
    let kind = next.structure("New", &[("X", Int.into(), 0)]);
    next.tag("", "New", kind, [0; 3]);
    next.tag("", "Dint1", Real, [0; 3]);
    next.set("Dint1", &0.5f32.to_le_bytes()).unwrap();
    next.set("New.X", &(-3i16).to_le_bytes()).unwrap();
    server.device().download(next);
    server.device().set_busy(false);
    becomes(&house, "a", Value::F64(0.5)).await;
    becomes(&house, "c", Value::I64(-3)).await;
    set_aside(&house, "b").await;
    assert!(server.device().counters.uploads.load(Relaxed) > uploads, "the tag list was read again");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_controller_lacks_is_done_without() {
    let sound = Services::default();
    let cases = [
        ("no large connections", Services { large: None, ..sound }, 1),
        ("large ones, but smaller", Services { large: Some(2_000), ..sound }, 1),
        ("no connections", Services { connected: false, ..sound }, 0),
        ("no packets", Services { multiple: false, ..sound }, 1),
        ("no tag list", Services { upload: false, ..sound }, 2),
    ];
    for (what, services, opened) in cases {
        let server = controller(program()).await;
        server.device().set_behaviour(Behaviour::able(services));
        let house = House::new();
        let tags = "a = { at = \"Dint1\" }\nb = { at = \"Line1.Motor.Amps\" }\nc = { at = \"Missing\" }\nd = { at = \"Name\" }\n";
        let handle = house.start("cip", &connection(server.address().port(), "", tags));
        becomes(&house, "a", Value::I64(-1_234_567_890)).await;
        becomes(&house, "b", Value::F64(7.25)).await;
        becomes(&house, "d", Value::from("Leeds")).await;
        set_aside(&house, "c").await;
        assert_eq!(server.device().counters.opened.load(Relaxed), opened, "{what}");
        handle.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_hangs_up_on_an_unknown_tag_loses_only_that_tag() {
    let server = controller(program()).await;
    let services = Services { upload: false, hangs_up_on_unknown_tags: true, ..Services::default() };
    server.device().set_behaviour(Behaviour::able(services));
    let house = House::new();
    let mut tags: String = (0..50).map(|n| format!("c{n} = {{ at = \"Counts[{n}]\" }}\n")).collect();
    tags += "bad = { at = \"Nowhere\" }\n";
    let text =
        connection(server.address().port(), "", &tags).replace("recheck = \"1s\"", "recheck = \"5min\"");
    let handle = house.start("cip", &text);
    becomes(&house, "c7", Value::I64(77)).await;
    set_aside(&house, "bad").await;
    eventually("all others", || (0..50).all(|n| house.last(&format!("plc/c{n}")).status.is_good())).await;
    let reason = handle.status().devices[0].quarantined[0].reason.clone();
    assert!(reason.contains("closes the connection"), "{reason}");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lie_becomes_a_value() {
    let mut all = tokio::task::JoinSet::new();
    Lie::ALL.into_iter().for_each(|lie| drop(all.spawn(lied_to(lie))));
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
}

async fn lied_to(lie: Lie) {
    let server = controller(program()).await;
    let house = House::new();
    let tags = "a = { at = \"Dint1\", type = \"i32\" }\nb = { at = \"Counts[7]\", type = \"i32\" }\n";
    let handle = house.start("cip", &connection(server.address().port(), "", tags));
    let (a, b) = (Value::I64(-1_234_567_890), Value::I64(77));
    becomes(&house, "a", a.clone()).await;
    server.device().set_behaviour(Behaviour { one_in: 2, ..Behaviour::of(Conduct::Lie(lie)) });
    let before = server.device().counters.messages.load(Relaxed);
    eventually("ten messages", || {
        for (tag, value) in [("a", &a), ("b", &b)] {
            let last = house.last(&format!("plc/{tag}"));
            assert!(last.status.is_bad() || last.value == *value, "{lie:?} {last:?}");
        }
        server.device().counters.messages.load(Relaxed) > before + 10
    })
    .await;
    server.device().set_behaviour(Behaviour::default());
    becomes(&house, "a", a).await;
    becomes(&house, "b", b).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_refusal_and_a_wrong_slot_are_told_in_words() {
    let server = controller(program()).await;
    let house = House::new();
    let handle = house.start("cip", &connection(server.address().port(), "", "a = { at = \"Dint1\" }\n"));
    becomes(&house, "a", Value::I64(-1_234_567_890)).await;
    server.device().set_behaviour(Behaviour::of(Conduct::Silent));
    eventually("bad quality", || house.last("plc/a").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert_eq!(house.last("plc/a").value, Value::I64(-1_234_567_890), "the last value is kept");
    server.device().set_behaviour(Behaviour::of(Conduct::Refuse(CipStatus::RESOURCE_UNAVAILABLE)));
    eventually("an answer again", || handle.status().state == State::Connected).await;
    server.device().set_behaviour(Behaviour::default());
    becomes(&house, "a", Value::I64(-1_234_567_890)).await;
    handle.stop().await;

    let house = House::new();
    let handle =
        house.start("cip", &connection(server.address().port(), "slot = 5", "a = { at = \"Dint1\" }\n"));
    eventually("words about the route", || {
        handle
            .status()
            .last_error
            .is_some_and(|error| error.title.contains("nothing answers at the end of the route"))
    })
    .await;
    assert_eq!(house.last("plc/a").value, Value::None);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_list_becomes_a_draft() {
    let mut long = program();
    for number in 0..300 {
        long.tag("Main", &format!("A_rather_long_name_of_a_tag_{number:03}"), Dint, [0; 3]);
    }
    let server = controller(long).await;
    let target = Target::Tcp { host: "127.0.0.1".into(), port: server.address().port() };
    let catalog = list_tags(&target, "1,0", Duration::from_secs(2), Budget::unlimited()).await.unwrap();
    assert_eq!((catalog.identity.name.as_str(), catalog.identity.revision), ("1756-L83E/B", (33, 11)));
    let found = catalog.leaves(10_000, 100);
    let kind = |at: &str| found.leaves.iter().find(|leaf| leaf.at == at).map(|leaf| leaf.kind);
    for (at, expected) in [
        ("Dint1", Type::I32),
        ("Line1.Running", Type::Bool),
        ("Line1.Motor.Amps", Type::F32),
        ("Line1.Motor.Flags[63]", Type::Bool),
        ("Lines[2].Batch", Type::Text),
        ("Grid[2,3]", Type::I16),
        ("Flags[40]", Type::Bool),
        ("Program:Main.Count", Type::I32),
        ("Program:Main.A_rather_long_name_of_a_tag_299", Type::I32),
    ] {
        assert_eq!(kind(at), Some(expected), "{at}");
    }
    assert!(
        !found.leaves.iter().any(|leaf| leaf.at.contains("ZZZ") || leaf.at.contains("__")),
        "hidden members"
    );
    let fixed = found.leaves.iter().find(|leaf| leaf.at == "Fixed").unwrap();
    assert_eq!(fixed.writable, Some(false));
    // Counts, Flags, and the flags of the motors of four lines.
    assert_eq!(catalog.leaves(10_000, 49).left_out, 6);
    // Looking around fills a file without tags, and every point of it can be read.
    let file = connection(server.address().port(), "", "");
    let document = Document::parse("connections/cip.toml", &file).unwrap();
    let context = Context::new("cip", Path::new("acme/leeds").unwrap(), "");
    let browser = BROWSERS.iter().find(|browser| browser.kind == "ethernet-ip").unwrap();
    let now = model::Time::from_millis(0);
    let draft = (browser.browse)(&document, &context, now).await.unwrap();
    assert!(draft.mistakes.is_empty(), "{:?}", draft.mistakes);
    assert_eq!(draft.tags, found.leaves.len());
    let line = "Program-Main-Count = { at = \"Program:Main.Count\", type = \"i32\" }";
    assert!(draft.text.contains(line), "{}", draft.text);
    assert!(draft.notes.iter().any(|note| note.text.contains("1756-L83E/B")), "{:?}", draft.notes);
    let house = House::new();
    let handle = house.start("cip", &draft.text);
    let count = found.leaves.len();
    eventually("every point of the draft", || handle.status().good == count).await;
    assert!(handle.status().scans[0].requests < 12, "{:?}", handle.status().scans);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cpppo_both_ways() {
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer =
        Peer::spawn(&python, &[&peer_file("../../../../e2e/peers/enip_server.py"), &port.to_string()]);
    let tags = r#"
scada = { at = "SCADA[3]", type = "i16", write = {} }
speed = { at = "SPEED", type = "f32", write = {} }
total = { at = "TOTAL", type = "i32", write = {} }
name = { at = "NAME" }
missing = { at = "MISSING" }
"#;
    let house = House::new();
    let text = connection(port, "", tags).replace("recheck = \"1s\"", "recheck = \"5min\"");
    let handle = house.start("cpppo", &text);
    for tag in ["scada", "speed", "total"] {
        eventually(tag, || house.last(&format!("plc/{tag}")).status.is_good()).await;
    }
    set_aside(&house, "missing").await;
    for (tag, value) in
        [("scada", Value::I64(-7)), ("speed", Value::F64(1.25)), ("total", Value::I64(123_456_789))]
    {
        let what = format!("{tag} to be read again");
        eventually(&what, || house.last(&format!("plc/{tag}")).status.is_good()).await;
        let outcome = house.write(&format!("plc/{tag}"), value.clone()).await;
        assert_eq!(outcome, Outcome::Confirmed { readback: value }, "{tag}");
    }
    handle.stop().await;
}

/// A Micro800 has tags, and neither backplane nor tag list; libplctag's server plays one.
#[tokio::test]
async fn libplctags_micro800_both_ways() {
    let plc = ["--plc=Micro800", "--tag=Speed:DINT[10]", "--tag=Level:REAL[2]"];
    let Some((_server, port)) = crate::pccc::ab_server(&plc) else { return };
    let tags = "speed = { at = \"Speed[3]\", type = \"i32\", write = {} }\nlevel = { at = \"Level[1]\", write = {} }\n";
    let house = House::new();
    let text = connection(port, "route = \"\"\ntag_list = false\nmessaging = \"unconnected\"", tags);
    let _handle = house.start("micro", &text);
    for (tag, value) in [("speed", Value::I64(-7)), ("level", Value::F64(1.25))] {
        eventually(tag, || house.last(&format!("plc/{tag}")).status.is_good()).await;
        let outcome = house.write(&format!("plc/{tag}"), value.clone()).await;
        assert_eq!(outcome, Outcome::Confirmed { readback: value.clone() }, "{tag}");
        becomes(&house, tag, value).await;
    }
}
