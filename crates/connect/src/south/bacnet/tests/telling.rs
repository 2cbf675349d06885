//! Changes that devices tell.

use super::plant::{TAGS, ahu, plant};
use model::{Status, Value};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use twin::bacnet::{Conduct, Rules};
use wire::bacnet::{ObjectId, Value as Wire};

const SUPPLY: ObjectId = ObjectId::new(0, 1);
const COV: &str = "cov = true\n";

#[tokio::test(start_paused = true)]
async fn changes_are_told_confirmed_and_renewed_and_nothing_else_is_asked() {
    let device = ahu(Rules::default());
    let plant = plant(&device, COV, TAGS);
    plant.until("all are subscribed", |_| device.counters.subscriptions.load(Relaxed) == 4).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(30.0)]);
    let took = plant.until("told", |p| p.last("d/supply").value == Value::F64(30.0)).await;
    assert!(took <= Duration::from_millis(60), "{took:?}");
    let before = device.counters.requests.load(Relaxed);
    tokio::time::sleep(Duration::from_secs(100)).await;
    let asked = device.counters.requests.load(Relaxed) - before;
    assert!((98..=104).contains(&asked), "one look a scan: {asked}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let renewed = device.counters.subscriptions.load(Relaxed);
    assert!((16..=24).contains(&renewed), "every 150 s: {renewed}");
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(31.0)]);
    let took = plant.until("still told", |p| p.last("d/supply").value == Value::F64(31.0)).await;
    assert!(took <= Duration::from_millis(60), "{took:?}");
    assert_eq!(device.counters.told.load(Relaxed), device.counters.acknowledged.load(Relaxed));
}

