//! A Modbus server made of `wire::modbus`: well-behaved by default, as bad as a real device on request.
//!
//! ```text
//!   listener ─▶ connection task ─▶ deframer ─▶ Station ─▶ Unit ─▶ answer() ─▶ Device (Bank, Bench, ...)
//!   (TCP, RTU over TCP, any stream)             by unit id   └ Behaviour: delay, silence, lies
//! ```
//!
//! One task per connection, requests of a connection one after the other as in a real device, no allocation per
//! read request once the buffers have grown.

mod answer;
mod bank;
mod behaviour;
mod bench;
mod cells;
mod server;
mod station;

pub use answer::answer;
pub use bank::{Bank, Device, Identity, SharedBank, WordOrder};
pub use behaviour::{Ability, Behaviour, Conduct, Lie};
pub use bench::{BenchDevice, bench};
pub use cells::Cells;
pub use server::{Blackhole, Framing, Server, listen, serve};
pub use station::{Counters, Station, Unit, UnknownUnit};
