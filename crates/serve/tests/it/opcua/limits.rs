//! What clients may ask at once, and what becomes of those who ask more, or who only hold on to a connection.

use super::*;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

fn error(answer: &Json) -> &str {
    answer["error"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_and_kept() {
    let more = (0..2_500).map(|number| point(&format!("many/n{number}"), ValueType::F64)).collect();
    let rig = Rig::new(&ALL, more).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    // OPC 10000-5, 6.3.11: OperationLimits; OPC 10000-11, 5.4: HistoryServerCapabilities; OPC 10000-5, 6.3.2.
    for (node, what, expected) in [
        ("i=11705", "MaxNodesPerRead", json!(10_000)),
        ("i=11707", "MaxNodesPerWrite", json!(100)),
        ("i=12165", "MaxNodesPerHistoryReadData", json!(100)),
        ("i=24095", "MaxSessions", json!(10)),
        ("i=24104", "MaxMonitoredItemsPerSubscription", json!(20_000)),
        ("i=11193", "AccessHistoryDataCapability", json!(true)),
        ("i=11242", "AccessHistoryEventsCapability", json!(true)),
        ("i=2261", "BuildInfo.ProductName", json!("Ironbridge")),
    ] {
        assert_eq!(peer.json(&format!("read {node} Value"))[0], expected, "{what}");
    }
    let aggregates = names(&peer.json("browse i=11201"));
    assert!(aggregates.contains(&"TimeAverage2".to_owned()) && aggregates.len() >= 27, "{aggregates:?}");
    assert_eq!(peer.json(&format!("many {SPEED} 10000")), 10_000);
    assert!(error(&peer.json(&format!("many {SPEED} 10001"))).contains("BadTooManyOperations"));
    assert_eq!(peer.json("page ns=2;s=acme/leeds/many 1000"), json!([1_000, 1_000, 500]));
    rig.plant.publish(rig.ids[0], 7.0, Status::GOOD);
    assert_eq!(peer.json(&format!("register {SPEED}")), json!([7.0]));
    let far = rig.plant.clock().now().0 / 1_000_000_000;
    let intervals = peer.json(&format!("aggregate {SPEED} Average 0 {far} 1"));
    assert!(error(&intervals).contains("BadTooManyOperations"), "{intervals}");
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_hold_on_to_connections_keep_nobody_out() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    // Some say nothing, some nonsense, some announce more than may be sent.
    let mut giant = b"HELF".to_vec();
    giant.extend(u32::MAX.to_le_bytes());
    let greetings: [&[u8]; 3] = [b"", b"GET / HTTP/1.1\r\n\r\n", &giant];
    let mut strangers: Vec<TcpStream> = Vec::new();
    for number in 0..600 {
        let mut stream = TcpStream::connect(rig.server.address()).unwrap();
        let _ = stream.write_all(greetings[number % 3]);
        strangers.push(stream);
    }
    assert_eq!(peer.json("leave"), "ok");
    assert_eq!(peer.json("connect anna swordfish-and-chips Basic256Sha256"), "ok", "among all of them");
    // They are shown out by themselves.
    for mut stream in strangers {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut rest = Vec::new();
        match stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(why) => assert_eq!(why.kind(), std::io::ErrorKind::ConnectionReset, "{why}"),
        }
    }
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_sessions_than_there_are_seats_are_refused() {
    let rig = Rig::new(&[Policy::None], Vec::new()).await;
    let Some(mut peer) = rig.asyncua() else { return };
    let seated = peer.json("seats anna swordfish-and-chips 12");
    assert_eq!(seated[0], 10, "{seated}");
    assert!(seated[1].as_str().unwrap().contains("BadTooManySessions"), "{seated}");
    assert_eq!(peer.json("stand_up"), "ok");
    assert_eq!(peer.json("connect anna swordfish-and-chips none"), "ok", "a seat is free again");
    rig.server.stop().await;
}
