//! A Siemens S7 CPU made of `wire::s7`: well-behaved by default, as bad as a real device on request.
//!
//! ```text
//!   listener ─▶ connection task ─▶ TPKT, COTP ─▶ Talk (negotiated) ─▶ answer() ─▶ Cpu (Memory)
//!                                                  └ Behaviour: delay, silence, lies
//! ```
//!
//! One task per connection, requests of a connection one after the other.

mod answer;
mod behaviour;
mod cpu;
mod lists;
mod server;

pub use behaviour::{Behaviour, Conduct, LIES, Lie, Refusal};
pub use cpu::{Block, Counters, Cpu, Memory, Protection, Rules};
pub use server::{Server, listen, serve};
