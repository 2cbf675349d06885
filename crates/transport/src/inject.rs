//! Seeded misbehaviour on a stream: the network as it is on a bad day, the same each time for the same seed.

use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What goes wrong, and how often. Probabilities are per call, 0 to 1; the default does nothing.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    /// Start of the random sequence; print it when a test fails.
    pub seed: u64,
    /// Probability that a read gives fewer bytes than are there.
    pub short_reads: f64,
    /// Probability that one bit of what a read gave is flipped.
    pub corrupt: f64,
    /// Probability that a read or write waits first.
    pub delay: f64,
    /// Longest such wait.
    pub max_delay: Duration,
    /// Probability that the connection breaks (reset) instead of the call.
    pub cut: f64,
    /// The connection breaks after this many bytes, both directions together.
    pub cut_after_bytes: Option<u64>,
}

/// What an injector did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InjectionCounts {
    /// Reads made short.
    pub short_reads: u64,
    /// Bits flipped.
    pub corrupted: u64,
    /// Waits.
    pub delays: u64,
    /// 1 once the connection was cut.
    pub cuts: u64,
}

/// Handle on a running injector.
pub struct Injector {
    state: Mutex<State>,
}

struct State {
    random: u64,
    moved: u64,
    is_cut: bool,
    counts: InjectionCounts,
    plan: FaultPlan,
}

impl Injector {
    /// What was done so far.
    pub fn counts(&self) -> InjectionCounts {
        self.state.lock().counts
    }

    /// Breaks the connection now.
    pub fn cut(&self) {
        let mut state = self.state.lock();
        state.is_cut = true;
        state.counts.cuts = 1;
    }
}

