//! A connection: TLS, HTTP/2, and every wait with an end.

use super::Shared;
use super::client::Client;
use super::service::Service;
use crate::door::{Refused, Speak};
use arrow_flight::flight_service_server::FlightServiceServer;
use futures_util::future::BoxFuture;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use transport::Stream;

/// From the first byte to the first call of somebody who is known.
const SIGN_IN: Duration = Duration::from_secs(20);
const TLS: Duration = Duration::from_secs(10);
/// Told and gone.
const TELL: Duration = Duration::from_secs(5);
/// A quiet connection is asked whether it lives, and has this long to answer.
const PING: Duration = Duration::from_secs(60);
const PONG: Duration = Duration::from_secs(30);
/// Calls at once on one connection.
const MOST_CALLS: u32 = 64;
/// Longest message of a client, and longest headers of a call, bytes.
const MOST_MESSAGE: usize = 4 << 20;
const MOST_HEADERS: u32 = 32 << 10;
/// Bytes of one answer that wait for a client that does not take them.
const MOST_WAITING: usize = 4 << 20;

/// What every client begins with (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Told to what else comes.
const STRANGER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    This is no client of Arrow Flight SQL (gRPC over HTTP/2). Use grpc://HOST:PORT, or grpc+tls://HOST:PORT where it is encrypted.\n";

impl Speak for Shared {
    fn serve(self: Arc<Self>, tcp: TcpStream, peer: SocketAddr) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let client = Arc::new(Client::new(self, peer, None));
            let stranger = Arc::clone(&client);
            let patience = async move {
                tokio::time::sleep(SIGN_IN).await;
                if stranger.is_known() {
                    std::future::pending::<()>().await;
                }
            };
            speak(tcp, client, patience).await;
        })
    }

    fn refuse(self: Arc<Self>, tcp: TcpStream, why: Refused) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Ok(peer) = tcp.peer_addr() else { return };
            let client = Arc::new(Client::new(self, peer, Some(why)));
            speak(tcp, client, tokio::time::sleep(TELL)).await;
        })
    }
}

/// Serves calls until the client goes, or `until` is over.
async fn speak(tcp: TcpStream, client: Arc<Client>, until: impl Future<Output = ()> + Send) {
    let door = Arc::clone(&client.shared.door);
    let Ok(Some(stream)) = tokio::time::timeout(SIGN_IN, hear(tcp, &client)).await else {
        door.counters.broken.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let service = FlightServiceServer::new(Service(client)).max_decoding_message_size(MOST_MESSAGE);
    let (read, write) = tokio::io::split(stream);
    let line = tokio::io::join(Cursor::new(PREFACE).chain(read), write);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .max_concurrent_streams(MOST_CALLS)
        .max_header_list_size(MOST_HEADERS)
        .max_send_buf_size(MOST_WAITING)
        .serve_connection(TokioIo::new(line), TowerToHyperService::new(service));
    tokio::select! {
        done = connection => {
            if let Err(error) = done {
                tracing::debug!(%error, "a connection of Flight ended");
                door.counters.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
        () = until => {}
    }
}

/// Hears the beginning of HTTP/2; `None` from what is no client.
async fn hear(tcp: TcpStream, client: &Client) -> Option<Stream> {
    let mut stream = match &client.shared.door.options.tls {
        None => Stream::Tcp(tcp),
        Some(tls) => tls.server().accept(tcp, TLS).await.ok()?,
    };
    let mut heard = [0; PREFACE.len()];
    let mut count = 0;
    while count < heard.len() {
        let read = stream.read(heard.get_mut(count..)?).await.ok().filter(|n| *n > 0)?;
        count += read;
        if heard.get(..count) != PREFACE.get(..count) {
            // Whoever does not listen is not told.
            let _ = stream.write_all(STRANGER).await;
            let _ = stream.shutdown().await;
            return None;
        }
    }
    Some(stream)
}
