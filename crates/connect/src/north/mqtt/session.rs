//! One MQTT session over `rumqttc`, the same for 3.1.1 and 5.
//!
//! Rationale: a client keeps a queue of its own and sends it again after a reconnect; our queue is the journal, so a
//! session never reconnects: it ends, and the next one is a new client. `publish` of the client returns no packet id,
//! so ids are learnt from its outgoing events, which come in the order of the requests.

use super::config::{Broker, Version};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use model::Fault;
use rumqttc::v5::mqttbytes::v5 as five;
use rumqttc::{Outgoing, Packet as FourPacket, v5};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Largest packet taken from a broker, in bytes.
const MAX_INCOMING: u32 = 1024 * 1024;
/// Largest packet sent where the broker names no limit: MQTT's own is 256 MiB, a broker's memory is smaller.
const MAX_OUTGOING: u32 = 16 * 1024 * 1024;
/// Packet ids of the client: far more than the window, so that one late acknowledgement blocks nothing.
const PACKET_IDS: u16 = 8_192;
/// Longest time for TCP, TLS and CONNACK together.
const CONNECT_S: u64 = 10;
/// Least time that a broker has for an acknowledgement; else `keep_alive`.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

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
}

/// What happens in a session.
#[derive(Debug)]
pub enum Note {
    /// The broker accepted the session.
    Up,
    /// A subscription was answered; `false` if the broker refused it.
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
}

enum Client {
    Four(rumqttc::AsyncClient),
    Five(v5::AsyncClient),
}

enum Loop {
    Four(Box<rumqttc::EventLoop>),
    Five(Box<v5::EventLoop>),
}

type Polled = (Loop, Result<Option<Raw>, Fault>);

/// An event of either client, reduced to what matters.
enum Raw {
    Up { window: Option<u16>, packet: Option<u32> },
    Sent(u16),
    Acked(u16, Option<String>),
    Subscribed(bool),
    Message(Message),
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
    pub fn open(broker: &Broker, will: Option<&Will>) -> Result<Self, Fault> {
        let window = usize::from(broker.window);
        let (client, idle) = match broker.version {
            Version::Four => {
                let (client, event_loop) = four(broker, will)?;
                (Client::Four(client), Loop::Four(Box::new(event_loop)))
            }
            Version::Five => {
                let (client, event_loop) = self::five(broker, will)?;
                (Client::Five(client), Loop::Five(Box::new(event_loop)))
            }
        };
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
        let sent = match &self.client {
            Client::Four(client) => {
                let qos =
                    if qos == Qos::AtMostOnce { rumqttc::QoS::AtMostOnce } else { rumqttc::QoS::AtLeastOnce };
                client.try_publish(topic, qos, retain, payload).map_err(|why| why.to_string())
            }
            Client::Five(client) => {
                use rumqttc::v5::mqttbytes::QoS;
                let qos = if qos == Qos::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce };
                client.try_publish(topic, qos, retain, payload).map_err(|why| why.to_string())
            }
        };
        sent.map_err(|why| Fault::Lost(format!("the client refuses a message for `{topic}`: {why}").into()))?;
        if self.is_idle() {
            self.progress = Instant::now();
        }
        self.queued.push_back(ticket);
        Ok(())
    }

    /// Subscribes with QoS 1.
    ///
    /// # Errors
    /// [`Fault::Lost`] when the session is over.
    pub fn subscribe(&mut self, filter: &str) -> Result<(), Fault> {
        let sent = match &self.client {
            Client::Four(client) => {
                client.try_subscribe(filter, rumqttc::QoS::AtLeastOnce).map_err(|why| why.to_string())
            }
            Client::Five(client) => {
                client.try_subscribe(filter, v5::mqttbytes::QoS::AtLeastOnce).map_err(|why| why.to_string())
            }
        };
        sent.map_err(|why| Fault::Lost(why.into()))
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
            Raw::Up { window, packet } => {
                self.window = self.window.min(window.map_or(usize::MAX, usize::from)).max(1);
                self.max_packet = self.max_packet.min(packet.unwrap_or(u32::MAX));
                Some(Note::Up)
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
            let asked = match &self.client {
                Client::Four(client) => client.try_disconnect().is_ok(),
                Client::Five(client) => client.try_disconnect().is_ok(),
            };
            // The client ends with an error once the broker has closed the connection.
            while asked && self.next().await.is_ok() {}
        };
        let _ = tokio::time::timeout(FAREWELL, goodbye).await;
    }
}

async fn poll(mut event_loop: Loop) -> Polled {
    let raw = match &mut event_loop {
        Loop::Four(four) => four.poll().await.map(raw_four).map_err(|why| fault_four(&why)),
        Loop::Five(five) => five.poll().await.map(raw_five).map_err(|why| fault_five(&why)),
    };
    (event_loop, raw)
}

fn transport(broker: &Broker) -> Result<rumqttc::Transport, Fault> {
    Ok(match &broker.tls {
        None => rumqttc::Transport::tcp(),
        Some(tls) => rumqttc::Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(tls.current()?)),
    })
}

