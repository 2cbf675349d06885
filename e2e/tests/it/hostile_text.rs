//! Text of devices, orders and strangers stays text: on every page and in every terminal.

use crate::first_hour::walk_on;
use crate::harness::{Plant, free_port, wait_for};
use crate::modbus::latest;
use crate::webhook::{post, secret};
use serde_json::json;
use std::net::UdpSocket;
use std::time::Duration;

const TOKEN: &str = "5f0c9a3b7d1e4826";
/// Markup that would fetch and run something, a colour of the terminal, and a mark that turns what follows around.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{1b}[31m\u{202e}lave";
const POST: &str = r#"
kind = "webhook"
token = { secret = "post" }
commands = "on"

[device.post]
at = "packaging/post"
[device.post.tags]
article = { at = "post", type = "text", value = "/article", name = "<img src=x onerror=alert(2)>" }
[device.post.patterns.others]
at = "others/{name}"
value = "/article"
[device.post.commands]
speed = { at = "post", write = "packaging/line-1/target", value = "/speed", id = "/order" }
"#;

#[test]
fn text_of_others_stays_text_on_every_page_and_in_every_terminal() {
    let mut plant = Plant::new("writes = \"on\"");
    plant.write("connections/post.toml", POST);
    let port = free_port();
    let log = format!(
        "kind = \"syslog\"\nlisten = \"127.0.0.1\"\nport = {port}\ntransport = \"udp\"\n[device.firewall]\nhost = \"127.0.0.1\"\nmeans = \"fault\"\n"
    );
    plant.write("connections/log.toml", &log);
    plant.say(&["check", "."]);
    plant.start();
    secret(&plant, "post", TOKEN);
    let connected = || {
        let all = plant.local().get("/api/connections").ok();
        all["connections"].as_array()?.iter().all(|one| one["state"] == "connected").then_some(())
    };
    wait_for("both connections", Duration::from_secs(60), connected);

    let body = json!({ "article": HOSTILE, "order": HOSTILE, "speed": HOSTILE }).to_string();
    let Some((status, answer)) = post(&plant, "/api/in/post/post", TOKEN, &body) else { return };
    assert_eq!((status, &answer["commands"][0]["outcome"]), (200, &json!("Rejected")), "{answer}");
    assert_eq!(post(&plant, "/api/in/post/others/%3Cb%3E", TOKEN, &body).unwrap().0, 200);
    latest(&plant, "acme/leeds/packaging/post/article", |point| point["good"] == true);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let message = format!("<131>1 - {HOSTILE} fire - - - {HOSTILE}");
    wait_for("what the firewall says", Duration::from_secs(30), || {
        socket.send_to(message.as_bytes(), ("127.0.0.1", port)).unwrap();
        let events = plant.local().get("/api/events?search=onerror&kind=fault").ok();
        (!events["events"].as_array()?.is_empty()).then_some(())
    });
    let lease = json!({ "path": "acme/leeds/packaging", "minutes": 5, "reason": HOSTILE });
    plant.local().post("/api/leases", &lease).ok();
    let write = json!({ "path": "acme/leeds/packaging/post/article", "value": HOSTILE, "reason": HOSTILE, "ttl_ms": 1000 });
    plant.local().post("/api/point/write", &write);

    for words in [
        vec!["points"],
        vec!["tail", "packaging/post", "--lines", "1"],
        vec!["connections", "post"],
        vec!["commands"],
        vec!["query", "select path, value_text, quality from samples"],
        vec!["query", "select title, text, source from events"],
    ] {
        let said = plant.say(&words);
        let bad = said.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(bad, None, "{words:?}: {said}");
    }
    // Who reads on no more is no error.
    let points = format!("'{}' points | head -n 1", crate::harness::binary().display());
    let out =
        std::process::Command::new("sh").args(["-c", &points]).current_dir(plant.dir()).output().unwrap();
    assert!(!out.stdout.is_empty() && out.stderr.is_empty(), "{out:?}");
    walk_on("hostile_text.mjs", &plant.link(), plant.dir(), &[]);
    plant.stop();
}
