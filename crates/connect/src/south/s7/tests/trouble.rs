//! CPUs that refuse, lie, fall silent or are somewhere else.

use super::plant::{plant, plant_of};
use crate::south::status::{DeviceState, State};
use model::{EventState, Status, Value};
use std::sync::atomic::Ordering;
use std::time::Duration;
use twin::s7::{Behaviour, Block, Conduct, LIES, Lie, Memory, Protection, Refusal, Rules};
use wire::s7::HeaderError;

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.put(10, 0, &[1, 2, 3, 4, 5, 6, 7, 8]);
    memory.blocks.insert(30, Block { protection: Protection::Optimised, ..Block::new(8) });
    memory
}

const TAGS: &str = r#"
a = { at = "DB10.DBB0", type = "BYTE" }
b = { at = "DB10.DBB7", type = "BYTE" }
past = { at = "DB10.DBW8", type = "INT" }
gone = { at = "DB99.DBW0", type = "INT" }
optimised = { at = "DB30.DBW0", type = "INT" }
flag = { at = "M0.0" }
"#;

#[tokio::test(start_paused = true)]
async fn a_refused_item_costs_only_its_own_point_and_is_tried_again() {
    let plant = plant_of("recheck = \"30s\"", Rules::default(), memory(), TAGS);
    plant.until("good", |p| p.last("d/b").status.is_good()).await;
    for (tag, value) in [("a", Value::U64(1)), ("b", Value::U64(8)), ("flag", Value::Bool(false))] {
        plant.until(tag, |p| p.last(&format!("d/{tag}")).status.is_good()).await;
        assert_eq!(plant.last(&format!("d/{tag}")).value, value);
    }
    for tag in ["past", "gone", "optimised"] {
        plant.until(tag, |p| p.last(&format!("d/{tag}")).status == Status::BAD_CONFIGURATION_ERROR).await;
    }
    let quarantined = plant.handle.status().devices[0].quarantined.clone();
    let words: Vec<_> = quarantined.iter().map(|q| (q.address.as_str(), q.reason.as_str())).collect();
    assert_eq!(
        words.iter().map(|w| w.0).collect::<Vec<_>>(),
        ["DB30.DBW0 i16", "DB99.DBW0 i16", "DB10.DBW8 i16"],
        "{words:?}"
    );
    assert!(
        words[0].1.contains("Optimized block access") && words[2].1.contains("lies outside"),
        "{words:?}"
    );
    assert_eq!(plant.namespace.active_events().len(), 1);
    // Refused points cost nothing any more.
    let before = plant.handle.status();
    let done = before.scans[0].done;
    plant.until("five scans", |p| p.handle.status().scans[0].done == done + 5).await;
    assert_eq!(plant.handle.status().scans[0].requests, 1);
    // The block is loaded: its point comes back by itself, the others stay where they are.
    plant.cpu.memory(|memory| memory.put(99, 0, &7i16.to_be_bytes()));
    let took = plant.until("back", |p| p.last("d/gone").value == Value::I64(7)).await;
    assert!(took < Duration::from_secs(35), "{took:?}");
    assert_eq!(plant.handle.status().devices[0].quarantined.len(), 2);
    assert!(plant.history("d/a").iter().all(|(_, status)| status.is_good()), "the sibling never noticed");
}

#[tokio::test(start_paused = true)]
async fn without_put_get_the_page_says_what_to_switch_on() {
    let closed = Rules { put_get: false, ..Rules::default() };
    let plant = plant(closed, memory(), TAGS);
    plant.until("bad", |p| p.last("d/a").status == Status::BAD_CONFIGURATION_ERROR).await;
    let status = plant.handle.status();
    assert_eq!(status.state, State::Connected);
    let error = status.last_error.unwrap();
    assert!(error.title.contains("permit PUT/GET access"), "{}", error.title);
    let events = plant.namespace.active_events();
    assert!(events[0].text.contains("permit PUT/GET access"), "{events:?}");
    // One question a scan, no more.
    let (requests, done) = (plant.cpu.counters.requests.load(Ordering::Relaxed), status.scans[0].done);
    plant.until("ten scans", |p| p.handle.status().scans[0].done == done + 10).await;
    assert!(plant.cpu.counters.requests.load(Ordering::Relaxed) <= requests + 11);
    plant.cpu.set_rules(Rules::default());
    let took = plant.until("good", |p| p.last("d/a").status.is_good()).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    let cleared = |e: &model::Event| e.state == EventState::Cleared;
    assert!(
        plant
            .namespace
            .recent_events(9)
            .iter()
            .any(|event| cleared(event) || !event.text.contains("PUT/GET"))
    );
}

