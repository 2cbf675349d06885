//! What the endpoint is asked at most, whoever asks.

use super::plant::{Plant, plant};
use model::{Outcome, Value};
use std::time::Duration;
use tokio::time::Instant;
use wire::modbus::Request;

const S: Duration = Duration::from_secs(1);

/// Thirty requests a second in the scans, ten in the budget.
const HUNGRY: &str = "budget = { requests = 10, connections = 1 }\nscan = { normal = \"100ms\" }\n[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" }, b = { at = \"holding 500\", type = \"u16\" }, target = { at = \"holding 900\", type = \"u16\", write = { max = 100 } } }\n";

fn hungry() -> Plant {
    plant(false, HUNGRY, |endpoint| endpoint.unit(1).registers.extend([(10, 1), (500, 2), (900, 3)]))
}

fn moments(plant: &Plant) -> Vec<Instant> {
    plant.endpoint.lock().log.iter().map(|(at, ..)| *at).collect()
}

/// The most requests in any span of a second.
fn busiest(moments: &[Instant]) -> usize {
    let within = |from: &Instant| moments.iter().filter(|at| **at >= *from && **at < *from + S).count();
    moments.iter().map(within).max().unwrap_or(0)
}

#[tokio::test(start_paused = true)]
async fn scans_keep_to_the_budget_and_late_ones_are_counted() {
    let plant = hungry();
    plant.pass(S * 20).await;
    let moments = moments(&plant);
    // What gathers in a moment of silence, and one at each end of the second.
    assert!(busiest(&moments) <= 11, "{}", busiest(&moments));
    assert!((195..=202).contains(&moments.len()), "{} requests in 20 s: the budget is used", moments.len());
    let status = plant.handle.status();
    assert!(status.scans[0].overruns > 100, "{status:?}");
    assert_eq!((status.faults.timeouts, status.good), (0, 3), "late, but sound");
    let budget = status.budget.unwrap();
    assert_eq!((budget.requests_per_s, budget.connections, budget.open), (Some(10.0), Some(1), Some(1)));
    assert!(budget.held_back > 100, "{budget:?}");
    assert!((status.requests_per_s - 10.0).abs() < 1.0, "{}", status.requests_per_s);
    assert!((plant.handle.planned_requests_per_s() - 30.0).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn a_write_takes_the_next_request_that_the_budget_has() {
    let plant = hungry();
    plant.until("all values", |plant| plant.handle.status().good == 3).await;
    for value in 20..30 {
        let ordered = Instant::now();
        let outcome = plant.write("d/target", Value::U64(value)).await;
        assert!(matches!(outcome, Outcome::Confirmed { .. }), "{outcome:?}");
        let log = plant.endpoint.lock().log.clone();
        let after: Vec<_> = log.iter().filter(|(at, ..)| *at > ordered).collect();
        // The request that may have been under way, then the write, then its read-back.
        let place =
            after.iter().position(|(_, _, request)| matches!(request, Request::WriteSingleRegister { .. }));
        assert!(place.is_some_and(|place| place <= 1), "{after:?}");
        plant.pass(Duration::from_millis(370)).await;
    }
    // A read-back cannot wait; scans pay for it.
    assert!(busiest(&moments(&plant)) <= 14, "{}", busiest(&moments(&plant)));
    let moments = moments(&plant);
    let span = (*moments.last().unwrap() - moments[0]).as_secs_f64();
    assert!(moments.len() as f64 <= span * 10.0 + 4.0, "{} requests in {span} s", moments.len());
}

#[tokio::test(start_paused = true)]
async fn a_connection_beside_it_waits_for_a_pause() {
    let plant = hungry();
    plant.until("all values", |plant| plant.handle.status().good == 3).await;
    let budget = plant.handle.budget();
    let refused = budget.permit_now().unwrap_err().to_string();
    assert!(refused.contains("pause the connection"), "{refused}");
    plant.handle.pause();
    plant.until("the pause", |_| budget.permit_now().is_ok()).await;
    // While somebody looks around, polling stays away; afterwards it goes on.
    let permit = budget.permit_now().unwrap();
    plant.handle.resume();
    let dials = plant.endpoint.lock().dials;
    plant.pass(S * 10).await;
    assert_eq!(plant.endpoint.lock().dials, dials);
    drop(permit);
    plant.until("polling goes on", |plant| plant.handle.status().good == 3).await;
    assert_eq!(plant.endpoint.lock().dials, dials + 1);
}

#[tokio::test(start_paused = true)]
async fn a_line_cannot_be_asked_more_than_its_budget_while_it_fails() {
    let plant = plant(false, HUNGRY, |endpoint| endpoint.unit(1).silent = true);
    plant.pass(S * 30).await;
    let moments = moments(&plant);
    assert!(!moments.is_empty() && busiest(&moments) <= 11, "{}", busiest(&moments));
}
