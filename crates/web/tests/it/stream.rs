//! Every sample and event as server-sent events, resumed where a client stopped.

use crate::client::{Request, dechunk};
use crate::fixture::{Browser, Fixture};
use model::Value;
use serde_json::Value as Json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use web::Limits;

const SPEED: &str = "acme/leeds/line-1/filler/Speed";

struct Message {
    id: String,
    event: String,
    data: Json,
}

/// An open stream.
struct Stream {
    socket: TcpStream,
    raw: Vec<u8>,
    seen: usize,
}

impl Stream {
    async fn open(plant: &Fixture, who: &Browser, ask: &str, last: Option<&str>) -> Self {
        let mut request = Request::new("GET", &format!("/api/stream?{ask}")).header("cookie", &who.cookie);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let mut socket = TcpStream::connect(plant.server.address()).await.unwrap();
        socket.write_all(&request.bytes()).await.unwrap();
        Self { socket, raw: Vec::new(), seen: 0 }
    }

    fn message(&self) -> Option<Message> {
        let end = self.raw.windows(4).position(|w| w == b"\r\n\r\n")?;
        let body = String::from_utf8(dechunk(&self.raw[end + 4..])).unwrap();
        let block = body.split_inclusive("\n\n").filter(|block| block.ends_with("\n\n"));
        let block = block.filter(|block| block.contains("data: ")).nth(self.seen)?;
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        Some(Message {
            id: field("id: ").to_owned(),
            event: field("event: ").to_owned(),
            data: serde_json::from_str(field("data: ")).unwrap(),
        })
    }

