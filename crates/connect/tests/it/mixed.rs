//! Three hundred devices of three protocols over real sockets, of which thirty misbehave.

use crate::support::{House, eventually};
use connect::south::Handle;
use model::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use twin::{enip, modbus, s7};
use wire::enip::Elementary;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEVICES: u16 = 300;
/// One in so many misbehaves.
const ONE_IN: u16 = 10;
/// Scans that are watched, of a second each.
const SCANS: u64 = 8;

/// Keeps a simulated device running.
enum Server {
    Modbus { _it: modbus::Server },
    S7 { _it: s7::Server },
    Enip { _it: enip::Server },
    Blackhole { _it: modbus::Blackhole },
}

struct Device {
    number: u16,
    sound: bool,
    handle: Handle,
    _server: Server,
}

/// Manners by turns, so that each protocol has each of its own: silence, hanging up always and now and then, lies, floods.
fn modbus_manner(turn: u16) -> modbus::Behaviour {
    use modbus::{Behaviour, Conduct, Lie};
    match turn % 5 {
        0 => Behaviour::of(Conduct::Silent),
        1 => Behaviour::of(Conduct::Hangup),
        2 => Behaviour { one_in: 2, ..Behaviour::of(Conduct::Hangup) },
        3 => Behaviour::of(Conduct::Lie(Lie::Endless)),
        _ => Behaviour::of(Conduct::Lie(Lie::Transaction)),
    }
}

fn s7_manner(turn: u16) -> s7::Behaviour {
    use s7::{Behaviour, Conduct, Lie};
    match turn % 5 {
        0 => Behaviour::of(Conduct::Silent),
        1 => Behaviour::of(Conduct::Hangup),
        2 => Behaviour { one_in: 2, ..Behaviour::of(Conduct::Hangup) },
        3 => Behaviour::of(Conduct::Lie(Lie::Endless)),
        _ => Behaviour::of(Conduct::Lie(Lie::Short)),
    }
}

fn enip_manner(turn: u16) -> enip::Behaviour {
    use enip::{Behaviour, Conduct, Lie};
    match turn % 5 {
        0 => Behaviour::of(Conduct::Silent),
        1 => Behaviour::of(Conduct::Hangup),
        2 => Behaviour { one_in: 2, ..Behaviour::of(Conduct::Hangup) },
        3 => Behaviour::of(Conduct::Lie(Lie::Endless)),
        _ => Behaviour::of(Conduct::Lie(Lie::Half)),
    }
}

async fn modbus_device(number: u16, turn: Option<u16>) -> (SocketAddr, Server) {
    if turn.is_some_and(|turn| turn % 6 == 5) {
        let hole = modbus::Blackhole::bind((LOCAL, 0).into()).await.unwrap();
        return (hole.address(), Server::Blackhole { _it: hole });
    }
    let mut bank = modbus::Bank::default();
    bank.holding.add(0..=9);
    bank.holding.put(3, &[number]);
    let unit = modbus::Unit::new(Arc::new(modbus::SharedBank::new(bank)));
    let unit = unit.behaving(turn.map(modbus_manner).unwrap_or_default());
    let station = modbus::Station::new(number.into()).with(1, Arc::new(unit));
    let server = modbus::listen((LOCAL, 0).into(), modbus::Framing::Tcp, station).await.unwrap();
    (server.address(), Server::Modbus { _it: server })
}

async fn s7_device(number: u16, turn: Option<u16>) -> (SocketAddr, Server) {
    let mut memory = s7::Memory::default();
    memory.put(1, 0, &number.to_be_bytes());
    let cpu = s7::Cpu::new(number.into(), memory);
    cpu.set_behaviour(turn.map(s7_manner).unwrap_or_default());
    let server = s7::listen((LOCAL, 0).into(), Arc::new(cpu)).await.unwrap();
    (server.address(), Server::S7 { _it: server })
}

async fn enip_device(number: u16, turn: Option<u16>) -> (SocketAddr, Server) {
    let mut program = enip::Program::new("Mixed");
    program.tag("", "V", Elementary::Uint, [0; 3]);
    program.set("V", &number.to_le_bytes()).unwrap();
    let controller = enip::Controller::new(program).behaving(turn.map(enip_manner).unwrap_or_default());
    let server = enip::listen((LOCAL, 0).into(), Arc::new(controller)).await.unwrap();
    (server.address(), Server::Enip { _it: server })
}

async fn device(house: &House, number: u16) -> Device {
    let turn = number.is_multiple_of(ONE_IN).then_some(number / ONE_IN);
    let (kind, extra, at, (address, server)) = match number % 3 {
        0 => ("modbus-tcp", "", "at = \"holding 3\", type = \"u16\"", modbus_device(number, turn).await),
        1 => ("s7", "slot = 2\n", "at = \"DB1.DBW0\", type = \"WORD\"", s7_device(number, turn).await),
        _ => ("ethernet-ip", "", "at = \"V\"", enip_device(number, turn).await),
    };
    let text = format!(
        "kind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {}\n{extra}timeout = \"400ms\"\nconnect_timeout = \"1s\"\n\
         [device.d]\nat = \"d{number}\"\ntags = {{ v = {{ {at} }} }}\n",
        address.port()
    );
    let handle = house.start(&format!("c{number}"), &text);
    Device { number, sound: turn.is_none(), handle, _server: server }
}

fn done(device: &Device) -> (u64, u64) {
    let scan = &device.handle.status().scans[0];
    (scan.done, scan.overruns)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_that_misbehave_cost_the_others_no_scan() {
    let house = House::new();
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        devices.push(device(&house, number).await);
    }
    let last = |device: &Device| house.last(&format!("d{}/v", device.number));
    let sound = || devices.iter().filter(|device| device.sound);
    assert_eq!(sound().count(), 270);
    eventually("270 healthy devices", || sound().all(|device| last(device).status.is_good())).await;
    let before: Vec<_> = devices.iter().map(done).collect();
    let start = Instant::now();
    eventually("the scans", || {
        sound().all(|device| done(device).0 >= before[usize::from(device.number)].0 + SCANS)
    })
    .await;
    let elapsed = start.elapsed();
    for device in sound() {
        let (number, status) = (device.number, device.handle.status());
        assert_eq!(
            done(device).1,
            before[usize::from(number)].1,
            "device {number} missed scans in {elapsed:?}"
        );
        assert_eq!(status.faults.timeouts + status.faults.reconnects, 0, "device {number}: {status:?}");
        let value = last(device).value;
        assert!(
            [Value::U64(number.into()), Value::I64(number.into())].contains(&value),
            "device {number}: {value:?}"
        );
    }
    // Each lost connection is one event, however often it comes and goes, and whoever misbehaves is not read as sound.
    let events = house.namespace.active_events().len();
    assert!(events <= 30 * 2, "{events} events");
    for device in devices.iter().filter(|device| !device.sound) {
        let counters = device.handle.status().counters;
        let panics = counters.iter().find(|(name, _)| *name == "panics").map_or(0, |(_, count)| *count);
        assert_eq!(panics, 0, "device {}", device.number);
        let value = last(device).value;
        let true_ones = [Value::None, Value::U64(device.number.into()), Value::I64(device.number.into())];
        assert!(true_ones.contains(&value), "device {}: {value:?} was never there", device.number);
    }
    let begun = Instant::now();
    for device in devices {
        device.handle.stop().await;
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "stopping took {:?}", begun.elapsed());
}
