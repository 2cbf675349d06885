//! A bounded memory of the last bytes on a stream, for the moment when a device does something odd.

use model::{Clock, Time};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the other side to us.
    In,
    /// From us to the other side.
    Out,
}

/// Bytes that went one way in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// When the call returned.
    pub at: Time,
    /// Which way.
    pub direction: Direction,
    /// The bytes, or the last of them if the call moved more than the ring holds.
    pub bytes: Box<[u8]>,
}

/// The ring. Off until [`Trace::enable`]; while off it costs one atomic load per call.
pub struct Trace {
    on: AtomicBool,
    capacity: usize,
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    chunks: VecDeque<Chunk>,
    held: usize,
    forgotten: u64,
}

/// What a chunk costs beside its bytes, so that many tiny reads cannot grow the ring.
const CHUNK_COST: usize = 48;

impl Trace {
    /// A ring that holds about `capacity` bytes (at least 256), switched off.
    pub fn new(capacity: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            on: AtomicBool::new(false),
            capacity: capacity.max(256),
            clock,
            ring: Mutex::default(),
        })
    }

    /// Switches recording on or off; what was recorded stays.
    pub fn enable(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Whether it records.
    pub fn is_enabled(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// What the ring holds, oldest first.
    pub fn chunks(&self) -> Vec<Chunk> {
        self.ring.lock().chunks.iter().cloned().collect()
    }

    /// Bytes that left the ring since it was made or cleared.
    pub fn forgotten(&self) -> u64 {
        self.ring.lock().forgotten
    }

    /// Empties the ring.
    pub fn clear(&self) {
        *self.ring.lock() = Ring::default();
    }

    /// The ring as text, a line per chunk: time, `->` or `<-`, hexadecimal bytes.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for chunk in self.chunks() {
            let arrow = if chunk.direction == Direction::Out { "->" } else { "<-" };
            let _ = write!(out, "{} {arrow}", chunk.at);
            for byte in &chunk.bytes {
                let _ = write!(out, " {byte:02x}");
            }
            out.push('\n');
        }
        out
    }

    fn record(&self, direction: Direction, bytes: &[u8]) {
        if bytes.is_empty() || !self.is_enabled() {
            return;
        }
        let room = self.capacity.saturating_sub(CHUNK_COST);
        let kept = bytes.get(bytes.len().saturating_sub(room)..).unwrap_or_default();
        let chunk = Chunk { at: self.clock.now(), direction, bytes: kept.into() };
        let mut ring = self.ring.lock();
        ring.forgotten += (bytes.len() - kept.len()) as u64;
        ring.held += kept.len() + CHUNK_COST;
        ring.chunks.push_back(chunk);
        while ring.held > self.capacity {
            let Some(oldest) = ring.chunks.pop_front() else { break };
            ring.held -= oldest.bytes.len() + CHUNK_COST;
            ring.forgotten += oldest.bytes.len() as u64;
        }
    }
}

/// A stream whose bytes go to a [`Trace`] as well.
pub struct Traced<S> {
    inner: S,
    trace: Arc<Trace>,
}

impl<S> Traced<S> {
    /// Wraps `inner`.
    pub const fn new(inner: S, trace: Arc<Trace>) -> Self {
        Self { inner, trace }
    }

    /// The wrapped stream.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Traced<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.inner).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = polled {
            this.trace.record(Direction::In, buf.filled().get(before..).unwrap_or_default());
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Traced<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write(cx, data);
        if let Poll::Ready(Ok(written)) = polled {
            this.trace.record(Direction::Out, data.get(..written).unwrap_or(data));
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use model::ManualClock;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn keeps_both_directions_in_order() {
        let clock = ManualClock::new(Time::from_millis(1_000));
        let trace = Trace::new(4_096, clock.clone());
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = Stream::Mock(near).traced(trace.clone());
        stream.write_all(b"unseen").await.unwrap();
        assert!(trace.chunks().is_empty(), "off until switched on");
        trace.enable(true);
        stream.write_all(&[1, 2]).await.unwrap();
        clock.advance(std::time::Duration::from_millis(5));
        far.write_all(&[3]).await.unwrap();
        let mut got = [0; 1];
        stream.read_exact(&mut got).await.unwrap();
        assert_eq!(trace.text(), "1970-01-01T00:00:01Z -> 01 02\n1970-01-01T00:00:01.005Z <- 03\n");
        trace.clear();
        assert_eq!(trace.text(), "");
    }

    #[test]
    fn never_holds_more_than_its_capacity() {
        let trace = Trace::new(1_000, ManualClock::new(Time::ZERO));
        trace.enable(true);
        for size in [1, 10, 100, 1_000, 10_000, 7, 1] {
            for _ in 0..50 {
                trace.record(Direction::In, &vec![0xaa; size]);
                let held: usize = trace.chunks().iter().map(|c| c.bytes.len() + CHUNK_COST).sum();
                assert!(held <= 1_000, "{held}");
            }
        }
        let all: u64 = [1, 10, 100, 1_000, 10_000, 7, 1].iter().map(|n| n * 50).sum();
        let kept: usize = trace.chunks().iter().map(|c| c.bytes.len()).sum();
        assert_eq!(trace.forgotten() + kept as u64, all, "every byte is kept or counted");
    }
}
