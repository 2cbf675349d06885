//! The demonstration plant on the network, read as its own configuration says.

use std::time::Duration;

use model::SystemClock;
use toml::{Table, Value};
use twin::modbus::WordOrder;
use twin::{Handle, Machine, Options, SWITCHES, Switch, demo_config, start};
use wire::modbus::{Request, bits, registers};

use crate::client::Client;

async fn plant() -> Handle {
    start(Options { hmi: false, ..Options::default() }).await.unwrap()
}

fn file(handle: &Handle, path: &str) -> Table {
    let files = demo_config(handle.addresses());
    let file = files.iter().find(|f| f.path == path).unwrap_or_else(|| panic!("{path} is missing"));
    file.text.parse().unwrap_or_else(|error| panic!("{path}: {error}\n{}", file.text))
}

/// Polls until `check` holds; the plant needs a tick or two.
async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within 10 s");
}

async fn f32_at(c: &mut Client, unit: u8, offset: u16, order: WordOrder) -> f32 {
    let answer = c.ask(unit, &Request::ReadHoldingRegisters { address: offset, quantity: 2 }).await;
    let words: Vec<u16> = registers(&answer[2..]).collect();
    f32::from_bits(order.join([words[0], words[1]]))
}

#[tokio::test]
async fn every_file_is_toml_and_every_tag_can_be_read() {
    let handle = plant().await;
    let files = demo_config(handle.addresses());
    let mut tags_read = 0;
    for file in files.iter().filter(|f| f.path.ends_with(".toml")) {
        let table: Table = file.text.parse().unwrap_or_else(|e| panic!("{}: {e}", file.path));
        let Some(Value::Table(devices)) = table.get("device") else { continue };
        let rtu = match table["kind"].as_str() {
            Some("modbus-rtu-tcp") => true,
            Some("modbus-tcp") => false,
            // Read by the connections themselves, in the room that has them.
            _ => continue,
        };
        let address = format!("{}:{}", table["host"].as_str().unwrap(), table["port"].as_integer().unwrap());
        let mut c = Client::connect(address.parse().unwrap()).await;
        for (name, device) in devices {
            let unit = device["unit"].as_integer().unwrap() as u8;
            for (tag, entry) in device.get("tags").and_then(Value::as_table).into_iter().flatten() {
                if name == "chiller" || tag == "legacy_count" {
                    continue; // dead, and not there
                }
                let request = request(entry);
                let answer = if rtu { c.rtu(unit, &request).await } else { c.ask(unit, &request).await };
                assert_eq!(answer[0] & 0x80, 0, "{name}.{tag}: {answer:?}");
                tags_read += 1;
            }
        }
    }
    assert!((80..120).contains(&tags_read), "{tags_read}");
    assert_eq!(handle.excluded_reads(), 0);
    handle.shutdown().await;
}

/// The read that a tag asks for, from its text alone.
fn request(entry: &Value) -> Request {
    let at = entry["at"].as_str().unwrap();
    let place = at.split('.').next().unwrap();
    let address = place[1..].parse::<u16>().unwrap() - 1;
    let quantity = match entry["type"].as_str().unwrap() {
        "f32" | "u32" | "bcd32" => 2,
        "text" => entry["length"].as_integer().unwrap() as u16 / 2,
        _ => 1,
    };
    match &place[..1] {
        "0" => Request::ReadCoils { address, quantity },
        "1" => Request::ReadDiscreteInputs { address, quantity },
        "3" => Request::ReadInputRegisters { address, quantity },
        _ => Request::ReadHoldingRegisters { address, quantity },
    }
}

#[tokio::test]
async fn the_filler_is_the_one_of_the_contracts() {
    let handle = plant().await;
    let line = file(&handle, "connections/line-1.toml");
    let filler = &line["device"]["filler"];
    assert_eq!((filler["unit"].as_integer(), filler["order"].as_str()), (Some(1), Some("CDAB")));
    for (tag, at, kind) in [
        ("speed", "40101", "f32"),
        ("level", "40110", "i16"),
        ("state", "40120", "u16"),
        ("target", "40201", "f32"),
    ] {
        let entry = &filler["tags"][tag];
        assert_eq!((entry["at"].as_str(), entry["type"].as_str()), (Some(at), Some(kind)), "{tag}");
    }
    let mut c = Client::connect(handle.addresses().line).await;
    until("the line runs", async || f32_at(&mut c, 1, 100, WordOrder::LowFirst).await > 300.0).await;
    let level = c.ask(1, &Request::ReadHoldingRegisters { address: 109, quantity: 1 }).await;
    assert!((0..=27_648).contains(&registers(&level[2..]).next().unwrap()));
    let state = c.ask(1, &Request::ReadHoldingRegisters { address: 119, quantity: 1 }).await;
    assert_eq!(state, [3, 2, 0, 6]);
    // A hole, an excluded range, and a unit that is not there.
    assert_eq!(c.pdu(1, &[3, 0, 114, 0, 1]).await, [0x83, 2]);
    assert_eq!(c.pdu(2, &[3, 0, 138, 0, 1]).await, [0x83, 2]);
    assert_eq!(c.pdu(9, &[3, 0, 0, 0, 1]).await, [0x83, 0x0B]);
    c.ask(1, &Request::ReadHoldingRegisters { address: 899, quantity: 1 }).await;
    assert_eq!(handle.excluded_reads(), 1);
}

