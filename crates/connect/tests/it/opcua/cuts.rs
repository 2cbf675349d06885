//! What a cut may not do: lose a change, mix up nodes, or leave a point good.

use super::*;
use crate::support::PATIENCE;
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A line that can be cut, also in the middle of a message.
pub(super) struct Wire {
    pub(super) port: u16,
    /// Bytes from the server that still pass; far below zero: all.
    budget: Arc<AtomicI64>,
    pub(super) open: Arc<AtomicBool>,
}

const ALL: i64 = i64::MIN;
/// A session that lasted this long is opened again at once; a shorter one is waited for longer and longer.
const SOUND: Duration = Duration::from_millis(2_100);

impl Wire {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let budget = Arc::new(AtomicI64::new(ALL));
        let open = Arc::new(AtomicBool::new(true));
        let (left, is_open) = (budget.clone(), open.clone());
        tokio::spawn(async move {
            while let Ok((ours, _)) = listener.accept().await {
                if is_open.load(Ordering::SeqCst) {
                    let theirs = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    tokio::spawn(pass(ours, theirs, left.clone()));
                }
            }
        });
        Self { port, budget, open }
    }

    /// Cuts the line after so many more bytes from the server, once.
    pub(super) fn cut_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }
}

async fn pass(ours: TcpStream, theirs: TcpStream, left: Arc<AtomicI64>) {
    let (mut from_us, mut to_us) = ours.into_split();
    let (mut from_them, mut to_them) = theirs.into_split();
    let up = tokio::io::copy(&mut from_us, &mut to_them);
    let down = async {
        let mut buffer = vec![0; 65_536];
        loop {
            let Ok(count @ 1..) = from_them.read(&mut buffer).await else { return };
            let budget = left.load(Ordering::SeqCst);
            let passes = if budget == ALL { count } else { count.min(usize::try_from(budget).unwrap_or(0)) };
            if to_us.write_all(&buffer[..passes]).await.is_err() {
                return;
            }
            if budget != ALL {
                let rest = budget - i64::try_from(count).unwrap();
                left.store(if rest <= 0 { ALL } else { rest }, Ordering::SeqCst);
                if rest <= 0 {
                    return;
                }
            }
        }
    };
    tokio::select! { _ = up => {}, () = down => {} }
}

pub(super) fn node_server(rig: &Rig, many: u32) -> Option<Peer> {
    let (node, modules) = node()?;
    let (port, folder) = (rig.port.to_string(), rig.server_folder().display().to_string());
    let (file, many) = (peer_file("node_opcua_server.cjs"), many.to_string());
    let arguments = [file.as_str(), &port, &folder, &many];
    Some(Peer::spawn_with(&node, &arguments, &[("NODE_PATH", &modules)]))
}

