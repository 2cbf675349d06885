//! A device with a small broker inside: topics with a value each, and topics that it listens to. MQTT 3.1.1, at most
//! once.
//!
//! Rationale: a machine that speaks MQTT needs somebody to speak to. A broker for a plant (sessions, wills, users) would
//! be a product of its own inside the demonstration. Small controllers that bring their own broker are common, and are
//! exactly this much: whoever subscribes gets what is known and then each change.

use crate::talk::{self, Door, Housed};
use bytes::{Bytes, BytesMut};
use parking_lot::{Mutex, RwLock};
use rumqttc::{
    ConnAck, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode, UnsubAck, matches,
};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, error::RecvError};

/// Most connections at a time: small devices have few.
const MAX_CONNECTIONS: usize = 16;
/// Longest packet either way, in bytes.
const MAX_PACKET: usize = 64 * 1024;
/// Changes that a slow client may be behind; then it gets all values anew.
const MAX_BEHIND: usize = 1_024;
/// Most filters of one client, and most commands that nobody took yet.
const MAX_FILTERS: usize = 256;
const MAX_COMMANDS: usize = 64;

/// What a device has done since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections closed at once, because there were too many.
    pub refused: AtomicU64,
    /// Connections open now.
    pub open: AtomicU64,
    /// Commands that came while too many waited.
    pub dropped: AtomicU64,
}

/// The device.
#[derive(Debug)]
pub struct Site {
    topics: RwLock<BTreeMap<String, Bytes>>,
    commands: Mutex<Vec<(String, Bytes)>>,
    changes: broadcast::Sender<(String, Bytes)>,
    silent: AtomicBool,
    /// What it has done.
    pub counters: Counters,
}

impl Default for Site {
    fn default() -> Self {
        let (topics, commands, changes) =
            (RwLock::default(), Mutex::default(), broadcast::channel(MAX_BEHIND).0);
        Self { topics, commands, changes, silent: AtomicBool::default(), counters: Counters::default() }
    }
}

/// A listening device. Dropping it stops it.
pub type Server = talk::Server<Site>;

impl Site {
    /// Publishes a value, if it is another one than before.
    pub fn put(&self, topic: &str, value: String) {
        let value = Bytes::from(value);
        let mut topics = self.topics.write();
        if topics.get(topic) != Some(&value) {
            topics.insert(topic.to_owned(), value.clone());
            // Nobody listens: whoever comes gets it then.
            let _ = self.changes.send((topic.to_owned(), value));
        }
    }

    /// Says something once: who is not there now never hears it.
    pub fn tell(&self, topic: &str, payload: Vec<u8>) {
        // Nobody listens: then it is said to nobody.
        let _ = self.changes.send((topic.to_owned(), Bytes::from(payload)));
    }

    /// What clients published since the last time: topic and payload.
    #[must_use]
    pub fn commands(&self) -> Vec<(String, Bytes)> {
        std::mem::take(&mut *self.commands.lock())
    }

    /// While true, nobody is let in, and nobody who is in hears anything.
    pub fn set_silent(&self, silent: bool) {
        if self.silent.swap(silent, Relaxed) != silent {
            // Wakes the connections: they see it.
            let _ = self.changes.send((String::new(), Bytes::new()));
        }
    }

    fn take(&self, publish: &Publish) {
        let mut commands = self.commands.lock();
        if publish.retain || commands.len() >= MAX_COMMANDS {
            self.counters.dropped.fetch_add(1, Relaxed);
        } else {
            commands.push((publish.topic.clone(), publish.payload.clone()));
        }
    }

    fn known(&self, filters: &[String]) -> Vec<Packet> {
        let topics = self.topics.read();
        let wanted = topics.iter().filter(|(topic, _)| filters.iter().any(|filter| matches(topic, filter)));
        wanted.map(|(topic, value)| message(topic, value, true)).collect()
    }
}

impl Housed for Site {
    fn door(&self) -> Door<'_> {
        let Counters { connections, refused, open, .. } = &self.counters;
        Door { most: MAX_CONNECTIONS, connections, refused, open }
    }
}

/// Listens on `address` (port 0: a free one).
///
/// # Errors
/// If the address cannot be bound.
pub async fn listen(address: SocketAddr, site: Arc<Site>) -> io::Result<Server> {
    Server::start(TcpListener::bind(address).await?, site, serve, std::future::ready(()))
}

fn message(topic: &str, value: &Bytes, retained: bool) -> Packet {
    let mut publish = Publish::from_bytes(topic, QoS::AtMostOnce, value.clone());
    publish.retain = retained;
    Packet::Publish(publish)
}

async fn serve(mut stream: TcpStream, site: Arc<Site>) -> io::Result<()> {
    let (mut input, mut filters) = (BytesMut::with_capacity(4_096), Vec::new());
    let mut changes = site.changes.subscribe();
    loop {
        let answers = tokio::select! {
            count = stream.read_buf(&mut input) => {
                if count? == 0 {
                    return Ok(());
                }
                hear(&mut input, &mut filters, &site)?
            }
            change = changes.recv() => match change {
                Ok((topic, value)) if filters.iter().any(|filter| matches(&topic, filter)) => {
                    vec![message(&topic, &value, false)]
                }
                Ok(_) => Vec::new(),
                Err(RecvError::Lagged(_)) => site.known(&filters),
                Err(RecvError::Closed) => return Ok(()),
            },
        };
        if site.silent.load(Relaxed) {
            return Ok(());
        }
        let mut out = BytesMut::new();
        for answer in answers {
            answer.write(&mut out, MAX_PACKET).map_err(io::Error::other)?;
        }
        stream.write_all(&out).await?;
    }
}

/// The answers to everything that came whole.
fn hear(input: &mut BytesMut, filters: &mut Vec<String>, site: &Site) -> io::Result<Vec<Packet>> {
    let mut answers = Vec::new();
    loop {
        let packet = match Packet::read(input, MAX_PACKET) {
            Ok(packet) => packet,
            Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => return Ok(answers),
            Err(error) => return Err(io::Error::other(error)),
        };
        match packet {
            Packet::Connect(_) => {
                answers.push(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false)));
            }
            Packet::Subscribe(wanted) => {
                let new: Vec<String> = wanted.filters.into_iter().map(|filter| filter.path).collect();
                let room = filters.len() + new.len() <= MAX_FILTERS;
                let code = if room {
                    SubscribeReasonCode::Success(QoS::AtMostOnce)
                } else {
                    SubscribeReasonCode::Failure
                };
                answers.push(Packet::SubAck(SubAck::new(wanted.pkid, vec![code; new.len()])));
                if room {
                    answers.extend(site.known(&new));
                    filters.extend(new);
                }
            }
            Packet::Unsubscribe(which) => {
                filters.retain(|filter| !which.topics.contains(filter));
                answers.push(Packet::UnsubAck(UnsubAck::new(which.pkid)));
            }
            Packet::Publish(publish) => {
                site.take(&publish);
                if publish.qos == QoS::AtLeastOnce {
                    answers.push(Packet::PubAck(PubAck::new(publish.pkid)));
                }
            }
            Packet::PingReq => answers.push(Packet::PingResp),
            Packet::Disconnect => return Err(io::ErrorKind::ConnectionReset.into()),
            _ => {}
        }
    }
}
