//! A connection: bytes in, messages out, and every wait with an end.

use super::message::{Broken, MOST_STARTUP, Message, message};
use super::reply::{Replies, Report};
use super::server::Shared;
use super::startup;
use crate::door;
use bytes::{Buf, BytesMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use transport::Stream;

/// From the first byte to the end of the sign-in.
const SIGN_IN: Duration = Duration::from_secs(20);
/// A client that takes nothing for this long is gone.
const WRITE: Duration = Duration::from_secs(60);
/// Told and gone.
const TELL: Duration = Duration::from_secs(2);
/// What who stops half way is told.
pub(super) const LATE: Broken = Broken("the sign-in was not finished within 20 seconds");
/// Bytes that are put together before they are written.
const ENOUGH: usize = 64 << 10;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    /// The client went away, or stopped taking what we send.
    #[error("the client went away")]
    Closed,
    /// It broke the protocol.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It was told why.
    #[error("refused")]
    Refused(Refused),
}

/// Why a client is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// As at every door.
    Door(door::Refused),
    Plain,
    Protocol(&'static str),
    Database(String),
}

impl From<door::Refused> for Refused {
    fn from(why: door::Refused) -> Self {
        Self::Door(why)
    }
}

impl From<door::Refused> for Gone {
    fn from(why: door::Refused) -> Self {
        Self::Refused(why.into())
    }
}

impl Refused {
    pub fn report(&self) -> Report {
        let told = |message: &str, hint: &str| (message.to_owned(), hint.to_owned());
        let (code, (message, hint)) = match self {
            Self::Door(why) => {
                let code = match why {
                    door::Refused::Full(_) | door::Refused::Seats(_) => "53300",
                    door::Refused::SignIn(_) => "28P01",
                    door::Refused::Ended => "57P01",
                    door::Refused::Internal => "XX000",
                };
                (code, why.words("serve.postgres"))
            }
            Self::Plain => (
                "28000",
                told(
                    "this connection must be encrypted",
                    "connect with sslmode=require, or better verify-full with the certificate of Ironbridge's authority",
                ),
            ),
            Self::Protocol(why) => ("08P01", told(why, "")),
            Self::Database(name) => (
                "3D000",
                told(
                    &format!("there is no database \"{name}\" here"),
                    "the one database is called ironbridge",
                ),
            ),
        };
        Report { severity: "FATAL", code, message, hint }
    }
}

/// Bytes of a client.
pub(super) struct Line {
    pub stream: Stream,
    input: BytesMut,
    pub out: Replies,
    /// When the sign-in must be done; nothing after it.
    pub until: Option<Instant>,
}

impl Line {
    pub fn new(stream: Stream, until: Instant) -> Self {
        let input = BytesMut::with_capacity(4_096);
        Self { stream, input, out: Replies::default(), until: Some(until) }
    }