    /// The next message that is no ping.
    async fn next(&mut self) -> Message {
        let reading = async {
            loop {
                if let Some(message) = self.message() {
                    self.seen += 1;
                    if message.event != "ping" {
                        return message;
                    }
                    continue;
                }
                let mut some = vec![0; 64 * 1024];
                let read = self.socket.read(&mut some).await.unwrap();
                assert!(read > 0, "the stream ended: {}", String::from_utf8_lossy(&self.raw));
                self.raw.extend(&some[..read]);
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reading).await.expect("a message within 30 s")
    }

    /// Values until `last`, and the id of the message that had it.
    async fn until(&mut self, last: f64) -> (Vec<f64>, String) {
        let mut all = Vec::new();
        loop {
            let message = self.next().await;
            assert_eq!(message.event, "samples", "{}", message.data);
            for sample in message.data["samples"].as_array().unwrap() {
                assert_eq!(sample["path"], SPEED);
                all.push(sample["value"].as_f64().unwrap());
            }
            if all.last() == Some(&last) {
                return (all, message.id);
            }
        }
    }
}

fn numbers(from: u32, to: u32) -> Vec<f64> {
    (from..=to).map(f64::from).collect()
}

#[tokio::test]
async fn every_sample_and_on_from_where_it_stopped() {
    let plant = Fixture::new().await;
    let ids = plant.points();
    let anna = plant.administrator().await;
    let ask = "points=line-1/filler/Speed&events=alarm&interval_ms=0";
    let mut stream = Stream::open(&plant, &anna, &ask.replace("line-1", "*"), None).await;
    let first = stream.next().await;
    assert_eq!((first.event.as_str(), &first.data["points"][0]["path"]), ("values", &SPEED.into()));
    let publish = |from: u32, to: u32| {
        for n in from..=to {
            plant.publish(&ids, vec![Value::F64(f64::from(n)), Value::U64(1), Value::I64(0)]);
        }
    };
    publish(1, 500);
    let (seen, id) = stream.until(500.0).await;
    assert_eq!(seen, numbers(1, 500), "every sample, once, in order, and none of other points");
    plant.alarm("alarm/1", "acme/leeds/line-1/filler", "Too fast\nreally");
    let event = stream.next().await;
    assert_eq!((event.event.as_str(), &event.data["event"]["id"]), ("event", &"alarm/1".into()));
    drop(stream);
    publish(501, 900);
    let path = format!("points={SPEED}&interval_ms=0");
    let mut again = Stream::open(&plant, &anna, &path, Some(&id)).await;
    assert_eq!(again.until(900.0).await.0, numbers(501, 900), "what came meanwhile");
}

#[tokio::test]
async fn who_is_too_far_behind_is_told_and_gets_the_newest() {
    let plant = Fixture::with(Limits { stream_behind: 50, ..Limits::default() }).await;
    let ids = plant.points();
    let anna = plant.administrator().await;
    let path = format!("points={SPEED}&interval_ms=0");
    for (last, gap) in
        [("1", true), ("9999999999999999999999", true), ("77777777777777777", true), ("x", true)]
    {
        for n in 0..100 {
            plant.publish(&ids[..1], vec![Value::F64(f64::from(n))]);
        }
        let mut stream = Stream::open(&plant, &anna, &path, Some(last)).await;
        let told = stream.next().await;
        assert_eq!(told.event == "gap", gap, "{last}: {}", told.data);
        assert!(told.data["why"].as_str().is_some_and(|why| !why.is_empty()), "{}", told.data);
        let newest = stream.next().await;
        assert_eq!((newest.event.as_str(), &newest.data["points"][0]["value"]), ("values", &99.0.into()));
        plant.publish(&ids[..1], vec![Value::F64(1_000.0)]);
        assert_eq!(stream.until(1_000.0).await.0, [1_000.0], "and goes on");
    }
    let metrics = plant.send(&Request::new("GET", "/metrics")).await.text();
    assert!(metrics.contains("ironbridge_web_stream_gaps_total 4\n"), "{metrics}");
}

/// Whether `what` comes, from what was read last on.
async fn comes(socket: &mut TcpStream, seen: &mut Vec<u8>, what: &str) -> bool {
    let reading = async {
        loop {
            if seen.windows(what.len()).any(|window| window == what.as_bytes()) {
                return true;
            }
            let mut some = vec![0; 256 * 1024];
            match socket.read(&mut some).await {
                Ok(0) | Err(_) => return false,
                Ok(read) => {
                    // The end of what was seen may hold the beginning of what is looked for.
                    seen.drain(..seen.len().saturating_sub(what.len()));
                    seen.extend(&some[..read]);
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("within a minute")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_takes_no_memory_and_is_told_what_it_missed() {
    let plant = Fixture::with(Limits { stream_behind: 500, ..Limits::default() }).await;
    let anna = plant.administrator().await;
    let path = model::Path::new("acme/leeds/line-1/note").unwrap();
    let id = plant.namespace.declare(vec![model::Declaration::new(path, model::ValueType::Text)]).unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket = socket.connect(plant.server.address()).await.unwrap();
    let request = Request::new("GET", "/api/stream?points=line-1/note&interval_ms=0");
    socket.write_all(&request.header("cookie", &anna.cookie).bytes()).await.unwrap();
    let mut seen = Vec::new();
    assert!(comes(&mut socket, &mut seen, "event: values").await);
    // More than all buffers on the way hold.
    let long = "x".repeat(4_000);
    for n in 0..6_000 {
        plant.publish(&id, vec![Value::from(format!("{n} {long}").as_str())]);
    }
    let lag = plant.namespace.journal().head();
    assert!(comes(&mut socket, &mut seen, "event: gap").await, "head at {lag}");
    assert!(comes(&mut socket, &mut seen, "the reader was too far behind").await);
    assert!(comes(&mut socket, &mut seen, "\"value\":\"5999 x").await, "and the newest value comes after it");
    let metrics = plant.send(&Request::new("GET", "/metrics")).await.text();
    let skipped =
        metrics.lines().find_map(|l| l.strip_prefix("ironbridge_web_stream_skipped_records_total "));
    assert!(skipped.unwrap().parse::<u64>().unwrap() > 500, "{metrics}");
}

#[tokio::test]
async fn wrong_questions_and_limits() {
    let plant = Fixture::with(Limits { streams_per_session: 1, ..Limits::default() }).await;
    plant.points();
    let anna = plant.administrator().await;
    for (ask, words) in [
        ("", "`points` or `events`"),
        ("events=alarms", "no kind of events `alarms`"),
        ("points=nowhere", "point `nowhere`"),
        ("points=line-1/**&interval_ms=soon", "whole number"),
        ("points=line-1/**&speed=1", "no parameter `speed`"),
    ] {
        let reply = plant.get(&format!("/api/stream?{ask}"), &anna).await;
        assert!(reply.status == 400 || reply.status == 404, "{ask}: {}", reply.text());
        assert!(reply.text().contains(words), "{ask}: {}", reply.text());
    }
    let mut first = Stream::open(&plant, &anna, "points=line-1/**", None).await;
    first.next().await;
    let second = plant.get("/api/stream?points=line-1/**", &anna).await;
    assert_eq!((second.status, second.code().as_str()), (429, "too-many-streams"));
}

#[tokio::test]
async fn points_that_appear_later_are_taken_in() {
    let plant = Fixture::new().await;
    plant.points();
    let anna = plant.administrator().await;
    let mut stream = Stream::open(&plant, &anna, "points=line-1/**&interval_ms=0", None).await;
    assert_eq!(stream.next().await.data["points"].as_array().unwrap().len(), 2);
    let path = model::Path::new("acme/leeds/line-1/capper/torque").unwrap();
    let id = plant.namespace.declare(vec![model::Declaration::new(path, model::ValueType::F64)]).unwrap();
    let added = stream.next().await;
    assert_eq!(added.event, "values");
    assert_eq!(added.data["points"][0]["path"], "acme/leeds/line-1/capper/torque");
    plant.publish(&id, vec![Value::F64(7.0)]);
    assert_eq!(stream.next().await.data["samples"][0]["value"], 7.0);
}
