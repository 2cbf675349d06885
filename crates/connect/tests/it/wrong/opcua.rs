//! OPC UA with asyncua: certificates, passwords, encryption, nodes, types, limits.

use super::{Row, Table};
use crate::support::{House, Peer, free_port, peer_file, python};
use model::Status;
use std::path::Path;

/// A server with its own folder, and so its own certificate.
fn server(python: &str, folder: &Path, options: &[&str]) -> (Peer, u16) {
    let (port, folder) = (free_port(), folder.display().to_string());
    let (script, number) = (peer_file("asyncua_server.py"), port.to_string());
    let mut words = vec![script.as_str(), &number, &folder];
    words.extend(options);
    (Peer::spawn(python, &words), port)
}

/// What a person does after comparing thumbprints.
fn trust(house: &House, folder: &Path, name: &str) {
    let trusted = house.data().join("opc-ua/trusted");
    std::fs::create_dir_all(&trusted).unwrap();
    std::fs::copy(folder.join("cert.der"), trusted.join(format!("{name}.der"))).unwrap();
}

fn file(port: u16, head: &str, tags: &str) -> String {
    format!(
        "kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{port}/plc/\"\nscan = {{ normal = \"200ms\" }}\n{head}\n\
         [device.press]\nnamespace = \"http://vendor.com/plc\"\nat = \"HOME\"\n[device.press.tags]\n\
         steady = {{ at = \"s=Press.steady\", type = \"f64\" }}\n{tags}"
    )
}

/// What a file gets wrong about nodes, at a server that is sound.
fn nodes(sound: u16) -> Vec<Row> {
    vec![
        Row::new(
            "a node that is not there",
            file(sound, "", "x = { at = \"s=Press.nope\", type = \"f64\" }\n"),
        )
        .says("BadNodeIdUnknown")
        .bad("x", Status::BAD_CONFIGURATION_ERROR),
        Row::new(
            "a namespace that is not there",
            file(sound, "", "x = { at = \"nsu=urn:nobody;s=x\", type = \"f64\" }\n"),
        )
        .says("no namespace urn:nobody; it has")
        .bad("x", Status::BAD_CONFIGURATION_ERROR),
        Row::new("another type", file(sound, "", "x = { at = \"s=Press.string\", type = \"f64\" }\n"))
            .says("/x: BadTypeMismatch")
            .bad("x", Status::BAD_TYPE_MISMATCH),
        Row::new(
            "a number that the type does not hold",
            file(sound, "", "x = { at = \"s=Press.int16\", type = \"u64\" }\n"),
        )
        .says("/x: BadOutOfRange")
        .bad("x", Status::BAD_OUT_OF_RANGE),
        Row::new(
            "an element that is not there",
            file(sound, "", "x = { at = \"s=Press.zones\", element = 8, type = \"f64\" }\n"),
        )
        .says("/x: BadIndexRangeNoData")
        .bad("x", Status::BAD_INDEX_RANGE_NO_DATA),
        Row::new(
            "a member that is not there",
            file(sound, "", "x = { at = \"s=Press.motor\", member = \"volts\", type = \"f64\" }\n"),
        )
        .says("volts")
        .bad("x", Status::BAD_CONFIGURATION_ERROR),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn opc_ua() {
    let Some(python) = python() else { return };
    let (table, folder) = (Table::new().await, tempfile::tempdir().unwrap());
    let home = |name: &str| folder.path().join(name);
    let (_sound, sound) = server(&python, &home("sound"), &["structures"]);
    let (_stranger, stranger) = server(&python, &home("stranger"), &[]);
    let (_locked, locked) = server(&python, &home("locked"), &["users"]);
    let (_open, open) = server(&python, &home("open"), &["policies=none"]);
    let (_old, old) = server(&python, &home("old"), &["policies=basic256sha256"]);
    // It says that it takes one node a request, which it does not keep to.
    let (_small, small) = server(&python, &home("small"), &["limit=1", "many=10"]);
    ["sound", "locked", "old", "small"].iter().for_each(|name| trust(&table.house, &home(name), name));
    let many: String = (0..10)
        .map(|number| format!("n{number} = {{ at = \"s=Press.n{number}\", type = \"f64\" }}\n"))
        .collect();
    let user = |secret: &str| format!("user = \"anna\"\npassword = {{ secret = \"{secret}\" }}");
    let mut rows = nodes(sound);
    rows.extend([
        Row::new("as it should be", file(sound, "", "")),
        Row::new("a certificate that nobody has trusted yet", file(stranger, "", ""))
            .lost()
            .says("the server's certificate is not trusted yet")
            .says("ironbridge trust"),
        Row::new("a wrong password", file(locked, &user("wrong"), ""))
            .lost()
            .says("does not accept the user name, password")
            .says("Check certificates, user name and password"),
        Row::new("a password that was never set", file(locked, &user("nowhere"), ""))
            .lost()
            .says("ironbridge secret set nowhere")
            .says("Run this command on the gateway"),
        Row::new("no user where one is asked for", file(locked, "", ""))
            .lost()
            .says("set `user` and `password`"),
        Row::new("a server without encryption", file(open, "", "")).lost().says("it offers: none"),
        Row::new("a policy that it does not offer", file(old, "security = \"Aes256_Sha256_RsaPss\"", ""))
            .lost()
            .says("it offers: Basic256Sha256"),
        Row::new("a server that lies about its limits", file(small, "", &many)),
    ]);
    table.holds(rows, &[("wrong", "sardine")]).await;
}
