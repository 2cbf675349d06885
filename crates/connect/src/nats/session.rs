//! One session with a server: dialling, signing in, publishing and hearing acknowledgements, pulling and giving them.

use super::server::Servers;
use model::Fault;
use serde::Deserialize;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use transport::{Stream, Target};
use wire::nats::{self, Said};

/// How long a request about the stream, or a write, may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read at once.
const READ: usize = 64 * 1024;
/// Longest message of a server that is read.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// The last token of the subject on which an answer of the API comes; those of messages are numbers.
const API: &str = "api";
/// The same for what ends a pull.
const PULL: &str = "pull";

/// What a server says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info {
    max_payload: usize,
    tls_required: bool,
    nonce: String,
    headers: bool,
}

/// What was heard.
pub enum Heard {
    /// The answer to a message that was published.
    Ack {
        /// What was given along with the message.
        ticket: u64,
        /// JSON; `None` if nobody listens to the subject.
        answer: Option<Vec<u8>>,
    },
    /// A message of a consumer.
    Message(Incoming),
    /// What a pull came to, besides messages.
    Pull(PullEnd),
    /// Something that needs nothing.
    Nothing,
}

/// A message of a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its subject.
    pub subject: String,
    /// Where it is acknowledged; tells also when and as which it was stored.
    pub reply: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What a server says of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullEnd {
    /// Still there, nothing to give.
    Alive,
    /// It is over; ask again.
    Over,
    /// The consumer is gone, or somebody else has it.
    Gone,
}

/// See the module.
pub struct Session {
    stream: Stream,
    input: Vec<u8>,
    /// How much of `input` is used up.
    at: usize,
    output: Vec<u8>,
    inbox: String,
    max_payload: usize,
    /// Messages without answer: ticket and when it was sent; an answered one is `None` until those before it are.
    under_way: VecDeque<Option<(u64, Instant)>>,
    /// Number of the first in `under_way`.
    first: u64,
    unanswered: usize,
    last_stored: u64,
    /// What was heard while something else was waited for.
    held: VecDeque<Owned>,
}

impl Session {
    /// Opens a session with the next server that answers.
    pub async fn open(servers: &mut Servers) -> Result<Self, Fault> {
        let mut last = Fault::Connect("no server is configured".into());
        for _ in 0..servers.addresses.len() {
            let index = servers.next % servers.addresses.len().max(1);
            match Self::open_one(servers, index).await {
                Ok(session) => return Ok(session),
                Err(fault) => last = fault,
            }
            servers.next = servers.next.wrapping_add(1);
        }
        Err(last)
    }

    async fn open_one(servers: &Servers, index: usize) -> Result<Self, Fault> {
        let Some(address) = servers.addresses.get(index) else {
            return Err(Fault::Config("no such server".into()));
        };
        let target = Target::Tcp { host: address.host.clone(), port: address.port };
        let stream = transport::dial(&target, servers.timeout).await?;
        let mut session = Self::new(stream);
        let place = address.place();
        let greeting = timeout(servers.timeout, session.info(&place)).await;
        let info = greeting.map_err(|_| {
            Fault::Connect(format!("{place} does not say what it is; is it a NATS server?").into())
        })??;
        if info.tls_required && servers.tls.is_none() {
            return Err(Fault::Security(format!("{place} wants TLS: write `url = \"tls://...\"`").into()));
        }
        if !info.headers {
            return Err(Fault::Config(
                format!("{place} is too old: it knows no headers (2.2 or newer does)").into(),
            ));
        }
        if let Some(tls) = &servers.tls {
            session.stream = transport::upgrade(session.stream, &address.host, tls, servers.timeout).await?;
        }
        session.max_payload = info.max_payload;
        let say = servers.connect(&info.nonce)?.to_string();
        nats::connect(&mut session.output, &say);
        session.output.extend_from_slice(nats::PING);
        session.flush().await?;
        timeout(servers.timeout, session.welcomed(&place))
            .await
            .map_err(|_| Fault::Connect(format!("{place} does not answer the sign-in").into()))??;
        let inbox = format!("{}.*", session.inbox);
        nats::subscribe(&mut session.output, &inbox, 1);
        session.flush().await?;
        Ok(session)
    }

