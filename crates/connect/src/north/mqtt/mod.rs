//! Plain MQTT: points as topics, with values as JSON or as a template says. MQTT 5 and 3.1.1.
//!
//! ```text
//! feed.next() ─▶ render ─▶ publish (QoS 1) ─▶ PUBACK ─▶ record done ─▶ feed.ack(position)
//! ```
//! With QoS 0 a record counts as done when it is written to the connection: a cut may lose what was on its way.

mod command;

use crate::endless::endless;
use crate::kind::{Built, Context, Kind};
use crate::mqtt::broker::{Broker, BrokerKeys};
use crate::mqtt::session::{Note, Opening, Qos, Session};
use crate::north::contract::{Contract, Telling};
use crate::north::payload::{self, Format, PayloadKeys, Renderer, contract, template};
use crate::north::settings::schema;
use crate::north::window::{LOOSE, Window};
use crate::north::{CatchUp, Current, Delivery, Feed, Reject, Samples, Sink};
use command::Commands;
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document};
use model::{Fault, Path};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::VecDeque;

/// How MQTT enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "mqtt",
    title: "MQTT broker",
    schema: schema::<Keys>,
    build,
    sample: include_str!("sample.toml"),
};

/// Keys of `kind = "mqtt"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    #[serde(flatten)]
    broker: BrokerKeys,
    /// 1: at least once, the default; 0: at most once, what is on its way in a cut is lost
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1))]
    qos: u8,
    /// let the broker keep the newest value of each topic for late subscribers; never done for replayed samples. Only
    /// formats with one message per point: "json", "template", "avro", "protobuf"
    #[serde(default = "yes")]
    retain: bool,
    #[serde(flatten)]
    shape: PayloadKeys,
    /// topic with {path} {below} {parent} {name} {connection} {device} {enterprise} {site}; if left out "{path}",
    /// "{parent}" for "flat-json", "{enterprise}/{site}/{connection}" for "nested-json" and "sparkplug"
    #[serde(default)]
    topic: Option<String>,
    /// topic for events; "ENTERPRISE/SITE/_ironbridge/events" if left out
    #[serde(default)]
    events_topic: Option<String>,
    /// topic on which commands are taken when `commands = "on"`; outcomes go to the same with "/outcome" behind it;
    /// "ENTERPRISE/SITE/_ironbridge/commands/NAME" if left out
    #[serde(default)]
    commands_topic: Option<String>,
}

const fn one() -> u8 {
    1
}

const fn yes() -> bool {
    true
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let format = payload::format(&keys.shape, document, &mut mistakes);
    let default = keys.shape.format.default_topic();
    let topic = keys.topic.as_deref().unwrap_or(default);
    let parts = template::parse(topic, false).unwrap_or_else(|word| {
        let help = format!("there are {}", template::words(false));
        mistakes.push(document.mistake(&["topic"], format!("`{{{word}}}` is no word for a topic"), help));
        Vec::new()
    });
    for (key, text) in [
        ("topic", Some(topic)),
        ("events_topic", keys.events_topic.as_deref()),
        ("commands_topic", keys.commands_topic.as_deref()),
    ] {
        if text
            .is_some_and(|text| text.is_empty() || text.contains(['+', '#', '\0']) || text.starts_with('$'))
        {
            let message = format!("`{key}` is no topic to publish to");
            mistakes.push(document.mistake(
                &[key],
                message,
                "write levels joined by `/`, without `+`, `#` or a leading `$`",
            ));
        }
    }
    let broker = Broker::read(&keys.broker, document, context).map_err(|more| mistakes.extend(more)).ok();
    let (Some(broker), true) = (broker, mistakes.is_empty()) else { return Err(mistakes) };
    let own = |tail: &str| format!("{}/_ironbridge/{tail}", context.site);
    let sink = Mqtt {
        qos: if keys.qos == 0 { Qos::AtMostOnce } else { Qos::AtLeastOnce },
        retain: keys.retain && keys.shape.format.is_per_point(),
        site: context.site.clone(),
        format,
        topic: parts,
        events_topic: keys.events_topic.unwrap_or_else(|| own("events")),
        commands_topic: keys.commands_topic.unwrap_or_else(|| own(&format!("commands/{}", context.name))),
        broker,
    };
    let (endpoint, security) = (sink.broker.endpoint(), sink.broker.security());
    Ok(Built::destination(sink, endpoint, security))
}