fn four(broker: &Broker, will: Option<&Will>) -> Result<(rumqttc::AsyncClient, rumqttc::EventLoop), Fault> {
    let mut options = rumqttc::MqttOptions::new(&broker.client_id, &broker.host, broker.port);
    options.set_transport(transport(broker)?);
    options.set_keep_alive(broker.keep_alive);
    options.set_clean_session(true);
    options.set_inflight(PACKET_IDS);
    options.set_max_packet_size(MAX_INCOMING as usize, MAX_OUTGOING as usize);
    if let Some((user, password)) = broker.credentials()? {
        options.set_credentials(user, password);
    }
    if let Some(will) = will {
        let qos = rumqttc::QoS::AtLeastOnce;
        options.set_last_will(rumqttc::LastWill::new(&will.topic, will.payload.clone(), qos, false));
    }
    let (client, mut event_loop) = rumqttc::AsyncClient::new(options, usize::from(broker.window) + 16);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_S);
    event_loop.set_network_options(network);
    Ok((client, event_loop))
}

fn five(broker: &Broker, will: Option<&Will>) -> Result<(v5::AsyncClient, v5::EventLoop), Fault> {
    let mut options = v5::MqttOptions::new(&broker.client_id, &broker.host, broker.port);
    options.set_transport(transport(broker)?);
    options.set_keep_alive(broker.keep_alive);
    options.set_clean_start(true);
    options.set_outgoing_inflight_upper_limit(PACKET_IDS);
    options.set_max_packet_size(Some(MAX_INCOMING));
    options.set_session_expiry_interval(Some(0));
    options.set_connection_timeout(CONNECT_S);
    if let Some((user, password)) = broker.credentials()? {
        options.set_credentials(user, password);
    }
    if let Some(will) = will {
        let qos = v5::mqttbytes::QoS::AtLeastOnce;
        options.set_last_will(five::LastWill::new(&will.topic, will.payload.clone(), qos, false, None));
    }
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_S);
    options.set_network_options(network);
    Ok(v5::AsyncClient::new(options, usize::from(broker.window) + 16))
}

fn raw_four(event: rumqttc::Event) -> Option<Raw> {
    match event {
        rumqttc::Event::Outgoing(Outgoing::Publish(id)) => Some(Raw::Sent(id)),
        rumqttc::Event::Incoming(packet) => match packet {
            FourPacket::ConnAck(_) => Some(Raw::Up { window: None, packet: None }),
            FourPacket::PubAck(ack) => Some(Raw::Acked(ack.pkid, None)),
            FourPacket::SubAck(ack) => {
                let refused = ack.return_codes.contains(&rumqttc::SubscribeReasonCode::Failure);
                Some(Raw::Subscribed(!refused))
            }
            FourPacket::Publish(publish) => Some(Raw::Message(Message {
                topic: publish.topic,
                payload: publish.payload,
                retained: publish.retain,
            })),
            _ => None,
        },
        rumqttc::Event::Outgoing(_) => None,
    }
}

fn raw_five(event: v5::Event) -> Option<Raw> {
    match event {
        v5::Event::Outgoing(Outgoing::Publish(id)) => Some(Raw::Sent(id)),
        v5::Event::Incoming(packet) => match packet {
            v5::Incoming::ConnAck(ack) => {
                let limits = ack.properties.as_ref();
                Some(Raw::Up {
                    window: limits.and_then(|limits| limits.receive_max),
                    packet: limits.and_then(|limits| limits.max_packet_size),
                })
            }
            v5::Incoming::PubAck(ack) => {
                let fine = matches!(
                    ack.reason,
                    five::PubAckReason::Success | five::PubAckReason::NoMatchingSubscribers
                );
                let refused = (!fine).then(|| format!("the broker refuses it: {:?}", ack.reason));
                Some(Raw::Acked(ack.pkid, refused))
            }
            v5::Incoming::SubAck(ack) => Some(Raw::Subscribed(
                ack.return_codes.iter().all(|code| matches!(code, five::SubscribeReasonCode::Success(_))),
            )),
            v5::Incoming::Publish(publish) => Some(Raw::Message(Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload,
                retained: publish.retain,
            })),
            _ => None,
        },
        v5::Event::Outgoing(_) => None,
    }
}

fn fault_four(why: &rumqttc::ConnectionError) -> Fault {
    use rumqttc::{ConnectReturnCode as Code, ConnectionError as Why};
    match why {
        Why::ConnectionRefused(Code::BadUserNamePassword | Code::NotAuthorized | Code::BadClientId)
        | Why::Tls(_) => Fault::Security(why.to_string().into()),
        Why::MqttState(_) => lost(why.to_string()),
        _ => Fault::Connect(why.to_string().into()),
    }
}

/// A broker that dislikes our certificate says so after the handshake (TLS 1.3), when the client already reads.
fn lost(why: String) -> Fault {
    let alert = why.contains("received fatal alert") || why.contains("peer certificate");
    if alert { Fault::Security(why.into()) } else { Fault::Lost(why.into()) }
}

fn fault_five(why: &v5::ConnectionError) -> Fault {
    use five::ConnectReturnCode as Code;
    use v5::{ConnectionError as Why, StateError};
    let code = match why {
        Why::ConnectionRefused(code) | Why::MqttState(StateError::ConnFail { reason: code }) => Some(*code),
        _ => None,
    };
    match (why, code) {
        (
            _,
            Some(
                Code::BadUserNamePassword
                | Code::NotAuthorized
                | Code::ClientIdentifierNotValid
                | Code::Banned
                | Code::BadAuthenticationMethod,
            ),
        )
        | (Why::Tls(_), _) => Fault::Security(why.to_string().into()),
        (_, Some(_)) => Fault::Connect(why.to_string().into()),
        (Why::MqttState(_), _) => lost(why.to_string()),
        _ => Fault::Connect(why.to_string().into()),
    }
}
