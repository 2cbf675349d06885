//! Web services: Python's own HTTP server.

use super::{Row, Table};
use crate::support::{Peer, free_port, peer_file, python};
use model::Status;

const CONFIGURATION: Status = Status::BAD_CONFIGURATION_ERROR;

fn text(scheme: &str, port: u16, head: &str, tags: &str) -> String {
    format!(
        "kind = \"http\"\nurl = \"{scheme}://127.0.0.1:{port}\"\ntimeout = \"1s\"\nmax_body = 2000\nscan = {{ normal = \"200ms\" }}\n{head}\n\
         [device.m]\nat = \"HOME\"\n[device.m.tags]\ngood = {{ at = \"/ok#/v\", type = \"f64\" }}\n{tags}"
    )
}

/// What a file gets wrong about documents, at a service that is sound.
fn documents(port: u16) -> Vec<Row> {
    let with = |at: &str, kind: &str| {
        text("http", port, "", &format!("x = {{ at = \"{at}\", type = \"{kind}\" }}\n"))
    };
    vec![
        Row::new("a path that is not there", with("/nowhere#/v", "f64"))
            .says("/nowhere#/v f64: 404 Not Found: the server has nothing at this path")
            .bad("x", CONFIGURATION),
        Row::new("a path that is forbidden", with("/refused#/v", "f64")).says("403").bad("x", CONFIGURATION),
        Row::new("a path that has moved", with("/moved#/v", "f64"))
            .says("points to /elsewhere")
            .bad("x", CONFIGURATION),
        Row::new("a service that fails", with("/ill#/v", "f64"))
            .says("500")
            .bad("x", Status::BAD_DEVICE_FAILURE),
        Row::new("an answer that is no JSON", with("/broken#/v", "f64"))
            .says("no JSON")
            .bad("x", Status::BAD_DECODING_ERROR),
        Row::new("an answer that is too long", with("/long#/v", "text"))
            .says("max_body")
            .bad("x", CONFIGURATION),
        Row::new("a key that is not there", with("/ok#/nope", "f64"))
            .says("the answer has nothing there")
            .bad("x", CONFIGURATION),
        Row::new("another type", with("/ok#/text", "f64"))
            .says("there stands a text, not f64")
            .bad("x", CONFIGURATION),
        Row::new("a list, not a value", with("/ok#/list", "f64"))
            .says("there stands a list")
            .bad("x", CONFIGURATION),
        Row::new("null", with("/ok#/none", "f64")).says("/x: Bad").bad("x", Status::BAD),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn http() {
    let Some(python) = python() else { return };
    let (port, locked) = (free_port(), free_port());
    let mut peer = Peer::spawn(&python, &[&peer_file("http_server.py"), &port.to_string()]);
    let mut guarded = Peer::spawn(&python, &[&peer_file("http_server.py"), &locked.to_string()]);
    let folder = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("own.pem"), own.cert.pem()).unwrap();
    std::fs::write(file("own.key"), own.signing_key.serialize_pem()).unwrap();
    let tls = free_port();
    let _tls = Peer::spawn(
        &python,
        &[&peer_file("http_server.py"), &tls.to_string(), &file("own.pem"), &file("own.key")],
    );
    for line in [
        "put /ok {\"v\": 1.5, \"text\": \"abc\", \"none\": null, \"list\": [1]}",
        "put /broken {\"v\": ",
        &format!("put /long {{\"v\": \"{}\"}}", "x".repeat(5_000)),
        "status /refused 403",
        "status /moved 302",
        "status /ill 500",
    ] {
        assert_eq!(peer.ask(line), "ok");
    }
    assert_eq!(guarded.ask("token right"), "ok");
    assert_eq!(guarded.ask("put /ok {\"v\": 1.5}"), "ok");
    let bearer = |secret: &str| format!("bearer = {{ secret = \"{secret}\" }}");
    let mut rows = documents(port);
    rows.extend([
        Row::new("as it should be", text("http", port, "", "")),
        Row::new("a wrong token", text("http", locked, &bearer("wrong"), "")).lost().says("sign-in (401)"),
        Row::new("a token that was never set", text("http", locked, &bearer("nowhere"), ""))
            .lost()
            .says("ironbridge secret set nowhere"),
        Row::new("a certificate of nobody", text("https", tls, "", "")).lost().says("certificate"),
        Row::new("HTTPS where HTTP is spoken", text("https", port, "", "")).lost().says("Check"),
        Row::new("HTTP where HTTPS is spoken", text("http", tls, "", "")).lost().says("Check"),
    ]);
    Table::new().await.holds(rows, &[("wrong", "wrong")]).await;
}
