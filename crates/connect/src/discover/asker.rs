//! The conversation with one address: one question at a time, pauses that grow with faults, everything counted.

use super::plan::{CONNECTION_PACKETS, REQUEST_PACKETS, STARTS_PER_S};
use super::scan::{Remark, Scan};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout_at};
use transport::{Stream, Target};

/// Faults of an address after which it is left alone.
const MAX_FAULTS: u32 = 3;
/// Longest pause between two questions.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Longest wait for a connection: the kernel repeats its first packet after a second, and the plan counted one.
const MAX_OPENING: Duration = Duration::from_millis(950);
/// Most bytes of one answer.
const MAX_ANSWER: usize = 64 * 1024;
/// Most datagrams that are looked at for one question.
const MAX_DATAGRAMS: usize = 16;

/// All addresses together start so many conversations a second.
#[derive(Debug)]
pub(super) struct Pace(tokio::sync::Mutex<Instant>);

impl Pace {
    pub(super) fn new() -> Self {
        Self(tokio::sync::Mutex::new(Instant::now()))
    }

    async fn start(&self) {
        let at = {
            let mut next = self.0.lock().await;
            let at = (*next).max(Instant::now());
            *next = at + Duration::from_millis(1_000 / STARTS_PER_S);
            at
        };
        sleep_until(at).await;
    }
}

/// What became of opening a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Open.
    Yes,
    /// Somebody is there, but nobody listens on that port.
    Refused,
    /// Nobody answered.
    Silent,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<T> {
    /// The answer.
    Got(T),
    /// None in time. The connection is closed: a late answer must not pass for that of the next question.
    Silent,
    /// The other side hung up, or said something that is not of this protocol. The connection is closed.
    Broken(String),
}

/// Asks one address. Made by the scan; a probe gets it.
pub struct Asker<'a> {
    address: IpAddr,
    port: u16,
    timeout: Duration,
    pause: Duration,
    next: Instant,
    faults: u32,
    stream: Option<Stream>,
    scan: &'a Arc<Scan>,
    pace: &'a Pace,
    protocol: &'static str,
}

impl<'a> Asker<'a> {
    pub(super) fn new(
        address: IpAddr,
        timeout: Duration,
        pause: Duration,
        scan: &'a Arc<Scan>,
        pace: &'a Pace,
    ) -> Self {
        let next = Instant::now();
        Self { address, port: 0, timeout, pause, next, faults: 0, stream: None, scan, pace, protocol: "" }
    }

    /// Turns to a port for a protocol.
    pub(super) fn turn_to(&mut self, protocol: &'static str, port: u16) {
        self.stream = None;
        (self.protocol, self.port) = (protocol, port);
    }

    /// The address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How long it waits for an answer.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the address has shown so many faults that it is left alone.
    pub const fn is_left_alone(&self) -> bool {
        self.faults >= MAX_FAULTS
    }

    /// Whether a connection is open.
    pub const fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Notes something that a person should read.
    pub fn remark(&self, text: impl Into<String>) {
        let remark = Remark { address: self.address, protocol: self.protocol, text: text.into() };
        self.scan.remark(remark);
    }

    /// Opens a connection to the port, unless one is open. Neither silence nor refusal is a fault: most addresses of
    /// a range are empty.
    pub async fn open(&mut self) -> Opened {
        if self.stream.is_some() {
            return Opened::Yes;
        }
        if self.is_left_alone() {
            return Opened::Silent;
        }
        self.wait().await;
        self.pace.start().await;
        self.scan.sent(1);
        let (started, limit) = (Instant::now(), self.timeout.min(MAX_OPENING));
        let target = Target::Tcp { host: self.address.to_string(), port: self.port };
        let opened = transport::dial(&target, limit).await;
        self.rest();
        match opened {
            Ok(stream) => {
                self.scan.sent(CONNECTION_PACKETS - 1);
                self.stream = Some(stream);
                Opened::Yes
            }
            Err(_) if started.elapsed() >= limit => Opened::Silent,
            Err(_) => Opened::Refused,
        }
    }

