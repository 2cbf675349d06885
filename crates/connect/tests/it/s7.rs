//! S7: snap7's server as the CPU, both directions, and simulated CPUs that misbehave over real sockets.

use crate::support::{House, Peer, discovered, eventually, free_port, peer_file, python};
use connect::discover::{Wish, draft};
use connect::south::PROBES;
use model::{Outcome, Status, Value};
use std::sync::Arc;
use std::time::Duration;
use twin::s7::{Behaviour, Block, Conduct, Cpu, Lie, Memory, listen};

fn connection(port: u16, keys: &str, tags: &str) -> String {
    format!(
        "kind = \"s7\"\nhost = \"127.0.0.1\"\nport = {port}\nslot = 2\nscan = {{ normal = \"100ms\" }}\ntimeout = \"2s\"\n{keys}\n[device.plc]\nat = \"plc\"\n[device.plc.tags]\n{tags}"
    )
}

// Number 0 of timers and counters: snap7's server halves the numbers of the others.
const TAGS: &str = r#"
int = { at = "DB1.DBW2", type = "INT", write = {} }
real = { at = "DB1.DBD4", type = "REAL", write = {} }
dint = { at = "DB1.DBD8", type = "DINT", write = {} }
usint = { at = "DB1.DBB12", type = "USINT", write = {} }
lreal = { at = "DB1.DBB16", type = "LREAL", write = {} }
bit = { at = "DB1.DBX24.5", write = {} }
name = { at = "DB1.DBB32", type = "STRING", length = 20, write = {} }
day = { at = "DB1.DBW60", type = "DATE", write = {} }
span = { at = "DB1.DBD64", type = "TIME", write = {} }
when = { at = "DB1.DBB70", type = "DATE_AND_TIME", write = {} }
stamp = { at = "DB1.DBB80", type = "DTL", write = {} }
long = { at = "DB2.DBB0", type = "STRING", length = 254 }
last = { at = "DB2.DBW998", type = "WORD" }
flag = { at = "M10.2", write = {} }
input = { at = "EW4", type = "WORD" }
output = { at = "AB1", type = "BYTE", write = {} }
timer = { at = "T0", write = {} }
counter = { at = "C0", write = {} }
past = { at = "DB2.DBW1000", type = "WORD" }
gone = { at = "DB99.DBW0", type = "WORD" }
state = { at = "cpu.state" }
module = { at = "cpu.type" }
order = { at = "cpu.order" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_area_and_type_both_ways_with_snap7() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("snap7_server.py"), &port.to_string()]);
    for line in [
        "set INT 2 -1234",
        "set REAL 4 1.5",
        "set DINT 8 -1234567890",
        "set USINT 12 200",
        "set LREAL 16 -0.1",
        "put db 1 24 20",
        "set STRING 32 Hallo",
        "set DATE 60 2026-11-22",
        "set TIME 64 0:0:0:1.500",
        "put db 1 70 2611220910111231",
        "put db 1 80 07ea0b1601090a0b075bcd15",
        &format!("put db 2 0 fefe{}", "78".repeat(254)),
        "put db 2 998 0102",
        "put mk 0 10 04",
        "put pe 0 4 3600",
        "put pa 0 1 07",
        "put tm 0 0 2127",
        "put ct 0 0 0123",
    ] {
        assert_eq!(peer.ask(line), "ok", "{line}");
    }
    let house = House::new();
    let handle = house.start("py", &connection(port, "", TAGS));
    let long = "x".repeat(254);
    for (tag, value) in [
        ("int", Value::I64(-1_234)),
        ("real", Value::F64(1.5)),
        ("dint", Value::I64(-1_234_567_890)),
        ("usint", Value::U64(200)),
        ("lreal", Value::F64(-0.1)),
        ("bit", Value::Bool(true)),
        ("name", Value::from("Hallo")),
        ("day", Value::from("2026-11-22")),
        ("span", Value::I64(1_500)),
        ("when", Value::from("2026-11-22T09:10:11.123")),
        ("stamp", Value::from("2026-11-22T09:10:11.123456789")),
        ("long", Value::from(long.as_str())),
        ("last", Value::U64(0x0102)),
        ("flag", Value::Bool(true)),
        ("input", Value::U64(0x3600)),
        ("output", Value::U64(7)),
        ("timer", Value::U64(127_000)),
        ("counter", Value::U64(123)),
        ("state", Value::U64(8)),
    ] {
        eventually(&format!("{tag} to be {value:?}"), || {
            let last = house.last(&format!("plc/{tag}"));
            last.status.is_good() && last.value == value
        })
        .await;
    }
    for (tag, text) in [("module", "CPU 315-2 PN/DP"), ("order", "6ES7 315-2EH14-0AB0")] {
        eventually(tag, || house.last(&format!("plc/{tag}")).value == Value::from(text)).await;
    }
    for tag in ["past", "gone"] {
        eventually(tag, || house.last(&format!("plc/{tag}")).status == Status::BAD_CONFIGURATION_ERROR).await;
    }
    written(&house, &mut peer).await;
    assert_eq!(peer.ask("cpu stop"), "ok");
    eventually("stop", || house.last("plc/state").value == Value::U64(4)).await;
    let faults = handle.status().faults;
    assert_eq!(faults.bad_frames + faults.desync + faults.timeouts, 0, "{faults:?}");
    handle.stop().await;
}

