//! DNP3: link, transport and application layer (IEEE 1815-2012; clause numbers in these docs are its own).
//!
//! ```text
//!   link      │ 05 64 │ length │ control │ destination 2 │ source 2 │ CRC 2 │ up to 16 bytes, CRC 2 │ ... at most 292 bytes
//!   transport │ FIN FIR sequence │ part of a fragment (at most 249 bytes)
//!   fragment  │ control │ function │ IIN 2 (responses) │ objects: group, variation, qualifier, range, data ...
//! ```
//!
//! So far only the tolerant view: [`link`] finds and checks frames, [`Joiner`] puts fragments together,
//! [`FragmentView`] looks at one. [`table`] names functions and objects and knows how long each object is.

mod crc;
pub mod fragment;
pub mod link;
mod object;
pub mod table;
mod transport;

pub use crc::crc;
pub use fragment::{FragmentView, Problem};
pub use link::LinkView;
pub use object::{Header, Headers, Range};
pub use transport::Joiner;

/// The port of DNP3 over TCP and UDP (clause 13.2.3).
pub const PORT: u16 = 20_000;

/// Largest fragment that is joined, in bytes. The standard's default is 2,048 (clause 4.2.2.1); masters may take more.
pub const MAX_FRAGMENT: usize = 8 * 1024;

#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
