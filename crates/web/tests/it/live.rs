//! Live values: everything at first, then what changed, the newest wins.

use crate::client::{Request, dechunk, parse};
use crate::fixture::{Browser, Fixture};
use model::{Role, Value};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::Limits;

const SPEED: &str = "acme/leeds/line-1/filler/Speed";

/// An open stream.
struct Stream {
    socket: TcpStream,
    raw: Vec<u8>,
    seen: usize,
}

impl Stream {
    async fn open(plant: &Fixture, who: &Browser, paths: &[&str], interval_ms: u64) -> Self {
        let request = Request::new("POST", "/api/live")
            .header("cookie", &who.cookie)
            .header("x-csrf-token", &who.csrf)
            .json(&json!({"paths": paths, "interval_ms": interval_ms}));
        let mut socket = TcpStream::connect(plant.server.address()).await.unwrap();
        socket.write_all(&request.bytes()).await.unwrap();
        Self { socket, raw: Vec::new(), seen: 0 }
    }

    fn events(&self) -> Vec<(String, Json)> {
        let Some(end) = self.raw.windows(4).position(|w| w == b"\r\n\r\n") else { return Vec::new() };
        let body = String::from_utf8(dechunk(&self.raw[end + 4..])).unwrap();
        let whole = body.split("\n\n").filter(|block| block.contains("data: "));
        whole
            .map(|block| {
                let (name, data) = block.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
                (name.to_owned(), serde_json::from_str(data).unwrap())
            })
            .collect()
    }

    /// The next event; `None` when the server ended the stream.
    async fn next(&mut self) -> Option<(String, Json)> {
        let reading = async {
            loop {
                if let Some(event) = self.events().get(self.seen) {
                    self.seen += 1;
                    return Some(event.clone());
                }
                let mut some = vec![0; 16 * 1024];
                match self.socket.read(&mut some).await {
                    Ok(0) | Err(_) => return None,
                    Ok(read) => self.raw.extend(&some[..read]),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an event within 20 s")
    }
}

#[tokio::test]
async fn all_at_first_then_the_newest_of_what_changed() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    let anna = plant.administrator().await;
    let mut stream =
        Stream::open(&plant, &anna, &["nowhere", SPEED, "acme/leeds/line-1/filler/State"], 100).await;
    let (name, data) = stream.next().await.unwrap();
    assert_eq!(name, "values");
    let shape: web::shapes::LiveValues = serde_json::from_value(data.clone()).unwrap();
    assert_eq!(shape.v.len(), 3, "{data}");
    let row = |index: u64| data["v"].as_array().unwrap().iter().find(|row| row[0] == index).unwrap().clone();
    assert_eq!((row(1)[1].clone(), row(1)[2].clone()), (json!(120.5), json!("Good")));
    assert_eq!((row(0)[1].clone(), row(0)[2].clone()), (Json::Null, json!("BadNodeIdUnknown")));
    for n in 1..=200 {
        plant.publish(&ids[..1], vec![Value::F64(f64::from(n))]);
    }
    let mut messages = 0;
    loop {
        let (name, data) = stream.next().await.unwrap();
        if name == "ping" {
            continue;
        }
        messages += 1;
        let rows = data["v"].as_array().unwrap();
        assert_eq!((rows.len(), &rows[0][0]), (1, &json!(1)), "only what changed: {data}");
        if rows[0][1] == 200.0 {
            break;
        }
    }
    assert!(messages <= 20, "200 changes came as {messages} messages");
}

#[tokio::test]
async fn a_quiet_stream_pings_and_a_new_configuration_resets() {
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let mut stream = Stream::open(&plant, &anna, &[SPEED, "acme/leeds/new"], 100).await;
    assert_eq!(stream.next().await.unwrap().0, "values");
    let added = model::Declaration::new(model::Path::new("acme/leeds/new").unwrap(), model::ValueType::Bool);
    plant.namespace.declare(vec![added]).unwrap();
    assert_eq!(stream.next().await.unwrap().0, "reset");
    let (name, data) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), data["v"].as_array().unwrap().len()), ("values", 2));
    assert!(data.to_string().contains("BadWaitingForInitialData"), "{data}");
}

#[tokio::test]
async fn a_stream_ends_with_the_right_to_look() {
    let plant = Fixture::new().await;
    plant.points();
    plant.administrator().await;
    let vera = plant.user("vera", Role::Viewer).await;
    let mut stream = Stream::open(&plant, &vera, &[SPEED], 100).await;
    assert_eq!(stream.next().await.unwrap().0, "values");
    let access = plant.access.clone();
    let gone = tokio::task::spawn_blocking(move || access.delete_user(&access::Access::owner(0), "vera"));
    gone.await.unwrap().unwrap();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn streams_are_limited_and_end_at_shutdown() {
    let plant = Fixture::with(Limits { streams_per_session: 2, ..Limits::default() }).await;
    plant.points();
    let anna = plant.administrator().await;
    let mut first = Stream::open(&plant, &anna, &[SPEED], 100).await;
    let mut second = Stream::open(&plant, &anna, &[SPEED], 100).await;
    assert!(first.next().await.is_some() && second.next().await.is_some());
    let mut third = Stream::open(&plant, &anna, &[SPEED], 100).await;
    assert!(third.next().await.is_none());
    let refused = parse(&third.raw);
    assert_eq!((refused.status, refused.code().as_str()), (429, "too-many-streams"));
    let metrics = plant.send(&Request::new("GET", "/metrics")).await.text();
    assert!(metrics.contains("ironbridge_web_streams 2\n"));
    tokio::time::timeout(Duration::from_secs(4), plant.server.stop())
        .await
        .expect("open streams do not hold up the end");
    assert!(first.next().await.is_none());
}

#[tokio::test]
async fn too_many_points_are_refused() {
    let plant = Fixture::new().await;
    let anna = plant.administrator().await;
    let reply = plant.call("POST", "/api/live", &anna, &json!({"paths": vec!["a"; 2_001]})).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-request"));
}
