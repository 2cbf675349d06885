//! RTU: a late answer is never taken for the next one, whatever it costs.

use super::plant::{Endpoint, Reply, plant, span};
use model::Value;
use std::time::Duration;

const S: Duration = Duration::from_secs(1);
const BLOCKS: &str = "scan = { normal = \"1s\" }\ntimeout = \"200ms\"\n[device.d]\nat = \"d\"\ntags = { a = { at = \"holding 10\", type = \"u16\" }, b = { at = \"holding 500\", type = \"u16\" }, c = { at = \"holding 900\", type = \"f32\" }, e = { at = \"holding 1200\", type = \"f32\" } }\n";

fn sound(endpoint: &mut Endpoint) {
    endpoint.unit(1).registers.extend([
        (10, 111),
        (11, 0),
        (500, 222),
        (501, 0),
        (900, 0x3FC0),
        (901, 0),
        (1200, 0x4020),
        (1201, 0),
    ]);
}

fn never_mixed(plant: &super::plant::Plant) {
    for (path, value) in
        [("a", Value::U64(111)), ("b", Value::U64(222)), ("c", Value::F64(1.5)), ("e", Value::F64(2.5))]
    {
        for (seen, _) in plant.history(&format!("d/{path}")) {
            assert!(seen == value || seen == Value::None, "{path} had the value {seen:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reads_through_a_line() {
    let plant = plant(true, BLOCKS, sound);
    plant.pass(S * 5).await;
    never_mixed(&plant);
    assert!(["d/a", "d/b", "d/c", "d/e"].iter().all(|path| plant.last(path).status.is_good()));
    assert_eq!(plant.handle.status().faults.late, 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_never_the_next_ones() {
    for delay in [201, 210, 250, 300, 400, 600, 1_500] {
        let mut turn = 0u32;
        let plant = plant(true, BLOCKS, |endpoint| {
            sound(endpoint);
            endpoint.hook = Some(Box::new(move |_, request| {
                turn += 1;
                // Every seventh read is answered rightly, but late; the device does nothing else meanwhile.
                let value: &[u8] = match span(request)? {
                    (_, 10, 1) => &[3, 2, 0, 111],
                    (_, 500, 1) => &[3, 2, 0, 222],
                    (_, 900, 2) => &[3, 4, 0x3F, 0xC0, 0, 0],
                    (_, 1200, 2) => &[3, 4, 0x40, 0x20, 0, 0],
                    _ => return None,
                };
                turn.is_multiple_of(7).then(|| Reply::Late(Duration::from_millis(delay), value.to_vec()))
            }));
        });
        plant.pass(S * 60).await;
        never_mixed(&plant);
        let status = plant.handle.status();
        // The latest ones end the session first, and what comes then reaches nobody.
        assert!(status.faults.late + status.faults.reconnects > 0, "{delay}: {status:?}");
        let good = plant.history("d/a").iter().filter(|(_, status)| status.is_good()).count();
        // Beyond three time-outs in a row the session ends and is opened again with backoff.
        let least = if delay <= 600 { 20 } else { 3 };
        assert!(good >= least, "{delay} ms: only {good} good scans in a minute");
    }
}

#[tokio::test(start_paused = true)]
async fn noise_on_the_line_costs_a_request_not_the_session() {
    let mut turn = 0u32;
    let plant = plant(true, BLOCKS, |endpoint| {
        sound(endpoint);
        endpoint.hook = Some(Box::new(move |_, _| {
            turn += 1;
            match turn % 9 {
                0 => Some(Reply::Raw(vec![1, 3, 2, 0, 7, 0xFF, 0xFF])),
                4 => Some(Reply::Raw(vec![0x55, 0xAA])),
                _ => None,
            }
        }));
    });
    plant.pass(S * 60).await;
    never_mixed(&plant);
    let status = plant.handle.status();
    assert!(status.faults.bad_frames > 0 && status.faults.timeouts > 0, "{status:?}");
    assert_eq!(status.faults.reconnects, 0);
    assert!(plant.last("d/a").value == Value::U64(111));
}

#[tokio::test(start_paused = true)]
async fn a_flood_ends_the_session() {
    let mut first = true;
    let plant = plant(true, BLOCKS, |endpoint| {
        sound(endpoint);
        endpoint.hook =
            Some(Box::new(move |_, _| std::mem::take(&mut first).then(|| Reply::Raw(vec![1; 3_000]))));
    });
    plant.until("good", |p| p.last("d/e").status.is_good()).await;
    assert_eq!(plant.handle.status().faults.desync, 1);
    never_mixed(&plant);
}

#[tokio::test(start_paused = true)]
async fn one_dead_unit_of_thirty_costs_the_others_at_most_two_percent() {
    let devices: String = (1..=30)
        .map(|unit| format!("[device.u{unit}]\nunit = {unit}\nat = \"u{unit}\"\ntags = {{ a = {{ at = \"holding 10\", type = \"u16\" }} }}\n"))
        .collect();
    let plant = plant(true, &format!("scan = {{ normal = \"1s\" }}\n{devices}"), |endpoint| {
        for unit in 1..=30 {
            endpoint.unit(unit).registers.insert(10, unit.into());
        }
        endpoint.unit(17).silent = true;
        // A line at 19,200 baud takes about 12 ms for question and answer.
        endpoint.hook = Some(Box::new(|unit, _| {
            (unit != 17).then(|| Reply::Late(Duration::from_millis(12), vec![3, 2, 0, unit]))
        }));
    });
    plant.pass(S * 300).await;
    for unit in (1..=30u64).filter(|unit| *unit != 17) {
        let history = plant.history(&format!("u{unit}/a"));
        assert!(
            history.len() >= 294
                && history.iter().all(|(value, status)| *value == Value::U64(unit) && status.is_good()),
            "unit {unit}: {} scans",
            history.len()
        );
    }
}
