//! One MQTT session over `rumqttc`, the same for 3.1.1 and 5.
//!
//! Rationale: a client keeps a queue of its own and sends it again after a reconnect; our queue is the journal, so a
//! session never reconnects: it ends, and the next one is a new client. `publish` of the client returns no packet id,
//! so ids are learnt from its outgoing events, which come in the order of the requests.

use super::broker::Broker;
use super::client::{Client, Loop, MAX_OUTGOING, Polled, Raw, poll};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use model::Fault;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Least time that a broker has for an acknowledgement; else `keep_alive`.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Most filters of one subscription.
pub const MAX_FILTERS: usize = 64;

/// At most once, or at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    /// The ticket returns when the message is written to the connection.
    AtMostOnce,
    /// The ticket returns with the broker's acknowledgement.
    AtLeastOnce,
}

/// The will: what the broker publishes when the session is lost.
#[derive(Clone, Debug)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// The broker keeps it for late subscribers.
    pub retain: bool,
}

/// How a session begins.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// What the broker publishes when the session is lost.
    pub will: Option<Will>,
    /// How long the broker keeps subscriptions and what was not acknowledged after the connection is gone. `None`: each
    /// session begins anew. MQTT 3.1.1 knows only that, not how long.
    pub keep: Option<Duration>,
    /// Messages are acknowledged by [`Session::acknowledge`], at most this many stand open; `None`: at once.
    pub by_hand: Option<u16>,
}

/// What happens in a session.
#[derive(Debug)]
pub enum Note {
    /// The broker accepted the session.
    Up {
        /// It still knows the one before: subscriptions stand, what was not acknowledged comes again.
        resumed: bool,
    },
    /// A subscription was answered; `false` if the broker refused it, or one of several.
    Subscribed(bool),
    /// A message is done: acknowledged, or written if it was sent at most once. `refused` says why the broker will
    /// never take it.
    Done {
        /// As given to [`Session::publish`].
        ticket: u64,
        /// The broker's reason.
        refused: Option<String>,
    },
    /// A message came in.
    Message(Message),
}

/// A message from the broker.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Bytes,
    /// It was stored, not sent just now. Never a command.
    pub retained: bool,
    /// For [`Session::acknowledge`]; 0 where none is expected.
    pub packet: u16,
}

/// One session, from CONNECT to its end.
pub struct Session {
    client: Client,
    idle: Option<Loop>,
    polling: Option<BoxFuture<'static, Polled>>,
    /// Handed to the client, no packet id known yet.
    queued: VecDeque<u64>,
    /// Waiting for the broker.
    unacknowledged: HashMap<u16, u64>,
    window: usize,
    max_packet: u32,
    /// Longest time without any acknowledgement while some are awaited.
    patience: Duration,
    /// When the last one came, or the first message went out.
    progress: Instant,
}

impl Session {
    /// Prepares a session; nothing is sent before the first [`Session::next`].
    ///
    /// # Errors
    /// [`Fault::Config`] or [`Fault::Security`]: TLS files or secrets are missing.
    pub fn open(broker: &Broker, opening: &Opening) -> Result<Self, Fault> {
        let window = usize::from(broker.window);
        let (client, idle) = Client::open(broker, opening)?;
        Ok(Self {
            client,
            idle: Some(idle),
            polling: None,
            queued: VecDeque::new(),
            unacknowledged: HashMap::new(),
            window,
            max_packet: MAX_OUTGOING,
            patience: broker.keep_alive.max(LEAST_PATIENCE),
            progress: Instant::now(),
        })
    }

    /// Whether another message may be published now.
    pub fn has_room(&self) -> bool {
        self.queued.len() + self.unacknowledged.len() < self.window
    }

