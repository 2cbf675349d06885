//! What is lost with a session, and what is not: its subscriptions move to the next one; trust that is taken back ends it;
//! opening it is counted.

use super::cuts::{Wire, node_server, recorded};
use super::*;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;
use twin::opcua::{Rules, Server, Site, Variable, listen};

const COUNTER: &str = "counter = { at = \"s=Press.counter\", type = \"u64\" }\n";

/// Our own simulated server, whose sessions live for so long.
async fn press(rig: &Rig, session: Duration) -> Server {
    let rules = Rules { session, clear: true };
    let site = Site::new("Press", "http://vendor.com/plc", rules)
        .with("Press.counter", Variable::new(0u32))
        .with("Press.steady", Variable::new(42f64));
    listen(([127, 0, 0, 1], rig.port).into(), Arc::new(site)).await.unwrap()
}

/// A connection to it.
fn reading(port: u16, head: &str, tags: &str) -> String {
    file(port, head, tags).replace("/plc/\"", "\"").replace("\"100ms\"", "\"20ms\"")
}

fn show(server: &Server, number: u32) {
    server.site().put([("Press.counter", number.into())], SystemClock::shared().now());
}

/// Counts, each number long enough on show to be told.
async fn count(server: &Server, numbers: std::ops::RangeInclusive<u32>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(40));
    for number in numbers {
        ticks.tick().await;
        show(server, number);
    }
}

fn counted(handle: &Handle, name: &str) -> u64 {
    handle.status().counters.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
}

async fn all_are_here(rig: &Rig, handle: &Handle, last: u32) {
    let missing = || {
        let numbers: HashSet<u64> = recorded(rig, "press/counter").into_iter().collect();
        (1..=u64::from(last)).filter(|number| !numbers.contains(number)).collect::<Vec<u64>>()
    };
    rig.good("counter", Value::U64(last.into())).await;
    let since = Instant::now();
    eventually("every number", || missing().is_empty() || since.elapsed() > Duration::from_secs(20)).await;
    assert!(missing().is_empty(), "lost: {:?}; {:?}", missing(), handle.status());
    assert_eq!((counted(handle, "notifications_lost"), counted(handle, "overflows")), (0, 0));
}

/// The server forgets a session that was silent for two seconds, but not its subscriptions: what they kept is here
/// afterwards, though a new session had to be opened. The server has no history.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_loses_no_change() {
    let Some(rig) = Rig::new() else { return };
    let server = press(&rig, Duration::from_secs(2)).await;
    let wire = Wire::to(rig.port).await;
    // Only over an encrypted channel does a server know that who takes over is who had it.
    rig.certificates().trust(server.certificate()).unwrap();
    let handle = rig.start_with(&reading(wire.port, "", &format!("{STEADY}{COUNTER}")), &[]);
    rig.good("steady", 42.0).await;
    count(&server, 1..=5).await;
    rig.good("counter", Value::U64(5)).await;
    wire.open.store(false, Ordering::SeqCst);
    // In the middle of a message: what was on the way is asked for again.
    wire.cut_after(30);
    count(&server, 6..=105).await;
    rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
    wire.open.store(true, Ordering::SeqCst);
    rig.good("steady", 42.0).await;
    count(&server, 106..=110).await;
    all_are_here(&rig, &handle, 110).await;
    handle.stop().await;
    server.shutdown().await;
}

/// The same with node-opcua, which is told to forget the session.
#[tokio::test(flavor = "multi_thread")]
async fn node_opcua_hands_subscriptions_over() {
    let Some(rig) = Rig::new() else { return };
    let Some(mut server) = node_server(&rig, 0) else { return };
    let wire = Wire::to(rig.port).await;
    let text = file(wire.port, "security = \"none\"", &format!("{STEADY}{COUNTER}"))
        .replace("scan = { normal = \"100ms\" }", "scan = { normal = \"20ms\" }");
    let handle = rig.start_with(&text, &[]);
    rig.good("steady", 42.0).await;
    wire.open.store(false, Ordering::SeqCst);
    wire.cut_after(0);
    assert_eq!(server.ask("tick 100"), "ok");
    rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
    assert_eq!(server.ask("expire"), "1");
    assert_eq!(server.ask("tick 0"), "ok");
    let last: u64 = server.ask("get counter").parse().unwrap();
    assert!(last > 3, "{last}");
    wire.open.store(true, Ordering::SeqCst);
    rig.good("counter", Value::U64(last)).await;
    let numbers = || recorded(&rig, "press/counter").into_iter().collect::<HashSet<u64>>();
    eventually("every number", || (1..=last).all(|number| numbers().contains(&number))).await;
    assert_eq!(counted(&handle, "notifications_lost"), 0);
    assert_eq!((server.ask("sessions"), server.ask("subscriptions")), ("1".into(), "1".into()));
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_that_is_taken_back_ends_the_session() {
    let Some(rig) = Rig::new() else { return };
    let server = press(&rig, Duration::from_secs(60)).await;
    rig.certificates().trust(server.certificate()).unwrap();
    let handle = rig.start_with(&reading(rig.port, "", STEADY), &[]);
    rig.good("steady", 42.0).await;
    let [known] = rig.certificates().list().try_into().unwrap();
    rig.certificates().set(&known.thumbprint, Standing::Rejected).unwrap();
    complains(&handle, "is not trusted yet").await;
    rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
    handle.stop().await;
    server.shutdown().await;
}

/// Two requests a second: opening a session and making its items takes about ten.
#[tokio::test(flavor = "multi_thread")]
async fn opening_a_session_keeps_to_the_budget() {
    let Some(rig) = Rig::new() else { return };
    let server = press(&rig, Duration::from_secs(60)).await;
    let begun = Instant::now();
    let handle =
        rig.start_with(&reading(rig.port, "security = \"none\"\nbudget = { requests = 2 }", STEADY), &[]);
    rig.good("steady", 42.0).await;
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
    handle.stop().await;
    server.shutdown().await;
}
