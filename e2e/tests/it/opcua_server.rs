//! The plant as an OPC UA server, as its page in docs/ says, read by asyncua: refused, trusted by a person (at the command line,
//! on the page in a browser), read; what happens is told.

use crate::first_hour::walk_on;
use crate::harness::{Plant, Python, Talker, free_port, listening, wait_for};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// asyncua as a client, steered by lines.
fn asyncua(python: &Python, port: u16, folder: &Path) -> Talker {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/serve/tests/peers/asyncua_client.py");
    let (program, script) = python.paths(script);
    Talker::start(Command::new(program).arg(script).arg(format!("opc.tcp://127.0.0.1:{port}")).arg(folder))
}

/// The first example of the page.
fn example() -> String {
    let page = include_str!("../../../docs/opcua-server.md");
    let (_, after) = page.split_once("```toml\n").unwrap();
    after.split_once("```").unwrap().0.to_owned()
}

/// A plant with the server of the page's example, and its port.
fn served() -> (Plant, u16) {
    let port = free_port();
    let mut plant = Plant::new(&example().replace("4840", &port.to_string()));
    plant.start();
    listening("the OPC UA port", port);
    (plant, port)
}

/// A token for programs, as `connect` of the client takes it.
fn connect(plant: &Plant) -> String {
    let wish = json!({"name": "scada", "role": "viewer"});
    let token = plant.local().post("/api/tokens", &wish).ok()["token"].as_str().unwrap().to_owned();
    format!("connect scada {token} Aes256_Sha256_RsaPss")
}

/// A plant, and a client with its folder that was refused as a stranger, and what it connects with.
fn refused() -> Option<(Plant, TempDir, Talker, String)> {
    let python = Python::find()?;
    let (plant, port) = served();
    let folder = tempfile::tempdir().unwrap();
    let mut client = asyncua(&python, port, folder.path());
    let connect = connect(&plant);
    assert!(client.ask(&connect)["error"].is_string(), "a stranger is refused");
    Some((plant, folder, client, connect))
}

#[test]
fn a_client_is_refused_trusted_and_reads_the_plant() {
    let Some((mut plant, _folder, mut client, connect)) = refused() else { return };
    let known = plant.local().get("/api/certificates").ok();
    let one = &known["certificates"][0];
    assert_eq!((&one["of"], &one["standing"]), (&json!("client"), &json!("rejected")), "{known}");
    assert_eq!(one["uri"], "urn:asyncua:client");
    let said = plant.say(&["trust", one["thumbprint"].as_str().unwrap()]);
    assert!(said.contains("it can connect now"), "{said}");
    assert_eq!(client.ask(&connect), "ok");
    let up = client.ask("browse ns=2;s=_ironbridge");
    let first = up.as_array().unwrap().iter().find(|one| one[1] == "Variable" || one[1] == "Object");
    assert!(first.is_some(), "{up}");
    // What happens is told: here the change that an apply writes down.
    assert_eq!(client.ask("hear i=2253 ns=2;s=event:PlantEventType 100"), "ok");
    plant.write("types/Machine.toml", "[points]\nState = { type = \"whole\" }\n");
    plant.say(&["apply", "."]);
    let mut heard: Vec<Json> = Vec::new();
    let change = wait_for("the change", Duration::from_secs(60), || {
        heard.extend(client.ask("heard").as_array().unwrap().iter().cloned());
        heard.iter().find(|one| one["Kind"] == "change").cloned()
    });
    assert!(change["Message"].as_str().is_some_and(|text| !text.is_empty()), "{change}");
    assert_eq!(client.ask("leave"), "ok");
    plant.stop();
}

#[test]
fn a_client_is_trusted_on_the_page() {
    let Some((mut plant, folder, mut client, connect)) = refused() else { return };
    let certificate = folder.path().join("cert.der").display().to_string();
    walk_on("trust_client.mjs", &plant.link(), plant.dir(), &[&certificate]);
    assert_eq!(client.ask(&connect), "ok");
    assert_eq!(client.ask("leave"), "ok");
    plant.stop();
}
