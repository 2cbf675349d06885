//! What an endpoint is asked at most, over real sockets: a controller by EtherNet/IP and an agent by SNMP, each counted
//! outside the connection.

use crate::support::{House, eventually, free_port};
use connect::kind::Context;
use connect::south::BROWSERS;
use model::Path;
use model::config::Document;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;
use tokio::net::UdpSocket;
use twin::bacnet::{Device, Object, Rules, Site};
use twin::enip::{Controller, Program};
use wire::bacnet::{ObjectId, Value};

/// Requests a second that are allowed; the scans want several times that.
const RATE: f64 = 20.0;
const KEYS: &str = "budget = { requests = 20 }\nscan = { normal = \"10ms\" }\n";

/// Waits for sixty more requests; they must take as long as the budget says, and not much longer.
async fn keeps_to_it(count: impl Fn() -> u64) {
    let (begun, before) = (Instant::now(), count());
    eventually("sixty requests", || count() >= before + 60).await;
    let rate = (count() - before) as f64 / begun.elapsed().as_secs_f64();
    assert!(rate < RATE * 1.15, "{rate} requests a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_is_asked_no_more_than_its_budget() {
    let mut program = Program::new("Bottling");
    program.tag("", "Speed", wire::enip::Elementary::Dint, [0; 3]);
    let here = ([127, 0, 0, 1], 0).into();
    let server = twin::enip::listen(here, Arc::new(Controller::new(program))).await.unwrap();
    let text = format!(
        "kind = \"ethernet-ip\"\nhost = \"127.0.0.1\"\nport = {}\n{KEYS}[device.plc]\nat = \"plc\"\n[device.plc.tags]\nspeed = {{ at = \"Speed\" }}\n",
        server.address().port()
    );
    let house = House::new();
    let handle = house.start("cip", &text);
    eventually("read", || house.last("plc/speed").status.is_good()).await;
    keeps_to_it(|| server.device().counters.messages.load(Relaxed)).await;
    assert!(handle.status().budget.unwrap().held_back > 0);
    handle.stop().await;
}

/// What a person looks for comes out of the same share as the scans. `text` is a file without tags, `at` what it may read; so
/// many tags are found.
async fn share_one_budget(text: &str, at: &str, tags: usize, count: impl Fn() -> u64) {
    let house = House::new();
    let handle = house.start("line", &format!("{text}tags = {{ value = {{ at = \"{at}\" }} }}\n"));
    eventually("read", || house.last("d/value").status.is_good()).await;
    let scans = || handle.status().scans[0].done;
    let (begun, before, scanned) = (Instant::now(), count(), scans());
    let document = Document::parse("connections/line.toml", text).unwrap();
    let mut context = Context::new("line", Path::new("acme/leeds").unwrap(), "");
    context.budget = handle.budget();
    let browser = BROWSERS.iter().find(|browser| text.contains(&format!("\"{}\"", browser.kind))).unwrap();
    let draft = (browser.browse)(&document, &context, model::Time::from_millis(0)).await.unwrap();
    let (asked, took) = (count() - before, begun.elapsed());
    assert!(draft.tags >= tags, "{}", draft.tags);
    assert!(asked >= 40, "{asked} requests say nothing of a rate");
    let rate = asked as f64 / took.as_secs_f64();
    assert!(rate < RATE * 1.15, "{rate} requests a second, {asked} in {took:?}");
    assert!(scans() > scanned, "polling stood still meanwhile");
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_tags_and_polling_share_one_budget() {
    const TAGS: usize = 100;
    let name = |number: usize| format!("A_rather_long_name_of_a_tag_{number:04}");
    let mut program = Program::new("Bottling");
    for number in 0..TAGS {
        program.tag("", &name(number), wire::enip::Elementary::Dint, [0; 3]);
    }
    let here = ([127, 0, 0, 1], 0).into();
    let server = twin::enip::listen(here, Arc::new(Controller::new(program))).await.unwrap();
    let text = format!(
        "kind = \"ethernet-ip\"\nhost = \"127.0.0.1\"\nport = {}\n{KEYS}[device.plc]\nat = \"d\"\n",
        server.address().port()
    );
    share_one_budget(&text, &name(0), TAGS, || server.device().counters.messages.load(Relaxed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_objects_and_polling_share_one_budget() {
    const OBJECTS: u32 = 300;
    let object = |number| {
        let name = format!("A rather long name of an object {number:04}");
        (ObjectId::new(2, number), Object::new(&name, Value::Real(1.5)))
    };
    let device = Arc::new(Device::new(1_001, Rules::default(), (0..OBJECTS).map(object)));
    let server = twin::bacnet::listen(([127, 0, 0, 1], 0).into(), Site::new(device.clone())).await.unwrap();
    let text = format!(
        "kind = \"bacnet-ip\"\nhost = \"127.0.0.1\"\nport = {}\n{KEYS}[device.ahu]\ninstance = 1001\nat = \"d\"\n",
        server.address().port()
    );
    share_one_budget(&text, "AV0", OBJECTS as usize, || device.counters.requests.load(Relaxed)).await;
    server.shutdown().await;
}

/// Passes datagrams on, and counts those to the agent.
async fn relay(to: u16) -> (u16, Arc<AtomicU64>) {
    let (near, far) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    far.connect(("127.0.0.1", to)).await.unwrap();
    let (port, count) = (near.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        let (mut out, mut back, mut from) = ([0; 2_048], [0; 2_048], None);
        loop {
            tokio::select! {
                Ok((length, who)) = near.recv_from(&mut out) => {
                    counted.fetch_add(1, Relaxed);
                    from = Some(who);
                    far.send(&out[..length]).await.unwrap();
                }
                Ok(length) = far.recv(&mut back) => {
                    if let Some(who) = from {
                        near.send_to(&back[..length], who).await.unwrap();
                    }
                }
            }
        }
    });
    (port, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_asked_no_more_than_its_budget() {
    let agent = Arc::new(twin::snmp::Agent::default());
    agent.put(&[1, 3, 6, 1, 2, 1, 2, 2, 1, 8, 1], async_snmp::Value::Integer(1));
    let address = ([127, 0, 0, 1], free_port()).into();
    let server = twin::snmp::listen(address, "ironbridge", agent).await.unwrap();
    let (port, count) = relay(server.address().port()).await;
    let text = format!(
        "kind = \"snmp\"\nhost = \"127.0.0.1\"\nport = {port}\n{KEYS}version = \"3\"\nuser = \"ironbridge\"\n[device.switch]\nat = \"switch\"\n[device.switch.tags]\nport_1 = {{ at = \"ifOperStatus.1\" }}\n",
    );
    let house = House::new();
    let handle = house.start("switch", &text);
    eventually("read", || house.last("switch/port_1").status.is_good()).await;
    keeps_to_it(|| count.load(Relaxed)).await;
    assert!(handle.status().budget.unwrap().held_back > 0);
    handle.stop().await;
}
