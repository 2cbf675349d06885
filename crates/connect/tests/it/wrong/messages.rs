//! What comes by itself: brokers (mosquitto), and the ports and files of this gateway.

use super::{Row, Table};
use crate::broker::{Broker, no_mosquitto};
use crate::support::{House, Peer, eventually, free_port, peer_file, python};
use connect::south::status::State;
use model::Status;
use std::net::UdpSocket;

const WAITING: Status = Status::BAD_WAITING_FOR_INITIAL_DATA;

fn topics(port: u16, head: &str, tags: &str) -> String {
    format!(
        "kind = \"mqtt-in\"\nurl = \"mqtt://127.0.0.1:{port}\"\n{head}\n[device.oven]\nat = \"HOME\"\n[device.oven.tags]\n\
         good = {{ at = \"oven/good\", type = \"f64\", retained = \"good\" }}\n{tags}"
    )
}

/// A broker that wants a name and a password.
fn guarded() -> Broker {
    Broker::start_with(|dir| {
        let file = dir.join("passwords");
        let made = std::process::Command::new("mosquitto_passwd")
            .args(["-c", "-b"])
            .arg(&file)
            .args(["anna", "right"])
            .status()
            .unwrap();
        assert!(made.success());
        format!("allow_anonymous false\npassword_file {}\n", file.display())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers() {
    let Some(python) = python() else { return };
    if no_mosquitto() {
        return;
    }
    let (broker, guarded) = (Broker::start(""), guarded());
    let mut peer = Peer::spawn(&python, &[&peer_file("mqtt_peer.py"), &broker.port.to_string()]);
    for (topic, payload) in [
        ("oven/good", "1.5"),
        ("oven/text", "hot"),
        ("oven/json", "{\"a\": {\"b\": 1}}"),
        ("oven/broken", "{\"a\": "),
        ("spBv1.0/leeds/NBIRTH/node", "no payload of Sparkplug"),
    ] {
        let hex: String = payload.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(peer.ask(&format!("pub\t{topic}\t1\t1\t{hex}")), "ok");
    }
    let with = |tag: &str| topics(broker.port, "", &format!("x = {{ {tag}, retained = \"good\" }}\n"));
    let user = |secret: &str| format!("user = \"anna\"\npassword = {{ secret = \"{secret}\" }}");
    let rows = vec![
        Row::new("as it should be", topics(broker.port, "", "")),
        Row::new("a topic on which nothing comes", with("at = \"oven/none\", type = \"f64\""))
            .says("/x: BadWaitingForInitialData")
            .bad("x", WAITING),
        Row::new("a text where a number is expected", with("at = \"oven/text\", type = \"f64\", format = \"raw\""))
            .says("/x: BadDecodingError")
            .bad("x", Status::BAD_DECODING_ERROR),
        Row::new("JSON without the key", with("at = \"oven/json\", type = \"f64\", value = \"/a/c\""))
            .says("/x: BadWaitingForInitialData")
            .bad("x", WAITING),
        Row::new("an object, not a value", with("at = \"oven/json\", type = \"f64\", value = \"/a\""))
            .says("/x: ")
            .bad("x", Status::BAD_DECODING_ERROR),
        Row::new("no JSON", with("at = \"oven/broken\", type = \"f64\", value = \"/a\""))
            .says("/x: BadDecodingError")
            .bad("x", Status::BAD_DECODING_ERROR),
        Row::new("nobody signs in where everybody must", topics(guarded.port, "", "")).lost().says("Check"),
        Row::new("a wrong password", topics(guarded.port, &user("wrong"), "")).lost().says("password"),
        Row::new("a password that was never set", topics(guarded.port, &user("nowhere"), ""))
            .lost()
            .says("ironbridge secret set nowhere"),
        Row::new("TLS where there is none", topics(broker.port, "", "").replace("mqtt://", "mqtts://")).lost().says("Check"),
        Row::new(
            "a node that speaks no Sparkplug",
            format!(
                "kind = \"sparkplug-host\"\nurl = \"mqtt://127.0.0.1:{}\"\nhost_id = \"HOME\"\ngroups = [\"leeds\"]\n[device.d]\nedge = \"leeds/node\"\nat = \"HOME\"\ntags = {{ x = {{ at = \"V\", type = \"f64\" }} }}\n",
                broker.port
            ),
        )
        .bad("x", Status::BAD_NO_COMMUNICATION),
    ];
    Table::new().await.holds(rows, &[("wrong", "wrong")]).await;
}

/// A secret that is set later: what never came is waited for from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_set_later() {
    let house = House::new();
    let file = "kind = \"webhook\"\ntoken = { secret = \"later\" }\n[device.d]\nat = \"d\"\ntags = { x = { at = \"/\", type = \"f64\", value = \"/v\" } }\n";
    let (handle, secrets) = house.start_keeping("posts", file, &[]);
    eventually("lost", || {
        handle.status().state == State::Lost && house.last("d/x").status == Status::BAD_NO_COMMUNICATION
    })
    .await;
    secrets.set("later", "0123456789abcdef0123");
    // It would try again within half a minute by itself.
    handle.pause();
    eventually("paused", || house.last("d/x").status == Status::BAD_OUT_OF_SERVICE).await;
    handle.resume();
    eventually("waiting", || {
        handle.status().state == State::Connected && house.last("d/x").status == WAITING
    })
    .await;
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_and_files_of_this_gateway() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let syslog = |listen: &str, port: u16| {
        format!(
            "kind = \"syslog\"\nlisten = \"{listen}\"\nport = {port}\ntransport = \"udp\"\n[device.d]\nhost = \"127.0.0.1\"\n"
        )
    };
    let traps = |port: u16, secret: &str| {
        format!(
            "kind = \"snmp-traps\"\nlisten = \"127.0.0.1\"\nport = {port}\n[device.d]\nhost = \"127.0.0.1\"\nversion = \"2c\"\ncommunity = {{ secret = \"{secret}\" }}\nat = \"HOME\"\ntags = {{ x = {{ at = \"ifOperStatus.1\" }} }}\n"
        )
    };
    let webhook = |secret: &str| {
        format!(
            "kind = \"webhook\"\ntoken = {{ secret = \"{secret}\" }}\n[device.d]\nat = \"HOME\"\ntags = {{ x = {{ at = \"/\", type = \"f64\", value = \"/v\" }} }}\n"
        )
    };
    let rows = vec![
        Row::new("syslog, as it should be", syslog("127.0.0.1", free_port())),
        Row::new("syslog, the port is taken", syslog("127.0.0.1", port))
            .lost()
            .says("is taken by another program"),
        Row::new("syslog, not our address", syslog("192.0.2.1", free_port()))
            .lost()
            .says("has no address 192.0.2.1"),
        Row::new("traps, the port is taken", traps(port, "community"))
            .lost()
            .says("is taken by another program"),
        Row::new("traps, a community that was never set", traps(free_port(), "nowhere"))
            .lost()
            .says("ironbridge secret set nowhere"),
        Row::new("webhook, nothing was posted yet", webhook("token")).bad("x", WAITING),
        Row::new("webhook, a token that is guessed soon", webhook("short")).lost().says("shorter than"),
        Row::new("webhook, a token that was never set", webhook("nowhere"))
            .lost()
            .says("ironbridge secret set nowhere"),
        Row::new(
            "Suricata, a file that is not there",
            "kind = \"suricata-eve\"\nfile = \"/nowhere/eve.json\"\n",
        )
        .lost()
        .says("/nowhere/eve.json"),
    ];
    let secrets = [("community", "public"), ("token", "0123456789abcdef0123"), ("short", "short")];
    Table::new().await.holds(rows, &secrets).await;
}
