use super::*;
use crate::operation::Effect;
use crate::report::{Asset, FunctionRow, Role};
use crate::{Limits, Monitor};
use proptest::prelude::*;

fn function(number: u32, requests: u64) -> FunctionRow {
    let name = format!("function {number}");
    FunctionRow { function: number, name, effect: Effect::Read, requests, answers: requests, refused: 1 }
}

fn link(client: &str, server: &str, times: (i64, i64), requests: u64) -> LinkRow {
    LinkRow {
        client: client.into(),
        server: server.into(),
        protocol: Protocol::Modbus,
        realm: Protocol::Modbus.realm(),
        port: 502,
        connections: 1,
        packets_to_server: requests,
        bytes_to_server: requests * 70,
        packets_to_client: requests,
        bytes_to_client: requests * 90,
        changes: 1,
        malformed: 0,
        first: Time(times.0),
        last: Time(times.1),
        called: None,
        hidden: false,
        functions: vec![function(3, requests)],
    }
}

fn point(server: &str, name: &str, writers: &[&str], times: (i64, i64)) -> PointRow {
    PointRow {
        server: server.into(),
        protocol: Protocol::Modbus,
        unit: 1,
        name: name.into(),
        reads: 5,
        writes: writers.len() as u64,
        readers: vec!["10.0.0.5".into()],
        writers: writers.iter().map(|&writer| writer.to_owned()).collect(),
        others: 0,
        last_value: Some(42),
        last_write: None,
        first: Time(times.0),
        last: Time(times.1),
    }
}

fn report(links: Vec<LinkRow>, points: Vec<PointRow>) -> Report {
    Report { links, points, ..Monitor::new(Limits::STANDARD).report() }
}