    /// Whether anything is under way.
    pub fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.unacknowledged.is_empty()
    }

    /// Why the broker would end the session over a message of this size; `None` if it fits.
    pub fn too_large(&self, topic: &str, payload: usize) -> Option<String> {
        let size = topic.len() + payload + 32;
        (size > self.max_packet as usize).then(|| {
            format!("the message has about {size} bytes, the broker takes at most {}", self.max_packet)
        })
    }

    /// Publishes; call only while [`Session::has_room`]. The ticket comes back in [`Note::Done`].
    ///
    /// # Errors
    /// [`Fault::Lost`] when the session is over; [`Fault::Protocol`] when the topic is none.
    pub fn publish(
        &mut self,
        topic: &str,
        payload: Vec<u8>,
        qos: Qos,
        retain: bool,
        ticket: u64,
    ) -> Result<(), Fault> {
        let sent = self.client.publish(topic, payload, qos, retain);
        sent.map_err(|why| Fault::Lost(format!("the client refuses a message for `{topic}`: {why}").into()))?;
        if self.is_idle() {
            self.progress = Instant::now();
        }
        self.queued.push_back(ticket);
        Ok(())
    }

    /// Subscribes; one answer comes for all. At most [`MAX_FILTERS`] are taken. Where the broker kept the session, what
    /// it has retained does not come again (MQTT 5 only).
    ///
    /// # Errors
    /// [`Fault::Lost`] when the session is over.
    pub fn subscribe(&mut self, filters: &[String], qos: Qos) -> Result<(), Fault> {
        self.client.subscribe(filters.iter().take(MAX_FILTERS).cloned(), qos)
    }

    /// Acknowledges a message of a session opened with `by_hand`.
    ///
    /// # Errors
    /// [`Fault::Lost`] when the session is over.
    pub fn acknowledge(&mut self, packet: u16) -> Result<(), Fault> {
        if packet == 0 { Ok(()) } else { self.client.acknowledge(packet) }
    }

    /// The next thing that happens; drives the session. Cancel-safe.
    ///
    /// # Errors
    /// Why the session is over.
    pub async fn next(&mut self) -> Result<Note, Fault> {
        loop {
            if self.polling.is_none() {
                let idle = self.idle.take().ok_or(Fault::Lost(Cow::Borrowed("the session is over")))?;
                self.polling = Some(Box::pin(poll(idle)));
            }
            let busy = !self.is_idle();
            let Some(polling) = self.polling.as_mut() else { continue };
            // The client has no time-out for a broker that answers pings but neither reads nor acknowledges.
            let (idle, raw) = tokio::select! {
                biased;
                polled = polling.as_mut() => polled,
                () = tokio::time::sleep_until(self.progress + self.patience), if busy => {
                    let text = format!("the broker has acknowledged nothing for {} s", self.patience.as_secs());
                    return Err(Fault::Lost(text.into()));
                }
            };
            self.polling = None;
            let raw = raw?;
            self.idle = Some(idle);
            if let Some(note) = raw.and_then(|raw| self.note(raw)) {
                return Ok(note);
            }
        }
    }

    fn note(&mut self, raw: Raw) -> Option<Note> {
        match raw {
            Raw::Up { window, packet, resumed } => {
                self.window = self.window.min(window.map_or(usize::MAX, usize::from)).max(1);
                self.max_packet = self.max_packet.min(packet.unwrap_or(u32::MAX));
                Some(Note::Up { resumed })
            }
            Raw::Sent(0) => {
                self.progress = Instant::now();
                Some(Note::Done { ticket: self.queued.pop_front()?, refused: None })
            }
            Raw::Sent(id) => {
                let ticket = self.queued.pop_front()?;
                self.unacknowledged.insert(id, ticket);
                None
            }
            Raw::Acked(id, refused) => {
                self.progress = Instant::now();
                Some(Note::Done { ticket: self.unacknowledged.remove(&id)?, refused })
            }
            Raw::Subscribed(accepted) => Some(Note::Subscribed(accepted)),
            Raw::Message(message) => Some(Note::Message(message)),
        }
    }

    /// Waits until everything published is done, then says goodbye. Bounded in time.
    pub async fn close(mut self) {
        let goodbye = async {
            while !self.is_idle() {
                if self.next().await.is_err() {
                    return;
                }
            }
            let asked = self.client.disconnect();
            // The client ends with an error once the broker has closed the connection.
            while asked && self.next().await.is_ok() {}
        };
        let _ = tokio::time::timeout(FAREWELL, goodbye).await;
    }
}
