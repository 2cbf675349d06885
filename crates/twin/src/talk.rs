//! What the simulated devices of all protocols share: how they behave, how an answer leaves, how connections are taken.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::rng::Rng;

/// An endless liar stops here: the proof is made, and the test machine has to live on.
const ENDLESS_MAX: usize = 64 << 20;

/// How a device answers: when, and how well. The default is a sound device that answers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour<R, L, A = ()> {
    /// Time before every answer.
    pub delay: Duration,
    /// Random time on top of it, 0 to this.
    pub jitter: Duration,
    /// What it does with a request.
    pub conduct: Conduct<R, L>,
    /// [`Behaviour::conduct`] applies to one of this many requests; 1 or 0 means all of them.
    pub one_in: u32,
    /// What it can do at all.
    pub ability: A,
}

impl<R, L, A: Default> Default for Behaviour<R, L, A> {
    fn default() -> Self {
        let (delay, jitter) = (Duration::ZERO, Duration::ZERO);
        Self { delay, jitter, conduct: Conduct::Sound, one_in: 1, ability: A::default() }
    }
}

impl<R: Copy, L: Copy, A: Default> Behaviour<R, L, A> {
    /// A sound device with this conduct.
    #[must_use]
    pub fn of(conduct: Conduct<R, L>) -> Self {
        Self { conduct, ..Self::default() }
    }

    /// A sound device that needs this long.
    #[must_use]
    pub fn slow(delay: Duration, jitter: Duration) -> Self {
        Self { delay, jitter, ..Self::default() }
    }

    /// A sound device that can do only this.
    #[must_use]
    pub fn able(ability: A) -> Self {
        Self { ability, ..Self::default() }
    }

    /// What it does with its request of this number.
    pub(crate) fn conduct_of(&self, number: u64) -> Conduct<R, L> {
        let applies = self.one_in < 2 || number.is_multiple_of(u64::from(self.one_in));
        if applies { self.conduct } else { Conduct::Sound }
    }
}

/// What a device does with a request. `R` are its refusals, `L` its lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct<R, L> {
    /// Answers.
    Sound,
    /// Takes the request and never answers.
    Silent,
    /// Closes the connection instead of answering.
    Hangup,
    /// Refuses every request so.
    Refuse(R),
    /// Answers, but not the truth.
    Lie(L),
}

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

/// A device that others connect to.
pub(crate) trait Housed: Send + Sync + 'static {
    /// Its counters, and how many it lets in.
    fn door(&self) -> Door<'_>;
}

/// A listening device. Dropping it stops it.
pub struct Server<D> {
    address: SocketAddr,
    device: Arc<D>,
    task: JoinHandle<()>,
}

impl<D> Server<D> {
    /// Takes connections of `listener`; each is served by a task of its own. `beside` runs as long.
    pub(crate) fn start<F>(
        listener: TcpListener,
        device: Arc<D>,
        serve: impl Fn(TcpStream, Arc<D>) -> F + Send + Sync + 'static,
        beside: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self>
    where
        D: Housed,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (address, own) = (listener.local_addr()?, Arc::clone(&device));
        let task = tokio::spawn(async move {
            tokio::join!(accept(listener, own.door(), |stream| serve(stream, Arc::clone(&own))), beside);
        });
        Ok(Self { address, device, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it shows and how it behaves.
    #[must_use]
    pub const fn device(&self) -> &Arc<D> {
        &self.device
    }

    /// Closes the listener and every connection, and waits until they are closed.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // The result says "cancelled", which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl<D> Drop for Server<D> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections for ever; each is served by a task of its own, which ends with this one.
async fn accept<F>(listener: TcpListener, door: Door<'_>, mut serve: impl FnMut(TcpStream) -> F)
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
