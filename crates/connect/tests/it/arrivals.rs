//! Values that come by themselves: their own times, several at once, quality alone, loss and pause.

use crate::support::{House, eventually};
use connect::kind::{Built, Security};
use connect::south::budget::Limits;
use connect::south::status::DeviceState;
use connect::south::{self, Arrival, DeviceLayout, Driver, GroupLayout, Layout, Link, Origin};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Declaration, Fault, Path, Status, Value, ValueType};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

/// Hands over what the test sends; `None` breaks the session.
struct Subscription(Receiver<Option<Vec<Arrival>>>);

impl Driver for Subscription {
    fn layout(&self) -> Layout {
        let points = vec![0, 1, 2];
        let group = GroupLayout { device: 0, class: "arriving".into(), period: Duration::ZERO, points };
        Layout {
            devices: vec![DeviceLayout { name: "d".into(), unit: String::new(), excluded: Vec::new() }],
            groups: vec![group],
            timeout: Duration::from_millis(100),
            retries: 1,
            recheck: Duration::from_secs(60),
            budget: Limits::default(),
            orders: Vec::new(),
        }
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        async move {
            let _ = link.open(async { Ok(()) }).await;
            loop {
                tokio::select! {
                    sent = self.0.recv() => match sent {
                        Some(Some(arrivals)) => {
                            link.alive(0);
                            link.arrived(0, Origin::LIVE, arrivals);
                        }
                        _ => return Fault::Lost("cut".into()),
                    },
                    () = link.wait(None) => while link.take().is_some() {},
                }
            }
        }
        .boxed()
    }
}

fn arrival(row: u32, value: Value, status: Status) -> Arrival {
    Arrival { row, value, status, source: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_keep_their_times_and_turn_bad_when_the_session_is_lost() {
    let house = House::new();
    let (send, receive) = channel(10);
    let point = |name: &str| {
        Arc::new(Declaration::new(Path::new(&format!("acme/leeds/s/{name}")).unwrap(), ValueType::I64))
    };
    let built: Built<dyn Driver> = Built {
        it: Box::new(Subscription(receive)),
        points: vec![point("a"), point("b"), point("c")],
        claims: Vec::new(),
        expected: Vec::new(),
        endpoint: "s".into(),
        security: Security::none(""),
    };
    let handle = south::run("s", "test", built, &house.namespace, &house.wheel).unwrap();
    let (a, b, c) = (|| house.last("s/a"), || house.last("s/b"), || house.last("s/c"));
    // One row with the source's own time; the others have nothing yet.
    let stamp = house.clock().now().before(Duration::from_secs(2));
    send.send(Some(vec![Arrival { source: Some(stamp), ..arrival(1, Value::I64(7), Status::GOOD) }]))
        .await
        .unwrap();
    eventually("the first value", || b().value == Value::I64(7)).await;
    assert_eq!((b().time, b().status), (stamp, Status::GOOD));
    assert_eq!(a().value, Value::None);
    assert!(a().status.is_bad());
    // A queue delivers several values of one point at once: each is a sample, in order. A row that is not there is left out.
    let before = b().count;
    let burst = [1, 2, 3].map(|n| arrival(1, Value::I64(n), Status::GOOD));
    let others = [arrival(9, Value::I64(0), Status::GOOD), arrival(2, Value::I64(5), Status::GOOD)];
    send.send(Some(burst.into_iter().chain(others).collect())).await.unwrap();
    eventually("the burst", || b().value == Value::I64(3) && c().value == Value::I64(5)).await;
    assert_eq!(b().count, before + 3);
    assert!(handle.status().counters.contains(&("late", 1)), "{:?}", handle.status().counters);
    // Only a quality: the value stays.
    let doubt = arrival(1, Value::None, Status::UNCERTAIN_LAST_USABLE_VALUE);
    send.send(Some(vec![doubt])).await.unwrap();
    eventually("the doubt", || b().status == Status::UNCERTAIN_LAST_USABLE_VALUE).await;
    assert_eq!(b().value, Value::I64(3));
    // The session breaks: every point turns bad, even if a new one is open but silent, and comes back with its next value.
    send.send(None).await.unwrap();
    eventually("the loss", || b().status == Status::BAD_COMMUNICATION_ERROR && c().status.is_bad()).await;
    assert_eq!(b().value, Value::I64(3), "the last value is kept");
    assert_eq!(house.namespace.active_events().len(), 1);
    send.send(Some(vec![arrival(1, Value::I64(4), Status::GOOD)])).await.unwrap();
    eventually("the return", || b().value == Value::I64(4) && b().status.is_good()).await;
    assert!(house.namespace.active_events().is_empty());
    assert!(c().status.is_bad(), "nothing of it has come yet");
    // What a paused device sends is not taken.
    assert!(handle.pause_device("d", true));
    eventually("the pause", || b().status == Status::BAD_OUT_OF_SERVICE).await;
    send.send(Some(vec![arrival(1, Value::I64(99), Status::GOOD)])).await.unwrap();
    eventually("it is left out", || handle.status().counters.contains(&("late", 2))).await;
    assert!(handle.pause_device("d", false));
    // What comes before the link has heard of it still comes from a paused device.
    eventually("the end of the pause", || handle.status().devices[0].state != DeviceState::Paused).await;
    send.send(Some(vec![arrival(2, Value::I64(6), Status::GOOD)])).await.unwrap();
    eventually("the resumption", || c().value == Value::I64(6) && c().status.is_good()).await;
    assert_eq!(b().value, Value::I64(4));
    handle.stop().await;
}