#[tokio::test]
async fn set_points_reach_the_model_and_mad_ones_are_refused() {
    let handle = plant().await;
    let mut c = Client::connect(handle.addresses().line).await;
    let write = |speed: f32| Request::WriteMultipleRegisters {
        address: 200,
        values: WordOrder::LowFirst.split(speed.to_bits()).to_vec(),
    };
    c.ask(1, &write(200.0)).await;
    assert_eq!(f32_at(&mut c, 1, 200, WordOrder::LowFirst).await, 200.0);
    until("the filler slows down", async || f32_at(&mut c, 1, 100, WordOrder::LowFirst).await < 215.0).await;
    let mut pdu = Vec::new();
    write(9000.0).emit(&mut pdu);
    assert_eq!(c.pdu(1, &pdu).await, [0x90, 3]);
    pdu.clear();
    write(f32::NAN).emit(&mut pdu);
    assert_eq!(c.pdu(1, &pdu).await, [0x90, 3]);
    assert_eq!(c.pdu(1, &[6, 0, 100, 0, 1]).await, [0x86, 2], "a measured value cannot be written");
    // One bit of a register.
    c.ask(1, &Request::MaskWriteRegister { address: 209, and_mask: !1, or_mask: 1 }).await;
    let word = c.ask(1, &Request::ReadHoldingRegisters { address: 209, quantity: 1 }).await;
    assert_eq!(word, [3, 2, 0, 1]);
}

#[tokio::test]
async fn a_dead_meter_does_not_stop_its_siblings() {
    let handle = plant().await;
    let mut c = Client::connect(handle.addresses().meters).await;
    let energy = Request::ReadInputRegisters { address: 8, quantity: 2 };
    let before = c.rtu(12, &energy).await;
    assert!(u32::from_be_bytes(before[2..6].try_into().unwrap()) >= u32::MAX - 1, "about to roll over");
    let mut dead = Vec::new();
    wire::modbus::rtu::emit_adu_with(14, &mut dead, |out| energy.emit(out));
    c.send(&dead).await;
    assert!(c.is_silent(Duration::from_millis(200)).await);
    assert_eq!(c.rtu(15, &energy).await.len(), 6);
}

#[tokio::test]
async fn the_palletiser_has_a_wrong_clock_and_small_answers() {
    let handle = plant().await;
    let mut c = Client::connect(handle.addresses().palletiser).await;
    until("published", async || {
        let answer = c.ask(1, &Request::ReadHoldingRegisters { address: 19, quantity: 5 }).await;
        let clock = i64::from(u32::from_be_bytes(answer[2..6].try_into().unwrap()));
        let now = SystemClock::shared().now().millis() / 1000;
        let date: String = answer[6..10].iter().map(|byte| format!("{byte:02x}")).collect();
        (3600 + 30..3600 + 45).contains(&(clock - now)) && date.starts_with("20")
    })
    .await;
    assert_eq!(c.pdu(1, &[3, 0, 0, 0, 33]).await, [0x83, 3]);
}

#[tokio::test]
async fn switches_work_from_outside() {
    let handle = plant().await;
    let index = |switch| SWITCHES.iter().position(|s| s.0 == switch).unwrap() as u16;
    let mut control = Client::connect(handle.addresses().control).await;
    let coil = index(Switch::Outage(Machine::Capper));
    control.ask(1, &Request::WriteSingleCoil { address: coil, value: true }).await;
    assert!(handle.switch(Switch::Outage(Machine::Capper)));
    let all = control.ask(1, &Request::ReadCoils { address: 0, quantity: SWITCHES.len() as u16 }).await;
    let on: Vec<usize> =
        bits(&all[2..], SWITCHES.len()).enumerate().filter_map(|(i, on)| on.then_some(i)).collect();
    assert_eq!(on, [usize::from(coil)]);
    let mut c = Client::connect(handle.addresses().line).await;
    until("the capper is silent", async || {
        let mut probe = Client::connect(handle.addresses().line).await;
        probe.send(&[0, 1, 0, 0, 0, 6, 2, 3, 0, 100, 0, 2]).await;
        probe.is_silent(Duration::from_millis(100)).await
    })
    .await;
    c.ask(1, &Request::ReadHoldingRegisters { address: 100, quantity: 2 }).await;
    // A broken wire reads above every valid raw number.
    handle.set_switch(Switch::LevelSensor, true);
    until("broken wire", async || {
        let level = c.ask(1, &Request::ReadHoldingRegisters { address: 109, quantity: 1 }).await;
        registers(&level[2..]).next() == Some(32_767)
    })
    .await;
}

#[tokio::test]
async fn the_hmi_writes_as_it_should_and_the_rogue_does_not() {
    let handle = start(Options::default()).await.unwrap();
    let mut c = Client::connect(handle.addresses().line).await;
    let start = f32_at(&mut c, 1, 200, WordOrder::LowFirst).await;
    assert_eq!(start, 420.0);
    // The recipe of the first batch runs at 450; the operator turns the knob by at most 20.
    until("the HMI sets the recipe's speed", async || {
        (430.0..=470.0).contains(&f32_at(&mut c, 1, 200, WordOrder::LowFirst).await)
    })
    .await;
    handle.set_switch(Switch::RogueWriter, true);
    until("the rogue writes", async || f32_at(&mut c, 1, 200, WordOrder::LowFirst).await == 595.0).await;
    handle.shutdown().await;
}

#[tokio::test]
async fn time_can_run_faster() {
    let handle = start(Options { hmi: false, time_scale: 200.0, ..Options::default() }).await.unwrap();
    until("two batches", async || handle.plant().line.batch >= 43).await;
    assert!(handle.summary().contains("batch B-000"));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = Options::default();
    options.ports.boiler = taken.local_addr().unwrap().port();
    let error = start(options).await.err().unwrap();
    assert!(error.to_string().contains("boiler"), "{error}");
}
