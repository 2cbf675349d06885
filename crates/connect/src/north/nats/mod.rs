//! NATS JetStream: samples and events as messages of a stream, each stored by the cluster before it counts as delivered.
//!
//! ```text
//! feed.next() ─▶ render ─▶ HPUB subject, reply, Nats-Msg-Id ─▶ PubAck ─▶ record done ─▶ feed.ack(position)
//! ```
//! Rationale: the message id is the key of the sample, so the stream itself leaves out what is sent again.

mod config;
mod stream;

use super::contract::{Contract, Telling};
use super::payload::{self, Format, Renderer, contract, template};
use super::window::Window;
use super::{Asks, Delivery, Feed, Proof, Proofs, Reject, Samples, Sink};
use crate::endless::endless;
use crate::kind::Kind;
use crate::nats::{Heard, Servers, Session};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Fault, Path, PointId, Position, Time};
use std::time::Duration;
use stream::Stream;
use tokio::time::Instant;

/// How NATS enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "nats",
    title: "NATS JetStream",
    schema: config::schema,
    build: config::build,
    sample: include_str!("sample.toml"),
};

/// How long a message may stay without acknowledgement; a cluster that elects a leader takes some seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes that are collected before they are written.
const CHUNK: usize = 128 * 1024;
/// Samples are taken without waiting until so many deliveries are at hand.
const MAX_BURST: usize = 512;

/// See the module.
struct Nats {
    servers: Servers,
    stream: Stream,
    site: Path,
    /// `SITE:NAME`, behind each message id: two destinations may fill one stream.
    origin: String,
    format: Format,
    subject: Vec<template::Part>,
    events_subject: String,
    /// Most messages without acknowledgement, apart from those of one record.
    window: usize,
    /// Numbers in the stream.
    proofs: Proofs<u64>,
}

impl Sink for Nats {
    fn asks(&self) -> Asks {
        Asks::Usually
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let (format, subject, events) =
            (self.format.clone(), self.subject.clone(), self.events_subject.clone());
        let origin = self.origin.clone();
        Telling::new(move |known| {
            let id = |of: &str| format!("header Nats-Msg-Id: {of}@{origin}");
            let place = |subject: &str| format!("subject {}", subject.replace('/', "."));
            let target = |subject: &str| (place(subject), id("POINT.TIME.SEQ"));
            let mut all = contract::samples(&format, (&subject, template::subject), &target, known);
            for one in &mut all {
                let folders = "Folders are tokens, joined by dots. POINT is the number of the point, or of the first of several.";
                one.note = [one.note.as_str(), folders].join(" ").trim_start().to_owned();
            }
            all.extend(known.events.then(|| contract::events(place(&events), &id("ID.REVISION.SEQ"))));
            Contract::new(format.word(), all)
        })
        .of_points(self.format.names_points())
    }
}

/// The state of one session.
struct Talk {
    session: Session,
    renderer: Renderer,
    window: Window,
}

