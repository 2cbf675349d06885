//! Opening a connection within a time, to the first address that answers.

use crate::words::{connect_words, fault_from_io};
use crate::{Stream, Target, TlsClient, serial};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use model::Fault;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Head start of one address of a name before the next is tried as well (RFC 8305, 5: 250 ms).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Opens `target` within `timeout`: name resolution, connection and TLS handshake together.
///
/// TCP connections get `TCP_NODELAY` (a poll is one small packet) and keep-alive probes (a dead peer is noticed
/// within about 30 s even when nothing is sent). The addresses of a name are tried one after the other with a head
/// start of 250 ms, both families in turn, and the first that answers is taken.
///
/// # Errors
/// [`Fault::Connect`] when nobody answers, [`Fault::Security`] when certificates do not fit, [`Fault::Config`] when
/// certificate files cannot be read.
pub async fn dial(target: &Target, timeout: Duration) -> Result<Stream, Fault> {
    let deadline = Instant::now() + timeout;
    match target {
        Target::Tcp { host, port } => connect(host, *port, deadline, timeout).await.map(Stream::Tcp),
        Target::Tls { host, port, config } => {
            let name = config.name_for(host)?;
            let tcp = connect(host, *port, deadline, timeout).await?;
            handshake(config, name, tcp, target, deadline, timeout).await
        }
        Target::Serial { path, settings } => serial::open(path, *settings, deadline).await,
    }
}

/// TLS over a TCP stream on which something was said in the clear before (STARTTLS, PostgreSQL, NATS). `host` is the
/// name that the certificate must carry, unless `config` names another.
///
/// # Errors
/// As [`dial`]; [`Fault::Config`] when the stream is not a plain TCP one.
pub async fn upgrade(
    stream: Stream,
    host: &str,
    config: &TlsClient,
    timeout: Duration,
) -> Result<Stream, Fault> {
    let Stream::Tcp(tcp) = stream else {
        return Err(Fault::Config("only a plain TCP stream can be changed to TLS".into()));
    };
    let port = tcp.peer_addr().map_or(0, |address| address.port());
    let target = Target::Tls { host: host.to_owned(), port, config: config.clone() };
    let name = config.name_for(host)?;
    handshake(config, name, tcp, &target, Instant::now() + timeout, timeout).await
}

async fn handshake(
    config: &TlsClient,
    name: ServerName<'static>,
    tcp: TcpStream,
    target: &Target,
    deadline: Instant,
    timeout: Duration,
) -> Result<Stream, Fault> {
    let connector = tokio_rustls::TlsConnector::from(config.current()?);
    match timeout_at(deadline, connector.connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream.into()))),
        Ok(Err(error)) => Err(match fault_from_io(&error) {
            Fault::Lost(why) => Fault::Connect(format!("{target}: the TLS handshake failed: {why}").into()),
            Fault::Security(why) => Fault::Security(format!("{target}: {why}").into()),
            other => other,
        }),
        Err(_) => Err(Fault::Connect(
            format!(
                "{target} is connected but did not finish the TLS handshake within {} ms; does it speak TLS on this port?",
                timeout.as_millis()
            )
            .into(),
        )),
    }
}

async fn connect(host: &str, port: u16, deadline: Instant, timeout: Duration) -> Result<TcpStream, Fault> {
    let addresses = resolve(host, port, deadline).await?;
    let stream = match timeout_at(deadline, first_of(&addresses)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(why)) => return Err(Fault::Connect(prefix(host, port, &why).into())),
        Err(_) => {
            let what = "gave no answer: it is off, the address is wrong, or a firewall is between";
            let text = format!("{} ({} ms)", prefix(host, port, what), timeout.as_millis());
            return Err(Fault::Connect(text.into()));
        }
    };
    tune(&stream);
    Ok(stream)
}

fn prefix(host: &str, port: u16, why: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port} {why}") } else { format!("{host}:{port} {why}") }
}

/// The addresses of `host`, both families in turn, at most [`MAX_ADDRESSES`].
async fn resolve(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, Fault> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let unknown = |why: String| Fault::Connect(format!("the name `{host}` {why}").into());
    let found = match timeout_at(deadline, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(unknown(format!("was not found ({error}); check its spelling or use the address")));
        }
        Err(_) => return Err(unknown("could not be looked up in time; does the name server answer?".into())),
    };
    let interleaved = interleave(found.collect());
    if interleaved.is_empty() { Err(unknown("has no address".into())) } else { Ok(interleaved) }
}

fn interleave(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let longest = preferred.len().max(other.len());
    let pairs = (0..longest).flat_map(|i| [preferred.get(i).copied(), other.get(i).copied()]);
    pairs.flatten().take(MAX_ADDRESSES).collect()
}

/// Tries the addresses with a head start each; a failure starts the next at once.
async fn first_of(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut waiting = addresses.iter();
    let mut running = FuturesUnordered::new();
    let mut failures: Vec<String> = Vec::new();
    loop {
        if let Some(&address) = waiting.next() {
            running.push(async move { TcpStream::connect(address).await.map_err(|error| (address, error)) });
        } else if running.is_empty() {
            return Err(failures.join("; "));
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some(done) = running.next() => match done {
                Ok(stream) => return Ok(stream),
                Err((address, error)) if addresses.len() > 1 => {
                    failures.push(format!("(at {}) {}", address.ip(), connect_words(&error)));
                }
                Err((_, error)) => failures.push(connect_words(&error).into_owned()),
            },
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
}

/// Options of every TCP connection, dialled or accepted. A platform that lacks one goes without.
pub(crate) fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(15))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"]);
        assert_eq!(interleave(found), addresses(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"]));
        let many = (0..40).map(|n| SocketAddr::from(([10, 0, 0, n], 1))).collect();
        assert_eq!(interleave(many).len(), MAX_ADDRESSES);
        assert!(interleave(Vec::new()).is_empty());
    }

    #[tokio::test]
    async fn a_refusing_address_does_not_stop_the_next() {
        let good = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = good.local_addr().unwrap().port();
        // 127.0.0.2 has no listener on that port: refused at once, the next one is taken.
        let all = addresses(&[&format!("127.0.0.2:{port}"), &format!("127.0.0.1:{port}")]);
        let stream = first_of(&all).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().port(), port);
    }

    #[tokio::test]
    async fn all_failures_are_named() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let all = addresses(&[&closed.to_string(), &format!("127.0.0.2:{}", closed.port())]);
        let why = first_of(&all).await.unwrap_err();
        assert!(why.contains("127.0.0.1") && why.contains("127.0.0.2") && why.contains("refused"), "{why}");
    }
}
