//! Sparkplug B 3.0 edge node: group = site, node = gateway, device = physical device, metric = path below the site.
//!
//! ```text
//!  bdSeq written down ─▶ CONNECT with NDEATH as will ─▶ subscribe NCMD, DCMD, STATE ─▶ primary host online?
//!     ─▶ NBIRTH, DBIRTH ... ─▶ DDATA (QoS 0) ... ─▶ barrier (QoS 1, own topic) ─▶ PUBACK while host online ─▶ ack
//! ```
//! Rationale: Sparkplug data is QoS 0, so nobody acknowledges it. A barrier behind it on the same connection is
//! acknowledged, and a broker takes the packets of one connection in order: when the barrier is acknowledged, the
//! data before it has arrived. What stands behind the last acknowledged barrier is sent again, as history.

mod command;
mod config;
mod host;
mod node;

use super::contract::{Contract, Language, Message as Told, Telling};
use super::payload::contract::SPARKPLUG;
use super::{CatchUp, Delivery, Feed, Reject, Samples, Sink};
use crate::kind::{Kind, Models};
use crate::mqtt::broker::Broker;
use crate::mqtt::session::{Message, Note, Opening, Qos, Session, Will};
use crate::mqtt::sparkplug::ROOT;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use host::Host;
use model::{Fault, Position};
use node::{Identity, Node, Out};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How Sparkplug enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "sparkplug",
    title: "Sparkplug B edge node",
    schema: config::schema,
    build: config::build,
    sample: include_str!("sample.toml"),
};

/// A barrier at the latest this long after the data.
const BARRIER_PERIOD: Duration = Duration::from_secs(1);
/// A barrier at the latest after this many messages.
const BARRIER_MESSAGES: usize = 1_000;
/// Most barriers under way; beyond it no more data is taken.
const MAX_BARRIERS: usize = 4;
/// A host that asks for births more often than this gets one answer.
const REBIRTH_PERIOD: Duration = Duration::from_secs(1);
/// Ticket of messages that nobody waits for.
const LOOSE: u64 = u64::MAX;

struct Sparkplug {
    identity: Identity,
    /// Types and assets, if they are told as templates.
    models: Arc<Models>,
    primary_host: Option<String>,
    barrier_topic: String,
    command_ttl: Duration,
    broker: Broker,
}

impl Sink for Sparkplug {
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        async move {
            loop {
                match self.session(feed).await {
                    // The primary host went away: a new session waits for it.
                    Ok(()) => {}
                    Err(fault) => return fault,
                }
            }
        }
        .boxed()
    }

    fn contract(&self) -> Telling {
        let (group, node) = (self.identity.group.clone(), self.identity.node.clone());
        let told = if self.models.types.is_empty() {
            ""
        } else {
            " Types are template definitions, assets their instances."
        };
        Telling::new(move |_| {
            let message = |of: &str, kind: &str, note: String| Told {
                of: of.into(),
                place: format!("topic {ROOT}/{group}/N{kind}/{node}, {ROOT}/{group}/D{kind}/{node}/DEVICE"),
                key: String::new(),
                media: "application/protobuf".into(),
                language: Language::Protobuf,
                schema: SPARKPLUG.into(),
                note,
            };
            let birth = format!("Every metric with name, alias, type, unit, range and value.{told}");
            Contract::new(
                "sparkplug",
                vec![
                    message("birth", "BIRTH", birth),
                    message(
                        "samples",
                        "DATA",
                        "Metrics by their alias; quality where it is not Good.".into(),
                    ),
                    message("death", "DEATH", "The node or the device does not answer.".into()),
                ],
            )
        })
    }

    fn takes_commands(&self) -> bool {
        true
    }

    fn catch_up(&self) -> CatchUp {
        CatchUp::LiveFirst
    }
}

/// Behind which record a barrier stands, in each stream.
#[derive(Debug, Default)]
struct Behind {
    live: Option<Position>,
    back: Option<Position>,
    /// What was sent from history, one by one: those positions are in no order.
    past: Vec<Position>,
    messages: usize,
}

/// The state of one session.
struct Talk {
    node: Node,
    bd_seq: u64,
    host: Host,
    out: VecDeque<Out>,
    behind: Behind,
    /// When the oldest data without a barrier was sent.
    since: Option<Instant>,
    barriers: VecDeque<(u64, Behind)>,
    next_ticket: u64,
    born_at: Instant,
    rebirth_due: bool,
    in_backlog: bool,
    /// How far the live stream has come.
    live_at: Position,
}

