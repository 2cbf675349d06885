//! The model of a plant, read by libraries of others.

use crate::harness::{Plant, Python};
use crate::modbus::latest;
use serde_json::{Value as Json, json};
use std::path::Path;

const CONNECTION: &str = r#"kind = "modbus-tcp"
host = "127.0.0.1"

[device.plc.tags]
pressure = { at = "40001", type = "u16", unit = "kPa", range = [0, 1600], write = { max = 1200 } }
level    = { at = "40002", type = "u16", unit = "%" }
state    = { at = "40003", type = "u16" }
"4th-door" = { at = "40004.1", type = "bool", description = "open <or> \"shut\" & locked" }
"#;

fn plant() -> Plant {
    let plant = Plant::new("");
    plant.write("connections/steam.toml", CONNECTION);
    plant.write("types/Machine.toml", "[points]\nState = { type = \"whole\" }\n");
    plant.write(
        "types/Boiler.toml",
        "description = \"Steam & more\"\nextends = \"Machine\"\n\n[points]\nPressure = { type = \"number\", unit = \"bar\", range = [0, 16] }\nLevel = { type = \"number\", unit = \"%\", required = false }\n\n[parts]\nBurner = { type = \"Machine\", required = false }\n",
    );
    plant.write("assets/house.toml", "type = \"House\"\npath = \"hall-1/house\"\nlevel = \"area\"\n");
    plant.write(
        "assets/boiler.toml",
        "type = \"Boiler\"\npath = \"hall-1/house/boiler\"\nname = \"Boiler \u{df}\"\n\n[bind]\nPressure = \"steam.plc.pressure\"\nState = \"steam.plc.state\"\n\"4th-door\" = \"steam.plc.4th-door\"\n",
    );
    plant
}