async fn written(house: &House, peer: &mut Peer) {
    for (tag, value, question, answer) in [
        ("int", Value::I64(-2), "get INT 2", "-2"),
        ("real", Value::F64(-0.15625), "get REAL 4", "-0.15625"),
        ("dint", Value::I64(-7), "get DINT 8", "-7"),
        ("usint", Value::U64(3), "get USINT 12", "3"),
        ("lreal", Value::F64(31.4159), "get LREAL 16", "31.4159"),
        ("bit", Value::Bool(false), "take db 1 24 1", "00"),
        ("name", Value::from("Bottle"), "get STRING 32", "Bottle"),
        ("day", Value::from("1999-12-31"), "get DATE 60", "1999-12-31"),
        ("span", Value::I64(-1), "take db 1 64 4", "ffffffff"),
        ("when", Value::from("2030-01-02T03:04:05.678"), "get DT 70", "2030-01-02T03:04:05.678000"),
        ("stamp", Value::from("2030-01-02T03:04:05"), "get DTL 80", "2030-01-02T03:04:05"),
        ("flag", Value::Bool(false), "take mk 0 10 1", "00"),
        ("output", Value::U64(0x55), "take pa 0 1 1", "55"),
        ("timer", Value::U64(90), "take tm 0 0 2", "0009"),
        ("counter", Value::U64(456), "take ct 0 0 2", "0456"),
    ] {
        let outcome = house.write(&format!("plc/{tag}"), value.clone()).await;
        assert!(matches!(outcome, Outcome::Confirmed { .. }), "{tag}: {outcome:?}");
        assert_eq!(peer.ask(question), answer, "{tag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_says_who_it_is_and_drafts_a_connection() {
    let rules = twin::s7::Rules { place: Some((0, 2)), put_get: false, ..twin::s7::Rules::default() };
    let cpu = Arc::new(Cpu::new(1, Memory::default()).with(rules));
    let server = listen(([127, 0, 0, 1], 0).into(), cpu).await.unwrap();
    let port = server.address().port();
    let all = discovered("s7", port).await;
    let [found] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((found.place.as_str(), found.firmware.as_str()), ("rack 0, slot 2", "V3.2.6"));
    assert_eq!((found.model.as_str(), found.serial.as_str()), ("CPU 315-2 PN/DP", "S SIM0001"));
    let probe = PROBES.iter().find(|probe| probe.name == "s7").unwrap();
    let text = draft(&all, 0, probe, Wish::default(), std::path::Path::new("")).unwrap().text;
    assert!(text.contains("kind = \"s7\"") && text.contains("slot = 2"), "{text}");
    let Some(python) = python() else { return };
    let port = free_port();
    let _peer = Peer::spawn(&python, &[&peer_file("snap7_server.py"), &port.to_string()]);
    let found = discovered("s7", port).await;
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((found.vendor.as_str(), found.name.as_str()), ("Siemens", "SNAP7-SERVER"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_cpus_do_not_disturb_good_ones() {
    let house = House::new();
    let (mut running, mut servers) = (Vec::new(), Vec::new());
    for number in 0..20u8 {
        let mut memory = Memory::default();
        memory.blocks.insert(1, Block::new(64));
        memory.put(1, 0, &[0, number]);
        let cpu = Arc::new(Cpu::new(number.into(), memory));
        let behaviour = match number {
            0 => Some(Behaviour::of(Conduct::Silent)),
            1 => Some(Behaviour::of(Conduct::Hangup)),
            2 => Some(Behaviour::of(Conduct::Lie(Lie::Endless))),
            3 => Some(Behaviour::of(Conduct::Lie(Lie::Short))),
            4 => Some(Behaviour::of(Conduct::Lie(Lie::LessData))),
            _ => None,
        };
        cpu.set_behaviour(behaviour.unwrap_or_default());
        let server = listen(([127, 0, 0, 1], 0).into(), cpu).await.unwrap();
        let text = format!(
            "kind = \"s7\"\nhost = \"127.0.0.1\"\nport = {}\ntimeout = \"300ms\"\nscan = {{ normal = \"500ms\" }}\n[device.d]\nat = \"d{number}\"\ntags = {{ v = {{ at = \"DB1.DBW0\", type = \"INT\" }} }}\n",
            server.address().port()
        );
        running.push((number, behaviour.is_none(), house.start(&format!("c{number}"), &text)));
        servers.push(server);
    }
    let sound = || running.iter().filter(|(_, sound, _)| *sound);
    eventually("15 sound CPUs", || {
        sound()
            .all(|(number, _, _)| house.last(&format!("d{number}/v")).value == Value::I64((*number).into()))
    })
    .await;
    let done = |handle: &connect::south::Handle| handle.status().scans[0].done;
    let before: Vec<u64> = running.iter().map(|(_, _, handle)| done(handle)).collect();
    let start = std::time::Instant::now();
    eventually("12 scans", || done(&running[19].2) >= before[19] + 12).await;
    let elapsed = start.elapsed();
    for ((number, sound, handle), before) in running.iter().zip(before) {
        let last = house.last(&format!("d{number}/v"));
        if *sound {
            let scans = done(handle) - before;
            assert!(scans + 2 >= 12, "CPU {number} did {scans} of 12 scans in {elapsed:?}");
            assert!(last.status.is_good() && handle.status().faults.timeouts == 0, "CPU {number}");
        } else {
            assert!(last.status.is_bad() && last.value == Value::None, "CPU {number}: {last:?}");
        }
    }
    assert!(elapsed < Duration::from_secs(15));
    for (_, _, handle) in running {
        handle.stop().await;
    }
}