impl Sparkplug {
    /// One session. `Ok`: the primary host went offline.
    async fn session(&mut self, feed: &mut Feed) -> Result<(), Fault> {
        // Written down before CONNECT: a number that the broker may have seen is never used again.
        let bd_seq = feed.recall("bdSeq").map_or(0, |last| (last + 1) % 256);
        feed.remember("bdSeq", bd_seq).await?;
        let will = Will {
            topic: self.identity.topic("NDEATH"),
            payload: node::death(bd_seq, feed.now()),
            retain: false,
        };
        let opening = Opening { will: Some(will), ..Opening::default() };
        let mut session = Session::open(&self.broker, &opening)?;
        super::mqtt::up(&mut session, feed).await?;
        feed.secured(self.broker.security());
        let mut talk = Talk {
            node: Node::new(self.identity.clone(), self.models.clone(), bd_seq),
            bd_seq,
            host: Host::default(),
            out: VecDeque::new(),
            behind: Behind::default(),
            since: None,
            barriers: VecDeque::new(),
            next_ticket: 0,
            born_at: Instant::now(),
            rebirth_due: false,
            in_backlog: false,
            live_at: Position::START,
        };
        self.subscribe(&mut session, &mut talk, feed).await?;
        self.await_host(&mut session, &mut talk, feed).await?;
        feed.connected().await;
        talk.live_at = feed.resumes_after();
        talk.node.refresh(feed.snapshot(), talk.live_at);
        talk.out.extend(talk.node.birth(feed.now()));
        let ended = self.exchange(&mut session, &mut talk, feed).await;
        match ended {
            Ok(Ended::HostOffline) => {
                feed.waiting(&self.waiting_text());
                self.farewell(session, talk, feed).await;
                Ok(())
            }
            Ok(Ended::Stop) => {
                self.farewell(session, talk, feed).await;
                Err(Fault::Stopped)
            }
            Err(fault) => Err(fault),
        }
    }

    fn waiting_text(&self) -> String {
        format!("The primary host {} is offline", self.primary_host.as_deref().unwrap_or_default())
    }

    fn state_topic(&self) -> Option<String> {
        self.primary_host.as_ref().map(|host| format!("{ROOT}/STATE/{host}"))
    }

    /// Births come only after the broker has confirmed every subscription (section 6.4.7).
    async fn subscribe(
        &mut self,
        session: &mut Session,
        talk: &mut Talk,
        feed: &mut Feed,
    ) -> Result<(), Fault> {
        let devices = format!("{}/+", self.identity.topic("DCMD"));
        let mut filters = vec![self.identity.topic("NCMD"), devices];
        filters.extend(self.state_topic());
        session.subscribe(&filters, Qos::AtLeastOnce)?;
        loop {
            tokio::select! {
                note = session.next() => match note? {
                    Note::Subscribed(true) => return Ok(()),
                    Note::Subscribed(false) => {
                        let topics = filters.join(", ");
                        return Err(Fault::Security(format!("the broker refuses a subscription to one of {topics}").into()));
                    }
                    Note::Message(message) => { self.state(&message, talk, feed); }
                    Note::Up { .. } | Note::Done { .. } => {}
                },
                () = feed.stopping() => return Err(Fault::Stopped),
            }
        }
    }

    async fn await_host(
        &mut self,
        session: &mut Session,
        talk: &mut Talk,
        feed: &mut Feed,
    ) -> Result<(), Fault> {
        if self.primary_host.is_none() || talk.host.is_online() {
            return Ok(());
        }
        feed.waiting(&self.waiting_text());
        while !talk.host.is_online() {
            tokio::select! {
                note = session.next() => if let Note::Message(message) = note? {
                    self.state(&message, talk, feed);
                },
                () = feed.stopping() => return Err(Fault::Stopped),
            }
        }
        Ok(())
    }

    /// Takes STATE of the primary host. Returns whether the message was one.
    fn state(&self, message: &Message, talk: &mut Talk, feed: &Feed) -> bool {
        if self.state_topic().as_deref() != Some(message.topic.as_str()) {
            return false;
        }
        if !talk.host.take(&message.payload) {
            tracing::warn!(
                destination = feed.name(),
                topic = message.topic,
                "a STATE message was not understood"
            );
        }
        true
    }

