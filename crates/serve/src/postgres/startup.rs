//! From the first byte to a session: TLS, who it is, and what it may have.

use super::connection::{Gone, LATE, Line, Refused};
use super::message::{Broken, MOST_SIGN_IN, Message, Startup, sasl_first, startup};
use super::server::Shared;
use super::session::Session;
use crate::door;
use access::AccessError;
use model::Principal;
use sql::postgres::{Identity, SETTINGS};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use transport::Stream;

/// A TLS record that begins a handshake: clients with `sslnegotiation=direct` do not ask first.
const HANDSHAKE: u8 = 0x16;
const TLS: Duration = Duration::from_secs(10);
/// Requests before a session: TLS, then encryption by Kerberos.
const MOST_REQUESTS: usize = 3;

type Failed = (Gone, Option<Line>);

/// A client that has said what it wants, encrypted if it asked for that.
pub(super) struct Greeting {
    pub line: Line,
    /// What binds the sign-in to the encrypted channel.
    binding: Option<Vec<u8>>,
    minor: u16,
    parameters: Vec<(String, String)>,
}

/// Begins a session, if the client has signed in by `until`; `None` for a connection that only stops a query.
pub(super) async fn begin(
    tcp: TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    until: Instant,
) -> Result<Option<Box<Session>>, Failed> {
    let Some(Greeting { mut line, binding, minor, parameters }) = hear(tcp, shared, until).await? else {
        return Ok(None);
    };
    match open(&mut line, peer, shared, binding, minor, parameters).await {
        Ok(ready) => {
            line.until = None;
            Ok(Some(Box::new(Session::new(line, ready))))
        }
        Err(why) => Err((why, Some(line))),
    }
}

/// Hears what a client wants before any sign-in; `None` for one that only stops a query.
pub(super) async fn hear(
    tcp: TcpStream,
    shared: &Arc<Shared>,
    until: Instant,
) -> Result<Option<Greeting>, Failed> {
    let mut first = [0];
    match timeout_at(until, tcp.peek(&mut first)).await {
        Ok(Ok(1)) => {}
        Ok(_) => return Err((Gone::Closed, None)),
        Err(_) => return Err((LATE.into(), None)),
    }
    let mut binding = None;
    let mut line = if first == [HANDSHAKE] {
        let (stream, hash) = encrypted(tcp, shared).await?;
        binding = hash;
        Line::new(stream, until)
    } else {
        Line::new(Stream::Tcp(tcp), until)
    };
    for _ in 0..MOST_REQUESTS {
        let packet = match line.packet().await {
            Ok(packet) => packet,
            Err(why) => return Err((why, Some(line))),
        };
        match startup(&packet) {
            Err(broken) => return Err((broken.into(), Some(line))),
            Ok(Startup::Cancel { process, secret }) => {
                shared.cancel(process, secret);
                return Ok(None);
            }
            Ok(Startup::Gss) => answer(&mut line, b'N').await?,
            Ok(Startup::Tls) if shared.door.options.tls.is_none() => answer(&mut line, b'N').await?,
            Ok(Startup::Tls) => {
                // What came before the handshake could be anybody's.
                if line.has_input() {
                    return Err((
                        Gone::Refused(Refused::Protocol("data before the TLS handshake")),
                        Some(line),
                    ));
                }
                answer(&mut line, b'S').await?;
                let Stream::Tcp(tcp) = line.stream else { return Err((Gone::Closed, None)) };
                let (stream, hash) = encrypted(tcp, shared).await?;
                binding = hash;
                line = Line::new(stream, until);
            }
            Ok(Startup::Session { minor, parameters }) => {
                return Ok(Some(Greeting { line, binding, minor, parameters }));
            }
        }
    }
    Err((Gone::Refused(Refused::Protocol("too many requests before a session")), Some(line)))
}

async fn answer(line: &mut Line, byte: u8) -> Result<(), Failed> {
    match line.stream.write_all(&[byte]).await {
        Ok(()) => Ok(()),
        Err(_) => Err((Gone::Closed, None)),
    }
}

async fn encrypted(tcp: TcpStream, shared: &Shared) -> Result<(Stream, Option<Vec<u8>>), Failed> {
    let Some(tls) = &shared.door.options.tls else {
        return Err((Broken("a TLS handshake where there is no TLS").into(), None));
    };
    let hash = tls.end_point();
    match tls.server().accept(tcp, TLS).await {
        Ok(stream) => Ok((stream, hash)),
        Err(_) => Err((Broken("the TLS handshake failed").into(), None)),
    }
}