/// What is there after a restart: written as text and read again.
fn restarted(book: &TrafficBook, report: &Report) -> TrafficBook {
    let text = serde_json::to_string(&book.kept(report)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_restart_counts_on_and_first_seen_stays() {
    let mut book = TrafficBook::default();
    book.begin(Time(1));
    let monday = report(
        vec![link("10.0.0.5", "10.0.0.9", (10, 20), 7), link("10.0.0.6", "10.0.0.9", (11, 12), 1)],
        vec![point("10.0.0.9", "holding 5", &["10.0.0.5"], (10, 20))],
    );
    let mut book = restarted(&book, &monday);
    book.begin(Time(100));
    assert_eq!(book.since, Time(1));
    // Before the first packet of the new run everything is there.
    let mut nothing = report(Vec::new(), Vec::new());
    book.complete(&mut nothing, &AssetBook::default());
    assert_eq!((&nothing.links, &nothing.points), (&monday.links, &monday.points));
    let tuesday = report(
        vec![link("10.0.0.5", "10.0.0.9", (110, 120), 3)],
        vec![point("10.0.0.9", "holding 5", &["10.0.0.6"], (110, 120))],
    );
    // However often a report is made, what was before is counted once.
    for _ in 0..3 {
        let mut whole = tuesday.clone();
        book.complete(&mut whole, &AssetBook::default());
        let [first, other] = whole.links.as_slice() else { panic!("{:?}", whole.links) };
        assert_eq!((first.packets_to_server, first.bytes_to_client, first.connections), (10, 900, 2));
        assert_eq!((first.first, first.last), (Time(10), Time(120)));
        assert_eq!((first.functions[0].requests, first.functions[0].refused), (10, 2));
        assert_eq!((other.client.as_str(), other.last), ("10.0.0.6", Time(12)));
        assert_eq!((whole.points[0].first, whole.points[0].reads), (Time(10), 10));
        assert_eq!(whole.points[0].writers, ["10.0.0.6", "10.0.0.5"]);
    }
}

#[test]
fn what_is_named_otherwise_today_is_the_same() {
    let before = report(
        vec![link("00:1b:1b:00:00:01", "10.0.0.9", (10, 20), 7)],
        vec![point("10.0.0.9", "holding 5", &["00:1b:1b:00:00:01"], (10, 20))],
    );
    let book = restarted(&TrafficBook::default(), &before);
    let mut assets = AssetBook::default();
    assets.take(&Report { assets: vec![asset("00:1b:1b:00:00:01", &[])], ..report(Vec::new(), Vec::new()) });
    let known = asset("10.0.0.5", &["10.0.0.5"]);
    let mut today =
        Report { assets: vec![known], ..report(vec![link("10.0.0.5", "10.0.0.9", (30, 40), 1)], Vec::new()) };
    assets.take(&today);
    assert_eq!(assets.assets.keys().collect::<Vec<_>>(), ["10.0.0.5"]);
    book.complete(&mut today, &assets);
    assert_eq!((today.links.len(), today.links[0].packets_to_server), (1, 8));
    assert_eq!(today.points[0].writers, ["10.0.0.5"]);
}

fn asset(id: &str, addresses: &[&str]) -> Asset {
    Asset {
        id: id.to_owned(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        macs: vec!["00:1b:1b:00:00:01".into()],
        card: None,
        role: Role::Host,
        vlan: None,
        facts: Vec::new(),
        serves: Vec::new(),
        asks: Vec::new(),
        sent: 1,
        received: 1,
        first: Time(10),
        last: Time(20),
    }
}

#[test]
fn what_was_seen_longest_ago_makes_room_and_is_counted() {
    let rows = [(1, 9), (2, 5), (3, 7), (4, 6)];
    let (kept, gone) = newest(&rows, 2, |row: &(i32, i64)| Time(row.1));
    assert_eq!((kept, gone), (vec![&(1, 9), &(3, 7)], 2));
    let (kept, gone) = newest(&rows, 4, |row| Time(row.1));
    assert_eq!((kept.len(), gone), (4, 0));
}

#[test]
fn a_forgotten_asset_is_forgotten_everywhere() {
    let before = report(
        vec![link("10.0.0.5", "10.0.0.9", (10, 20), 7), link("10.0.0.6", "10.0.0.9", (10, 20), 7)],
        vec![point("10.0.0.9", "holding 5", &["10.0.0.5", "10.0.0.6"], (10, 20))],
    );
    let mut book = restarted(&TrafficBook::default(), &before);
    book.forget("10.0.0.5");
    let mut after = report(Vec::new(), Vec::new());
    book.complete(&mut after, &AssetBook::default());
    assert_eq!(after.links.iter().map(|link| link.client.as_str()).collect::<Vec<_>>(), ["10.0.0.6"]);
    assert_eq!(
        (after.points[0].writers.as_slice(), after.points[0].readers.len()),
        (&["10.0.0.6".into()][..], 0)
    );
}

/// As the first version wrote it.
#[test]
fn version_1_is_read() {
    let text = include_str!("../fixtures/traffic-1.json");
    let book: TrafficBook = serde_json::from_str(text).unwrap();
    let mut all = report(Vec::new(), Vec::new());
    book.complete(&mut all, &AssetBook::default());
    assert_eq!(
        (all.links[0].first, all.links[0].functions[0].requests),
        (Time(1_700_000_000_000_000_000), 7)
    );
    assert_eq!((all.points[0].name.as_str(), all.points[0].last_value), ("holding 5", Some(42)));
    assert_eq!(serde_json::to_string(&book.kept(&all)).unwrap(), text.trim_end());
}

#[test]
fn a_protocol_that_is_not_known_is_refused_in_words() {
    let text = include_str!("../fixtures/traffic-1.json").replace("\"modbus\"", "\"telepathy\"");
    let why = serde_json::from_str::<TrafficBook>(&text).unwrap_err().to_string();
    assert!(why.contains("telepathy"), "{why}");
}

prop_compose! {
    fn any_link()(
        client in 1u8..5, server in 1u8..5, protocol in 0..Protocol::ALL.len(), port in 0u16..3,
        sums in prop::array::uniform7(0u64..1 << 40), first in 0i64..1_000, more in 0i64..1_000,
        functions in prop::collection::btree_map(0u32..9, (0u64..100, 0u64..100), 0..4),
        called in prop::option::of(any::<u16>()),
    ) -> LinkRow {
        let protocol = Protocol::ALL[protocol];
        let functions = functions.into_iter();
        let mut functions: Vec<FunctionRow> = functions
            .map(|(number, (requests, answers))| FunctionRow { answers, ..function(number, requests) })
            .collect();
        functions.sort_by_key(FunctionRow::rank);
        LinkRow {
            client: format!("10.0.0.{client}"), server: format!("10.0.1.{server}"), protocol, realm: protocol.realm(),
            port, connections: sums[0], packets_to_server: sums[1], bytes_to_server: sums[2], packets_to_client: sums[3],
            bytes_to_client: sums[4], changes: sums[5], malformed: sums[6], first: Time(first),
            last: Time(first + more), called, hidden: sums[6] % 2 == 1, functions,
        }
    }
}

proptest! {
    /// Whatever was seen: after a restart it is the same, and so it is after the next one.
    #[test]
    fn nothing_changes_over_restarts(
        links in prop::collection::vec(any_link(), 0..30),
        names in prop::collection::vec("\\PC{0,12}", 0..20),
        since in 1i64..1_000,
    ) {
        let points = names.iter().map(|name| point("10.0.1.1", name, &["10.0.0.1"], (since, since + 5))).collect();
        let mut book = TrafficBook::default();
        book.begin(Time(since));
        let none = AssetBook::default();
        let mut seen = report(Vec::new(), Vec::new());
        // One row for each name, as tables have them.
        book.links = links;
        book.points = points;
        book.complete(&mut seen, &none);
        for _ in 0..2 {
            book = restarted(&book, &seen);
            let mut again = report(Vec::new(), Vec::new());
            book.complete(&mut again, &none);
            prop_assert_eq!((&again.links, &again.points), (&seen.links, &seen.points));
            prop_assert_eq!((book.since, book.forgotten), (Time(since), 0));
        }
    }
}
