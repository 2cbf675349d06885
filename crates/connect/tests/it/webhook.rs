//! Posts into a connection: kept on disk before they are acknowledged, refused in words.

use crate::support::{Held, House, eventually};
use connect::inbox::{Door, Kept, Refused};
use model::{Status, Time, Value};
use std::sync::Arc;
use std::time::Duration;

const TOKEN: &str = "0123456789abcdef0123";
const FILE: &str = r#"
kind = "webhook"
token = { secret = "post" }
max_rate = 50
max_body = 1000

[device.scale]
at = "scale"
stale = "300ms"
time = "/t"

[device.scale.tags]
weight = { at = "scale", type = "f64", value = "/weight", scale = 0.001, unit = "kg" }
article = { at = "scale", type = "text", value = "/article" }

[device.room]
at = "room"

[device.room.tags]
door = { at = "/", type = "bool", value = "/open" }

[device.room.patterns]
all = { at = "sensors/{sensor}", value = "/{quantity}", max_points = 2 }
"#;

async fn post(door: &Door, path: &str, body: &str) -> Result<Kept, Refused> {
    let body = body.as_bytes().to_vec();
    door.post(path.to_owned(), async move { Some(body.into()) }).await
}

async fn open(house: &House, secrets: &Arc<Held>) -> Arc<Door> {
    let inbox = secrets.inbox.clone();
    eventually("the door is open", || inbox.door("posts", TOKEN).is_some()).await;
    assert!(house.namespace.find("acme/leeds/scale/weight").is_some());
    secrets.inbox.door("posts", TOKEN).unwrap()
}

const fn kept(values: usize, bad: usize) -> Result<Kept, Refused> {
    Ok(Kept { values, bad, no_room: 0, commands: Vec::new() })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_on_disk() {
    let house = House::new();
    let (handle, secrets) = house.start_keeping("posts", FILE, &[("post", TOKEN)]);
    let door = open(&house, &secrets).await;
    assert_eq!(house.last("scale/weight").status, Status::BAD_WAITING_FOR_INITIAL_DATA);
    let now = house.clock().now();
    let body = format!(r#"{{"t":"{}","weight":12400,"article":"COLA-050"}}"#, Time(now.0 - 1_000_000_000));
    let journal = house.namespace.journal().clone();
    assert_eq!(post(&door, "scale", &body).await, kept(2, 0));
    assert_eq!(journal.synced(), journal.head(), "on disk before the answer");
    let weight = house.last("scale/weight");
    assert_eq!((weight.value, weight.status), (Value::F64(12.4), Status::GOOD));
    assert_eq!(weight.time.0, now.0 - 1_000_000_000, "its own time");
    assert_eq!(house.last("scale/article").value, Value::from("COLA-050"));
    assert_eq!(post(&door, "/", r#"{"open":true}"#).await, kept(1, 0));
    assert_eq!(house.last("room/door").value, Value::Bool(true));
    // Silence makes the value doubtful, the next post makes it good again.
    eventually("stale", || house.last("scale/weight").status == Status::UNCERTAIN_LAST_USABLE_VALUE).await;
    assert_eq!(house.last("room/door").status, Status::GOOD, "this one may be silent");
    let body = format!(r#"{{"t":"{}","weight":"heavy"}}"#, house.clock().now());
    assert_eq!(post(&door, "scale", &body).await, kept(1, 1));
    assert_eq!(house.last("scale/weight").status, Status::BAD_DECODING_ERROR);
    handle.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_make_points_as_far_as_there_is_room() {
    let house = House::new();
    let (_handle, secrets) = house.start_keeping("posts", FILE, &[("post", TOKEN)]);
    let door = open(&house, &secrets).await;
    let three = r#"{"temperature":21.5,"humidity":40,"pressure":1013}"#;
    assert_eq!(
        post(&door, "sensors/hall", three).await,
        Ok(Kept { values: 2, no_room: 1, ..Kept::default() })
    );
    let found = ["temperature", "humidity", "pressure"]
        .iter()
        .filter(|name| house.namespace.find(&format!("acme/leeds/room/hall/{name}")).is_some());
    assert_eq!(found.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_counted() {
    let house = House::new();
    let (handle, secrets) = house.start_keeping("posts", FILE, &[("post", TOKEN)]);
    let door = open(&house, &secrets).await;
    for (name, token) in [("posts", "0123456789abcdef0124"), ("posts", ""), ("others", TOKEN), ("", "")] {
        assert!(secrets.inbox.door(name, token).is_none(), "{name} {token}");
    }
    assert!(matches!(post(&door, "elsewhere", "{}").await, Err(Refused::Unread(_))));
    assert!(matches!(post(&door, "scale", r#"{"t":1}"#).await, Err(Refused::Unread(_))));
    assert!(matches!(post(&door, "scale", "weight=5").await, Err(Refused::Unreadable(_))));
    assert_eq!(house.last("scale/weight").status, Status::BAD_DECODING_ERROR);
    assert_eq!(house.last("room/door").status, Status::BAD_WAITING_FOR_INITIAL_DATA, "and no other");
    assert_eq!(door.post("scale".into(), async { None }).await, Err(Refused::TooLong));
    let many = (0..200).map(|_| post(&door, "/", r#"{"open":false}"#));
    let answers = futures_util::future::join_all(many).await;
    let limited = answers.iter().filter(|answer| **answer == Err(Refused::TooMany(1))).count();
    assert!(limited > 20, "{limited} of 200 at once; 32 may be under way");
    let counted = |name| handle.status().counters.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!(counted("rejected"), limited as u64);
    assert_eq!(counted("unclaimed"), 2);
    // A new secret counts at once, and a connection that stops closes its door.
    secrets.set("post", "another-token-of-20-characters");
    assert!(secrets.inbox.door("posts", TOKEN).is_none());
    assert!(secrets.inbox.door("posts", "another-token-of-20-characters").is_some());
    handle.stop().await;
    eventually("the door is closed", || {
        secrets.inbox.door("posts", "another-token-of-20-characters").is_none()
    })
    .await;
    assert!(matches!(post(&door, "/", r#"{"open":true}"#).await, Err(Refused::Closed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_guessed_soon_is_none() {
    let house = House::new();
    let (handle, secrets) = house.start_keeping("posts", FILE, &[("post", "short")]);
    let told = || handle.status().last_error.map(|error| error.title).unwrap_or_default();
    eventually("it is told", || told().contains("shorter than 16 characters")).await;
    assert!(secrets.inbox.door("posts", "short").is_none());
    let (handle, _) = house.start_keeping("others", &FILE.replace("\"s", "\"t"), &[]);
    let told = || handle.status().last_error.map(|error| error.title).unwrap_or_default();
    eventually("it is told", || told().contains("ironbridge secret set post")).await;
    tokio::time::timeout(Duration::from_secs(10), handle.stop()).await.unwrap();
}