impl Nats {
    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut session = tokio::select! {
            session = Session::open(&mut self.servers) => session?,
            () = feed.stopping() => return Err(Fault::Stopped),
        };
        self.stream.ready(&mut session, feed).await?;
        feed.secured(self.servers.security());
        feed.connected().await;
        self.proofs.begin(feed);
        let renderer =
            Renderer::new(self.format.clone(), self.subject.clone(), template::subject, self.site.clone());
        let mut talk = Talk { session, renderer, window: Window::default() };
        loop {
            let ready = talk.session.outstanding() < self.window;
            let deadline = talk.session.oldest().map(|sent| sent + PATIENCE);
            tokio::select! {
                biased;
                heard = talk.session.next() => self.heard(heard?, &mut talk, feed)?,
                delivery = feed.next_when(ready) => {
                    if self.burst(delivery, &mut talk, feed).await? {
                        self.farewell(talk, feed).await;
                        return Err(Fault::Stopped);
                    }
                }
                () = self.proofs.due() => {}
                () = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    return Err(Fault::Timeout { timeout_ms: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX) });
                }
            }
            self.finish(&mut talk, feed).await?;
            for proof in self.proofs.take_due() {
                let found = self.stream.has(&mut talk.session, &proof, feed.now()).await?;
                self.proofs.answered(feed, &proof, found);
            }
        }
    }

    /// Sends what came and what else is at hand. Returns whether the session has to end.
    async fn burst(&self, first: Delivery, talk: &mut Talk, feed: &mut Feed) -> Result<bool, Fault> {
        let mut next = Some(first);
        let mut taken = 0;
        let mut stop = false;
        while let Some(delivery) = next.take() {
            stop = self.send(delivery, talk, feed);
            taken += 1;
            if talk.session.waiting() >= CHUNK {
                talk.session.flush().await?;
            }
            if !stop && taken < MAX_BURST && talk.session.outstanding() < self.window {
                next = feed.next().now_or_never();
            }
        }
        talk.session.flush().await?;
        Ok(stop)
    }

    fn send(&self, delivery: Delivery, talk: &mut Talk, feed: &mut Feed) -> bool {
        match delivery {
            Delivery::Stop => return true,
            Delivery::Declare { position, .. } => {
                talk.renderer.forget();
                let ticket = talk.window.begin(position);
                talk.window.close(ticket);
            }
            Delivery::Samples(samples) => self.samples(&samples, talk, feed),
            Delivery::Event { position, event, historical } => {
                let ticket = talk.window.begin(position);
                let payload = payload::event(&event, position, historical);
                let id = format!("{}.{}.{}@{}", event.id, event.revision, position.as_i64(), self.origin);
                self.publish(&self.events_subject, &payload, (ticket, &id, &event.id), talk, feed);
                talk.window.close(ticket);
            }
        }
        false
    }

    fn samples(&self, samples: &Samples, talk: &mut Talk, feed: &Feed) {
        let ticket = talk.window.begin(samples.position);
        for n in 0..talk.renderer.messages(samples, feed) {
            let Some(message) = talk.renderer.message(samples, n, feed) else { continue };
            let id = key(message.point, message.time, samples.position, &self.origin);
            let about = (ticket, id.as_str(), &*message.topic);
            self.publish(&message.topic, &message.payload, about, talk, feed);
        }
        talk.window.close(ticket);
    }

    fn publish(
        &self,
        subject: &str,
        payload: &[u8],
        (ticket, id, about): (u64, &str, &str),
        talk: &mut Talk,
        feed: &Feed,
    ) {
        let reason = if !wire::nats::is_subject(subject) {
            Some(format!("`{subject}` is no subject"))
        } else {
            talk.session.too_large(payload.len())
        };
        match reason {
            Some(reason) => {
                let time = feed.now();
                talk.window.reject(ticket, |position| Reject { position, path: about.into(), reason, time });
            }
            None => {
                talk.window.sent(ticket);
                talk.session.publish(subject, id, self.stream.name(), payload, ticket);
            }
        }
    }

    fn heard(&self, heard: Heard, talk: &mut Talk, feed: &Feed) -> Result<(), Fault> {
        let Heard::Ack { ticket, answer } = heard else { return Ok(()) };
        match stream::stored(&answer)? {
            Ok(seq) => talk.session.stored(seq),
            Err(reason) => {
                let (time, path) = (feed.now(), String::from("(a message of this record)"));
                talk.window.reject(ticket, |position| Reject { position, path, reason, time });
            }
        }
        talk.window.done(ticket);
        Ok(())
    }

    /// Acknowledges what is done.
    async fn finish(&mut self, talk: &mut Talk, feed: &mut Feed) -> Result<(), Fault> {
        let mut any = false;
        while let Some((position, rejects)) = talk.window.pop() {
            feed.ack(position, rejects);
            any = true;
        }
        if !any {
            return Ok(());
        }
        let seq = talk.session.last_stored();
        self.proofs.took(|| {
            let what = format!("message {seq} of the stream {}", self.stream.name());
            (seq > 0).then(|| Proof { key: seq, what, time: feed.now() })
        });
        self.stream.remember(feed, seq).await
    }

    /// Ends the session; what is still acknowledged counts.
    async fn farewell(&mut self, mut talk: Talk, feed: &mut Feed) {
        let last = async {
            while talk.session.outstanding() > 0 {
                let Ok(heard) = talk.session.next().await else { return };
                if self.heard(heard, &mut talk, feed).is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), last).await;
        let _ = self.finish(&mut talk, feed).await;
    }
}

/// The key of a sample as message id; the stream leaves out an id that it has seen within its window.
fn key(point: PointId, time: Time, position: Position, origin: &str) -> String {
    format!("{}.{}.{}@{origin}", point.0, time.0, position.as_i64())
}

/// The position in a message id of this destination.
fn position_of(id: &str, origin: &str) -> Option<Position> {
    let own = id.strip_suffix(origin)?.strip_suffix('@')?;
    own.rsplit('.').next()?.parse().ok().map(Position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_keys() {
        let id = key(PointId(7), Time(-5), Position::new(2, 9), "acme/leeds:hq");
        assert_eq!(position_of(&id, "acme/leeds:hq"), Some(Position::new(2, 9)));
        assert_eq!(position_of(&id, "acme/york:hq"), None);
        assert_eq!(position_of("rubbish@acme/leeds:hq", "acme/leeds:hq"), None);
    }
}