#[tokio::test(start_paused = true)]
async fn no_lie_becomes_a_value() {
    for lie in LIES {
        if lie == Lie::Endless {
            continue; // a pipe holds so little that it would take minutes; tests/it has it
        }
        let plant = plant(
            Rules::default(),
            memory(),
            "a = { at = \"DB10.DBD0\", type = \"DWORD\" }\nf = { at = \"MB0\", type = \"BYTE\" }",
        );
        let truth = Value::U64(0x0102_0304);
        plant.until("good", |p| p.last("d/a").value == truth).await;
        plant.cpu.set_behaviour(Behaviour::of(Conduct::Lie(lie)));
        let done = plant.handle.status().scans[0].done;
        if lie.is_harmless() {
            plant.until("scans", |p| p.handle.status().scans[0].done > done + 5).await;
            assert!(plant.last("d/a").status.is_good(), "{lie:?}");
        } else {
            plant.until("bad", |p| p.last("d/a").status.is_bad()).await;
        }
        plant.cpu.set_behaviour(Behaviour::default());
        plant.until("good again", |p| p.last("d/a").status.is_good()).await;
        let history = plant.history("d/a");
        assert!(
            history.iter().all(|(value, _)| *value == truth || *value == Value::None),
            "{lie:?}: {history:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_cpu_is_bad_in_time_and_only_probed() {
    let plant = plant(Rules::default(), memory(), TAGS);
    plant.until("good", |p| p.last("d/a").status.is_good()).await;
    plant.cpu.set_behaviour(Behaviour::of(Conduct::Silent));
    let took = plant.until("bad", |p| p.last("d/a").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert!(took <= Duration::from_millis(3_100), "next scan (1 s) + 2 attempts of 1 s: {took:?}");
    assert_eq!(plant.last("d/a").value, Value::U64(1), "the last value is kept");
    plant.until("demoted", |p| p.handle.status().devices[0].state == DeviceState::Demoted).await;
    plant.cpu.set_behaviour(Behaviour::default());
    plant.until("good again", |p| p.last("d/a").status.is_good()).await;
}

#[tokio::test(start_paused = true)]
async fn the_wrong_slot_is_said_in_words() {
    let rules = Rules { place: Some((0, 2)), ..Rules::default() };
    let plant = plant(rules, memory(), TAGS);
    plant.until("bad", |p| p.last("d/a").status == Status::BAD_NO_COMMUNICATION).await;
    let title = plant.handle.status().last_error.unwrap().title;
    assert!(title.contains("rack 0, slot 1") && title.contains("an S7-300 slot 2"), "{title}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_line_is_picked_up_again() {
    let plant = plant(Rules::default(), memory(), TAGS);
    plant.until("good", |p| p.last("d/a").status.is_good()).await;
    plant.refuse.store(true, Ordering::Relaxed);
    plant.close_sessions();
    plant.until("bad", |p| p.last("d/a").status == Status::BAD_COMMUNICATION_ERROR).await;
    let dials = plant.dials.load(Ordering::Relaxed);
    assert!(dials < 6, "{dials} dials");
    plant.refuse.store(false, Ordering::Relaxed);
    plant.until("good again", |p| p.last("d/a").status.is_good()).await;
}

#[tokio::test(start_paused = true)]
async fn a_cpu_that_agreed_to_more_than_it_takes_is_asked_for_less() {
    let mut memory = Memory::default();
    memory.put(1, 0, &[7; 400]);
    let tags: String =
        (0..100).map(|i| format!("t{i} = {{ at = \"DB1.DBD{}\", type = \"DWORD\" }}\n", i * 4)).collect();
    let plant = plant(Rules { pdu: 480, ..Rules::default() }, memory, &tags);
    plant.until("good", |p| p.last("d/t99").status.is_good()).await;
    assert_eq!(plant.handle.status().scans[0].requests, 1);
    plant.cpu.set_behaviour(Behaviour {
        one_in: 4,
        ..Behaviour::of(Conduct::Refuse(Refusal::Whole(HeaderError::PDU_SIZE)))
    });
    plant.until("smaller requests", |p| p.handle.status().scans[0].requests > 1).await;
    plant.cpu.set_behaviour(Behaviour::default());
    plant.until("good", |p| p.last("d/t99").status.is_good() && p.last("d/t0").status.is_good()).await;
}

/// Polling wants forty requests a second; the budget has ten, and a write takes the next of them.
#[tokio::test(start_paused = true)]
async fn a_cpu_is_asked_no_more_than_its_budget() {
    let mut memory = Memory::default();
    memory.put(1, 0, &[0; 8_000]);
    let mut tags: String =
        (0..60).map(|i| format!("t{i} = {{ at = \"DB1.DBW{}\", type = \"INT\" }}\n", i * 100)).collect();
    tags.push_str("target = { at = \"DB1.DBW7000\", type = \"INT\", write = {} }\n");
    let keys = "budget = { requests = 10 }\nscan = { normal = \"100ms\" }\n";
    let plant = plant_of(keys, Rules { jobs: 8, ..Rules::default() }, memory, &tags);
    plant.until("good", |p| p.handle.status().good == 61).await;
    let count = || plant.cpu.counters.requests.load(std::sync::atomic::Ordering::Relaxed);
    let (begun, before) = (tokio::time::Instant::now(), count());
    plant.until("twenty seconds", |_| begun.elapsed() >= Duration::from_secs(20)).await;
    let asked = count() - before;
    assert!((190..=205).contains(&asked), "{asked} requests in 20 s");
    let status = plant.handle.status();
    assert!(status.budget.unwrap().held_back > 100 && status.faults.timeouts == 0, "{:?}", status.faults);
    let ordered = tokio::time::Instant::now();
    let outcome = plant.write("d/target", Value::I64(7)).await;
    assert!(matches!(outcome, model::Outcome::Confirmed { .. }), "{outcome:?}");
    assert!(ordered.elapsed() < Duration::from_millis(700), "{:?}", ordered.elapsed());
}
