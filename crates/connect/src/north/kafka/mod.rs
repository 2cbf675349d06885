//! Kafka: samples and events as messages of topics, keyed by point, each acknowledged by all copies in step.
//!
//! ```text
//! feed.gather() ─▶ render ─▶ Producer: key ─▶ partition ─▶ batch, acks=all ─▶ feed.ack_all(positions)
//! ```
//! Rationale: the messages of the protocol are `kafka-protocol`'s; what a producer is stands here, because the libraries
//! that are idempotent bring OpenSSL or a queue of their own beside the feed's. Within a session nothing is written
//! twice; what was under way when a session ended comes again and carries its key (time, seq) in headers.

mod client;
mod config;
mod partition;
mod producer;
mod scram;
mod words;

use super::contract::{Contract, Telling};
use super::payload::{self, Format, Renderer, contract, template};
use super::{Asks, Delivery, Feed, Gathered, Proof, Proofs, Reject, Samples, Sink};
use crate::endless::endless;
use crate::kind::Kind;
use bytes::Bytes;
use config::Servers;
use futures_util::future::BoxFuture;
use kafka_protocol::records::Compression;
use model::{Fault, Path, PointId, Position, Time};
use producer::{Creation, Producer};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How Kafka enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "kafka",
    title: "Kafka",
    schema: config::schema,
    build: config::build,
    sample: include_str!("sample.toml"),
};

/// Headers of a message about a sample.
const TIME: &str = "ironbridge-time";
const SEQ: &str = "ironbridge-seq";
const HISTORICAL: &str = "ironbridge-historical";
/// How long the last batch may take when the destination stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// Most points whose topic is remembered; beyond it the memory starts anew (it is only a cache).
const MAX_TOPICS: usize = 1_000_000;

/// See the module.
struct Kafka {
    servers: Arc<Servers>,
    site: Path,
    format: Format,
    topic: Vec<template::Part>,
    key: Vec<template::Part>,
    events_topic: String,
    creation: Creation,
    compression: Compression,
    linger: Duration,
    /// Most samples of one round.
    batch: usize,
    proofs: Proofs<producer::Stored>,
}

/// One message on its way.
struct Message {
    topic: Arc<str>,
    key: Bytes,
    payload: Bytes,
    time_ms: i64,
    headers: Vec<(&'static str, Bytes)>,
    position: Position,
}

impl Message {
    fn reject(self, reason: String, time: Time) -> Reject {
        let path = String::from_utf8_lossy(&self.key).into_owned();
        Reject { position: self.position, path, reason, time }
    }
}

impl Sink for Kafka {
    fn asks(&self) -> Asks {
        Asks::Usually
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let (format, key, topic) = (self.format.clone(), self.key.clone(), self.topic.clone());
        let events = self.events_topic.clone();
        Telling::new(move |known| {
            let place = format!("topic {}", template::shown(&topic, &known.site).replace('/', "."));
            let target = |key: &str| (place.clone(), key.to_owned());
            let mut all = contract::samples(&format, (&key, template::topic), &target, known);
            all.extend(known.events.then(|| contract::events(format!("topic {events}"), "id of the event")));
            for one in &mut all {
                let headers = format!("Headers: {TIME} (nanoseconds since 1970 UTC), {SEQ}, {HISTORICAL}.");
                one.note = [&one.note, &headers].map(String::as_str).join(" ").trim_start().to_owned();
            }
            Contract::new(format.word(), all)
        })
        .of_points(self.format.names_points())
    }
}

/// What makes messages of samples.
struct Maker {
    renderer: Renderer,
    topics: HashMap<PointId, Arc<str>>,
    events: Arc<str>,
}

impl Kafka {
    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let servers = Arc::clone(&self.servers);
        let opened = Producer::open(&servers, self.creation, self.compression);
        let mut producer = tokio::select! {
            producer = opened => producer?,
            () = feed.stopping() => return Err(Fault::Stopped),
        };
        feed.secured(self.servers.security());
        feed.connected().await;
        let (format, key, site) = (self.format.clone(), self.key.clone(), self.site.clone());
        let renderer = Renderer::new(format, key, template::topic, site);
        let mut maker = Maker { renderer, topics: HashMap::new(), events: self.events_topic.as_str().into() };
        self.proofs.begin(feed);
        let mut gathered = Gathered::default();
        loop {
            tokio::select! {
                biased;
                () = feed.gather(&mut gathered, self.batch, self.linger) => {}
                () = self.proofs.due() => {}
            }
            let gathered = std::mem::take(&mut gathered);
            let positions = gathered.positions();
            let mut messages = Vec::with_capacity(gathered.samples);
            let mut rejects = Vec::new();
            for delivery in &gathered.deliveries {
                self.make(delivery, &mut maker, feed, &mut messages, &mut rejects);
            }
            let now = feed.now();
            let refused = tokio::select! {
                refused = producer.deliver(messages, now) => refused?,
                // What is not acknowledged stays ours, and comes again.
                () = async { feed.stopping().await; tokio::time::sleep(FAREWELL).await } => {
                    return Err(Fault::Stopped);
                }
            };
            rejects.extend(refused);
            feed.ack_all(&positions, rejects);
            if gathered.stop {
                return Err(Fault::Stopped);
            }
            self.proofs.took(|| {
                let stored = producer.stored()?;
                let what = format!("message {} of {}-{}", stored.offset, stored.place.0, stored.place.1);
                Some(Proof { what, key: stored, time: now })
            });
            for proof in self.proofs.take_due() {
                let found = producer.has(&proof.key).await;
                self.proofs.answered(feed, &proof, found);
            }
        }
    }