/// What a peer's script says of an exported file; `None` where there are no peers.
fn read(format: &str, script: &str, more: &[&str]) -> Option<Json> {
    let (python, plant) = (Python::find()?, plant());
    let file = plant.dir().join(format!("model.{format}"));
    let exported = plant.cli(&["export", format, "."]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    std::fs::write(&file, exported.stdout).unwrap();
    let words: Vec<&str> = file.to_str().into_iter().chain(more.iter().copied()).collect();
    let out = python.run(script, &words);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(serde_json::from_slice(&out.stdout).unwrap())
}

#[test]
fn basyx_reads_the_shells() {
    for format in ["aas", "aasx"] {
        if let Some(said) = read(format, "aas_read.py", &[]) {
            shells_are_ours(&said);
        }
    }
}

fn shells_are_ours(said: &Json) {
    let urn = |what: &str| format!("urn:ironbridge:acme:leeds:{what}");
    let boiler = "acme/leeds/hall-1/house/boiler";
    assert_eq!(said["shells"][urn(boiler)], json!(["INSTANCE", urn("type:Boiler")]));
    assert_eq!(said["shells"][urn("type:Machine")], json!(["TYPE", null]));
    assert_eq!(
        said["properties"][format!("{boiler}/Pressure")],
        json!(["float", "bar"]),
        "in the unit of its type"
    );
    assert_eq!(said["properties"][format!("{boiler}/4th-door")], json!(["bool", null]));
    assert_eq!(
        said["templates"][format!("{}:points/State", urn("type:Boiler"))],
        json!(["Long", null]),
        "inherited"
    );
    let entities = json!([format!("{}:asset", urn("type:Machine")), format!("{}:asset", urn(boiler))]);
    assert_eq!(said["entities"], entities, "a boiler has a burner; the boiler stands in the house");
    let facts = &said["facts"][format!("{}:points", urn(boiler))];
    assert_eq!(
        (&facts["Path"], &facts["Type"], &facts["Level"]),
        (&json!(boiler), &json!("Boiler"), &json!("work-unit"))
    );
    assert_eq!(said["properties"].as_object().unwrap().len(), 4);
}

#[test]
fn asyncua_serves_the_nodeset() {
    let Some(said) = read("nodeset2", "nodeset_read.py", &["urn:ironbridge:acme:leeds:model"]) else {
        return;
    };
    assert_eq!(said["types"], json!({"Machine": "BaseObjectType", "Boiler": "Machine"}));
    let boiler = "acme/leeds/hall-1/house/boiler";
    assert_eq!(said["objects"][boiler], "Boiler");
    assert_eq!(said["objects"]["acme/leeds/hall-1"], "FolderType");
    let pressure =
        json!({"type": "Double", "unit": ["bar", 4_342_098], "range": [0.0, 16.0], "writable": true});
    assert_eq!(said["variables"][format!("{boiler}/Pressure")], pressure);
    let door = json!({"type": "Boolean", "unit": null, "range": null, "writable": false});
    assert_eq!(said["variables"][format!("{boiler}/4th-door")], door);
    assert_eq!(said["variables"].as_object().unwrap().len(), 4, "{said}");
}

/// A plant folder into which drafts of a model are put, as a person would after reading them.
fn drafted(file: &Path, words: &[&str]) -> (Plant, String) {
    let plant = Plant::new("");
    plant.write("connections/plc.toml", CONNECTION);
    let file = file.to_str().unwrap();
    let all: Vec<&str> =
        ["import", file, "--drafts", "drafts"].into_iter().chain(words.iter().copied()).collect();
    let out = plant.cli(&all);
    let told = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{told}");
    assert!(!told.contains("to mend"), "{told}");
    for folder in ["types", "assets"] {
        let from = plant.dir().join("drafts").join(folder);
        std::fs::rename(from, plant.dir().join(folder)).unwrap();
    }
    (plant, told)
}

fn file(plant: &Plant, name: &str) -> String {
    std::fs::read_to_string(plant.dir().join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

#[test]
fn packages_of_basyx_become_drafts() {
    let Some(python) = Python::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    for form in ["json", "xml"] {
        let package = folder.path().join(format!("{form}.aasx"));
        let written = python.run("aas_write.py", &[package.to_str().unwrap(), form]);
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let (plant, told) = drafted(&package, &[]);
        let of = file(&plant, "types/Feed_pump.toml");
        for part in [
            "Flow = { type = \"number\", unit = \"m3/h\", description = \"Volume flow at the outlet\" }",
            "Motor_Running = { type = \"bool\" }",
            "Motor_Speed = { type = \"whole\", unit = \"1/min\"",
        ] {
            assert!(of.contains(part), "{form}: {part}: {of}");
        }
        let asset = file(&plant, "assets/feed_pump_1.toml");
        for part in ["# SerialNumber: P-4711", "type = \"Feed_pump\"", "name = \"Feed pump 1\"", "# Flow = "]
        {
            assert!(asset.contains(part), "{form}: {part}: {asset}");
        }
        assert!(told.contains("has no counterpart here"), "{form}: what is left out is said: {told}");
    }
}

#[test]
fn a_nodeset_of_asyncua_becomes_a_plant() {
    let Some(python) = Python::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("mixers.xml");
    let written = python.run("nodeset_write.py", &[nodes.to_str().unwrap()]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let (mut plant, told) = drafted(&nodes, &[]);
    assert!(told.contains("`Curve`: it is a list of values"), "{told}");
    let mixer = file(&plant, "types/MixerType.toml");
    for part in [
        "extends = \"MachineType\"",
        "Speed = { type = \"number\", unit = \"/min\", range = [0, 120.5] }",
        "Lid = { type = \"bool\", required = false }",
        "Temperature = { type = \"number\", required = false, description = \"Of the \\\"mash\\\" & more\" }",
    ] {
        assert!(mixer.contains(part), "{part}: {mixer}");
    }
    let states = "State = { type = \"whole\", states = { 0 = \"Idle\", 6 = \"Execute\" } }";
    assert!(
        file(&plant, "types/MachineType.toml").contains(states),
        "{}",
        file(&plant, "types/MachineType.toml")
    );
    let asset = file(&plant, "assets/mixer-1.toml");
    assert!(asset.contains("path = \"Hall-2/Mixer-1\"\nname = \"Mixer 1\""), "{asset}");

    // Nothing is guessed: the contract says what is missing, and how to write it.
    let check = plant.cli(&["check", "."]);
    let said = String::from_utf8_lossy(&check.stderr).into_owned() + &String::from_utf8_lossy(&check.stdout);
    assert!(
        !check.status.success()
            && said.contains("has the point `Speed`")
            && said.contains("connection.device.tag"),
        "{said}"
    );
    let bound = asset
        .replace("# Speed = \"connection.device.tag\"", "Speed = \"plc.plc.level\"")
        .replace("# State = \"connection.device.tag\"", "State = \"plc.plc.state\"");
    plant.write("assets/mixer-1.toml", &bound);
    let said = plant.cli(&["check", "."]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("is in /min, but its tag is in %"), "{said}");
    plant.write("connections/plc.toml", &CONNECTION.replace("unit = \"%\"", "unit = \"/s\""));
    plant.say(&["check", "."]);
    plant.start();
    let speed = latest(&plant, "acme/leeds/Hall-2/Mixer-1/Speed", |point| point["good"] == false);
    assert_eq!(speed["unit"], "/min");
}
