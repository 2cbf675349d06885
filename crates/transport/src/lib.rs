//! Byte streams to the plant and to the office: TCP, TLS and serial lines, dialled or accepted, with plain words
//! for everything that goes wrong.
//!
//! ```text
//!  Target ─ dial ─▶ Stream ◀─ accept ─ Listener
//!                     ├ Tcp | Tls | Serial | Mock        closed enum: no boxed trait objects in the data path
//!                     ├ traced(Trace)                    bounded ring of recent bytes, switched on for diagnosis
//!                     └ faulty(FaultPlan)                seeded delay, cut, corruption, short reads, for tests
//! ```
//! Rationale: a driver that reads from one closed enum can be tested against memory, wrapped by a tracer or an
//! injector, and compiled without dynamic dispatch. TLS is rustls with the `ring` provider given by hand in every
//! configuration, so that no other library can change it by installing a process-wide default.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod dial;
mod inject;
mod listen;
mod serial;
mod stream;
mod target;
pub mod tls;
mod trace;
mod words;

pub use dial::{dial, upgrade};
pub use inject::{FaultPlan, Faulty, InjectionCounts, Injector};
pub use listen::{Incoming, Listener};
pub use serial::{DataBits, Parity, PseudoLine, SerialSettings, StopBits};
pub use stream::{Security, Stream};
pub use target::Target;
pub use tls::{TlsClient, TlsFiles, TlsServer, TlsServerFiles};
pub use trace::{Chunk, Direction, Trace, Traced};
pub use words::fault_from_io;