/// All good values of a point that the journal has, in the order of time.
pub(super) fn recorded(rig: &Rig, path: &str) -> Vec<u64> {
    let id = rig.house.namespace.find(&format!("acme/leeds/{path}")).unwrap();
    let mut reader = rig.house.namespace.journal().reader(Position::default());
    let mut found = Vec::new();
    while let Some(item) = reader.try_next() {
        let Item::Record { record: Record::Samples(batch), .. } = item else { continue };
        for (point, time, status, value) in batch.rows() {
            if point == id
                && status.is_good()
                && let Some(number) = value.as_i64()
            {
                found.push((time, number as u64));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, number)| number).collect()
}

async fn no_change_is_lost(rig: &Rig, server: &mut Peer, head: &str, cuts: u32) {
    let wire = Wire::to(rig.port).await;
    let tags = format!("{STEADY}counter = {{ at = \"s=Press.counter\", type = \"u64\" }}\n");
    let text =
        file(wire.port, head, &tags).replace("scan = { normal = \"100ms\" }", "scan = { normal = \"20ms\" }");
    let handle = rig.start_with(&text, &[]);
    if !head.contains("none") {
        complains(&handle, "ironbridge trust").await;
        let shown = rig.certificates().list();
        rig.certificates().set(&shown[0].thumbprint, Standing::Trusted).unwrap();
        handle.pause();
        rig.status("steady", Status::BAD_OUT_OF_SERVICE).await;
        handle.resume();
    }
    rig.good("steady", 42.0).await;
    assert_eq!(server.ask("tick 50"), "ok");
    for cut in 0..cuts {
        let before = handle.status().faults.reconnects;
        let seen = rig.house.last("press/counter").count;
        let since = Instant::now();
        eventually("values to flow", || {
            since.elapsed() > SOUND && rig.house.last("press/counter").count > seen + 2
        })
        .await;
        // Between messages and at any place inside them.
        // A longer one now and then: nobody answers for a while.
        let long = cut % 5 == 4;
        wire.open.store(!long, Ordering::SeqCst);
        wire.cut_after(i64::from(cut) * 37 % 600 + 1);
        if long {
            rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
            wire.open.store(true, Ordering::SeqCst);
        }
        eventually("the session to come back", || handle.status().faults.reconnects > before).await;
        rig.good("steady", 42.0).await;
    }
    assert_eq!(server.ask("tick 0"), "ok");
    let last: u64 = server.ask("get counter").parse().unwrap();
    rig.good("counter", Value::U64(last)).await;
    // A fresh read can be faster than the server's own sampling.
    let mut queued = BTreeSet::new();
    eventually("the server to queue the last change", || {
        queued = serde_json::from_str::<BTreeSet<u64>>(&server.ask("queued")).unwrap();
        queued.contains(&last)
    })
    .await;
    // The newest value may be known before those that the server kept are here.
    let lost = || {
        let numbers: HashSet<u64> = recorded(rig, "press/counter").into_iter().collect();
        queued.iter().copied().filter(|number| !numbers.contains(number)).collect::<Vec<u64>>()
    };
    let begun = Instant::now();
    while !lost().is_empty() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (lost, status) = (lost(), handle.status());
    assert!(lost.is_empty(), "of {} changes {} are lost: {lost:?}; {status:?}", queued.len(), lost.len());
    let mut numbers = recorded(rig, "press/counter");
    numbers.dedup();
    assert!(queued.len() > 3 * cuts as usize, "{last}: {queued:?}");
    assert!(numbers.is_sorted(), "times are mixed up: {numbers:?}");
    let counter =
        |name: &str| status.counters.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count);
    assert_eq!((counter("notifications_lost"), counter("overflows")), (0, 0));
    // The session and its subscription were taken up, not piled up.
    assert_eq!((server.ask("sessions"), server.ask("subscriptions")), ("1".into(), "1".into()));
    handle.stop().await;
    eventually("the session to be closed", || server.ask("sessions") == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_lose_no_change() {
    let Some(rig) = Rig::new() else { return };
    let Some(mut server) = node_server(&rig, 0) else { return };
    let cuts = std::env::var("IRONBRIDGE_CUTS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    no_change_is_lost(&rig, &mut server, "security = \"none\"", cuts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_of_an_encrypted_line_lose_no_change_either() {
    let Some(rig) = Rig::new() else { return };
    let Some(mut server) = node_server(&rig, 0) else { return };
    no_change_is_lost(&rig, &mut server, "security = \"Aes256_Sha256_RsaPss\"", 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_reordered_namespaces_is_understood_after_its_restart() {
    let Some(rig) = Rig::new() else { return };
    let server = rig.server(&["namespaces=http://vendor.com/plc,urn:other"]);
    rig.trust();
    let handle = rig.start("", STEADY);
    rig.good("steady", 42.0).await;
    drop(server);
    rig.status("steady", Status::BAD_COMMUNICATION_ERROR).await;
    let mut server = rig.server(&["namespaces=urn:other,urn:more,http://vendor.com/plc"]);
    let started = Instant::now();
    assert_eq!(server.ask("set steady 43.5"), "ok");
    rig.good("steady", 43.5).await;
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    handle.stop().await;
}
