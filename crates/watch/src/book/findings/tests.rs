use super::*;
use crate::coverage::Coverage;
use crate::guard::Explained;
use crate::hosts::Evidence;

const START: Time = Time(1_700_000_000_000_000_000);

fn at(seconds: u64) -> Time {
    START.after(Duration::from_secs(seconds))
}

fn report(count: u64, last: Time) -> Report {
    let row = FindingRow {
        id: "IB-S7-001-1".into(),
        rule: "IB-S7-001",
        title: "told to stop",
        severity: 950,
        level: "critical",
        techniques: Vec::new(),
        source: "10.0.0.5".into(),
        target: "10.0.0.9".into(),
        count,
        first: START,
        last,
        details: vec!["PLC stop".into()],
        meaning: "It stops.",
        next: "Look.",
        evidence: vec![Evidence { file: 0, frame: 1 }],
        latest: Evidence { file: 0, frame: 1 },
        window: None,
        path: None,
    };
    Report {
        captures: Vec::new(),
        coverage: Coverage::default(),
        explained: Explained::default(),
        findings: vec![row],
        assets: Vec::new(),
        links: Vec::new(),
        points: Vec::new(),
        differences: Vec::new(),
    }
}

const ID: &str = "IB-S7-001-1";

fn act(book: &mut FindingBook, act: Act, now: Time) -> Result<Standing, Refusal> {
    book.act(ID, "anna", act, now).map(|kept| kept.standing)
}

fn acknowledge() -> Act {
    Act::Acknowledge { note: String::new() }
}

#[test]
fn a_finding_is_told_at_once_and_then_now_and_then() {
    let mut book = FindingBook::default();
    assert_eq!(book.take(&report(1, at(0)), at(0)), [ID]);
    let events = book.events(at(0));
    assert_eq!((events.len(), events[0].revision, events[0].id.as_str()), (1, 1, ID));
    assert_eq!(events[0].state, EventState::Active);
    assert!(events[0].text.contains("It stops.") && events[0].title.contains("10.0.0.5"), "{events:?}");
    // Nothing new: nothing is told.
    assert!(book.take(&report(1, at(1)), at(1)).is_empty());
    assert!(book.events(at(10)).is_empty());
    // It grows every second: one revision in five.
    let told: usize = (10..30)
        .map(|second| {
            book.take(&report(second, at(second)), at(second));
            book.events(at(second)).len()
        })
        .sum();
    assert_eq!(told, 4);
    assert_eq!(book.findings[ID].count, 29);
}

#[test]
fn after_a_restart_it_is_the_same_and_counts_on() {
    let mut book = FindingBook::default();
    book.take(&report(5, at(0)), at(0));
    book.events(at(0));
    act(&mut book, acknowledge(), at(1)).unwrap();
    book.events(at(1));
    let text = serde_json::to_string(&book).unwrap();
    let mut book: FindingBook = serde_json::from_str(&text).unwrap();
    book.begin();
    assert!(book.events(at(2)).is_empty());
    assert_eq!(book.take(&report(2, at(3)), at(3)), [ID]);
    let kept = &book.findings[ID];
    assert_eq!((kept.count, kept.standing), (7, Standing::Acknowledged));
    let events = book.events(at(9));
    assert_eq!((events[0].revision, events[0].state), (3, EventState::Acknowledged));
}

#[test]
fn closed_opens_when_it_happens_again_and_acknowledged_after_a_day() {
    let mut book = FindingBook::default();
    book.take(&report(1, at(0)), at(0));
    assert_eq!(act(&mut book, Act::Close { note: "planned".into() }, at(1)), Ok(Standing::Closed));
    let event = book.events(at(1)).remove(0);
    assert_eq!((event.state, event.end), (EventState::Cleared, Some(at(1))));
    assert!(matches!(act(&mut book, acknowledge(), at(2)), Err(Refusal::Standing(..))));
    book.take(&report(2, at(3)), at(3));
    assert_eq!(book.findings[ID].standing, Standing::Open);
    assert_eq!(book.events(at(3))[0].state, EventState::Active);
    act(&mut book, acknowledge(), at(4)).unwrap();
    book.take(&report(3, at(5)), at(5));
    assert_eq!(book.findings[ID].standing, Standing::Acknowledged);
    let next_day = 5 + 24 * 3_600;
    book.take(&report(4, at(next_day)), at(next_day));
    assert_eq!(book.findings[ID].standing, Standing::Open);
    let words: Vec<&str> = book.findings[ID].history.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(words, ["opened", "closed", "reopened", "acknowledged", "reopened"]);
}

#[test]
fn a_muted_finding_is_counted_in_silence_until_its_time() {
    let mut book = FindingBook::default();
    book.take(&report(1, at(0)), at(0));
    book.events(at(0));
    let mute = |reason: &str, until| Act::Mute { reason: reason.into(), until };
    for wrong in [mute(" ", at(100)), mute("x", at(1)), mute("x", at(400 * 86_400))] {
        assert!(matches!(act(&mut book, wrong, at(1)), Err(Refusal::Invalid(..))));
    }
    assert_eq!(act(&mut book, mute("known HMI", at(100)), at(1)), Ok(Standing::Muted));
    assert_eq!(book.events(at(1)).len(), 1);
    book.take(&report(50, at(50)), at(50));
    assert!(book.events(at(60)).is_empty());
    assert_eq!(book.findings[ID].count, 50);
    assert!(book.open_by_asset().is_empty());
    book.expire(at(99));
    assert_eq!(book.findings[ID].standing, Standing::Muted);
    book.expire(at(100));
    assert_eq!(book.findings[ID].standing, Standing::Closed);
    book.take(&report(51, at(120)), at(120));
    assert_eq!(book.findings[ID].standing, Standing::Open);
    assert_eq!(book.open_by_asset()["10.0.0.9"], (1, 950));
    assert_eq!(book.open_by_level()["critical"], 1);
}

#[test]
fn the_book_is_bounded_and_says_what_had_no_room() {
    let mut book = FindingBook::default();
    book.take(&report(1, at(0)), at(0));
    let one = book.findings[ID].clone();
    for number in 0..MAX_FINDINGS {
        book.findings.insert(format!("x{number}"), one.clone());
    }
    book.findings.remove(ID);
    assert!(book.take(&report(1, at(0)), at(0)).is_empty());
    assert_eq!((book.no_room, book.findings.len()), (1, MAX_FINDINGS));
    book.act("x7", "anna", Act::Close { note: "done".into() }, at(1)).unwrap();
    assert_eq!(book.take(&report(1, at(0)), at(0)), [ID]);
    assert!(!book.findings.contains_key("x7"));
}

#[test]
fn what_happens_in_a_window_of_expected_work_is_for_the_record() {
    let mut book = FindingBook::default();
    let mut seen = report(1, at(0));
    seen.findings[0].window = Some("W-1".into());
    book.take(&seen, at(0));
    assert_eq!(book.findings[ID].standing, Standing::Closed);
    let event = book.events(at(0)).remove(0);
    assert_eq!(event.state, EventState::Cleared);
    assert!(event.refs.contains(&"W-1".to_owned()));
    seen.findings[0].count = 9;
    book.take(&seen, at(20));
    assert_eq!((book.findings[ID].count, book.findings[ID].standing), (9, Standing::Closed));
}