    fn new(stream: Stream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            at: 0,
            output: Vec::new(),
            inbox: format!("_INBOX.{}", token()),
            max_payload: 1024 * 1024,
            under_way: VecDeque::new(),
            first: 0,
            unanswered: 0,
            last_stored: 0,
            held: VecDeque::new(),
        }
    }

    async fn info(&mut self, place: &str) -> Result<Info, Fault> {
        loop {
            if let Some(said) = self.parse()? {
                return match said {
                    Owned::Info(info) => serde_json::from_str(&info).map_err(|why| {
                        Fault::Protocol(format!("{place} says what nobody understands: {why}").into())
                    }),
                    _ => Err(Fault::Protocol(format!("{place} does not begin as a NATS server does").into())),
                };
            }
            self.read().await?;
        }
    }

    async fn welcomed(&mut self, place: &str) -> Result<(), Fault> {
        loop {
            match self.parse()? {
                Some(Owned::Pong) => return Ok(()),
                Some(Owned::Error(why)) => {
                    return Err(Fault::Security(format!("{place} does not let us in: {why}").into()));
                }
                Some(_) => {}
                None => self.read().await?,
            }
        }
    }

    /// What was published and not answered.
    pub fn outstanding(&self) -> usize {
        self.unanswered
    }

    /// When the oldest of these was sent.
    pub fn oldest(&self) -> Option<Instant> {
        self.under_way.front().copied().flatten().map(|(_, sent)| sent)
    }

    /// Bytes that wait to be written.
    pub fn waiting(&self) -> usize {
        self.output.len()
    }

    /// Why a message of so many bytes will never be taken.
    pub fn too_large(&self, bytes: usize) -> Option<String> {
        // The headers count as well.
        (bytes + 512 > self.max_payload)
            .then(|| format!("{bytes} bytes, more than the {} that the server takes", self.max_payload))
    }

    /// Publishes; the acknowledgement brings the ticket back.
    pub fn publish(&mut self, subject: &str, id: &str, stream: &str, payload: &[u8], ticket: u64) {
        let number = self.first + self.under_way.len() as u64;
        self.under_way.push_back(Some((ticket, Instant::now())));
        self.unanswered += 1;
        let reply = format!("{}.{number}", self.inbox);
        let headers = [("Nats-Msg-Id", id), ("Nats-Expected-Stream", stream)];
        nats::publish_headed(&mut self.output, subject, &reply, &headers, payload);
    }

    /// The stream has stored a message under this number.
    pub fn stored(&mut self, seq: u64) {
        self.last_stored = self.last_stored.max(seq);
    }

    /// The newest number that the stream gave.
    pub fn last_stored(&self) -> u64 {
        self.last_stored
    }

    /// Asks the server itself; JSON comes back. Acknowledgements and messages that come meanwhile are heard afterwards.
    pub async fn request(&mut self, subject: &str, payload: &str) -> Result<serde_json::Value, Fault> {
        let reply = format!("{}.{API}", self.inbox);
        nats::publish(&mut self.output, subject, &reply, payload.as_bytes());
        self.flush().await?;
        let asking = async {
            loop {
                match self.parse()? {
                    Some(Owned::Message { token, status, payload }) if token == API => {
                        if status == 503 {
                            let why = "no JetStream answers: the server has none, its cluster has no leader yet, or the leaf node needs `stream = { domain = ... }`";
                            return Err(Fault::Connect(why.into()));
                        }
                        return serde_json::from_slice(&payload)
                            .map_err(|why| Fault::Protocol(why.to_string().into()));
                    }
                    Some(Owned::Error(why)) => return Err(Fault::Security(why.into())),
                    // No more than what is under way.
                    Some(other) => self.held.push_back(other),
                    None => self.read().await?,
                }
            }
        };
        let slow = Fault::Timeout { timeout_ms: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX) };
        timeout(PATIENCE, asking).await.map_err(|_| slow)?
    }

    /// Asks a consumer for at most `batch` messages; they come out of [`Session::next`] until [`PullEnd`].
    pub fn pull(&mut self, subject: &str, batch: usize, expires: Duration, heartbeat: Duration) {
        let reply = format!("{}.{PULL}", self.inbox);
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let ask = serde_json::json!({
            "batch": batch, "expires": nanos(expires), "idle_heartbeat": nanos(heartbeat),
        });
        nats::publish(&mut self.output, subject, &reply, ask.to_string().as_bytes());
    }

    /// A message was kept: it need not come again.
    pub fn acknowledge(&mut self, reply: &str) {
        nats::publish(&mut self.output, reply, "", b"+ACK");
    }

    /// What is heard next. Cancel-safe.
    pub async fn next(&mut self) -> Result<Heard, Fault> {
        loop {
            let said = match self.held.pop_front() {
                Some(held) => Some(held),
                None => self.parse()?,
            };
            match said {
                Some(Owned::Stored(message)) => return Ok(Heard::Message(message)),
                Some(Owned::Message { token, status, .. }) if token == PULL => {
                    return Ok(Heard::Pull(match status {
                        100 => PullEnd::Alive,
                        404 | 408 => PullEnd::Over,
                        _ => PullEnd::Gone,
                    }));
                }
                Some(Owned::Message { token, status, payload }) => {
                    let Some(ticket) = token.parse().ok().and_then(|number| self.answered(number)) else {
                        return Ok(Heard::Nothing);
                    };
                    let answer = (status != 503).then_some(payload);
                    return Ok(Heard::Ack { ticket, answer });
                }
                Some(Owned::Error(why)) => return Err(said_wrong(why)),
                Some(_) => return Ok(Heard::Nothing),
                None => self.read().await?,
            }
        }
    }

    fn answered(&mut self, number: u64) -> Option<u64> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let (ticket, _) = self.under_way.get_mut(index)?.take()?;
        self.unanswered -= 1;
        while self.under_way.pop_front_if(|one| one.is_none()).is_some() {
            self.first += 1;
        }
        Some(ticket)
    }

    /// Writes what waits.
    pub async fn flush(&mut self) -> Result<(), Fault> {
        if self.output.is_empty() {
            return Ok(());
        }
        let written = timeout(PATIENCE, self.stream.write_all(&self.output)).await;
        self.output.clear();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Fault::Lost(error.to_string().into())),
            Err(_) => Err(Fault::Lost("the server takes nothing any more".into())),
        }
    }

    async fn read(&mut self) -> Result<(), Fault> {
        if self.at > 0 {
            self.input.drain(..self.at);
            self.at = 0;
        }
        if !self.output.is_empty() {
            self.flush().await?;
        }
        self.input.reserve(READ);
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) => Err(Fault::Lost("the server closed the connection".into())),
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::Lost(error.to_string().into())),
        }
    }

    fn parse(&mut self) -> Result<Option<Owned>, Fault> {
        loop {
            let bytes = self.input.get(self.at..).unwrap_or_default();
            let broken = |why: nats::NatsError| Fault::Protocol(why.to_string().into());
            let Some((said, used)) = nats::parse(bytes, MAX_MESSAGE).map_err(broken)? else {
                return Ok(None);
            };
            let owned = match said {
                Said::Info(info) => Some(Owned::Info(info.to_owned())),
                Said::Pong => Some(Owned::Pong),
                Said::Error(why) => Some(Owned::Error(why.to_owned())),
                Said::Message(message) => Some(match message.subject.strip_prefix(self.inbox.as_str()) {
                    Some(token) => Owned::Message {
                        token: token.trim_start_matches('.').to_owned(),
                        status: message.status,
                        payload: message.payload.to_vec(),
                    },
                    None => Owned::Stored(Incoming {
                        subject: message.subject.to_owned(),
                        reply: message.reply.to_owned(),
                        payload: message.payload.to_vec(),
                    }),
                }),
                Said::Ping => {
                    self.output.extend_from_slice(nats::PONG);
                    None
                }
                Said::Ok => None,
            };
            self.at += used;
            if owned.is_some() {
                return Ok(owned);
            }
        }
    }
}

/// What a server said, with its own bytes.
enum Owned {
    Info(String),
    Pong,
    Error(String),
    /// A message of a consumer.
    Stored(Incoming),
    /// An answer to us.
    Message {
        /// The last token of the subject.
        token: String,
        status: u16,
        payload: Vec<u8>,
    },
}

/// An error in the middle of a session.
fn said_wrong(why: String) -> Fault {
    let lower = why.to_ascii_lowercase();
    if lower.contains("permission") || lower.contains("authorization") || lower.contains("authentication") {
        return Fault::Security(format!("the server says: {why}").into());
    }
    Fault::Lost(format!("the server says: {why}").into())
}

/// A word that no other session has.
fn token() -> String {
    use ring::rand::SecureRandom;
    let mut bytes = [0_u8; 12];
    // Two sessions with the same inbox would hear each other's answers: without randomness there is none.
    if ring::rand::SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::error!("the machine gives no random numbers");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
