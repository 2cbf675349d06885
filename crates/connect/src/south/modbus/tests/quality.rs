//! Quality on loss, demotion and probes, pause, events.

use super::plant::{Endpoint, Plant, Reply, plant};
use crate::south::status::{DeviceState, State};
use model::{EventState, Status, Value};
use std::time::Duration;

const S: Duration = Duration::from_secs(1);
const ONE: &str = "scan = { normal = \"1s\" }\n[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" } }\n";
const TWO: &str = "scan = { normal = \"1s\" }\n[device.d]\nunit = 1\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" } }\n\
                   [device.e]\nunit = 2\nat = \"e\"\ntags = { a = { at = \"holding 10\", type = \"u16\" } }\n";

fn sound(endpoint: &mut Endpoint) {
    for unit in [1, 2] {
        endpoint.unit(unit).registers.insert(10, 100 + u16::from(unit));
    }
}

fn dials(plant: &Plant) -> u32 {
    plant.endpoint.lock().dials
}

fn requests_to(plant: &Plant, unit: u8) -> usize {
    plant.endpoint.lock().log.iter().filter(|l| l.1 == unit).count()
}

#[tokio::test(start_paused = true)]
async fn loss_shows_in_time_keeps_the_value_and_heals() {
    let plant = plant(false, ONE, sound);
    plant.until("good", |p| p.last("d/a").status.is_good()).await;
    plant.pass(S * 3).await;
    plant.endpoint.lock().refuse = true;
    plant.close_sessions();
    let took = plant.until("bad", |p| p.last("d/a").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert!(took <= S * 2, "{took:?}");
    assert_eq!(plant.last("d/a").value, Value::U64(101));
    assert_eq!(plant.handle.status().state, State::Lost);
    let active = plant.namespace.active_events();
    assert_eq!(active.len(), 1);
    assert!(active[0].title.starts_with("Connection line-1 (plc:502) is lost"), "{}", active[0].title);
    plant.endpoint.lock().refuse = false;
    let took = plant.until("good again", |p| p.last("d/a").status.is_good()).await;
    assert!(took <= S * 16, "{took:?}");
    assert!(plant.namespace.active_events().is_empty());
    assert!(plant.namespace.recent_events(5).iter().any(|e| e.state == EventState::Cleared));
    assert_eq!(plant.handle.status().state, State::Connected);
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_at_once_disturbs_nobody() {
    let plant = plant(false, ONE, sound);
    plant.until("good", |p| p.last("d/a").status.is_good()).await;
    plant.pass(S * 5).await;
    plant.close_sessions();
    plant.pass(S * 5).await;
    assert_eq!(plant.handle.status().faults.reconnects, 1);
    assert!(plant.history("d/a").iter().all(|(_, status)| status.is_good()), "{:?}", plant.history("d/a"));
    assert!(plant.namespace.recent_events(5).is_empty());
}

#[tokio::test(start_paused = true)]
async fn never_read_is_said_differently() {
    let plant = plant(false, ONE, |endpoint| endpoint.refuse = true);
    let took = plant.until("bad", |p| p.last("d/a").status == Status::BAD_NO_COMMUNICATION).await;
    assert!(took <= S * 2, "{took:?}");
    assert_eq!(plant.last("d/a").value, Value::None);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_falls_silent_is_bad_after_its_attempts_and_then_only_probed() {
    let plant = plant(false, TWO, sound);
    plant.until("good", |p| p.last("e/a").status.is_good()).await;
    plant.pass(S * 3).await;
    plant.endpoint.lock().unit(2).silent = true;
    let took = plant.until("bad", |p| p.last("e/a").status == Status::BAD_COMMUNICATION_ERROR).await;
    assert!(took <= S * 3 + Duration::from_millis(50), "next scan (1 s) + 2 attempts of 1 s: {took:?}");
    plant.until("demoted", |p| p.handle.status().devices[1].state == DeviceState::Demoted).await;
    let title = &plant.namespace.active_events()[0].title;
    assert!(title.starts_with("Device e of line-1: no answer within"), "{title}");
    let (before, sibling) = (requests_to(&plant, 2), plant.handle.status().scans[0].done);
    plant.pass(S * 120).await;
    let probes = requests_to(&plant, 2) - before;
    assert!((6..=9).contains(&probes), "1, 2, 4, ... 60 s: {probes}");
    assert!(plant.handle.status().scans[0].done - sibling >= 118, "the sibling misses nothing");
    plant.endpoint.lock().unit(2).silent = false;
    plant.until("back", |p| p.last("e/a").status.is_good()).await;
    assert!(plant.namespace.active_events().is_empty());
    assert_eq!(plant.handle.status().devices[1].state, DeviceState::Ok);
    let before = requests_to(&plant, 2);
    plant.pass(S * 10).await;
    assert!(requests_to(&plant, 2) - before >= 9, "scanned again");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_reports_a_dead_unit_counts_as_silence_of_that_unit() {
    let plant = plant(false, TWO, |endpoint| {
        sound(endpoint);
        endpoint.hook = Some(Box::new(|unit, request| {
            (unit == 2).then(|| Reply::Pdu(vec![request.function_code() | 0x80, 0x0B]))
        }));
    });
    plant.until("demoted", |p| p.handle.status().devices[1].state == DeviceState::Demoted).await;
    assert!(plant.last("d/a").status.is_good());
    assert_eq!(plant.last("e/a").status, Status::BAD_NO_COMMUNICATION);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_accepts_but_never_answers_is_dialled_ever_more_rarely() {
    let plant = plant(false, ONE, |_| {});
    plant.pass(S * 120).await;
    assert_eq!(plant.last("d/a").status, Status::BAD_NO_COMMUNICATION);
    let (dialled, asked) = (dials(&plant), requests_to(&plant, 1));
    assert!((6..=14).contains(&dialled), "{dialled}");
    assert!(asked <= 18, "{asked}");
    assert_eq!(plant.namespace.active_events().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_device_gets_no_request_at_all() {
    let plant = plant(false, TWO, sound);
    plant.until("good", |p| p.last("e/a").status.is_good()).await;
    assert!(plant.handle.pause_device("e", true));
    assert!(!plant.handle.pause_device("x", true));
    plant.until("paused", |p| p.last("e/a").status == Status::BAD_OUT_OF_SERVICE).await;
    let before = requests_to(&plant, 2);
    plant.pass(S * 100).await;
    assert_eq!(requests_to(&plant, 2), before);
    assert_eq!(plant.handle.status().devices[1].state, DeviceState::Paused);
    assert!(plant.last("d/a").status.is_good());
    plant.handle.pause_device("e", false);
    plant.until("resumed", |p| p.last("e/a").status.is_good()).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_connection_is_closed_until_resumed() {
    let plant = plant(false, ONE, sound);
    plant.until("good", |p| p.last("d/a").status.is_good()).await;
    plant.handle.pause();
    plant.until("paused", |p| p.last("d/a").status == Status::BAD_OUT_OF_SERVICE).await;
    assert_eq!((plant.handle.status().state, plant.last("d/a").value), (State::Paused, Value::U64(101)));
    let (dialled, asked) = (dials(&plant), requests_to(&plant, 1));
    plant.pass(S * 100).await;
    assert_eq!((dials(&plant), requests_to(&plant, 1)), (dialled, asked));
    plant.handle.resume();
    plant.until("resumed", |p| p.last("d/a").status.is_good()).await;
    plant.handle.stop().await;
}