    /// Whether the client sent more than we asked for.
    pub fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    async fn fill(&mut self, wanted: usize) -> Result<(), Gone> {
        while self.input.len() < wanted {
            let read = self.stream.read_buf(&mut self.input);
            let read = match self.until {
                Some(until) => timeout_at(until, read).await.map_err(|_| LATE)?,
                None => read.await,
            };
            match read {
                Ok(0) | Err(_) => return Err(Gone::Closed),
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn length(&self, at: usize) -> Option<usize> {
        let bytes: [u8; 4] = self.input.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(i32::from_be_bytes(bytes)).ok()?.checked_sub(4)
    }

    /// A start-up packet, without its length.
    pub async fn packet(&mut self) -> Result<Vec<u8>, Gone> {
        self.fill(4).await?;
        let length = self.length(0).filter(|l| (4..=MOST_STARTUP).contains(l));
        let length = length.ok_or(Broken("this is no client of PostgreSQL"))?;
        self.fill(4 + length).await?;
        self.input.advance(4);
        Ok(self.input.split_to(length).to_vec())
    }

    /// The next message of at most `most` bytes. Cancel-safe: what came stays.
    pub async fn message(&mut self, most: usize) -> Result<Message, Gone> {
        self.fill(5).await?;
        let kind = self.input.first().copied().unwrap_or_default();
        let length = self.length(1).filter(|l| *l <= most);
        let length = length.ok_or(Broken("the message is too long; send less at once"))?;
        self.fill(5 + length).await?;
        self.input.advance(5);
        Ok(message(kind, &self.input.split_to(length))?)
    }

    /// Waits until the client closes; what it sends meanwhile is kept, up to a bound.
    pub async fn closed(&mut self) -> Gone {
        loop {
            if self.input.len() > ENOUGH {
                return std::future::pending().await;
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return Gone::Closed,
                Ok(_) => {}
            }
        }
    }

    /// Takes what still comes, until the client closes: bytes that nobody took would take back what it was told.
    async fn discard(&mut self) {
        loop {
            self.input.clear();
            match self.stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Writes what has come together, if it is much.
    pub async fn drain(&mut self) -> Result<(), Gone> {
        if self.out.bytes.len() >= ENOUGH { self.flush().await } else { Ok(()) }
    }

    /// Writes everything.
    pub async fn flush(&mut self) -> Result<(), Gone> {
        while self.out.bytes.has_remaining() {
            let write = tokio::time::timeout(WRITE, self.stream.write_buf(&mut self.out.bytes));
            match write.await {
                Ok(Ok(count)) if count > 0 => {}
                _ => return Err(Gone::Closed),
            }
        }
        match tokio::time::timeout(WRITE, self.stream.flush()).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone::Closed),
        }
    }
}

/// Tells a client why it cannot stay, where it listens for that: clients of PostgreSQL show nothing that comes before they
/// have said who they are.
pub(super) async fn refuse(tcp: TcpStream, shared: &Arc<Shared>, why: Refused) {
    let until = Instant::now() + TELL;
    let tell = async {
        if let Ok(Some(mut greeting)) = startup::hear(tcp, shared, until).await {
            greeting.line.out.report(&why.report());
            let _ = greeting.line.flush().await;
        }
    };
    // Whoever does not listen is not told.
    let _ = timeout_at(until, tell).await;
}

/// Serves a client until it goes.
pub(super) async fn serve(tcp: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let mut line = match startup::begin(tcp, peer, shared, Instant::now() + SIGN_IN).await {
        Ok(None) => return,
        Ok(Some(mut session)) => {
            let why = session.run().await;
            count(shared, &why);
            let report = report(&why);
            let mut line = session.line;
            line.out.bytes.clear();
            report.iter().for_each(|report| line.out.report(report));
            line
        }
        Err((why, line)) => {
            count(shared, &why);
            let Some(mut line) = line else { return };
            report(&why).iter().for_each(|report| line.out.report(report));
            line
        }
    };
    // The end of a connection waits for nobody.
    let _ = tokio::time::timeout(TELL, async {
        let _ = line.flush().await;
        let _ = line.stream.shutdown().await;
        line.discard().await;
    })
    .await;
}

fn report(why: &Gone) -> Option<Report> {
    match why {
        Gone::Closed => None,
        Gone::Broken(broken) => Some(Refused::Protocol(broken.0).report()),
        Gone::Refused(refused) => Some(refused.report()),
    }
}

fn count(shared: &Shared, why: &Gone) {
    let door = &shared.door;
    match why {
        Gone::Broken(_) => {
            door.counters.broken.fetch_add(1, Ordering::Relaxed);
        }
        Gone::Refused(Refused::Door(why)) => door.count(why),
        Gone::Refused(Refused::Plain) => {
            door.counters.refused.fetch_add(1, Ordering::Relaxed);
        }
        Gone::Refused(_) | Gone::Closed => {}
    }
}

/// The error of a query.
pub(super) fn failed(error: &sql::SqlError) -> Report {
    use sql::SqlError as E;
    let text = error.to_string();
    let code = match error {
        E::Query(why) if why.contains("not found") && why.contains("table") => "42P01",
        E::Query(why) if why.starts_with("No field named") => "42703",
        E::Query(why) if why.starts_with("Invalid function") => "42883",
        E::Query(why) if why.contains("Divide by zero") => "22012",
        E::Query(_) => "42601",
        E::ReadOnly(_) => "25006",
        E::Time(_) | E::Cancelled => "57014",
        E::Memory(_) | E::Crowd(_) => "53200",
        E::Rows(_) => "54000",
        E::Busy(_) => "55006",
        E::TooMany(_) => "53300",
        E::Store(_) => "58030",
    };
    Report { severity: "ERROR", code, message: text, hint: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Both ends of a connection.
    async fn ends() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_let_go() {
        let (near, _far) = ends().await;
        let start = Instant::now();
        let mut line = Line::new(Stream::Tcp(near), start);
        line.out.bytes.resize(64 << 20, 0);
        assert!(matches!(line.flush().await, Err(Gone::Closed)));
        assert!(start.elapsed() >= WRITE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_in_has_an_end_and_a_session_none() {
        let (near, _far) = ends().await;
        let start = Instant::now();
        let mut line = Line::new(Stream::Tcp(near), start + SIGN_IN);
        assert!(matches!(line.message(100).await, Err(Gone::Broken(why)) if why == LATE));
        assert!(start.elapsed() >= SIGN_IN && LATE.0.contains(&SIGN_IN.as_secs().to_string()));
        line.until = None;
        let hour = Duration::from_secs(3_600);
        assert!(tokio::time::timeout(hour, line.message(100)).await.is_err());
    }
}
