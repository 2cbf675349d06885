//! Every profile builds, and reads what a device with exactly its registers holds.

use crate::support::{House, eventually};
use model::{Status, Value};
use std::net::Ipv4Addr;
use std::sync::Arc;
use twin::modbus::{Bank, Framing, SharedBank, Station, Unit, listen};

/// One point as the file says it, read without the code under test.
struct Point {
    name: String,
    input: bool,
    address: u16,
    kind: String,
    swapped: bool,
    scale: f64,
}

fn points(text: &str) -> Vec<Point> {
    let table: toml::Table = text.parse().unwrap();
    let text =
        |tag: &toml::Value, key: &str| tag.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    table["tags"]
        .as_table()
        .unwrap()
        .iter()
        .map(|(name, tag)| {
            let at = text(tag, "at");
            let (input, address) = match at.split_once(' ') {
                Some((table, offset)) => (table == "input", offset.parse().unwrap()),
                None => (at.starts_with('3'), at[1..].parse::<u16>().unwrap() - 1),
            };
            let scale = tag.get("scale").map_or(1.0, |scale| {
                scale.as_float().or_else(|| scale.as_integer().map(|whole| whole as f64)).unwrap()
            });
            let swapped = text(tag, "order") == "CDAB";
            Point { name: name.clone(), input, address, kind: text(tag, "type"), swapped, scale }
        })
        .collect()
}

/// Big-endian words of a raw number, by hand, and the number.
fn words(kind: &str, number: i32) -> (Vec<u16>, f64) {
    let bytes = match kind {
        "i16" => (number as i16).to_be_bytes().to_vec(),
        "u16" => (number as u16).to_be_bytes().to_vec(),
        "i32" => number.to_be_bytes().to_vec(),
        "u32" => (number as u32).to_be_bytes().to_vec(),
        "i64" => i64::from(number).to_be_bytes().to_vec(),
        "u64" => (number as u64).to_be_bytes().to_vec(),
        "f32" => (number as f32 + 0.5).to_be_bytes().to_vec(),
        "f64" => (f64::from(number) + 0.5).to_be_bytes().to_vec(),
        other => panic!("{other}"),
    };
    let words = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    (words, f64::from(number) + if kind.starts_with('f') { 0.5 } else { 0.0 })
}

#[tokio::test]
async fn every_profile_reads_its_device() {
    let folder = format!("{}/../../profiles", env!("CARGO_MANIFEST_DIR"));
    let house = House::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    assert!(files.len() >= 10);
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let points = points(&std::fs::read_to_string(&file).unwrap());
        let mut bank = Bank::default();
        let mut expected = Vec::new();
        for (number, point) in points.iter().enumerate() {
            let (mut words, raw) = words(&point.kind, 1_000 + number as i32);
            if point.swapped {
                words.reverse();
            }
            let table = if point.input { &mut bank.input } else { &mut bank.holding };
            table.put(point.address, &words);
            expected.push((format!("{name}/{}", point.name), raw * point.scale));
        }
        let unit = Arc::new(Unit::new(Arc::new(SharedBank::new(bank))));
        let station = Station::new(1).with(1, unit);
        let server = listen((Ipv4Addr::LOCALHOST, 0).into(), Framing::Tcp, station).await.unwrap();
        let text = format!(
            "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {}\nscan = {{ normal = \"100ms\" }}\n\
             [device.meter]\nunit = 1\nat = \"{name}\"\nprofile = \"{name}\"\n",
            server.address().port()
        );
        let handle = house.start(&name, &text);
        eventually(&format!("all points of {name}"), || {
            expected.iter().all(|(path, _)| house.last(path).status == Status::GOOD)
        })
        .await;
        for (path, number) in &expected {
            let last = house.last(path);
            let value = match last.value {
                Value::F64(value) => value,
                Value::I64(value) => value as f64,
                Value::U64(value) => value as f64,
                other => panic!("{path}: {other:?}"),
            };
            assert!((value - number).abs() <= number.abs() * 1e-12, "{path}: {value} instead of {number}");
        }
        handle.stop().await;
    }
}
