//! What destinations send keeps the schema that they publish: held against it by readers that nobody here wrote.

use crate::docs::blocks;
use crate::harness::{Broker, Plant, Python, free_port, wait_for};
use crate::modbus::plant_with_pymodbus;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

/// The schema of a destination, in the version asked for.
fn schema(plant: &Plant, name: &str, version: &str) -> Json {
    plant.local().get(&format!("/api/destinations/{name}/schema{version}")).ok()
}

/// Time in nanoseconds and value of each sample of the counter in the records of a reader.
fn counts(records: &Json) -> HashMap<String, Json> {
    let all = records.as_array().unwrap().iter().map(|record| &record["value"]);
    let counter = all.filter(|value| value["path"] == "acme/leeds/packaging/line-1/filler/count");
    counter.map(|value| (value["time"].to_string(), value["value"].clone())).collect()
}

#[test]
fn every_shape_of_the_page_keeps_its_schema() {
    let (Some(broker), Some(python)) = (Broker::start(), Python::find()) else { return };
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let hook = free_port();
    let mut names = Vec::new();
    for (info, text) in blocks(include_str!("../../../docs/payloads.md")) {
        let Some((_, file)) = info.split_once(" file=") else { continue };
        plant.write(file, &text.replace("192.0.2.70", &format!("127.0.0.1:{}", broker.port)));
        names.push(file.trim_start_matches("destinations/").trim_end_matches(".toml").to_owned());
    }
    assert_eq!(names.len(), 6, "{names:?}");
    for shape in ["json", "flat-json", "nested-json", "sparkplug", "avro", "protobuf"] {
        let file = format!(
            "kind = \"webhook\"\nurl = \"http://127.0.0.1:{hook}/hook-{shape}\"\nselect = [\"packaging/**\"]\nsamples = true\nsamples_as = \"{shape}\"\n"
        );
        plant.write(&format!("destinations/hook-{shape}.toml"), &file);
        names.push(format!("hook-{shape}"));
    }
    let told = plant.dir().join("told");
    std::fs::create_dir(&told).unwrap();
    let (program, script) = python.paths("contract_reader.py");
    let reader = std::process::Command::new(program)
        .arg(script)
        .args([&broker.port.to_string(), &hook.to_string(), told.to_str().unwrap(), "40"])
        .args(&names)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    plant.start();
    for name in &names {
        let path = told.join(format!("{name}.json"));
        let partly = path.with_extension("part");
        std::fs::write(&partly, schema(&plant, name, "").to_string()).unwrap();
        std::fs::rename(partly, path).unwrap();
    }
    let done = reader.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let read: Json = serde_json::from_slice(&done.stdout).unwrap();
    // The same samples in two encodings.
    let (avro, protobuf) = (counts(&read["shape-avro"]), counts(&read["shape-protobuf"]));
    let both: Vec<&String> = avro.keys().filter(|time| protobuf.contains_key(*time)).collect();
    assert!(both.len() > 5, "{} and {} samples", avro.len(), protobuf.len());
    assert!(both.iter().all(|time| avro[*time] == protobuf[*time]), "{avro:?} {protobuf:?}");
    let last = |name: &str| read[name].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last("shape-sparkplug")["value"]["packaging/line-1/filler/level"], 12.5);
    assert_eq!(last("shape-flat")["value"]["level"], 12.5);
    assert_eq!(last("shape-nested")["value"]["packaging"]["line-1"]["filler"]["level"], 12.5);
    let listed = last("hook-flat-json")["value"]["samples"][0].clone();
    assert_eq!(listed["_place"], "acme/leeds/packaging/line-1/filler", "{listed}");
    assert!(last("hook-avro")["place"].as_str().unwrap().starts_with("acme/leeds/packaging/"));
    plant.stop();
}

#[test]
fn a_change_of_shape_is_a_version_and_the_old_one_stays() {
    let Some((mut plant, _server, _)) = plant_with_pymodbus("") else { return };
    let file = |plant: &Plant, format: &str| {
        let text =
            format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\nformat = \"{format}\"\n", free_port());
        plant.write("destinations/hq.toml", &text);
    };
    file(&plant, "avro");
    plant.start();
    let first = schema(&plant, "hq", "");
    assert_eq!(
        (&first["version"], &first["format"], &first["until"]),
        (&json!(1), &json!("avro"), &Json::Null)
    );
    file(&plant, "flat-json");
    plant.say(&["apply", "."]);
    let second = wait_for("the second version", Duration::from_secs(30), || {
        Some(schema(&plant, "hq", "")).filter(|told| told["version"] == 2)
    });
    assert_eq!(second["messages"][0]["place"], "topic acme/leeds/packaging/line-1/filler");
    let flat: Json = serde_json::from_str(second["messages"][0]["schema"].as_str().unwrap()).unwrap();
    assert_eq!(flat["properties"]["valve"]["type"], json!(["boolean", "null"]), "{flat}");
    // A point more is another shape.
    let connection = plant.dir().join("connections/line-1.toml");
    let text = std::fs::read_to_string(&connection).unwrap();
    std::fs::write(&connection, text + "speed = { at = \"holding 201\", type = \"u16\", scan = \"fast\" }\n")
        .unwrap();
    plant.say(&["apply", "."]);
    let third = wait_for("the third version", Duration::from_secs(30), || {
        Some(schema(&plant, "hq", "")).filter(|told| told["version"] == 3)
    });
    assert!(third["messages"][0]["schema"].as_str().unwrap().contains("\"speed\""), "{third}");
    plant.kill();
    plant.start();
    let again = schema(&plant, "hq", "?version=1");
    assert_eq!((&again["messages"], &again["until"]), (&first["messages"], &second["since"]));
    let now = schema(&plant, "hq", "");
    assert_eq!((&now["version"], now["versions"].as_array().map(Vec::len)), (&json!(3), Some(3)), "{now}");
    let missing = plant.local().get("/api/destinations/hq/schema?version=9");
    assert_eq!(missing.status, 404);
    let avro: Json = serde_json::from_str(&plant.say(&[
        "destination",
        "schema",
        "hq",
        "--version",
        "1",
        "--of",
        "sample",
    ]))
    .unwrap();
    assert_eq!(avro["name"], "ironbridge.v1.Sample");
    assert!(plant.say(&["destination", "schema", "hq"]).contains("schema (json-schema):"));
    plant.stop();
}
