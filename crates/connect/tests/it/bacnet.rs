//! BACnet/IP: bacpypes3 as the device and as the BBMD, both directions; found, looked at, drafted, read.

use crate::support::{House, Peer, eventually, free_port, peer_file, python};
use connect::discover::{Ask, Desk, Wish, draft};
use connect::draft::Draft;
use connect::kind::Context;
use connect::south::{BROWSERS, PROBES};
use model::config::Document;
use model::{Outcome, Path, Status, SystemClock, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use twin::bacnet::{Conduct, Device, LIES, Object, Rules, Site, listen};
use wire::bacnet::{ObjectId, Value as Wire};

const TAGS: &str = r#"
supply = { at = "AI1", unit = "Cel" }
setpoint = { at = "AV3", unit = "Cel", priority = 10, write = { min = 10, max = 30 } }
held = { at = "AV3 held", priority = 10, write = {} }
filter = { at = "BI1" }
fan = { at = "BO1", write = {} }
mode = { at = "MSV1", write = {} }
note = { at = "CSV1", write = {} }
balance = { at = "IV1" }
energy = { at = "LAV1" }
since = { at = "datetime-value 1" }
gone = { at = "AI77" }
status = { at = "device system-status" }
"#;

fn device(python: &str, port: u16, options: &[&str]) -> Peer {
    let address = format!("127.0.0.1:{port}");
    let script = peer_file("bacpypes3_device.py");
    let mut words = vec![script.as_str(), &address, "1001"];
    words.extend(options);
    Peer::spawn(python, &words)
}

fn connection(port: u16, keys: &str, tags: &str) -> String {
    format!(
        "kind = \"bacnet-ip\"\nhost = \"127.0.0.1\"\nport = {port}\nscan = {{ normal = \"200ms\" }}\ntimeout = \"3s\"\n\n[device.ahu]\ninstance = 1001\nat = \"ahu\"\n{keys}\n[device.ahu.tags]\n{tags}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_value_both_ways_with_bacpypes3() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = device(&python, port, &[]);
    let house = House::new();
    let handle = house.start("py", &connection(port, "", TAGS));
    for (tag, value) in [
        ("supply", Value::F64(21.5)),
        ("setpoint", Value::F64(20.0)),
        ("held", Value::Bool(false)),
        ("filter", Value::Bool(true)),
        ("fan", Value::Bool(false)),
        ("mode", Value::U64(2)),
        ("note", Value::from("Zuluft Süd")),
        ("balance", Value::I64(-1_234_567)),
        ("energy", Value::F64(123_456_789.125)),
        ("since", Value::from("2026-11-22T09:10:11.12")),
        ("status", Value::U64(0)),
    ] {
        let path = format!("ahu/{tag}");
        eventually(&path, || house.last(&path).status == Status::GOOD).await;
        assert_eq!(house.last(&path).value, value, "{tag}");
    }
    eventually("gone", || house.last("ahu/gone").status == Status::BAD_CONFIGURATION_ERROR).await;
    for (tag, value, object, shown) in [
        ("setpoint", Value::F64(22.5), "analog-value,3", "22.5"),
        ("fan", Value::Bool(true), "binary-output,1", "active"),
        ("note", Value::from("Öl"), "characterstring-value,1", "Öl"),
    ] {
        let done = house.write(&format!("ahu/{tag}"), value.clone()).await;
        assert_eq!(done, Outcome::Confirmed { readback: value }, "{tag}");
        assert_eq!(peer.ask(&format!("get {object} presentValue")), shown, "{tag}");
    }
    eventually("held", || house.last("ahu/held").value == Value::Bool(true)).await;
    assert_eq!(peer.ask("slot analog-value,3 8 18.5"), "ok");
    let done = house.write("ahu/setpoint", Value::F64(24.0)).await;
    assert!(
        matches!(&done, Outcome::Failed { why } if why.contains("priority 8 (manual operator) holds 18.5")),
        "{done:?}"
    );
    assert_eq!(peer.ask("slot analog-value,3 8 null"), "ok");
    eventually("ours counts", || house.last("ahu/setpoint").value == Value::F64(24.0)).await;
    assert_eq!(
        house.write("ahu/held", Value::Bool(false)).await,
        Outcome::Confirmed { readback: Value::Bool(false) }
    );
    eventually("given up", || house.last("ahu/setpoint").value == Value::F64(20.0)).await;
    // bacpypes3 makes the status flags of these two.
    for (reliability, out_of_service, status) in [
        ("open-loop", 0, Status::BAD_SENSOR_FAILURE),
        ("over-range", 0, Status::UNCERTAIN_ENGINEERING_UNITS_EXCEEDED),
        ("communication-failure", 1, Status::BAD_NOT_CONNECTED),
        ("no-fault-detected", 1, Status::UNCERTAIN_SUBSTITUTE_VALUE),
        ("no-fault-detected", 0, Status::GOOD),
    ] {
        assert_eq!(peer.ask(&format!("reliability analog-input,1 {reliability}")), "ok");
        assert_eq!(peer.ask(&format!("out-of-service analog-input,1 {out_of_service}")), "ok");
        eventually(reliability, || house.last("ahu/supply").status == status).await;
        assert_eq!(house.last("ahu/filter").status, Status::GOOD, "{reliability}");
    }
    drop(peer);
    eventually("lost", || house.last("ahu/supply").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert_eq!(house.last("ahu/supply").value, Value::F64(21.5));
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_by_bacpypes3_and_long_answers_come_in_parts() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = device(&python, port, &["max-apdu=128", "objects=40"]);
    let house = House::new();
    let keys = "cov = true\ncov_lifetime = \"30s\"";
    let tags = "supply = { at = \"AI1\" }\nfilter = { at = \"BI1\" }\nsetpoint = { at = \"AV3\", priority = 10, write = {} }\nnote = { at = \"CSV1\", cov = false, write = {} }\n";
    // Scans are far apart: what comes sooner was told.
    let text = connection(port, keys, tags).replace("200ms", "60s");
    let handle = house.start("py", &text);
    eventually("read", || house.last("ahu/supply").status == Status::GOOD).await;
    let mut subscribed = String::new();
    for _ in 0..500 {
        subscribed = peer.ask("subscribers");
        if subscribed == "3" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(subscribed, "3");
    assert_eq!(peer.ask("set analog-input,1 25.5"), "ok");
    eventually("told", || house.last("ahu/supply").value == Value::F64(25.5)).await;
    assert_eq!(peer.ask("set binary-input,1 inactive"), "ok");
    eventually("told", || house.last("ahu/filter").value == Value::Bool(false)).await;
    let done = house.write("ahu/setpoint", Value::F64(23.0)).await;
    assert_eq!(done, Outcome::Confirmed { readback: Value::F64(23.0) });
    eventually("told", || house.last("ahu/setpoint").value == Value::F64(23.0)).await;
    // 900 octets to a device that takes 128 at once.
    let text = "Zuluft ".repeat(120) + "Süd";
    let done = house.write("ahu/note", Value::from(text.as_str())).await;
    assert_eq!(done, Outcome::Confirmed { readback: Value::from(text.as_str()) });
    assert_eq!(peer.ask("get characterstring-value,1 presentValue"), text);
    handle.stop().await;
    let long = "x".repeat(700);
    assert_eq!(peer.ask(&format!("set characterstring-value,1 {long}")), "ok");
    let handle = house.start(
        "parts",
        &connection(port, "", "long = { at = \"CSV1\" }\n").replace("at = \"ahu\"", "at = \"parts\""),
    );
    eventually("in parts", || house.last("parts/long").value == Value::Text(long.clone().into())).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_found_through_a_bbmd() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = device(&python, port, &["bbmd"]);
    let house = House::new();
    let text = format!(
        "kind = \"bacnet-ip\"\nbbmd = {{ host = \"127.0.0.1\", port = {port}, lifetime = \"10s\" }}\nscan = {{ normal = \"200ms\" }}\n\n[device.ahu]\ninstance = 1001\nat = \"ahu\"\n\n[device.ahu.tags]\nsupply = {{ at = \"AI1\" }}\n"
    );
    let handle = house.start("py", &text);
    eventually("read", || house.last("ahu/supply").value == Value::F64(21.5)).await;
    assert_eq!(peer.ask("foreign"), "1");
    handle.stop().await;
    let nobody =
        text.replace(&port.to_string(), &free_port().to_string()).replace("at = \"ahu\"", "at = \"none\"");
    let handle = house.start("none", &nobody);
    eventually("bad", || house.last("none/supply").status.is_bad()).await;
    eventually("said", || format!("{:?}", handle.status()).contains("the BBMD at 127.0.0.1")).await;
    handle.stop().await;
}

async fn browse(text: &str) -> Draft {
    let document = Document::parse("connections/ahu.toml", text).unwrap();
    let context = Context::new("ahu", Path::new("acme/leeds").unwrap(), "");
    let browser = BROWSERS.iter().find(|browser| browser.kind == "bacnet-ip").unwrap();
    let drafted = (browser.browse)(&document, &context, SystemClock::shared().now()).await;
    drafted.unwrap_or_else(|why| panic!("{why:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_found_looked_at_and_the_draft_works() {
    let Some(python) = python() else { return };
    for options in [&["objects=70"][..], &["objects=70", "max-apdu=480", "no-segments"]] {
        let port = free_port();
        let _peer = device(&python, port, options);
        let ask = Ask {
            targets: vec!["127.0.0.1".into()],
            protocols: vec!["bacnet-ip".into()],
            ports: BTreeMap::from([("bacnet-ip".into(), vec![port])]),
            timeout: Duration::from_secs(5),
            pause: Duration::from_millis(1),
            ..Ask::default()
        };
        let desk = Desk::new(PROBES, SystemClock::shared());
        let plan = desk.plan(&ask, &[]).await.unwrap();
        assert_eq!(plan.packets_most(), 7);
        let scan = desk.begin(plan, 7, "test").unwrap();
        desk.run(&scan).await;
        let found = scan.snapshot().found;
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(one.words(), "Ironbridge tests bacpypes3, firmware 0.1");
        assert_eq!((one.place.as_str(), one.name.as_str()), ("device 1001", "Air handling 1"));
        let probe = PROBES.iter().find(|probe| probe.name == "bacnet-ip").unwrap();
        let first =
            draft(&found, 0, probe, Wish { name: Some("ahu"), profile: None }, std::path::Path::new(""))
                .unwrap();
        let whole = browse(&first.text).await;
        assert!(
            whole.mistakes.is_empty() && whole.tags == 79,
            "{} {:?}\n{}",
            whole.tags,
            whole.mistakes,
            whole.text
        );
        for line in [
            "Supply-air = { at = \"analog-input 1\", unit = \"Cel\", range = [-20, 60], name = \"Supply air\", description = \"behind the heater\" }\n",
            "Set-point = { at = \"analog-value 3\", unit = \"Cel\" }   # takes commands: priority = 10, write = { }\n",
            "Filter = { at = \"binary-input 1\", states = { 0 = \"clean\", 1 = \"dirty\" } }\n",
            "Mode = { at = \"multi-state-value 1\", states = { 1 = \"Off\", 2 = \"Heat\", 3 = \"Cool\" } }",
            "unit = \"%\", name = \"Sensor number 69 of the very long corridor\" }\n",
        ] {
            assert!(whole.text.contains(line), "lacks {line}: {}", whole.text);
        }
        let house = House::new();
        let handle = house.start("ahu", &whole.text);
        eventually("read", || house.last("ahu/bacpypes3/Mode").value == Value::U64(2)).await;
        eventually("read", || {
            house.last("ahu/bacpypes3/Sensor-number-69-of-the-very-long-corridor").value == Value::F64(69.0)
        })
        .await;
        handle.stop().await;
    }
}

/// Thirty devices at ten addresses; every third one is silent, refuses or lies. The sound ones lose no scan.
#[tokio::test(flavor = "multi_thread")]
async fn bad_devices_harm_no_good_ones_over_real_sockets() {
    let house = House::new();
    let (mut servers, mut handles) = (Vec::new(), Vec::new());
    for address in 0..10u32 {
        let conduct = |number: u32| match number {
            0 if address < 8 => Conduct::Lie(LIES[address as usize]),
            0 if address == 8 => Conduct::Silent,
            0 => Conduct::Refuse(0, 25),
            _ => Conduct::Sound,
        };
        let (mut site, mut text) = (Site::default(), String::new());
        for number in 0..3u32 {
            let objects = [(ObjectId::new(0, 1), Object::new("t", Wire::Real(1.5)))];
            let device = Arc::new(Device::new(100 * address + number, Rules::default(), objects));
            device.set_conduct(conduct(number));
            site = site.with(5, &[number as u8], device);
            text.push_str(&format!(
                "[device.d{number}]\ninstance = {}\nnetwork = 5\naddress = \"{number}\"\nat = \"a{address}/d{number}\"\n[device.d{number}.tags]\nt = {{ at = \"AI1\" }}\n",
                100 * address + number
            ));
        }
        let server = listen(([127, 0, 0, 1], 0).into(), site).await.unwrap();
        let head = format!(
            "kind = \"bacnet-ip\"\nhost = \"127.0.0.1\"\nport = {}\ntimeout = \"300ms\"\nscan = {{ normal = \"200ms\" }}\n",
            server.address().port()
        );
        handles.push(house.start(&format!("a{address}"), &format!("{head}{text}")));
        servers.push(server);
    }
    for address in 0..10 {
        for number in 1..3 {
            let path = format!("a{address}/d{number}/t");
            eventually(&path, || house.last(&path).status == Status::GOOD).await;
        }
    }
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        for (address, number) in (0..10).flat_map(|address| [(address, 1), (address, 2)]) {
            let last = house.last(&format!("a{address}/d{number}/t"));
            assert_eq!((last.status, last.value), (Status::GOOD, Value::F64(1.5)), "a{address}/d{number}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for address in 0..10 {
        let last = house.last(&format!("a{address}/d0/t"));
        // A second answer to the same question is nobody's.
        assert!(last.status.is_bad() || address == 7, "a{address}: {last:?}");
    }
    for handle in handles {
        handle.stop().await;
    }
}