/// Everything of a session but its line.
pub(super) struct Ready {
    pub who: Principal,
    pub sql: sql::Session,
    pub key: super::server::Key,
    pub seat: door::Seat,
    pub settings: Vec<(String, String)>,
    pub shared: Arc<Shared>,
}

async fn open(
    line: &mut Line,
    peer: SocketAddr,
    shared: &Arc<Shared>,
    binding: Option<Vec<u8>>,
    minor: u16,
    parameters: Vec<(String, String)>,
) -> Result<Ready, Gone> {
    if shared.door.options.tls.is_some() && !matches!(line.stream, Stream::Tls(_)) {
        return Err(Gone::Refused(Refused::Plain));
    }
    let given =
        |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let user = given("user").filter(|u| !u.is_empty());
    let user = user.ok_or(Gone::Refused(Refused::Protocol("the start-up packet names no user")))?;
    let unknown: Vec<&str> =
        parameters.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("_pq_.")).collect();
    if minor > 0 || !unknown.is_empty() {
        line.out.negotiate(&unknown);
    }
    if given("replication").is_some_and(|r| !matches!(r, "false" | "off" | "no" | "0")) {
        return Err(Gone::Refused(Refused::Protocol(
            "there is no replication here: see the destinations of Ironbridge",
        )));
    }
    let who = sign_in(line, shared, user, &peer.ip().to_string(), binding).await?;
    let database = given("database").unwrap_or(user);
    if database != "ironbridge" {
        return Err(Gone::Refused(Refused::Database(database.chars().take(64).collect())));
    }
    let key = shared.key().ok_or(door::Refused::Internal)?;
    let identity = Identity::new(user, key.process);
    let (seat, session) = shared.door.session(&who, &identity).await?;
    let settings = settings(&parameters);
    greet(line, user, &settings, &key);
    line.flush().await?;
    Ok(Ready { who, sql: session, key, seat, settings, shared: Arc::clone(shared) })
}

async fn sign_in(
    line: &mut Line,
    shared: &Shared,
    user: &str,
    source: &str,
    binding: Option<Vec<u8>>,
) -> Result<Principal, Gone> {
    let mut scram = shared.door.access.scram(user, source, binding);
    line.out.sign_in_mechanisms(scram.mechanisms());
    line.flush().await?;
    let refused = |error: AccessError| Gone::from(door::Refused::SignIn(error.words().0));
    let first = password(line).await?;
    let (mechanism, data) = sasl_first(&first)?;
    let challenge = scram.first(&mechanism, data).map_err(refused)?;
    line.out.sign_in_step(11, &challenge);
    line.flush().await?;
    let last = password(line).await?;
    let (proof, who) = scram.last(&last).await.map_err(refused)?;
    line.out.sign_in_step(12, &proof);
    line.out.signed_in();
    Ok(who)
}

async fn password(line: &mut Line) -> Result<Vec<u8>, Gone> {
    match line.message(MOST_SIGN_IN).await? {
        Message::Password(body) => Ok(body),
        Message::Terminate => Err(Gone::Closed),
        _ => Err(Gone::Refused(Refused::Protocol("the sign-in is not done yet"))),
    }
}

/// Settings that the client begins with, also those in `options` (`-c name=value`).
fn settings(parameters: &[(String, String)]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (name, value) in parameters {
        match name.as_str() {
            "user" | "database" | "replication" => {}
            "options" => {
                let words = value
                    .split_whitespace()
                    .filter_map(|w| w.strip_prefix("-c").unwrap_or(w).split_once('='));
                all.extend(words.map(|(name, value)| (name.to_lowercase(), value.to_owned())));
            }
            name => all.push((name.to_lowercase(), value.clone())),
        }
    }
    all
}

fn greet(line: &mut Line, user: &str, settings: &[(String, String)], key: &super::server::Key) {
    for setting in SETTINGS.iter().filter(|one| one.reported) {
        let value = match setting.name {
            "session_authorization" => user,
            "application_name" => {
                settings.iter().find(|(name, _)| name == "application_name").map_or("", |(_, value)| value)
            }
            _ => setting.value,
        };
        line.out.parameter(setting.name, value);
    }
    line.out.key(key.process, key.secret);
    line.out.ready(b'I');
}
