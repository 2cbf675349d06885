//! The model of a plant, read by libraries of others.

use crate::harness::{Plant, Python};
use serde_json::{Value as Json, json};

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
        "description = \"Steam & more\"\nextends = \"Machine\"\n\n[points]\nPressure = { type = \"number\", unit = \"bar\", range = [0, 16] }\nLevel = { type = \"number\", unit = \"%\", required = false }\n",
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
    std::fs::write(&file, plant.say(&["export", format, "."])).unwrap();
    let words: Vec<&str> = file.to_str().into_iter().chain(more.iter().copied()).collect();
    let out = python.run(script, &words);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(serde_json::from_slice(&out.stdout).unwrap())
}

#[test]
fn basyx_reads_the_shells() {
    let Some(said) = read("aas", "aas_read.py", &[]) else { return };
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
    assert_eq!(said["entities"], json!([format!("{}:asset", urn(boiler))]), "the boiler stands in the house");
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
