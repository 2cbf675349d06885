//! Writes: honest outcomes, never twice, before everything else.

use super::plant::{Endpoint, Plant, Reply, plant};
use model::{Outcome, Value};
use std::time::Duration;
use wire::modbus::Request;

const S: Duration = Duration::from_secs(1);
const TAGS: &str = r#"scan = { normal = "1s" }
[device.d]
at = "d"
[device.d.tags]
target = { at = "holding 10", type = "f32", write = { min = 0, max = 600 } }
small = { at = "holding 20", type = "i16", scale = 0.1, write = { } }
pulse = { at = "coil 5", write = { confirm = "none" } }
bit = { at = "holding 30.3", write = { } }
echo = { at = "holding 40", type = "u16", write = { confirm = { point = "d/mirror", within = "3s" } } }
mirror = { at = "holding 41", type = "u16" }
"#;

fn sound(endpoint: &mut Endpoint) {
    let unit = endpoint.unit(1);
    unit.registers.extend([(10, 0), (11, 0), (20, 5), (30, 0xFF00), (40, 0), (41, 0)]);
    unit.registers.extend((12..41).map(|a| (a, 0)).filter(|(a, _)| ![20, 30, 40].contains(a)));
    unit.coils.insert(5, false);
}

async fn running(prepare: impl FnOnce(&mut Endpoint)) -> Plant {
    let plant = plant(false, TAGS, |endpoint| {
        sound(endpoint);
        prepare(endpoint);
    });
    plant.until("good", |p| p.last("d/target").status.is_good() && p.last("d/pulse").status.is_good()).await;
    plant
}

fn writes(plant: &Plant) -> usize {
    plant.endpoint.lock().log.iter().filter(|l| matches!(l.2.function_code(), 5 | 6 | 15 | 16 | 22)).count()
}

