//! Endpoints that are not what the file says: for every kind that connects over TCP, every way to be nothing at all.

use super::{Row, Table};
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is at the other end.
#[derive(Clone, Copy, Debug)]
enum Nobody {
    /// Accepts and says nothing.
    Silent,
    /// Accepts and closes at once.
    Closes,
    /// Answers whatever comes with bytes that mean nothing.
    Random,
    /// Greets as a server of another protocol does, and goes on so.
    Other,
}

async fn be(nobody: Nobody, mut stream: TcpStream) {
    let mut heard = [0; 1_024];
    if let Nobody::Other = nobody {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    }
    if let Nobody::Closes = nobody {
        return;
    }
    let mut seed = 7_u32;
    while let Ok(1..) = stream.read(&mut heard).await {
        let answer: Vec<u8> = match nobody {
            Nobody::Random => (0..512)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed.to_be_bytes()[0]
                })
                .collect(),
            Nobody::Other => b"Invalid SSH identification string.\r\n".to_vec(),
            Nobody::Silent | Nobody::Closes => continue,
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn listen(nobody: Nobody) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(be(nobody, stream));
        }
    });
    address
}

/// A file of every kind that dials over TCP.
fn files(port: u16, tls: &str) -> Vec<(&'static str, String)> {
    let times = "timeout = \"300ms\"\nconnect_timeout = \"1s\"\nscan = { normal = \"200ms\" }\n";
    let point =
        |at: &str| format!("[device.d]\nat = \"HOME\"\ntags = {{ v = {{ {at} }}, w = {{ {at} }} }}\n");
    let host = |kind: &str, at: &str| {
        format!("kind = \"{kind}\"\nhost = \"127.0.0.1\"\nport = {port}\n{times}{}", point(at))
    };
    let url = |kind: &str, scheme: &str, times: &str, at: &str| {
        format!("kind = \"{kind}\"\nurl = \"{scheme}://127.0.0.1:{port}\"\n{times}{}", point(at))
    };
    let topic = "at = \"t\", type = \"f64\"";
    vec![
        ("Modbus TCP", host("modbus-tcp", "at = \"holding 3\", type = \"u16\"")),
        ("Modbus RTU over TCP", host("modbus-rtu-tcp", "at = \"holding 3\", type = \"u16\"")),
        (
            "Modbus over TLS",
            host("modbus-tls", "at = \"holding 3\", type = \"u16\"")
                .replace("[device.d]", &format!("{tls}[device.d]")),
        ),
        ("S7", host("s7", "at = \"DB1.DBW0\", type = \"INT\"")),
        ("EtherNet/IP", host("ethernet-ip", "at = \"V\"")),
        ("OPC UA", url("opc-ua", "opc.tcp", times, "at = \"ns=2;s=V\", type = \"f64\"")),
        ("HTTP", url("http", "http", times, "at = \"/#/v\", type = \"f64\"")),
        ("HTTPS", url("http", "https", times, "at = \"/#/v\", type = \"f64\"")),
        ("MQTT", url("mqtt-in", "mqtt", "", topic)),
        ("MQTT over TLS", url("mqtt-in", "mqtts", "", topic)),
    ]
}

/// The keys of a gateway that has a certificate of its own.
fn certificate(folder: &Path) -> String {
    let own = rcgen::generate_simple_self_signed(vec!["gateway".to_owned()]).unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(file("own.pem"), own.cert.pem()).unwrap();
    std::fs::write(file("own.key"), own.signing_key.serialize_pem()).unwrap();
    let (pem, key) = (file("own.pem"), file("own.key"));
    format!("[tls]\nca = \"{pem}\"\ncertificate = \"{pem}\"\nkey = \"{key}\"\n")
}

fn rows(what: &str, port: u16, tls: &str, words: &'static str) -> Vec<Row> {
    let rows = files(port, tls).into_iter();
    rows.map(|(kind, file)| Row::new(format!("{kind}, {what}"), file).lost().says(words)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_nothing_of_the_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, mut all) = (certificate(folder.path()), Vec::new());
    for nobody in [Nobody::Silent, Nobody::Closes, Nobody::Random, Nobody::Other] {
        all.extend(rows(&format!("{nobody:?}"), listen(nobody).await.port(), &tls, "heck"));
    }
    Table::new().await.holds(all, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_cannot_be_reached() {
    let hole = twin::modbus::Blackhole::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tls = certificate(folder.path());
    let mut all = rows("nothing listens", crate::support::free_port(), &tls, " listens ");
    all.extend(rows("nobody answers", hole.address().port(), &tls, "gave no answer"));
    for (kind, file) in files(1, &tls) {
        let file = file.replace("127.0.0.1", "no-such-machine.invalid");
        all.push(Row::new(format!("{kind}, no such name"), file).lost().says("no-such-machine.invalid"));
    }
    Table::new().await.holds(all, &[]).await;
}
