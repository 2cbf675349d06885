//! Python's own HTTP server as the device: documents, times, sign-in, TLS, and every way in which it may misbehave.

use crate::support::{House, Peer, eventually, free_port, peer_file, python};
use connect::south::status::State;
use model::{Status, Time, Value};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const TAGS: &str = r#"scan = { normal = "100ms" }
timeout = "500ms"
recheck = "2s"
max_body = 2000
[device.m]
at = "m"
time = "/at"
time_format = "ms"
[device.m.tags]
power = { at = "/status#/power", type = "f64" }
count = { at = "/status#/count", type = "u64", scale = 0.1 }
on = { at = "/status#/list/1/on", type = "bool" }
name = { at = "/status#/name", type = "text" }
none = { at = "/status#/none", type = "f64" }
nowhere = { at = "/status#/nowhere", type = "f64" }
other = { at = "/status#/name", type = "i64" }
untimed = { at = "/plain#/v", type = "i64" }
long = { at = "/long#/v", type = "i64" }
"#;

fn head(url: &str) -> String {
    format!("kind = \"http\"\nurl = \"{url}\"\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_feeds_many_points_with_their_own_time() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("http_server.py"), &port.to_string()]);
    let house = House::new();
    let at = house.clock().now().0 / 1_000_000;
    let document = |power: &str| {
        format!(
            "put /status {{\"at\": {at}, \"power\": {power}, \"count\": 878, \"list\": [0, {{\"on\": true}}], \"name\": \"Zähler\", \"none\": null}}"
        )
    };
    assert_eq!(peer.ask(&document("1.5")), "ok");
    assert_eq!(peer.ask("put /plain {\"v\": 7}"), "ok");
    assert_eq!(peer.ask(&format!("put /long {{\"v\": 7, \"x\": \"{}\"}}", "y".repeat(3_000))), "ok");
    let handle = house.start("m", &format!("{}{TAGS}", head(&format!("http://127.0.0.1:{port}"))));
    let value = |tag: &str| house.last(&format!("m/{tag}"));
    eventually("all values", || value("power").status.is_good() && value("untimed").value == Value::I64(7))
        .await;
    assert_eq!(value("power").value, Value::F64(1.5));
    assert_eq!(value("power").time, Time(at * 1_000_000), "the document's own time");
    assert_eq!(value("count").value, Value::F64(87.8));
    assert_eq!((value("on").value, value("name").value), (Value::Bool(true), Value::from("Zähler")));
    assert_eq!(value("untimed").status, Status::UNCERTAIN, "a time was promised and is missing");
    assert_eq!(value("none").status, Status::BAD);
    for tag in ["nowhere", "other", "long"] {
        assert_eq!(value(tag).status, Status::BAD_CONFIGURATION_ERROR, "{tag}");
    }
    eventually("three refused", || handle.status().devices[0].quarantined.len() == 3).await;
    let refused = format!("{:?}", handle.status().devices[0].quarantined);
    for words in ["nothing there", "a text, not i64", "max_body"] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    assert_eq!(handle.status().scans[0].requests, 3, "three paths");
    assert!(peer.ask("agent").starts_with("ironbridge/"));
    // It changes, and what it says of itself changes with it.
    assert_eq!(peer.ask(&document("-0.25")), "ok");
    eventually("the new value", || value("power").value == Value::F64(-0.25)).await;
    // A long answer that becomes short is read again after the re-check.
    assert_eq!(peer.ask("put /long {\"v\": 8}"), "ok");
    eventually("the short answer", || value("long").value == Value::I64(8)).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn misbehaviour_spoils_only_what_it_concerns() {
    let Some(python) = python() else { return };
    let port = free_port();
    let mut peer = Peer::spawn(&python, &[&peer_file("http_server.py"), &port.to_string()]);
    for path in ["/a", "/b"] {
        assert_eq!(peer.ask(&format!("put {path} {{\"v\": 1}}")), "ok");
    }
    let text = format!(
        "{}scan = {{ normal = \"100ms\" }}\ntimeout = \"300ms\"\nrecheck = \"1s\"\n[device.m]\nat = \"m\"\ntags = {{ a = {{ at = \"/a#/v\", type = \"i64\" }}, b = {{ at = \"/b#/v\", type = \"i64\" }} }}\n",
        head(&format!("http://127.0.0.1:{port}"))
    );
    let house = House::new();
    let handle = house.start("m", &text);
    let value = |tag: &str| house.last(&format!("m/{tag}"));
    eventually("both", || value("a").status.is_good() && value("b").status.is_good()).await;
    for (line, status, words) in [
        ("status /b 404", Status::BAD_CONFIGURATION_ERROR, "nothing at this path"),
        ("status /b 302", Status::BAD_CONFIGURATION_ERROR, "points to /elsewhere"),
        ("status /b 503", Status::BAD_DEVICE_FAILURE, "at the moment"),
        ("put /b {\"v\": ", Status::BAD_DECODING_ERROR, "no JSON"),
    ] {
        assert_eq!(peer.ask(line), "ok");
        eventually(line, || value("b").status == status).await;
        assert!(value("a").status.is_good(), "{line}: {:?}", value("a"));
        eventually(words, || handle.status().last_error.is_some_and(|error| error.title.contains(words)))
            .await;
        assert_eq!(peer.ask("put /b {\"v\": 2}"), "ok");
        eventually("the return", || value("b").status.is_good()).await;
    }
    // A refused path is asked again only at the re-check, not with every scan.
    assert_eq!(peer.ask("status /b 404"), "ok");
    eventually("the refusal", || value("b").status == Status::BAD_CONFIGURATION_ERROR).await;
    let (a, b): (u64, u64) = (peer.ask("count /a").parse().unwrap(), peer.ask("count /b").parse().unwrap());
    let counted = |peer: &mut Peer, path: &str| peer.ask(&format!("count {path}")).parse::<u64>().unwrap();
    eventually("ten scans", || counted(&mut peer, "/a") >= a + 10).await;
    assert!(counted(&mut peer, "/b") <= b + 3, "{b} {}", counted(&mut peer, "/b"));
    assert_eq!(peer.ask("put /b {\"v\": 2}"), "ok");
    eventually("the return", || value("b").status.is_good()).await;
    // A connection that the server closes is opened anew, and nothing is lost.
    let lost = handle.status().faults.reconnects;
    assert_eq!(peer.ask("close /a"), "ok");
    let before = counted(&mut peer, "/a");
    eventually("five scans more", || counted(&mut peer, "/a") >= before + 5).await;
    assert!(value("a").status.is_good());
    assert_eq!(handle.status().faults.reconnects, lost, "the session went on");
    // Too slow: a time-out, then gone; the last value is kept.
    for path in ["/a", "/b"] {
        assert_eq!(peer.ask(&format!("slow {path} 2")), "ok");
    }
    eventually("the loss", || value("a").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert_eq!(value("a").value, Value::I64(1));
    for path in ["/a", "/b"] {
        assert_eq!(peer.ask(&format!("slow {path} 0")), "ok");
    }
    eventually("the return", || value("a").status.is_good()).await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_certificates() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    std::fs::write(file("ca.pem"), authority.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, key);
    let server = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&server, &issuer).unwrap();
    std::fs::write(file("server.pem"), certificate.pem()).unwrap();
    std::fs::write(file("server.key"), server.serialize_pem()).unwrap();
    let port = free_port();
    let script = peer_file("http_server.py");
    let mut peer =
        Peer::spawn(&python, &[&script, &port.to_string(), &file("server.pem"), &file("server.key")]);
    assert_eq!(peer.ask("put /api/v {\"v\": 5}"), "ok");
    assert_eq!(peer.ask("token right"), "ok");
    let secrets = &[("good", "right"), ("bad", "wrong")];
    let text = |name: &str, tls: &str, secret: &str| {
        format!(
            "{}bearer = {{ secret = \"{secret}\" }}\n{tls}\nscan = {{ normal = \"100ms\" }}\n[device.m]\nat = \"{name}\"\ntags = {{ v = {{ at = \"/v#/v\", type = \"i64\" }} }}\n",
            head(&format!("https://127.0.0.1:{port}/api"))
        )
    };
    let ca = format!("tls = {{ ca = \"{}\" }}", file("ca.pem"));
    let house = House::new();
    let good = house.start_with("good", &text("good", &ca, "good"), secrets);
    eventually("the value over TLS", || house.last("good/v").value == Value::I64(5)).await;
    assert_eq!(good.status().security.level, "tls");
    for (name, tls, secret, words) in [
        ("bad-token", ca.as_str(), "bad", "sign-in (401)"),
        ("no-token", ca.as_str(), "unset", "ironbridge secret set unset"),
        ("stranger", "", "good", "certificate"),
    ] {
        let handle = house.start_with(name, &text(name, tls, secret), secrets);
        eventually(name, || {
            let error = handle.status().last_error;
            handle.status().state == State::Lost && error.is_some_and(|error| error.title.contains(words))
        })
        .await;
        assert_eq!(house.last(&format!("{name}/v")).value, Value::None, "{name}");
        handle.stop().await;
    }
    good.stop().await;
}