#[tokio::test(start_paused = true)]
async fn confirmed_accepted_and_masked() {
    let plant = running(|_| {}).await;
    assert_eq!(
        plant.write("d/target", Value::F64(512.5)).await,
        Outcome::Confirmed { readback: Value::F64(512.5) }
    );
    assert_eq!(
        plant.write("d/small", Value::F64(-12.34)).await,
        Outcome::Confirmed { readback: Value::F64(-12.3) }
    );
    assert_eq!(plant.write("d/pulse", Value::Bool(true)).await, Outcome::Accepted);
    assert_eq!(
        plant.write("d/bit", Value::Bool(true)).await,
        Outcome::Confirmed { readback: Value::Bool(true) }
    );
    let mut endpoint = plant.endpoint.lock();
    assert_eq!(endpoint.unit(1).registers[&30], 0xFF08, "only the bit changed");
    assert_eq!(endpoint.unit(1).registers[&20], (-123i16) as u16);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_rejected_and_not_sent() {
    let plant = running(|_| {}).await;
    for (path, value) in
        [("d/target", Value::F64(601.0)), ("d/small", Value::F64(5_000.0)), ("d/mirror", Value::U64(1))]
    {
        let outcome = plant.write(path, value).await;
        assert_eq!(outcome.word(), "Rejected", "{path}: {outcome:?}");
    }
    assert_eq!(writes(&plant), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_and_differences_are_failures() {
    let plant = running(|endpoint| {
        endpoint.hook = Some(Box::new(|_, request| match request {
            Request::MaskWriteRegister { .. } => Some(Reply::Pdu(vec![0x96, 1])),
            Request::WriteMultipleRegisters { .. } => Some(Reply::Pdu(vec![0x90, 4])),
            // Says yes and does nothing.
            Request::WriteSingleRegister { address, value } => {
                let ([a, b], [c, d]) = (address.to_be_bytes(), value.to_be_bytes());
                Some(Reply::Pdu(vec![6, a, b, c, d]))
            }
            _ => None,
        }));
    })
    .await;
    let outcome = plant.write("d/bit", Value::Bool(true)).await;
    assert!(outcome.word() == "Failed" && outcome.why().contains("mask-write"), "{outcome:?}");
    let outcome = plant.write("d/target", Value::F64(1.0)).await;
    assert!(outcome.word() == "Failed" && outcome.why().contains("Server Device Failure"), "{outcome:?}");
    let outcome = plant.write("d/small", Value::F64(7.0)).await;
    assert!(outcome.word() == "Failed" && outcome.why().contains("reads back 0.5"), "{outcome:?}");
    assert_eq!(writes(&plant), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_without_answer_is_unknown_and_never_repeated() {
    for reply in [Reply::Silence, Reply::Close] {
        let plant = running(move |endpoint| {
            endpoint.hook = Some(Box::new(move |_, request| {
                matches!(request, Request::WriteMultipleRegisters { .. }).then(|| reply.clone())
            }));
        })
        .await;
        let outcome = plant.write("d/target", Value::F64(1.0)).await;
        assert_eq!(outcome.word(), "Unknown", "{outcome:?}");
        plant.pass(S * 30).await;
        assert_eq!(writes(&plant), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_its_time_or_to_a_lost_or_paused_device() {
    let plant = running(|_| {}).await;
    plant.handle.pause_device("d", true);
    plant.pass(S).await;
    let outcome = plant.write("d/target", Value::F64(1.0)).await;
    assert!(outcome.word() == "Rejected" && outcome.why().contains("paused"), "{outcome:?}");
    plant.handle.pause_device("d", false);
    plant.endpoint.lock().refuse = true;
    plant.close_sessions();
    plant.pass(S * 5).await;
    let outcome = plant.write("d/target", Value::F64(1.0)).await;
    assert!(outcome.word() == "Rejected" && outcome.why().contains("down"), "{outcome:?}");
    assert_eq!(writes(&plant), 0);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_waits_too_long_is_not_sent() {
    let plant = plant(false, &format!("pause_after_connect = \"5s\"\n{TAGS}"), sound);
    plant.pass(S).await;
    let outcome = plant.write_within("d/pulse", Value::Bool(true), S * 2).await;
    assert!(outcome.word() == "Rejected" && outcome.why().contains("time-to-live"), "{outcome:?}");
    plant.pass(S * 10).await;
    assert_eq!(writes(&plant), 0);
}

#[tokio::test(start_paused = true)]
async fn another_point_may_confirm() {
    let plant = running(|_| {}).await;
    let outcome = plant.write("d/echo", Value::U64(7)).await;
    assert!(outcome.word() == "Failed" && outcome.why().contains("did not become 7"), "{outcome:?}");
    plant.endpoint.lock().unit(1).registers.insert(41, 8);
    let outcome = plant.write("d/echo", Value::U64(8)).await;
    assert_eq!(outcome, Outcome::Confirmed { readback: Value::U64(8) });
}

#[tokio::test(start_paused = true)]
async fn a_write_does_not_wait_for_a_long_scan() {
    let tags: String = (0..50)
        .map(|i| format!("t{i} = {{ at = \"holding {}\", type = \"u16\" }}\n", 1_000 + i * 200))
        .collect();
    let plant = plant(false, &format!("{TAGS}{tags}"), |endpoint| {
        sound(endpoint);
        endpoint.hook = Some(Box::new(|_, request| {
            super::plant::span(request).filter(|(_, first, _)| *first >= 1_000)?;
            Some(Reply::Late(Duration::from_millis(100), vec![3, 2, 0, 1]))
        }));
    });
    plant.until("good", |p| p.last("d/target").status.is_good()).await;
    let start = tokio::time::Instant::now();
    assert_eq!(plant.write("d/pulse", Value::Bool(true)).await, Outcome::Accepted);
    assert!(start.elapsed() <= Duration::from_millis(205), "{:?}", start.elapsed());
}
