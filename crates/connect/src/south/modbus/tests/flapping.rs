//! Thirty devices that come and go for an hour: nothing piles up.

use super::plant::{Reply, connection};
use crate::south::status::State;
use crate::south::testing::namespace_holding;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// What may be held more after the hour than after its first minutes, in bytes: what a session leaves behind, times the
/// sessions, would be far more.
const SLACK: u64 = 12 << 20;

/// Resident bytes of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_flapping_leaves_nothing_behind() {
    let (namespace, _dir) = namespace_holding(1 << 20);
    let mut running = Vec::new();
    for number in 0..30usize {
        let text = format!(
            "timeout = \"200ms\"\nscan = {{ normal = \"500ms\" }}\n[device.d]\nat = \"d{number}\"\ntags = {{ a = {{ at = \"holding 10\", type = \"u16\" }} }}\n"
        );
        let mut asked = 0;
        running.push(connection(&namespace, &format!("line-{number}"), false, &text, |endpoint| {
            endpoint.unit(1).registers.insert(10, 7);
            // Each in a rhythm of its own: some answers, then a hang-up, silence, or an answer that is none.
            endpoint.hook = Some(Box::new(move |_, _| {
                asked += 1;
                (asked % (5 + number) == 0).then(|| match (asked + number) % 3 {
                    0 => Reply::Close,
                    1 => Reply::Silence,
                    _ => Reply::Raw(vec![0xFF; 300]),
                })
            }));
        }));
    }
    let mut early = (0, 0);
    for minute in 1..=60u32 {
        tokio::time::sleep(MINUTE).await;
        for (_, endpoint) in &running {
            // The test's own book would grow.
            endpoint.lock().log.clear();
        }
        if minute == 10 {
            early = (resident(), sessions(&running));
        }
    }
    let (late, opened) = (resident(), sessions(&running));
    assert!(opened > early.1 * 4, "it went on flapping: {} sessions, then {opened}", early.1);
    assert!(late < early.0 + SLACK, "{} MB, then {} MB", early.0 >> 20, late >> 20);
    let active = namespace.active_events().len();
    assert!(active <= running.len() * 2, "{active} events are open");
    for (handle, endpoint) in running {
        assert!(
            matches!(handle.state(), State::Connected | State::Lost | State::Connecting),
            "{:?}",
            handle.status()
        );
        assert!(endpoint.lock().sessions.len() <= 2, "sessions ended");
        handle.stop().await;
    }
    assert!(namespace.active_events().is_empty(), "{:?}", namespace.active_events());
}

type Running = (crate::south::Handle, std::sync::Arc<parking_lot::Mutex<super::plant::Endpoint>>);

fn sessions(running: &[Running]) -> usize {
    running.iter().map(|(_, endpoint)| endpoint.lock().dials as usize).sum()
}
