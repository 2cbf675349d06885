//! OPC UA servers: what a notification costs the server, with the same client and the same items one server after the other.
//! Each is a process of its own; ours is fed through namespace and journal, with history on.

use super::Nobody;
use access::{Access, Zeroizing};
use bench::free_port;
use bench::process::{Process, cost_of};
use connect::south::opcua::Certificates;
use journal::{Journal, Options as JournalOptions, RealDisk};
use model::{Batch, Declaration, Each, Path as PointPath, Shape, Status, SystemClock, Value, ValueType};
use namespace::{Namespace, Settings};
use serve::opcua::{Model, Options, Policy, Rooms, Server};
use std::io::{BufRead as _, BufReader, Error, Read as _, Result, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;

/// How often every item changes.
const EVERY_MS: u64 = 100;
/// Who subscribes to ours.
const USER: [&str; 2] = ["bench", "a-password-for-the-bench"];
/// Where the points of ours are.
const PLACE: &str = "acme/leeds/line/";

/// Notifications, and the processor time that the server took for them.
struct Cost {
    notifications: f64,
    cpu: Duration,
}

/// Measures ours, node-opcua's and asyncua's.
pub async fn run(items: usize, seconds: f64) -> Result<()> {
    let modules = std::env::var("IRONBRIDGE_PEERS_NODE_DIR")
        .map_err(|_| Error::other("set IRONBRIDGE_PEERS_NODE_DIR: the client is node-opcua's"))?;
    let modules = format!("{modules}/node_modules");
    let folder = tempfile::tempdir()?;
    let (port, many, every) = (free_port().to_string(), items.to_string(), EVERY_MS.to_string());
    let mut own = Command::new(std::env::current_exe()?);
    own.arg("opc-ua-serve").arg(&port).arg(folder.path()).args([&many, &every]);
    let mut node = Command::new("node");
    node.arg(script("opcua_server.cjs")).arg(&port).arg(folder.path()).args([&many, &every]);
    node.env("NODE_PATH", &modules);
    let mut servers = vec![("Ironbridge", own, "", true), ("node-opcua", node, "/bench", false)];
    if let Some(mut asyncua) = bench::python() {
        asyncua.arg(script("opcua_server.py")).args([&port, &many, &every]);
        servers.push(("asyncua", asyncua, "/bench", false));
    }
    let mut first = None;
    for (whose, command, path, ours) in servers {
        let url = format!("opc.tcp://127.0.0.1:{port}{path}");
        let mut client = Command::new("node");
        client.arg(script("opcua_client.cjs")).args([&url, &many, &seconds.to_string(), "none"]);
        client.arg(folder.path().join("client")).env("NODE_PATH", &modules);
        client.args(if ours { [PLACE, USER[0], USER[1]].as_slice() } else { ["-"].as_slice() });
        let cost = tokio::task::spawn_blocking(move || measure(command, client)).await??;
        let each = cost.cpu.as_secs_f64() * 1e6 / cost.notifications.max(1.0);
        let ratio = each / *first.get_or_insert(each);
        println!(
            "opc-ua-server {whose:10} {each:8.2} us a notification at {:7.0}/s  {ratio:.1} x ours",
            cost.notifications / seconds
        );
    }
    Ok(())
}

fn script(name: &str) -> String {
    format!("{}/src/devices/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The client says when its seconds begin, and at their end how many notifications came.
fn measure(mut server: Command, mut client: Command) -> Result<Cost> {
    server.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = Process::start(&mut server)?;
    let mut told = lines(&mut server)?;
    expect(&mut told, "ready")?;
    client.stdout(Stdio::piped());
    let mut client = Process::start(&mut client)?;
    let mut heard = lines(&mut client)?;
    expect(&mut heard, "begin")?;
    let before = cost_of(server.0.id()).0;
    let mut figures = String::new();
    heard.read_line(&mut figures)?;
    let cpu = cost_of(server.0.id()).0.saturating_sub(before);
    let count = figures.split_whitespace().next().and_then(|count| count.parse().ok());
    let notifications = count.ok_or_else(|| Error::other(format!("no figures: {figures}")))?;
    Ok(Cost { notifications, cpu })
}

type Lines = BufReader<std::process::ChildStdout>;

fn lines(process: &mut Process) -> Result<Lines> {
    process.0.stdout.take().map(BufReader::new).ok_or_else(|| Error::other("no output"))
}

fn expect(lines: &mut Lines, word: &str) -> Result<()> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    if line.trim() == word { Ok(()) } else { Err(Error::other(format!("expected {word}, not {line}"))) }
}

/// Our server by itself, until its standard input ends.
pub async fn serve(words: &[String]) -> Result<()> {
    let [port, folder, many, every] = words else {
        return Err(Error::other("usage: bench-devices opc-ua-serve PORT FOLDER MANY EVERY_MS"));
    };
    let number = |word: &String| word.parse::<u64>().map_err(Error::other);
    let (port, many, every) = (number(port)? as u16, number(many)?, number(every)?);
    let folder = Path::new(folder).join("ours");
    let rooms = rooms(&folder).await?;
    let declarations: Result<Vec<Declaration>> = (0..many).map(declaration).collect();
    let ids = rooms.namespace.declare(declarations?).map_err(Error::other)?;
    let certificates = Certificates::in_data(&folder.join("data"));
    let proof = certificates.proof().map_err(Error::other)?;
    let options = Options {
        listen: ([127, 0, 0, 1], port).into(),
        host: "127.0.0.1".into(),
        policies: vec![Policy::None],
        certificate: proof.certificate,
        key: proof.key,
        uri: proof.uri,
        clients: certificates.clients(),
        site: "acme/leeds".into(),
        people: std::collections::BTreeMap::new(),
        sessions: 10,
        items: many as usize,
        model: Arc::new(|| Arc::new(Model::default())),
    };
    let server = Server::start(options, rooms.clone()).await.map_err(Error::other)?;
    let changing = tokio::spawn(change(rooms.namespace, Shape::new(ids), Duration::from_millis(every)));
    println!("ready");
    std::io::stdout().flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    changing.abort();
    server.stop().await;
    Ok(())
}

async fn rooms(folder: &Path) -> Result<Rooms> {
    let clock = SystemClock::shared();
    std::fs::create_dir_all(folder)?;
    let access = Access::open(&folder.join("access"), clock.clone()).map_err(Error::other)?;
    let token = access.setup_token().map_err(Error::other)?.ok_or_else(|| Error::other("set up already"))?;
    let password = Zeroizing::new(USER[1].to_owned());
    access.setup(&token, USER[0], password, "bench").await.map_err(Error::other)?;
    let (journal, recovered) =
        Journal::open(JournalOptions::new(folder.join("journal")), Arc::new(RealDisk), clock.clone())
            .map_err(Error::other)?;
    let history = folder.join("history");
    let store =
        Store::open(history, &journal, clock.clone(), store::Options::default()).map_err(Error::other)?;
    let settings = Settings {
        max_skew: Duration::from_secs(5),
        writes_on: false,
        authority: Arc::new(Nobody),
        ledger: Arc::new(Nobody),
    };
    Ok(Rooms { namespace: Namespace::open(journal, recovered, clock, settings), store, access })
}

fn declaration(number: u64) -> Result<Declaration> {
    let path = PointPath::new(&format!("{PLACE}n{number}")).map_err(Error::other)?;
    let wanted = serde_json::json!({ "path": path, "value_type": ValueType::F64 });
    serde_json::from_value(wanted).map_err(Error::other)
}

/// Gives every point another value, again and again.
async fn change(namespace: Namespace, shape: Arc<Shape>, every: Duration) {
    let (mut ticks, begun) = (tokio::time::interval(every), Instant::now());
    loop {
        ticks.tick().await;
        let value = begun.elapsed().as_secs_f64();
        let values = (0..shape.points().len()).map(|_| Value::F64(value)).collect();
        let now = namespace.clock().now();
        namespace.publish(Batch::polled(shape.clone(), now, Each::All(Status::GOOD), values));
    }
}
