//! What happens in the plant, as OPC UA events: told to asyncua and node-opcua, and read from history.

use super::*;
use access::{NewToken, Zeroizing};
use model::{Event, EventKind, Principal, Role};

const BASE: &str = "i=2041";
const OWN: &str = "ns=2;s=event:PlantEventType";
const SITE: &str = "ns=2;s=acme/leeds";
const SERVER: &str = "i=2253";

fn token(rig: &Rig, name: &str, prefix: Option<&str>) -> Zeroizing<String> {
    let admin = Principal { name: "user:anna".into(), role: Role::Administrator, prefix: None };
    let wish =
        NewToken { name: name.into(), role: Role::Viewer, prefix: prefix.map(str::to_owned), valid: None };
    rig.plant.access.create_token(&admin, &wish).unwrap().1
}

/// One connection is lost and comes back.
fn lost(rig: &Rig, name: &str) -> (Event, Event) {
    let now = rig.plant.clock().now();
    let source = format!("connection/{name}");
    let title = format!("Connection {name} is lost");
    let begun = Event::active(EventKind::Fault, format!("{source}/lost"), source, now, 500, title);
    let begun = begun.explained("No answer for 3 s.", "Look at the cable.");
    rig.plant.namespace.event(begun.clone());
    let over = begun.cleared(rig.plant.clock().now());
    rig.plant.namespace.event(over.clone());
    (begun, over)
}

fn gather<'a>(peer: &mut Peer, into: &'a mut Vec<Json>) -> &'a [Json] {
    into.extend(peer.json("heard").as_array().unwrap().iter().cloned());
    into
}

#[tokio::test(flavor = "multi_thread")]
async fn asyncua_hears_and_reads_what_happened() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    assert_eq!(peer.json(&format!("read {SITE} EventNotifier"))[0], 5);
    assert_eq!(peer.json(&format!("read {SERVER} EventNotifier"))[0], 5);
    assert_eq!(peer.json("read ns=2;s=acme/leeds/filler EventNotifier")[0], 0);
    assert!(names(&peer.json(&format!("browse {SERVER}"))).contains(&"leeds".to_owned()), "a notifier");
    assert!(names(&peer.json(&format!("browse {BASE}"))).contains(&"PlantEventType".to_owned()));
    assert_eq!(peer.json(&format!("hear {SERVER} {OWN} 100")), "ok");
    let (begun, over) = lost(&rig, "line-1");
    let mut heard = Vec::new();
    eventually("both revisions", || gather(&mut peer, &mut heard).len() >= 2).await;
    let [first, second] = heard.as_slice() else { panic!("{heard:?}") };
    for (event, told) in [(&begun, first), (&over, second)] {
        assert_eq!(told["Message"], event.title.as_str());
        assert_eq!((&told["Severity"], &told["SourceName"]), (&json!(500), &json!("connection/line-1")));
        assert_eq!((&told["EventType"], &told["SourceNode"]), (&json!(OWN), &json!(SERVER)));
        assert_eq!((&told["State"], &told["Kind"]), (&json!(event.state.word()), &json!("fault")));
        assert_eq!(
            (&told["Revision"], &told["Next"]),
            (&json!(event.revision), &json!("Look at the cable."))
        );
        assert_eq!(told["Occurrence"], event.id.as_str());
    }
    assert_ne!(first["EventId"], second["EventId"]);
    // The site's object tells the same, by the standard's fields alone; a point that is named is the source.
    assert_eq!(peer.json(&format!("hear {SITE} {BASE} 100")), "ok");
    let at = rig.plant.clock().now();
    let told = Event::info(EventKind::Change, "change/1", "acme/leeds/filler", at, "The filler was changed");
    rig.plant.namespace.event(Event { severity: 0, ..told });
    heard.clear();
    eventually("one on each", || gather(&mut peer, &mut heard).len() >= 2).await;
    assert!(heard.iter().all(|one| one["SourceNode"] == "ns=2;s=acme/leeds/filler"), "{heard:?}");
    assert!(heard.iter().all(|one| one["Severity"] == 1), "{heard:?}");
    assert_eq!(heard.iter().filter(|one| one.get("State").is_some()).count(), 1, "{heard:?}");
    past(&rig, &mut peer).await;
    rig.server.stop().await;
}

