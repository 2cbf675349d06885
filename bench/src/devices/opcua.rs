//! OPC UA: what a notification costs the client, with the same server and the same items one client after the other.

use super::{connection_in, samples};
use bench::process::{Process, cost_of};
use connect::south::opcua::Certificates;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Error, Result};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often every item changes.
const EVERY_MS: u32 = 100;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Case {
    items: usize,
    /// As the configuration and the scripts write it.
    security: &'static str,
}

impl Case {
    pub const CLEAR: Self = Self { items: 10_000, security: "none" };
    pub const ENCRYPTED: Self = Self { items: 5_000, security: "Basic256Sha256" };
}

/// Notifications, and the processor time that they took.
struct Cost {
    notifications: f64,
    cpu: Duration,
}

pub async fn run(case: Case, seconds: f64) -> Result<()> {
    let modules = std::env::var("IRONBRIDGE_PEERS_NODE_DIR")
        .map_err(|_| Error::other("set IRONBRIDGE_PEERS_NODE_DIR: the server is node-opcua's"))?;
    let modules = format!("{modules}/node_modules");
    let script = |name: &str| format!("{}/src/devices/{name}", env!("CARGO_MANIFEST_DIR"));
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = tempfile::tempdir()?;
    let mut server = Command::new("node");
    server.arg(script("opcua_server.cjs")).arg(port.to_string()).arg(folder.path());
    server.args([case.items.to_string(), EVERY_MS.to_string()]).env("NODE_PATH", &modules);
    server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Process::start(&mut server)?;
    let lines = server.0.stdout.take().ok_or_else(|| Error::other("no output"))?;
    let mut line = String::new();
    BufReader::new(lines).read_line(&mut line)?;
    let url = format!("opc.tcp://127.0.0.1:{port}/bench");
    let ours = ours(case, &url, folder.path(), seconds).await?;
    let own = folder.path().join("client").display().to_string();
    let words = [url, case.items.to_string(), seconds.to_string(), case.security.to_owned(), own];
    let mut node = Command::new("node");
    node.arg(script("opcua_client.cjs")).args(&words).env("NODE_PATH", &modules);
    let mut clients = vec![("node-opcua", theirs(node).await?)];
    if let Some(mut asyncua) = bench::python() {
        asyncua.arg(script("opcua_client.py")).args(&words);
        clients.push(("asyncua", theirs(asyncua).await?));
    }
    let each = |cost: &Cost| cost.cpu.as_secs_f64() * 1e6 / cost.notifications.max(1.0);
    let rate = |cost: &Cost| cost.notifications / seconds;
    println!("opc-ua Ironbridge {:10.2} us a notification at {:7.0}/s", each(&ours), rate(&ours));
    for (whose, cost) in &clients {
        let ratio = each(cost) / each(&ours);
        println!(
            "opc-ua {whose:10} {:10.2} us a notification at {:7.0}/s  {ratio:.1} x ours",
            each(cost),
            rate(cost)
        );
    }
    Ok(())
}

async fn ours(case: Case, url: &str, folder: &Path, seconds: f64) -> Result<Cost> {
    let mut text = format!(
        "kind = \"opc-ua\"\nurl = \"{url}\"\nsecurity = \"{}\"\nscan = {{ normal = \"{EVERY_MS}ms\" }}\n[device.d]\n\
         namespace = \"urn:ironbridge:bench\"\nat = \"d\"\n[device.d.tags]\n",
        case.security
    );
    for number in 0..case.items {
        let _ = writeln!(text, "n{number} = {{ at = \"s=n{number}\", type = \"f64\" }}");
    }
    let dir = tempfile::tempdir()?;
    if case.security != "none" {
        let theirs = std::fs::read(folder.join("pki/own/certs/certificate.pem"))?;
        Certificates::in_data(&dir.path().join("data")).trust(&theirs).map_err(Error::other)?;
    }
    let (handle, _kept) = connection_in(dir, "opc-ua", &text)?;
    let until = Instant::now() + Duration::from_secs(60);
    while handle.status().good < case.items {
        if Instant::now() > until {
            return Err(Error::other(format!("not all items came: {:?}", handle.status())));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, (cpu, _)) = (samples(&handle), cost_of(std::process::id()));
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let cost = Cost { notifications: samples(&handle) - before, cpu: cost_of(std::process::id()).0 - cpu };
    handle.stop().await;
    Ok(cost)
}

async fn theirs(mut command: Command) -> Result<Cost> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = text.split_whitespace().map(str::parse::<u32>);
    match (figures.next(), figures.next()) {
        (Some(Ok(notifications)), Some(Ok(micros))) => {
            Ok(Cost { notifications: notifications.into(), cpu: Duration::from_micros(micros.into()) })
        }
        _ => Err(Error::other(format!("no figures: {text}{}", String::from_utf8_lossy(&output.stderr)))),
    }
}