    async fn exchange(
        &mut self,
        session: &mut Session,
        talk: &mut Talk,
        feed: &mut Feed,
    ) -> Result<Ended, Fault> {
        loop {
            self.rebirth(talk, feed);
            let backlog = feed.has_backlog();
            if talk.in_backlog && !backlog {
                talk.out.extend(talk.node.history_over(feed.now()));
            }
            talk.in_backlog = backlog;
            self.flush(session, talk, feed)?;
            self.barrier(session, talk)?;
            // While messages wait for room, the next note of the session is what wakes us.
            let free = talk.out.is_empty() && session.has_room();
            let ready = free && talk.barriers.len() < MAX_BARRIERS;
            tokio::select! {
                biased;
                note = session.next() => {
                    self.note(note?, talk, feed)?;
                    if self.primary_host.is_some() && !talk.host.is_online() {
                        return Ok(Ended::HostOffline);
                    }
                }
                delivery = feed.next_when(ready) => match delivery {
                    Delivery::Stop => return Ok(Ended::Stop),
                    delivery => self.deliver(delivery, talk, feed),
                },
                () = tokio::time::sleep_until(talk.alarm()), if free => {}
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery, talk: &mut Talk, feed: &mut Feed) {
        match delivery {
            Delivery::Samples(samples) => self.samples(&samples, talk, feed),
            Delivery::Declare { position, historical, .. } => {
                if !historical {
                    let changed = talk.node.refresh(feed.snapshot(), position);
                    talk.out.extend(talk.node.changed(&changed, feed.now()));
                }
                talk.sent(position, feed);
            }
            // Sparkplug has no events; alarms reach a host as points.
            Delivery::Event { position, .. } => talk.sent(position, feed),
            Delivery::Stop => {}
        }
    }

    fn samples(&mut self, samples: &Samples, talk: &mut Talk, feed: &Feed) {
        let messages = talk.node.data(samples, feed.now());
        talk.behind.messages += messages.len();
        talk.out.extend(messages);
        talk.sent(samples.position, feed);
    }

    /// Publishes what waits, as far as there is room.
    fn flush(&self, session: &mut Session, talk: &mut Talk, feed: &Feed) -> Result<(), Fault> {
        while session.has_room() {
            let Some(out) = talk.out.pop_front() else { return Ok(()) };
            if let Some(reason) = session.too_large(&out.topic, out.payload.len()) {
                if out.topic.contains("BIRTH/") {
                    // A birth cannot be split, and without it nothing of the device can be sent.
                    let text =
                        format!("{}: {reason}; raise the broker's limit or select fewer points", out.topic);
                    return Err(Fault::Config(text.into()));
                }
                let position = talk.behind.live.max(talk.behind.back).unwrap_or_default();
                feed.reject(Reject { position, path: out.topic, reason, time: feed.now() });
                continue;
            }
            session.publish(&out.topic, out.payload, Qos::AtMostOnce, false, LOOSE)?;
        }
        Ok(())
    }

    /// Sends a barrier when one is due and all data before it is handed over.
    fn barrier(&self, session: &mut Session, talk: &mut Talk) -> Result<(), Fault> {
        let Some(since) = talk.since else { return Ok(()) };
        let due = talk.behind.messages >= BARRIER_MESSAGES || since.elapsed() >= BARRIER_PERIOD;
        if !due || !talk.out.is_empty() || !session.has_room() || talk.barriers.len() >= MAX_BARRIERS {
            return Ok(());
        }
        let ticket = talk.next_ticket;
        let payload = format!("{{\"barrier\":{ticket}}}").into_bytes();
        session.publish(&self.barrier_topic, payload, Qos::AtLeastOnce, false, ticket)?;
        talk.next_ticket += 1;
        talk.barriers.push_back((ticket, std::mem::take(&mut talk.behind)));
        talk.since = None;
        Ok(())
    }

    fn rebirth(&self, talk: &mut Talk, feed: &mut Feed) {
        if talk.rebirth_due && talk.born_at.elapsed() >= REBIRTH_PERIOD {
            talk.rebirth_due = false;
            talk.born_at = Instant::now();
            talk.node.refresh(feed.snapshot(), talk.live_at);
            talk.out.extend(talk.node.birth(feed.now()));
        }
    }

    fn note(&mut self, note: Note, talk: &mut Talk, feed: &mut Feed) -> Result<(), Fault> {
        match note {
            Note::Done { ticket: LOOSE, .. } | Note::Up { .. } | Note::Subscribed(_) => {}
            Note::Done { refused: Some(why), .. } => {
                let text = format!("the broker does not take the barrier on {}: {why}", self.barrier_topic);
                return Err(Fault::Security(text.into()));
            }
            Note::Done { ticket, refused: None } => {
                let confirms = self.primary_host.is_none() || talk.host.is_online();
                while let Some((_, behind)) = talk.barriers.pop_front_if(|(first, _)| *first <= ticket) {
                    let newest = [behind.back, behind.live].into_iter().flatten();
                    for position in newest.chain(behind.past).filter(|_| confirms) {
                        feed.ack(position, Vec::new());
                    }
                }
            }
            Note::Message(message) if message.topic.starts_with(ROOT) => self.asked(&message, talk, feed),
            Note::Message(_) => {}
        }
        Ok(())
    }

    /// STATE, NCMD or DCMD.
    fn asked(&mut self, message: &Message, talk: &mut Talk, feed: &mut Feed) {
        if self.state(message, talk, feed) {
            return;
        }
        if message.retained {
            tracing::warn!(
                destination = feed.name(),
                topic = message.topic,
                "a retained message is never a command"
            );
            return;
        }
        let devices = format!("{}/", self.identity.topic("DCMD"));
        let device = message.topic.strip_prefix(&devices);
        if device.is_none() && message.topic != self.identity.topic("NCMD") {
            return;
        }
        let asked = command::read(&talk.node, device, &message.payload, feed.now(), self.command_ttl);
        talk.rebirth_due |= asked.rebirth;
        for why in &asked.refused {
            tracing::warn!(
                destination = feed.name(),
                topic = message.topic,
                why,
                "a command was not understood"
            );
        }
        for command in asked.writes {
            // The outcome stands in ledger and events; Sparkplug has no answer but the new value.
            drop(feed.request(command));
        }
    }

    /// A last barrier, NDEATH, goodbye. The will is not sent by the broker after an orderly end, so NDEATH is.
    async fn farewell(&mut self, mut session: Session, mut talk: Talk, feed: &mut Feed) {
        let last = async {
            talk.since = talk.since.map(|since| since.checked_sub(BARRIER_PERIOD).unwrap_or(since));
            while !session.is_idle() || !talk.out.is_empty() || talk.since.is_some() {
                let sent = self
                    .flush(&mut session, &mut talk, feed)
                    .and_then(|()| self.barrier(&mut session, &mut talk));
                match (sent, session.is_idle()) {
                    (Err(_), _) | (Ok(()), true) => return,
                    (Ok(()), false) => {}
                }
                match session.next().await {
                    Ok(note) => {
                        let _ = self.note(note, &mut talk, feed);
                    }
                    Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), last).await;
        let death = node::death(talk.bd_seq, feed.now());
        let _ = session.publish(&self.identity.topic("NDEATH"), death, Qos::AtLeastOnce, false, LOOSE);
        session.close().await;
    }
}

enum Ended {
    HostOffline,
    Stop,
}

impl Talk {
    /// A record was turned into messages (perhaps none): the next barrier stands behind it.
    fn sent(&mut self, position: Position, feed: &Feed) {
        if feed.is_past(position) {
            self.behind.past.push(position);
        } else if position <= feed.live_from() {
            self.behind.back = self.behind.back.max(Some(position));
        } else {
            self.behind.live = self.behind.live.max(Some(position));
            self.live_at = self.live_at.max(position);
        }
        self.since.get_or_insert_with(Instant::now);
    }

    /// When something is due by itself.
    fn alarm(&self) -> Instant {
        let barrier =
            self.since.filter(|_| self.barriers.len() < MAX_BARRIERS).map(|since| since + BARRIER_PERIOD);
        let rebirth = self.rebirth_due.then(|| self.born_at + REBIRTH_PERIOD);
        let far = Instant::now() + Duration::from_secs(3600);
        [barrier, rebirth].into_iter().flatten().min().unwrap_or(far)
    }
}