/// See the module.
struct Mqtt {
    broker: Broker,
    qos: Qos,
    retain: bool,
    site: Path,
    format: Format,
    topic: Vec<template::Part>,
    events_topic: String,
    commands_topic: String,
}

impl Sink for Mqtt {
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let (format, topic, events) = (self.format.clone(), self.topic.clone(), self.events_topic.clone());
        Telling::new(move |known| {
            let target = |topic: &str| (format!("topic {topic}"), String::new());
            let mut all = contract::samples(&format, (&topic, template::topic), &target, known);
            all.extend(known.events.then(|| contract::events(target(&events).0, "")));
            Contract::new(format.word(), all)
        })
        .of_points(self.format.names_points())
    }

    fn takes_commands(&self) -> bool {
        true
    }

    fn catch_up(&self) -> CatchUp {
        CatchUp::LiveFirst
    }
}

/// What waits to be published.
enum Work {
    /// Messages of one record, from the `next`-th on.
    Samples { samples: Samples, ticket: u64, next: usize, of: usize },
    /// Points as they are now, for late subscribers.
    Current(VecDeque<Current>),
}

impl Mqtt {
    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut session = Session::open(&self.broker, &Opening::default())?;
        up(&mut session, feed).await?;
        feed.secured(self.broker.security());
        feed.connected().await;
        let mut talk = Talk {
            renderer: Renderer::new(
                self.format.clone(),
                self.topic.clone(),
                template::topic,
                self.site.clone(),
            ),
            window: Window::default(),
            work: None,
            commands: Commands::new(&self.commands_topic),
        };
        if feed.takes_commands() {
            session.subscribe(std::slice::from_ref(&self.commands_topic), Qos::AtLeastOnce)?;
        }
        if self.retain {
            // What is newer comes with the live samples: said here as well, it would stand before older ones.
            let after = feed.resumes_after();
            let known = feed.snapshot().into_iter().filter(|current| current.last.position <= after);
            talk.work = Some(Work::Current(known.collect()));
        }
        loop {
            self.publish_work(&mut talk, &mut session, feed)?;
            self.finish(&mut talk, feed);
            let ready = talk.work.is_none() && session.has_room();
            tokio::select! {
                biased;
                note = session.next() => self.note(note?, &mut talk, feed),
                (topic, answer) = talk.commands.next() => session.publish(&topic, answer, Qos::AtLeastOnce, false, LOOSE)?,
                delivery = feed.next_when(ready) => {
                    if self.deliver(delivery, &mut talk, &mut session, feed)? {
                        self.farewell(talk, session, feed).await;
                        return Err(Fault::Stopped);
                    }
                }
            }
        }
    }

    /// Takes what the feed gives. Returns whether the session has to end.
    fn deliver(
        &mut self,
        delivery: Delivery,
        talk: &mut Talk,
        session: &mut Session,
        feed: &mut Feed,
    ) -> Result<bool, Fault> {
        match delivery {
            Delivery::Stop => return Ok(true),
            Delivery::Declare { position, .. } => {
                talk.renderer.forget();
                let ticket = talk.window.begin(position);
                talk.window.close(ticket);
            }
            Delivery::Samples(samples) => {
                let of = talk.renderer.messages(&samples, feed);
                let ticket = talk.window.begin(samples.position);
                talk.work = Some(Work::Samples { samples, ticket, next: 0, of });
            }
            Delivery::Event { position, event, historical } => {
                let ticket = talk.window.begin(position);
                let payload = payload::event(&event, position, historical);
                self.publish(&self.events_topic, payload, false, (ticket, &event.id), talk, session, feed)?;
                talk.window.close(ticket);
            }
        }
        Ok(false)
    }

    /// Publishes what waits, as far as there is room.
    fn publish_work(&self, talk: &mut Talk, session: &mut Session, feed: &mut Feed) -> Result<(), Fault> {
        while session.has_room() {
            match talk.work.take() {
                None => return Ok(()),
                Some(Work::Current(mut points)) => {
                    let Some(current) = points.pop_front() else { continue };
                    // What was never read is not news; what live data will say again anyway is harmless.
                    if let Some(message) = talk.renderer.current(current.point, &current.last, feed) {
                        let about = (LOOSE, current.declaration.path.as_str());
                        self.publish(&message.topic, message.payload, true, about, talk, session, feed)?;
                    }
                    talk.work = Some(Work::Current(points));
                }
                Some(Work::Samples { ticket, next, of, .. }) if next >= of => talk.window.close(ticket),
                Some(Work::Samples { samples, ticket, next, of }) => {
                    if let Some(message) = talk.renderer.message(&samples, next, feed) {
                        let retain = self.retain && !samples.historical;
                        let about = (ticket, &*message.topic);
                        self.publish(&message.topic, message.payload, retain, about, talk, session, feed)?;
                    }
                    talk.work = Some(Work::Samples { samples, ticket, next: next + 1, of });
                }
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one message")]
    fn publish(
        &self,
        topic: &str,
        payload: Vec<u8>,
        retain: bool,
        (ticket, about): (u64, &str),
        talk: &mut Talk,
        session: &mut Session,
        feed: &Feed,
    ) -> Result<(), Fault> {
        if let Some(reason) = session.too_large(topic, payload.len()) {
            let time = feed.now();
            talk.window.reject(ticket, |position| Reject { position, path: about.into(), reason, time });
            return Ok(());
        }
        talk.window.sent(ticket);
        session.publish(topic, payload, self.qos, retain, ticket)
    }

    fn note(&mut self, note: Note, talk: &mut Talk, feed: &mut Feed) {
        match note {
            Note::Done { ticket, refused } => {
                if let Some(reason) = refused {
                    let time = feed.now();
                    let path = String::from("(a message of this record)");
                    talk.window.reject(ticket, |position| Reject { position, path, reason, time });
                }
                talk.window.done(ticket);
            }
            Note::Message(message) => talk.commands.take(&message, feed),
            Note::Subscribed(false) => {
                tracing::warn!(
                    destination = feed.name(),
                    topic = self.commands_topic,
                    "the broker refuses the subscription for commands"
                );
            }
            Note::Subscribed(true) | Note::Up { .. } => {}
        }
    }

    /// Ends the session; what the broker still acknowledges counts.
    async fn farewell(&mut self, mut talk: Talk, mut session: Session, feed: &mut Feed) {
        let last = async {
            while !session.is_idle() {
                match session.next().await {
                    Ok(note) => self.note(note, &mut talk, feed),
                    Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), last).await;
        self.finish(&mut talk, feed);
        session.close().await;
    }

    /// Acknowledges what is done.
    fn finish(&self, talk: &mut Talk, feed: &mut Feed) {
        while let Some((position, rejects)) = talk.window.pop() {
            feed.ack(position, rejects);
        }
    }
}

/// The state of one session.
struct Talk {
    renderer: Renderer,
    window: Window,
    work: Option<Work>,
    commands: Commands,
}

/// Waits for the broker's yes; ends early when the session has to end.
pub(super) async fn up(session: &mut Session, feed: &mut Feed) -> Result<(), Fault> {
    loop {
        tokio::select! {
            note = session.next() => if matches!(note?, Note::Up { .. }) { return Ok(()) },
            () = feed.stopping() => return Err(Fault::Stopped),
        }
    }
}