#[tokio::test(start_paused = true)]
async fn a_full_list_is_polled_instead_and_a_person_is_told() {
    let device = ahu(Rules { subscriptions: 2, ..Rules::default() });
    let plant = plant(&device, COV, TAGS);
    plant.until("read", |p| p.last("d/mode").status == Status::GOOD).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(30.0)]);
    device.with(ObjectId::new(19, 1), |mode| mode.value = vec![Wire::Unsigned(3)]);
    plant
        .until("told or polled", |p| {
            p.last("d/supply").value == Value::F64(30.0) && p.last("d/mode").value == Value::U64(3)
        })
        .await;
    let events = events(&plant);
    assert!(
        events.iter().any(|title| title.contains("does not tell changes: the list has no room")),
        "{events:?}"
    );
    let before = device.counters.requests.load(Relaxed);
    tokio::time::sleep(Duration::from_secs(50)).await;
    let asked = device.counters.requests.load(Relaxed) - before;
    assert!(asked <= 56, "it is not asked for subscriptions all the time: {asked}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_know_the_service_is_polled() {
    let device = ahu(Rules { subscriptions: 0, ..Rules::default() });
    let plant = plant(&device, COV, TAGS);
    plant.until("read", |p| p.last("d/mode").status == Status::GOOD).await;
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(30.0)]);
    plant.until("polled", |p| p.last("d/supply").value == Value::F64(30.0)).await;
    let events = events(&plant);
    assert!(events.iter().any(|title| title.contains("does not know the service")), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_subscriptions_and_tells_nothing_is_polled() {
    let device = ahu(Rules::default());
    device.set_conduct(Conduct::Mute);
    let plant = plant(&device, COV, TAGS);
    plant.until("read", |p| p.last("d/mode").status == Status::GOOD).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(30.0)]);
    let took = plant.until("polled", |p| p.last("d/supply").value == Value::F64(30.0)).await;
    assert!(took <= Duration::from_millis(1_100), "{took:?}");
    assert!(events(&plant).iter().any(|title| title.contains("tells nothing")));
    device.set_conduct(Conduct::Sound);
    tokio::time::sleep(Duration::from_secs(65)).await;
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(31.0)]);
    let took = plant.until("told", |p| p.last("d/supply").value == Value::F64(31.0)).await;
    assert!(took <= Duration::from_millis(60), "tried again after the re-check: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_forgot_its_subscribers_is_found_out_at_the_renewal() {
    let device = ahu(Rules::default());
    let plant = plant(&device, "cov = true\ncov_lifetime = \"20s\"\n", TAGS);
    plant.until("all are subscribed", |_| device.counters.subscriptions.load(Relaxed) == 4).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    plant.site.lock().forget_subscribers();
    device.with(ObjectId::new(19, 1), |mode| mode.value = vec![Wire::Unsigned(3)]);
    let took = plant.until("told", |p| p.last("d/mode").value == Value::U64(3)).await;
    assert!(took <= Duration::from_secs(11), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_told_at_once_and_its_reason_follows() {
    let device = ahu(Rules::default());
    let plant = plant(&device, COV, TAGS);
    plant.until("all are subscribed", |_| device.counters.subscriptions.load(Relaxed) == 4).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    device.with(SUPPLY, |supply| {
        (supply.flags, supply.reliability) = (Some([false, true, false, false]), Some(4));
    });
    let took = plant.until("bad", |p| p.last("d/supply").status.is_bad()).await;
    assert!(took <= Duration::from_millis(60), "{took:?}");
    plant.until("why", |p| p.last("d/supply").status == Status::BAD_SENSOR_FAILURE).await;
    assert_eq!(plant.last("d/return").status, Status::GOOD);
    device.with(SUPPLY, |supply| supply.flags = Some([false; 4]));
    plant.until("good", |p| p.last("d/supply").status == Status::GOOD).await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_device_turns_bad_though_it_was_only_told() {
    let device = ahu(Rules::default());
    let plant = plant(&device, COV, TAGS);
    plant.until("all are subscribed", |_| device.counters.subscriptions.load(Relaxed) == 4).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    device.set_conduct(Conduct::Silent);
    for tag in ["supply", "return", "filter", "mode"] {
        let path = format!("d/{tag}");
        let took = plant.until("bad", |p| p.last(&path).status == Status::BAD_COMMUNICATION_ERROR).await;
        assert!(took <= Duration::from_secs(4), "{tag} {took:?}");
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    device.set_conduct(Conduct::Sound);
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(5.0)]);
    for tag in ["supply", "return", "filter", "mode"] {
        let path = format!("d/{tag}");
        plant.until("good", |p| p.last(&path).status == Status::GOOD).await;
    }
    assert_eq!(plant.last("d/supply").value, Value::F64(5.0));
}

#[tokio::test(start_paused = true)]
async fn a_pause_silences_us_and_everything_is_read_afterwards() {
    let device = ahu(Rules::default());
    let plant = plant(&device, COV, TAGS);
    plant.until("all are subscribed", |_| device.counters.subscriptions.load(Relaxed) == 4).await;
    plant.handle.pause_device("d", true);
    plant.until("paused", |p| p.last("d/supply").status == Status::BAD_OUT_OF_SERVICE).await;
    let before = plant.sent.load(Relaxed);
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(plant.sent.load(Relaxed), before, "not even renewed");
    device.with(SUPPLY, |supply| supply.value = vec![Wire::Real(5.0)]);
    assert_eq!(plant.last("d/supply").status, Status::BAD_OUT_OF_SERVICE);
    plant.handle.pause_device("d", false);
    plant
        .until("all good", |p| {
            ["supply", "return", "filter", "mode"]
                .iter()
                .all(|tag| p.last(&format!("d/{tag}")).status == Status::GOOD)
        })
        .await;
    assert_eq!(plant.last("d/supply").value, Value::F64(5.0));
}

/// Titles of all events.
fn events(plant: &super::plant::Plant) -> Vec<String> {
    let mut reader = plant.namespace.journal().reader(model::Position::default());
    let mut all = Vec::new();
    while let Some(item) = reader.try_next() {
        if let journal::Item::Record { record: journal::Record::Event(event), .. } = item {
            all.push(event.title.clone());
        }
    }
    all
}

/// A budget holds subscriptions back, too, and nothing spins meanwhile.
#[tokio::test(start_paused = true)]
async fn subscriptions_keep_to_the_budget() {
    let device = ahu(Rules::default());
    let keys = format!("[device.d]\ninstance = 1001\nat = \"d\"\n{COV}\n[device.d.tags]\n{TAGS}");
    let plant = super::plant::plant_of(
        twin::bacnet::Site::new(device.clone()),
        &format!("budget = {{ requests = 2 }}\n{keys}"),
    );
    plant.until("all are subscribed", |_| device.counters.subscriptions.load(Relaxed) == 4).await;
    let (before, start) = (device.counters.requests.load(Relaxed), tokio::time::Instant::now());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let asked = device.counters.requests.load(Relaxed) - before;
    assert!(asked <= 2 * start.elapsed().as_secs() + 2, "{asked}");
    assert_eq!(plant.last("d/mode").status, Status::GOOD);
}
