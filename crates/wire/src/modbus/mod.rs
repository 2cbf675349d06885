//! Modbus: application protocol (PDU), TCP framing (MBAP) and serial framing (RTU).
//!
//! ```text
//!            ┌───────── ADU (at most 260 bytes on TCP, 256 on a serial line) ─────────┐
//!   TCP      │ transaction 2 │ protocol 2 = 0 │ length 2 │ unit 1 │ PDU (1 to 253)    │
//!   RTU      │ unit 1 │ PDU (1 to 253) │ CRC 2, low byte first │ silence of 3.5 chars │
//! ```
//!
//! Standards: MODBUS Application Protocol Specification V1.1b3 (section numbers in these docs are its own unless
//! another document is named), MODBUS Messaging on TCP/IP Implementation Guide V1.0b, MODBUS over Serial Line V1.02.
//!
//! Rationale: `repr` refuses everything that is not exactly right, because a driver that guesses delivers wrong
//! values with good quality; [`view`] refuses nothing, because a monitor that stops at the first oddity is blind to
//! the traffic that matters most. Both read [`table`], so they cannot disagree about a function code.

pub mod diagnostics;
mod error;
pub mod exception;
pub mod file_record;
pub mod identification;
mod limits;
pub mod mbap;
mod reader;
pub mod repr;
pub mod rtu;
pub mod table;
pub mod umas;
pub mod view;

pub use error::Error;
pub use exception::ExceptionCode;
pub use file_record::{FileData, FileRange};
pub use identification::{Conformity, ReadCode};
pub use limits::Limits;
pub use repr::{Request, Response, bit, bits, pack_bits, registers};
pub use table::{Access, Function, Table};

/// Largest protocol data unit in bytes (section 4.1: 256 on a serial line minus address and CRC).
pub const MAX_PDU: usize = 253;

#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