/// The same events from history, all, the newest, and with the counters of the server.
async fn past(rig: &Rig, peer: &mut Peer) {
    let now = rig.plant.clock().now().0 / 1_000_000_000;
    let all = || rig.plant.store.told(Time(0), Time(i64::MAX), 100).unwrap().len();
    eventually("history to have them", || all() == 3).await;
    let found = peer.json(&format!("past {SERVER} {OWN} {} {} 0", now - 60, now + 60));
    let titles: Vec<&Json> =
        found.as_array().unwrap_or_else(|| panic!("{found}")).iter().map(|e| &e["Message"]).collect();
    assert_eq!(titles, ["Connection line-1 is lost", "Connection line-1 is lost", "The filler was changed"]);
    let newest = peer.json(&format!("past {SITE} {BASE} - {} 1", now + 60));
    assert_eq!(newest[0]["Message"], "The filler was changed", "{newest}");
    let refused = peer.json(&format!("past ns=2;s=acme/leeds/filler {BASE} - {now} 1"));
    assert!(refused["error"].as_str().unwrap().contains("BadHistoryOperationUnsupported"), "{refused}");
    assert!(rig.server.status().counters.contains(&("events", 3)), "{:?}", rig.server.status());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_room_for_one_misses_none() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.signed_in("anna", "swordfish-and-chips") else { return };
    // What asyncua asks for if nobody says otherwise.
    assert_eq!(peer.json(&format!("hear {SERVER} {OWN} 0")), "ok");
    let all: Vec<(Event, Event)> = (0..10).map(|number| lost(&rig, &format!("line-{number}"))).collect();
    let mut heard = Vec::new();
    eventually("all of a burst", || gather(&mut peer, &mut heard).len() >= 20).await;
    let told: Vec<(&Json, &Json)> = heard.iter().map(|one| (&one["SourceName"], &one["State"])).collect();
    let expected: Vec<(Json, Json)> = all
        .iter()
        .flat_map(|(begun, over)| [begun, over])
        .map(|event| (json!(event.source), json!(event.state.word())))
        .collect();
    assert_eq!(told, expected.iter().map(|(source, state)| (source, state)).collect::<Vec<_>>());
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_opcua_hears_what_happens() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let Some(mut peer) = rig.node_opcua() else { return };
    assert_eq!(peer.ask(&format!("hear {SERVER}")), "ok");
    let events: Vec<(Event, Event)> = (0..50).map(|number| lost(&rig, &format!("line-{number}"))).collect();
    eventually("all of a burst", || peer.json("heard").as_array().unwrap().len() == 100).await;
    let heard = peer.json("heard");
    for (number, (begun, over)) in events.iter().enumerate() {
        for (event, told) in [(begun, &heard[2 * number]), (over, &heard[2 * number + 1])] {
            assert_eq!((&told[0], &told[1]), (&json!(event.title), &json!(500)));
            assert_eq!(
                (&told[2], &told[4], &told[5]),
                (&json!(event.source), &json!(event.state.word()), &json!(8))
            );
        }
    }
    assert_eq!(peer.ask("leave"), "ok");
    rig.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sees_a_part_of_the_plant_hears_nothing() {
    let rig = Rig::new(&ALL, Vec::new()).await;
    let part = token(&rig, "part", Some("acme/leeds/filler"));
    let Some(mut peer) = rig.signed_in("part", &part) else { return };
    for node in [SERVER, SITE] {
        let refused = peer.json(&format!("hear {node} {BASE} 10"));
        let text = refused["error"].as_str().unwrap_or_else(|| panic!("{node}: {refused}"));
        assert!(text.contains("BadUserAccessDenied"), "{node}: {text}");
    }
    let refused = peer.json(&format!("past {SERVER} {BASE} - {} 1", i32::MAX));
    assert!(refused["error"].as_str().unwrap().contains("BadUserAccessDenied"), "{refused}");
    assert_eq!(peer.json("leave"), "ok");
    let all = token(&rig, "all", None);
    assert_eq!(peer.json(&format!("connect all {} Basic256Sha256", *all)), "ok");
    assert_eq!(peer.json(&format!("hear {SERVER} {BASE} 10")), "ok");
    rig.server.stop().await;
}