    fn make(
        &self,
        delivery: &Delivery,
        maker: &mut Maker,
        feed: &Feed,
        messages: &mut Vec<Message>,
        rejects: &mut Vec<Reject>,
    ) {
        match delivery {
            Delivery::Stop => {}
            Delivery::Declare { .. } => {
                maker.renderer.forget();
                maker.topics.clear();
            }
            Delivery::Samples(samples) => self.samples(samples, maker, feed, messages, rejects),
            Delivery::Event { position, event, historical } => messages.push(Message {
                topic: maker.events.clone(),
                key: Bytes::from(event.id.clone().into_bytes()),
                payload: payload::event(event, *position, *historical).into(),
                time_ms: millis(event.start),
                headers: headers(event.start, *position, *historical),
                position: *position,
            }),
        }
    }

    fn samples(
        &self,
        samples: &Samples,
        maker: &mut Maker,
        feed: &Feed,
        messages: &mut Vec<Message>,
        rejects: &mut Vec<Reject>,
    ) {
        let position = samples.position;
        for n in 0..maker.renderer.messages(samples, feed) {
            let Some(rendered) = maker.renderer.message(samples, n, feed) else { continue };
            let Some(topic) = self.topic_of(rendered.point, maker, feed) else { continue };
            let message = Message {
                topic,
                key: Bytes::copy_from_slice(rendered.topic.as_bytes()),
                payload: rendered.payload.into(),
                time_ms: millis(rendered.time),
                headers: headers(rendered.time, position, samples.historical),
                position,
            };
            if config::is_topic(&message.topic) {
                messages.push(message);
            } else {
                let reason = format!("`{}` is no name for a topic", message.topic);
                rejects.push(message.reject(reason, feed.now()));
            }
        }
    }

    fn topic_of(&self, point: PointId, maker: &mut Maker, feed: &Feed) -> Option<Arc<str>> {
        if let Some(topic) = maker.topics.get(&point) {
            return Some(topic.clone());
        }
        if maker.topics.len() >= MAX_TOPICS {
            maker.topics.clear();
        }
        let meta = feed.meta(point)?;
        let topic: Arc<str> = template::subject(&self.topic, &meta, &self.site).into();
        maker.topics.insert(point, topic.clone());
        Some(topic)
    }
}

fn millis(time: Time) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// The key of a sample: its time in nanoseconds, and the number of its record.
fn headers(time: Time, position: Position, historical: bool) -> Vec<(&'static str, Bytes)> {
    let text = |number: i64| Bytes::from(number.to_string().into_bytes());
    let mut headers = vec![(TIME, text(time.0)), (SEQ, text(position.as_i64()))];
    if historical {
        headers.push((HISTORICAL, Bytes::from_static(b"true")));
    }
    headers
}
