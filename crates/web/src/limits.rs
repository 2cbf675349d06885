//! What one client, and all clients together, may take.

use crate::rate::Rate;
use std::time::Duration;

/// Limits of a web listener. The defaults suit an industrial PC.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; more are closed at once.
    pub connections: usize,
    /// Connections at once from one address (IPv4) or network (IPv6 /64).
    pub connections_per_client: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time to send the whole header; also how long an idle connection is kept.
    pub header_time: Duration,
    /// Largest header, bytes.
    pub header_bytes: usize,
    /// Most header fields.
    pub headers: usize,
    /// How long a client may take nothing of an answer before it is cut off.
    pub stalled: Duration,
    /// Time to answer, for routes that do not say otherwise.
    pub answer: Duration,
    /// Requests of a session or token.
    pub session: Rate,
    /// Requests of an address that is not signed in.
    pub address: Rate,
    /// Sign-ins from an address.
    pub sign_in: Rate,
    /// Requests of one session being answered at once, besides live streams.
    pub requests_per_session: usize,
    /// Live streams of one session.
    pub streams_per_session: usize,
    /// Live streams of all sessions.
    pub streams: usize,
    /// Records of the journal that a stream of samples may be behind; then it goes on with the newest values.
    pub stream_behind: u64,
    /// History reads at once; more wait.
    pub reads: usize,
    /// How long open requests may go on when the server stops.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_client: 128,
            handshake: Duration::from_secs(10),
            header_time: Duration::from_secs(20),
            header_bytes: 32 * 1024,
            headers: 64,
            stalled: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            session: Rate { per_s: 500.0, burst: 1_000.0 },
            address: Rate { per_s: 50.0, burst: 200.0 },
            sign_in: Rate { per_s: 0.2, burst: 10.0 },
            requests_per_session: 32,
            streams_per_session: 16,
            streams: 256,
            stream_behind: 200_000,
            reads: 8,
            shutdown: Duration::from_secs(5),
        }
    }
}
