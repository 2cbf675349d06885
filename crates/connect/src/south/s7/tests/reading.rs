//! What is read is right, in few requests, and never more at once than was agreed.

use super::plant::{plant, plant_of};
use model::{Status, Value};
use std::sync::atomic::Ordering;
use std::time::Duration;
use twin::s7::{Behaviour, Memory, Rules};

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.put(10, 0, &[0b1000, 0xFE]);
    memory.put(10, 2, &(-1_234i16).to_be_bytes());
    memory.put(10, 4, &1.5f32.to_be_bytes());
    memory.put(10, 8, &(-9i64).to_be_bytes());
    memory.put(10, 16, b"\x0A\x04Hall\0\0\0\0\0\0");
    memory.put(10, 28, &[0x07, 0xEA, 11, 22, 1, 9, 10, 11, 0, 0, 0, 0]);
    memory.put(20, 0, &[254, 254]);
    memory.put(20, 2, &[b'x'; 254]);
    memory.flags[100..104].copy_from_slice(&70_000u32.to_be_bytes());
    memory.inputs[4..6].copy_from_slice(&13_824i16.to_be_bytes());
    memory.outputs[1] = 7;
    memory.peripheral[64..66].copy_from_slice(&5u16.to_be_bytes());
    memory.timers[5] = 0x2127;
    memory.counters[3] = 0x0123;
    memory
}

const TAGS: &str = r#"
bit = { at = "DB10.DBX0.3" }
other = { at = "DB10.DBX0.4" }
small = { at = "DB10.DBB1", type = "SINT" }
int = { at = "DB10.DBW2", type = "INT" }
real = { at = "DB10.DBD4", type = "REAL" }
long = { at = "DB10.DBB8", type = "LINT" }
name = { at = "DB10.DBB16", type = "STRING", length = 10 }
when = { at = "DB10.DBB28", type = "DTL" }
text = { at = "DB20.DBB0", type = "STRING", length = 254 }
flag = { at = "MD100", type = "DWORD" }
oil = { at = "EW4", type = "INT", raw = [0, 27648], range = [0, 100], unit = "%" }
out = { at = "AB1", type = "BYTE" }
terminal = { at = "PEW64", type = "WORD" }
timer = { at = "T5" }
counter = { at = "Z3" }
state = { at = "cpu.state" }
order = { at = "cpu.order" }
firmware = { at = "cpu.firmware" }
serial = { at = "cpu.serial" }
"#;

fn expected() -> Vec<(&'static str, Value)> {
    vec![
        ("bit", Value::Bool(true)),
        ("other", Value::Bool(false)),
        ("small", Value::I64(-2)),
        ("int", Value::I64(-1_234)),
        ("real", Value::F64(1.5)),
        ("long", Value::I64(-9)),
        ("name", Value::from("Hall")),
        ("when", Value::from("2026-11-22T09:10:11.000000000")),
        ("text", Value::from("x".repeat(254).as_str())),
        ("flag", Value::U64(70_000)),
        ("oil", Value::F64(50.0)),
        ("out", Value::U64(7)),
        ("terminal", Value::U64(5)),
        ("timer", Value::U64(127_000)),
        ("counter", Value::U64(123)),
        ("state", Value::U64(8)),
        ("order", Value::from("IB7 315-2EH14-0AB0")),
        ("firmware", Value::from("V3.2.6")),
        ("serial", Value::from("S SIM0001")),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_area_and_type_whatever_size_is_agreed() {
    for (pdu, requests) in [(112, 9), (240, 6), (480, 4), (960, 4)] {
        let plant = plant(Rules { pdu, ..Rules::default() }, memory(), TAGS);
        for (tag, value) in expected() {
            let path = format!("d/{tag}");
            plant.until(tag, |p| p.last(&path).status == Status::GOOD).await;
            assert_eq!(plant.last(&path).value, value, "{tag} with {pdu}");
        }
        let status = plant.handle.status();
        let faults = &status.faults;
        assert_eq!(faults.bad_frames + faults.desync + faults.exceptions + faults.timeouts, 0, "{status:?}");
        let planned = status.scans[0].requests;
        assert!(planned <= requests, "{planned} requests with {pdu}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_state_of_the_cpu_is_a_point() {
    let plant = plant(Rules::default(), Memory::default(), "state = { at = \"cpu.state\" }");
    plant.until("run", |p| p.last("d/state").value == Value::U64(8)).await;
    let id = plant.namespace.find("acme/leeds/d/state").unwrap();
    let states = plant.namespace.meta(id).unwrap().states.clone();
    assert_eq!((states[&8].as_str(), states[&4].as_str()), ("RUN", "STOP"));
    plant.cpu.memory(|memory| memory.state = 4);
    plant.until("stop", |p| p.last("d/state").value == Value::U64(4)).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_than_agreed() {
    let tags: String =
        (0..60).map(|i| format!("t{i} = {{ at = \"DB1.DBW{}\", type = \"INT\" }}\n", i * 100)).collect();
    for (jobs, most) in [(1, 1), (3, 3), (30, 8)] {
        let mut memory = Memory::default();
        memory.put(1, 0, &[0; 6_000]);
        let plant = plant(Rules { jobs, ..Rules::default() }, memory, &tags);
        plant.until("good", |p| p.last("d/t59").status.is_good()).await;
        plant.cpu.set_behaviour(Behaviour::slow(Duration::from_millis(30), Duration::ZERO));
        let done = plant.handle.status().scans[0].done;
        plant.until("three scans", |p| p.handle.status().scans[0].done > done + 3).await;
        let waiting = plant.cpu.counters.waiting.load(Ordering::Relaxed);
        assert!(waiting <= most && (jobs == 1 || waiting > 1), "{waiting} waited with {jobs}");
        assert_eq!(plant.handle.status().faults.timeouts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn exclude_is_never_touched_and_gaps_are() {
    let mut memory = Memory::default();
    memory.put(1, 0, &[1; 100]);
    let tags = "a = { at = \"DB1.DBB0\", type = \"BYTE\" }\nb = { at = \"DB1.DBB20\", type = \"BYTE\" }\nc = { at = \"DB1.DBB30\", type = \"BYTE\" }\n";
    let plant = plant_of("", Rules::default(), memory.clone(), tags);
    plant.until("good", |p| p.last("d/c").status.is_good()).await;
    let scans = plant.handle.status().scans[0].done;
    assert_eq!(plant.cpu.counters.items.load(Ordering::Relaxed), scans, "one variable a scan");
}