    /// Closes the connection, if one is open.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// Puts a question on the open connection. `look` sees all bytes that came so far: `Ok(None)` waits for more.
    pub async fn ask<T>(
        &mut self,
        request: &[u8],
        mut look: impl FnMut(&[u8]) -> Result<Option<T>, String> + Send,
    ) -> Reply<T> {
        self.wait().await;
        let Some(mut stream) = self.stream.take() else {
            return Reply::Broken("no connection is open".into());
        };
        self.scan.sent(REQUEST_PACKETS);
        let deadline = Instant::now() + self.timeout;
        let reply = match timeout_at(deadline, converse(&mut stream, request, &mut look)).await {
            Ok(reply) => reply,
            Err(_) => Reply::Silent,
        };
        self.conclude(&reply);
        if let Reply::Got(_) = reply {
            self.stream = Some(stream);
        }
        reply
    }

    /// Sends a datagram and waits for the answer that `look` takes.
    pub async fn datagram<T>(
        &mut self,
        request: &[u8],
        mut look: impl FnMut(&[u8]) -> Option<T> + Send,
    ) -> Reply<T> {
        if self.is_left_alone() {
            return Reply::Silent;
        }
        self.wait().await;
        self.pace.start().await;
        self.scan.sent(1);
        let deadline = Instant::now() + self.timeout;
        let to = SocketAddr::new(self.address, self.port);
        let reply = match timeout_at(deadline, exchange(to, request, &mut look)).await {
            Ok(Ok(answer)) => Reply::Got(answer),
            // Refused by the other side's system: nobody listens there.
            Ok(Err(_)) | Err(_) => Reply::Silent,
        };
        self.rest();
        reply
    }

    /// Runs a question that a library puts for us, and counts it as `packets`.
    pub async fn foreign<T, E: std::fmt::Display>(
        &mut self,
        packets: u64,
        question: impl Future<Output = Result<T, E>> + Send,
    ) -> Reply<T> {
        self.wait().await;
        self.pace.start().await;
        self.scan.sent(packets);
        let reply = match timeout_at(Instant::now() + self.timeout * 3, question).await {
            Ok(Ok(answer)) => Reply::Got(answer),
            Ok(Err(why)) => Reply::Broken(why.to_string()),
            Err(_) => Reply::Silent,
        };
        self.conclude(&reply);
        reply
    }

    /// Counts a fault that only the probe can see: an answer that is none of its protocol.
    pub fn fault(&mut self) {
        self.faults += 1;
        self.pause = (self.pause.max(Duration::from_millis(50)) * 2).min(MAX_PAUSE);
        self.scan.fault();
        self.rest();
    }

    fn conclude<T>(&mut self, reply: &Reply<T>) {
        match reply {
            Reply::Got(_) => self.rest(),
            // A unit that is not there is no fault of the device; but it, or the bus behind it, may be busy waiting.
            Reply::Silent => {
                self.rest();
                self.next += self.pause;
            }
            Reply::Broken(_) => self.fault(),
        }
    }

    fn rest(&mut self) {
        self.next = Instant::now() + self.pause;
    }

    async fn wait(&self) {
        sleep_until(self.next).await;
    }
}

async fn converse<T>(
    stream: &mut Stream,
    request: &[u8],
    look: &mut (impl FnMut(&[u8]) -> Result<Option<T>, String> + Send),
) -> Reply<T> {
    let broken = |error: &std::io::Error| Reply::Broken(transport::fault_from_io(error).to_string());
    if let Err(error) = stream.write_all(request).await {
        return broken(&error);
    }
    if let Err(error) = stream.flush().await {
        return broken(&error);
    }
    let mut answer = Vec::new();
    let mut piece = [0_u8; 2_048];
    loop {
        let count = match stream.read(&mut piece).await {
            Ok(0) => return Reply::Broken("it hung up".into()),
            Ok(count) => count,
            Err(error) => return broken(&error),
        };
        answer.extend_from_slice(piece.get(..count).unwrap_or_default());
        match look(&answer) {
            Ok(Some(found)) => return Reply::Got(found),
            Err(why) => return Reply::Broken(why),
            Ok(None) if answer.len() > MAX_ANSWER => return Reply::Broken("its answer does not end".into()),
            Ok(None) => {}
        }
    }
}

async fn exchange<T>(
    to: SocketAddr,
    request: &[u8],
    look: &mut (impl FnMut(&[u8]) -> Option<T> + Send),
) -> std::io::Result<T> {
    let from: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(to).await?;
    socket.send(request).await?;
    let mut datagram = vec![0_u8; MAX_ANSWER];
    for _ in 0..MAX_DATAGRAMS {
        let count = socket.recv(&mut datagram).await?;
        if let Some(found) = look(datagram.get(..count).unwrap_or_default()) {
            return Ok(found);
        }
    }
    Err(std::io::ErrorKind::InvalidData.into())
}
