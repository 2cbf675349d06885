//! IEC 60870-5-104: telecontrol over TCP. Application data are those of IEC 60870-5-101; sections in these docs name the
//! standard they come from.
//!
//! ```text
//!   APDU │ 68 │ length │ control 4 │ ASDU ...                                      at most 255 bytes
//!   ASDU │ type │ SQ, number │ T, P/N, cause │ originator │ common address 2 │ objects
//!   object │ address 3 │ element; with SQ = 1 only the first has an address, the others follow it
//! ```
//!
//! So far only the tolerant view: [`frame_length`] cuts a stream into APDUs, [`ApduView`] and [`AsduView`] look at them.
//! [`table`] names types, causes and knows how long each element is. The widths of 104 are fixed (104, 7.1): two bytes of
//! cause, two of common address, three of object address.

mod apdu;
mod asdu;
pub mod table;

pub use apdu::{ApduView, Control, frame_length};
pub use asdu::{AsduView, Element, Elements, Problem};

/// The port of 104 over TCP (104, 8.1).
pub const PORT: u16 = 2404;

/// The first byte of every APDU (104, 5).
pub const START: u8 = 0x68;

/// Longest APDU in bytes, start and length included (104, 5).
pub const MAX_APDU: usize = 255;