impl State {
    /// SplitMix64: small, seeded, good enough to spread faults.
    fn next(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn chance(&mut self, probability: f64) -> bool {
        let roll = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        roll < probability
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Cuts, if it is time to.
    fn check(&mut self) -> io::Result<()> {
        let over = self.plan.cut_after_bytes.is_some_and(|limit| self.moved >= limit);
        if !self.is_cut && (over || (self.plan.cut > 0.0 && self.chance(self.plan.cut))) {
            self.is_cut = true;
            self.counts.cuts = 1;
        }
        if self.is_cut { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    fn wait(&mut self) -> Option<Duration> {
        if self.plan.delay <= 0.0 || !self.chance(self.plan.delay) {
            return None;
        }
        self.counts.delays += 1;
        let longest = u64::try_from(self.plan.max_delay.as_micros()).unwrap_or(u64::MAX);
        Some(Duration::from_micros(self.below(longest.saturating_add(1))))
    }

    /// How many bytes the next call may move.
    fn allowance(&mut self, wanted: usize, reading: bool) -> usize {
        let mut allowed = wanted;
        if let Some(limit) = self.plan.cut_after_bytes {
            allowed =
                allowed.min(usize::try_from(limit.saturating_sub(self.moved)).unwrap_or(usize::MAX)).max(1);
        }
        if reading && allowed > 1 && self.plan.short_reads > 0.0 && self.chance(self.plan.short_reads) {
            self.counts.short_reads += 1;
            allowed = 1 + usize::try_from(self.below(allowed as u64 - 1)).unwrap_or(0);
        }
        allowed
    }

    fn damage(&mut self, bytes: &mut [u8]) {
        if bytes.is_empty() || self.plan.corrupt <= 0.0 || !self.chance(self.plan.corrupt) {
            return;
        }
        let at = usize::try_from(self.below(bytes.len() as u64)).unwrap_or(0);
        let bit = self.below(8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
            self.counts.corrupted += 1;
        }
    }
}

/// A stream that misbehaves by plan.
pub struct Faulty<S> {
    inner: S,
    injector: Arc<Injector>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The wait before the call that is being polled was decided already.
    decided: bool,
    scratch: Vec<u8>,
}

/// Most bytes one read moves.
const SCRATCH: usize = 16 * 1024;

impl<S> Faulty<S> {
    /// Wraps `inner`; the second value tells what was done, and can cut at will.
    pub fn new(inner: S, plan: FaultPlan) -> (Self, Arc<Injector>) {
        let state =
            State { random: plan.seed, moved: 0, is_cut: false, counts: InjectionCounts::default(), plan };
        let injector = Arc::new(Injector { state: Mutex::new(state) });
        let stream = Self {
            inner,
            injector: injector.clone(),
            sleep: None,
            decided: false,
            scratch: vec![0; SCRATCH],
        };
        (stream, injector)
    }

    /// The wrapped stream.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Waits if the plan says so. Ready once the call may go on.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.decided {
            self.injector.state.lock().check()?;
            self.sleep = self.injector.state.lock().wait().map(|span| Box::pin(tokio::time::sleep(span)));
            self.decided = true;
        }
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        // A cut from outside counts at once, also for a call that was already waiting.
        if self.injector.state.lock().is_cut {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Faulty<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.get_mut();
        std::task::ready!(this.poll_wait(cx))?;
        let allowed = this.injector.state.lock().allowance(buf.remaining().min(SCRATCH), true);
        let Some(room) = this.scratch.get_mut(..allowed) else { return Poll::Ready(Ok(())) };
        let mut small = ReadBuf::new(room);
        std::task::ready!(Pin::new(&mut this.inner).poll_read(cx, &mut small))?;
        let got = small.filled_mut();
        let mut state = this.injector.state.lock();
        state.damage(got);
        state.moved += got.len() as u64;
        buf.put_slice(got);
        this.decided = false;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Faulty<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        std::task::ready!(this.poll_wait(cx))?;
        let allowed = this.injector.state.lock().allowance(data.len(), false);
        let part = data.get(..allowed).unwrap_or(data);
        let written = std::task::ready!(Pin::new(&mut this.inner).poll_write(cx, part))?;
        this.injector.state.lock().moved += written as u64;
        this.decided = false;
        Poll::Ready(Ok(written))
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn pass(plan: FaultPlan, sent: &[u8]) -> (Vec<u8>, Option<io::ErrorKind>, InjectionCounts) {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        far.write_all(sent).await.unwrap();
        drop(far);
        let (mut stream, injector) = Stream::Mock(near).faulty(plan);
        let mut got = Vec::new();
        let mut part = [0; 512];
        loop {
            match stream.read(&mut part).await {
                Ok(0) => return (got, None, injector.counts()),
                Ok(n) => got.extend_from_slice(&part[..n]),
                Err(error) => return (got, Some(error.kind()), injector.counts()),
            }
        }
    }

    #[tokio::test]
    async fn an_empty_plan_changes_nothing() {
        let sent: Vec<u8> = (0..5_000).map(|n| n as u8).collect();
        let (got, error, counts) = pass(FaultPlan::default(), &sent).await;
        assert_eq!((got, error, counts), (sent, None, InjectionCounts::default()));
    }

    #[tokio::test]
    async fn short_reads_lose_nothing() {
        let sent: Vec<u8> = (0..5_000).map(|n| n as u8).collect();
        let (got, error, counts) =
            pass(FaultPlan { seed: 7, short_reads: 0.9, ..Default::default() }, &sent).await;
        assert_eq!((got, error), (sent, None));
        assert!(counts.short_reads > 5, "{counts:?}");
    }

    #[tokio::test]
    async fn the_same_seed_does_the_same() {
        let sent = vec![0; 4_000];
        let plan = |seed| FaultPlan { seed, corrupt: 0.5, short_reads: 0.5, ..Default::default() };
        let first = pass(plan(1), &sent).await;
        assert_eq!(first, pass(plan(1), &sent).await);
        assert_ne!(first.0, pass(plan(2), &sent).await.0);
        let flipped: u32 = first.0.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!(u64::from(flipped), first.2.corrupted);
        assert!(flipped > 0);
    }

    #[tokio::test]
    async fn cuts_exactly_after_the_given_bytes() {
        let plan = FaultPlan { cut_after_bytes: Some(1_234), ..Default::default() };
        let (got, error, counts) = pass(plan, &[9; 4_000]).await;
        assert_eq!((got.len(), error, counts.cuts), (1_234, Some(io::ErrorKind::ConnectionReset), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn delays_take_time_and_a_cut_ends_the_wait() {
        let plan =
            FaultPlan { seed: 3, delay: 1.0, max_delay: Duration::from_secs(10), ..Default::default() };
        let (near, _far) = tokio::io::duplex(64);
        let (mut stream, injector) = Stream::Mock(near).faulty(plan);
        let before = tokio::time::Instant::now();
        stream.write_all(&[1]).await.unwrap();
        assert!(before.elapsed() > Duration::ZERO);
        assert_eq!(injector.counts().delays, 1);
        injector.cut();
        assert_eq!(stream.write_all(&[1]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
