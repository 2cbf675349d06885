//! What the simulated devices of all protocols share: how an answer leaves, and how connections are taken.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::rng::Rng;

/// An endless liar stops here: the proof is made, and the test machine has to live on.
const ENDLESS_MAX: usize = 64 << 20;

/// What a device does after a request's answer stands in the buffer.
pub(crate) enum Next {
    /// Send it with the next flush.
    Go,
    /// Send what stands before it, wait, then go on.
    After(Duration),
    /// Send byte by byte.
    Dribble(Duration),
    /// Random data until the peer goes.
    Endless,
    /// Close.
    Hangup,
}

/// Answers on their way out of one connection.
pub(crate) struct Mouth {
    /// Collected, not sent.
    pub(crate) out: Vec<u8>,
    /// For jitter and lies.
    pub(crate) rng: Rng,
}

impl Mouth {
    pub(crate) fn new(seed: u64) -> Self {
        Self { out: Vec::with_capacity(4096), rng: Rng::new(seed) }
    }

    /// Carries out what a request asked for; `start` is where its answer begins. False means: close.
    pub(crate) async fn follow<S: AsyncWrite + Unpin>(
        &mut self,
        next: Next,
        start: usize,
        stream: &mut S,
    ) -> io::Result<bool> {
        match next {
            Next::Go => return Ok(true),
            Next::Hangup => {
                self.flush(stream).await?;
                return Ok(false);
            }
            Next::After(delay) => {
                let answer = self.out.split_off(start);
                self.flush(stream).await?;
                tokio::time::sleep(delay).await;
                stream.write_all(&answer).await?;
            }
            Next::Dribble(delay) => {
                let answer = self.out.split_off(start);
                self.flush(stream).await?;
                tokio::time::sleep(delay).await;
                for byte in answer {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            Next::Endless => {
                self.out.truncate(start);
                let mut sent = 0;
                while sent < ENDLESS_MAX {
                    self.out.resize_with(4096, || self.rng.next() as u8);
                    sent += self.out.len();
                    self.flush(stream).await?;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) async fn flush<S: AsyncWrite + Unpin>(&mut self, stream: &mut S) -> io::Result<()> {
        if !self.out.is_empty() {
            stream.write_all(&self.out).await?;
            self.out.clear();
        }
        stream.flush().await
    }
}

/// Counters of a listener, and how many connections it takes at a time.
pub(crate) struct Door<'a> {
    pub(crate) most: usize,
    pub(crate) connections: &'a AtomicU64,
    pub(crate) refused: &'a AtomicU64,
    pub(crate) open: &'a AtomicU64,
}

/// Takes connections for ever; each is served by a task of its own, which ends with this one.
pub(crate) async fn accept<F>(listener: TcpListener, door: Door<'_>, mut serve: impl FnMut(TcpStream) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => {
                door.open.store(connections.len() as u64, Relaxed);
                continue;
            }
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: going on at once would spin.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if connections.len() >= door.most {
            door.refused.fetch_add(1, Relaxed);
            continue;
        }
        // Without it, small answers wait for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay");
        }
        door.connections.fetch_add(1, Relaxed);
        let served = serve(stream);
        connections.spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        door.open.store(connections.len() as u64, Relaxed);
    }
}
