//! Thirty devices that come and go for an hour: nothing piles up.

use super::plant::{Reply, connection};
use crate::south::status::State;
use crate::south::testing::{an_hour_of_flapping, namespace_holding};

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
    // The test's own book would grow.
    let forget = |_| running.iter().for_each(|(_, endpoint)| endpoint.lock().log.clear());
    an_hour_of_flapping(forget, || sessions(&running)).await;
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

fn sessions(running: &[Running]) -> u64 {
    running.iter().map(|(_, endpoint)| u64::from(endpoint.lock().dials)).sum()
}
